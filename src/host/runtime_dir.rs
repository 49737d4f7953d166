//! The runtime directory: where PTY hosts are found. For each session `<id>.sock`, the host's socket, and `<id>.json`,
//! its [`Facts`], rewritten whenever its state changes, so that a later agent can tell what became of a host that is gone;
//! `<id>.screen` is what its screen showed ([`last_screen`]), `<id>.settings` what its Claude Code was given
//! ([`super::claude_settings`]).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::last_screen;
use crate::base::id::SessionId;
use crate::wire::session::SessionInfo;

/// Longest path of a Unix socket, in bytes, without its final NUL: 108 on Linux, 104 on macOS (unix(7), unix(4)).
pub const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// One facts file, in bytes: a session's info with every text at its longest.
const FACTS_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Sessions looked at in one scan; a directory with more has been tampered with.
const SCAN_MAX: usize = 10_000;

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeDirError {
    /// It cannot be made or read.
    #[error("the runtime directory {0} cannot be used: {1}")]
    Io(PathBuf, io::Error),
    /// Somebody else may write to it.
    #[error("the runtime directory {0} belongs to another user: give one of your own")]
    NotOurs(PathBuf),
    /// No socket in it can have an address.
    #[error("the runtime directory {0} has too long a path for a socket: choose one of at most {1} bytes")]
    TooLong(PathBuf, usize),
}

/// What is known of one PTY host and its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Protocol version of the host's socket.
    pub protocol: (u16, u16),
    /// The host's build.
    pub build: String,
    /// Process id of the host.
    pub host_pid: u32,
    /// Where to connect.
    pub socket: PathBuf,
    /// The session when its state last changed. `running` in the facts of a host that cannot be reached means lost.
    pub info: SessionInfo,
}

/// Makes the directory, for its owner alone, and checks that a socket in it can have an address.
pub fn prepare(dir: &Path) -> Result<(), RuntimeDirError> {
    let io = |error| RuntimeDirError::Io(dir.to_owned(), error);
    let name_bytes = "/.sock".len() + SessionId::PREFIX.len() + 1 + crate::base::id::ID_RANDOM_CHARS;
    if cfg!(unix) && dir.as_os_str().len() + name_bytes > SOCKET_PATH_BYTES_MAX {
        return Err(RuntimeDirError::TooLong(dir.to_owned(), SOCKET_PATH_BYTES_MAX - name_bytes));
    }
    fs::create_dir_all(dir).map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let found = fs::metadata(dir).map_err(io)?;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(RuntimeDirError::NotOurs(dir.to_owned()));
        }
        if found.permissions().mode() & 0o777 != 0o700 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(io)?;
        }
    }
    Ok(())
}

/// The socket of `session`'s host.
pub fn socket_path(dir: &Path, session: SessionId) -> PathBuf {
    if cfg!(windows) {
        // Named pipes are not files: they have a namespace of their own, in which ids do not meet.
        return PathBuf::from(format!(r"\\.\pipe\sessionforge.{session}"));
    }
    dir.join(format!("{session}.sock"))
}

/// The log of `session`'s host, which is there only if something went wrong.
pub fn log_path(dir: &Path, session: SessionId) -> PathBuf {
    dir.join(format!("{session}.log"))
}

/// The last screen of `session`, if one was kept.
pub fn screen_path(dir: &Path, session: SessionId) -> PathBuf {
    dir.join(format!("{session}.screen"))
}

/// The settings that a Claude Code session is given beside the person's own, if it has any.
pub fn settings_path(dir: &Path, session: SessionId) -> PathBuf {
    dir.join(format!("{session}.settings"))
}

fn facts_path(dir: &Path, session: SessionId) -> PathBuf {
    dir.join(format!("{session}.json"))
}

/// Writes `facts` so that a reader finds the old ones or the new ones, never half.
pub fn write_facts(dir: &Path, facts: &Facts) -> io::Result<()> {
    let session = facts.info.id;
    let new = dir.join(format!("{session}.json.new"));
    let json = serde_json::to_vec(facts)?;
    let written = fs::File::create(&new)
        .and_then(|mut file| file.write_all(&json))
        .and_then(|()| fs::rename(&new, facts_path(dir, session)));
    if written.is_err() {
        // On a full disk half a file is room that somebody else needs.
        let _ = fs::remove_file(&new);
    }
    written
}

/// The facts of one session, if there are any that can be read.
pub fn read_facts(dir: &Path, session: SessionId) -> Option<Facts> {
    use io::Read;
    let mut json = Vec::new();
    fs::File::open(facts_path(dir, session)).ok()?.take(FACTS_BYTES_MAX).read_to_end(&mut json).ok()?;
    let facts: Facts = serde_json::from_slice(&json).ok()?;
    (facts.info.id == session).then_some(facts)
}

/// Every session that has a host or had one, by name only: cheap enough to ask for every second.
pub fn sessions(dir: &Path) -> io::Result<Vec<SessionId>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    Ok(entries
        .take(SCAN_MAX)
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok())
        .collect())
}

/// The facts of every session that has a host or had one, oldest first. Whether it still runs, its socket tells.
pub fn scan(dir: &Path) -> io::Result<Vec<Facts>> {
    let mut all: Vec<Facts> = sessions(dir)?.into_iter().filter_map(|session| read_facts(dir, session)).collect();
    all.sort_by_key(|facts| (facts.info.started_at, facts.info.id));
    Ok(all)
}

/// Removes what a session left. Nothing to remove is no error.
pub fn forget(dir: &Path, session: SessionId) {
    let settings = settings_path(dir, session);
    for path in [socket_path(dir, session), facts_path(dir, session), log_path(dir, session), settings] {
        let _ = fs::remove_file(path);
    }
    last_screen::forget(dir, session);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn facts(started_at: u64) -> Facts {
        let id = SessionId::random();
        Facts {
            protocol: (1, 0),
            build: "0.1.0".to_owned(),
            host_pid: 7,
            socket: "/x".into(),
            info: SessionInfo { started_at, ..SessionInfo::new(id, "sh") },
        }
    }

    #[test]
    fn facts_are_found_again_oldest_first_and_garbage_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("run");
        assert_eq!(scan(&dir).unwrap(), vec![]);
        prepare(&dir).unwrap();
        let (old, new) = (facts(1), facts(2));
        write_facts(&dir, &new).unwrap();
        write_facts(&dir, &old).unwrap();
        fs::write(dir.join("ses_000000000000.json"), "{").unwrap();
        fs::write(dir.join("notes.json"), "{}").unwrap();
        assert_eq!(scan(&dir).unwrap(), vec![old.clone(), new.clone()]);
        forget(&dir, old.info.id);
        assert_eq!(scan(&dir).unwrap(), vec![new]);
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_for_its_owner_alone_and_short_enough() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("run");
        prepare(&inner).unwrap();
        assert_eq!(fs::metadata(&inner).unwrap().permissions().mode() & 0o777, 0o700);
        let long = dir.path().join("x".repeat(SOCKET_PATH_BYTES_MAX));
        assert!(matches!(prepare(&long), Err(RuntimeDirError::TooLong(..))));
    }
}
