//! Requests that the server makes for its people: webhooks and push messages. One `POST`, one answer's status.
//!
//! The name is looked up once, every address it has is checked ([`super::reach`]), and one of these very addresses is
//! connected to: a name that changes its answer in between changes nothing. Redirects are not followed, answers' bodies
//! are not read, proxies of the environment are not used: each would lead past the check.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Request, Uri, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;

use super::reach::{is_allowed, is_public};
use crate::base::{authority, trust};

/// Time for all of it: name, connection, request, answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Names looked up at a time. Each holds a thread until its resolver answers, and the database needs threads too.
const LOOK_UPS_AT_ONCE: usize = 4;

/// An address, in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// Makes requests to where it may.
#[derive(Debug)]
pub(in crate::server) struct Outbound {
    allowed: Vec<IpNet>,
    tls: OnceCell<Arc<ClientConfig>>,
    look_ups: Arc<Semaphore>,
    answered_within: Duration,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Target {
    secure: bool,
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// What the receiver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Answer {
    /// HTTP status.
    pub(in crate::server) status: u16,
    /// When it wants to be asked again.
    pub(in crate::server) retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum OutboundError {
    /// Not an address one can send to.
    #[error("not an address to send to: write https://, the host, and a path, without a name or password in it")]
    Address,
    /// Encryption is for what leaves the operator's own networks.
    #[error(
        "only https:// is sent to, because what is sent names your sessions; http:// only to what notify-allow names"
    )]
    Plain,
    /// A private address.
    #[error("{0} is not an address of the public internet: whoever runs the server can allow it with notify-allow")]
    Private(IpAddr),
    /// The name is unknown.
    #[error("the name {0} was not found")]
    Name(String),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(io::Error),
    /// It broke off.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// It took too long.
    #[error("no answer within {} seconds", ANSWERED_WITHIN.as_secs())]
    Late,
}

impl Target {
    /// Reads an address.
    pub(in crate::server) fn parse(url: &str) -> Result<Self, OutboundError> {
        let uri: Uri = url.parse().map_err(|_| OutboundError::Address)?;
        let (secure, usual) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(OutboundError::Address),
        };
        let authority = uri.authority().filter(|_| url.len() <= URL_BYTES_MAX).ok_or(OutboundError::Address)?.as_str();
        let (host, port) = authority::split(authority).ok_or(OutboundError::Address)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        Ok(Self {
            secure,
            host,
            port: port.unwrap_or(usual),
            authority: authority.to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        })
    }

    /// Scheme, host and port, as a browser writes an origin.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }

    /// Host and port: what may stand in a log. The path is a secret at many receivers.
    pub(in crate::server) fn authority(&self) -> &str {
        &self.authority
    }

    /// The path with its query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The same place with another path.
    pub(super) fn at(self, path: String) -> Self {
        Self { path, ..self }
    }
}

impl Outbound {
    /// Sends to the public internet and to `allowed`.
    pub(in crate::server) fn new(allowed: Vec<IpNet>) -> Self {
        let (tls, look_ups) = (OnceCell::new(), Arc::new(Semaphore::new(LOOK_UPS_AT_ONCE)));
        Self { allowed, tls, look_ups, answered_within: ANSWERED_WITHIN }
    }

    /// Whether an address can be sent to, as far as it can be told without looking its name up.
    pub(in crate::server) fn check(&self, url: &str) -> Result<Target, OutboundError> {
        let target = Target::parse(url)?;
        if let Ok(address) = target.host.parse() {
            self.may(&target, address)?;
        } else if target.secure || !self.allowed.is_empty() {
            // A name in the operator's own network is looked up when something is sent.
        } else {
            return Err(OutboundError::Plain);
        }
        Ok(target)
    }

    /// Sends `body`, and says what the receiver answers.
    pub(super) async fn post(
        &self,
        target: &Target,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Answer, OutboundError> {
        let exchange = async {
            let stream = self.connect(target).await?;
            if !target.secure {
                return send(stream, target, headers, body).await;
            }
            let name = ServerName::try_from(target.host.clone()).map_err(|_| OutboundError::Address)?;
            let connector = TlsConnector::from(self.tls().await?);
            let stream = connector.connect(name, stream).await.map_err(OutboundError::Connect)?;
            send(stream, target, headers, body).await
        };
        tokio::time::timeout(self.answered_within, exchange).await.map_err(|_| OutboundError::Late)?
    }

    fn may(&self, target: &Target, address: IpAddr) -> Result<(), OutboundError> {
        if is_allowed(address, &self.allowed) {
            return Ok(());
        }
        if !is_public(address) {
            return Err(OutboundError::Private(address));
        }
        if target.secure { Ok(()) } else { Err(OutboundError::Plain) }
    }

    async fn connect(&self, target: &Target) -> Result<TcpStream, OutboundError> {
        let addresses = self.look_up(target).await?;
        // All of them: a name with one address of the internet and one of the house is nobody's honest name.
        addresses.iter().try_for_each(|address| self.may(target, address.ip()))?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(OutboundError::Connect)?;
        stream.set_nodelay(true).map_err(OutboundError::Connect)?;
        Ok(stream)
    }

    async fn look_up(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        if let Ok(address) = target.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, target.port)]);
        }
        let unknown = || OutboundError::Name(target.host.clone());
        // The place is held until the resolver has answered, also when nobody waits for it any more.
        let place = Arc::clone(&self.look_ups).acquire_owned().await.map_err(|_| unknown())?;
        let (host, port) = (target.host.clone(), target.port);
        let looking = tokio::spawn(async move {
            let found = tokio::net::lookup_host((host, port)).await.map(Vec::from_iter);
            drop(place);
            found
        });
        let found = looking.await.map_err(|_| unknown())?.unwrap_or_default();
        if found.is_empty() { Err(unknown()) } else { Ok(found) }
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, OutboundError> {
        let load = || async {
            let loaded = tokio::task::spawn_blocking(|| trust::client(trust::system_roots())).await;
            let loaded = loaded.map_err(io::Error::other)?.map_err(io::Error::other)?;
            Ok::<_, io::Error>(Arc::new(loaded))
        };
        self.tls.get_or_try_init(load).await.map(Arc::clone).map_err(OutboundError::Connect)
    }
}

async fn send<S>(
    stream: S,
    target: &Target,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> Result<Answer, OutboundError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::post(target.path())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, concat!("SessionForge/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(body)).map_err(|_| OutboundError::Address)?;
    // Driven beside the request and dropped with it: nothing of the answer's body is waited for. A connection that has
    // ended may have brought the answer with its last bytes.
    let (mut sending, mut connection) = (std::pin::pin!(sender.send_request(request)), std::pin::pin!(connection));
    let mut driven = false;
    let answer = loop {
        tokio::select! {
            answer = &mut sending => break answer?,
            _ended = &mut connection, if !driven => driven = true,
        }
    };
    let after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Ok(Answer { status: answer.status().as_u16(), retry_after: after.map(Duration::from_secs) })
}

#[cfg(test)]
mod tests;
