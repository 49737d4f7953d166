//! What the tests of several commands need.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::host::runtime_dir::Facts;
use crate::wire::session::{SessionInfo, SessionState};

/// Facts of a session that nothing else is known of.
pub(super) fn facts(id: &str, name: Option<&str>, state: SessionState) -> Facts {
    let info = SessionInfo { name: name.map(str::to_owned), state, ..SessionInfo::new(id.parse().unwrap(), "sh") };
    Facts { protocol: (1, 0), build: "0.1.0".to_owned(), host_pid: 7, socket: "/nowhere.sock".into(), info }
}
