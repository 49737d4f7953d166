//! What the server is told at its start, and which combinations are safe.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use axum::http::Uri;
use ipnet::IpNet;

use super::tls::TlsFiles;
use crate::base::authority;

/// Where the server listens unless told otherwise.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7373);

/// All of it.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where the state is.
    pub data_dir: PathBuf,
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How people reach the server, if that is not its address: behind a proxy, or by a name.
    pub public_url: Option<PublicUrl>,
    /// Other machines may speak plain HTTP to it.
    pub insecure_http: bool,
    /// Certificate and key, to speak TLS itself.
    pub tls: Option<TlsFiles>,
    /// Where metrics are served, on loopback; `None` for nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Proxies that speak TLS to the world and may name the client in `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpAddr>,
    /// Networks beside the public internet to which webhooks and push messages may be sent.
    pub notify_allow: Vec<IpNet>,
}

impl ServerConfig {
    /// The defaults, with state in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: LISTEN_DEFAULT,
            public_url: None,
            insecure_http: false,
            tls: None,
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            notify_allow: Vec::new(),
        }
    }

    /// Whether listening on `address` exposes passwords and terminals to whoever is on the way.
    pub(super) fn may_listen(&self, address: SocketAddr) -> bool {
        address.ip().is_loopback() || self.tls.is_some() || self.insecure_http || !self.trusted_proxies.is_empty()
    }

    /// Whether people come by https, so that cookies may insist on it.
    pub(super) fn is_https(&self) -> bool {
        self.tls.is_some() || self.public_url.as_ref().is_some_and(|url| url.scheme == "https")
    }
}

/// `https://sessions.example.org`: scheme, host and perhaps a port, nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    authority: String,
    host: String,
}

/// A text that is not a public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a public URL: write http:// or https://, the host, and the port if it is unusual, like https://sf.example.org"
)]
pub struct PublicUrlError;

impl PublicUrl {
    /// As browsers write it in `Origin`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The host, without the port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let uri: Uri = text.parse().map_err(|_| PublicUrlError)?;
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err(PublicUrlError),
        };
        let authority = uri.authority().ok_or(PublicUrlError)?.as_str();
        let (host, port) = authority::split(authority).ok_or(PublicUrlError)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(PublicUrlError);
        }
        let host = host.to_ascii_lowercase();
        // Browsers leave the usual port out of `Origin` and `Host`.
        let authority = match port {
            Some(port) if port != default_port => format!("{host}:{port}"),
            _ => host.clone(),
        };
        Ok(Self { scheme, authority, host })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_written_as_browsers_write_an_origin() {
        let origin = |text: &str| text.parse::<PublicUrl>().map(|url| url.origin());
        assert_eq!(origin("https://SF.example.org/").unwrap(), "https://sf.example.org");
        assert_eq!(origin("https://sf.example.org:443").unwrap(), "https://sf.example.org");
        assert_eq!(origin("http://10.0.0.7:7373").unwrap(), "http://10.0.0.7:7373");
        for wrong in [
            "",
            "sf.example.org",
            "ftp://sf",
            "https://sf/path",
            "https://a@sf",
            "https://",
            "https://sf/?q",
            "https://sf:99999",
            "http://sf[:80",
        ] {
            assert_eq!(origin(wrong), Err(PublicUrlError), "{wrong}");
        }
    }

    #[test]
    fn other_machines_are_served_plainly_only_when_that_was_asked_for() {
        let mut config = ServerConfig::new("/nowhere");
        let everywhere: SocketAddr = "0.0.0.0:7373".parse().unwrap();
        assert!(config.may_listen("127.0.0.1:1".parse().unwrap()));
        assert!(config.may_listen("[::1]:1".parse().unwrap()));
        assert!(!config.may_listen(everywhere));
        config.insecure_http = true;
        assert!(config.may_listen(everywhere));
        config.insecure_http = false;
        config.tls = Some(TlsFiles { certificate: "a".into(), key: "b".into() });
        assert!(config.may_listen(everywhere));
        config.tls = None;
        config.trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
        assert!(config.may_listen(everywhere));
    }
}
