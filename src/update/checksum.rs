//! Checksums of release files: SHA-256 in lower case hexadecimal, as sha256sum(1) writes it.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// One read, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The checksum of all that can be read.
pub fn sha256(mut from: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(data_encoding::HEXLOWER.encode(&digest.finalize())),
            Ok(read) => digest.update(bytes.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn it_is_the_one_that_sha256sum_writes() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&b"abc"[..]).unwrap(), abc);
    }
}
