//! Signatures as Standard Webhooks has them (standardwebhooks.com): by them a receiver knows who sent what, and when. Pure.

use axum::http::{HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::base::id::{DeliveryId, fill_random};
use crate::base::secret::Secret;

/// What stands before a secret.
const PREFIX: &str = "whsec_";

/// A secret, in bytes: what the specification proposes at the least is 24.
const SECRET_BYTES: usize = 32;

/// A new secret.
pub(in crate::server) fn new_secret() -> Secret {
    let mut raw = [0u8; SECRET_BYTES];
    fill_random(&mut raw);
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(raw)))
}

/// The headers of a try at `now`, in milliseconds since 1970.
pub(super) fn headers(secret: &Secret, id: DeliveryId, now: u64, body: &str) -> Vec<(HeaderName, HeaderValue)> {
    let (id, seconds) = (id.to_string(), (now / 1_000).to_string());
    let signature = signature(secret, &id, &seconds, body);
    let fields = [("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", signature)];
    // Letters, digits and base64: always a header's value.
    let signed = fields
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?)));
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    signed.chain([json]).collect()
}

fn signature(secret: &Secret, id: &str, seconds: &str, body: &str) -> String {
    let text = secret.expose();
    let key = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).unwrap_or_default();
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_specifications() {
        // The example of the specification's reference libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_long_and_never_twice_the_same() {
        let (one, two) = (new_secret(), new_secret());
        assert!(!one.same_as(&two) && one.expose().starts_with("whsec_") && one.expose().len() == 50);
    }
}
