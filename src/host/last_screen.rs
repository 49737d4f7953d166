//! A session's last screen on disk: `<session id>.screen` in the runtime directory, for when its PTY host is gone.
//!
//! One line of JSON, then the visible screen as escape sequences, then, of a session that has ended, the screen with its
//! scrollback. The host writes a new file and renames it over the old one; whoever reads it believes nothing: a file of
//! another session, another length or another digest is passed over.
//!
//! It is not synced: a flush every two seconds for each session at work would cost more than it saves. After a power cut
//! the file may be a few seconds older than the screen was, or torn, which the digest tells.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::runtime_dir::screen_path;
use crate::base::id::SessionId;
use crate::base::limits::{COLS_MAX, ROWS_MAX};
use crate::base::offset::Offset;
use crate::wire::frame::SnapshotAt;

/// One visible screen, in bytes. A full one of 200×60 with a colour at every cell has 300 KiB; larger ones are not kept.
pub const SCREEN_BYTES_MAX: usize = 1024 * 1024;

/// One screen with its scrollback, in bytes: 5,000 lines of 120 columns of text are 600 KiB. Without it the screen is
/// kept alone.
pub const HISTORY_BYTES_MAX: usize = 1024 * 1024;

/// The first line, in bytes.
const HEADER_BYTES_MAX: usize = 1024;

/// What this build writes and reads.
const FORMAT: u32 = 1;

/// A screen that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastScreen {
    /// When, in milliseconds since 1970 by this machine's clock.
    pub taken_at: u64,
    /// Where in the session's life.
    pub at: SnapshotAt,
    /// The visible screen.
    pub screen: Bytes,
    /// The same with the scrollback.
    pub history: Option<Bytes>,
}

/// Why a file is passed over.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its first line says nothing this build understands.
    #[error("its first line cannot be understood")]
    Header,
    /// It is of another session.
    #[error("it is of {0}")]
    Foreign(SessionId),
    /// It is larger than any that this build writes, or not as large as it says, or says other bytes.
    #[error("it is not whole")]
    Torn,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    session: SessionId,
    taken_at: u64,
    offset: Offset,
    epoch: u32,
    cols: u16,
    rows: u16,
    screen_bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history_bytes: Option<usize>,
    /// Of everything behind the first line, in hexadecimal.
    sha256: String,
}

impl Header {
    /// Reads the first line; gives the rest.
    fn parse(session: SessionId, bytes: &[u8]) -> Result<(Self, usize), Unusable> {
        let line = bytes.iter().take(HEADER_BYTES_MAX).position(|byte| *byte == b'\n').ok_or(Unusable::Header)?;
        let header: Self =
            serde_json::from_slice(bytes.get(..line).unwrap_or_default()).map_err(|_| Unusable::Header)?;
        let is_size = (1..=COLS_MAX).contains(&header.cols) && (1..=ROWS_MAX).contains(&header.rows);
        if header.format != FORMAT || !is_size {
            return Err(Unusable::Header);
        }
        if header.session != session {
            return Err(Unusable::Foreign(header.session));
        }
        if header.screen_bytes > SCREEN_BYTES_MAX || header.history_bytes.is_some_and(|bytes| bytes > HISTORY_BYTES_MAX)
        {
            return Err(Unusable::Torn);
        }
        Ok((header, line + 1))
    }

    fn body_bytes(&self) -> usize {
        self.screen_bytes + self.history_bytes.unwrap_or(0)
    }
}

/// Puts `last` in the place of what was kept of `session` before. A scrollback beyond its bound is left out.
pub fn write(dir: &Path, session: SessionId, last: &LastScreen) -> io::Result<()> {
    if last.screen.len() > SCREEN_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let history = last.history.as_ref().filter(|history| history.len() <= HISTORY_BYTES_MAX);
    let mut digest = Sha256::new();
    digest.update(&last.screen);
    digest.update(history.map_or(&[][..], |history| history));
    let header = Header {
        format: FORMAT,
        session,
        taken_at: last.taken_at,
        offset: last.at.offset,
        epoch: last.at.epoch,
        cols: last.at.cols,
        rows: last.at.rows,
        screen_bytes: last.screen.len(),
        history_bytes: history.map(Bytes::len),
        sha256: hex(&digest.finalize()),
    };
    let mut line = serde_json::to_vec(&header)?;
    line.push(b'\n');
    let (path, new) = (screen_path(dir, session), new_path(dir, session));
    let written = create(&new)
        .and_then(|mut file| {
            file.write_all(&line)?;
            file.write_all(&last.screen)?;
            file.write_all(history.map_or(&[][..], |history| history))
        })
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What failed is reported; a leftover is only untidy.
        let _ = fs::remove_file(&new);
    }
    written
}

/// What was kept of `session`; `None` if nothing was, or nothing that can be used.
pub fn read(dir: &Path, session: SessionId) -> Option<LastScreen> {
    passed_over(session, try_read(dir, session))
}

/// When the screen was taken that [`read`] would give. Cheap: it looks at the first line only.
pub fn taken_at(dir: &Path, session: SessionId) -> Option<u64> {
    let look = || {
        let file = File::open(screen_path(dir, session))?;
        let bytes = file.metadata()?.len();
        let mut front = Vec::new();
        file.take(HEADER_BYTES_MAX as u64).read_to_end(&mut front)?;
        let (header, line) = Header::parse(session, &front)?;
        let whole = bytes == (line + header.body_bytes()) as u64;
        if whole { Ok(header.taken_at) } else { Err(Unusable::Torn) }
    };
    passed_over(session, look())
}

