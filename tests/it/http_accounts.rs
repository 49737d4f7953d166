//! The first account, signing in and out, and passwords: over HTTP, as the page does it.

use std::time::{Duration, Instant};

use serde_json::json;
use sessionforge::base::clock::{millis, unix_millis};
use sessionforge::base::secret::Secret;
use sessionforge::store::Store;

use crate::support::http::Answer;
use crate::support::server::{EMAIL, PASSWORD, TestServer, setup_form, token_of};

#[track_caller]
fn expect_problem(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], code, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_up_link_makes_the_owner_once_and_signs_them_in() {
    let server = TestServer::start().await;
    let mut http = server.http();
    assert_eq!(http.get("/api/v1/setup/status").await.ok().json(), json!({ "needed": true }));
    expect_problem(&http.get("/api/v1/me").await, 401, "not_signed_in");
    let wrong = http.post("/api/v1/setup", &setup_form("AAAA")).await;
    expect_problem(&wrong, 410, "link_invalid");

    let made = http.post("/api/v1/setup", &setup_form(&server.setup_token())).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let cookie = made.header("set-cookie").unwrap();
    assert!(cookie.starts_with("sf=") && cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let me = http.get("/api/v1/me").await.ok().json();
    assert_eq!(me["user"]["email"], EMAIL);
    assert_eq!(me["user"]["has_password"], true);
    assert_eq!(me["organisation"]["name"], "Engines");
    assert_eq!(me["role"], "owner");
    assert_eq!(me["public_url"], format!("http://{}", server.address));
    assert_eq!(me, made.json(), "signing in answers what /me answers");

    assert_eq!(http.get("/api/v1/setup/status").await.ok().json(), json!({ "needed": false }));
    let again = server.http().post("/api/v1/setup", &setup_form(&server.setup_token())).await;
    expect_problem(&again, 409, "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_form_is_refused_and_the_link_stays_good() {
    let server = TestServer::start().await;
    for (field, value, says) in [
        ("password", "ninechars", "at least 10 characters"),
        ("email", "ada", "like ada@example.org"),
        ("name", " ", "your name"),
        ("organisation", "a\nb", "the organisation's name"),
    ] {
        let mut form = setup_form(&server.setup_token());
        form[field] = json!(value);
        let message = expect_problem(&server.http().post("/api/v1/setup", &form).await, 400, "bad_request");
        assert!(message.contains(says), "{message}");
    }
    server.owner().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_start_prints_a_new_link_and_the_old_one_is_void() {
    let first = TestServer::start().await;
    let old = first.setup_token();
    let second = TestServer::start_in(first.stop().await).await;
    assert_ne!(second.setup_token(), old);
    let refused = second.http().post("/api/v1/setup", &setup_form(&old)).await;
    expect_problem(&refused, 410, "link_invalid");
    second.owner().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_stays_signed_in_over_a_restart_until_it_signs_out() {
    let server = TestServer::start().await;
    let cookie = server.owner().await.cookie;
    let server = TestServer::start_in(server.stop().await).await;
    let mut http = server.http();
    http.cookie = cookie.clone();
    http.get("/api/v1/me").await.ok();
    http.post("/api/v1/sign-out", &json!({})).await.ok();
    assert_eq!(http.cookie, None, "the browser is told to forget the cookie");
    http.cookie = cookie;
    expect_problem(&http.get("/api/v1/me").await, 401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_comes_back_stays_signed_in() {
    let server = TestServer::start().await;
    let mut http = server.owner().await;
    assert_eq!(http.get("/api/v1/me").await.ok().header("set-cookie"), None, "it was signed in just now");
    let cookie = http.cookie.clone().unwrap();
    let dir = server.stop().await;
    {
        let store = Store::open(dir.path()).unwrap();
        let hash = Secret::new(cookie.split_once('=').unwrap().1).hash();
        let in_a_week = unix_millis() + millis(Duration::from_hours(7 * 24));
        store.extend_browser_session(hash, in_a_week).await.unwrap();
    }
    let server = TestServer::start_in(dir).await;
    http.address = server.address;
    let answer = http.get("/api/v1/me").await.ok();
    let renewed = answer.header("set-cookie").expect("a month from now on");
    assert!(renewed.starts_with(&cookie) && renewed.contains("Max-Age=2592000"), "{renewed}");
    assert_eq!(http.get("/api/v1/me").await.ok().header("set-cookie"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_account_look_and_last_alike() {
    let server = TestServer::start().await;
    server.owner().await;
    let mut http = server.http();
    let mut said = Vec::new();
    let mut fastest = Duration::MAX;
    for email in [EMAIL, "nobody@example.org", "no.one@example.org", "noone@example.org"] {
        let start = Instant::now();
        let answer = http.post("/api/v1/sign-in", &json!({ "email": email, "password": "not the right one" })).await;
        if email != EMAIL {
            fastest = fastest.min(start.elapsed());
        }
        said.push(expect_problem(&answer, 401, "not_signed_in"));
    }
    assert!(said.iter().all(|message| *message == said[0]), "{said:?}");
    // Two passes over 19 MiB; what does not hash answers in a fraction of that.
    assert!(fastest > Duration::from_millis(5), "an unknown account is told after {fastest:?}: nothing was hashed");

    let form = json!({ "email": "ADA@example.org", "password": PASSWORD });
    http.post("/api/v1/sign-in", &form).await.ok();
    assert_eq!(http.get("/api/v1/me").await.ok().json()["user"]["name"], "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_and_told_for_how_long() {
    let server = TestServer::start().await;
    server.owner().await;
    let mut http = server.http();
    let guess = json!({ "email": EMAIL, "password": "not the right one" });
    for _ in 0..5 {
        expect_problem(&http.post("/api/v1/sign-in", &guess).await, 401, "not_signed_in");
    }
    let slowed = http.post("/api/v1/sign-in", &guess).await;
    expect_problem(&slowed, 429, "too_many");
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_ends_nobodys_wait() {
    let server = TestServer::start().await;
    server.owner().await;
    let guess = |email: &str| json!({ "email": email, "password": "not the right one" });
    for _ in 0..5 {
        expect_problem(&server.http().post("/api/v1/sign-in", &guess(EMAIL)).await, 401, "not_signed_in");
    }
    // What was typed in the place of an address may be a password.
    server.http().post("/api/v1/sign-in", &guess("my-secret-password")).await;
    let server = TestServer::start_in(server.stop().await).await;
    // The fifth ended a second's wait, which may be over; the sixth then begins one of two seconds, and so on.
    for _ in 0..6 {
        if server.http().post("/api/v1/sign-in", &guess(EMAIL)).await.status == 429 {
            break;
        }
    }
    let slowed = server.http().post("/api/v1/sign-in", &guess(EMAIL)).await;
    expect_problem(&slowed, 429, "too_many");
    let file = std::fs::read(server.stop().await.path().join("state.redb")).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(!holds("my-secret-password"), "it was written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_link_works_once() {
    let server = TestServer::start_up().await;
    let token = token_of(server.sign_in_link.as_deref().unwrap());
    let mut http = server.http();
    http.post("/api/v1/sign-in/link", &json!({ "token": token })).await.ok();
    let me = http.get("/api/v1/me").await.ok().json();
    assert_eq!((&me["user"]["email"], &me["user"]["has_password"]), (&json!(null), &json!(false)));
    let again = server.http().post("/api/v1/sign-in/link", &json!({ "token": token })).await;
    let message = expect_problem(&again, 410, "link_invalid");
    assert!(message.contains("used before or has expired"), "{message}");
    assert_eq!(http.get("/api/v1/setup/status").await.ok().json(), json!({ "needed": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_signs_the_other_browsers_out() {
    let server = TestServer::start().await;
    let mut here = server.owner().await;
    let mut there = server.http();
    there.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();

    let change = |current: &str| json!({ "current": current, "new": "a longer password" });
    expect_problem(&here.post("/api/v1/me/password", &change("wrong")).await, 403, "not_allowed");
    expect_problem(&here.post("/api/v1/me/password", &json!({ "new": "a longer password" })).await, 403, "not_allowed");
    here.post("/api/v1/me/password", &change(PASSWORD)).await.ok();
    here.get("/api/v1/me").await.ok();
    expect_problem(&there.get("/api/v1/me").await, 401, "not_signed_in");
    there.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": "a longer password" })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_by_link_may_set_a_first_password() {
    let server = TestServer::start_up().await;
    let token = token_of(server.sign_in_link.as_deref().unwrap());
    let mut http = server.http();
    http.post("/api/v1/sign-in/link", &json!({ "token": token })).await.ok();
    http.post("/api/v1/me/password", &json!({ "new": PASSWORD })).await.ok();
    assert_eq!(http.get("/api/v1/me").await.ok().json()["user"]["has_password"], true);
}
