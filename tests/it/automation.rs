//! A session by plain HTTP, as `curl` speaks it: start, type, read the screen, wait for what it shows, stop.

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::http::Http;
use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

/// Asks for one session's things with an API key alone.
struct Script {
    http: Http,
    session: SessionId,
}

/// A key that may do what a script needs, and no more.
async fn script_key(world: &World) -> String {
    let key = json!({ "name": "script", "scopes": ["sessions:read", "sessions:write"] });
    let made = world.http.clone().post("/api/v1/keys", &key).await.ok().json();
    made["key"].as_str().unwrap().to_owned()
}

impl Script {
    async fn start(world: &World, command: &str, args: &[&str]) -> Self {
        let mut http = Http::new(world.http.address);
        http.bearer = Some(script_key(world).await);
        let path = format!("/api/v1/machines/{}/sessions", world.machine());
        let started = http.post(&path, &json!({ "command": command, "args": args })).await.ok().json();
        Self { http, session: started["id"].as_str().unwrap().parse().unwrap() }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/v1/sessions/{}/{what}", self.session)
    }

    async fn wait(&mut self, what: Value) -> Value {
        let path = self.path("wait");
        self.http.post(&path, &what).await.ok().json()
    }

    /// Types and gives the offset behind which the answer comes.
    async fn type_text(&mut self, text: &str) -> u64 {
        let path = self.path("input");
        self.http.post(&path, &json!({ "text": text })).await.ok().json()["offset"].as_u64().unwrap()
    }

