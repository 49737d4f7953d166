//! Close codes: each tells the peer which of three things to do.

/// What a peer should do after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Connect again, with backoff.
    Retry,
    /// Ask for a sign-in or a new key first.
    SignIn,
    /// Never again with this connection's identity.
    Gone,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Close {
    /// The server stops or restarts.
    Restart = 4000,
    /// The peer was silent for too long.
    Silent = 4001,
    /// A frame could not be understood.
    BadFrame = 4002,
    /// Too many connections or messages; wait.
    TooMany = 4003,
    /// A newer connection of the same machine took over.
    Replaced = 4004,
    /// The person's role or organisation changed: connect again and see.
    Changed = 4005,
    /// The server stood still for a while: what it was sent meanwhile is stale.
    Slept = 4006,
    /// Not signed in any more.
    NotSignedIn = 4401,
    /// The key was revoked, has expired, or may not do this.
    KeyRefused = 4403,
    /// The machine was removed, or belongs to another organisation.
    MachineRefused = 4404,
    /// Protocol versions do not overlap: one side must be updated.
    VersionMismatch = 4426,
}

impl Close {
    /// The code on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// One sentence for the person who reads a log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Restart => "the server is restarting",
            Self::Silent => "no sign of life for too long",
            Self::BadFrame => "a frame could not be understood",
            Self::TooMany => "too many connections or messages",
            Self::Replaced => "a newer connection of this machine took over",
            Self::Changed => "what you may see here has changed",
            Self::Slept => "the server stood still for a while",
            Self::NotSignedIn => "sign in again",
            Self::KeyRefused => "the key was revoked, has expired, or lacks a scope",
            Self::MachineRefused => "this machine was removed or belongs to another organisation",
            Self::VersionMismatch => "protocol versions do not overlap; update the older side",
        }
    }
}

/// What to do after a close with `code`, whether ours or a proxy's.
pub const fn then(code: u16) -> Then {
    match code {
        4401 => Then::SignIn,
        4403 | 4404 | 4426 => Then::Gone,
        _ => Then::Retry,
    }
}
