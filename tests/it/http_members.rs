//! People: invited, promoted, reset, deactivated; and what happens to what they hold open.

use std::time::Duration;

use serde_json::{Value, json};
use sessionforge::wire::close::Close;
use sessionforge::wire::hello::Role;

use super::support::http::{Answer, Http};
use super::support::server::{EMAIL, PASSWORD, TestServer, token_of};
use super::support::socket::Socket;
use super::support::world::{self, World};

const BEA: &str = "bea@example.org";

async fn invite(owner: &mut Http, role: &str) -> String {
    let made = owner.post("/api/v1/invitations", &json!({ "role": role })).await.ok().json();
    token_of(made["url"].as_str().unwrap())
}

/// Bea, who accepted an invitation.
async fn bea(server: &TestServer, owner: &mut Http, role: &str) -> (Http, String) {
    let token = invite(owner, role).await;
    let mut http = server.http();
    let form = json!({ "token": token, "name": "Bea", "email": BEA, "password": PASSWORD });
    let me = http.post("/api/v1/invitations/accept", &form).await.ok().json();
    (http, me["user"]["id"].as_str().unwrap().to_owned())
}

async fn page(who: &Http) -> Socket {
    let mut socket = Socket::open(who, "/api/v1/viewer", None).await.unwrap();
    socket.greet(Role::Viewer).await.unwrap();
    socket
}

#[track_caller]
fn problem(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{}", answer.text());
    answer.text()
}

