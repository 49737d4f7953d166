//! People are told what happens when they do not look.

mod browser;
mod push;
mod receiver;
mod subscriber;
mod webhooks;

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::server::ServerConfig;
use tempfile::TempDir;

use super::support::http::Http;
use super::support::played::agent::PlayedAgent;
use super::support::server::{PASSWORD, TestServer, config, setup_form, token_of};
use super::support::wait::{Changes, WAIT_MAX};
use receiver::Receiver;
use std::sync::Arc;

/// A server that may send to this machine, its owner, an agent with a session, and somebody who receives.
struct Scene {
    server: TestServer,
    owner: Http,
    agent: PlayedAgent,
    session: SessionId,
    receiver: Receiver,
}

/// May send to this machine.
fn open_config(dir: &TempDir) -> ServerConfig {
    ServerConfig { notify_allow: vec!["127.0.0.0/8".parse().unwrap()], ..config(dir) }
}

impl Scene {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let server = start(dir).await;
        let mut owner = server.http();
        owner.post("/api/v1/setup", &setup_form(&server.setup_token())).await.ok();
        let made = owner.post("/api/v1/keys", &json!({ "name": "agent" })).await.ok().json();
        let mut program = server.http();
        program.bearer = made["key"].as_str().map(str::to_owned);
        let changes = Arc::<Changes>::default();
        let agent = PlayedAgent::start(program, "workbench".to_owned(), 1, Arc::clone(&changes));
        let look = || agent.look(|seen| seen.online_since.map(|_| seen.sessions[0]));
        let session = changes.wait(WAIT_MAX, look).await.expect("the agent is known");
        Self { server, owner, agent, session, receiver: Receiver::start().await }
    }

    async fn webhook(&self, more: Value) -> Value {
        let mut asked = json!({ "name": "chat", "url": self.receiver.url("/hook") });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.clone().post("/api/v1/webhooks", &asked).await.ok().json()
    }

    /// A member who accepted an invitation.
    async fn join(&self, name: &str) -> Http {
        let made = self.owner.clone().post("/api/v1/invitations", &json!({ "role": "member" })).await.ok().json();
        let token = token_of(made["url"].as_str().unwrap());
        let mut http = self.server.http();
        let email = format!("{}@example.org", name.to_lowercase());
        let form = json!({ "token": token, "name": name, "email": email, "password": PASSWORD });
        http.post("/api/v1/invitations/accept", &form).await.ok();
        http
    }

    /// Sets what the owner wants to be told.
    async fn wants(&self, wants: Value) {
        self.owner.clone().send("PUT", "/api/v1/me/notifications", Some(&wants)).await.ok();
    }
}

async fn start(dir: TempDir) -> TestServer {
    let config = open_config(&dir);
    TestServer::start_as(dir, config, false).await
}
