//! Doors for `fuzz/` into what is private here. Compiled for fuzzing alone.

use bytes::Bytes;

use super::{endpoint, link};

/// What the uplink carries of a host's message; `None` if the host's link is given up over it, or it is left out.
pub fn wrapped(channel: u32, says: &[u8]) -> Option<Bytes> {
    link::passed_up(channel, says).ok().flatten().map(|(frame, _)| frame)
}

/// The server's message to a host as the host's own socket carries it.
pub fn bare_ask(json: &[u8]) -> Option<Vec<u8>> {
    link::bare_ask(json)
}

/// Reads the address of a server, and checks what must hold of the outcome.
///
/// # Panics
/// When it does not.
pub fn server_address(text: &str) {
    endpoint::check_address(text);
}
