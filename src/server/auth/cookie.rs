//! The browser's cookie: random, meaningless, and out of scripts' reach.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::id::fill_random;
use crate::base::secret::Secret;

/// How long a browser stays signed in.
pub(crate) const SIGNED_IN_FOR: Duration = Duration::from_hours(30 * 24);

/// A browser that comes back is kept signed in anew once this much of its time has passed: a person who works
/// every day is never asked, and one write a day tells so.
pub(crate) const RENEWED_AFTER: Duration = Duration::from_hours(24);

/// 256 random bits, for cookies and links.
pub(crate) fn random_token() -> Secret {
    let mut raw = [0u8; 32];
    fill_random(&mut raw);
    Secret::new(URL_SAFE_NO_PAD.encode(raw))
}

/// The prefix makes browsers insist on https, this host and the whole path; it needs https itself.
fn name(https: bool) -> &'static str {
    if https { "__Host-sf" } else { "sf" }
}

/// The cookie a request came with.
pub(crate) fn of(headers: &HeaderMap, https: bool) -> Option<Secret> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name(https) && !value.is_empty())
        .map(|(_, value)| Secret::new(value))
}

/// `Set-Cookie` that signs a browser in.
pub(crate) fn set(token: &Secret, https: bool) -> Option<HeaderValue> {
    header(token.expose(), SIGNED_IN_FOR, https)
}

/// `Set-Cookie` that signs it out.
pub(crate) fn clear(https: bool) -> Option<HeaderValue> {
    header("", Duration::ZERO, https)
}

fn header(value: &str, keep: Duration, https: bool) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let text =
        format!("{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", name(https), keep.as_secs());
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_only_under_its_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; sf=token; __Host-sf=secure"));
        assert_eq!(of(&headers, false).unwrap().expose(), "token");
        assert_eq!(of(&headers, true).unwrap().expose(), "secure");
        headers.insert(header::COOKIE, HeaderValue::from_static("xsf=token; sf="));
        assert!(of(&headers, false).is_none());
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = set(&Secret::new("t"), false).unwrap();
        assert_eq!(plain, "sf=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict");
        let secure = set(&Secret::new("t"), true).unwrap();
        assert_eq!(secure, "__Host-sf=t; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
    }
}
