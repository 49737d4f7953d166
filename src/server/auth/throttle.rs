//! Sign-in attempts per account and per address. Pure: time is handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::client::network;

/// Attempts on one account before waits begin. A person who mistypes needs three.
const ACCOUNT_ATTEMPTS_FREE: u32 = 5;

/// Attempts from one address before waits begin: an office behind one address signs in each morning.
const ADDRESS_ATTEMPTS_FREE: u32 = 20;

/// The longest wait. 12 guesses an hour find nothing, and a person who was locked out by somebody else's
/// guesses is let in within minutes.
const WAIT_MAX: Duration = Duration::from_mins(5);

/// Attempts are forgotten after this long without another.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// Accounts and addresses remembered. Beyond it the one that was quiet longest is forgotten: whoever has ten
/// thousand addresses meets the accounts' counters, and those of accounts that are attacked are never quiet.
const REMEMBERED_MAX: usize = 10_000;

/// Characters of an account's name that tell it from others (RFC 5321, 4.5.3.1.3, with its errata).
const EMAIL_CHARS_MAX: usize = 254;

/// Whom attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An e-mail address in lower case, whether or not it has an account.
    Account(String),
    /// Where attempts come from.
    Address(IpAddr),
}

impl Subject {
    /// Cut to the length of the longest address there can be, so that what is remembered has a bound.
    pub(crate) fn account(email: &str) -> Self {
        Self::Account(email.chars().take(EMAIL_CHARS_MAX).flat_map(char::to_lowercase).collect())
    }

    /// Where attempts come from.
    pub(crate) fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }

    fn attempts_free(&self) -> u32 {
        match self {
            Self::Account(_) => ACCOUNT_ATTEMPTS_FREE,
            Self::Address(_) => ADDRESS_ATTEMPTS_FREE,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    count: u32,
    last: Instant,
}

impl Attempts {
    /// One second for the first attempt too many, doubled for each further one.
    fn wait(self, subject: &Subject) -> Duration {
        match self.count.checked_sub(subject.attempts_free()) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1 << beyond.min(16)).min(WAIT_MAX),
        }
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    attempts: HashMap<Subject, Attempts>,
}

impl Throttle {
    /// Counts an attempt before its password is looked at, so that attempts at the same time all count. If
    /// one of `subjects` has to wait, nothing is counted and the wait is answered.
    pub(crate) fn admit(&mut self, now: Instant, subjects: &[Subject]) -> Result<(), Duration> {
        let wait = subjects.iter().filter_map(|subject| {
            let attempts = self.attempts.get(subject)?;
            let passed = now.saturating_duration_since(attempts.last);
            attempts.wait(subject).checked_sub(passed).filter(|left| !left.is_zero())
        });
        if let Some(longest) = wait.max() {
            return Err(longest);
        }
        for subject in subjects {
            self.make_room(now);
            let attempts = self.attempts.entry(subject.clone()).or_insert(Attempts { count: 0, last: now });
            if now.saturating_duration_since(attempts.last) >= FORGOTTEN_AFTER {
                attempts.count = 0;
            }
            *attempts = Attempts { count: attempts.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// The password was right: what was counted for the account is forgotten, and the address gets back
    /// the one attempt.
    pub(crate) fn succeeded(&mut self, subjects: &[Subject]) {
        for subject in subjects {
            match subject {
                Subject::Account(_) => {
                    self.attempts.remove(subject);
                }
                Subject::Address(_) => {
                    if let Some(attempts) = self.attempts.get_mut(subject) {
                        attempts.count = attempts.count.saturating_sub(1);
                    }
                }
            }
        }
    }

    fn make_room(&mut self, now: Instant) {
        if self.attempts.len() < REMEMBERED_MAX {
            return;
        }
        self.attempts.retain(|_, attempts| now.saturating_duration_since(attempts.last) < FORGOTTEN_AFTER);
        if self.attempts.len() >= REMEMBERED_MAX
            && let Some(quietest) =
                self.attempts.iter().min_by_key(|(_, it)| it.last).map(|(subject, _)| subject.clone())
        {
            self.attempts.remove(&quietest);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn account(name: &str) -> Subject {
        Subject::Account(name.to_owned())
    }

    #[test]
    fn the_wait_doubles_and_ends() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        for _ in 0..ACCOUNT_ATTEMPTS_FREE {
            throttle.admit(now, &[account("ada")]).unwrap();
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = throttle.admit(now, &[account("ada")]).unwrap_err();
            assert_eq!(wait, Duration::from_secs(seconds));
            throttle.admit(now, &[account("bob")]).ok();
            now += wait;
            throttle.admit(now, &[account("ada")]).unwrap();
        }
        now += FORGOTTEN_AFTER;
        throttle.admit(now, &[account("ada")]).unwrap();
        throttle.admit(now, &[account("ada")]).unwrap();
    }

    #[test]
    fn a_right_password_ends_the_accounts_wait_but_not_the_addresss() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let address = Subject::address("2001:db8::1".parse().unwrap());
        for n in 0..ADDRESS_ATTEMPTS_FREE {
            throttle.admit(now, &[account(&n.to_string()), address.clone()]).unwrap();
        }
        throttle.succeeded(&[account("3"), address.clone()]);
        throttle.admit(now, &[account("4"), address.clone()]).unwrap();
        let neighbour = Subject::address("2001:db8::2".parse().unwrap());
        assert!(throttle.admit(now, &[account("5"), neighbour]).is_err(), "one /64 is one address");
    }

    #[test]
    fn an_account_is_one_in_any_case_of_letters_and_of_bounded_length() {
        assert_eq!(Subject::account("Ada@Example.ORG"), account("ada@example.org"));
        assert_eq!(Subject::account(&"x".repeat(1 << 20)), account(&"x".repeat(EMAIL_CHARS_MAX)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_quietest_goes_first() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..=ACCOUNT_ATTEMPTS_FREE {
            throttle.admit(start, &[account("quiet")]).ok();
        }
        let later = start + Duration::from_millis(500);
        for n in 0..REMEMBERED_MAX {
            throttle.admit(later, &[account(&n.to_string())]).unwrap();
        }
        assert_eq!(throttle.attempts.len(), REMEMBERED_MAX);
        assert!(!throttle.attempts.contains_key(&account("quiet")));
    }
}
