//! Who sends a push message: this server's own key, and what it signs with it (RFC 8292).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::json;

use crate::base::secret::Secret;
use crate::store::{Store, StoreError};

/// Where the key is kept.
const KEPT_AS: &str = "push.vapid_key";

/// How long a signature is good, in seconds: RFC 8292 allows a day.
const GOOD_SECONDS: u64 = 12 * 60 * 60;

/// This server's key.
pub(super) struct Vapid {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl std::fmt::Debug for Vapid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vapid(…)")
    }
}

impl Vapid {
    /// The key as it is kept; a new one at the first use.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let broken = || StoreError::Failed("the server's key for push messages cannot be used".to_owned());
        let made = new_key().ok_or_else(broken)?;
        let kept = store.server_secret(KEPT_AS, move || made).await?;
        Self::of(&kept).ok_or_else(broken)
    }

    fn of(kept: &Secret) -> Option<Self> {
        let random = SystemRandom::new();
        let pkcs8 = URL_SAFE_NO_PAD.decode(kept.expose()).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).ok()?;
        Some(Self { pair, random })
    }

    /// The public key, base64url: what a browser subscribes with.
    pub(super) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    /// `Authorization` for the push service at `origin`, at `now` in milliseconds since 1970. `contact`: whom its operators
    /// can turn to, `https:` or `mailto:`.
    pub(super) fn authorization(&self, origin: &str, contact: &str, now: u64) -> Option<String> {
        let head = URL_SAFE_NO_PAD.encode(json!({ "typ": "JWT", "alg": "ES256" }).to_string());
        let claims = json!({ "aud": origin, "exp": now / 1_000 + GOOD_SECONDS, "sub": contact });
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).ok()?;
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        Some(format!("vapid t={token}, k={}", self.public()))
    }
}

fn new_key() -> Option<Secret> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).ok()?;
    Some(Secret::new(URL_SAFE_NO_PAD.encode(pkcs8.as_ref())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use p256::ecdsa::signature::Verifier as _;
    use p256::ecdsa::{Signature, VerifyingKey};

    use super::*;

    #[test]
    fn a_push_service_can_tell_whose_message_it_is() {
        let vapid = Vapid::of(&new_key().unwrap()).unwrap();
        let said = vapid.authorization("https://push.example.org", "mailto:a@example.org", 5_000_000).unwrap();
        let (token, key) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = VerifyingKey::from_sec1_bytes(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((&claims["aud"], &claims["exp"]), (&json!("https://push.example.org"), &json!(48_200)));
    }

    #[tokio::test]
    async fn the_key_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = Vapid::load(&store).await.unwrap().public();
        assert_eq!(Vapid::load(&store).await.unwrap().public(), first);
        drop(store);
        assert_eq!(Vapid::load(&Store::open(dir.path()).unwrap()).await.unwrap().public(), first);
    }
}