    async fn screen(&mut self) -> String {
        let path = self.path("screen");
        let screen = self.http.get(&path).await.ok().json();
        let lines = screen["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_starts_types_waits_reads_and_stops() {
    let world = World::start().await;
    let mut script = Script::start(&world, "bash", &[]).await;
    let prompt = script.wait(json!({ "match": "^\\$" })).await;
    assert_eq!(prompt["outcome"], "matched", "{prompt}");
    // The words as they are typed are on the screen too; only the answer has them without quotes.
    let offset = script.type_text("echo he''llo wor''ld\r").await;
    let answer = script.wait(json!({ "match": "^hello (\\w+)$", "after": offset })).await;
    assert_eq!((answer["outcome"].as_str(), answer["matched"].as_str()), (Some("matched"), Some("hello world")));
    assert!(script.screen().await.contains("hello world"));

    let offset = script.type_text("sh -c 'echo re''ady; exec cat'\r").await;
    assert_eq!(script.wait(json!({ "match": "^ready$", "after": offset })).await["outcome"], "matched");
    let path = script.path("input");
    script.http.post(&path, &json!({ "keys": ["Ctrl-C"] })).await.ok();
    // A shell throws away what was typed before it had its terminal back.
    assert_eq!(script.wait(json!({ "match": "\\^C\n\\$" })).await["outcome"], "matched");
    let offset = script.type_text("exit 3\r").await;
    let ended = script.wait(json!({ "match": "never shown", "after": offset })).await;
    assert_eq!(ended["outcome"], "ended", "{ended}");
    let session = script.http.get(&format!("/api/v1/sessions/{}", script.session)).await.ok().json();
    assert_eq!(session["exit"]["code"], 3, "{session}");
    let late = script.http.post(&path, &json!({ "text": "x" })).await;
    assert_eq!((late.status, late.json()["code"].as_str()), (409, Some("session_ended")), "{}", late.text());
    assert!(script.screen().await.contains("hello world"), "its last screen can still be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_the_program_is_silent_or_its_time_is_up() {
    let world = World::start().await;
    let mut script = Script::start(&world, "sh", &["-c", "while :; do date; sleep 0.1; done"]).await;
    let busy = script.wait(json!({ "idle_ms": 20_000, "timeout_ms": 300 })).await;
    assert_eq!(busy["outcome"], "timeout", "{busy}");
    assert!(busy["screen"]["offset"].is_u64() && busy["screen"]["lines"].is_array(), "{busy}");
    let path = format!("/api/v1/sessions/{}/stop", script.session);
    script.http.post(&path, &json!({ "force": true })).await.ok();

    let mut quiet = Script::start(&world, "cat", &[]).await;
    let idle = quiet.wait(json!({ "idle_ms": 200 })).await;
    assert_eq!(idle["outcome"], "idle", "{idle}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_keyboard_keeps_it_until_a_script_says_that_it_takes_it() {
    let world = World::start().await;
    let mut script = Script::start(&world, "cat", &[]).await;
    let person = world.viewer(script.session, Manners::default()).await;
    person.type_text("mine\r").await;
    person.expect_text("mine").await;
    let path = script.path("input");
    let refused = script.http.post(&path, &json!({ "text": "script\r" })).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("not_controller")), "{}", refused.text());
    script.http.post(&path, &json!({ "text": "script\r", "take": true })).await.ok();
    person.expect_text("script").await;
    let twice = script.wait(json!({ "match": "(?s)script.*script" })).await;
    assert_eq!(twice["outcome"], "matched", "typed once, printed once by cat: {twice}");
    assert_eq!(script.screen().await.matches("script").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_under_an_idempotency_key_is_typed_once_also_over_a_restart_of_the_server() {
    let mut world = World::start().await;
    let mut script = Script::start(&world, "cat", &[]).await;
    let (path, text) = (script.path("input"), json!({ "text": "only once\r" }));
    script.http.once = Some("the same wish".to_owned());
    let first = script.http.post(&path, &text).await.ok().json();
    assert_eq!(script.http.post(&path, &text).await.ok().json(), first, "the same answer, its offset included");
    let other = script.http.post(&path, &json!({ "text": "something else\r" })).await;
    assert_eq!((other.status, other.json()["code"].as_str()), (409, Some("conflict")), "{}", other.text());

    world.kill_server();
    world.start_server().await;
    world.expect_machine().await;
    let again = poll("the session is there again", async || {
        let again = script.http.post(&path, &text).await;
        (again.status != 409).then_some(again)
    });
    assert_eq!(again.await.ok().json()["bytes"], first["bytes"], "the PTY host remembers what it was told");
    script.http.once = Some("another wish".to_owned());
    script.http.post(&path, &json!({ "text": "the end\r" })).await.ok();
    assert_eq!(script.wait(json!({ "match": "(?s)the end.*the end" })).await["outcome"], "matched");
    let screen = script.screen().await;
    assert_eq!(screen.matches("only once").count(), 2, "echoed once and printed once by cat: {screen}");
    assert!(!screen.contains("something else"), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_an_idempotency_key_is_answered_the_same_when_it_is_asked_for_again() {
    let world = World::start().await;
    let mut script = Script::start(&world, "cat", &[]).await;
    let (path, force) = (script.path("stop"), json!({ "force": true }));
    script.http.once = Some("the same wish".to_owned());
    for _ in 0..2 {
        assert_eq!(script.http.post(&path, &force).await.status, 204);
    }
    script.http.once = None;
    assert_eq!(script.http.post(&path, &force).await.json()["code"], "session_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_asks_wrongly_is_said_in_a_sentence() {
    let world = World::start().await;
    let mut script = Script::start(&world, "cat", &[]).await;
    for (what, body, words) in [
        ("wait", json!({ "match": "(" }), "pattern"),
        ("wait", json!({ "match": "a{1000}{1000}{1000}" }), "pattern"),
        ("input", json!({ "keys": ["Entre"] }), "no key called \"Entre\""),
        ("input", json!({}), "send 1 to"),
        ("input", json!({ "text": "x".repeat(300_000) }), "send 1 to"),
    ] {
        let path = script.path(what);
        let answer = script.http.post(&path, &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(
            answer.text().contains(words) || answer.text().contains(&words.replace('"', "\\\"")),
            "{}",
            answer.text()
        );
    }
    let foreign = "/api/v1/sessions/ses_000000000000/screen";
    assert_eq!(script.http.get(foreign).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_changes_as_it_changes() {
    let world = World::start().await;
    let mut stream = tokio::net::TcpStream::connect(world.http.address).await.unwrap();
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        world.http.address,
        script_key(&world).await
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut until = async |wanted: &str| {
        let mut piece = [0; 4096];
        while !seen.contains(wanted) {
            let read = tokio::time::timeout(super::support::wait::WAIT_MAX, stream.read(&mut piece)).await;
            let read = read.unwrap_or_else(|_| panic!("{wanted:?} never came: {seen}")).unwrap();
            assert!(read > 0, "the stream ended before {wanted:?}: {seen}");
            seen += &String::from_utf8_lossy(&piece[..read]);
        }
    };
    until("text/event-stream").await;
    until("event: fleet\n").await;
    let session = world.bash().await;
    until(&format!("\"id\":\"{session}\"")).await;
    until("event: session\n").await;
    world.stop_session(session).await;
    until("\"state\":\"exited\"").await;
}
