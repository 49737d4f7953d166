//! A server inside the test's own process, on port 0 with a directory of its own: for what needs no agent.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sessionforge::server::{FirstLink, Server, ServerConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::http::Http;

/// The owner's password in these tests.
pub const PASSWORD: &str = "correct horse battery staple";
/// The owner's e-mail address.
pub const EMAIL: &str = "ada@example.org";

/// A running server.
pub struct TestServer {
    /// Its data directory.
    pub dir: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it would have printed.
    pub first_link: FirstLink,
    /// A sign-in link for the local owner, for tests that asked for one.
    pub sign_in_link: Option<String>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl TestServer {
    /// A new server that nobody owns.
    pub async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap()).await
    }

    /// A server over the state in `dir`.
    pub async fn start_in(dir: TempDir) -> Self {
        let config = config(&dir);
        Self::start_as(dir, config, false).await
    }

    /// What `sessionforge up` does: a local owner without a password, and a sign-in link.
    pub async fn start_up() -> Self {
        let dir = TempDir::new().unwrap();
        let config = config(&dir);
        Self::start_as(dir, config, true).await
    }

    /// A server with this configuration.
    pub async fn start_as(dir: TempDir, config: ServerConfig, up: bool) -> Self {
        let server = Server::bind(config, None).await.unwrap();
        let mut sign_in_link = None;
        if up {
            let owner = server.ensure_local_owner("Ada".to_owned()).await.unwrap();
            sign_in_link = Some(server.sign_in_link(&owner).await.unwrap());
        }
        let first_link = server.first_link().await.unwrap();
        let (address, shutdown) = (server.address(), CancellationToken::new());
        let running = tokio::spawn(server.run(shutdown.clone()));
        Self { dir, address, first_link, sign_in_link, shutdown, running }
    }

    /// Nobody yet.
    pub fn http(&self) -> Http {
        Http::new(self.address)
    }

    /// The token of the set-up link.
    pub fn setup_token(&self) -> String {
        match &self.first_link {
            FirstLink::SetUp(url) => token_of(url),
            other => panic!("no set-up link but {other:?}"),
        }
    }

    /// The owner, whose account was made through the set-up link.
    pub async fn owner(&self) -> Http {
        let mut http = self.http();
        http.post("/api/v1/setup", &setup_form(&self.setup_token())).await.ok();
        http
    }

    /// Stops it in order; its state stays.
    pub async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.running.await.unwrap();
        self.dir
    }
}

/// Port 0, state in `dir`.
pub fn config(dir: &TempDir) -> ServerConfig {
    ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::new(dir.path()) }
}

/// What stands behind `#` in a link.
pub fn token_of(link: &str) -> String {
    link.split_once('#').unwrap_or_else(|| panic!("no token in {link}")).1.to_owned()
}

/// The set-up page's form.
pub fn setup_form(token: &str) -> Value {
    json!({ "token": token, "email": EMAIL, "name": "Ada", "password": PASSWORD, "organisation": "Engines" })
}
