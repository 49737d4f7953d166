//! Why an uplink ended, and what follows from it.

use std::io;
use std::path::PathBuf;

use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;

use super::credentials::CredentialsError;
use super::outbox::NotRead;
use crate::base::problem::{Code, Problem};
use crate::wire::close::{self, Close, Then};
use crate::wire::frame::FrameError;

/// Why an uplink could not be made, or ended.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// The server's address is not one.
    #[error("{server:?} is not a server address: write it like https://forge.example.com")]
    Address {
        /// As given.
        server: String,
    },
    /// The key would cross a network in the clear.
    #[error("{server} is not encrypted: use https://, or --insecure-http if the network between is trusted")]
    InsecureHttp {
        /// As given.
        server: String,
    },
    /// No connection to the server's address.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// The server let the agent wait too long for its greeting.
    #[error("the server does not answer")]
    NoAnswer,
    /// The server answered, but with no WebSocket.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// What answered there is something else.
    #[error("what answers there is not a SessionForge server")]
    NotSessionForge,
    /// Its certificate is not believed.
    #[error("the server's certificate is not trusted: {cause}")]
    Untrusted {
        /// Why.
        cause: String,
    },
    /// The proxy on the way there does not let through.
    #[error("the proxy {proxy} does not lead to the server: {cause}")]
    Proxy {
        /// Its address, without a password.
        proxy: String,
        /// What it says.
        cause: String,
    },
    /// A proxy that speaks something else than HTTP.
    #[error("the proxy {proxy} is of a kind that is not supported: use one like http://proxy.example:3128")]
    ProxyKind {
        /// Its address, without a password.
        proxy: String,
    },
    /// The owner's file of authorities cannot be used.
    #[error("the file of certificates {path} cannot be used: {cause}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The server does not accept the key.
    #[error("the server refuses the key: create a new one on its page, under API keys")]
    KeyRefused,
    /// The organisation lets nobody in from where this machine is.
    #[error(
        "the server lets nobody in from this machine's address: an admin allows it on the page, under Organisation"
    )]
    AddressRefused,
    /// The WebSocket broke or was never one.
    #[error("the connection broke: {0}")]
    Broken(#[source] Box<tungstenite::Error>),
    /// The server closed the connection.
    #[error("the server closed the connection ({code}): {reason}")]
    Closed {
        /// WebSocket close code.
        code: u16,
        /// Its words, or ours for a code we know.
        reason: String,
    },
    /// No sign of life from the server.
    #[error("the server has been silent for too long")]
    Silent,
    /// This process stood still, and what it has received meanwhile is stale.
    #[error("this machine slept")]
    Slept,
    /// The server sent what is not a frame.
    #[error("the server sent a bad frame: {0}")]
    BadFrame(#[from] FrameError),
    /// The server said something that cannot be understood, or speaks another version.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// What the server said cannot be kept.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The server takes nothing.
    #[error("the server does not read")]
    NotRead,
}

/// What an agent does after its uplink has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after a while.
    Retry,
    /// Try again now: it was not the server's fault.
    RetryAtOnce,
    /// Stop: a person must act first.
    Stop,
}

impl UplinkError {
    /// Whether to come back.
    pub(super) fn next(&self) -> Next {
        match self {
            Self::Address { .. }
            | Self::InsecureHttp { .. }
            | Self::ProxyKind { .. }
            | Self::CaFile { .. }
            | Self::KeyRefused
            | Self::Credentials(_) => Next::Stop,
            Self::Problem(problem) if problem.code == Code::VersionMismatch => Next::Stop,
            Self::Closed { code, .. } => match close::then(*code) {
                Then::Retry => Next::Retry,
                Then::SignIn | Then::Gone => Next::Stop,
            },
            Self::Slept => Next::RetryAtOnce,
            Self::Unreachable(_)
            | Self::NoAnswer
            | Self::AddressRefused
            | Self::Status(_)
            // Another server may have taken its place for a while, a certificate be renewed, a clock be set.
            | Self::NotSessionForge
            | Self::Untrusted { .. }
            | Self::Proxy { .. }
            | Self::Broken(_)
            | Self::Silent
            | Self::BadFrame(_)
            | Self::Problem(_)
            | Self::NotRead => Next::Retry,
        }
    }

    /// What the server meant by closing with `code`.
    pub(super) fn closed(code: u16, reason: &str) -> Self {
        let known = [
            Close::Restart,
            Close::Silent,
            Close::BadFrame,
            Close::TooMany,
            Close::Replaced,
            Close::Slept,
            Close::MachineRefused,
            Close::VersionMismatch,
        ];
        if code == Close::NotSignedIn.code() || code == Close::KeyRefused.code() {
            return Self::KeyRefused;
        }
        let reason = match known.into_iter().find(|close| close.code() == code) {
            Some(close) => close.reason(),
            None if reason.is_empty() => "no reason given",
            None => reason,
        };
        Self::Closed { code, reason: reason.to_owned() }
    }
}

impl From<NotRead> for UplinkError {
    fn from(NotRead: NotRead) -> Self {
        Self::NotRead
    }
}

impl From<tungstenite::Error> for UplinkError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => match response.status().as_u16() {
                // Not for good: an admin may allow this address, or the machine come home to one that is allowed.
                403 if response.headers().contains_key(RETRY_AFTER) => Self::AddressRefused,
                401 | 403 => Self::KeyRefused,
                status => Self::Status(status),
            },
            tungstenite::Error::Io(cause) => Self::Unreachable(cause),
            other => Self::Broken(Box::new(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_must_mend_stops_the_agent() {
        for (code, next) in [
            (1000, Next::Retry),
            (1006, Next::Retry),
            (4000, Next::Retry),
            (4004, Next::Retry),
            (4401, Next::Stop),
            (4403, Next::Stop),
            (4404, Next::Stop),
            (4426, Next::Stop),
        ] {
            assert_eq!(UplinkError::closed(code, "").next(), next, "{code}");
        }
        assert_eq!(UplinkError::Status(502).next(), Next::Retry);
        assert_eq!(UplinkError::Slept.next(), Next::RetryAtOnce);
    }
}
