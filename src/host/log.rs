//! The host's log: `<session id>.log` in the runtime directory, written only when something goes wrong.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;

/// Most that one host ever logs, in bytes: a fault that repeats says nothing new.
const LOG_BYTES_MAX: usize = 256 * 1024;

/// From now on warnings, errors and panics go to `path`. The file appears with the first of them.
pub(super) fn start(path: PathBuf) {
    let file = LazyFile(Arc::new(Mutex::new((path, None, 0))));
    let writer = move || file.clone();
    // Fails only where a log was set up before; then that one is used.
    let _ = tracing_subscriber::fmt().with_ansi(false).with_max_level(LevelFilter::WARN).with_writer(writer).try_init();
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a bug in SessionForge")));
}

/// Opened at the first write; and how much was written.
#[derive(Clone)]
struct LazyFile(Arc<Mutex<(PathBuf, Option<File>, usize)>>);

impl Write for LazyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, file, written) = &mut *guard;
        *written = written.saturating_add(bytes.len());
        if *written > LOG_BYTES_MAX {
            return Ok(bytes.len());
        }
        let file = match file {
            Some(file) => file,
            None => file.insert(OpenOptions::new().create(true).append(true).open(path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
