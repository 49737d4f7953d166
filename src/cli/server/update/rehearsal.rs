//! A new version opens a copy of the state before it is let near the state itself: what it cannot read or bring to its own
//! form it says here, with the old server still running.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::base::private;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::printable;

/// A state of hundreds of MiB is brought to another form within this, also on a slow disk.
const WITHIN: Duration = Duration::from_mins(5);

/// The end of what it says when it fails, in bytes.
const SAID_BYTES_MAX: usize = 500;

/// Has the program `staged` open and read a copy of the backup `copy`.
pub(super) async fn rehearse(staged: &Path, data_dir: &Path, copy: &Path, version: &str) -> Result<(), Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let sentence = format!("{version} cannot use the state of this server ({why}); nothing was changed");
        Failure::new(Exit::Failed, sentence)
    };
    let stage = Stage::new(data_dir).map_err(|error| failed(&error))?;
    std::fs::copy(copy, stage.0.join("state.redb")).map_err(|error| failed(&error))?;
    // It opens the state, brings it to its own form, and reads all of it; it listens nowhere and tells nobody.
    let mut command = Command::new(staged);
    command.args(["server", "backup"]).arg(stage.0.join("read.redb")).arg("--data-dir").arg(&stage.0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let reading = tokio::process::Command::from(command).kill_on_drop(true).output();
    match tokio::time::timeout(WITHIN, reading).await {
        Ok(Ok(ran)) if ran.status.success() => Ok(()),
        Ok(Ok(ran)) => {
            let said = String::from_utf8_lossy(&ran.stderr);
            let said = said.trim().chars().take(SAID_BYTES_MAX).collect::<String>();
            let said = if said.is_empty() { ran.status.to_string() } else { said };
            Err(failed(&printable(&said)))
        }
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"it does not come to an end")),
    }
}

/// A directory that is gone when it is no longer needed.
struct Stage(PathBuf);

impl Stage {
    fn new(data_dir: &Path) -> std::io::Result<Self> {
        let path = data_dir.join("rehearsal");
        // Left by one that was cut short.
        let _ = std::fs::remove_dir_all(&path);
        private::create_directory(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
