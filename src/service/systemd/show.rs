//! What `systemctl show` tells.

use std::collections::HashMap;
use std::time::Duration;

use crate::service::{Activity, Ended, State};

/// Properties that are asked for.
pub(super) const PROPERTIES: &str = "ActiveState,SubState,UnitFileState,MainPID,NRestarts,ExecMainCode,ExecMainStatus,\
                                     ExecMainStartTimestampMonotonic,Result";

/// The state they mean, at the time `now` of the system's monotonic clock. What an older systemd does not tell is not known.
pub(super) fn state(shown: &str, now: Duration) -> State {
    let properties: HashMap<&str, &str> = shown.lines().filter_map(|line| line.split_once('=')).collect();
    let text = |name: &str| properties.get(name).copied().unwrap_or_default();
    let number = |name: &str| text(name).parse::<u64>().ok();
    let activity = match (text("ActiveState"), text("SubState")) {
        ("activating", "auto-restart") => Activity::Restarting,
        ("active" | "reloading" | "deactivating" | "activating", _) => Activity::Running,
        ("failed", _) => Activity::Failed,
        _ => Activity::Stopped,
    };
    let pid = number("MainPID").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let started = number("ExecMainStartTimestampMonotonic").filter(|at| *at != 0).map(Duration::from_micros);
    let status = number("ExecMainStatus").and_then(|status| i32::try_from(status).ok());
    // wait(2): CLD_EXITED is 1, CLD_KILLED 2, CLD_DUMPED 3. A stop as it was asked for is "success" and no error.
    let ended = match (number("ExecMainCode"), status) {
        _ if text("Result") == "success" && activity != Activity::Restarting => None,
        (Some(1), Some(code)) => Some(Ended::Code(code)),
        (Some(2 | 3), Some(signal)) => Some(Ended::Signal(signal)),
        _ => None,
    };
    State {
        enabled: text("UnitFileState") == "enabled",
        activity,
        pid,
        uptime: pid.and(started).map(|at| now.saturating_sub(at)),
        restarts: number("NRestarts").and_then(|count| u32::try_from(count).ok()),
        ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> State {
        state(&text.replace(' ', "\n"), Duration::from_secs(100))
    }

    #[test]
    fn a_running_service_has_a_process_and_an_uptime() {
        let state = shown(
            "ActiveState=active SubState=running UnitFileState=enabled MainPID=42 NRestarts=3 ExecMainCode=0 ExecMainStatus=0 \
             ExecMainStartTimestampMonotonic=40000000 Result=success",
        );
        let expected = State {
            enabled: true,
            activity: Activity::Running,
            pid: Some(42),
            uptime: Some(Duration::from_mins(1)),
            restarts: Some(3),
            ended: None,
        };
        assert_eq!(state, expected);
    }

    #[test]
    fn a_stop_is_no_failure_and_a_failure_says_how_it_ended() {
        let stopped =
            shown("ActiveState=inactive SubState=dead MainPID=0 ExecMainCode=2 ExecMainStatus=15 Result=success");
        assert_eq!((stopped.activity, stopped.pid, stopped.ended), (Activity::Stopped, None, None));
        let refused =
            shown("ActiveState=failed SubState=failed MainPID=0 ExecMainCode=1 ExecMainStatus=3 Result=exit-code");
        assert_eq!((refused.activity, refused.ended), (Activity::Failed, Some(Ended::Code(3))));
        let killed = shown(
            "ActiveState=activating SubState=auto-restart MainPID=0 ExecMainCode=2 ExecMainStatus=9 Result=signal",
        );
        assert_eq!((killed.activity, killed.ended), (Activity::Restarting, Some(Ended::Signal(9))));
    }

    #[test]
    fn what_is_not_told_is_not_invented() {
        assert_eq!(shown(""), State::default());
        assert_eq!(shown("MainPID=x ActiveState=gone").pid, None);
    }
}
