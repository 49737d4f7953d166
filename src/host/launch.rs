//! Starts a PTY host: runs this program again with the hidden subcommand `host`, hands it a [`Spec`], reads its
//! [`Report`]. By then the host has left the caller's process group, terminal and children.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::spec::{Ready, Report, Spec};
use crate::base::problem::{Code, Problem};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "host";

/// Time from the start to the report. The machine may be busy; a start that takes longer has failed.
const REPORT_WITHIN: Duration = Duration::from_secs(15);

/// One report, in bytes.
const REPORT_BYTES_MAX: u64 = 64 * 1024;

/// Why no PTY host runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The host says why, for the person.
    #[error("{0}")]
    Refused(Problem),
    /// This program could not be run again.
    #[error("the PTY host could not be started from {0}: {1}")]
    Spawn(PathBuf, io::Error),
    /// It ended before it said anything.
    #[error("the PTY host gave no answer")]
    NoReport,
    /// It has not said anything yet: it may be about to.
    #[error("the PTY host did not answer within {} s: whether the session runs shows when the machine is less busy", REPORT_WITHIN.as_secs())]
    Late,
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused(problem) => problem,
            StartError::Late => Problem::new(Code::OutcomeUnknown, error),
            StartError::Spawn(..) | StartError::NoReport => Problem::new(Code::Internal, error),
        }
    }
}

/// The file to run again: this very program, also after an update has put another one in its place.
pub fn own_executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// Lets no further process inherit our standard handles: on Windows one inherits all that may be inherited, and who reads what we
/// print would wait for the end of the session. What a process is given on purpose is a copy.
#[cfg(windows)]
fn keep_to_ourselves() {
    use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
    use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE};
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: changes a flag of a handle; none, or a console's, is refused, and neither is inherited.
        unsafe { SetHandleInformation(GetStdHandle(which), HANDLE_FLAG_INHERIT, 0) };
    }
}

/// Starts a PTY host by `executable` and waits until its program runs and its socket accepts. The host, and by it the
/// program, has this process's environment, or `environment` in its place.
pub async fn start(
    executable: &Path,
    spec: &Spec,
    environment: Option<&Vec<(OsString, OsString)>>,
) -> Result<Ready, StartError> {
    let failed = |error| StartError::Spawn(executable.to_owned(), error);
    let mut command = Command::new(executable);
    if let Some(environment) = environment {
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    }
    // Whoever owns the program could read it in the host's environment.
    command.env_remove("SESSIONFORGE_API_KEY");
    command.arg(SUBCOMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    command.arg0("sessionforge");
    #[cfg(windows)]
    {
        // Neither the console nor a Ctrl-C of the agent's may reach the host.
        const DETACHED_PROCESS: u32 = 0x0000_0008;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP).kill_on_drop(false);
        keep_to_ourselves();
    }
    let mut child = command.spawn().map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());

    let report = async {
        let json = serde_json::to_vec(spec).map_err(io::Error::from)?;
        if let Some(mut stdin) = stdin {
            stdin.write_all(&json).await?;
            stdin.shutdown().await?;
        }
        let mut line = Vec::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout.take(REPORT_BYTES_MAX)).read_until(b'\n', &mut line).await?;
        }
        io::Result::Ok(line)
    };
    let line = match tokio::time::timeout(REPORT_WITHIN, report).await {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => return Err(failed(error)),
        Err(_) => return Err(StartError::Late),
    };
    #[cfg(unix)]
    {
        // What was started has forked and gone; this only reaps it.
        let _ = tokio::time::timeout(REPORT_WITHIN, child.wait()).await;
    }
    match serde_json::from_slice(&line) {
        Ok(Report::Ready(ready)) => Ok(ready),
        Ok(Report::Problem(problem)) => Err(StartError::Refused(problem)),
        Err(_) => Err(StartError::NoReport),
    }
}
