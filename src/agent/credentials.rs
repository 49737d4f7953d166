//! What the agent remembers between starts, for its owner's eyes only: server, key, and the ids servers gave it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::id::MachineId;
use crate::base::private;
use crate::base::secret::Secret;

/// Directory of the agent's own files inside the data directory.
const AGENT_DIR: &str = "agent";

/// Machine ids kept at most: an agent that is moved from server to server forgets those it never came back to.
const MACHINES_MAX: usize = 64;

/// Why something remembered cannot be used or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The system refuses to read or write the file.
    #[error("{path} cannot be used: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is damaged: {cause}; remove it and connect this machine again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        cause: serde_json::Error,
    },
}

/// Where an agent that was started by itself keeps its credentials.
const CREDENTIALS_FILE: &str = "credentials.json";

/// Where the agent beside a local server does: a person may use one data directory for both, one after the other.
const LOCAL_FILE: &str = "local.json";

/// Where to connect and what to show.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Address of the server.
    pub server: String,
    /// API key.
    pub key: Secret,
    /// What this machine was called when it was connected to that server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the key may be sent there unencrypted.
    #[serde(default)]
    pub insecure_http: bool,
    /// Key by which that server signed its list of release files when this machine was logged in, in minisign's format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_key: Option<String>,
}

impl Credentials {
    /// With nothing beside.
    pub fn new(server: String, key: Secret) -> Self {
        Self { server, key, name: None, insecure_http: false, release_key: None }
    }

    /// As kept by an earlier start.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, CredentialsError> {
        read(&path(data_dir, CREDENTIALS_FILE))
    }

    /// As kept by an earlier start beside a local server.
    pub fn read_local(data_dir: &Path) -> Result<Option<Self>, CredentialsError> {
        read(&path(data_dir, LOCAL_FILE))
    }

    /// Keeps them for the next start.
    pub fn write(&self, data_dir: &Path) -> Result<(), CredentialsError> {
        write(&path(data_dir, CREDENTIALS_FILE), self)
    }

    /// Forgets them; `false` if there are none.
    pub fn remove(data_dir: &Path) -> Result<bool, CredentialsError> {
        let path = path(data_dir, CREDENTIALS_FILE);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(CredentialsError::Io { path, cause }),
        }
    }

    /// Keeps them for the next start beside a local server.
    pub fn write_local(&self, data_dir: &Path) -> Result<(), CredentialsError> {
        write(&path(data_dir, LOCAL_FILE), self)
    }
}

/// The file with server and key.
pub fn credentials_file(data_dir: &Path) -> PathBuf {
    path(data_dir, CREDENTIALS_FILE)
}

/// The file that remembers machine ids; a person removes it to register the machine anew.
pub fn machines_file(data_dir: &Path) -> PathBuf {
    path(data_dir, "machines.json")
}

/// Ids that the disk did not take, by file and identity. For the rest of this process the machine is who it is all the same.
static UNWRITTEN: Mutex<BTreeMap<(PathBuf, String), MachineId>> = Mutex::new(BTreeMap::new());

fn unwritten() -> MutexGuard<'static, BTreeMap<(PathBuf, String), MachineId>> {
    UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The id that the server called `identity` gave this machine.
pub fn machine(data_dir: &Path, identity: &str) -> Result<Option<MachineId>, CredentialsError> {
    if let Some(machine) = unwritten().get(&(machines_file(data_dir), identity.to_owned())) {
        return Ok(Some(*machine));
    }
    let machines: Option<BTreeMap<String, MachineId>> = read(&machines_file(data_dir))?;
    Ok(machines.unwrap_or_default().get(identity).copied())
}

