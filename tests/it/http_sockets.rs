//! Who may hold a socket, and for how long.

use serde_json::json;
use sessionforge::wire::close::Close;
use sessionforge::wire::hello::Role;

use super::support::http::Http;
use super::support::server::{EMAIL, PASSWORD, TestServer};
use super::support::socket::{Refused, Socket};

const VIEWER: &str = "/api/v1/viewer";
const AGENT: &str = "/api/v1/agent";

async fn page(who: &Http) -> Socket {
    let mut socket = Socket::open(who, VIEWER, None).await.unwrap();
    socket.greet(Role::Viewer).await.unwrap();
    socket
}

async fn refused(who: &Http, path: &str) -> u16 {
    match Socket::open(who, path, None).await {
        Err(Refused::Status(status, _)) => status,
        Err(Refused::Io(error)) => panic!("{path}: {error}"),
        Ok(_) => panic!("{path}: the socket was opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_closes_the_pages_of_that_browser_alone() {
    let server = TestServer::start().await;
    let mut here = server.owner().await;
    let mut there = server.http();
    there.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let (first, second, other) = (page(&here).await, page(&here).await, page(&there).await);

    here.post("/api/v1/sign-out", &json!({})).await.ok();
    for socket in [first, second] {
        assert_eq!(socket.expect_close("signed out").await.code, Some(Close::NotSignedIn.code()));
    }
    there.post("/api/v1/sign-out", &json!({})).await.ok();
    assert_eq!(other.expect_close("signed out later").await.code, Some(Close::NotSignedIn.code()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_closes_the_pages_of_the_other_browsers() {
    let server = TestServer::start().await;
    let mut here = server.owner().await;
    let mut there = server.http();
    there.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let other = page(&there).await;
    let change = json!({ "current": PASSWORD, "new": "a longer password" });
    here.post("/api/v1/me/password", &change).await.ok();
    assert_eq!(other.expect_close("password changed").await.code, Some(Close::NotSignedIn.code()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_come_back() {
    let server = TestServer::start().await;
    let socket = page(&server.owner().await).await;
    let (_dir, closed) = tokio::join!(server.stop(), socket.expect_close("the server stops"));
    assert_eq!(closed.code, Some(Close::Restart.code()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_for_those_who_may_have_it() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    assert_eq!(refused(&server.http(), VIEWER).await, 401);
    assert_eq!(refused(&server.http(), AGENT).await, 401);
    assert_eq!(refused(&owner, AGENT).await, 403, "an agent comes with a key, never with a cookie");
    let foreign = Http { origin: "https://evil.example".to_owned(), ..owner.clone() };
    assert_eq!(refused(&foreign, VIEWER).await, 403);
    assert_eq!(owner.get(VIEWER).await.status, 400, "no upgrade was asked for");
}
