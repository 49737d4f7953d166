//! Files and directories that only their owner may read, replaced in one step or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Makes `directory` and its parents; the directory itself is for its owner alone (0700).
pub fn create_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Puts `bytes` into the file `path`, for its owner alone (0600).
///
/// Written beside it, synced and renamed over it: whoever reads `path`, at any moment and after any crash, finds all of
/// the old bytes or all of the new ones.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let written = write_new(beside, bytes).and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        // What failed above is reported; a leftover is only untidy.
        let _ = fs::remove_file(beside);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("a/b");
        create_directory(&directory).unwrap();
        let path = directory.join("key");
        replace_file(&path, b"one, and long").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
