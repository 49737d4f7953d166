//! One connection that speaks `docs/protocol.md`, frame by frame: also wrongly, where a test wants that.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::{Hello, Role};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::http::Http;
use super::wait::WAIT_MAX;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code, or `None` when the line broke without one.
    pub code: Option<u16>,
    /// The reason given.
    pub reason: String,
}

/// One WebSocket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// When the server last gave a sign of life.
    pub heard_at: Instant,
}

/// Why a socket was not opened.
#[derive(Debug)]
pub enum Refused {
    /// The server answered with this status and text.
    Status(u16, String),
    /// Nobody listens, or the line broke.
    Io(String),
}

impl Socket {
    /// Opens `path` as the person that `who` is.
    ///
    /// `receive_buffer` bounds what the kernel takes off the line before the test reads it, in bytes.
    pub async fn open(who: &Http, path: &str, receive_buffer: Option<u32>) -> Result<Self, Refused> {
        let io = |error: std::io::Error| Refused::Io(error.to_string());
        let stream = connect(who.address, receive_buffer).await.map_err(io)?;
        let mut request = format!("ws://{}{path}", who.address).into_client_request().expect("a valid address");
        let mut header = |name: &'static str, value: &str| {
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a valid header"));
        };
        header("origin", &who.origin);
        if let Some(cookie) = &who.cookie {
            header("cookie", cookie);
        }
        if let Some(token) = &who.bearer {
            header("authorization", &format!("Bearer {token}"));
        }
        if let Some(address) = &who.forwarded {
            header("x-forwarded-for", address);
        }
        match tokio::time::timeout(WAIT_MAX, client_async(request, stream)).await {
            Ok(Ok((stream, _))) => Ok(Self { stream, heard_at: Instant::now() }),
            Ok(Err(tungstenite::Error::Http(answer))) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err(Refused::Status(answer.status().as_u16(), String::from_utf8_lossy(body).into_owned()))
            }
            Ok(Err(error)) => Err(Refused::Io(error.to_string())),
            Err(_) => Err(Refused::Io(format!("no handshake within {WAIT_MAX:?}"))),
        }
    }

    /// Says hello in `role` and reads the answer.
    pub async fn greet(&mut self, role: Role) -> Result<Hello, Closed> {
        self.send(&Hello::of(role).to_frame()).await?;
        let first = self.next().await?;
        Ok(Hello::expect(&first).unwrap_or_else(|problem| panic!("no hello came back: {problem}")))
    }

    /// Sends one frame.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), Closed> {
        self.send_raw(frame.encode()).await
    }

    /// Sends bytes that need not be a frame.
    pub async fn send_raw(&mut self, bytes: Bytes) -> Result<(), Closed> {
        self.stream.send(Message::Binary(bytes)).await.map_err(|error| broken(&error))
    }

    /// Sends a text message, which the protocol does not have.
    pub async fn send_text(&mut self, text: &str) -> Result<(), Closed> {
        self.stream.send(Message::text(text)).await.map_err(|error| broken(&error))
    }

    /// The next frame. Pings of the protocol are answered here.
    pub async fn next(&mut self) -> Result<Frame, Closed> {
        loop {
            let message = self.stream.next().await;
            self.heard_at = Instant::now();
            match message {
                Some(Ok(Message::Binary(bytes))) => match Frame::decode(bytes) {
                    Ok(Frame::Ping(number)) => self.send(&Frame::Pong(number)).await?,
                    Ok(frame) => return Ok(frame),
                    Err(error) => panic!("the server sent what is no frame: {error}"),
                },
                Some(Ok(Message::Close(close))) => {
                    let code = close.as_ref().map(|close| close.code.into());
                    let reason = close.map(|close| close.reason.to_string()).unwrap_or_default();
                    return Err(Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(&error)),
                None => return Err(Closed { code: None, reason: "the line ended".to_owned() }),
            }
        }
    }

    /// Reads on until the server closes the connection.
    pub async fn expect_close(mut self, why: &str) -> Closed {
        let closing = async {
            loop {
                if let Err(closed) = self.next().await {
                    return closed;
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, closing).await.unwrap_or_else(|_| panic!("the server did not close: {why}"))
    }
}

async fn connect(address: SocketAddr, receive_buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn broken(error: &tungstenite::Error) -> Closed {
    Closed { code: None, reason: error.to_string() }
}
