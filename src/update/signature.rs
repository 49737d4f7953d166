//! Who made a manifest: signatures as minisign(1) makes and checks them (Ed25519 over BLAKE2b-512), so that anybody can check
//! them with a tool that is not ours.
//!
//! A server signs what it lists with a key of its own, and an agent that was logged in remembers that key. That keeps a
//! cache, a proxy or a plain HTTP line on the way from putting another program in an agent's place. It does not keep the
//! server from it, which runs commands on its agents anyway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest as _};
use minisign_verify::{PublicKey, Signature};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::base::secret::Secret;

/// Bytes by which a signature names the key that made it.
const KEY_ID_BYTES: usize = 8;

/// Marks of minisign's formats: a key of Ed25519, and a signature over a BLAKE2b-512 of the text.
const KEY_MARK: &[u8] = b"Ed";
const SIGNATURE_MARK: &[u8] = b"ED";

/// A text that is to be trusted, and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It cannot be read as a key.
    #[error("this is no minisign public key")]
    Key,
    /// It cannot be read as a signature.
    #[error("this is no minisign signature")]
    Format,
    /// Another key made it, or the text was changed.
    #[error("the signature is not of the key that was expected, or what was signed has been changed")]
    Wrong,
}

/// What manifests are signed with.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: [u8; KEY_ID_BYTES],
}

impl SigningKey {
    /// A new one, as it is stored.
    pub fn generate() -> Option<Secret> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok()?;
        Some(Secret::new(STANDARD.encode(document.as_ref())))
    }

    /// As stored; `None` if it is none.
    pub fn read(stored: &Secret) -> Option<Self> {
        let document = STANDARD.decode(stored.expose()).ok()?;
        let pair = Ed25519KeyPair::from_pkcs8(&document).ok()?;
        let digest = Blake2b512::digest(pair.public_key().as_ref());
        let id = digest.first_chunk().copied()?;
        Some(Self { pair, id })
    }

    /// The public half, as minisign's `-p` takes it: two lines.
    pub fn public(&self) -> String {
        let key = [KEY_MARK, &self.id, self.pair.public_key().as_ref()].concat();
        format!("untrusted comment: releases of a SessionForge server\n{}\n", STANDARD.encode(key))
    }

    /// The signature of `text`, as minisign's `-x` takes it. `comment` is signed, too; it must be of one line.
    pub fn sign(&self, text: &[u8], comment: &str) -> String {
        let signature = self.pair.sign(&Blake2b512::digest(text));
        let both = self.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let named = [SIGNATURE_MARK, &self.id, signature.as_ref()].concat();
        format!(
            "untrusted comment: signature of a SessionForge server\n{}\ntrusted comment: {comment}\n{}\n",
            STANDARD.encode(named),
            STANDARD.encode(both.as_ref())
        )
    }
}

/// Checks that the owner of `public` signed `text`.
pub fn check(public: &str, text: &[u8], signature: &str) -> Result<(), SignatureError> {
    let key = PublicKey::decode(public).map_err(|_| SignatureError::Key)?;
    let signature = Signature::decode(signature).map_err(|_| SignatureError::Format)?;
    key.verify(text, &signature, false).map_err(|_| SignatureError::Wrong)
}

/// Whether two texts name the same key: comments may differ.
pub fn is_same_key(one: &str, other: &str) -> bool {
    let key = |text: &str| text.lines().nth(1).map(|line| line.trim().to_owned());
    key(one).is_some() && key(one) == key(other)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::read(&SigningKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn what_was_signed_is_believed_and_whatever_was_changed_is_not() {
        let (ours, other) = (key(), key());
        let signature = ours.sign(b"the list", "version 1");
        assert_eq!(check(&ours.public(), b"the list", &signature), Ok(()));
        assert_eq!(check(&ours.public(), b"the lisp", &signature), Err(SignatureError::Wrong));
        assert_eq!(check(&other.public(), b"the list", &signature), Err(SignatureError::Wrong));
        let comment = signature.replace("version 1", "version 2");
        assert_eq!(check(&ours.public(), b"the list", &comment), Err(SignatureError::Wrong), "its comment counts");
        assert_eq!(check("", b"", &signature), Err(SignatureError::Key));
        assert_eq!(check(&ours.public(), b"", "nothing"), Err(SignatureError::Format));
        assert!(is_same_key(&ours.public(), &ours.public().replace("releases", "files")));
        assert!(!is_same_key(&ours.public(), &other.public()) && !is_same_key("", ""));
    }

    #[test]
    fn a_damaged_key_is_none() {
        assert!(SigningKey::read(&Secret::new("x")).is_none());
        assert!(SigningKey::read(&Secret::new("AAAA")).is_none());
    }
}
