//! The log: for whoever runs the program. Never terminal content, never a secret.
//!
//! `SESSIONFORGE_LOG` chooses what is in it, like `debug` or `sessionforge::agent=trace,info`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// Days whose log files are kept, unless told otherwise.
const DAYS: u16 = 7;

/// Lines waiting for the disk; more are dropped, so that a full disk holds up nobody.
const LINES_MAX: usize = 4_096;

const FILTER_VARIABLE: &str = "SESSIONFORGE_LOG";

/// Writes what is still waiting when dropped.
pub(super) type Guard = Option<WorkerGuard>;

/// Where and how.
#[derive(Debug)]
pub(super) struct Log {
    /// `None` for standard error.
    pub(super) file: Option<PathBuf>,
    /// One JSON object a line instead of text.
    pub(super) json: bool,
    /// Days whose files are kept.
    pub(super) days: u16,
}

/// Logs as text to standard error, or to `file`.
pub(super) fn start(file: Option<PathBuf>) -> anyhow::Result<Guard> {
    start_as(Log { file, json: false, days: DAYS })
}

/// Logs.
pub(super) fn start_as(Log { file, json, days }: Log) -> anyhow::Result<Guard> {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    match file {
        None => {
            let log = log.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
            if json {
                log.json().flatten_event(true).init();
            } else {
                log.init();
            }
            Ok(None)
        }
        Some(path) => {
            let (writer, guard) = open(&path, days)?;
            let log = log.with_ansi(false).with_writer(writer);
            if json {
                log.json().flatten_event(true).init();
            } else {
                log.init();
            }
            Ok(Some(guard))
        }
    }
}

fn open(path: &Path, days: u16) -> anyhow::Result<(NonBlocking, WorkerGuard)> {
    let context = || format!("the log file {} cannot be written", path.display());
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).with_context(context)?;
    let name = path.file_name().with_context(context)?.to_string_lossy().into_owned();
    let appender: RollingFileAppender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(name)
        .max_log_files(usize::from(days))
        .build(directory)
        .with_context(context)?;
    Ok(NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX).finish(appender))
}
