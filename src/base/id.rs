//! Identifiers: a kind, an underscore, twelve characters. `ses_a1b2c3d4e5f6`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Characters after the prefix of an identifier.
///
/// Twelve of 36 are 62 bits: a server that holds a million of a kind meets a collision with a chance
/// below one in four million, and every registration checks for one besides.
pub const ID_RANDOM_CHARS: usize = 12;

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id: it is written {prefix}_ and 12 letters or digits")]
pub struct IdError {
    kind: &'static str,
    prefix: &'static str,
}

/// Twelve random characters of `[0-9a-z]`, evenly distributed.
fn random_chars() -> [u8; ID_RANDOM_CHARS] {
    let mut out = [0u8; ID_RANDOM_CHARS];
    let mut filled = 0;
    while filled < out.len() {
        let mut raw = [0u8; 16];
        fill_random(&mut raw);
        for byte in raw {
            // 252 is the largest multiple of 36 in a byte; the rest would favour the first letters.
            if byte < 252 && filled < out.len() {
                out[filled] = ALPHABET[usize::from(byte % 36)];
                filled += 1;
            }
        }
    }
    out
}

/// Fills `buffer` from the system's random source.
///
/// # Panics
/// When the system has no random source: nothing here is safe to run without one.
pub fn fill_random(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the system's random source answers");
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_RANDOM_CHARS]);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new, random one.
            pub fn random() -> Self {
                Self(random_chars())
            }

            fn random_part(&self) -> &str {
                // Built from `ALPHABET` or checked against it, so always ASCII.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": concat!("The id of a ", $kind, "."),
                    "pattern": concat!("^", $prefix, "_[a-z0-9]{12}$"),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.random_part())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = IdError { kind: $kind, prefix: $prefix };
                let rest = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| error.clone())?;
                let bytes: [u8; ID_RANDOM_CHARS] = rest.as_bytes().try_into().map_err(|_| error.clone())?;
                if bytes.iter().all(|b| ALPHABET.contains(b)) { Ok(Self(bytes)) } else { Err(error) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One program in one PTY.
    SessionId, "ses", "session"
);
id!(
    /// A device with an agent, registered in an organisation.
    MachineId, "mac", "machine"
);
id!(
    /// The boundary of everything: who belongs together.
    OrganisationId, "org", "organisation"
);
id!(
    /// A person with an account.
    UserId, "usr", "user"
);
id!(
    /// An API key's public name; not the key.
    KeyId, "key", "API key"
);
id!(
    /// An invitation's public name; not its token.
    InvitationId, "inv", "invitation"
);
id!(
    /// Where an organisation's news is sent.
    WebhookId, "whk", "webhook"
);
id!(
    /// One message to one webhook, the same at each try.
    DeliveryId, "msg", "delivery"
);
id!(
    /// A browser that gets push messages.
    PushId, "psh", "push subscription"
);

macro_rules! of_digest {
    ($($name:ident),*) => {$(
        impl $name {
            /// The one that belongs to `digest`, always the same: for what may be asked for again and must happen once.
            pub fn of_digest(digest: [u8; 16]) -> Self {
                Self(letters(digest))
            }
        }
    )*};
}
of_digest!(SessionId, KeyId, InvitationId, OrganisationId, WebhookId);

fn letters<const N: usize>(digest: [u8; 16]) -> [u8; N] {
    let mut rest = u128::from_be_bytes(digest);
    std::array::from_fn(|_| {
        let letter = usize::try_from(rest % 36).unwrap_or_default();
        rest /= 36;
        ALPHABET[letter]
    })
}

/// One attached screen, for as long as its tab or terminal lives: 128 random bits.
///
/// It survives reconnects, so that input typed before one is applied exactly once after it. The server
/// derives what it tells the agent from the person and the number the page sent ([`crate::wire`]), so
/// that nobody can speak as another's viewer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ViewerId(pub [u8; 16]);

impl ViewerId {
    /// A new, random one.
    pub fn random() -> Self {
        let mut raw = [0u8; 16];
        fill_random(&mut raw);
        Self(raw)
    }
}

impl fmt::Display for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ViewerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ViewerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError { kind: "viewer", prefix: "(none)" };
        // Digits alone: a number may have a sign in Rust.
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error);
        }
        let mut raw = [0u8; 16];
        for (byte, pair) in raw.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| error.clone())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| error.clone())?;
        }
        Ok(Self(raw))
    }
}

impl Serialize for ViewerId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ViewerId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A conversation of Claude Code: a UUID, written in lower case as its transcripts are named.
///
/// It stands on command lines and in file names, so nothing else may pass for one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConversationId([u8; 16]);

/// Digits of a UUID before each of its dashes.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

impl ConversationId {
    /// A new one: a random UUID (version 4 of RFC 9562).
    pub fn random() -> Self {
        let mut raw = [0; 16];
        fill_random(&mut raw);
        raw[6] = raw[6] & 0x0f | 0x40;
        raw[8] = raw[8] & 0x3f | 0x80;
        Self(raw)
    }
}

impl schemars::JsonSchema for ConversationId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConversationId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ConversationId {
    type Err = NotAConversation;

    fn from_str(text: &str) -> Result<Self, NotAConversation> {
        let is_uuid = text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| if UUID_DASHES.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() });
        if !is_uuid {
            return Err(NotAConversation);
        }
        let digits: ViewerId = text.replace('-', "").parse().map_err(|_| NotAConversation)?;
        Ok(Self(digits.0))
    }
}

/// A text that is not a conversation's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a conversation's id: it is a UUID, like 550e8400-e29b-41d4-a716-446655440000")]
pub struct NotAConversation;

impl Serialize for ConversationId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConversationId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_it_was_written() {
        let id = SessionId::random();
        assert_eq!(id.to_string().parse::<SessionId>().unwrap(), id);
        assert_eq!("ses_a1b2c3d4e5f6".parse::<SessionId>().unwrap().to_string(), "ses_a1b2c3d4e5f6");
    }

    #[test]
    fn another_kind_of_id_is_refused() {
        for wrong in ["mac_a1b2c3d4e5f6", "ses_A1b2c3d4e5f6", "ses_a1b2", "", "ses_a1b2c3d4e5f6x", "ses_é1b2c3d4e5f"] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_id_of_a_digest_is_always_the_same_and_another_digest_has_another() {
        let id = SessionId::of_digest([7; 16]);
        assert_eq!(id.to_string(), "ses_vi2pir1a36tc");
        assert_ne!(id, SessionId::of_digest([8; 16]));
        assert_eq!(SessionId::of_digest([0; 16]).to_string(), "ses_000000000000");
    }

    #[test]
    fn a_viewer_id_is_thirty_two_hex_digits() {
        let id = ViewerId::random();
        assert_eq!(id.to_string().parse::<ViewerId>().unwrap(), id);
        assert!("00".parse::<ViewerId>().is_err());
        assert!("zz000000000000000000000000000000".parse::<ViewerId>().is_err());
        assert!("+0000000000000000000000000000000".parse::<ViewerId>().is_err());
    }

    #[test]
    fn a_conversation_is_a_uuid_and_nothing_else() {
        let id = ConversationId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().as_bytes()[14], b'4', "{id}");
        let upper: ConversationId = "550E8400-E29B-41D4-A716-446655440000".parse().unwrap();
        assert_eq!(upper.to_string(), "550e8400-e29b-41d4-a716-446655440000");
        for wrong in ["", "--resume", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000/", "é"]
        {
            assert_eq!(wrong.parse::<ConversationId>(), Err(NotAConversation), "{wrong}");
        }
    }
}
