//! No secret and nothing that was typed reaches a log, however talkative it was made.

use serde_json::json;

use super::support::http::Http;
use super::support::process::Process;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::{EMAIL, PASSWORD, Place};

#[tokio::test]
async fn the_most_talkative_log_holds_no_secret_and_nothing_that_was_typed() {
    let place = Place::new();
    let start = |name: &'static str, arguments: &[&str], key: &str| {
        let mut command = place.command(arguments);
        command.env("SESSIONFORGE_LOG", "trace").env("SESSIONFORGE_API_KEY", key);
        Process::start(name, command)
    };
    let dir = place.path("server");
    let arguments = ["server", "--listen", "127.0.0.1:0", "--data-dir", dir.to_str().unwrap()];
    let mut server = start("server", &arguments, "");
    let link = server.expect_line("/setup#").await;
    let link = link.split_whitespace().find(|word| word.contains("/setup#")).unwrap();
    let (url, token) = link.split_once("/setup#").unwrap();

    let mut http = Http::new(url.trim_start_matches("http://").parse().unwrap());
    let account = json!({"token": token, "organisation": "Acme", "name": "Ada", "email": EMAIL, "password": PASSWORD});
    http.post("/api/v1/setup", &account).await.ok();
    let cookie = http.cookie.clone().unwrap();
    let made = http.post("/api/v1/keys", &json!({"name": "workbench"})).await.ok().json();
    let key = made["key"].as_str().unwrap();

    let dir = place.path("agent");
    let agent = start("agent", &["agent", "--server", url, "--data-dir", dir.to_str().unwrap()], key);
    let asker = http.clone();
    let machine = poll("the machine is connected", async || {
        let machines = asker.clone().get("/api/v1/machines").await.json();
        machines["machines"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let launch = json!({"command": "bash", "cols": 80, "rows": 24});
    let session = http.post(&format!("/api/v1/machines/{machine}/sessions"), &launch).await.ok().json();
    let session = session["id"].as_str().unwrap().parse().unwrap();
    let viewer = Viewer::open(&http, session, Manners::default());
    viewer.expect_attached().await;
    viewer.type_text("echo typed-in-conf''idence\r").await;
    viewer.expect_text("typed-in-confidence").await;

    http.post("/api/v1/me/password", &json!({"current": PASSWORD, "new": "another long password"})).await.ok();
    http.post("/api/v1/sign-in", &json!({"email": EMAIL, "password": "a wrong password"})).await;
    http.post("/api/v1/sign-out", &json!({})).await.ok();

    // Lines of standard error, where the log is; the set-up link is printed on standard output on purpose.
    let logs = format!("{}\n{}", server.log(), agent.log());
    let logged: Vec<&str> = logs.lines().filter(|line| line.starts_with('!')).collect();
    assert!(logged.iter().any(|line| line.contains("DEBUG") || line.contains("TRACE")), "the log is talkative");
    let cookie = cookie.split_once('=').unwrap().1;
    let secrets =
        [token, PASSWORD, "another long password", "a wrong password", cookie, key, "typed-in-conf", "in-confidence"];
    for line in logged {
        for secret in secrets {
            assert!(!line.contains(secret), "{secret:?} was logged: {line}");
        }
    }
}
