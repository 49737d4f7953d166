//! A start file of somebody's own: read, and replaced in one step, with the mode it had, through the links it is reached by.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::block::BlockError;

/// A start file, in bytes. Those of people have a few kilobytes.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why it is not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("it is larger than {} MiB", BYTES_MAX >> 20)]
    TooLarge,
    #[error("it is a link to {}, which is not there", .0.display())]
    LeadsNowhere(PathBuf),
    #[error(transparent)]
    Block(BlockError),
}

/// What is in it; nothing if there is none.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => return Err(Error::LeadsNowhere(target)),
            Err(_) => return Ok(Vec::new()),
        },
        Err(error) => return Err(error.into()),
    };
    // Opening a pipe would wait for somebody to write.
    if !facts.is_file() {
        return Err(Error::NoFile);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX { Err(Error::TooLarge) } else { Ok(bytes) }
}

/// Puts `bytes` into it. One that has nothing left, and is reached by no link, is removed.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let is_link = path.is_symlink();
    if bytes.is_empty() && !is_link {
        return Ok(fs::remove_file(path)?);
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let path = if is_link { fs::canonicalize(path)? } else { path.to_owned() };
    let mut beside = path.clone().into_os_string();
    beside.push(".sessionforge-new");
    let beside = PathBuf::from(beside);
    let written = write(&beside, fs::metadata(&path).ok().map(|facts| facts.permissions()), bytes);
    let replaced = written.and_then(|()| fs::rename(&beside, &path));
    if replaced.is_err() {
        // What failed above is reported; a leftover is only untidy.
        let _ = fs::remove_file(&beside);
    }
    Ok(replaced?)
}

fn write(path: &Path, permissions: Option<fs::Permissions>, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_the_link_it_is_reached_by() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("dotfiles-bashrc"), home.path().join(".bashrc"));
        fs::write(&real, "a").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("dotfiles-bashrc", &link).unwrap();
        replace(&link, b"b").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"b");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        replace(&link, b"").unwrap();
        assert_eq!(fs::read(&link).unwrap(), b"", "a link is somebody's, and so is what it leads to");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".zshrc");
        assert_eq!(read(&path).unwrap(), b"");
        symlink("nowhere", &path).unwrap();
        assert!(matches!(read(&path), Err(Error::LeadsNowhere(_))));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(read(&path), Err(Error::NoFile)));
    }
}