/// Keeps the id that the server called `identity` gave this machine. Writes only what is new.
///
/// A disk that is full or read-only is no reason to stop: the id is kept in memory, and written at a later connection. Only
/// a restart before that would make this another machine.
pub fn remember_machine(data_dir: &Path, identity: &str, machine: MachineId) -> Result<(), CredentialsError> {
    let key = (machines_file(data_dir), identity.to_owned());
    match write_machine(data_dir, identity, machine) {
        Ok(()) => {
            unwritten().remove(&key);
            Ok(())
        }
        Err(CredentialsError::Io { path, cause }) => {
            tracing::warn!(path = %path.display(), %cause, "this machine's id could not be written down yet");
            unwritten().insert(key, machine);
            Ok(())
        }
        Err(damaged) => Err(damaged),
    }
}

fn write_machine(data_dir: &Path, identity: &str, machine: MachineId) -> Result<(), CredentialsError> {
    let path = machines_file(data_dir);
    let mut machines: BTreeMap<String, MachineId> = read(&path)?.unwrap_or_default();
    if machines.get(identity) == Some(&machine) {
        return Ok(());
    }
    while machines.len() >= MACHINES_MAX {
        machines.pop_first();
    }
    machines.insert(identity.to_owned(), machine);
    write(&path, &machines)
}

/// Where the lock lies that lets one agent at a time use a data directory.
pub(super) fn lock_file(data_dir: &Path) -> PathBuf {
    path(data_dir, "lock")
}

fn path(data_dir: &Path, file: &str) -> PathBuf {
    data_dir.join(AGENT_DIR).join(file)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CredentialsError> {
    match std::fs::read(path) {
        Ok(json) => serde_json::from_slice(&json)
            .map(Some)
            .map_err(|cause| CredentialsError::Damaged { path: path.to_owned(), cause }),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(CredentialsError::Io { path: path.to_owned(), cause }),
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), CredentialsError> {
    let error = |cause| CredentialsError::Io { path: path.to_owned(), cause };
    if let Some(directory) = path.parent() {
        private::create_directory(directory).map_err(error)?;
    }
    let json = serde_json::to_vec_pretty(value).map_err(|cause| error(cause.into()))?;
    private::replace_file(path, &json).map_err(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_server_knows_this_machine_by_its_own_id() {
        let data_dir = tempfile::tempdir().unwrap();
        let (one, two) = (MachineId::random(), MachineId::random());
        assert_eq!(machine(data_dir.path(), "https://one").unwrap(), None);
        remember_machine(data_dir.path(), "https://one", one).unwrap();
        remember_machine(data_dir.path(), "https://two", two).unwrap();
        assert_eq!(machine(data_dir.path(), "https://one").unwrap(), Some(one));
        assert_eq!(machine(data_dir.path(), "https://two").unwrap(), Some(two));
    }

    #[test]
    fn a_disk_that_takes_nothing_does_not_make_another_machine() {
        let data_dir = tempfile::tempdir().unwrap();
        let (known, new) = (MachineId::random(), MachineId::random());
        // A file where the directory should be: nothing can be written below it, not even by root.
        std::fs::write(data_dir.path().join(AGENT_DIR), "").unwrap();
        remember_machine(data_dir.path(), "https://one", known).unwrap();
        assert_eq!(machine(data_dir.path(), "https://one").unwrap(), Some(known));
        std::fs::remove_file(data_dir.path().join(AGENT_DIR)).unwrap();
        remember_machine(data_dir.path(), "https://one", known).unwrap();
        assert!(machines_file(data_dir.path()).exists(), "room heals it");
        remember_machine(data_dir.path(), "https://one", new).unwrap();
        assert_eq!(machine(data_dir.path(), "https://one").unwrap(), Some(new));
    }

    #[test]
    fn a_damaged_file_is_named_and_not_overwritten() {
        let data_dir = tempfile::tempdir().unwrap();
        Credentials::new("https://one".into(), Secret::new("k")).write(data_dir.path()).unwrap();
        assert_eq!(Credentials::read(data_dir.path()).unwrap().unwrap().server, "https://one");
        let file = machines_file(data_dir.path());
        std::fs::write(&file, "{").unwrap();
        let error = remember_machine(data_dir.path(), "x", MachineId::random()).unwrap_err().to_string();
        assert!(error.contains("machines.json"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), b"{");
    }
}
