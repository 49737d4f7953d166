//! Copies of the whole state: taken while the server runs, put back while it does not.
//!
//! A backup is a database file like the state itself, written table by table from one reading transaction: it holds one
//! moment, whatever is written meanwhile, and nothing of what was deleted. Tables this build does not know are copied too.

use std::path::{Path, PathBuf};

use redb::{Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableHandle as _};

use super::Store;
use super::audit::{Checked, Flaw};
use super::db::Fault;
use super::error::{OpenError, StoreError};
use super::open::{self, STATE_FILE};
use super::schema::SCHEMA;
use crate::base::clock::unix_millis;

/// A server that was told to stop lets go of its directory within this, or is hung.
const CLOSED_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Time between two looks whether it has: nothing tells.
const CLOSED_LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(10);

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    /// Where the state is that was there before, if there was one.
    pub replaced: Option<PathBuf>,
    /// Rows that were put back.
    pub rows: u64,
    /// The first flaw in the backup's audit log, if it has one.
    pub flaw: Option<(String, Flaw)>,
}

impl Store {
    /// Writes a copy of everything to `path`, a file that must not exist. Says how many rows it holds.
    pub async fn backup_to(&self, path: PathBuf) -> Result<u64, StoreError> {
        self.read(move |t| {
            let copied = copy(t, &path);
            if copied.is_err() {
                // What failed is reported; half a backup must not be taken for one.
                let _ = std::fs::remove_file(&path);
            }
            copied
        })
        .await
    }

    /// Whether the state can be read. Opens it again after a failure of the disk.
    pub async fn is_readable(&self) -> bool {
        self.read(|t| super::schema::META.exists(t)).await.unwrap_or(false)
    }
}

fn copy(from: &ReadTransaction, path: &Path) -> Result<u64, Fault> {
    if std::fs::metadata(path).is_ok() {
        return Err(Fault::Broken(format!("{} is there already", path.display())));
    }
    let database = open::database(path)?;
    open::restrict(path).map_err(|error| Fault::Broken(error.to_string()))?;
    let mut to = database.begin_write()?;
    to.set_durability(Durability::Immediate)?;
    let mut rows = 0;
    for table in from.list_tables()? {
        let raw: TableDefinition<'_, &str, &[u8]> = TableDefinition::new(table.name());
        let (source, mut target) = (from.open_table(raw)?, to.open_table(raw)?);
        for row in source.iter()? {
            let (key, value) = row?;
            target.insert(key.value(), value.value())?;
            rows += 1;
        }
    }
    to.commit()?;
    Ok(rows)
}

/// Puts the backup `file` in the place of the state in `dir`, where no server may run. Nothing is replaced unless the backup
/// is whole and of a schema this build knows; what was there before is kept beside it.
pub fn restore(dir: &Path, file: &Path) -> Result<Restored, OpenError> {
    open::create_private_dir(dir).map_err(|error| open::unusable(dir, error))?;
    let _lock = open::lock(dir)?;
    let beside = dir.join(format!("{STATE_FILE}.restoring"));
    // Left by a restore that was cut short.
    let _ = std::fs::remove_file(&beside);
    std::fs::copy(file, &beside).map_err(|error| open::unusable(file, error))?;
    let checked = check(file, &beside);
    let moved = checked.and_then(|(rows, flaw)| Ok(Restored { replaced: put_in_place(dir, &beside)?, rows, flaw }));
    if moved.is_err() {
        // What failed is reported; a leftover is only untidy.
        let _ = std::fs::remove_file(&beside);
    }
    moved
}

/// Copies the state of a server that has stopped to `to`, in one step: all that it ever committed. Waits for it to let go of
/// the directory.
pub fn copy_closed(dir: &Path, to: &Path) -> std::io::Result<()> {
    let until = std::time::Instant::now() + CLOSED_WITHIN;
    let _lock = loop {
        match open::lock(dir) {
            Err(OpenError::Locked { .. }) if std::time::Instant::now() < until => std::thread::sleep(CLOSED_LOOK_EVERY),
            Err(error) => return Err(std::io::Error::other(error.to_string())),
            Ok(lock) => break lock,
        }
    };
    let mut beside = to.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let copied = std::fs::copy(dir.join(STATE_FILE), beside)
        .and_then(|_| open::restrict(beside))
        .and_then(|()| std::fs::File::open(beside)?.sync_all())
        .and_then(|()| std::fs::rename(beside, to));
    if copied.is_err() {
        // What failed is reported; half a copy must not be taken for one.
        let _ = std::fs::remove_file(beside);
    }
    copied
}

/// Reads the copy from end to end. Errors name the backup itself.
fn check(file: &Path, copy: &Path) -> Result<(u64, Option<(String, Flaw)>), OpenError> {
    let corrupt = |detail: String| OpenError::NoBackup { path: file.to_owned(), detail };
    open::restrict(copy).map_err(|error| open::unusable(copy, error))?;
    let length = std::fs::metadata(copy).map_err(|error| open::unusable(copy, error))?.len();
    if length == 0 {
        return Err(corrupt("it is empty".to_owned()));
    }
    let mut database = open::database(copy).map_err(|error| corrupt(error.to_string()))?;
    if !database.check_integrity().map_err(|error| corrupt(error.to_string()))? {
        return Err(corrupt("its checksums do not fit".to_owned()));
    }
    let looked = (|| {
        let t = database.begin_read()?;
        let found = open::version(&t)?;
        Ok::<_, Fault>((found, super::audit::check_all(&t)?, count(&t)?))
    })();
    let (found, audit, rows) = looked.map_err(|fault| corrupt(StoreError::from(fault).to_string()))?;
    match found {
        None => Err(corrupt("it is a database, but not of SessionForge".to_owned())),
        Some(found) if found > SCHEMA => Err(OpenError::Newer { path: file.to_owned(), found, known: SCHEMA }),
        Some(_) => Ok((rows, audit.into_iter().find_map(|Checked { book, flaw, .. }| Some((book, flaw?))))),
    }
}

fn count(t: &ReadTransaction) -> Result<u64, Fault> {
    let mut rows = 0;
    for table in t.list_tables()? {
        let raw: TableDefinition<'_, &str, &[u8]> = TableDefinition::new(table.name());
        for row in t.open_table(raw)?.iter()? {
            row?;
            rows += 1;
        }
    }
    Ok(rows)
}

fn put_in_place(dir: &Path, beside: &Path) -> Result<Option<PathBuf>, OpenError> {
    let state = dir.join(STATE_FILE);
    let failed = |error| open::unusable(&state, error);
    let kept = dir.join(format!("{STATE_FILE}.before-restore-{}", unix_millis() / 1_000));
    let replaced = match std::fs::rename(&state, &kept) {
        Ok(()) => Some(kept),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if let Err(error) = std::fs::rename(beside, &state) {
        if let Some(kept) = &replaced {
            // Back to where it was; the error says that nothing came of it.
            let _ = std::fs::rename(kept, &state);
        }
        return Err(failed(error));
    }
    Ok(replaced)
}
