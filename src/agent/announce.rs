//! Makes what is announced fit into messages: a machine may know hundreds of sessions, one may have long arguments.

use std::cmp::Reverse;

use crate::base::limits::CONTROL_BYTES_MAX;
use crate::wire::message::Announced;
use crate::wire::session::SessionInfo;

/// Arguments of one session, in bytes, that are announced: what a page can show, not what the program got.
const ARGUMENTS_BYTES_MAX: usize = 16 * 1024;

/// What stands around the sessions in their message, in bytes.
const AROUND_BYTES: usize = 64;

/// Without the arguments that nobody would read.
pub(super) fn shortened(mut info: SessionInfo) -> SessionInfo {
    let mut bytes = 0;
    let shown = info.args.iter().take_while(|argument| {
        bytes += argument.len();
        bytes <= ARGUMENTS_BYTES_MAX
    });
    let shown = shown.count();
    info.args.truncate(shown);
    info
}

/// Those that fit into one message, and the rest. Running ones come first, since a server that does not find a session
/// in that message sends its viewers away.
pub(super) fn fitting(mut all: Vec<Announced>) -> (Vec<Announced>, Vec<Announced>) {
    all.sort_by_key(|announced| (announced.info.has_ended(), Reverse(announced.info.started_at)));
    let mut bytes = AROUND_BYTES;
    let fits = all.iter().take_while(|announced| {
        bytes += serde_json::to_vec(announced).map_or(0, |json| json.len() + 1);
        bytes <= CONTROL_BYTES_MAX
    });
    let fits = fits.count();
    let rest = all.split_off(fits);
    (all, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::SessionId;
    use crate::wire::message::FromAgent;
    use crate::wire::session::SessionState;

    fn announced(channel: u32, state: SessionState, args: Vec<String>) -> Announced {
        let info = SessionInfo {
            args,
            state,
            started_at: u64::from(channel),
            ..SessionInfo::new(SessionId::random(), "bash")
        };
        Announced { channel, info: shortened(info) }
    }

    #[test]
    fn hundreds_of_sessions_are_announced_in_messages_that_fit_the_running_ones_first() {
        let long = vec!["x".repeat(1_000); 2];
        let all: Vec<_> = (0..400)
            .map(|n| announced(n, if n % 4 == 0 { SessionState::Running } else { SessionState::Exited }, long.clone()))
            .collect();
        let (sessions, rest) = fitting(all);
        assert_eq!(sessions.len() + rest.len(), 400);
        assert!(rest.iter().all(|announced| announced.info.state == SessionState::Exited));
        let json = serde_json::to_vec(&FromAgent::Sessions { sessions }).unwrap_or_default();
        assert!((CONTROL_BYTES_MAX / 2..=CONTROL_BYTES_MAX).contains(&json.len()), "{}", json.len());
    }

    #[test]
    fn one_session_always_fits() {
        let announced = announced(1, SessionState::Running, vec!["\u{1}".repeat(8_000); 30]);
        assert_eq!(announced.info.args.len(), 2);
        let json = serde_json::to_vec(&FromAgent::Opened { announced }).unwrap_or_default();
        assert!(json.len() < CONTROL_BYTES_MAX);
    }
}
