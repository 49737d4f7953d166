//! How many requests one caller may make: a key, or a person in all their browsers. Pure: time is handed in.
//!
//! A bucket of requests that fills steadily. Answers say what is left (draft-ietf-httpapi-ratelimit-headers), so a script
//! slows down before it is refused.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{Caller, Via};
use crate::base::id::{KeyId, UserId};

/// Requests that a full bucket holds; it fills within [`WINDOW`]. A hundred a second is more than any page or patient
/// script asks for, and a tenth of what a small server answers.
const REQUESTS: u32 = 6_000;

/// See [`REQUESTS`].
const WINDOW: Duration = Duration::from_mins(1);

/// Callers remembered. Beyond it those whose bucket is full again are forgotten, which changes nothing for them.
const REMEMBERED_MAX: usize = 20_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Key(KeyId),
    Person(UserId),
}

/// What is left for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    requests: u32,
    /// Time until the bucket is full again.
    full_in: Duration,
}

impl Left {
    /// As header fields of the answer.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        let policy = format!("\"requests\";q={REQUESTS};w={}", WINDOW.as_secs());
        let seconds = self.full_in.as_millis().div_ceil(1_000);
        let left = format!("\"requests\";r={};t={seconds}", self.requests);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// The buckets.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// When each caller's bucket is full again.
    full_at: HashMap<Subject, Instant>,
}

impl Rates {
    /// Takes one request from a caller's bucket; the time until there is one if it is empty.
    pub(super) fn admit(&mut self, now: Instant, caller: &Caller) -> Result<Left, Duration> {
        let subject = match caller.via {
            Via::Key(key) => Subject::Key(key),
            Via::Browser(_) => Subject::Person(caller.user),
        };
        if self.full_at.len() >= REMEMBERED_MAX {
            self.full_at.retain(|_, at| *at > now);
        }
        let each = WINDOW / REQUESTS;
        let full_at = self.full_at.get(&subject).copied().unwrap_or(now).max(now) + each;
        let full_in = full_at.saturating_duration_since(now);
        let Some(left) = WINDOW.checked_sub(full_in) else { return Err(full_in.saturating_sub(WINDOW)) };
        self.full_at.insert(subject, full_at);
        // The window is a minute, so what is left of it fits.
        let requests = u32::try_from(left.as_micros() / each.as_micros()).unwrap_or(0);
        Ok(Left { requests, full_in })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::base::id::OrganisationId;
    use crate::store::Role;

    fn by_key() -> Caller {
        let (user, organisation, via) = (UserId::random(), OrganisationId::random(), Via::Key(KeyId::random()));
        Caller {
            user,
            organisation,
            role: Role::Member,
            via,
            scopes: None,
            expires_at: None,
            address: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn a_bucket_empties_fills_again_and_is_each_callers_own() {
        let (mut rates, now, hasty, other) = (Rates::default(), Instant::now(), by_key(), by_key());
        for number in 1..=REQUESTS {
            assert_eq!(rates.admit(now, &hasty).unwrap().requests, REQUESTS - number);
        }
        let wait = rates.admit(now, &hasty).unwrap_err();
        assert!(wait <= WINDOW / REQUESTS, "{wait:?}");
        rates.admit(now, &other).unwrap();
        rates.admit(now + wait, &hasty).unwrap();
        assert_eq!(rates.admit(now + 2 * WINDOW, &hasty).unwrap().requests, REQUESTS - 1);
    }
}
