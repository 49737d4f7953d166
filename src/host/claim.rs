//! One conversation, one terminal: two Claude Codes that write one transcript spoil it, so the second is not started.

use std::fs::File;
use std::path::Path;

use super::client::is_listening;
use super::runtime_dir;
use crate::base::id::{ConversationId, SessionId};
use crate::base::problem::{Code, Problem};

/// Held while a start looks who has its conversation and writes down that it has it.
const LOCK: &str = "conversations.lock";

/// The right to go on with a conversation, until the session's facts are written and it drops.
pub(super) struct Claim(#[expect(dead_code, reason = "held, not read")] File);

/// Refuses a conversation that a live session of this runtime directory has. `ended` is known to have let go of it, also
/// where its host has said so and not written it down yet.
pub(super) fn claim(dir: &Path, conversation: ConversationId, ended: Option<SessionId>) -> Result<Claim, Problem> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(dir.join(LOCK)).map_err(Problem::internal)?;
    lock.lock().map_err(Problem::internal)?;
    let has_it = runtime_dir::scan(dir).map_err(Problem::internal)?.into_iter().find(|facts| {
        // Facts that say that it runs are true only while somebody listens.
        facts.info.conversation == Some(conversation)
            && Some(facts.info.id) != ended
            && !facts.info.has_ended()
            && is_listening(&facts.socket)
    });
    match has_it {
        None => Ok(Claim(lock)),
        Some(facts) => {
            let name = facts.info.name.unwrap_or(facts.info.command);
            let id = facts.info.id;
            Err(Problem::new(
                Code::Conflict,
                format!("this conversation is open in the session {name:?} ({id}): go there, or stop it first"),
            ))
        }
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::host::runtime_dir::{Facts, socket_path, write_facts};
    use crate::wire::session::{SessionInfo, SessionState};

    fn facts(dir: &Path, conversation: ConversationId, state: SessionState) -> Facts {
        let id = SessionId::random();
        let info = SessionInfo { conversation: Some(conversation), state, ..SessionInfo::new(id, "claude") };
        Facts { protocol: (1, 0), build: "0".into(), host_pid: 1, socket: socket_path(dir, id), info }
    }

    #[test]
    fn a_conversation_is_refused_while_a_live_session_has_it_and_only_then() {
        let dir = tempfile::tempdir().unwrap();
        let conversation = ConversationId::random();
        // Lost, and not found dead yet: it says that it runs.
        write_facts(dir.path(), &facts(dir.path(), conversation, SessionState::Running)).unwrap();
        drop(claim(dir.path(), conversation, None).unwrap());
        let live = facts(dir.path(), conversation, SessionState::Running);
        let listener = UnixListener::bind(&live.socket).unwrap();
        write_facts(dir.path(), &live).unwrap();
        let refused = claim(dir.path(), conversation, None).err().unwrap();
        assert_eq!(refused.code, Code::Conflict);
        drop(claim(dir.path(), conversation, Some(live.info.id)).unwrap());
        assert!(refused.message.contains(&live.info.id.to_string()), "{refused}");
        drop(claim(dir.path(), ConversationId::random(), None).unwrap());
        let info = SessionInfo { state: SessionState::Exited, ..live.info.clone() };
        write_facts(dir.path(), &Facts { info, ..live }).unwrap();
        drop(claim(dir.path(), conversation, None).unwrap());
        drop(listener);
    }
}
