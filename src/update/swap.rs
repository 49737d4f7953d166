//! The files of an update. All of them are in the program's own directory, so that each step is one rename on one
//! filesystem: whoever starts the program at any moment, and after any crash, finds the old one or the new one, whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Why files were not swapped. The program that was there is still there.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The new file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Source(PathBuf, #[source] io::Error),
    /// The new file cannot be put beside the old one.
    #[error("{0} cannot be written: {1}")]
    Beside(PathBuf, #[source] io::Error),
    /// The rename failed.
    #[error("{0} cannot be replaced: {1}")]
    Replace(PathBuf, #[source] io::Error),
    /// There is nothing to go back to.
    #[error("{0}, the version before, is not there any more: {1}")]
    NoOld(PathBuf, #[source] io::Error),
}

/// A new version, lying beside the one that it is to replace. Dropping it removes it, unless it has taken its place.
#[derive(Debug)]
pub struct Swap {
    current: PathBuf,
    staged: PathBuf,
    old: PathBuf,
}

impl Swap {
    /// Copies the file `from` beside `current`, to the disk, with the owner and the mode of the one it is to replace.
    pub fn stage(current: &Path, from: &Path) -> Result<Self, SwapError> {
        let named = |ending: &str| {
            let mut name = current.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        // Windows starts nothing that is not called so.
        let exe = std::env::consts::EXE_SUFFIX;
        let swap = Self {
            current: current.to_owned(),
            staged: named(&format!(".new{exe}")),
            old: named(&format!(".old{exe}")),
        };
        let mut source = File::open(from).map_err(|error| SwapError::Source(from.to_owned(), error))?;
        // Whatever fails drops `swap`, which removes what was written.
        swap.write(&mut source).map_err(|error| SwapError::Beside(swap.staged.clone(), error))?;
        Ok(swap)
    }

    fn write(&self, source: &mut File) -> io::Result<()> {
        // A leftover, or something that somebody has put there to be written through.
        match fs::remove_file(&self.staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut staged = File::create_new(&self.staged)?;
        fill(source, &mut staged)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
            let replaced = fs::metadata(&self.current)?;
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::fchown(&staged, Some(replaced.uid()), Some(replaced.gid()))?;
            }
            staged.set_permissions(fs::Permissions::from_mode(replaced.permissions().mode() | 0o500))?;
        }
        Ok(())
    }

    /// The new version, to be looked at before it takes its place.
    pub fn staged(&self) -> &Path {
        &self.staged
    }

    /// Where the version before is kept once this one has taken its place.
    pub fn old(&self) -> &Path {
        &self.old
    }

    /// The new version takes its place; the old one is kept beside it, in the place of one that was kept before.
    pub fn commit(&self) -> Result<(), SwapError> {
        let failed = |error| SwapError::Replace(self.current.clone(), error);
        if cfg!(windows) {
            // A program that runs can be renamed there, and neither replaced nor removed: PTY hosts may run the one before.
            make_way(&self.old).map_err(failed)?;
            fs::rename(&self.current, &self.old).map_err(failed)?;
            return fs::rename(&self.staged, &self.current).map_err(|error| {
                // For a moment there was none; this ends it.
                let _ = fs::rename(&self.old, &self.current);
                failed(error)
            });
        }
        // A second name for the old one first: the rename then takes only its first.
        match fs::remove_file(&self.old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            // Not every filesystem knows second names.
            _ => fs::hard_link(&self.current, &self.old)
                .or_else(|_| fs::copy(&self.current, &self.old).map(drop))
                .map_err(failed)?,
        }
        fs::rename(&self.staged, &self.current).map_err(failed)?;
        self.sync();
        Ok(())
    }

    /// The old version takes its place again.
    pub fn back(&self) -> Result<(), SwapError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => SwapError::NoOld(self.old.clone(), error),
            _ => SwapError::Replace(self.current.clone(), error),
        };
        if cfg!(windows) {
            fs::metadata(&self.old).map_err(failed)?;
            fs::rename(&self.current, &self.staged).map_err(failed)?;
        }
        fs::rename(&self.old, &self.current).map_err(failed)?;
        self.sync();
        Ok(())
    }

    /// Renames are on the disk when the directory is. What does not know that, does without.
    fn sync(&self) {
        if let Some(directory) = self.current.parent().and_then(|directory| File::open(directory).ok()) {
            let _ = directory.sync_all();
        }
    }
}

/// Versions before the one before, that sessions still run, and that lie aside until they do not.
const ASIDE_MAX: u32 = 16;

/// Removes `old`; one that cannot be removed because it runs is renamed, and goes at a later update.
fn make_way(old: &Path) -> io::Result<()> {
    let aside = |number: u32| {
        let mut name = old.as_os_str().to_owned();
        name.push(format!(".{number}{}", std::env::consts::EXE_SUFFIX));
        PathBuf::from(name)
    };
    for number in 1..=ASIDE_MAX {
        // What has come to its end since.
        let _ = fs::remove_file(aside(number));
    }
    match fs::remove_file(old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let free = (1..=ASIDE_MAX).map(aside).find(|path| fs::symlink_metadata(path).is_err());
            fs::rename(old, free.ok_or(error)?)
        }
        _ => Ok(()),
    }
}

/// The whole of `source` in `staged`, on the disk.
fn fill(source: &mut File, staged: &mut File) -> io::Result<()> {
    io::copy(source, staged)?;
    staged.sync_all()
}

