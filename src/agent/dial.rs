//! From a server's address to a stream that its HTTP is spoken on: proxy, TCP, TLS.
//!
//! Which proxy leads to a server `agent.json` says (`proxy`), else the environment as for curl(1): `HTTPS_PROXY`,
//! `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, each in lower case too. To this machine itself there is never one. What the
//! system trusts is trusted, and `ca_file` beside it; `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the system's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper::{Method, Request};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

use super::endpoint::Endpoint;
use super::error::UplinkError;
use crate::base::trust;

/// A way to a server, encrypted or not.
pub(super) type Stream = MaybeTlsStream<TcpStream>;

/// Time for name resolution and TCP on each try.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Time a proxy has to reach the server, or to say that it cannot.
const PROXY_WITHIN: Duration = Duration::from_secs(15);

/// Time for the handshake of TLS.
const TLS_WITHIN: Duration = Duration::from_secs(10);

/// What a machine's owner says of the way to the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// Proxy to go through, like `http://proxy.example:3128`; the environment's if `None`.
    pub proxy: Option<String>,
    /// PEM file with authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl Way {
    /// The proxy that leads to `server`, without its password; `None` if the way is straight.
    pub fn proxy_to(&self, server: &str) -> Result<Option<String>, UplinkError> {
        Ok(self.proxy(&Endpoint::parse(server, true)?)?.map(|proxy| shown(&proxy)))
    }

    fn proxy(&self, endpoint: &Endpoint) -> Result<Option<Intercept>, UplinkError> {
        if endpoint.is_here() {
            return Ok(None);
        }
        let matcher = match &self.proxy {
            Some(proxy) => Matcher::builder().all(proxy.clone()).no(no_proxy()).build(),
            None => Matcher::from_env(),
        };
        let scheme = if endpoint.is_secure { "https" } else { "http" };
        let server = format!("{scheme}://{}/", endpoint.authority);
        let uri = server.parse().map_err(|_| UplinkError::Address { server })?;
        let Some(proxy) = matcher.intercept(&uri) else { return Ok(None) };
        if proxy.uri().scheme_str() != Some("http") {
            return Err(UplinkError::ProxyKind { proxy: shown(&proxy) });
        }
        Ok(Some(proxy))
    }
}

fn no_proxy() -> String {
    ["no_proxy", "NO_PROXY"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default()
}

/// As it may stand in a log: the password is kept apart from the address.
fn shown(proxy: &Intercept) -> String {
    let authority = proxy.uri().authority().map_or("", |authority| authority.as_str());
    let authority = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{authority}", proxy.uri().scheme_str().unwrap_or("http"))
}

/// Connects, through a proxy where one is set, and encrypts where the address says so.
pub(super) async fn dial(endpoint: &Endpoint, way: &Way) -> Result<Stream, UplinkError> {
    let stream = match way.proxy(endpoint)? {
        Some(proxy) => through(&proxy, endpoint).await?,
        None => connect(&endpoint.host, endpoint.port).await.map_err(UplinkError::Unreachable)?,
    };
    if !endpoint.is_secure {
        return Ok(MaybeTlsStream::Plain(stream));
    }
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|_| UplinkError::Address { server: endpoint.authority.clone() })?;
    let connecting = TlsConnector::from(Arc::new(trusted(way.ca_file.as_deref())?)).connect(name, stream);
    let encrypted = tokio::time::timeout(TLS_WITHIN, connecting).await.map_err(|_| UplinkError::NoAnswer)?;
    Ok(MaybeTlsStream::Rustls(encrypted.map_err(distrusted)?))
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect((host, port)))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer"))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A tunnel through a proxy (RFC 9110, CONNECT), also for what is not encrypted: a WebSocket passes no other way.
async fn through(proxy: &Intercept, endpoint: &Endpoint) -> Result<TcpStream, UplinkError> {
    let error = |cause: String| UplinkError::Proxy { proxy: shown(proxy), cause };
    let host = proxy.uri().host().unwrap_or_default().trim_matches(['[', ']']);
    let port = proxy.uri().port_u16().unwrap_or(80);
    let stream = connect(host, port).await.map_err(|cause| error(cause.to_string()))?;
    let target = if endpoint.host.contains(':') {
        format!("[{}]:{}", endpoint.host, endpoint.port)
    } else {
        format!("{}:{}", endpoint.host, endpoint.port)
    };
    let tunnelling = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection.with_upgrades());
        let mut request = Request::builder().method(Method::CONNECT).uri(&target).header(HOST, &target);
        if let Some(password) = proxy.basic_auth() {
            request = request.header(PROXY_AUTHORIZATION, password);
        }
        // Host and port of an endpoint that was read form a request; if not, an empty one fails the same way.
        let mut answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap_or_default()).await?;
        let upgraded = hyper::upgrade::on(&mut answer).await;
        connection.abort();
        Ok::<_, hyper::Error>((answer.status(), upgraded))
    };
    let answered = tokio::time::timeout(PROXY_WITHIN, tunnelling).await.map_err(|_| error("no answer".to_owned()))?;
    let (status, upgraded) = answered.map_err(|cause| error(cause.to_string()))?;
    if !status.is_success() {
        return Err(error(format!("it answered with HTTP status {}", status.as_u16())));
    }
    let parts = upgraded.map_err(|cause| error(cause.to_string()))?.downcast::<TokioIo<TcpStream>>();
    match parts {
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
        _ => Err(error("it speaks before it was asked".to_owned())),
    }
}

/// Whom to believe that a server is who it says.
fn trusted(ca_file: Option<&Path>) -> Result<ClientConfig, UplinkError> {
    let mut roots = trust::system_roots();
    if let Some(path) = ca_file {
        let error = |cause: String| UplinkError::CaFile { path: path.to_owned(), cause };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|cause| error(cause.to_string()))?;
        let mut count = 0;
        for certificate in certificates {
            let certificate = certificate.map_err(|cause| error(cause.to_string()))?;
            roots.add(certificate).map_err(|cause| error(cause.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(error("there is no certificate in it".to_owned()));
        }
    }
    trust::client(roots).map_err(|cause| UplinkError::Unreachable(io::Error::other(cause)))
}

/// A certificate that is not believed is another matter than a line that broke.
fn distrusted(error: io::Error) -> UplinkError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(cause @ (rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)) => {
            UplinkError::Untrusted { cause: cause.to_string() }
        }
        _ => UplinkError::Unreachable(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_the_owners_leads_everywhere_but_to_this_machine() {
        let way = Way { proxy: Some("http://ada:secret@proxy.example:3128".to_owned()), ca_file: None };
        let proxy = way.proxy_to("https://sf.example.org").unwrap();
        assert_eq!(proxy.as_deref(), Some("http://proxy.example:3128"), "and its password is not shown");
        for here in ["http://127.0.0.1:7373", "http://localhost:7373", "https://[::1]"] {
            assert_eq!(way.proxy_to(here).unwrap(), None, "{here}");
        }
    }

    #[test]
    fn a_proxy_of_a_kind_that_is_not_spoken_is_refused_by_name() {
        let way = Way { proxy: Some("socks5://proxy.example:1080".to_owned()), ca_file: None };
        let error = way.proxy_to("https://sf.example.org").unwrap_err().to_string();
        assert!(error.contains("socks5://proxy.example:1080"), "{error}");
    }
}
