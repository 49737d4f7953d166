//! What this build says of itself: its version and the protocol it speaks.

use std::hint::black_box;

use super::hello::{PROTOCOL_MAJOR, PROTOCOL_MINOR};

/// The stamp, which can be read in the file without running it: `strings FILE | grep sessionforge-build`.
///
/// Peers are told what stands here, so a copy with another stamp is another build to all of them. The tests of updates
/// make such a copy: it has the same behaviour under another name, which is what compatibility is about.
#[used]
static STAMP: &str = concat!("sessionforge-build ", env!("CARGO_PKG_VERSION"), " protocol 1.0");

/// The program's version.
pub fn version() -> &'static str {
    read().map_or(env!("CARGO_PKG_VERSION"), |(version, _)| version)
}

/// Major and minor version of the protocol.
pub fn protocol() -> (u16, u16) {
    read().map_or((PROTOCOL_MAJOR, PROTOCOL_MINOR), |(_, protocol)| protocol)
}

fn read() -> Option<(&'static str, (u16, u16))> {
    // Without the black box the compiler would write the answers into the code, beside the stamp.
    let mut words = black_box(STAMP).split(' ').skip(1).step_by(2);
    let version = words.next()?;
    let (major, minor) = words.next()?.split_once('.')?;
    Some((version, (major.parse().ok()?, minor.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_says_what_the_build_is() {
        assert_eq!(read(), Some((env!("CARGO_PKG_VERSION"), (PROTOCOL_MAJOR, PROTOCOL_MINOR))));
    }
}
