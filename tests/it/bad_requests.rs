//! Requests that cannot be fulfilled: the status and code that a script can act on, the sentence that a person can.

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;
use sessionforge::base::problem::Code;

use super::support::viewer::{Manners, Viewer};
use super::support::world::{EMAIL, PASSWORD, World};

/// `{code, message}`, and the message is a sentence that holds the words.
#[track_caller]
fn assert_problem(problem: &Value, code: &str, words: &[&str]) {
    assert_eq!(problem["code"], code, "{problem}");
    let message = problem["detail"].as_str().unwrap_or_default();
    assert!(message.len() > 10 && !message.contains('\n'), "not a sentence: {message:?}");
    for word in words {
        assert!(message.contains(word), "{word:?} is missing in {message:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_said_with_its_reason() {
    let world = World::start().await;
    let refused = async |launch: Value| world.try_start_session(&launch).await.unwrap_err();

    let (status, problem) = refused(json!({"command": "no-such-program"})).await;
    assert_eq!(status, 422, "{problem}");
    assert_problem(&problem, "command_not_found", &["no-such-program"]);

    let (status, problem) = refused(json!({"command": "bash", "workdir": "/no/such/directory"})).await;
    assert_eq!(status, 422, "{problem}");
    assert_problem(&problem, "workdir_not_found", &["/no/such/directory"]);

    let (status, problem) = refused(json!({"command": "bash", "workdir": "relative"})).await;
    assert!((400..500).contains(&status), "{problem}");

    let (status, problem) = refused(json!({"command": ""})).await;
    assert_eq!(status, 400, "{problem}");
    assert_problem(&problem, "bad_request", &[]);

    let (status, problem) = refused(json!({"command": "bash", "cols": 0, "rows": 24})).await;
    assert_eq!(status, 400, "{problem}");
    assert_problem(&problem, "bad_request", &["columns"]);
}

#[tokio::test]
async fn a_program_that_is_not_allowed_is_not_started() {
    let mut world = World::server_only().await;
    std::fs::write(world.place().path("agent/agent.json"), r#"{"allow": ["bash"]}"#).unwrap();
    world.set_up().await;
    world.start_agent().await;
    let (status, problem) = world.try_start_session(&json!({"command": "sh"})).await.unwrap_err();
    assert_eq!(status, 403, "{problem}");
    assert_problem(&problem, "command_not_allowed", &["agent.json"]);
    world.bash().await;
}

#[tokio::test]
async fn a_machine_that_is_away_is_said_to_be_so() {
    let mut world = World::start().await;
    world.kill_agent();
    let (status, problem) = super::support::wait::poll("the server notices", async || {
        world.try_start_session(&json!({"command": "bash"})).await.err()
    })
    .await;
    assert_eq!(status, 409, "{problem}");
    assert_problem(&problem, "machine_offline", &[]);
}

#[tokio::test]
async fn a_link_works_once() {
    let mut world = World::server_only().await;
    let link = world.setup_link().await;
    let token = link.split(['#', '=']).next_back().unwrap().to_owned();
    let account =
        |token: &str| json!({"token": token, "organisation": "A", "name": "A", "email": EMAIL, "password": PASSWORD});
    let invented = world.http.post("/api/v1/setup", &account("invented")).await;
    assert_eq!(invented.status, 410, "{}", invented.text());
    assert_problem(&invented.json(), "link_invalid", &["link"]);
    world.http.post("/api/v1/setup", &account(&token)).await.ok();
    let again = world.http.post("/api/v1/setup", &account(&token)).await;
    assert!([409, 410].contains(&again.status), "{}", again.text());
    // The first account is unharmed.
    world.sign_in().await;
}

#[tokio::test]
async fn a_session_that_is_not_there_cannot_be_watched_or_stopped() {
    let world = World::start().await;
    let nobody = SessionId::random();
    let answer = world.http.clone().post(&format!("/api/v1/sessions/{nobody}/stop"), &json!({"force": true})).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_problem(&answer.json(), "not_found", &["session"]);

    let viewer = Viewer::open(&world.http, nobody, Manners::default());
    let problem = viewer.expect("it is told", |seen| seen.detached.clone()).await;
    assert_eq!(problem.code, Code::NotFound, "{problem:?}");
    viewer.look(|seen| assert_eq!(seen.closed, Vec::new(), "the connection is as good as before"));
}

#[tokio::test]
async fn a_program_that_ended_says_how_and_takes_no_more_input() {
    let world = World::start().await;
    let session = world.start_session("bash", &["-c", "read -r _; echo last words; exit 7"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("\n").await;
    let end = viewer.expect("the end is told", |seen| seen.ended).await;
    viewer.look(|seen| assert_eq!((seen.offset, seen.violations.len()), (end, 0), "every byte came before it"));
    assert!(viewer.text().contains("last words"), "{}", viewer.text());
    viewer.type_text("too late").await;
    let outcome = viewer.expect("it is told so", |seen| seen.input_acks.get(&2).copied()).await;
    assert_eq!(outcome, sessionforge::wire::frame::InputOutcome::Ended);
    let shown = world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.ok().json();
    assert_eq!((&shown["state"], &shown["exit"]["code"]), (&json!("exited"), &json!(7)), "{shown}");

    // Who comes late sees the last screen.
    let late = world.viewer(session, Manners::default()).await;
    late.expect_text("last words").await;
    late.expect("and that it has ended", |seen| seen.ended).await;
}
