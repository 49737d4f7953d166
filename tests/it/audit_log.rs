//! What is done is in the audit log: who, what, on what, from where. Read by admins, exported whole.

use serde_json::{Value, json};

use super::support::http::Http;
use super::support::server::{EMAIL, PASSWORD, TestServer};
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

async fn entries(http: &mut Http, query: &str) -> Vec<Value> {
    http.get(&format!("/api/v1/audit{query}")).await.ok().json()["entries"].as_array().unwrap().clone()
}

/// Waits for an entry: nobody waits for those that belong to no change.
async fn expect(http: &Http, query: &str) -> Value {
    let found = async || entries(&mut http.clone(), query).await.into_iter().next();
    poll(&format!("the log has {query}"), found).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_session_is_in_the_log() {
    let world = World::start().await;
    let session = world.start_session("cat", &["--", "-"]).await;
    let started = expect(&world.http, "?action=session.start").await;
    assert_eq!((started["on"].as_str(), started["from"].as_str()), (Some(&*session.to_string()), Some("127.0.0.1")));
    assert_eq!((started["who"]["name"].as_str(), started["facts"]["command"].as_str()), (Some("Ada"), Some("cat")));
    assert!(started["facts"]["args"].is_null(), "arguments may hold what belongs into no log");

    let viewer = world.viewer(session, Manners::default()).await;
    expect(&world.http, &format!("?action=session.attach&on={session}")).await;
    drop(viewer);
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("secret words\r").await;
    viewer.expect_text("secret words").await;
    world.stop_session(session).await;
    expect(&world.http, "?action=session.stop").await;
    let all = entries(&mut world.http.clone(), &format!("?on={session}")).await;
    let attached = all.iter().filter(|entry| entry["action"] == "session.attach").count();
    assert_eq!(attached, 1, "a page that comes back is the same person watching: {all:?}");
    assert!(!format!("{all:?}").contains("secret words"), "what is typed is in no log");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_in_pages_and_exported_as_lines_that_prove_each_other() {
    let mut world = World::server_only().await;
    world.set_up().await;
    for number in 0..4 {
        world.make_key(&format!("key {number}")).await;
    }
    let keys = world.http.get("/api/v1/keys").await.ok().json();
    for key in keys["keys"].as_array().unwrap() {
        world.http.delete(&format!("/api/v1/keys/{}", key["id"].as_str().unwrap())).await.ok();
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.http.get(&format!("/api/v1/audit?action=key&limit=2{cursor}")).await.ok().json();
        seen.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()));
        match page["next"].as_u64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(seen.len() >= 5 && seen.is_sorted_by(|a, b| a > b), "{seen:?}");

    let lines = world.http.get("/api/v1/audit/export").await.ok();
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    let mut before = "0".repeat(64);
    for line in lines.text().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["before"], before.as_str(), "{line}");
        before = hash(line);
    }
    let csv = world.http.get("/api/v1/audit/export?format=csv").await.ok().text();
    assert!(csv.starts_with("seq,at,action") && csv.contains("\"key.revoke\""), "{csv}");
    assert_eq!(world.http.get("/api/v1/audit?action=key&limit=x").await.status, 400);
}

