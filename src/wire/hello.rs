//! The first frame each way: who speaks, which protocol, which build.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::build;
use super::frame::Frame;
use crate::base::problem::{Code, Problem};

/// Peers with another major version cannot talk; a minor version only adds.
pub const PROTOCOL_MAJOR: u16 = 1;
/// See [`PROTOCOL_MAJOR`].
pub const PROTOCOL_MINOR: u16 = 0;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The appliance.
    Server,
    /// A machine's agent.
    Agent,
    /// The process that owns a PTY.
    Host,
    /// A browser tab or a local terminal.
    Viewer,
    /// A role of a newer protocol.
    #[serde(other)]
    Unknown,
}

/// The first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Major and minor version.
    pub protocol: (u16, u16),
    /// The program's version.
    pub build: String,
    /// Who speaks.
    pub role: Role,
    /// Optional abilities by name; unknown ones are ignored.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

impl Hello {
    /// This build's greeting.
    pub fn of(role: Role) -> Self {
        Self { protocol: build::protocol(), build: build::version().to_owned(), role, capabilities: Vec::new() }
    }

    /// As a frame.
    pub fn to_frame(&self) -> Frame {
        // A struct of numbers and strings always has a JSON form.
        Frame::Hello(Bytes::from(serde_json::to_vec(self).unwrap_or_default()))
    }

    /// Reads the peer's greeting out of its first frame and checks that both can talk.
    pub fn expect(first: &Frame) -> Result<Self, Problem> {
        let Frame::Hello(json) = first else {
            return Err(Problem::new(Code::BadRequest, "the first frame must be hello"));
        };
        let hello: Self = serde_json::from_slice(json)
            .map_err(|_| Problem::new(Code::BadRequest, "the hello frame is not valid JSON of the expected form"))?;
        if hello.protocol.0 != PROTOCOL_MAJOR {
            let older = if hello.protocol.0 < PROTOCOL_MAJOR { "the other side" } else { "this side" };
            return Err(Problem::new(
                Code::VersionMismatch,
                format!(
                    "protocol {}.{} of build {} does not work with {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}: update {older}",
                    hello.protocol.0, hello.protocol.1, hello.build
                ),
            ));
        }
        Ok(hello)
    }
}