async fn sign_in(server: &TestServer, password: &str, code: Option<&str>) -> Answer {
    server.http().post("/api/v1/sign-in", &json!({ "email": BEA, "password": password, "code": code })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_says_to_what_it_invites_and_works_once() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let token = invite(&mut owner, "admin").await;
    let look = server.http().post("/api/v1/invitations/look", &json!({ "token": token })).await.ok().json();
    assert_eq!(
        (&look["organisation"], &look["invited_by"], &look["role"]),
        (&json!("Engines"), &json!("Ada"), &json!("admin"))
    );
    let listed = owner.get("/api/v1/invitations").await.ok();
    assert!(!listed.text().contains(&token), "the link is shown once");
    let mut http = server.http();
    let form = json!({ "token": token, "name": "Bea", "email": BEA, "password": PASSWORD });
    let me = http.post("/api/v1/invitations/accept", &form).await.ok().json();
    assert_eq!((&me["role"], &me["organisation"]["name"]), (&json!("admin"), &json!("Engines")));
    problem(&server.http().post("/api/v1/invitations/accept", &form).await, 410, "link_invalid");
    assert_eq!(owner.get("/api/v1/invitations").await.ok().json(), json!({ "invitations": [] }));

    let other =
        owner.post("/api/v1/invitations", &json!({ "role": "member", "email": "cleo@example.org" })).await.ok().json();
    let token = token_of(other["url"].as_str().unwrap());
    let form = json!({ "token": token, "name": "M", "email": "mallory@example.org", "password": PASSWORD });
    problem(&server.http().post("/api/v1/invitations/accept", &form).await, 403, "not_allowed");
    owner.delete(&format!("/api/v1/invitations/{}", other["id"].as_str().unwrap())).await.ok();
    problem(&server.http().post("/api/v1/invitations/look", &json!({ "token": token })).await, 410, "link_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_rises_above_who_raises_them() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let owner_id = owner.get("/api/v1/me").await.ok().json()["user"]["id"].as_str().unwrap().to_owned();
    let (mut admin, id) = bea(&server, &mut owner, "admin").await;
    for (path, body) in [
        (format!("/api/v1/members/{id}"), json!({ "role": "owner" })),
        (format!("/api/v1/members/{owner_id}"), json!({ "role": "viewer" })),
    ] {
        problem(&admin.send("PATCH", &path, Some(&body)).await, 403, "not_allowed");
    }
    problem(&admin.post("/api/v1/invitations", &json!({ "role": "owner" })).await, 403, "not_allowed");
    for what in ["deactivate", "reset-link"] {
        problem(&admin.post(&format!("/api/v1/members/{owner_id}/{what}"), &json!({})).await, 403, "not_allowed");
    }
    problem(&admin.delete(&format!("/api/v1/members/{owner_id}")).await, 403, "not_allowed");
    problem(&owner.post("/api/v1/me/leave", &json!({})).await, 409, "conflict");
    owner.post("/api/v1/organisation/owner", &json!({ "to": id })).await.ok();
    assert_eq!(admin.get("/api/v1/me").await.ok().json()["role"], "owner");
    assert_eq!(owner.get("/api/v1/me").await.ok().json()["role"], "admin");
    owner.post("/api/v1/me/leave", &json!({})).await.ok();
    assert_eq!(owner.get("/api/v1/me").await.status, 401, "they belong nowhere any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivation_closes_everything_within_a_second_and_says_not_to_come_back() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, id) = bea(&server, &mut owner, "member").await;
    let made =
        http.post("/api/v1/keys", &json!({ "name": "laptop", "scopes": ["agent", "sessions:read"] })).await.ok().json();
    let program = Http { cookie: None, bearer: made["key"].as_str().map(str::to_owned), ..server.http() };
    let (browser, script) = (page(&http).await, page(&program).await);
    let mut agent = Socket::open(&program, "/api/v1/agent", None).await.unwrap();
    agent.greet(Role::Agent).await.unwrap();
    owner.post(&format!("/api/v1/members/{id}/deactivate"), &json!({})).await.ok();
    let closed =
        async { (browser.expect_close("their page").await.code, script.expect_close("their script").await.code) };
    let (browser, script) = tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
    assert_eq!((browser, script), (Some(Close::Changed.code()), Some(Close::KeyRefused.code())));
    assert_eq!(http.get("/api/v1/me").await.status, 401);
    problem(&sign_in(&server, PASSWORD, None).await, 403, "not_allowed");
    owner.post(&format!("/api/v1/members/{id}/reactivate"), &json!({})).await.ok();
    sign_in(&server, PASSWORD, None).await.ok();
    assert_eq!(program.clone().get("/api/v1/sessions").await.status, 401, "ended keys stay ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_shows_at_once() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, id) = bea(&server, &mut owner, "admin").await;
    let socket = page(&http).await;
    owner.send("PATCH", &format!("/api/v1/members/{id}"), Some(&json!({ "role": "viewer" }))).await.ok();
    assert_eq!(socket.expect_close("the role changed").await.code, Some(Close::Changed.code()));
    assert_eq!(http.get("/api/v1/members").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admins_link_resets_a_password_once_and_signs_every_browser_out() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, id) = bea(&server, &mut owner, "member").await;
    let made = owner.post(&format!("/api/v1/members/{id}/reset-link"), &json!({})).await.ok().json();
    let token = token_of(made["url"].as_str().unwrap());
    let whose = server.http().post("/api/v1/reset-password/look", &json!({ "token": token })).await.ok().json();
    assert_eq!(whose, json!({ "name": "Bea", "email": BEA }));
    let form = json!({ "token": token, "password": "a wholly new password" });
    let answer = server.http().post("/api/v1/reset-password", &form).await.ok();
    assert_eq!(answer.header("set-cookie"), None, "it signs nobody in");
    problem(&server.http().post("/api/v1/reset-password", &form).await, 410, "link_invalid");
    assert_eq!(http.get("/api/v1/me").await.status, 401);
    problem(&sign_in(&server, PASSWORD, None).await, 401, "not_signed_in");
    sign_in(&server, "a wholly new password", None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_resets_the_password_of_who_belongs_elsewhere_too() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, id) = bea(&server, &mut owner, "owner").await;
    let me = http.post("/api/v1/organisations", &json!({ "name": "Bea's own" })).await.ok().json();
    assert_eq!((&me["organisation"]["name"], me["organisations"].as_array().unwrap().len()), (&json!("Bea's own"), 2));
    problem(&owner.post(&format!("/api/v1/members/{id}/reset-link"), &json!({})).await, 403, "not_allowed");

    let back = me["organisations"].as_array().unwrap().iter().find(|it| it["name"] == "Engines").unwrap()["id"].clone();
    let tab = page(&http).await;
    let me = http.post("/api/v1/me/organisation", &json!({ "organisation": back })).await.ok().json();
    assert_eq!(me["organisation"]["name"], "Engines");
    assert_eq!(tab.expect_close("the other tab").await.code, Some(Close::Changed.code()));
    let foreign = http.post("/api/v1/me/organisation", &json!({ "organisation": "org_000000000000" })).await;
    problem(&foreign, 404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_account_joins_with_it_and_gets_a_new_cookie() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, _) = bea(&server, &mut owner, "member").await;
    owner.post("/api/v1/organisations", &json!({ "name": "Second" })).await.ok();
    let token = invite(&mut owner, "viewer").await;
    let before = http.cookie.clone();
    let me = http.post("/api/v1/me/invitations", &json!({ "token": token })).await.ok().json();
    assert_eq!((&me["organisation"]["name"], &me["role"]), (&json!("Second"), &json!("viewer")));
    assert_ne!(http.cookie, before);
    let mut old = Http { cookie: before, ..server.http() };
    assert_eq!(old.get("/api/v1/me").await.status, 401, "the old cookie is good for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_listed_and_one_is_signed_out_by_its_person_alone() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let mut there = server.http();
    there.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    let listed = owner.get("/api/v1/me/browsers").await.ok();
    let browsers = listed.json()["browsers"].as_array().unwrap().clone();
    assert_eq!((browsers.len(), browsers.iter().filter(|it| it["current"] == true).count()), (2, 1));
    assert_eq!(browsers[0]["address"], "127.0.0.1");
    for cookie in [&owner.cookie, &there.cookie] {
        assert!(!listed.text().contains(cookie.as_ref().unwrap().split_once('=').unwrap().1), "no cookie is shown");
    }
    let other = browsers.iter().find(|it| it["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    let (mut stranger, _) = bea(&server, &mut owner, "admin").await;
    assert_eq!(stranger.delete(&format!("/api/v1/me/browsers/{other}")).await.status, 404);
    let socket = page(&there).await;
    owner.delete(&format!("/api/v1/me/browsers/{other}")).await.ok();
    assert_eq!(socket.expect_close("signed out from afar").await.code, Some(Close::NotSignedIn.code()));
    assert_eq!(there.get("/api/v1/me").await.status, 401);
}

/// What an authenticator app would show now, and what it shows half a minute later.
pub fn code(secret: &str, steps_ahead: u64) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let key = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(now / 30 + steps_ahead).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xF);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7FFF_FFFF;
    format!("{:06}", number % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_and_each_code_is_good_once() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, _) = bea(&server, &mut owner, "member").await;
    problem(&http.post("/api/v1/me/second-factor", &json!({ "password": "not the one" })).await, 403, "not_allowed");
    let begun = http.post("/api/v1/me/second-factor", &json!({ "password": PASSWORD })).await.ok().json();
    let secret = begun["secret"].as_str().unwrap();
    assert!(begun["uri"].as_str().unwrap().contains(secret) && begun["qr"]["path"].as_str().unwrap().starts_with('M'));
    sign_in(&server, PASSWORD, None).await.ok();
    problem(&http.post("/api/v1/me/second-factor/confirm", &json!({ "code": "000000x" })).await, 400, "bad_request");
    let confirm = json!({ "code": code(secret, 0) });
    let recovery = http.post("/api/v1/me/second-factor/confirm", &confirm).await.ok().json();
    let recovery: Vec<String> = serde_json::from_value(recovery["recovery_codes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);

    problem(&sign_in(&server, PASSWORD, None).await, 401, "second_factor_needed");
    problem(&sign_in(&server, "wrong password", Some(&recovery[0])).await, 401, "not_signed_in");
    let next = code(secret, 1);
    sign_in(&server, PASSWORD, Some(&next)).await.ok();
    problem(&sign_in(&server, PASSWORD, Some(&next)).await, 401, "second_factor_needed");
    sign_in(&server, PASSWORD, Some(&recovery[0].to_uppercase())).await.ok();
    problem(&sign_in(&server, PASSWORD, Some(&recovery[0])).await, 401, "second_factor_needed");
    let me: Value = http.get("/api/v1/me").await.ok().json();
    assert_eq!(me["second_factor"], json!({ "on": true, "recovery_codes_left": 9 }));
    http.post("/api/v1/me/second-factor/remove", &json!({ "password": PASSWORD })).await.ok();
    sign_in(&server, PASSWORD, None).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_not_guessed_by_who_has_the_password() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let (mut http, _) = bea(&server, &mut owner, "member").await;
    let begun = http.post("/api/v1/me/second-factor", &json!({ "password": PASSWORD })).await.ok().json();
    let confirm = json!({ "code": code(begun["secret"].as_str().unwrap(), 0) });
    http.post("/api/v1/me/second-factor/confirm", &confirm).await.ok();
    let mut last = 0;
    for _ in 0..12 {
        last = sign_in(&server, PASSWORD, Some("000000")).await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429, "a right password does not reset the throttle before the code is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_never_takes_a_cookie_that_was_there_before() {
    let server = TestServer::start().await;
    server.owner().await;
    let mut http = server.http();
    http.cookie = Some("sf=chosen-by-somebody-else".to_owned());
    http.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    assert!(!http.cookie.as_ref().unwrap().contains("chosen"), "session fixation");
    let first = http.cookie.clone();
    http.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
    assert_ne!(http.cookie, first, "each sign-in is a cookie of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_rotated_key_ends_its_connections() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let scopes = json!(["sessions:read"]);
    let made = owner.post("/api/v1/keys", &json!({ "name": "script", "scopes": scopes })).await.ok().json();
    let program = Http { cookie: None, bearer: made["key"].as_str().map(str::to_owned), ..server.http() };
    let socket = page(&program).await;
    let path = format!("/api/v1/keys/{}/rotate", made["id"].as_str().unwrap());
    let new = owner.post(&path, &json!({ "keep_old_seconds": 0 })).await.ok().json();
    assert_eq!((&new["name"], &new["scopes"]), (&json!("script"), &scopes));
    assert_eq!(socket.expect_close("the old key").await.code, Some(Close::KeyRefused.code()));
    assert_eq!(program.clone().get("/api/v1/sessions").await.status, 401);
    let mut renewed = Http { bearer: new["key"].as_str().map(str::to_owned), ..server.http() };
    renewed.get("/api/v1/sessions").await.ok();
    let past = owner.post("/api/v1/keys", &json!({ "name": "late", "expires_at": 1 })).await;
    problem(&past, 400, "bad_request");
}

#[tokio::test]
async fn who_is_locked_out_is_helped_on_the_server_itself_also_while_it_runs() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let data_dir = world.place().path("server");
    let data_dir = data_dir.to_str().unwrap();
    let reset = |email: &str| {
        world.place().command(&["server", "reset-password", email, "--data-dir", data_dir]).output().unwrap()
    };
    let unknown = reset("nobody@example.org");
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && said.contains("no such account"), "{said}");
    let made = reset(world::EMAIL);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{said}{}", String::from_utf8_lossy(&made.stderr));
    let token = token_of(said.split_whitespace().find(|word| word.contains("/reset-password#")).unwrap());
    let form = json!({ "token": token, "password": "a wholly new password" });
    Http::new(world.http.address).post("/api/v1/reset-password", &form).await.ok();
    assert_eq!(world.http.clone().get("/api/v1/me").await.status, 401, "every browser is signed out");
    let form = json!({ "email": world::EMAIL, "password": "a wholly new password" });
    Http::new(world.http.address).post("/api/v1/sign-in", &form).await.ok();
}
