//! The client's end of a PTY host's socket, for the agent and for a terminal on the same machine.
//!
//! After the greeting the host says [`SessionSays::Info`](crate::wire::message::SessionSays) and `Control` by itself;
//! asks are [`SessionAsk`] in bare control frames, output comes on channel 0 after `Subscribe`, within the credit that
//! `Ack` frames give.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::framed::{FrameReader, FrameWriter, FramedError};
use crate::base::problem::{Code, Problem};
use crate::wire::frame::Frame;
use crate::wire::hello::{Hello, Role};
use crate::wire::message::{self, SessionAsk};

/// The stream under a PTY host's socket.
#[cfg(unix)]
pub type LocalStream = tokio::net::UnixStream;
/// The stream under a PTY host's socket.
#[cfg(windows)]
pub type LocalStream = tokio::net::windows::named_pipe::NamedPipeClient;

/// Reads what a host sends.
pub type HostReader = FrameReader<tokio::io::ReadHalf<LocalStream>>;
/// Writes what a host is sent.
pub type HostWriter = FrameWriter<tokio::io::WriteHalf<LocalStream>>;

/// Time from connecting to the host's greeting, and from an ask to its being carried out. A host answers within a millisecond; one that is stopped never does.
const GREETING_WITHIN: Duration = Duration::from_secs(5);

/// Why a host cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens: the host is gone, and its session with it, unless its facts say that it exited.
    #[error("the session's PTY host is gone")]
    Gone,
    /// It listens, but closed the connection without a greeting: as many are open as it takes, or it is just ending.
    #[error("the session's PTY host takes no more connections: detach a terminal from it, and try again")]
    Closed,
    /// It listens but does not answer.
    #[error("the session's PTY host does not answer")]
    Silent,
    /// It speaks another protocol.
    #[error("{0}")]
    Refused(Problem),
    /// Anything else.
    #[error("the session's PTY host cannot be reached: {0}")]
    Io(#[from] FramedError),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::Gone,
            _ => Self::Io(error.into()),
        }
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Gone => Problem::new(Code::NotFound, error),
            ConnectError::Refused(problem) => problem,
            ConnectError::Closed => Problem::new(Code::TooMany, error),
            ConnectError::Silent | ConnectError::Io(_) => Problem::new(Code::Internal, error),
        }
    }
}

/// A connection to one session's PTY host.
#[derive(Debug)]
pub struct HostClient {
    /// The host's greeting.
    pub hello: Hello,
    reader: HostReader,
    writer: HostWriter,
}

impl HostClient {
    /// Connects and greets, as `role`.
    pub async fn connect(socket: &Path, role: Role) -> Result<Self, ConnectError> {
        let greeting = async {
            let (reader, writer) = tokio::io::split(open(socket).await?);
            let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
            writer.send(&Hello::of(role).to_frame()).await?;
            let first = reader.next().await?.ok_or(ConnectError::Closed)?;
            let hello = Hello::expect(&first).map_err(ConnectError::Refused)?;
            Ok(Self { hello, reader, writer })
        };
        tokio::time::timeout(GREETING_WITHIN, greeting).await.unwrap_or(Err(ConnectError::Silent))
    }

    /// The next frame; `None` when the host closed the connection. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Frame>, FramedError> {
        self.reader.next().await
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.writer.send(frame).await
    }

    /// Sends an ask.
    pub async fn ask(&mut self, ask: &SessionAsk) -> io::Result<()> {
        self.send(&message::to_frame(ask)).await
    }

    /// Sends an ask, and returns once the host has carried it out. For whoever has nothing else to say: a connection
    /// that is closed with something unread in it is reset, and what was sent last on it may never be read.
    pub async fn tell(mut self, ask: &SessionAsk) -> Result<(), ConnectError> {
        let told = async {
            self.ask(ask).await?;
            self.send(&Frame::Ping(0)).await?;
            while let Some(frame) = self.next().await? {
                if matches!(frame, Frame::Pong(_)) {
                    return Ok(());
                }
            }
            Err(ConnectError::Closed)
        };
        tokio::time::timeout(GREETING_WITHIN, told).await.unwrap_or(Err(ConnectError::Silent))
    }

    /// Both directions apart, for two tasks.
    pub fn split(self) -> (HostReader, HostWriter) {
        (self.reader, self.writer)
    }
}

/// Whether somebody listens there: after a crash or a reboot the socket's file is still in its place.
#[cfg(unix)]
pub fn is_listening(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

/// Whether somebody listens there: a pipe is there for as long as somebody does.
#[cfg(windows)]
pub fn is_listening(socket: &Path) -> bool {
    match std::fs::File::options().read(true).write(true).open(socket) {
        Ok(_) => true,
        Err(error) => error.raw_os_error() == Some(PIPE_BUSY),
    }
}

/// `ERROR_PIPE_BUSY`: somebody has just connected, and the next instance is about to be made.
#[cfg(windows)]
const PIPE_BUSY: i32 = 231;

#[cfg(unix)]
async fn open(socket: &Path) -> io::Result<LocalStream> {
    LocalStream::connect(socket).await
}

#[cfg(windows)]
async fn open(socket: &Path) -> io::Result<LocalStream> {
    let until = tokio::time::Instant::now() + GREETING_WITHIN;
    loop {
        match tokio::net::windows::named_pipe::ClientOptions::new().open(socket) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) && tokio::time::Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => return opened,
        }
    }
}
