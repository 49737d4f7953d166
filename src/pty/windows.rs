//! Terminals of Windows: a pseudo console (`ConPTY`) by portable-pty, and as a last resort plain pipes. Both block, so threads
//! read, write and wait.
//!
//! Not there yet, and said so rather than pretended: the process tree is ended by ending the program alone
//! (no job object), and [`Pty::interrupt`] never applies, because `ConPTY` takes input whatever the program does.

mod pipes;

use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use portable_pty::{Child, ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::PollSender;

use super::{Ending, Exit, Program, Pty, PtyError, Size};

/// Reads and writes that wait between a thread and the task, each at most [`CHUNK_BYTES`] long.
const CHUNKS_WAITING_MAX: usize = 16;
/// One read of the pipe, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// A program in a pseudo console, or at the end of pipes.
pub struct WindowsPty {
    /// The pseudo console; none for pipes, and none any more when the program has ended.
    master: Option<Box<dyn MasterPty + Send>>,
    killer: Box<dyn ChildKiller + Send + Sync>,
    pid: Option<u32>,
    output: mpsc::Receiver<Bytes>,
    /// The rest of a chunk that did not fit.
    left: Bytes,
    input: PollSender<Bytes>,
    ended: oneshot::Receiver<Exit>,
    exit: Option<Exit>,
}

/// Starts `program` in a new pseudo console.
pub fn open(program: &Program, size: Size) -> Result<WindowsPty, PtyError> {
    if program.without_terminal {
        return pipes::open(program);
    }
    let failed = |error: &dyn std::fmt::Display| PtyError::Open(error.to_string());
    let pair = native_pty_system().openpty(pty_size(size)).map_err(|error| failed(&error))?;
    let mut command = CommandBuilder::new(&program.path);
    command.args(&program.args);
    command.env_clear();
    for (name, value) in &program.environment {
        command.env(name, value);
    }
    command.cwd(&program.workdir);
    let child = pair.slave.spawn_command(command).map_err(|error| failed(&error))?;
    let reader = pair.master.try_clone_reader().map_err(|error| failed(&error))?;
    let writer = pair.master.take_writer().map_err(|error| failed(&error))?;
    Ok(WindowsPty::new(Some(pair.master), child, vec![reader], writer)?)
}

impl WindowsPty {
    fn new(
        master: Option<Box<dyn MasterPty + Send>>,
        mut child: Box<dyn Child + Send + Sync>,
        readers: Vec<Box<dyn Read + Send>>,
        mut writer: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let (output_in, output) = mpsc::channel(CHUNKS_WAITING_MAX);
        for mut reader in readers {
            let output_in = output_in.clone();
            std::thread::Builder::new().name("pty-read".to_owned()).spawn(move || {
                let mut buffer = vec![0; CHUNK_BYTES];
                while let Ok(bytes @ 1..) = reader.read(&mut buffer) {
                    if output_in.blocking_send(Bytes::copy_from_slice(&buffer[..bytes])).is_err() {
                        break;
                    }
                }
            })?;
        }
        let (input, mut input_out) = mpsc::channel::<Bytes>(CHUNKS_WAITING_MAX);
        std::thread::Builder::new().name("pty-write".to_owned()).spawn(move || {
            while let Some(bytes) = input_out.blocking_recv() {
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    break;
                }
            }
        })?;
        let (killer, pid) = (child.clone_killer(), child.process_id());
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new().name("pty-wait".to_owned()).spawn(move || {
            let code = child.wait().map_or(-1, |status| status.exit_code().cast_signed());
            let _ = end.send(Exit::Code(code));
        })?;
        Ok(Self { master, killer, pid, output, left: Bytes::new(), input: PollSender::new(input), ended, exit: None })
    }
}

impl Pty for WindowsPty {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.left.is_empty() {
            let Some(chunk) = ready!(self.output.poll_recv(cx)) else { return Poll::Ready(Ok(0)) };
            self.left = chunk;
        }
        let bytes = into.len().min(self.left.len());
        self.left.copy_to_slice(&mut into[..bytes]);
        Poll::Ready(Ok(bytes))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.input.poll_reserve(cx)).map_err(gone)?;
        let taken = bytes.len().min(CHUNK_BYTES);
        self.input.send_item(Bytes::copy_from_slice(&bytes[..taken])).map_err(gone)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<Exit> {
        if let Some(exit) = &self.exit {
            return Poll::Ready(exit.clone());
        }
        let exit = ready!(std::pin::Pin::new(&mut self.ended).poll(cx)).unwrap_or(Exit::Code(-1));
        self.exit = Some(exit.clone());
        if let Some(master) = self.master.take() {
            // A pseudo console lives on without its program; closing it ends the output. That waits until the output has
            // been read, which this task does.
            std::thread::spawn(move || drop(master));
        }
        Poll::Ready(exit)
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        let Some(master) = &self.master else { return Ok(()) };
        master.resize(pty_size(size)).map_err(|error| io::Error::other(error.to_string()))
    }

    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn end(&mut self, _how: Ending) {
        let _ = self.killer.kill();
    }

    fn interrupt(&mut self, _bytes: &[u8]) -> Option<usize> {
        None
    }
}

fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows, cols: size.cols, pixel_width: 0, pixel_height: 0 }
}
