//! API keys over HTTP: made once, shown once, refused once revoked.

use serde_json::json;
use sessionforge::base::api_key;

use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_works_and_is_refused_after_it_was_revoked() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let made = owner.post("/api/v1/keys", &json!({ "name": " laptop ", "scopes": ["machines:read"] })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    assert!(api_key::is_well_formed(key));

    let listed = owner.get("/api/v1/keys").await.ok();
    assert!(!listed.text().contains(key), "the key itself is never shown again");
    let keys = listed.json()["keys"].clone();
    assert_eq!(keys[0]["name"], "laptop");
    assert_eq!(keys[0]["last_used_at"], json!(null));
    assert!(key.starts_with(keys[0]["prefix"].as_str().unwrap()));

    let mut program = server.http();
    program.bearer = Some(key.to_owned());
    assert_eq!(program.get("/api/v1/machines").await.ok().json(), json!({ "machines": [] }));
    let id = made["id"].as_str().unwrap();
    owner.delete(&format!("/api/v1/keys/{id}")).await.ok();
    let refused = program.get("/api/v1/machines").await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("was revoked"), "{}", refused.text());
    assert_eq!(owner.get("/api/v1/keys").await.ok().json(), json!({ "keys": [] }));
    assert_eq!(owner.delete(&format!("/api/v1/keys/{id}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_key_is_told_from_a_key_nobody_knows() {
    let server = TestServer::start().await;
    let mut http = server.http();
    let unknown = api_key::random();
    for (key, says) in [("sf_live_short", "not a whole API key"), (unknown.expose(), "not known here")] {
        http.bearer = Some(key.to_owned());
        let answer = http.get("/api/v1/machines").await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_and_revokes_no_keys_and_changes_no_password() {
    let server = TestServer::start().await;
    let made = server.owner().await.post("/api/v1/keys", &json!({ "name": "laptop" })).await.ok().json();
    let mut program = server.http();
    program.bearer = made["key"].as_str().map(str::to_owned);
    let id = made["id"].as_str().unwrap();
    assert_eq!(program.post("/api/v1/keys", &json!({ "name": "another" })).await.status, 403);
    assert_eq!(program.delete(&format!("/api/v1/keys/{id}")).await.status, 403);
    assert_eq!(program.post("/api/v1/me/password", &json!({ "new": "a longer password" })).await.status, 403);
}
