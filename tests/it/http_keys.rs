//! API keys over HTTP: made once, shown once, refused once revoked.

use std::sync::Arc;

use serde_json::json;
use sessionforge::base::api_key;
use sessionforge::base::secret::Secret;
use sessionforge::wire::Frame;
use sessionforge::wire::close::Close;
use sessionforge::wire::hello::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::http::Http;
use crate::support::played::agent::PlayedAgent;
use crate::support::server::TestServer;
use crate::support::socket::Socket;
use crate::support::wait::{Changes, WAIT_MAX};
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_works_and_is_refused_after_it_was_revoked() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let made = owner.post("/api/v1/keys", &json!({ "name": " laptop ", "scopes": ["machines:read"] })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    assert!(api_key::is_well_formed(key));

    let listed = owner.get("/api/v1/keys").await.ok();
    assert!(!listed.text().contains(key), "the key itself is never shown again");
    let keys = listed.json()["keys"].clone();
    assert_eq!(keys[0]["name"], "laptop");
    assert_eq!(keys[0]["last_used_at"], json!(null));
    assert!(key.starts_with(keys[0]["prefix"].as_str().unwrap()));

    let mut program = server.http();
    program.bearer = Some(key.to_owned());
    assert_eq!(program.get("/api/v1/machines").await.ok().json(), json!({ "machines": [] }));
    let id = made["id"].as_str().unwrap();
    owner.delete(&format!("/api/v1/keys/{id}")).await.ok();
    let refused = program.get("/api/v1/machines").await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("was revoked"), "{}", refused.text());
    assert_eq!(owner.get("/api/v1/keys").await.ok().json(), json!({ "keys": [] }));
    assert_eq!(owner.delete(&format!("/api/v1/keys/{id}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_ends_whatever_is_open_with_it_and_nothing_else() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let wish = json!({ "name": "laptop", "scopes": ["agent", "sessions:read"] });
    let mut connected = Vec::new();
    for _ in 0..2 {
        let made = owner.post("/api/v1/keys", &wish).await.ok().json();
        let program = Http { bearer: made["key"].as_str().map(str::to_owned), ..server.http() };
        let changes = Arc::new(Changes::default());
        let agent = PlayedAgent::start(program.clone(), "laptop".to_owned(), 1, Arc::clone(&changes));
        let online = || agent.look(|seen| seen.online_since).map(drop);
        changes.wait(WAIT_MAX, online).await.expect("the agent is connected");
        let mut page = Socket::open(&program, "/api/v1/viewer", None).await.unwrap();
        page.greet(Role::Viewer).await.unwrap();
        let events = Events::open(&program).await;
        connected.push((made["id"].as_str().unwrap().to_owned(), agent, changes, page, events));
    }
    let (_, other, _, mut other_page, _other_events) = connected.pop().unwrap();
    let (id, agent, changes, page, events) = connected.pop().unwrap();
    owner.delete(&format!("/api/v1/keys/{id}")).await.ok();
    assert_eq!(page.expect_close("its key was revoked").await.code, Some(Close::KeyRefused.code()));
    events.expect_end().await;
    let gone = || agent.look(|seen| seen.online_since.is_none()).then_some(());
    changes.wait(WAIT_MAX, gone).await.expect("the agent is hung up on");
    other_page.send(&Frame::Ping(7)).await.unwrap();
    while other_page.next().await.unwrap() != Frame::Pong(7) {}
    assert!(other.look(|seen| seen.online_since.is_some()), "another key's agent stays");
}

#[tokio::test]
async fn an_agent_whose_key_is_revoked_ends_and_does_not_try_again() {
    let mut world = World::start().await;
    let keys = world.http.get("/api/v1/keys").await.ok().json();
    let id = keys["keys"][0]["id"].as_str().unwrap().to_owned();
    world.http.delete(&format!("/api/v1/keys/{id}")).await.ok();
    let (status, said) = world.agent_end().await;
    assert!(!status.success() && said.contains("key"), "{status}: {said}");
    let machines = world.http.get("/api/v1/machines").await.ok().json();
    assert_eq!(machines["machines"][0]["online"], false, "{machines}");
}

/// A reader of `GET /events`.
struct Events(tokio::net::TcpStream);

impl Events {
    async fn open(who: &Http) -> Self {
        let mut stream = tokio::net::TcpStream::connect(who.address).await.unwrap();
        let bearer = who.bearer.as_ref().unwrap();
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n",
            who.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        Self(stream)
    }

    async fn expect_end(mut self) {
        let mut rest = Vec::new();
        tokio::time::timeout(WAIT_MAX, self.0.read_to_end(&mut rest)).await.expect("the stream ends").unwrap();
    }
}

/// What is compared is the SHA-256 of a whole key, found or not by an index: how long that takes depends on a digest that
/// whoever guesses cannot steer towards the right one, never on how much of the key is right. No clock is needed to see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_nearly_right_is_as_unknown_as_one_that_is_wholly_wrong() {
    let server = TestServer::start().await;
    let made = server.owner().await.post("/api/v1/keys", &json!({ "name": "laptop" })).await.ok().json();
    let key = made["key"].as_str().unwrap();
    let mut said = Vec::new();
    // All but the last of its random characters; the checksum is the six behind them.
    let (nearly, last) = (&key[..key.len() - 7], &key[key.len() - 7..key.len() - 6]);
    let other = if last == "x" { "y" } else { "x" };
    for wrong in [api_key::completed(format!("{nearly}{other}")), api_key::random()] {
        assert!(api_key::is_well_formed(wrong.expose()) && wrong.expose() != key);
        let (right, guessed) = (Secret::new(key).hash(), wrong.hash());
        let same = right.as_str().bytes().zip(guessed.as_str().bytes()).take_while(|(a, b)| a == b);
        assert!(same.count() < 16, "digests of neighbours have nothing in common");
        let mut program = Http { bearer: Some(wrong.expose().to_owned()), ..server.http() };
        let refused = program.get("/api/v1/machines").await;
        said.push((refused.status, refused.text()));
    }
    assert_eq!(said[0].0, 401);
    assert_eq!(said[0], said[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_key_is_told_from_a_key_nobody_knows() {
    let server = TestServer::start().await;
    let mut http = server.http();
    let unknown = api_key::random();
    for (key, says) in [("sf_live_short", "not a whole API key"), (unknown.expose(), "not known here")] {
        http.bearer = Some(key.to_owned());
        let answer = http.get("/api/v1/machines").await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_and_revokes_no_keys_and_changes_no_password() {
    let server = TestServer::start().await;
    let made = server.owner().await.post("/api/v1/keys", &json!({ "name": "laptop" })).await.ok().json();
    let mut program = server.http();
    program.bearer = made["key"].as_str().map(str::to_owned);
    let id = made["id"].as_str().unwrap();
    assert_eq!(program.post("/api/v1/keys", &json!({ "name": "another" })).await.status, 403);
    assert_eq!(program.delete(&format!("/api/v1/keys/{id}")).await.status, 403);
    assert_eq!(program.post("/api/v1/me/password", &json!({ "new": "a longer password" })).await.status, 403);
}
