//! Hosts that are found, started once, counted, resumed and forgotten. What is started is a script.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::agent::config::{ConfigFile, Origin};
use crate::base::secret::Secret;
use crate::host::runtime_dir::write_facts;

fn facts(id: SessionId, state: SessionState) -> Facts {
    let info = SessionInfo { state, started_at: 1, ..SessionInfo::new(id, "bash") };
    Facts { protocol: (1, 0), build: "0".into(), host_pid: 1, socket: "/nowhere.sock".into(), info }
}

fn config(data_dir: &Path) -> AgentConfig {
    let file = ConfigFile { allow: vec!["bash".into()], environment: Some(Origin::Agent), ..ConfigFile::default() };
    AgentConfig::new(data_dir, String::new(), Secret::new(""), file)
}

fn launch() -> Launch {
    Launch { command: "bash".into(), args: Vec::new(), workdir: None, name: None, cols: 80, rows: 24 }
}

/// Hosts whose "program" is a script: it counts its starts, writes the facts a host would, and reports.
fn played(data_dir: &Path, session: SessionId) -> Arc<Hosts> {
    let facts = serde_json::to_string(&facts(session, SessionState::Running)).unwrap();
    let (dir, count) = (runtime_dir(data_dir), data_dir.join("count"));
    let script = data_dir.join("host.sh");
    let text = format!(
        "#!/bin/sh\ncat > /dev/null\necho once >> '{}'\nsleep 0.2\ncat > '{}/{session}.json' << 'END'\n{facts}\nEND\n\
         echo '{{\"ready\":{{\"pid\":1,\"socket\":\"/nowhere.sock\"}}}}'\n",
        count.display(),
        dir.display(),
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    Arc::new(Hosts::new(&config(data_dir), script).unwrap())
}

#[tokio::test]
async fn a_session_that_is_asked_for_twice_is_started_once_and_answered_twice() {
    let home = tempfile::tempdir().unwrap();
    let session = SessionId::random();
    let hosts = played(home.path(), session);
    let config = config(home.path());
    let (first, second) =
        tokio::join!(hosts.start(&config, session, launch()), hosts.start(&config, session, launch()));
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert_eq!(hosts.start(&config, session, launch()).await, Ok(()), "also after it runs");
    assert_eq!(std::fs::read_to_string(home.path().join("count")).unwrap(), "once\n");
}

#[tokio::test]
async fn a_machine_runs_so_many_sessions_and_ended_ones_do_not_count() {
    let home = tempfile::tempdir().unwrap();
    let session = SessionId::random();
    let hosts = played(home.path(), session);
    let dir = runtime_dir(home.path());
    for number in 0..SESSIONS_PER_MACHINE_MAX {
        let state = if number == 0 { SessionState::Exited } else { SessionState::Running };
        write_facts(&dir, &facts(SessionId::random(), state)).unwrap();
    }
    assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
    let refused = hosts.start(&config(home.path()), SessionId::random(), launch()).await.unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
    assert!(refused.message.contains("stop one"), "{refused}");
}

#[tokio::test]
async fn sessions_lost_in_a_reboot_do_not_count_once_they_were_found_dead() {
    let home = tempfile::tempdir().unwrap();
    let session = SessionId::random();
    let hosts = played(home.path(), session);
    for _ in 0..SESSIONS_PER_MACHINE_MAX {
        let lost = facts(SessionId::random(), SessionState::Running);
        write_facts(&runtime_dir(home.path()), &lost).unwrap();
    }
    let found = hosts.open_all().await;
    let lost = |opening: &Opening| matches!(opening, Opening::Ended(info) if info.state == SessionState::Lost);
    assert!(found.iter().all(|(_, opening)| lost(opening)));
    assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
}

#[tokio::test]
async fn the_oldest_that_ended_make_room_for_the_new() {
    let home = tempfile::tempdir().unwrap();
    let session = SessionId::random();
    let hosts = played(home.path(), session);
    let dir = runtime_dir(home.path());
    let mut oldest = facts(SessionId::random(), SessionState::Exited);
    oldest.info.started_at = 0;
    write_facts(&dir, &oldest).unwrap();
    for _ in 1..SESSIONS_KNOWN_MAX {
        write_facts(&dir, &facts(SessionId::random(), SessionState::Exited)).unwrap();
    }
    assert_eq!(hosts.start(&config(home.path()), session, launch()).await, Ok(()));
    let known = hosts.sessions().unwrap();
    assert!(known.len() == SESSIONS_KNOWN_MAX && !known.contains(&oldest.info.id));
}

#[tokio::test]
async fn what_ended_can_be_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let hosts = played(home.path(), SessionId::random());
    let ended = facts(SessionId::random(), SessionState::Exited);
    write_facts(&runtime_dir(home.path()), &ended).unwrap();
    assert_eq!(hosts.sessions().unwrap().len(), 1);
    assert_eq!(hosts.forget(ended.info.id).await, Ok(()));
    assert_eq!(hosts.forget(ended.info.id).await, Ok(()), "twice is no error");
    assert!(hosts.sessions().unwrap().is_empty());
}

#[tokio::test]
async fn only_a_conversation_that_has_ended_and_is_known_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let hosts = played(home.path(), SessionId::random());
    let config = config(home.path());
    let shell = facts(SessionId::random(), SessionState::Exited);
    write_facts(&runtime_dir(home.path()), &shell).unwrap();
    let mut refused = Vec::new();
    for from in [shell.info.id, SessionId::random()] {
        refused.push(hosts.resume(&config, SessionId::random(), from, (80, 24)).await.unwrap_err().code);
    }
    assert_eq!(refused, [Code::BadRequest, Code::NotFound]);
    // The owner's list of programs holds for it as for any start.
    let mut claude = facts(SessionId::random(), SessionState::Lost);
    claude.info.command = "claude".into();
    claude.info.conversation = Some(crate::base::id::ConversationId::random());
    write_facts(&runtime_dir(home.path()), &claude).unwrap();
    let not_allowed = hosts.resume(&config, SessionId::random(), claude.info.id, (80, 24)).await.unwrap_err();
    assert_eq!(not_allowed.code, Code::CommandNotAllowed);
}
