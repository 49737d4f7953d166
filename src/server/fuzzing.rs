//! Doors for `fuzz/` into what is private here. Compiled for fuzzing alone.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::ServerConfig;
use super::auth::{client, cookie, origin};

/// Reads a request's headers as every request's are, and checks what must hold of the outcome.
///
/// # Panics
/// When it does not.
pub fn headers(cookies: &[u8], host: &[u8], origins: &[u8], forwarded: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::COOKIE, cookies),
        (header::HOST, host),
        (header::ORIGIN, origins),
        (HeaderName::from_static("x-forwarded-for"), forwarded),
    ] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let mut named = ServerConfig::new("/nowhere");
    named.public_url = "https://sf.example.org".parse().ok();
    named.trusted_proxies.push(proxy);
    for config in [ServerConfig::new("/nowhere"), named] {
        if let Some(token) = cookie::of(&headers, config.is_https()) {
            assert!(!token.expose().is_empty() && !token.expose().contains(';'));
        }
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let said = text(header::HOST).to_ascii_lowercase();
        if origin::host_is_ours(&headers, true, &config) {
            let names = ["localhost", "127.0.0.1", "[::1]", "sf.example.org"];
            assert!(names.iter().any(|ours| said == *ours || said.starts_with(&format!("{ours}:"))), "{said:?}");
        }
        if origin::from(&headers, &config) == origin::From::OwnPage {
            let from = text(header::ORIGIN).to_ascii_lowercase();
            let own = from == "https://sf.example.org";
            assert!(own || from.contains("://") && !said.is_empty() && from.contains(&said), "{from:?} at {said:?}");
        }
        let stranger = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(client::client(stranger, &headers, &config.trusted_proxies), stranger, "only proxies are believed");
        let _ = client::client(proxy, &headers, &config.trusted_proxies);
    }
}
