//! Every action there is goes into the audit log when it is done: by whom, on what, from where, and whether it was.
//!
//! [`expected`] is a `match` without a wildcard: an action that is added does not compile before it has a row here.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use sessionforge::store::Store;
use sessionforge::store::audit::{Action, Book};

use super::http_members::code;
use super::support::http::Http;
use super::support::server::token_of;
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::{EMAIL, PASSWORD, World};

/// Refused keys that are more than a log names in an hour.
const TOO_MANY_TO_NAME: usize = 51;

/// Takes a receiver that refuses for days, or says that it is gone: `notify::webhooks` has one.
const ELSEWHERE: [Action; 1] = [Action::WebhookOff];

/// Who it must have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ada,
    Bea,
    AdasKey,
    Nobody,
    Server,
}

use Who::{Ada, AdasKey, Bea, Nobody, Server};

/// Who, what the id of the thing begins with, whether it came over the network, the outcome.
type Row = (Who, &'static str, bool, &'static str);

#[allow(clippy::match_same_arms, reason = "a row for each kind of action, in the order in which they are declared")]
fn expected(action: Action) -> Row {
    match action {
        Action::SetUp | Action::SignIn | Action::SignOut => (Ada, "", true, "done"),
        Action::PasswordChange | Action::SecondFactor => (Ada, "usr_", true, "done"),
        Action::BrowserRevoke => (Ada, "", true, "done"),
        Action::MemberInvite => (Ada, "inv_", true, "done"),
        Action::MemberJoin => (Bea, "inv_", true, "done"),
        Action::MemberRole | Action::MemberRemove => (Ada, "usr_", true, "done"),
        Action::KeyMake | Action::KeyRotate | Action::KeyRevoke => (Ada, "key_", true, "done"),
        Action::KeyUse => (AdasKey, "key_", true, "refused"),
        Action::Enter => (Ada, "usr_", true, "refused"),
        Action::Access => (Bea, "", true, "refused"),
        Action::MachineRegister => (AdasKey, "mac_", true, "done"),
        // Of an agent that no service runs.
        Action::MachineUpdate => (Ada, "mac_", true, "refused"),
        Action::MachineChange | Action::MachineRemove => (Ada, "mac_", true, "done"),
        Action::SessionStart | Action::SessionStop | Action::SessionForget => (Ada, "ses_", true, "done"),
        Action::SessionAttach | Action::SessionTakeControl => (Ada, "ses_", true, "done"),
        Action::SessionInput => (AdasKey, "ses_", true, "done"),
        Action::SessionAnswer | Action::SessionShare => (Ada, "ses_", true, "done"),
        Action::SessionAdopt | Action::SessionReturn => (Bea, "ses_", true, "done"),
        Action::SessionAsk => (Ada, "ses_", true, "done"),
        Action::SessionRefuseAsk => (Bea, "ses_", true, "done"),
        Action::WebhookMake | Action::WebhookChange | Action::WebhookRemove => (Ada, "whk_", true, "done"),
        Action::WebhookOff => (Server, "whk_", false, "done"),
        Action::Setting => (Ada, "", true, "done"),
        Action::Refusals => (Nobody, "", false, "refused"),
        Action::AuditExport => (Ada, "", true, "done"),
        Action::AuditTrim | Action::Backup => (Server, "", false, "done"),
    }
}

