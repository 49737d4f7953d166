//! Signals to what runs in a terminal: names of signals, members of a session.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::Ending;

/// Name of a signal by its number, as a shell's `kill -l` has it.
pub(super) fn signal_name(number: i32) -> String {
    const NAMES: [(i32, &str); 20] = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGXCPU, "SIGXCPU"),
        (libc::SIGXFSZ, "SIGXFSZ"),
        (libc::SIGVTALRM, "SIGVTALRM"),
        (libc::SIGPROF, "SIGPROF"),
        (libc::SIGSYS, "SIGSYS"),
    ];
    match NAMES.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("signal {number}"),
    }
}

/// Signals all of a terminal: its foreground group, and its session, which the program `leader` leads.
pub(super) fn end_session(leader: Pid, foreground: Option<Pid>, leader_lives: bool, how: Ending) {
    let signals: &[Signal] = match how {
        // A stopped program would keep the others waiting until it is continued.
        Ending::HangUp => &[Signal::HUP, Signal::TERM, Signal::CONT],
        Ending::Kill => &[Signal::KILL],
    };
    let members = session_members(leader);
    for &signal in signals {
        // Whoever is gone already cannot be signalled: that is no error here, it is what we are after.
        if let Some(group) = foreground {
            let _ = kill_process_group(group, signal);
        }
        match &members {
            Some(members) => {
                for &member in members {
                    let _ = kill_process(member, signal);
                }
            }
            // The number of a reaped leader may be another's by now.
            None if leader_lives => {
                let _ = kill_process_group(leader, signal);
            }
            None => {}
        }
    }
}

/// Processes of the session that `leader` leads or led; `None` where the system does not tell.
fn session_members(leader: Pid) -> Option<Vec<Pid>> {
    let leader = leader.as_raw_nonzero().get();
    let entries = std::fs::read_dir("/proc").ok()?;
    let mut told = false;
    let mut members = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        told = true;
        if session_of(&stat) == Some(leader) {
            members.extend(Pid::from_raw(pid));
        }
    }
    told.then_some(members)
}

/// The session in a line of `/proc/<pid>/stat`: the fourth field behind the name, which may hold anything.
fn session_of(stat: &str) -> Option<i32> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_ascii_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_behind_a_hostile_process_name() {
        assert_eq!(session_of("12 (a) 9 (b) S 1 12 34 0 -1"), Some(34));
        assert_eq!(session_of("12 no name"), None);
    }

    #[test]
    fn signals_have_their_names() {
        assert_eq!(signal_name(libc::SIGKILL), "SIGKILL");
        assert_eq!(signal_name(64), "signal 64");
    }
}
