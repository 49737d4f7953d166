//! Quiet hours: whether an instant lies between two times of day of a place. Pure.
//!
//! The place is kept, not an offset, so that a clock that is put forward or back moves the hours with it.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::wire::notice::{Quiet, ZONE_BYTES_MAX};

/// What is wrong with quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::server) enum QuietError {
    /// Not a time of day.
    #[error("{0:?} is no time of day: write it like 22:00")]
    Time(String),
    /// Not in the database.
    #[error(
        "{0:?} is no time zone that this server knows: write its name in the IANA database, like Europe/Berlin; if it is one, the \
         server's system lacks the package tzdata"
    )]
    Zone(String),
}

/// Whether somebody with these hours is left alone at `now`. Hours that cannot be read leave nobody alone.
pub(super) fn is_quiet(quiet: &Quiet, now: Timestamp) -> bool {
    let Ok((from, to, zone)) = parse(quiet) else { return false };
    let time = zone.to_datetime(now).time();
    if from <= to { from <= time && time < to } else { from <= time || time < to }
}

/// Whether the hours can be understood.
pub(in crate::server) fn check(quiet: &Quiet) -> Result<(), QuietError> {
    parse(quiet).map(|_| ())
}

fn parse(quiet: &Quiet) -> Result<(Time, Time, TimeZone), QuietError> {
    let unknown = || QuietError::Zone(quiet.zone.chars().take(ZONE_BYTES_MAX).collect());
    if quiet.zone.len() > ZONE_BYTES_MAX {
        return Err(unknown());
    }
    let zone = TimeZone::get(&quiet.zone).map_err(|_| unknown())?;
    Ok((time(&quiet.from)?, time(&quiet.to)?, zone))
}

fn time(text: &str) -> Result<Time, QuietError> {
    let wrong = || QuietError::Time(text.chars().take(16).collect());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<i8>().ok()).flatten()
    };
    let (hour, minute) = number(hour).zip(number(minute)).ok_or_else(wrong)?;
    Time::new(hour, minute, 0, 0).map_err(|_| wrong())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn quiet(from: &str, to: &str, zone: &str) -> Quiet {
        Quiet { from: from.to_owned(), to: to.to_owned(), zone: zone.to_owned() }
    }

    fn is(quiet: &Quiet, at: &str) -> bool {
        is_quiet(quiet, at.parse().unwrap())
    }

    #[test]
    fn a_night_reaches_over_midnight_by_the_clock_of_the_place() {
        let night = quiet("22:00", "07:00", "Europe/Berlin");
        assert!(!is(&night, "2026-01-15T20:59:59Z") && is(&night, "2026-01-15T21:00:00Z"), "22:00 in winter");
        assert!(is(&night, "2026-01-16T05:59:59Z") && !is(&night, "2026-01-16T06:00:00Z"), "07:00 in winter");
        let lunch = quiet("12:00", "13:00", "Asia/Kolkata");
        assert!(is(&lunch, "2026-01-15T06:30:00Z") && !is(&lunch, "2026-01-15T07:30:00Z"));
        let never = quiet("08:00", "08:00", "UTC");
        assert!(!is(&never, "2026-01-15T08:00:00Z"));
    }

    #[test]
    fn the_hours_move_with_daylight_saving() {
        let night = quiet("22:00", "07:00", "Europe/Berlin");
        assert!(is(&night, "2026-07-15T20:00:00Z"), "22:00 in summer");
        assert!(!is(&night, "2026-07-16T05:00:00Z"), "07:00 in summer");
        // On 29 March 2026 02:00 becomes 03:00, on 25 October 03:00 becomes 02:00: 01:00 UTC both times.
        let missing = quiet("02:00", "03:00", "Europe/Berlin");
        assert!(!is(&missing, "2026-03-29T00:59:59Z") && !is(&missing, "2026-03-29T01:00:00Z"), "an hour that is not");
        assert!(is(&missing, "2026-10-25T00:30:00Z") && is(&missing, "2026-10-25T01:30:00Z"), "an hour that is twice");
        assert!(!is(&missing, "2026-10-25T02:00:00Z"));
    }

    #[test]
    fn what_is_no_time_or_place_is_refused_and_says_so() {
        assert_eq!(check(&quiet("22:00", "07:00", "America/New_York")), Ok(()));
        for time in ["24:00", "7:00", "22", "22:60", "-1:00", "+1:00", "22:00:00", ""] {
            assert_eq!(check(&quiet(time, "07:00", "UTC")), Err(QuietError::Time(time.to_owned())), "{time}");
        }
        for zone in ["Europe/Atlantis", "", "../../etc/passwd"] {
            assert_eq!(check(&quiet("22:00", "07:00", zone)), Err(QuietError::Zone(zone.to_owned())), "{zone}");
        }
        assert!(!is(&quiet("00:00", "23:59", "Europe/Atlantis"), "2026-01-15T12:00:00Z"));
    }
}
