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
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// Accounts and addresses remembered. Beyond it the one that was quiet longest is forgotten: whoever has ten
/// thousand addresses meets the accounts' counters, and those of accounts that are attacked are never quiet.
pub(crate) const REMEMBERED_MAX: usize = 10_000;

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

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(email) => write!(f, "account:{email}"),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

/// Text that names no subject.
#[derive(Debug)]
pub(crate) struct NoSubject;

impl std::str::FromStr for Subject {
    type Err = NoSubject;

    fn from_str(text: &str) -> Result<Self, NoSubject> {
        match text.split_once(':') {
            Some(("account", email)) => Ok(Self::account(email)),
            Some(("address", address)) => Ok(Self::Address(address.parse().map_err(|_| NoSubject)?)),
            _ => Err(NoSubject),
        }
    }
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
    /// What was counted before a restart: for `subject`, `count` attempts, the last of them `age` ago.
    pub(crate) fn remember(&mut self, now: Instant, subject: Subject, count: u32, age: Duration) {
        // A clock that begins at the machine's start cannot name what was before: the wait begins anew then.
        let last = now.checked_sub(age).unwrap_or(now);
        self.attempts.insert(subject, Attempts { count, last });
    }

    /// What is counted for a subject, if anything is.
    pub(crate) fn count(&self, subject: &Subject) -> Option<u32> {
        self.attempts.get(subject).map(|attempts| attempts.count)
    }

    /// Counts an attempt before its password is looked at, so that attempts at the same time all count. If
    /// one of `subjects` has to wait, nothing is counted and the wait is answered. Else, whoever was forgotten over it.
    pub(crate) fn admit(&mut self, now: Instant, subjects: &[Subject]) -> Result<Vec<Subject>, Duration> {
        let wait = subjects.iter().filter_map(|subject| {
            let attempts = self.attempts.get(subject)?;
            let passed = now.saturating_duration_since(attempts.last);
            attempts.wait(subject).checked_sub(passed).filter(|left| !left.is_zero())
        });
        if let Some(longest) = wait.max() {
            return Err(longest);
        }
        let mut forgotten = Vec::new();
        for subject in subjects {
            self.make_room(now, &mut forgotten);
            let attempts = self.attempts.entry(subject.clone()).or_insert(Attempts { count: 0, last: now });
            if now.saturating_duration_since(attempts.last) >= FORGOTTEN_AFTER {
                attempts.count = 0;
            }
            *attempts = Attempts { count: attempts.count.saturating_add(1), last: now };
        }
        Ok(forgotten)
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

    fn make_room(&mut self, now: Instant, forgotten: &mut Vec<Subject>) {
        if self.attempts.len() < REMEMBERED_MAX {
            return;
        }
        let old = |attempts: &Attempts| now.saturating_duration_since(attempts.last) >= FORGOTTEN_AFTER;
        forgotten.extend(self.attempts.extract_if(|_, attempts| old(attempts)).map(|(subject, _)| subject));
        if self.attempts.len() >= REMEMBERED_MAX
            && let Some(quietest) =
                self.attempts.iter().min_by_key(|(_, it)| it.last).map(|(subject, _)| subject.clone())
        {
            self.attempts.remove(&quietest);
            forgotten.push(quietest);
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
    fn a_wait_goes_on_after_a_restart_for_as_long_as_was_left_of_it() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for subject in [account("ada@example.org"), Subject::address("2001:db8::1".parse().unwrap())] {
            let again: Subject = subject.to_string().parse().unwrap();
            assert_eq!(again, subject);
        }
        assert!("nonsense".parse::<Subject>().is_err());
        throttle.remember(now, account("ada"), ACCOUNT_ATTEMPTS_FREE + 4, Duration::from_secs(6));
        assert_eq!(throttle.admit(now, &[account("ada")]).unwrap_err(), Duration::from_secs(10));
        // On a machine that began after the attempt its clock cannot name the moment.
        throttle.remember(now, account("bob"), ACCOUNT_ATTEMPTS_FREE, Duration::MAX);
        assert_eq!(throttle.admit(now, &[account("bob")]).unwrap_err(), Duration::from_secs(1));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_quietest_goes_first() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..=ACCOUNT_ATTEMPTS_FREE {
            throttle.admit(start, &[account("quiet")]).ok();
        }
        let later = start + Duration::from_millis(500);
        for n in 0..REMEMBERED_MAX {
            let forgotten = throttle.admit(later, &[account(&n.to_string())]).unwrap();
            assert_eq!(forgotten, if n + 1 == REMEMBERED_MAX { vec![account("quiet")] } else { Vec::new() });
        }
        assert_eq!(throttle.attempts.len(), REMEMBERED_MAX);
        assert!(!throttle.attempts.contains_key(&account("quiet")));
    }
}
