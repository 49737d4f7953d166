//! Frames over a byte stream: each behind its length. Used at both ends of a PTY host's socket.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::frame::{Frame, FrameError, take_frame, take_raw};

/// Room for one read of the socket, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Why no more frames can be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FramedError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The peer sent something that is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Reads frames. At most one frame and one read are buffered.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
    /// Room made for a read, in bytes.
    room: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from `stream`.
    pub fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new(), room: READ_BYTES }
    }

    /// Reads from `stream`, with little memory: for peers that send keystrokes and requests.
    pub fn small(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new(), room: 4 * 1024 }
    }

    /// The next frame, or `None` at the end. A frame cut off by the end is dropped with it. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Frame>, FramedError> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Like [`Self::next`], but undecoded: for a relay, which passes most frames on as they are. Cancel-safe.
    pub async fn next_raw(&mut self) -> Result<Option<BytesMut>, FramedError> {
        loop {
            if let Some(frame) = take_raw(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads once. Whether there was anything to read.
    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(self.room);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Writes frames.
#[derive(Debug)]
pub struct FrameWriter<W> {
    stream: W,
    buffer: BytesMut,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// Writes to `stream`.
    pub fn new(stream: W) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// Takes a frame; it is on its way once [`Self::flush`] returns.
    pub fn queue(&mut self, frame: &Frame) {
        frame.encode_with_length_into(&mut self.buffer);
    }

    /// The stream alone. What was taken and not written is lost.
    pub fn into_stream(self) -> W {
        self.stream
    }

    /// Drops what was taken and not yet written: nobody reads it any more.
    pub fn throw_away(&mut self) {
        self.buffer.clear();
    }

    /// Bytes taken and not yet written.
    pub fn queued(&self) -> usize {
        self.buffer.len()
    }

    /// Writes once; whether anything is left to write, [`Self::queued`] tells. Cancel-safe.
    pub async fn write_some(&mut self) -> io::Result<()> {
        if self.stream.write_buf(&mut self.buffer).await? == 0 && !self.buffer.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }

    /// Writes all that was taken. Cancel-safe.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.buffer.is_empty() {
            self.write_some().await?;
        }
        Ok(())
    }

    /// Takes a frame and writes it, and what was taken before it.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.queue(frame);
        self.flush().await
    }
}
