//! What peers of other versions said stays understood: frozen messages, frozen values, and PTY hosts older and newer.
//!
//! The rule (docs/protocol.md): within a major version a message only gains fields that may be left out, and kinds that
//! may be skipped. So whatever `tests/vectors/messages-1.0.json` says is read, and written with at least the same fields.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sessionforge::base::problem::{Code, Problem};
use sessionforge::host::client::{ConnectError, HostClient};
use sessionforge::host::runtime_dir::Facts;
use sessionforge::host::spec::{Report, Spec};
use sessionforge::wire::close::{Then, then};
use sessionforge::wire::hello::{Hello, PROTOCOL_MAJOR, Role};
use sessionforge::wire::message::{FromAgent, FromViewer, SessionAsk, SessionSays, ToAgent, ToViewer};

fn frozen() -> Value {
    serde_json::from_str(include_str!("../vectors/messages-1.0.json")).unwrap()
}

/// Whether `now` says everything that `then` said.
fn says_as_much(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(name, value)| now.get(name).is_some_and(|now| says_as_much(now, value)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| says_as_much(now, then))
        }
        _ => now == then,
    }
}

fn check<T: Serialize + DeserializeOwned + Debug>(what: &str, is_known: impl Fn(&T) -> bool) {
    let frozen = frozen();
    let messages = frozen[what].as_array().unwrap();
    assert!(!messages.is_empty(), "{what}");
    for then in messages {
        let read: T = serde_json::from_value(then.clone()).unwrap_or_else(|error| panic!("{what} {then}: {error}"));
        assert!(is_known(&read), "{what} {then} is taken for a kind of a newer protocol");
        let now = serde_json::to_value(&read).unwrap();
        assert!(says_as_much(&now, then), "{what}: protocol 1.0 said {then}\nand this build {now}");
    }
}

#[test]
fn every_message_of_protocol_1_0_is_read_and_said_with_the_same_names() {
    assert_eq!(PROTOCOL_MAJOR, 1, "another major version has vectors of its own");
    check::<Hello>("hello", |hello| hello.role != Role::Unknown);
    check::<SessionAsk>("session_ask", |it| *it != SessionAsk::Unknown);
    check::<SessionSays>("session_says", |it| *it != SessionSays::Unknown);
    check::<ToAgent>("to_agent", |it| *it != ToAgent::Unknown);
    check::<FromAgent>("from_agent", |it| *it != FromAgent::Unknown);
    check::<FromViewer>("from_viewer", |it| *it != FromViewer::Unknown);
    check::<ToViewer>("to_viewer", |it| *it != ToViewer::Unknown);
    check::<Facts>("facts", |_| true);
    check::<Spec>("spec", |_| true);
    check::<Report>("report", |_| true);
}

#[test]
fn codes_of_problems_and_of_closing_keep_their_meaning() {
    let frozen = frozen();
    for name in frozen["problem_codes"].as_array().unwrap() {
        let code: Code = serde_json::from_value(name.clone()).unwrap();
        assert_eq!(serde_json::to_value(code).unwrap(), *name);
    }
    let unknown: Code = serde_json::from_str(r#""of_a_newer_build""#).unwrap();
    assert_eq!(unknown, Code::Internal);
    for (code, meaning) in frozen["close_codes"].as_object().unwrap() {
        let expected = match meaning.as_str().unwrap() {
            "retry" => Then::Retry,
            "sign_in" => Then::SignIn,
            _ => Then::Gone,
        };
        assert_eq!(then(code.parse().unwrap()), expected, "{code}");
    }
    assert_eq!(then(4999), Then::Retry, "a code of a newer build");
}

/// A local socket that says what a host of that name says, and keeps the connection.
#[cfg(unix)]
async fn greeted_by(host: &str) -> Result<Hello, ConnectError> {
    use tokio::io::AsyncWriteExt as _;

    let hosts: Value = serde_json::from_str(include_str!("../vectors/hosts.json")).unwrap();
    let frames: Vec<Vec<u8>> = hosts["hosts"][host]["greets"].as_array().unwrap().iter().map(bytes).collect();
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let playing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for frame in frames {
            stream.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).await.unwrap();
            // Who does not like the greeting hangs up.
            let _ = stream.write_all(&frame).await;
        }
        stream
    });
    let client = HostClient::connect(&socket, Role::Viewer).await;
    drop(playing.await.unwrap());
    client.map(|client| client.hello)
}

#[cfg(unix)]
fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn a_host_of_another_minor_version_is_talked_to_and_one_of_another_major_version_is_told_why_not() {
    for (host, minor) in [("1.0", 0), ("least", 0), ("1.7", 7)] {
        assert_eq!(greeted_by(host).await.unwrap().protocol, (1, minor), "{host}");
    }
    let refused = Problem::from(greeted_by("2.0").await.unwrap_err());
    assert_eq!(refused.code, Code::VersionMismatch);
    assert!(refused.message.starts_with("protocol 2.0 of build 20.0.0 does not work with 1."), "{refused}");
    assert!(refused.message.ends_with("update this side"), "{refused}");
}
