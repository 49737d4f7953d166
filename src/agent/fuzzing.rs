//! Doors for `fuzz/` into what is private here. Compiled for fuzzing alone.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::config::{AgentConfig, ConfigFile};
use super::environment::Origin;
use super::handing::Handing;
use super::hosts::Hosts;
use super::local::{self, LocalAgent};
use super::{endpoint, link};
use crate::base::secret::Secret;

/// What the uplink carries of a host's message; `None` if the host's link is given up over it, or it is left out.
pub fn wrapped(channel: u32, says: &[u8]) -> Option<Bytes> {
    link::passed_up(channel, says).ok().flatten().map(|(frame, _)| frame)
}

/// The server's message to a host as the host's own socket carries it.
pub fn bare_ask(json: &[u8]) -> Option<Vec<u8>> {
    link::bare_ask(json)
}

/// Reads the address of a server, and checks what must hold of the outcome.
///
/// # Panics
/// When it does not.
pub fn server_address(text: &str) {
    endpoint::check_address(text);
}

/// The token of the agent that [`local_http`] asks.
const TOKEN: &str = "0123456789abcdef";

/// What an agent without sessions, which may start nothing, answers to these bytes on its port of this machine. Checks
/// that nothing is told to whoever has no token. Virtual time: waits cost nothing.
///
/// # Panics
/// When something is told.
pub fn local_http(asked: &[u8]) {
    thread_local! {
        static AGENT: Agent = Agent::start();
    }
    let answer = AGENT.with(|agent| agent.answer(asked));
    let text = String::from_utf8_lossy(&answer);
    let said = String::from_utf8_lossy(asked);
    assert!(!text.contains(TOKEN) || said.contains(TOKEN), "its token in an answer");
    if text.starts_with("HTTP/1.1 2") || text.starts_with("HTTP/1.0 2") {
        let host = said.contains("127.0.0.1:3457") || said.contains("localhost:3457");
        assert!(host && said.contains(TOKEN), "answered without a token or by another name");
    }
}

struct Agent {
    runtime: tokio::runtime::Runtime,
    serve: Box<dyn Fn(DuplexStream) -> std::pin::Pin<Box<dyn Future<Output = ()>>>>,
    _dir: Dir,
}

/// Of this process, and gone with it.
struct Dir(std::path::PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        // What stays is a directory with a secret that nothing uses.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Agent {
    fn start() -> Self {
        let dir = Dir(std::env::temp_dir().join(format!("sessionforge-fuzz-agent-{}", std::process::id())));
        std::fs::create_dir_all(&dir.0).expect("a directory");
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
        let file = ConfigFile { allow: Vec::new(), environment: Some(Origin::Agent), ..ConfigFile::default() };
        let server = "http://127.0.0.1:1".to_owned();
        let config = Arc::new(AgentConfig::new(&dir.0, server, Secret::new("sf_live_x"), file));
        let hosts = Arc::new(Hosts::new(&config, "/bin/false".into()).expect("a runtime directory"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, local::PORT));
        let agent = LocalAgent { version: local::VERSION, address, token: Secret::new(TOKEN) };
        let _inside = runtime.enter();
        let serve = Box::new(local::connections(agent, &config, &hosts, &Arc::new(Handing::default())));
        drop(_inside);
        Self { runtime, serve, _dir: dir }
    }

    fn answer(&self, asked: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let (mut ours, theirs) = duplex(64 * 1024);
            let asking = async {
                let mut answer = Vec::new();
                // It may hang up before it has read all of it.
                let _ = ours.write_all(asked).await;
                let all = ours.read_to_end(&mut answer);
                let _ = tokio::time::timeout(Duration::from_mins(1), all).await;
                drop(ours);
                answer
            };
            tokio::join!(asking, (self.serve)(theirs)).0
        })
    }
}
