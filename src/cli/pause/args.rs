//! The options of `pause` and `resume`.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use std::time::Duration;

use crate::cli::args::DataDir;

#[derive(Debug, clap::Args)]
#[command(after_help = PAUSE_HELP)]
pub(in crate::cli) struct Pause {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Its id, the beginning of its id, or its name [default: the session this runs in]
    #[arg(value_name = "SESSION")]
    pub(super) session: Option<String>,
    /// What to tell whoever takes over
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// Only this member may adopt it: a name, an e-mail address or an id
    #[arg(long, value_name = "MEMBER")]
    pub(super) to: Option<String>,
    /// Wait until somebody has adopted it, and approved or refused
    #[arg(long)]
    pub(super) wait: bool,
    /// Stop offering it after this time if nobody has adopted it, like 90s, 30m or 1h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) expires: Option<Duration>,
}

const PAUSE_HELP: &str = "\
Exit code with --wait: 0 approved, 10 refused, 11 expired, 12 taken back, 13 the adopter lost their access, 14 the session \
ended, 15 given back without a decision. Without it: 0 when the session is shared.

Examples:
  sessionforge pause                                  in a session: share it and print the link
  sessionforge pause tests --to bea@example.org --note 'the third test hangs'
  sessionforge pause --wait --expires 1h --note 'drop the table?' && psql -f drop.sql";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Its id, the beginning of its id, or its name [default: the session this runs in]
    #[arg(value_name = "SESSION")]
    pub(super) session: Option<String>,
    /// What to tell whoever had it
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
}

/// `90s`, `30m`, `1h`, `2d`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "say a number and a unit, like 90s, 30m, 1h or 2d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(seconds).filter(|time| *time > 0).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", Some(90)), ("1h", Some(3_600)), ("2d", Some(172_800)), ("30m", Some(1_800))] {
            assert_eq!(time(text).ok(), seconds.map(Duration::from_secs));
        }
        for text in ["", "h", "5", "0s", "-1h", "1y", "99999999999999999999d", "18446744073709551615h", "1ü"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
