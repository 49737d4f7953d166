//! The database as it was when its disk stopped taking writes, read from memory until it takes them again.
//!
//! redb opens a file for reading only if it was closed in order, which a disk that takes nothing does not let it. A copy in
//! memory can be repaired like the file itself, so whoever is signed in stays so while nothing new can be written.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, StorageBackend};

/// A larger database is not copied, in bytes: a team's is a few MiB.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A copy of the database at `path`.
pub(super) fn open(path: &Path) -> std::result::Result<Database, String> {
    let bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > BYTES_MAX {
        return Err(format!("its {bytes} bytes are too many to be read from memory"));
    }
    let copy = Copy(RwLock::new(std::fs::read(path).map_err(|error| error.to_string())?));
    Database::builder().set_cache_size(0).create_with_backend(copy).map_err(|error| error.to_string())
}

#[derive(Debug)]
struct Copy(RwLock<Vec<u8>>);

impl Copy {
    fn bytes(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_mut(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where `bytes` bytes from `offset` on lie in memory.
fn range(offset: u64, bytes: usize) -> Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| Error::from(ErrorKind::UnexpectedEof))?;
    let end = start.checked_add(bytes).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
    Ok(start..end)
}

impl StorageBackend for Copy {
    fn len(&self) -> Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let bytes = self.bytes();
        let from = bytes.get(range(offset, out.len())?).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.bytes_mut().resize(range(len, 0)?.start, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut bytes = self.bytes_mut();
        let to = bytes.get_mut(range(offset, data.len())?).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        to.copy_from_slice(data);
        Ok(())
    }
}
