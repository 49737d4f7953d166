//! The API's description and the API say the same: Schemathesis asks every address with what the description allows, and
//! with what it does not.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::process::run_within;
use super::support::world::World;

/// Where `tests/schemathesis/install` puts it.
const SCHEMATHESIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/schemathesis/bin/schemathesis");

/// Some 1,400 requests: a quarter of a minute on an idle machine.
const ASKING_MAX: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_to_programs_and_people() {
    let mut world = World::server_only().await;
    let document = world.http.get("/api/openapi.json").await.ok().json();
    assert_eq!(document["openapi"], "3.1.0");
    let start = &document["paths"]["/machines/{id}/sessions"]["post"];
    assert_eq!(
        start["responses"]["201"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/SessionView"
    );
    let page = world.http.get("/api/docs").await.ok();
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    let page = page.text();
    for words in ["/sessions/{id}/wait", "idle_ms", "Silence of the program for this long", "list of"] {
        assert!(page.contains(words), "{words} is missing");
    }
    assert!(!page.contains("<script"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_a_failure_of_ours_or_of_a_form_that_is_not_described() {
    if !Path::new(SCHEMATHESIS).exists() {
        assert!(std::env::var_os("SESSIONFORGE_REQUIRE_SCHEMATHESIS").is_none(), "run tests/schemathesis/install");
        eprintln!("SKIPPED: Schemathesis is not here; tests/schemathesis/install puts it into target/");
        return;
    }
    let world = World::start().await;
    world.start_session("cat", &[]).await;
    let scopes = ["sessions:read", "sessions:write", "machines:read", "machines:write", "admin"];
    let key = world.http.clone().post("/api/v1/keys", &json!({ "name": "all", "scopes": scopes })).await.ok().json();
    let mut command = std::process::Command::new(SCHEMATHESIS);
    command
        .args(["run", "--no-color", "--workers=2", "--seed=1", "--generation-deterministic", "--max-examples=30"])
        .args(["--phases=examples,coverage,fuzzing", "--max-failures=5", "--warnings=off", "--request-timeout=60"])
        .args([
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        // Sockets, and a stream that has no end.
        // What would end the test itself: it finds its own key and machine in the lists.
        .args(["--exclude-operation-id=delete_keys_one", "--exclude-operation-id=delete_machines_one"])
        .args(["--exclude-path=/viewer", "--exclude-path=/agent", "--exclude-path=/events"])
        .arg(format!("--header=Authorization: Bearer {}", key["key"].as_str().unwrap()))
        .arg(format!("--url=http://{}/api/v1", world.http.address))
        .arg(format!("http://{}/api/openapi.json", world.http.address))
        .current_dir(world.dir());
    let ran = run_within(ASKING_MAX, command).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_has_not_changed_is_not_sent_again_and_answers_say_how_many_requests_are_left() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let first = world.http.get("/api/v1/keys").await.ok();
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("ratelimit-policy"), Some("\"requests\";q=6000;w=60"));
    assert!(first.header("ratelimit").unwrap().starts_with("\"requests\";r=59"), "{first:?}");
    world.http.if_none_match = Some(tag);
    let again = world.http.get("/api/v1/keys").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    world.make_key("another").await;
    let changed = world.http.get("/api/v1/keys").await.ok();
    assert_eq!(changed.json()["keys"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_has_the_form_of_the_standard_and_a_stable_code() {
    let mut world = World::server_only().await;
    for (path, status, code) in [("me", 401, "not_signed_in"), ("nothing", 404, "not_found")] {
        let answer = world.http.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem: Value = answer.json();
        assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(status), Some(code)));
        assert!(problem["detail"].is_string() && problem["title"].is_string(), "{problem}");
        assert_eq!(answer.status, u16::try_from(status).unwrap());
    }
}
