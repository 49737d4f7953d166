//! Where things are when nobody says otherwise: by each system's convention.

use std::path::PathBuf;

use directories::ProjectDirs;

use super::args::DataDir;
use super::failure::{Exit, Failure};
use crate::base::private;

/// The data directory: as given, else `~/.local/share/sessionforge`, `~/Library/Application Support/sessionforge`,
/// `%LOCALAPPDATA%\sessionforge\data`. Made if it is not there, for its owner alone; one that is there stays as it is.
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
    std::path::absolute(&path).and_then(|path| if path.is_dir() { Ok(path) } else { make(path) }).map_err(|cause| {
        Failure::new(Exit::Failed, format_args!("the data directory {} cannot be used: {cause}", path.display()))
            .hint("choose another with --data-dir")
    })
}

fn make(path: PathBuf) -> std::io::Result<PathBuf> {
    private::create_directory(&path)?;
    Ok(path)
}
