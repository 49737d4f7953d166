//! A browser's HTTP, as small as a test needs it: one request per connection, cookies kept, the page's own origin sent.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wait::WAIT_MAX;

/// Asks one server, with what it knows of the person who asks.
#[derive(Debug, Clone)]
pub struct Http {
    /// The server's address.
    pub address: SocketAddr,
    /// `Cookie` to send, as set by the server so far.
    pub cookie: Option<String>,
    /// `Authorization: Bearer …` to send.
    pub bearer: Option<String>,
    /// `Origin` to send; the server's own unless a test plays a foreign page.
    pub origin: String,
    /// `Idempotency-Key` to send.
    pub once: Option<String>,
    /// `If-None-Match` to send.
    pub if_none_match: Option<String>,
    /// Where a proxy says that the request comes from.
    pub forwarded: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}), status {}: {}", self.status, self.text()))
    }

    /// Fails unless the status is 2xx.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "status {}: {}", self.status, self.text());
        self
    }
}

impl Http {
    /// Nobody yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            cookie: None,
            bearer: None,
            origin: format!("http://{address}"),
            once: None,
            if_none_match: None,
            forwarded: None,
        }
    }

    /// `GET path`.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    /// `DELETE path`.
    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// The status of an answer that has no end.
    pub async fn begin(&mut self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{}\r\n", self.head("GET", path)).as_bytes()).await.unwrap();
        let mut status = [0; 12];
        tokio::time::timeout(WAIT_MAX, stream.read_exact(&mut status)).await.expect("an answer").unwrap();
        String::from_utf8_lossy(&status).split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status")
    }

    fn head(&self, method: &str, path: &str) -> String {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\norigin: {}\r\nconnection: close\r\n",
            self.address, self.origin
        );
        let fields = [
            ("cookie", self.cookie.clone()),
            ("authorization", self.bearer_header()),
            ("idempotency-key", self.once.clone()),
            ("if-none-match", self.if_none_match.clone()),
            ("x-forwarded-for", self.forwarded.clone()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head
    }

    /// Any method.
    pub async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, body).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same, where the line may break before the answer.
    pub async fn try_send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = self.head(method, path);
        if !body.is_empty() || method == "POST" {
            head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        let raw = tokio::time::timeout(WAIT_MAX, exchange(self.address, format!("{head}\r\n{body}").into_bytes()))
            .await
            .unwrap_or_else(|_| panic!("{method} {path}: no answer within {WAIT_MAX:?}"))
            .map_err(|error| error.to_string())?;
        let answer = parse(&raw).ok_or_else(|| format!("not HTTP: {}", String::from_utf8_lossy(&raw)))?;
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            self.cookie = value.split(';').next().map(str::to_owned).filter(|pair| !pair.ends_with('='));
        }
        Ok(answer)
    }

    fn bearer_header(&self) -> Option<String> {
        self.bearer.as_ref().map(|token| format!("Bearer {token}"))
    }
}

async fn exchange(address: SocketAddr, request: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request).await?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await?;
    Ok(raw)
}

fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(raw.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = raw.get(end + 4..)?;
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..end)?).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
