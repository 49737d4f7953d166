//! What every request meets: whose page it comes from, under which name, how large, about what.

use serde_json::json;

use crate::support::server::{EMAIL, PASSWORD, TestServer, config};

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_changes_nothing() {
    let server = TestServer::start().await;
    let mut http = server.owner().await;
    http.origin = "https://evil.example".to_owned();
    assert_eq!(http.post("/api/v1/keys", &json!({ "name": "x" })).await.status, 403);
    assert_eq!(http.post("/api/v1/sign-out", &json!({})).await.status, 403);
    let form = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(http.post("/api/v1/sign-in", &form).await.status, 403, "nor signs anybody in");
    http.origin = format!("http://{}", server.address);
    http.get("/api/v1/me").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_reaches_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start().await;
    for (host, status) in [("evil.example", "403"), ("localhost", "200"), ("127.0.0.1:1", "200")] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_is_a_name_of_the_server_and_makes_cookies_secure() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut config = config(&dir);
    config.public_url = Some("https://sf.example.org".parse().unwrap());
    let server = TestServer::start_as(dir, config, false).await;
    let mut http = server.http();
    http.origin = "https://sf.example.org".to_owned();
    let made = http.post("/api/v1/setup", &crate::support::server::setup_form(&server.setup_token())).await.ok();
    let cookie = made.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-sf=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(made.json()["public_url"], "https://sf.example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_at_most_a_mebibyte_and_json_of_the_right_form() {
    let server = TestServer::start().await;
    let mut http = server.owner().await;
    let large = http.post("/api/v1/keys", &json!({ "name": "x".repeat(1024 * 1024) })).await;
    assert_eq!((large.status, large.json()["code"].as_str()), (413, Some("too_large")), "{}", large.text());
    for wrong in [json!({}), json!({ "name": 7 }), json!([]), json!({ "name": "" })] {
        let answer = http.post("/api/v1/keys", &wrong).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_said_to_not_exist() {
    let server = TestServer::start().await;
    let mut http = server.owner().await;
    let start = json!({ "command": "bash" });
    for (method, path, body, status) in [
        ("GET", "/api/v1/machines/mac_000000000000", None, 404),
        ("DELETE", "/api/v1/machines/mac_000000000000", None, 404),
        ("POST", "/api/v1/machines/mac_000000000000/sessions", Some(&start), 404),
        ("GET", "/api/v1/sessions/ses_000000000000", None, 404),
        ("DELETE", "/api/v1/sessions/ses_000000000000", None, 404),
        ("POST", "/api/v1/sessions/ses_000000000000/stop", Some(&json!({ "force": false })), 404),
        ("DELETE", "/api/v1/keys/key_000000000000", None, 404),
        ("GET", "/api/v1/sessions/mac_000000000000", None, 400),
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", "/api/v2/me", None, 404),
        ("GET", "/api", None, 404),
        ("PUT", "/api/v1/me", None, 405),
    ] {
        let answer = http.send(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(answer.json()["detail"].is_string(), "{method} {path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_beyond_its_bounds_is_refused_before_any_machine_hears_of_it() {
    let server = TestServer::start().await;
    let mut http = server.owner().await;
    for wrong in [
        json!({ "command": "  " }),
        json!({ "command": "a\u{0}b" }),
        json!({ "command": "bash", "cols": 0 }),
        json!({ "command": "bash", "rows": 60000 }),
        json!({ "command": "bash", "args": vec![""; 300] }),
        json!({ "command": "bash", "args": ["x".repeat(9000)] }),
        json!({ "command": "bash", "name": "a\nb" }),
    ] {
        let answer = http.post("/api/v1/machines/mac_000000000000/sessions", &wrong).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_anything_without_signing_in() {
    let server = TestServer::start().await;
    let mut http = server.http();
    for path in ["me", "keys", "machines", "sessions", "machines/mac_000000000000", "sessions/ses_000000000000"] {
        let answer = http.get(&format!("/api/v1/{path}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("not_signed_in")), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
}
