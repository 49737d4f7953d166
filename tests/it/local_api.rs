//! The agent's HTTP on the machine: where it is found, who may ask what, and who never.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::process::run;
use super::support::wait::poll;
use super::support::world::{Place, World};

/// Where the agent of this place says that it is, and its token.
pub fn found(place: &Place) -> (SocketAddr, String) {
    let json = std::fs::read(place.path("agent/agent/api.json")).expect("the agent has left word");
    let json: Value = serde_json::from_slice(&json).unwrap();
    (json["address"].as_str().unwrap().parse().unwrap(), json["token"].as_str().unwrap().to_owned())
}

/// One request as a program without any library would write it.
pub async fn request(address: SocketAddr, head: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut text = format!("{head} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += &format!("host: {address}\r\n");
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn a_program_with_the_token_learns_how_the_agent_is_and_starts_and_stops_sessions() {
    let world = World::start().await;
    let (address, token) = found(world.place());
    let authorization = bearer(&token);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let status = poll("the agent is connected", async || {
        let (code, status) = request(address, "GET /v1/status", &headers, "").await;
        assert_eq!(code, 200, "{status}");
        (status["link"]["state"] == "online").then_some(status)
    })
    .await;
    assert_eq!(status["link"]["organisation"], "Acme");
    assert_eq!((&status["version"], &status["pid"]), (&json!(1), &json!(world.agent_pid())));

    let start = json!({"command": "bash", "args": ["--norc"], "name": "by HTTP"}).to_string();
    let (code, started) = request(address, "POST /v1/sessions", &headers, &start).await;
    assert_eq!((code, &started["state"]), (201, &json!("running")), "{started}");
    let id = started["id"].as_str().unwrap();
    let (_, listed) = request(address, "GET /v1/sessions", &headers, "").await;
    assert_eq!(listed["sessions"][0]["name"], "by HTTP");
    let stop = format!("POST /v1/sessions/{id}/stop");
    assert_eq!(request(address, &stop, &headers, r#"{"force": true}"#).await.0, 202);
    poll("it has ended", async || {
        let (code, session) = request(address, &format!("GET /v1/sessions/{id}"), &headers, "").await;
        assert_eq!(code, 200);
        (session["state"] == "exited").then_some(())
    })
    .await;
    for (head, body, code) in [
        ("GET /v1/sessions/ses_000000000000", "", 404),
        ("GET /v1/sessions/everything", "", 400),
        ("GET /v2/status", "", 404),
        ("POST /v1/sessions", r#"{"command": "no-such-program"}"#, 422),
        ("POST /v1/sessions", r#"{"comand": "bash"}"#, 400),
    ] {
        assert_eq!(request(address, head, &headers, body).await.0, code, "{head} {body}");
    }
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let world = World::start().await;
    let (address, token) = found(world.place());
    let file = world.place().path("agent/agent/api.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(address.ip().is_loopback());
    let good = bearer(&token);
    let port = address.port();
    let named = format!("localhost:{port}");
    assert_eq!(request(address, "GET /v1/status", &[("authorization", &good), ("host", &named)], "").await.0, 200);
    for (headers, code) in [
        (vec![], 401),
        (vec![("authorization", "Bearer wrong")], 401),
        (vec![("authorization", token.as_str())], 401),
        (vec![("authorization", "Bearer ses_000000000000.00")], 401),
        (vec![("authorization", good.as_str()), ("origin", "http://127.0.0.1:3457")], 403),
        (vec![("authorization", good.as_str()), ("sec-fetch-site", "none")], 403),
        (vec![("authorization", good.as_str()), ("host", "evil.example")], 403),
        (vec![("authorization", good.as_str()), ("host", "127.0.0.1")], 403),
    ] {
        let (status, problem) = request(address, "GET /v1/status", &headers, "").await;
        assert_eq!(status, code, "{headers:?}: {problem}");
        assert!(problem["message"].as_str().is_some_and(|text| !text.contains(&token)), "{problem}");
    }
}

#[tokio::test]
async fn a_session_may_act_on_itself_alone_and_after_a_restart_of_the_agent_too() {
    let mut world = World::start().await;
    let data_dir = world.place().path("agent");
    let data_dir = data_dir.to_str().unwrap();
    // One that the server started, one that the command line did.
    let print = "printf '<%s>' $SESSIONFORGE_SESSION $SESSIONFORGE_TOKEN $SESSIONFORGE_AGENT_URL; sleep 1000";
    let by_server = world.start_session("sh", &["-c", print]).await.to_string();
    let arguments = ["session", "--data-dir", data_dir, "start", "--", "sh", "-c", print];
    let by_hand = run(world.place().command(&arguments)).await.out.trim().to_owned();
    let mut told = Vec::new();
    for id in [&by_server, &by_hand] {
        let words = poll("it is told who it is", async || {
            let screen = run(world.place().command(&["session", "--data-dir", data_dir, "screen", id])).await.out;
            let screen = screen.replace('\n', "");
            let words: Vec<String> =
                screen.split(['<', '>']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
            (words.len() == 3).then_some(words)
        })
        .await;
        assert_eq!(&words[0], id);
        assert_eq!(words[2], format!("http://{}", found(world.place()).0));
        told.push(words[1].clone());
    }
    world.kill_agent();
    world.start_agent().await;
    let (address, _) = found(world.place());
    for (own, token, other) in [(&by_server, &told[0], &by_hand), (&by_hand, &told[1], &by_server)] {
        let authorization = bearer(token);
        let headers = [("authorization", authorization.as_str())];
        let ask = async |head: String| request(address, &head, &headers, "").await;
        let (code, listed) = ask("GET /v1/sessions".to_owned()).await;
        assert_eq!((code, listed["sessions"].as_array().map(Vec::len)), (200, Some(1)));
        assert_eq!(listed["sessions"][0]["id"], own.as_str());
        assert_eq!(ask(format!("GET /v1/sessions/{other}")).await.0, 403);
        assert_eq!(ask(format!("POST /v1/sessions/{other}/stop")).await.0, 403);
        assert_eq!(ask("GET /v1/status".to_owned()).await.0, 403);
        assert_eq!(ask("POST /v1/sessions".to_owned()).await.0, 403, "before its body is read");
    }
    let authorization = bearer(&told[0]);
    let stop = format!("POST /v1/sessions/{by_server}/stop");
    assert_eq!(request(address, &stop, &[("authorization", &authorization)], "").await.0, 202);
}

/// `sessionforge status` of this place.
async fn status(place: &Place, arguments: &[&str]) -> super::support::process::Ran {
    let data_dir = place.path("agent");
    run(place.command(&[&["status", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())).await
}

#[tokio::test]
async fn status_tells_how_all_of_it_is_also_when_nothing_runs() {
    let place = Place::new();
    let nothing = status(&place, &[]).await;
    assert!(
        nothing.code == 1 && nothing.out.contains("not running") && nothing.out.contains("auth login"),
        "{nothing:?}"
    );
    let mut world = World::start().await;
    world.bash().await;
    let online = poll("the agent is connected", async || {
        let ran = status(world.place(), &[]).await;
        (ran.code == 0 && ran.out.contains("there and back in")).then_some(ran)
    })
    .await;
    for word in ["running for", "connected for", "Acme", "mac_", "ses_", "bash"] {
        assert!(online.out.contains(word), "{word:?} in {online:?}");
    }
    assert!(!online.out.contains("sf_live_") && !online.out.contains('\x1b'), "{online:?}");
    let json: Value = serde_json::from_str(&status(world.place(), &["--json"]).await.out).unwrap();
    assert_eq!(
        (&json["agent"]["link"]["state"], json["sessions"].as_array().map(Vec::len)),
        (&json!("online"), Some(1))
    );
    assert!(json["agent"]["round_trip_us"].as_u64().is_some_and(|us| us > 0), "{json}");
    world.kill_server();
    poll("the broken way is told with its reason", async || {
        let ran = status(world.place(), &[]).await;
        (ran.code == 1 && ran.out.contains("not connected for") && ran.out.contains("ses_")).then_some(())
    })
    .await;
    world.kill_agent();
    let ran = status(world.place(), &[]).await;
    assert!(ran.code == 1 && ran.out.contains("not running") && ran.out.contains("ses_"), "{ran:?}");
    assert!(ran.out.contains("127.0.0.1"), "its server is remembered: {ran:?}");
}
