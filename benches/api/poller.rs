//! Scripts that poll: each on a connection of its own that stays open, at fixed moments.
//!
//! A request that should have been sent while its connection still waited for the answer before is sent late, and its time
//! counts from when it should have been: a server that stands still for a second costs every request of that second.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Longest answer's head, in bytes.
const HEAD_BYTES_MAX: usize = 4096;

/// What one poller asks, again and again.
#[derive(Debug, Clone)]
pub struct Asks {
    /// The server.
    pub address: SocketAddr,
    /// Its key.
    pub bearer: String,
    /// The address.
    pub path: String,
    /// Whether it sends the tag of the answer before.
    pub tagged: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Found {
    /// From when each request should have been sent until its answer was there.
    pub times: Vec<Duration>,
    /// Bytes of the last body that came.
    pub body_bytes: usize,
    /// Answers that said: nothing new.
    pub unchanged: usize,
}

/// Asks every `every` from `begin` on, until `end`.
pub async fn poll(asks: Asks, begin: Instant, every: Duration, end: Instant) -> Found {
    let mut stream = TcpStream::connect(asks.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut found = Found::default();
    let (mut buffer, mut tag) = (vec![0; 1 << 16], None::<String>);
    let mut due = begin;
    while due < end {
        tokio::time::sleep_until(due).await;
        let mut request = format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n",
            asks.path, asks.address, asks.bearer
        );
        if let Some(tag) = tag.as_ref().filter(|_| asks.tagged) {
            request += &format!("if-none-match: {tag}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let (head, body_bytes) = answer(&mut stream, &mut buffer).await;
        found.times.push(due.elapsed());
        if head.starts_with("HTTP/1.1 304") {
            found.unchanged += 1;
        } else {
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            found.body_bytes = body_bytes;
        }
        tag = field(&head, "etag").map(str::to_owned).or(tag);
        due += every;
    }
    found
}

/// Reads one answer; its head, and how long its body was.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> (String, usize) {
    let mut have = 0;
    let head_end = loop {
        let read = stream.read(&mut buffer[have..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        have += read;
        if let Some(at) = buffer[..have].windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        assert!(have < HEAD_BYTES_MAX, "a head without an end");
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let length: usize = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut left = (head_end + length).saturating_sub(have);
    while left > 0 {
        let room = left.min(buffer.len());
        let read = stream.read(&mut buffer[..room]).await.unwrap();
        assert!(read > 0, "the server closed the connection within a body");
        left -= read;
    }
    (head, length)
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let line = head.lines().find(|line| line.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)))?;
    Some(line.split_once(':')?.1.trim())
}
