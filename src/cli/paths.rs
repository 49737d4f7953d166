//! Where things are when nobody says otherwise: by each system's convention.

use std::path::PathBuf;

use directories::ProjectDirs;

use super::args::DataDir;
use super::failure::{Exit, Failure};
use crate::base::private;

/// Variable that names the data directory.
pub(super) const DATA_DIR_VARIABLE: &str = "SESSIONFORGE_DATA_DIR";

/// The data directory: as given, else `~/.local/share/sessionforge`, `~/Library/Application Support/sessionforge`,
/// `%LOCALAPPDATA%\sessionforge\data`. Made if it is not there, for its owner alone; one that is there stays as it is.
pub(super) fn data_dir(given: DataDir) -> Result<PathBuf, Failure> {
    let path = match given.data_dir {
        Some(path) => path,
        None => usual_data_dir().ok_or_else(|| {
            Failure::new(Exit::Failed, "no home directory is known").hint("say where to keep data with --data-dir")
        })?,
    };
    // PTY hosts and later starts meet it from other working directories.
    std::path::absolute(&path).and_then(|path| if path.is_dir() { Ok(path) } else { make(path) }).map_err(|cause| {
        Failure::new(Exit::Failed, format_args!("the data directory {} cannot be used: {cause}", path.display()))
            .hint("choose another with --data-dir")
    })
}

/// The one that is used if none is named; nothing for who has no home.
pub(super) fn usual_data_dir() -> Option<PathBuf> {
    ProjectDirs::from("", "", "sessionforge").map(|dirs| dirs.data_local_dir().to_owned())
}

fn make(path: PathBuf) -> std::io::Result<PathBuf> {
    private::create_directory(&path)?;
    Ok(path)
}

/// What a further command must be told to find the same data directory, with a blank before it; nothing if it finds it by
/// itself.
pub(super) fn option(given: &DataDir) -> String {
    match &given.data_dir {
        Some(path) if std::env::var_os(DATA_DIR_VARIABLE).is_none_or(|set| set != *path) => {
            format!(" --data-dir {}", shell_word(&path.to_string_lossy()))
        }
        _ => String::new(),
    }
}

/// A word that a shell reads as it stands.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_take_it_apart() {
        for (text, word) in
            [("/tmp/x-1", "/tmp/x-1"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$HOME", "'$HOME'")]
        {
            assert_eq!(shell_word(text), word);
        }
    }
}
