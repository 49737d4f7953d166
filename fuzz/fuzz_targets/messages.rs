//! Control messages of every direction, and what an agent does with those that pass it.
//!
//! What can be read is written so that it is read the same; what one host says never costs the whole uplink.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sessionforge::agent::fuzzing;
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::Hello;
use sessionforge::wire::message::{FromAgent, FromViewer, SessionAsk, SessionSays, ToAgent, ToViewer, from_json};

fuzz_target!(|data: &[u8]| {
    survives::<SessionAsk>(data);
    survives::<SessionSays>(data);
    survives::<ToAgent>(data);
    survives::<FromAgent>(data);
    survives::<FromViewer>(data);
    survives::<ToViewer>(data);
    if let Ok(hello) = Hello::expect(&Frame::Hello(data.to_vec().into())) {
        assert_eq!(Hello::expect(&hello.to_frame()), Ok(hello));
    }
    passed_up(data);
    passed_down(data);
});

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: &[u8]) {
    let Ok(message) = from_json::<T>(json) else { return };
    let written = serde_json::to_vec(&message).expect("a message has a JSON form");
    assert_eq!(from_json::<T>(&written), Ok(message));
}

/// What the agent passes on of a host, the server reads as the host meant it.
fn passed_up(says: &[u8]) {
    if let Some(frame) = fuzzing::wrapped(7, says) {
        let Ok(Frame::Control(json)) = Frame::decode(frame) else { panic!("not a control message") };
        match from_json::<FromAgent>(&json) {
            Ok(FromAgent::Session { channel: 7, says: read }) => assert_eq!(from_json::<SessionSays>(says), Ok(read)),
            other => panic!("the server would hang up on the whole machine: {other:?}"),
        }
    }
}

/// What the agent passes on of the server, the host reads as the server meant it.
fn passed_down(json: &[u8]) {
    if let (Ok(ToAgent::Session { ask, .. }), Some(bare)) = (from_json::<ToAgent>(json), fuzzing::bare_ask(json)) {
        assert_eq!(from_json::<SessionAsk>(&bare), Ok(ask));
    }
}
