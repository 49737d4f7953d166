//! An agent and a server of different builds: what each version's two sides said to each other is kept, byte by byte, and
//! played to today's other side; and so is what a version to come may say, with words that nobody knows yet.
//!
//! `tests/fixtures/skew/VERSION/uplink.json` is one conversation of that version's own agent and server, as it was recorded by
//! [`the_conversation_of_this_version_is_recorded`] and never changed since: hello, register, sessions, a start, output, input,
//! a resize, an end. Frames are replayed in their order; where the other side must speak first, the player waits for a frame of
//! the same kind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::wire::Frame;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::support::http::Http;
use super::support::played::agent::AGENT_PATH;
use super::support::socket::Socket;
use super::support::viewer::Manners;
use super::support::wait::WAIT_MAX;
use super::support::world::World;

/// Set, the conversation of this version is recorded, unless it is there.
const BLESS: &str = "SESSIONFORGE_BLESS_SKEW";

/// What the recorded session prints.
const PRINTED: &str = "skew-2";

/// Frames that come when they like, or as often: they say nothing of the conversation.
const NOISE: [u8; 3] = [0x12, 0x30, 0x31];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Said {
    by: Side,
    /// JSON of hello and control frames, behind their first byte; hexadecimal of all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    kind: u8,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    hex: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Agent,
    Server,
}

impl Said {
    fn of(by: Side, frame: &[u8]) -> Self {
        let (kind, rest) = (frame[0], &frame[1..]);
        let json = (kind < 0x10).then(|| serde_json::from_slice(rest).expect("JSON"));
        let hex = if json.is_some() { String::new() } else { rest.iter().map(|byte| format!("{byte:02x}")).collect() };
        Self { by, json, kind, hex }
    }

    fn bytes(&self) -> Bytes {
        let rest = match &self.json {
            Some(json) => json.to_string().into_bytes(),
            None => (0..self.hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&self.hex[at..at + 2], 16).unwrap())
                .collect(),
        };
        [vec![self.kind], rest].concat().into()
    }

    /// Bytes of output or of a screen in it: what is behind the header of its kind.
    fn payload(&self) -> u64 {
        let header = match self.kind {
            0x10 => 12,
            0x11 => 25,
            _ => return 0,
        };
        (self.hex.len() / 2 - header) as u64
    }

    /// What it is about: frames of the same subject stand for each other.
    fn subject(&self) -> String {
        let name = |json: &Value| json["kind"].as_str().unwrap_or("hello").to_owned();
        match &self.json {
            Some(json) => {
                let inner = ["ask", "says"].iter().find_map(|field| Some(name(json.get(field)?)));
                format!("{} {}", name(json), inner.unwrap_or_default())
            }
            None => format!("{:02x}", self.kind),
        }
    }
}

