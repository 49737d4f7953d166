//! Opening the data directory: one server at a time, nothing touched that this build cannot read.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, StorageError};

use super::db::Fault;
use super::error::OpenError;
use super::migrate;
use super::schema::{META, SCHEMA};

/// The state, inside the data directory.
pub(super) const STATE_FILE: &str = "state.redb";

/// Held by the server that uses the directory.
const LOCK_FILE: &str = "server.lock";

/// Memory for database pages, in bytes. The rows of a team fit in a fraction of it; redb's own default
/// of 1 GiB does not fit an appliance.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// The lock, released when dropped, and the database.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) database: Database,
    pub(super) lock: File,
}

/// Opens or creates the state in `dir`, at this build's schema.
pub(super) fn open(dir: &Path) -> Result<Opened, OpenError> {
    create_private_dir(dir).map_err(|error| unusable(dir, error))?;
    let lock = lock(dir)?;
    let path = dir.join(STATE_FILE);
    let faults = |fault: Fault| match fault {
        Fault::Broken(detail) => OpenError::Corrupt { path: path.clone(), detail },
        Fault::Refused(error) => OpenError::Corrupt { path: path.clone(), detail: error.to_string() },
    };

    // Opening for writing already changes a file's header, so a file of a newer build is recognised first
    // through a read-only look. A file that was not closed in order cannot be looked at that way; then the
    // version is read after its repair, before anything else.
    let exists = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    if exists && let Some(found) = peek(&path)? {
        check_version(&path, found)?;
    }

    let database =
        Database::builder().set_cache_size(CACHE_BYTES).create(&path).map_err(|error| engine(dir, &path, error))?;
    restrict(&path).map_err(|error| unusable(&path, error))?;
    let found = database.begin_read().map_err(Fault::from).and_then(|t| version(&t)).map_err(faults)?;
    if let Some(found) = found {
        check_version(&path, found)?;
    }
    if found != Some(SCHEMA) {
        migrate::to_current(&database, found).map_err(faults)?;
    }
    Ok(Opened { path, database, lock })
}

/// Opens or creates the file.
pub(super) fn database(path: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(path)
}

fn check_version(path: &Path, found: u32) -> Result<(), OpenError> {
    if found > SCHEMA {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(())
}

/// The schema version in a file, without changing it; `None` when that cannot be told before a repair.
fn peek(path: &Path) -> Result<Option<u32>, OpenError> {
    let database = match ReadOnlyDatabase::open(path) {
        Ok(database) => database,
        Err(DatabaseError::RepairAborted) => return Ok(None),
        Err(error) => return Err(engine(path.parent().unwrap_or(path), path, error)),
    };
    let looked = database.begin_read().map_err(Fault::from).and_then(|t| version(&t));
    Ok(looked.unwrap_or_default())
}

/// The schema version in an open file; `None` when it is empty.
pub(super) fn version(t: &redb::ReadTransaction) -> Result<Option<u32>, Fault> {
    if META.exists(t)? { META.get(t, migrate::SCHEMA_KEY) } else { Ok(None) }
}

fn engine(dir: &Path, path: &Path, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            OpenError::Locked { dir: dir.to_owned() }
        }
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            // How redb reports a file that is not a database, or only the beginning of one.
            ErrorKind::InvalidData => OpenError::Corrupt { path: path.to_owned(), detail: error.to_string() },
            ErrorKind::UnexpectedEof => {
                OpenError::Corrupt { path: path.to_owned(), detail: "it ends too early".into() }
            }
            _ => unusable(path, error),
        },
        other => OpenError::Corrupt { path: path.to_owned(), detail: other.to_string() },
    }
}

pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(&path, error)),
    }
}

pub(super) fn unusable(path: &Path, error: impl std::fmt::Display) -> OpenError {
    OpenError::Unusable { path: PathBuf::from(path), detail: error.to_string() }
}

/// The directory holds password hashes: it and the file are the owner's alone.
#[cfg(unix)]
pub(super) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
pub(super) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    // A person's own directories are theirs alone on Windows already.
    std::fs::create_dir_all(dir)
}

#[cfg(unix)]
pub(super) fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "on Unix it fails")]
pub(super) fn restrict(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