fn hash(line: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_the_log_is_kept_is_a_setting_that_is_itself_noted() {
    let mut world = World::server_only().await;
    world.set_up().await;
    assert_eq!(world.http.get("/api/v1/audit/settings").await.ok().json()["keep_days"], 365);
    let path = "/api/v1/audit/settings";
    assert_eq!(world.http.send("PUT", path, Some(&json!({ "keep_days": 1 }))).await.status, 400);
    world.http.send("PUT", path, Some(&json!({ "keep_days": 90 }))).await.ok();
    assert_eq!(world.http.get(path).await.ok().json()["keep_days"], 90);
    let noted = expect(&world.http, "?action=setting").await;
    assert_eq!(noted["facts"], json!({ "setting": "audit.keep_days", "to": "90" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_in_the_log_and_so_are_those_that_fail() {
    let server = TestServer::start().await;
    let owner = server.owner().await;
    let id = owner.clone().get("/api/v1/me").await.ok().json()["user"]["id"].clone();
    assert_eq!(expect(&owner, "?action=account.set_up").await["who"]["user"], id);
    let form = |password: &str| json!({ "email": EMAIL, "password": password });
    let mut other = server.http();
    assert_eq!(other.post("/api/v1/sign-in", &form("a wrong password")).await.status, 401);
    let failed = expect(&owner, "?action=account.sign_in&outcome=refused").await;
    assert_eq!(
        (&failed["on"], &failed["from"], &failed["facts"]["why"]),
        (&id, &json!("127.0.0.1"), &json!("wrong password"))
    );
    other.post("/api/v1/sign-in", &form(PASSWORD)).await.ok();
    let done = expect(&owner, "?action=account.sign_in&outcome=done").await;
    assert_eq!((&done["who"]["user"], &done["facts"]["how"]), (&id, &json!("password")));
    other.post("/api/v1/sign-out", &json!({})).await.ok();
    assert_eq!(expect(&owner, "?action=account.sign_out").await["who"]["user"], id);
    let all = entries(&mut owner.clone(), "").await;
    assert!(!format!("{all:?}").contains("a wrong password"), "what is typed is in no log");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_without_end_are_one_entry_and_a_number() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let made = owner.post("/api/v1/keys", &json!({ "name": "script", "scopes": ["sessions:read"] })).await.ok().json();
    owner.delete(&format!("/api/v1/keys/{}", made["id"].as_str().unwrap())).await.ok();
    let mut program = Http { bearer: made["key"].as_str().map(str::to_owned), ..server.http() };
    for _ in 0..25 {
        assert_eq!(program.get("/api/v1/sessions").await.status, 401);
    }
    let refused = expect(&owner, "?action=key.use&outcome=refused").await;
    assert_eq!((&refused["on"], &refused["facts"]["why"]), (&made["id"], &json!("revoked")));
    assert_eq!(entries(&mut owner, "?action=key.use").await.len(), 1);
    let server = TestServer::start_in(server.stop().await).await;
    let owner = Http { cookie: owner.cookie, ..server.http() };
    let all = entries(&mut owner.clone(), "?action=key.use").await;
    assert_eq!((all.len(), &all[0]["facts"]["more"]), (2, &json!("24")), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_and_the_keyboard_are_in_the_log() {
    let mut world = World::start().await;
    let registered = entries(&mut world.http, "?action=machine.register").await;
    assert_eq!(registered[0]["on"], world.machine().to_string());
    world.kill_agent();
    world.start_agent().await;
    assert_eq!(entries(&mut world.http, "?action=machine.register").await.len(), 1, "only the first time");
    let session = world.bash().await;
    let first = world.viewer(session, Manners::default()).await;
    let second = world.viewer(session, Manners::default()).await;
    second.expect_attached().await;
    second.take_control(80, 24).await;
    expect(&world.http, &format!("?action=session.take_control&on={session}")).await;
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_may_not_is_in_the_log_once_and_counted_after_that() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let made = owner.post("/api/v1/invitations", &json!({ "role": "viewer" })).await.ok().json();
    let token = super::support::server::token_of(made["url"].as_str().unwrap());
    let form = json!({ "token": token, "name": "Vic", "email": "vic@example.org", "password": PASSWORD });
    let mut viewer = server.http();
    let me = viewer.post("/api/v1/invitations/accept", &form).await.ok().json();
    for _ in 0..3 {
        assert_eq!(viewer.post("/api/v1/sessions/ses_000000000000/adopt", &json!({})).await.status, 403);
        assert_eq!(viewer.post("/api/v1/keys", &json!({ "name": "x" })).await.status, 403);
    }
    let key = owner.post("/api/v1/keys", &json!({ "name": "x", "scopes": ["sessions:read"] })).await.ok().json();
    let mut program = Http { bearer: key["key"].as_str().map(str::to_owned), ..server.http() };
    assert_eq!(program.get("/api/v1/machines").await.status, 403);
    // What they ask for is what they are refused for: one thing, from one place.
    let adopting = "?action=access.try&on=ses_000000000000";
    let refused = expect(&owner, adopting).await;
    assert_eq!((&refused["outcome"], &refused["who"]["user"]), (&json!("refused"), &me["user"]["id"]));
    assert_eq!(refused["facts"], json!({ "asked": "POST /sessions/{id}/adopt", "why": "viewer" }));
    assert_eq!(refused["from"], "127.0.0.1");
    let by_key = async || {
        let all = entries(&mut owner.clone(), "?action=access.try").await;
        all.into_iter().find(|entry| entry["who"]["key"] == key["id"])
    };
    let by_key = poll("the key's refusal is in the log", by_key).await;
    assert_eq!(by_key["facts"], json!({ "asked": "GET /machines", "why": "owner, by a key" }));
    assert_eq!(entries(&mut owner, adopting).await.len(), 1, "repeats are counted");
}
