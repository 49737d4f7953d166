//! The programs in the sessions. What they print is known in advance, byte for byte, and what they read they write down.
//!
//! A line is 20 bytes: its number, a hash of it, and the way to the next row. So line and byte at any offset are known
//! without having seen what came before, and a screen at any offset too.

use std::path::{Path, PathBuf};

use sessionforge::base::id::SessionId;
use sessionforge::base::offset::Offset;

use crate::support::viewer::Script;
use crate::support::world::World;

/// Bytes of a line.
pub const LINE_BYTES: u64 = 20;

/// Rows of every terminal in the drill.
pub const ROWS: u64 = 24;

/// Lines of one flood: more than the 2 MiB that a PTY host and the server keep.
const FLOOD_LINES: u64 = 150_000;

/// The lines of one stream.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// Tells the streams apart, so that one cannot be taken for another.
    pub salt: u64,
}

impl Lines {
    /// Line `number`.
    pub fn line(self, number: u64) -> String {
        format!("{number:08} {:08x}.\r\n", (number * 2_654_435_761 + self.salt) & 0xffff_ffff)
    }

    /// The first `count`.
    pub fn first(self, count: u64) -> Vec<u8> {
        (0..count).flat_map(|number| self.line(number).into_bytes()).collect()
    }

    /// What a terminal shows when everything up to `offset` was written.
    fn screen(self, offset: Offset) -> String {
        let (whole, part) = (offset.0 / LINE_BYTES, offset.0 % LINE_BYTES);
        let mut rows: Vec<String> = (whole.saturating_sub(ROWS - 1)..whole).map(|number| self.line(number)).collect();
        rows.push(self.line(whole).chars().take(usize::try_from(part).expect("less than a line")).collect());
        rows.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl Script for Lines {
    fn check_output(&self, offset: Offset, bytes: &[u8]) -> Result<(), String> {
        let first = offset.0 / LINE_BYTES;
        let last = (offset.0 + bytes.len() as u64).div_ceil(LINE_BYTES);
        let lines: Vec<u8> = (first..last).flat_map(|number| self.line(number).into_bytes()).collect();
        let skipped = usize::try_from(offset.0 % LINE_BYTES).expect("less than a line");
        let wanted = &lines[skipped..skipped + bytes.len()];
        match wanted.iter().zip(bytes).position(|(wanted, got)| wanted != got) {
            None => Ok(()),
            Some(at) => Err(format!(
                "at {offset} + {at} comes {:?} instead of {:?}",
                String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 60)]),
                String::from_utf8_lossy(&wanted[at..wanted.len().min(at + 60)]),
            )),
        }
    }

    fn check_screen(&self, offset: Offset, screen: &str) -> Result<(), String> {
        let wanted = self.screen(offset);
        if screen == wanted { Ok(()) } else { Err(format!("painted at {offset}:\n{screen}\ninstead of:\n{wanted}")) }
    }
}

/// One session of the drill.
pub struct Program {
    /// Its session.
    pub session: SessionId,
    /// What it prints.
    pub prints: Lines,
    /// What is typed into it.
    pub typed: Lines,
    dir: PathBuf,
    /// Prints only what is typed.
    echoes: bool,
}

impl Program {
    /// One that prints by itself, and writes down what is typed.
    pub async fn printer(world: &World, number: u64) -> Self {
        let (prints, typed) = (Lines { salt: 1_000 + number }, Lines { salt: 2_000 + number });
        let dir = directory(world, number);
        // A line is built with the shell's own arithmetic; nothing else is started, so nothing else can be killed.
        let script = format!(
            "cd '{}' || exit; stty raw -echo; exec {{never}}<> <(:); n=0
             lines() {{ local i text= line; for ((i = 0; i < $1; i++)); do
                 printf -v line '%08d %08x.\\r\\n' $n $(((n * 2654435761 + {}) & 0xffffffff)); text+=$line; ((n++))
                 if ((i % 500 == 499)); then printf %s \"$text\"; text=; fi
             done; printf %s \"$text\"; }}
             print() {{ until [ -e stop ]; do
                 lines 20
                 if [ -e flood ]; then rm flood; lines {FLOOD_LINES}; fi
                 read -r -t 0.05 -u $never
             done; echo $n > printed.new; mv printed.new printed; }}
             print & exec cat > record",
            dir.display(),
            prints.salt,
        );
        let session = world.start_session("bash", &["-c", &script]).await;
        Self { session, prints, typed, dir, echoes: false }
    }

    /// One that prints what is typed, and writes it down.
    pub async fn echo(world: &World, number: u64) -> Self {
        let lines = Lines { salt: 3_000 + number };
        let dir = directory(world, number);
        let script = format!("cd '{}' || exit; stty raw -echo; exec tee record", dir.display());
        let session = world.start_session("bash", &["-c", &script]).await;
        Self { session, prints: lines, typed: lines, dir, echoes: true }
    }

    /// Has it print much more than any log keeps. Nothing for one that only echoes.
    pub fn flood(&self) {
        if !self.echoes {
            std::fs::write(self.dir.join("flood"), "").unwrap();
        }
    }

    /// Has it print no more.
    pub fn stop_printing(&self) {
        std::fs::write(self.dir.join("stop"), "").unwrap();
    }

    /// Where its output ends, once it prints no more. `typed` lines were typed into it.
    pub fn end(&self, typed: u64) -> Option<Offset> {
        let lines = if self.echoes {
            typed
        } else {
            std::fs::read_to_string(self.dir.join("printed")).ok()?.trim().parse().unwrap()
        };
        Some(Offset(lines * LINE_BYTES))
    }

    /// What it was typed.
    pub fn record(&self) -> Vec<u8> {
        std::fs::read(self.dir.join("record")).unwrap_or_default()
    }
}

fn directory(world: &World, number: u64) -> PathBuf {
    let dir: &Path = &world.dir().join(format!("program-{number}"));
    std::fs::create_dir(dir).unwrap();
    dir.to_owned()
}

#[test]
fn a_stream_is_checked_at_any_offset_and_so_is_its_screen() {
    let lines = Lines { salt: 5 };
    let bytes = lines.first(100);
    for at in 0..bytes.len() {
        lines.check_output(Offset(at as u64), &bytes[at..]).unwrap();
    }
    for (what, wrong) in [("doubled", [&bytes[..40], &bytes[20..60]].concat()), ("missing", bytes[20..60].to_vec())] {
        assert!(lines.check_output(Offset(0), &wrong).is_err(), "a line is {what}");
    }
    for offset in (0..bytes.len() as u64).step_by(7) {
        let mut screen = crate::support::screen::Screen::new(80, 24);
        screen.feed(&bytes[..usize::try_from(offset).unwrap()]);
        lines.check_screen(Offset(offset), &screen.text()).unwrap();
    }
}
