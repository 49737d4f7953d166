//! Backups that are made before an update: in `backups/` in the data directory, the newest few.

use std::path::{Path, PathBuf};

use crate::base::clock::unix_millis;
use crate::base::private;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::server::maintain;
use crate::wire::build;

const DIRECTORY: &str = "backups";

/// Backups that are kept: whoever notices a month later that something was lost since an update still has the one.
const KEPT: usize = 5;

/// Their names begin with this, so that what people put there themselves stays.
const PREFIX: &str = "before-update-";

/// Makes one of the state as it is now, and removes the oldest.
pub(super) async fn make(data_dir: &Path) -> Result<PathBuf, Failure> {
    let directory = data_dir.join(DIRECTORY);
    private::create_directory(&directory).map_err(|error| {
        Failure::new(Exit::Failed, format_args!("{} cannot be used: {error}; nothing was changed", directory.display()))
    })?;
    // Seconds since 1970, so that names are in the order of time.
    let path = directory.join(format!("{PREFIX}{}-from-{}.redb", unix_millis() / 1_000, build::version()));
    maintain::backup(data_dir, &path, &mut Output::kept().0)
        .await
        .map_err(|failure| Failure { sentence: format!("{}; nothing was changed", failure.sentence), ..failure })?;
    trim(&directory);
    Ok(path)
}

fn trim(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let name = |path: &PathBuf| path.file_name().and_then(|it| it.to_str()).map(str::to_owned).unwrap_or_default();
    let mut ours: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| name(path).starts_with(PREFIX)).collect();
    ours.sort();
    for old in ours.iter().rev().skip(KEPT) {
        // One that cannot be removed costs room and nothing else.
        let _ = std::fs::remove_file(old);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_what_is_not_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        for at in 1..=8 {
            std::fs::write(dir.path().join(format!("{PREFIX}180000000{at}-from-0.1.0.redb")), "x").unwrap();
        }
        std::fs::write(dir.path().join("mine.redb"), "x").unwrap();
        trim(dir.path());
        let mut left: Vec<String> =
            std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!((left.len(), left[0].as_str()), (KEPT + 1, "before-update-1800000004-from-0.1.0.redb"));
        assert_eq!(left.last().unwrap(), "mine.redb");
    }
}
