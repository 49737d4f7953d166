//! What becomes of a delivery after a try, and of a webhook whose receiver fails. Pure.

use std::time::Duration;

use crate::base::clock::millis;
use crate::server::notify::outbound::{Answer, OutboundError};

/// Waits between tries, each a fifth longer or shorter at random: over about nine hours, most of a night's outage.
const WAITS: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(6),
];

/// A receiver that asks for more time gets it up to here.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// A webhook for which nothing arrived for so long is switched off: over a weekend it is not.
const OFF_AFTER: Duration = Duration::from_hours(3 * 24);

/// "It is gone": the receiver wants no more, ever.
const GONE: u16 = 410;

/// How it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The receiver has it.
    Delivered,
    /// It is tried again then, in milliseconds since 1970.
    Again(u64),
    /// It is not tried again.
    GivenUp,
}

/// How a delivery goes on after its try number `tries`, from 1, at `now`. `random` is drawn evenly from all of `u32`.
pub(super) fn next(tries: usize, said: &Result<Answer, OutboundError>, now: u64, random: u32) -> Next {
    let after = match said {
        Ok(answer) if (200..300).contains(&answer.status) => return Next::Delivered,
        Ok(answer) if answer.status == GONE => return Next::GivenUp,
        Ok(answer) => answer.retry_after.map(|after| after.min(RETRY_AFTER_MAX)),
        // What an operator or an admin must change first may be changed within hours.
        Err(_) => None,
    };
    let Some(wait) = tries.checked_sub(1).and_then(|before| WAITS.get(before)) else { return Next::GivenUp };
    let spread = 0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX);
    Next::Again(now.saturating_add(millis(wait.mul_f64(spread).max(after.unwrap_or_default()))))
}

/// Whether a webhook that failed at `now`, and does so since `failing_since`, is to be switched off.
pub(super) fn is_to_be_off(said: &Result<Answer, OutboundError>, failing_since: u64, now: u64) -> bool {
    matches!(said, Ok(Answer { status: GONE, .. })) || now.saturating_sub(failing_since) >= millis(OFF_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unnecessary_wraps, reason = "what is asked for is the result of a try")]
    fn status(status: u16) -> Result<Answer, OutboundError> {
        Ok(Answer { status, retry_after: None })
    }

    #[test]
    fn a_delivery_is_tried_eight_times_over_about_nine_hours() {
        let (mut now, mut tries) = (0, 0);
        loop {
            tries += 1;
            match next(tries, &status(500), now, u32::MAX / 2) {
                Next::Again(at) => now = at,
                Next::GivenUp => break,
                Next::Delivered => unreachable!("500 is no delivery"),
            }
        }
        assert_eq!(tries, 8);
        assert!((8 * 3_600_000..10 * 3_600_000).contains(&now), "{now}");
    }

    #[test]
    fn what_the_receiver_says_is_heard() {
        assert_eq!(next(1, &status(204), 0, 0), Next::Delivered);
        assert_eq!(next(1, &status(410), 0, 0), Next::GivenUp);
        assert_eq!(next(1, &status(302), 0, 0), Next::Again(800), "a redirect is no delivery");
        assert_eq!(next(1, &Err(OutboundError::Late), 0, u32::MAX), Next::Again(1_200));
        let busy = |seconds| Ok(Answer { status: 429, retry_after: Some(Duration::from_secs(seconds)) });
        assert_eq!(next(1, &busy(30), 0, 0), Next::Again(30_000));
        assert_eq!(next(1, &busy(u64::MAX), 0, 0), Next::Again(3_600_000), "and not for ever");
    }

    #[test]
    fn a_webhook_is_switched_off_after_three_days_or_when_its_receiver_is_gone() {
        let day = millis(Duration::from_hours(24));
        assert!(!is_to_be_off(&status(500), day, 4 * day - 1) && is_to_be_off(&status(500), day, 4 * day));
        assert!(is_to_be_off(&status(410), 5, 5));
    }
}