fn kept() -> Vec<(String, Vec<Said>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/skew");
    let mut all: Vec<_> = std::fs::read_dir(root)
        .expect("conversations of earlier versions")
        .map(|entry| {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path().join("uplink.json")).unwrap();
            (entry.file_name().into_string().unwrap(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The same as a version to come would say it: with fields, messages, frames, values and abilities that nobody knows yet.
fn of_a_newer_version(conversation: &[Said]) -> Vec<Said> {
    let mut newer = Vec::new();
    for said in conversation {
        let mut said = said.clone();
        if let Some(json) = &mut said.json {
            strange(json);
            if said.kind == 0x01 {
                json["protocol"] = json!([1, 99]);
                json["build"] = json!("1.99.0");
                json["capabilities"] = json!(["telepathy"]);
            }
        }
        let (by, first) = (said.by, said.kind == 0x01);
        newer.push(said);
        if !first
            && newer.iter().any(|it| {
                it.by == by && it.subject().starts_with(["register", "registered"][usize::from(by == Side::Server)])
            })
        {
            newer.push(Said {
                by,
                json: Some(json!({ "kind": "of_a_newer_protocol", "channel": 1 })),
                kind: 0x02,
                hex: String::new(),
            });
            newer.push(Said { by, json: None, kind: 0x7e, hex: "00112233".to_owned() });
        }
    }
    newer
}

/// A field more in each object, and values that no version has where a reader has a word for what it does not know.
fn strange(json: &mut Value) {
    match json {
        Value::Array(all) => all.iter_mut().for_each(strange),
        Value::Object(fields) => {
            fields.values_mut().for_each(strange);
            for (field, value) in [("activity", "dreaming"), ("update_way", "by_pigeon")] {
                if fields.contains_key(field) {
                    fields.insert(field.to_owned(), json!(value));
                }
            }
            fields.insert("of_a_newer_protocol".to_owned(), json!({ "mood": 7 }));
        }
        _ => {}
    }
}

/// The rest is only known when it is there: a `says` or `ask` of a kind that is not known.
fn is_strange(said: &Said) -> bool {
    said.kind == 0x7e || said.json.as_ref().is_some_and(|json| json["kind"] == "of_a_newer_protocol")
}

type Line = WebSocketStream<TcpStream>;

async fn accept(listener: &TcpListener) -> (Line, Option<String>) {
    let mut bearer = None;
    let (stream, _) = listener.accept().await.unwrap();
    #[allow(clippy::result_large_err, reason = "tungstenite's own")]
    let keep = |request: &Request, response: Response| {
        bearer = request.headers().get("authorization").map(|it| it.to_str().unwrap().to_owned());
        Ok(response)
    };
    (accept_hdr_async(stream, keep).await.unwrap(), bearer)
}

/// The next frame that is no noise; `None` once the line has ended.
async fn next(line: &mut Line) -> Option<Said> {
    loop {
        match line.next().await {
            Some(Ok(Message::Binary(bytes))) if bytes[0] == 0x30 => {
                let pong = [&[0x31][..], &bytes[1..]].concat();
                line.send(Message::Binary(pong.into())).await.unwrap();
            }
            Some(Ok(Message::Binary(bytes))) if NOISE.contains(&bytes[0]) => {}
            Some(Ok(Message::Binary(bytes))) => return Some(Said::of(Side::Agent, &bytes)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

/// Today's agent at a server that says what this one said.
async fn agent_talks_with(version: &str, conversation: &[Said]) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.route_agent(listener.local_addr().unwrap());
    world.spawn_agent();
    let (mut line, _) = accept(&listener).await;
    let (mut heard, mut consumed) = (Vec::<Said>::new(), 0);
    for said in conversation {
        if said.by == Side::Server {
            line.send(Message::Binary(said.bytes())).await.unwrap();
            continue;
        }
        // Output comes in pieces of any size: all of it is looked at in the end.
        while !is_strange(said) && said.kind != 0x10 && !heard.iter().any(|it| it.subject() == said.subject()) {
            let Ok(next) = tokio::time::timeout(WAIT_MAX, next(&mut line)).await else {
                let subjects: Vec<String> = heard.iter().map(Said::subject).collect();
                panic!("{version}: waited in vain for {:?} after {subjects:?}", said.subject())
            };
            let Some(next) = next else {
                panic!("{version}: the agent hung up before {:?}; {}", said.subject(), world.logs().1)
            };
            consumed += next.payload();
            if next.payload() > 0 {
                // Whoever reads says how far, or is sent no more.
                let ack = Frame::Ack { channel: 1, consumed };
                line.send(Message::Binary(ack.encode())).await.unwrap();
            }
            heard.push(next);
        }
    }
    // It came to the end, which it says when all of that was done.
    let printed = || {
        let output = heard.iter().filter(|it| it.kind == 0x10 || it.kind == 0x11).flat_map(|it| it.bytes().to_vec());
        String::from_utf8_lossy(&output.collect::<Vec<u8>>()).contains(PRINTED)
    };
    assert!(printed(), "{version}: what was typed was done: {heard:?}");
    // A reason to close that nobody knows: it comes back.
    let close = CloseFrame { code: 4999.into(), reason: "of a newer protocol".into() };
    line.send(Message::Close(Some(close))).await.unwrap();
    let again = tokio::time::timeout(WAIT_MAX, accept(&listener)).await;
    assert!(again.is_ok(), "{version}: it comes back");
}

/// Today's server with an agent that says what this one said.
async fn server_talks_with(version: &str, conversation: &[Said]) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let who = Http { bearer: Some(world.key().to_owned()), cookie: None, ..world.http.clone() };
    let Ok(mut socket) = Socket::open(&who, AGENT_PATH, None).await else { panic!("an agent is let in") };
    let mut agent = conversation.iter().filter(|said| said.by == Side::Agent).peekable();
    // Until its session is there.
    let session = loop {
        let said = agent.next().expect("a session is opened");
        socket.send_raw(said.bytes()).await.unwrap();
        if said.subject().starts_with("opened") {
            break said.json.as_ref().unwrap()["announced"]["info"]["id"].as_str().unwrap().to_owned();
        }
    };
    let session: SessionId = session.parse().unwrap();
    let reading = tokio::spawn({
        let rest: Vec<Bytes> = agent.map(Said::bytes).collect();
        async move {
            // It is asked for the session's output, and says all that it said then.
            let mut asked = false;
            loop {
                let frame = socket.next().await.expect("the server goes on");
                if !asked
                    && let Frame::Control(json) = &frame
                    && String::from_utf8_lossy(json).contains("\"subscribe\"")
                {
                    asked = true;
                    for bytes in &rest {
                        socket.send_raw(bytes.clone()).await.expect("the server takes it");
                    }
                }
            }
        }
    });
    super::support::wait::poll("the session is in the list", async || {
        let path = format!("/api/v1/sessions/{session}");
        (world.http.clone().get(&path).await.status == 200).then_some(())
    })
    .await;
    let viewer = super::support::viewer::Viewer::open(&world.http, session, Manners::default());
    viewer.expect_text(PRINTED).await;
    let state = super::support::wait::poll("it has ended", async || {
        let view = world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.json();
        (view["state"] == "exited").then_some(view)
    })
    .await;
    assert_eq!(state["command"], "bash", "{version}: {state}");
    assert!(!reading.is_finished(), "{version}: the server keeps the connection");
    reading.abort();
}

#[tokio::test]
async fn todays_agent_talks_with_the_server_of_every_version_before_and_of_one_to_come() {
    for (version, conversation) in kept() {
        agent_talks_with(&version, &conversation).await;
        agent_talks_with(&format!("after {version}"), &of_a_newer_version(&conversation)).await;
    }
}

#[tokio::test]
async fn todays_server_talks_with_the_agent_of_every_version_before_and_of_one_to_come() {
    for (version, conversation) in kept() {
        server_talks_with(&version, &conversation).await;
        server_talks_with(&format!("after {version}"), &of_a_newer_version(&conversation)).await;
    }
}

/// Where this version's conversation is kept.
fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/skew")
        .join(env!("CARGO_PKG_VERSION"))
        .join("uplink.json")
}

/// Passes all frames on between a real agent and a real server, and keeps them.
async fn record(mut agent: Line, bearer: String, server: std::net::SocketAddr) -> Vec<Said> {
    let who = Http { bearer: bearer.strip_prefix("Bearer ").map(str::to_owned), cookie: None, ..Http::new(server) };
    let Ok(mut server) = Socket::open(&who, AGENT_PATH, None).await else { panic!("the server lets it in") };
    let (mut kept, mut ended, mut exited) = (Vec::new(), false, false);
    let keep = |kept: &mut Vec<Said>, by, frame: &[u8]| {
        let noise = NOISE.contains(&frame[0]) || frame.starts_with(b"\x02{\"kind\":\"load\"");
        if !noise {
            kept.push(Said::of(by, frame));
        }
    };
    loop {
        tokio::select! {
            message = agent.next() => match message {
                Some(Ok(Message::Binary(frame))) => {
                    keep(&mut kept, Side::Agent, &frame);
                    let text = String::from_utf8_lossy(&frame).into_owned();
                    ended |= text.contains("\"kind\":\"end\"");
                    exited |= text.contains("\"state\":\"exited\"");
                    server.send_raw(frame).await.unwrap();
                    if ended && exited {
                        return kept;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return kept,
            },
            frame = server.next() => {
                let frame = frame.expect("the server goes on").encode();
                keep(&mut kept, Side::Server, &frame);
                agent.send(Message::Binary(frame)).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_conversation_of_this_version_is_recorded() {
    if std::env::var_os(BLESS).is_none() || own().exists() {
        assert!(own().exists(), "record this version's conversation once, before it is released: {BLESS}=1");
        return;
    }
    let mut world = World::server_only().await;
    world.set_up().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.route_agent(listener.local_addr().unwrap());
    world.spawn_agent();
    let (line, bearer) = accept(&listener).await;
    let recording = tokio::spawn(record(line, bearer.expect("a key"), world.http.address));
    world.expect_machine().await;
    let session = world.bash().await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo skew-$((1+1))\r").await;
    viewer.expect_text(PRINTED).await;
    viewer.resize(90, 30).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    viewer.type_text("exit\r").await;
    viewer.expect("it ends", |seen| seen.ended).await;
    let kept = recording.await.unwrap();
    std::fs::create_dir_all(own().parent().unwrap()).unwrap();
    let lines: Vec<String> = kept.iter().map(|said| serde_json::to_string(said).unwrap()).collect();
    std::fs::write(own(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}