#[tokio::test]
async fn every_action_there_is_goes_into_the_log() {
    let mut world = World::start().await;
    let me = world.http.get("/api/v1/me").await.ok().json();
    let (ada, organisation) = (me["user"]["id"].clone(), me["organisation"]["id"].as_str().unwrap().to_owned());
    let bea = accounts(&mut world).await;
    let revoked = keys(&mut world).await;
    sessions(&mut world, bea.clone()).await;
    administration(&mut world, bea.clone()).await;
    let bea = bea.0;
    for key in revoked {
        let mut program = Http { bearer: Some(key), ..Http::new(world.http.address) };
        assert_eq!(program.get("/api/v1/sessions").await.status, 401);
    }
    world.interrupt_server().await;

    let store = Store::open(&world.place().path("server")).unwrap();
    let book = Book::Of(organisation.parse().unwrap());
    let mut all = entries(&store, book).await;
    // Nothing is old enough to be removed yet: what the server does each day, with another day.
    store.audit_trim(book, u64::MAX).await.unwrap();
    all.extend(entries(&store, book).await);
    all.extend(entries(&store, Book::Server).await);
    let is = |entry: &Value, action: Action| {
        let (who, on, over_the_network, outcome) = expected(action);
        let who = match who {
            Ada => entry["who"]["user"] == ada && entry["who"]["key"].is_null() && entry["who"]["name"] == "Ada",
            Bea => entry["who"]["user"] == bea.as_str() && entry["who"]["name"] == "Bea",
            AdasKey => entry["who"]["user"] == ada && entry["who"]["key"].is_string(),
            Nobody => entry["who"] == json!({}),
            Server => entry["who"] == json!({ "server": true }),
        };
        let from = if over_the_network { json!("127.0.0.1") } else { Value::Null };
        who && entry["on"].as_str().unwrap_or_default().starts_with(on)
            && entry["from"] == from
            && entry["outcome"] == outcome
    };
    let of = |action: Action| all.iter().filter(move |entry| entry["action"] == action.name());
    let here = Action::ALL.iter().filter(|action| !ELSEWHERE.contains(action));
    let lacking: Vec<_> = here.filter(|action| !of(**action).any(|entry| is(entry, **action))).collect();
    let found: Vec<_> = lacking.iter().map(|action| (action.name(), of(**action).next())).collect();
    assert!(lacking.is_empty(), "not in the log as {:?}: {found:#?}", lacking.iter().map(|it| expected(**it)));
}

async fn entries(store: &Store, book: Book) -> Vec<Value> {
    let lines = store.audit_lines(book, 0, 10_000).await.unwrap();
    lines.iter().map(|(_, line)| serde_json::from_slice(line).unwrap()).collect()
}

/// Ada's own account, and Bea's. Bea's id and browser.
async fn accounts(world: &mut World) -> (String, Http) {
    let http = &mut world.http;
    let form = json!({ "email": EMAIL, "password": PASSWORD });
    let mut there = Http { cookie: None, ..http.clone() };
    there.post("/api/v1/sign-in", &form).await.ok();
    let browsers = http.get("/api/v1/me/browsers").await.ok().json();
    let other = browsers["browsers"].as_array().unwrap().iter().find(|it| it["current"] == false).unwrap();
    http.delete(&format!("/api/v1/me/browsers/{}", other["id"].as_str().unwrap())).await.ok();
    there.post("/api/v1/sign-in", &form).await.ok();
    there.post("/api/v1/sign-out", &json!({})).await.ok();
    let begun = http.post("/api/v1/me/second-factor", &json!({ "password": PASSWORD })).await.ok().json();
    let confirm = json!({ "code": code(begun["secret"].as_str().unwrap(), 0) });
    http.post("/api/v1/me/second-factor/confirm", &confirm).await.ok();
    let change = json!({ "current": PASSWORD, "new": "a longer password" });
    http.post("/api/v1/me/password", &change).await.ok();

    let made = http.post("/api/v1/invitations", &json!({ "role": "admin" })).await.ok().json();
    let token = token_of(made["url"].as_str().unwrap());
    let mut bea = Http::new(http.address);
    let form = json!({ "token": token, "name": "Bea", "email": "bea@example.org", "password": PASSWORD });
    let me = bea.post("/api/v1/invitations/accept", &form).await.ok().json();
    let id = me["user"]["id"].as_str().unwrap().to_owned();
    http.send("PATCH", &format!("/api/v1/members/{id}"), Some(&json!({ "role": "member" }))).await.ok();
    (id, bea)
}

/// Makes keys and takes them back: more of them than are named one by one when they are refused.
async fn keys(world: &mut World) -> Vec<String> {
    let (http, mut revoked) = (&mut world.http, Vec::new());
    for number in 0..TOO_MANY_TO_NAME {
        let wish = json!({ "name": format!("key {number}"), "scopes": ["sessions:read"] });
        let made = http.post("/api/v1/keys", &wish).await.ok().json();
        let path = format!("/api/v1/keys/{}", made["id"].as_str().unwrap());
        if number == 0 {
            http.post(&format!("{path}/rotate"), &json!({})).await.ok();
        }
        http.delete(&path).await.ok();
        revoked.extend(made["key"].as_str().map(str::to_owned));
    }
    revoked
}

