//! A push message for one browser and nobody on the way: RFC 8291 over RFC 8188's `aes128gcm`, in one record.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;

use crate::base::id::fill_random;

/// An uncompressed point of P-256, in bytes.
pub(super) const POINT_BYTES: usize = 65;

/// The same, as the header has it.
const POINT_BYTES_U8: u8 = 65;

/// What browser and server share besides, in bytes.
pub(super) const AUTH_BYTES: usize = 16;

/// Record size that the header names, in bytes: what every push service must take (RFC 8030, 7.2).
const RECORD_BYTES: u32 = 4_096;

/// A message before it is sealed, in bytes: a record, without its header of 86, the padding's mark and the tag of 16.
pub(super) const MESSAGE_BYTES_MAX: usize = RECORD_BYTES as usize - 86 - 1 - 16;

/// What a browser gave to seal for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// Its public key.
    pub(super) point: [u8; POINT_BYTES],
    /// What it shares with us.
    pub(super) auth: [u8; AUTH_BYTES],
}

/// The keys are no keys, or the message is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a push message cannot be sealed with this browser's keys")]
pub(in crate::server) struct SealError;

/// Length of what is derived.
#[derive(Debug, Clone, Copy)]
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// `message` as the body of a push request.
pub(super) fn seal(keys: &Keys, message: &[u8]) -> Result<Vec<u8>, SealError> {
    let random = SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random).map_err(|_| SealError)?;
    let own_point: [u8; POINT_BYTES] =
        own.compute_public_key().map_err(|_| SealError)?.as_ref().try_into().map_err(|_| SealError)?;
    let mut salt = [0u8; 16];
    fill_random(&mut salt);
    let theirs = UnparsedPublicKey::new(&agreement::ECDH_P256, keys.point);
    agreement::agree_ephemeral(own, &theirs, |shared| with(shared, keys, &own_point, salt, message))
        .map_err(|_| SealError)?
}

/// The same with what is random given, for the example of RFC 8291.
fn with(
    shared: &[u8],
    keys: &Keys,
    own_point: &[u8; POINT_BYTES],
    salt: [u8; 16],
    message: &[u8],
) -> Result<Vec<u8>, SealError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(SealError);
    }
    // RFC 8291, 3.4.
    let secret: [u8; 32] = derive(&keys.auth, shared, &[b"WebPush: info\0", &keys.point, own_point])?;
    // RFC 8188, 2.2 and 2.3.
    let key: [u8; 16] = derive(&salt, &secret, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = derive(&salt, &secret, &[b"Content-Encoding: nonce\0"])?;

    let mut record = [message, &[2]].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).map_err(|_| SealError)?);
    // Key and nonce are of this message alone.
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).map_err(|_| SealError)?;

    let mut body = Vec::with_capacity(86 + record.len());
    body.extend(salt);
    body.extend(RECORD_BYTES.to_be_bytes());
    body.push(POINT_BYTES_U8);
    body.extend(own_point);
    body.extend(record);
    Ok(body)
}

fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<[u8; N], SealError> {
    let mut out = [0u8; N];
    let derived = Salt::new(HKDF_SHA256, salt).extract(secret);
    derived.expand(info, Bytes(N)).and_then(|okm| okm.fill(&mut out)).map_err(|_| SealError)?;
    Ok(out)
}

const _: () = assert!(POINT_BYTES == POINT_BYTES_U8 as usize && MESSAGE_BYTES_MAX == 3_993, "RFC 8291, 4");

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
    }

    fn keys() -> Keys {
        Keys {
            point: bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            auth: bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        }
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_byte_for_byte() {
        // Section 5 and Appendix A.
        let shared = bytes::<32>("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let own = bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw");
        let body = with(&shared, &keys(), &own, salt, b"When I grow up, I want to be a watermelon").unwrap();
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w\
                        EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body), expected);
    }

    #[test]
    fn what_is_no_key_and_what_is_too_long_is_refused() {
        let no_point = Keys { point: [4; POINT_BYTES], ..keys() };
        assert_eq!(seal(&no_point, b"x"), Err(SealError));
        assert!(seal(&keys(), &[0; MESSAGE_BYTES_MAX]).is_ok_and(|body| body.len() == RECORD_BYTES as usize));
        assert_eq!(seal(&keys(), &[0; MESSAGE_BYTES_MAX + 1]), Err(SealError));
    }
}
