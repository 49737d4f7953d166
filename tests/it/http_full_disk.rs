//! A disk that takes nothing more: what was promised is there, what is refused is said, and room heals it.
#![cfg(target_os = "linux")]

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use super::support::http::Http;
use super::support::process::Process;
use super::support::wait::WAIT_MAX;
use super::support::world::{EMAIL, PASSWORD, PROGRAM, Place};

/// Largest file the server may write at first, in blocks of 1,024 bytes: an account fits, some dozen keys do not.
const FILE_BLOCKS: u64 = 180;

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_promised_and_heals_without_a_restart() {
    let place = Place::new();
    let data_dir = place.path("server");
    // The kernel's limit on file sizes plays the full disk; whoever exceeds it gets an error if the signal is ignored.
    let script = format!("ulimit -S -f {FILE_BLOCKS}; trap '' XFSZ; exec \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "-", PROGRAM, "server", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
    let mut server = Process::start("server", command);
    let line = server.expect_line("/setup#").await;
    let link = line.split_whitespace().find(|word| word.contains("/setup#")).unwrap();
    let (url, token) = link.split_once("/setup#").unwrap();
    let mut http = Http::new(url.trim_start_matches("http://").parse().unwrap());
    let account = json!({"token": token, "organisation": "A", "name": "A", "email": EMAIL, "password": PASSWORD});
    http.post("/api/v1/setup", &account).await.ok();

    let mut promised = Vec::new();
    let refused = loop {
        let name = format!("{} {}", "k".repeat(200), promised.len());
        let answer = http.post("/api/v1/keys", &json!({ "name": name })).await;
        if answer.status != 201 {
            break answer;
        }
        promised.push(name);
        assert!(promised.len() < 2_000, "the limit was never met");
    };
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("its disk is full"), "{}", refused.text());
    assert_eq!(http.post("/api/v1/keys", &json!({ "name": "one more" })).await.status, 500);
    http.get("/api/v1/me").await.ok();

    let pid = Pid::from_raw(server.pid().try_into().unwrap());
    let hard = getrlimit(Resource::Fsize).maximum;
    prlimit(pid, Resource::Fsize, Rlimit { current: hard, maximum: hard }).unwrap();
    let deadline = std::time::Instant::now() + WAIT_MAX;
    while http.post("/api/v1/keys", &json!({ "name": "healed" })).await.status != 201 {
        assert!(std::time::Instant::now() < deadline, "the server did not heal");
    }
    let keys = http.get("/api/v1/keys").await.ok().json();
    let names: Vec<&str> = keys["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    for name in &promised {
        assert!(names.contains(&name.as_str()), "{name} was promised and is not there");
    }
    assert!(names.contains(&"healed"));
}