async fn sessions(world: &mut World, (_, mut bea): (String, Http)) {
    let session = world.start_session("cat", &[]).await;
    let path = format!("/api/v1/sessions/{session}");
    let first = world.viewer(session, Manners::default()).await;
    let second = world.viewer(session, Manners::default()).await;
    second.take_control(80, 24).await;
    let taken = format!("/api/v1/audit?action=session.take_control&on={session}");
    poll("somebody took the keyboard", async || {
        world.http.clone().get(&taken).await.ok().json()["entries"].get(0).cloned()
    })
    .await;
    drop((first, second));
    let wish = json!({ "name": "script", "scopes": ["sessions:read", "sessions:write"] });
    let made = world.http.post("/api/v1/keys", &wish).await.ok().json();
    let mut script = Http { bearer: made["key"].as_str().map(str::to_owned), ..Http::new(world.http.address) };
    script.post(&format!("{path}/input"), &json!({ "text": "x", "take": true })).await.ok();

    world.http.send("PUT", &format!("{path}/sharing"), Some(&json!({ "with": "organisation" }))).await.ok();
    bea.post(&format!("{path}/adopt"), &json!({})).await.ok();
    let ada = world.http.get("/api/v1/me").await.ok().json()["user"]["id"].clone();
    world.http.post(&format!("{path}/ask"), &json!({})).await.ok();
    bea.post(&format!("{path}/ask/answer"), &json!({ "to": ada, "grant": false })).await.ok();
    bea.post(&format!("{path}/return"), &json!({})).await.ok();

    let host = world.place().hosts().into_iter().find(|facts| facts.info.id == session).unwrap();
    let mut hook = world.place().command(&["hook", host.socket.to_str().unwrap(), "wait"]);
    let mut hook = hook.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let said = json!({ "hook_event_name": "PermissionRequest", "session_id": "0123", "tool_name": "Bash",
        "tool_input": { "command": "ls" } });
    hook.stdin.take().unwrap().write_all(said.to_string().as_bytes()).unwrap();
    let need = poll("the session needs somebody", async || {
        world.http.clone().get(&path).await.ok().json()["needs"]["id"].as_u64()
    });
    let answer = json!({ "need": need.await, "answer": "deny", "message": "no" });
    world.http.post(&format!("{path}/answer"), &answer).await.ok();
    assert!(hook.wait().unwrap().success());

    world.stop_session(session).await;
    world.http.delete(&path).await.ok();
}

async fn administration(world: &mut World, (id, mut bea): (String, Http)) {
    let http = &mut world.http;
    http.send("PUT", "/api/v1/audit/settings", Some(&json!({ "keep_days": 90 }))).await.ok();
    http.get("/api/v1/audit/export").await.ok();
    assert_eq!(bea.get("/api/v1/audit").await.status, 403);
    // Gone before anything happens that it would be told.
    let webhook = json!({ "name": "chat", "url": "https://hooks.example.org/", "events": ["offline"] });
    let webhook = http.post("/api/v1/webhooks", &webhook).await.ok().json();
    let webhook = format!("/api/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    http.send("PATCH", &webhook, Some(&json!({ "name": "the chat" }))).await.ok();
    http.delete(&webhook).await.ok();
    http.post(&format!("/api/v1/members/{id}/deactivate"), &json!({})).await.ok();
    let (data_dir, file) = (world.place().path("server"), world.place().path("copy"));
    let arguments = ["server", "backup", file.to_str().unwrap(), "--data-dir", data_dir.to_str().unwrap()];
    assert!(world.place().command(&arguments).output().unwrap().status.success());
    let machine = format!("/api/v1/machines/{}", world.machine());
    let http = &mut world.http;
    http.send("PATCH", &machine, Some(&json!({ "tags": ["lab"] }))).await.ok();
    // No service runs its agent.
    let releases = world.place().path("server/releases");
    std::fs::create_dir_all(&releases).unwrap();
    let target = sessionforge::update::target::Target::own().unwrap();
    std::fs::write(releases.join(target.file_name(&"9.9.9".parse().unwrap())), "newer").unwrap();
    let http = &mut world.http;
    assert_eq!(http.post(&format!("{machine}/update"), &json!({})).await.status, 409);
    http.delete(&machine).await.ok();
    let elsewhere = json!({ "allowed": ["10.0.0.0/8"], "lock_me_out": true });
    http.send("PUT", "/api/v1/organisation/addresses", Some(&elsewhere)).await.ok();
    assert_eq!(http.get("/api/v1/me").await.status, 403);
}
