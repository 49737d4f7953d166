//! A program without a terminal: what it prints is shown, what is typed is sent line by line. What a terminal would do in
//! between, as far as that goes, is done here: line ends. There is no echo, no size, and no key means anything.

use std::io::{self, Read, Write};
use std::os::windows::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::WindowsPty;
use crate::pty::{Program, PtyError};

/// `CREATE_NO_WINDOW`: the host has no console that it could share.
const NO_WINDOW: u32 = 0x0800_0000;

/// Starts `program` with pipes.
pub(super) fn open(program: &Program) -> Result<WindowsPty, PtyError> {
    let mut command = Command::new(&program.path);
    command.args(&program.args).env_clear().envs(program.environment.iter().map(|(name, value)| (name, value)));
    command.current_dir(&program.workdir).creation_flags(NO_WINDOW);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| PtyError::Open(error.to_string()))?;
    let mut readers: Vec<Box<dyn Read + Send>> = Vec::new();
    readers.extend(child.stdout.take().map(|it| Box::new(Lines::new(it)) as Box<dyn Read + Send>));
    readers.extend(child.stderr.take().map(|it| Box::new(Lines::new(it)) as Box<dyn Read + Send>));
    let writer: Box<dyn Write + Send> = match child.stdin.take() {
        Some(stdin) => Box::new(Typed(stdin)),
        None => Box::new(io::sink()),
    };
    Ok(WindowsPty::new(None, Box::new(child), readers, writer)?)
}

/// Puts a carriage return before each line feed that has none: a terminal would go straight down.
struct Lines<R> {
    from: R,
    after_return: bool,
}

impl<R> Lines<R> {
    fn new(from: R) -> Self {
        Self { from, after_return: false }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // At worst each byte becomes two.
        let mut raw = vec![0; (into.len() / 2).max(1)];
        let bytes = self.from.read(&mut raw)?;
        let mut at = 0;
        for byte in &raw[..bytes] {
            if *byte == b'\n' && !self.after_return {
                into[at] = b'\r';
                at += 1;
            }
            into[at] = *byte;
            at += 1;
            self.after_return = *byte == b'\r';
        }
        Ok(at)
    }
}

/// What Enter sends is a carriage return; what ends a line is a line feed.
struct Typed<W>(W);

impl<W: Write> Write for Typed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // In one piece: a program may take what one read gives it for a line.
        let line_ends = memchr::memchr_iter(b'\r', bytes).count();
        let mut typed = Vec::with_capacity(bytes.len() + line_ends);
        for byte in bytes {
            typed.push(*byte);
            if *byte == b'\r' {
                typed.push(b'\n');
            }
        }
        self.0.write_all(&typed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
