//! Which pages may ask, and under which names the server may be asked.
//!
//! `Origin` keeps another site's page from using a browser's cookie. `Host` keeps a name that another site
//! points at 127.0.0.1 (DNS rebinding) from making its page the server's own.

use axum::http::{HeaderMap, Uri, header};

use super::super::config::ServerConfig;
use crate::base::authority;

/// Whether `Host` is a name of this server. Only a server on loopback asks: others are reached by names it
/// cannot know, and are no secret to the browser's network.
pub(crate) fn host_is_ours(headers: &HeaderMap, on_loopback: bool, config: &ServerConfig) -> bool {
    if !on_loopback {
        return true;
    }
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
    let Some((name, _)) = authority::split(host) else { return false };
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "localhost" | "127.0.0.1" | "[::1]")
        || config.public_url.as_ref().is_some_and(|url| url.host() == name)
}

/// Where a request says it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The server's own page.
    OwnPage,
    /// Another site's page.
    OtherSite,
    /// It does not say: no browser, or an old one that reads.
    Unsaid,
}

/// Reads `Origin`.
pub(crate) fn from(headers: &HeaderMap, config: &ServerConfig) -> From {
    let Some(origin) = headers.get(header::ORIGIN) else { return From::Unsaid };
    let own = origin.to_str().is_ok_and(|origin| is_own(origin, headers, config));
    if own { From::OwnPage } else { From::OtherSite }
}

fn is_own(origin: &str, headers: &HeaderMap, config: &ServerConfig) -> bool {
    if config.public_url.as_ref().is_some_and(|url| url.origin() == origin) {
        return true;
    }
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
    // Behind a proxy the page is https while the proxy speaks http to us.
    let scheme_fits = match uri.scheme_str() {
        Some("http") => !config.is_https(),
        Some("https") => config.tls.is_some() || !config.trusted_proxies.is_empty(),
        _ => false,
    };
    scheme_fits && uri.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn headers(host: &str, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn only_the_servers_own_page_is_its_own() {
        let mut config = ServerConfig::new("/nowhere");
        let of = |config: &ServerConfig, host, origin| from(&headers(host, origin), config);
        assert_eq!(of(&config, "127.0.0.1:7373", "http://127.0.0.1:7373"), From::OwnPage);
        for other in ["http://127.0.0.1:7374", "http://localhost:7373", "https://127.0.0.1:7373", "http://evil", "null"]
        {
            assert_eq!(of(&config, "127.0.0.1:7373", other), From::OtherSite, "{other}");
        }
        assert_eq!(from(&HeaderMap::new(), &config), From::Unsaid);
        config.public_url = Some("https://sf.example.org".parse().unwrap());
        assert_eq!(of(&config, "127.0.0.1:7373", "https://sf.example.org"), From::OwnPage);
        assert_eq!(of(&config, "sf.example.org", "http://sf.example.org"), From::OtherSite, "not over plain http");
    }

    #[test]
    fn a_rebound_name_is_not_ours() {
        let mut config = ServerConfig::new("/nowhere");
        let of = |config: &ServerConfig, host| host_is_ours(&headers(host, "null"), true, config);
        for ours in ["127.0.0.1:7373", "localhost", "LOCALHOST:1", "[::1]:7373"] {
            assert!(of(&config, ours), "{ours}");
        }
        for other in ["evil.example", "127.0.0.1.evil.example", "sf.example.org", "127.0.0.2", "[::1]=", "me@localhost"]
        {
            assert!(!of(&config, other), "{other}");
        }
        assert!(!host_is_ours(&HeaderMap::new(), true, &config));
        config.public_url = Some("https://sf.example.org".parse().unwrap());
        assert!(of(&config, "sf.example.org"));
    }
}
