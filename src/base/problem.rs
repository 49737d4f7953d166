//! Problems: what a caller is told when something cannot be done. One sentence, a stable code, what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Stable names of what can go wrong; scripts may depend on them. Wire and REST share this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// A message or request that cannot be understood.
    BadRequest,
    /// Nobody is signed in, or the key is missing, wrong, revoked or expired.
    NotSignedIn,
    /// The password fits; signing in needs the code of the second factor too.
    SecondFactorNeeded,
    /// Signed in, but not allowed.
    NotAllowed,
    /// The organisation lets nobody in from this address.
    AddressNotAllowed,
    /// No such thing, or nothing the caller may know of.
    NotFound,
    /// It exists already, or somebody was faster.
    Conflict,
    /// A link that was used, has expired, or never was.
    LinkInvalid,
    /// Too many at once or in a row.
    TooMany,
    /// A frame, body or field beyond its bound.
    TooLarge,
    /// The program to run is not on the machine's PATH.
    CommandNotFound,
    /// The program is not on the machine's `allow` list.
    CommandNotAllowed,
    /// The working directory does not exist or cannot be entered.
    WorkdirNotFound,
    /// The machine has no connected agent.
    MachineOffline,
    /// It was asked for, and nobody confirmed in time whether it was done.
    OutcomeUnknown,
    /// The session's program has ended.
    SessionEnded,
    /// This viewer does not control the session, so its input was not applied.
    NotController,
    /// The peer speaks a protocol version this build does not.
    VersionMismatch,
    /// Our own fault; the log has the cause.
    #[serde(other)]
    Internal,
}

/// What went wrong, for the person or program that asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Problem {
    /// Stable name.
    pub code: Code,
    /// One sentence: what happened and what to do. REST calls it `detail`.
    #[serde(alias = "detail")]
    pub message: String,
}

impl Problem {
    /// A problem the caller can act on.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// Our own fault: the cause goes to the log, the caller gets a sentence without it.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal problem");
        Self::new(Code::Internal, "something went wrong on our side; the log has the cause")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