impl Drop for Swap {
    fn drop(&mut self) {
        // Gone if it has taken its place; a leftover is overwritten by the next.
        let _ = fs::remove_file(&self.staged);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    struct Place {
        dir: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let place = Self { dir: tempfile::tempdir().unwrap() };
            fs::write(place.current(), "old").unwrap();
            fs::write(place.dir.path().join("download"), "new").unwrap();
            place
        }

        fn current(&self) -> PathBuf {
            self.dir.path().join("sessionforge")
        }

        fn stage(&self) -> Result<Swap, SwapError> {
            Swap::stage(&self.current(), &self.dir.path().join("download"))
        }

        fn reads(&self) -> String {
            fs::read_to_string(self.current()).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.dir.path()).unwrap();
            let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn the_new_one_takes_its_place_and_the_old_one_is_kept_and_comes_back() {
        let place = Place::new();
        let swap = place.stage().unwrap();
        assert_eq!(place.reads(), "old", "staging changes nothing");
        swap.commit().unwrap();
        assert_eq!((place.reads().as_str(), fs::read_to_string(swap.old()).unwrap().as_str()), ("new", "old"));
        swap.back().unwrap();
        assert_eq!(place.reads(), "old");
        assert!(matches!(swap.back(), Err(SwapError::NoOld(..))));
        assert_eq!(place.reads(), "old", "there is always one");
        drop(swap);
        assert_eq!(place.names(), ["download", "sessionforge"]);
    }

    #[test]
    fn a_second_update_keeps_the_version_before_it_and_not_an_older_one() {
        let place = Place::new();
        place.stage().unwrap().commit().unwrap();
        fs::write(place.dir.path().join("download"), "newer").unwrap();
        let swap = place.stage().unwrap();
        swap.commit().unwrap();
        assert_eq!((place.reads().as_str(), fs::read_to_string(swap.old()).unwrap().as_str()), ("newer", "new"));
    }

    #[test]
    fn one_kept_before_that_still_runs_makes_way_and_goes_when_it_does_not() {
        let place = Place::new();
        let old = place.dir.path().join("sessionforge.old");
        // What no system removes as a file stands for what Windows does not remove while it runs.
        fs::create_dir(&old).unwrap();
        make_way(&old).unwrap();
        assert!(!old.exists());
        let aside = format!("sessionforge.old.1{}", std::env::consts::EXE_SUFFIX);
        assert!(place.dir.path().join(&aside).is_dir());
        fs::create_dir(&old).unwrap();
        make_way(&old).unwrap();
        assert!(place.dir.path().join(aside.replace(".1", ".2")).is_dir(), "the first is still in use");
        fs::write(&old, "it has ended").unwrap();
        make_way(&old).unwrap();
        make_way(&old).unwrap();
        assert!(!old.exists());
    }

    #[test]
    fn what_cannot_be_staged_leaves_nothing_behind() {
        let place = Place::new();
        fs::remove_file(place.dir.path().join("download")).unwrap();
        assert!(matches!(place.stage(), Err(SwapError::Source(..))));
        fs::create_dir(place.dir.path().join("download")).unwrap();
        assert!(place.stage().is_err(), "a directory is no program");
        assert_eq!((place.reads().as_str(), place.names()), ("old", vec!["download".into(), "sessionforge".into()]));
    }

    #[test]
    fn a_swap_that_is_given_up_leaves_nothing_behind() {
        let place = Place::new();
        drop(place.stage().unwrap());
        assert_eq!((place.reads().as_str(), place.names()), ("old", vec!["download".into(), "sessionforge".into()]));
    }

    #[test]
    fn one_that_cannot_take_its_place_leaves_the_old_one_there() {
        let place = Place::new();
        let swap = place.stage().unwrap();
        // Somebody has cleaned up.
        fs::remove_file(swap.staged()).unwrap();
        assert!(matches!(swap.commit(), Err(SwapError::Replace(..))));
        assert_eq!(place.reads(), "old");
        // A directory where the old one is to be kept.
        let swap = place.stage().unwrap();
        let _ = fs::remove_file(swap.old());
        fs::create_dir(swap.old()).unwrap();
        if cfg!(windows) {
            // There whatever has that name is moved out of the way, as PTY hosts may run it.
            swap.commit().unwrap();
            assert_eq!(place.reads(), "new");
        } else {
            assert!(matches!(swap.commit(), Err(SwapError::Replace(..))));
            assert_eq!(place.reads(), "old");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_not_half_a_program() {
        let place = Place::new();
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let error = fill(&mut File::open(place.current()).unwrap(), &mut full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_what_lies_in_the_way() {
        let place = Place::new();
        let elsewhere = place.dir.path().join("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        std::os::unix::fs::symlink(&elsewhere, place.dir.path().join("sessionforge.new")).unwrap();
        place.stage().unwrap().commit().unwrap();
        assert_eq!((place.reads().as_str(), fs::read_to_string(&elsewhere).unwrap().as_str()), ("new", "precious"));
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_stays_and_at_least_its_owner_may_run_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = Place::new();
        fs::set_permissions(place.current(), fs::Permissions::from_mode(0o755)).unwrap();
        place.stage().unwrap().commit().unwrap();
        assert_eq!(fs::metadata(place.current()).unwrap().permissions().mode() & 0o777, 0o755);
    }
}
