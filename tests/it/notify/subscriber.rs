//! A browser's side of Web Push, by other code than the server's: it makes keys, and reads what was sealed for it
//! (RFC 8291, RFC 8188); and the push service's side, which checks whose message it is (RFC 8292).

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes128Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use serde_json::{Value, json};
use sessionforge::base::id::fill_random;
use sha2::Sha256;

use super::receiver::Posted;

/// A browser that has subscribed.
pub struct Subscriber {
    secret: SecretKey,
    auth: [u8; 16],
}

impl Subscriber {
    pub fn new() -> Self {
        let (mut raw, mut auth) = ([0; 32], [0; 16]);
        fill_random(&mut auth);
        let secret = loop {
            fill_random(&mut raw);
            // One number in four milliards is none of the curve's.
            if let Ok(secret) = SecretKey::from_slice(&raw) {
                break secret;
            }
        };
        Self { secret, auth }
    }

    fn point(&self) -> Vec<u8> {
        self.secret.public_key().to_encoded_point(false).as_bytes().to_vec()
    }

    /// As `PushSubscription.toJSON()` gives it.
    pub fn subscription(&self, endpoint: &str) -> Value {
        let keys = json!({ "p256dh": URL_SAFE_NO_PAD.encode(self.point()), "auth": URL_SAFE_NO_PAD.encode(self.auth) });
        json!({ "endpoint": endpoint, "expirationTime": null, "keys": keys })
    }

    /// What the message says.
    pub fn read(&self, body: &[u8]) -> Vec<u8> {
        let (head, record) = body.split_at(86);
        let (salt, theirs) = (&head[..16], &head[21..]);
        assert_eq!((&head[16..20], head[20]), (&[0, 0, 16, 0][..], 65), "one record of 4,096 bytes");
        let public = PublicKey::from_sec1_bytes(theirs).unwrap();
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), public.as_affine());
        let info = [b"WebPush: info\0", &self.point()[..], theirs].concat();
        let secret = hkdf(&self.auth, shared.raw_secret_bytes(), &info);
        let key = hkdf(salt, &secret, b"Content-Encoding: aes128gcm\0");
        let nonce = hkdf(salt, &secret, b"Content-Encoding: nonce\0");
        let cipher = Aes128Gcm::new_from_slice(&key[..16]).unwrap();
        let nonce12: Nonce<_> = <[u8; 12]>::try_from(&nonce[..12]).unwrap().into();
        let mut plain = cipher.decrypt(&nonce12, record).expect("it was sealed for this browser");
        while plain.pop_if(|last| *last == 0).is_some() {}
        assert_eq!(plain.pop(), Some(2), "the last record");
        plain
    }

    /// The same, of a request that a push service of this `origin` took.
    pub fn message(&self, posted: &Posted, server_key: &str, origin: &str) -> Value {
        let said = posted.header("authorization").strip_prefix("vapid t=").unwrap();
        let (token, key) = said.split_once(", k=").unwrap();
        assert_eq!(key, server_key, "the key that the browser subscribed with");
        let key = VerifyingKey::from_sec1_bytes(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&claims).unwrap()["aud"], origin);
        assert_eq!(posted.header("content-encoding"), "aes128gcm");
        serde_json::from_slice(&self.read(&posted.body)).unwrap()
    }
}

/// RFC 5869 with SHA-256, one block.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> Vec<u8> {
    let mac = |key: &[u8], parts: &[&[u8]]| {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    };
    mac(&mac(salt, &[secret]), &[info, &[1]])
}

#[test]
fn the_reader_reads_the_example_of_rfc_8291() {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let secret = SecretKey::from_slice(&decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).unwrap();
    let auth = decode("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap();
    let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w\
                EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    let read = Subscriber { secret, auth }.read(&decode(body));
    assert_eq!(String::from_utf8(read).unwrap(), "When I grow up, I want to be a watermelon");
}
