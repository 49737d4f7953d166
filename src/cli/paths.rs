//! Where things are when nobody says otherwise: by each system's convention.

use std::path::PathBuf;

use directories::ProjectDirs;

use super::args::DataDir;
use super::failure::{Exit, Failure};

/// The data directory: as given, else `~/.local/share/sessionforge`, `~/Library/Application Support/sessionforge`,
/// `%LOCALAPPDATA%\sessionforge\data`.
pub(super) fn data_dir(given: DataDir) -> Result<PathBuf, Failure> {
    let path = match given.data_dir {
        Some(path) => path,
        None => {
            ProjectDirs::from("", "", "sessionforge").map(|dirs| dirs.data_local_dir().to_owned()).ok_or_else(|| {
                Failure::new(Exit::Failed, "no home directory is known").hint("say where to keep data with --data-dir")
            })?
        }
    };
    // PTY hosts and later starts meet it from other working directories.
    std::path::absolute(&path)
        .map_err(|cause| Failure::new(Exit::Failed, format_args!("{} cannot be used: {cause}", path.display())))
}
