//! The dashboard's files as a browser gets them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::server::TestServer;

/// Status line and headers in lower case, and the body's length, of a GET with further header lines.
async fn get(server: &TestServer, path: &str, more: &str) -> (String, usize) {
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{more}connection: close\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await.unwrap();
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&raw[..end]).to_lowercase(), raw.len() - end - 4)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_the_page_is_the_page_with_a_strict_policy() {
    let server = TestServer::start().await;
    for path in
        ["/", "/setup", "/sign-in", "/sessions/ses_000000000000", "/machines/mac_0", "/settings", "/settings/keys"]
    {
        let (head, _) = get(&server, path, "accept: text/html\r\n").await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(head.contains("content-type: text/html"), "{path}: {head}");
        let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap_or_default();
        assert!(!scripts.contains("unsafe"), "{policy}");
        for line in ["x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-cache"] {
            assert!(head.contains(line), "{path} lacks {line}: {head}");
        }
        assert!(head.contains("permissions-policy: "), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_the_browser_has_is_not_sent_again() {
    let server = TestServer::start().await;
    let (head, _) = get(&server, "/", "").await;
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let (head, body) = get(&server, "/", &format!("if-none-match: {tag}\r\n")).await;
    assert!(head.starts_with("http/1.1 304"), "{head}");
    assert_eq!(body, 0);
    let (head, _) = get(&server, "/", "if-none-match: \"older\"\r\n").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_page_are_kept_for_a_year_and_come_compressed() {
    let server = TestServer::start().await;
    let mut http = server.http();
    let page = http.get("/").await.ok().text();
    let path = page
        .split(['"', '\''])
        .find(|part| part.starts_with("/assets/") && [".js", ".mjs", ".css"].iter().any(|end| part.ends_with(end)))
        .expect("the page loads a script or a style")
        .to_owned();
    let (head, plain) = get(&server, &path, "").await;
    assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    assert!(head.contains("cache-control: public, max-age=31536000, immutable"), "{head}");
    assert!(!head.contains("content-encoding"), "{head}");
    assert!(head.contains("vary: accept-encoding"), "{head}");
    for (accept, coding) in [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")] {
        let (head, body) = get(&server, &path, &format!("accept-encoding: {accept}\r\n")).await;
        if plain >= 1024 {
            assert!(head.contains(&format!("content-encoding: {coding}")), "{accept}: {head}");
            assert!(body < plain, "{accept}: {body} of {plain} bytes");
        }
    }
    let older = path.replacen(path.split('/').nth(2).unwrap(), "0000000000000000", 1);
    assert_eq!(http.get(&older).await.status, 404, "another build's file is not this build's");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_way_out_of_the_files() {
    let server = TestServer::start().await;
    let mut http = server.http();
    let page = http.get("/").await.ok().text();
    let digest = page.split("/assets/").nth(1).map_or("0", |rest| rest.split('/').next().unwrap());
    for path in
        ["../../Cargo.toml", "..%2f..%2fCargo.toml", "%2e%2e/%2e%2e/Cargo.toml", "/etc/passwd", "app/../index.html"]
    {
        let answer = http.get(&format!("/assets/{digest}/{path}")).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_nobody_knows_is_a_page_for_people_and_json_for_programs() {
    let server = TestServer::start().await;
    let (head, _) = get(&server, "/nothing/here", "accept: text/html,*/*\r\n").await;
    assert!(head.starts_with("http/1.1 404") && head.contains("content-type: text/html"), "{head}");
    let (head, _) = get(&server, "/nothing/here", "accept: */*\r\n").await;
    assert!(head.starts_with("http/1.1 404") && head.contains("content-type: application/problem+json"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_can_be_put_into_another_sites_frame() {
    let server = TestServer::start().await;
    let page = server.http().get("/").await.ok().text();
    let file = page.split('"').find(|part| part.starts_with("/assets/")).expect("a file of the page").to_owned();
    for path in [
        "/",
        "/settings/audit",
        "/nothing/here",
        "/healthz",
        "/api/docs",
        "/api/openapi.json",
        "/api/v1/me",
        "/api/no",
        &file,
    ] {
        let (head, _) = get(&server, path, "").await;
        let policy = head.lines().find(|line| line.starts_with("content-security-policy: ")).unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {head}");
        assert!(
            head.contains("x-frame-options: deny") && head.contains("x-content-type-options: nosniff"),
            "{path}: {head}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_header_lines_into_an_answer() {
    let server = TestServer::start().await;
    for path in [
        "/%0d%0aset-cookie:%20sf=mine",
        "/sessions/%0d%0aset-cookie:%20sf=mine",
        "/api/v1/audit/export?format=csv%0d%0aset-cookie:%20sf=mine",
        "/assets/0/%0d%0aset-cookie:%20sf=mine",
    ] {
        for more in
            ["", "x-forwarded-for: 1.2.3.4%0d%0aset-cookie: sf=mine\r\n", "if-none-match: \"\u{1}set-cookie\"\r\n"]
        {
            let (head, _) = get(&server, path, more).await;
            assert!(!head.lines().any(|line| line.starts_with("set-cookie")), "{path}: {head}");
        }
    }
    let mut owner = server.owner().await;
    for name in ["Engines\r\nset-cookie: sf=mine", "Engines\u{0}"] {
        let answer = owner.send("PATCH", "/api/v1/organisation", Some(&serde_json::json!({ "name": name }))).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}