fn try_read(dir: &Path, session: SessionId) -> Result<LastScreen, Unusable> {
    let mut bytes = Vec::new();
    let most = HEADER_BYTES_MAX + SCREEN_BYTES_MAX + HISTORY_BYTES_MAX;
    File::open(screen_path(dir, session))?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    let (header, line) = Header::parse(session, &bytes)?;
    let body = Bytes::from(bytes).slice(line..);
    if body.len() != header.body_bytes() || hex(&Sha256::digest(&body)) != header.sha256 {
        return Err(Unusable::Torn);
    }
    let at = SnapshotAt { offset: header.offset, epoch: header.epoch, cols: header.cols, rows: header.rows };
    let screen = body.slice(..header.screen_bytes);
    let history = header.history_bytes.map(|_| body.slice(header.screen_bytes..));
    Ok(LastScreen { taken_at: header.taken_at, at, screen, history })
}

fn passed_over<T>(session: SessionId, read: Result<T, Unusable>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(Unusable::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => {
            tracing::warn!(%session, %cause, "its last screen on disk cannot be used");
            None
        }
    }
}

/// Removes what was kept of `session`, whole or half written.
pub(super) fn forget(dir: &Path, session: SessionId) {
    let _ = fs::remove_file(screen_path(dir, session));
    let _ = fs::remove_file(new_path(dir, session));
}

/// Only the session's own host writes it, so the name need not differ from one time to the next, and what a killed host
/// leaves behind is found again.
fn new_path(dir: &Path, session: SessionId) -> std::path::PathBuf {
    dir.join(format!("{session}.screen.new"))
}

/// An empty file that its owner alone may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn last(screen: &'static [u8], history: Option<&'static [u8]>) -> LastScreen {
        let at = SnapshotAt { offset: Offset(900), epoch: 2, cols: 80, rows: 24 };
        LastScreen { taken_at: 7, at, screen: Bytes::from_static(screen), history: history.map(Bytes::from_static) }
    }

    fn kept() -> (tempfile::TempDir, SessionId) {
        let dir = tempfile::tempdir().unwrap();
        let session = SessionId::random();
        write(dir.path(), session, &last(b"\x1b[Hscreen\n", Some(b"before\n\x1b[Hscreen\n"))).unwrap();
        (dir, session)
    }

    #[test]
    fn a_screen_is_read_back_as_it_was_written_and_the_newest_counts() {
        let (dir, session) = kept();
        assert_eq!(read(dir.path(), session), Some(last(b"\x1b[Hscreen\n", Some(b"before\n\x1b[Hscreen\n"))));
        assert_eq!(taken_at(dir.path(), session), Some(7));
        write(dir.path(), session, &last(b"", None)).unwrap();
        assert_eq!(read(dir.path(), session), Some(last(b"", None)));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half written is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(screen_path(dir.path(), session)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        forget(dir.path(), session);
        assert_eq!((read(dir.path(), session), fs::read_dir(dir.path()).unwrap().count()), (None, 0));
    }

    #[test]
    fn a_file_that_is_not_exactly_what_was_written_is_passed_over() {
        let (dir, session) = kept();
        let path = screen_path(dir.path(), session);
        let whole = fs::read(&path).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        let other = SessionId::random().to_string();
        for (what, wrong) in [
            ("empty", Vec::new()),
            ("no line", vec![b'x'; 4 * HEADER_BYTES_MAX]),
            ("cut short", whole[..whole.len() - 1].to_vec()),
            ("longer", [&whole[..], b"x"].concat()),
            ("another session's", text.replace(&session.to_string(), &other).into_bytes()),
            ("another byte", text.replace("before", "befare").into_bytes()),
            ("of a later format", text.replace("\"format\":1", "\"format\":2").into_bytes()),
            ("without a size", text.replace("\"cols\":80", "\"cols\":0").into_bytes()),
            ("more than there may be", text.replace("\"screen_bytes\":", "\"screen_bytes\":9999999999").into_bytes()),
            (
                "more than a number",
                text.replace("\"screen_bytes\":", "\"screen_bytes\":99999999999999999999").into_bytes(),
            ),
        ] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(read(dir.path(), session), None, "{what}");
        }
        fs::write(&path, vec![0; HEADER_BYTES_MAX + SCREEN_BYTES_MAX + HISTORY_BYTES_MAX + 10]).unwrap();
        assert_eq!((read(dir.path(), session), taken_at(dir.path(), session)), (None, None), "too large");
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_a_long_scrollback_is_left_out() {
        let (dir, session) = kept();
        let bytes = |bytes| Bytes::from(vec![b'x'; bytes]);
        let screen = LastScreen { history: Some(bytes(HISTORY_BYTES_MAX + 1)), ..last(b"new", None) };
        write(dir.path(), session, &screen).unwrap();
        assert_eq!(read(dir.path(), session), Some(last(b"new", None)));
        let too_large = LastScreen { screen: bytes(SCREEN_BYTES_MAX + 1), ..last(b"", None) };
        assert!(write(dir.path(), session, &too_large).is_err());
        assert_eq!(read(dir.path(), session), Some(last(b"new", None)), "the one before stays");
    }
}
