//! Lists in pages, and requests that are sent twice.

use std::sync::Arc;

use serde_json::{Value, json};

use super::support::http::Http;
use super::support::played::agent::PlayedAgent;
use super::support::server::{PASSWORD, TestServer};
use super::support::wait::{Changes, WAIT_MAX};

/// Every entry of a list, two at a time.
async fn in_pages(http: &mut Http, path: &str, list: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = http.get(&format!("{path}?limit=2{cursor}")).await.ok().json();
        let entries = page[list].as_array().unwrap();
        assert!(entries.len() <= 2, "{page}");
        all.extend(entries.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_that_grows_comes_in_pages_that_hold_the_whole() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    for number in 0..5 {
        owner.post("/api/v1/keys", &json!({ "name": format!("key {number}") })).await.ok();
        owner.post("/api/v1/invitations", &json!({ "role": "member" })).await.ok();
    }
    for (path, list) in [
        ("/api/v1/keys", "keys"),
        ("/api/v1/invitations", "invitations"),
        ("/api/v1/members", "members"),
        ("/api/v1/machines", "machines"),
        ("/api/v1/sessions", "sessions"),
    ] {
        let whole = owner.get(path).await.ok().json();
        assert!(whole["next"].is_null(), "nothing is left out unasked: {whole}");
        assert_eq!(in_pages(&mut owner, path, list).await, *whole[list].as_array().unwrap(), "{path}");
        assert_eq!(owner.get(&format!("{path}?limit=x")).await.status, 400);
    }
    assert_eq!(in_pages(&mut owner, "/api/v1/keys", "keys").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_twice_under_one_idempotency_key_is_made_once() {
    let server = TestServer::start().await;
    let mut owner = Http { once: Some("the same wish".to_owned()), ..server.owner().await };
    let wish = json!({ "name": "script", "scopes": ["sessions:read"] });
    let made = owner.post("/api/v1/keys", &wish).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let again = owner.post("/api/v1/keys", &wish).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("conflict")));
    assert!(again.text().contains(&id) && !again.text().contains("sf_live_"), "{}", again.text());
    let rotate = format!("/api/v1/keys/{id}/rotate");
    assert_eq!(owner.post(&rotate, &json!({})).await.status, 201, "another request is another wish");
    assert_eq!(owner.post(&rotate, &json!({})).await.status, 409);
    assert_eq!(owner.get("/api/v1/keys").await.ok().json()["keys"].as_array().unwrap().len(), 2);

    let invite = json!({ "role": "member" });
    assert_eq!(owner.post("/api/v1/invitations", &invite).await.status, 201);
    assert_eq!(owner.post("/api/v1/invitations", &invite).await.status, 409);
    assert_eq!(owner.get("/api/v1/invitations").await.ok().json()["invitations"].as_array().unwrap().len(), 1);

    let token = Http { once: None, ..owner.clone() }.post("/api/v1/invitations", &invite).await.ok().json();
    let token = super::support::server::token_of(token["url"].as_str().unwrap());
    let form = json!({ "token": token, "name": "Bea", "email": "bea@example.org", "password": PASSWORD });
    let bea = server.http().post("/api/v1/invitations/accept", &form).await.ok().json();
    let path = format!("/api/v1/members/{}/reset-link", bea["user"]["id"].as_str().unwrap());
    let first = owner.post(&path, &json!({})).await.ok().json();
    let again = owner.post(&path, &json!({})).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("conflict")));
    assert!(!again.text().contains("reset-password#"), "the link is in the first answer alone: {}", again.text());
    let look = json!({ "token": super::support::server::token_of(first["url"].as_str().unwrap()) });
    server.http().post("/api/v1/reset-password/look", &look).await.ok();

    let looms = json!({ "name": "Looms" });
    let first = owner.post("/api/v1/organisations", &looms).await.ok().json();
    let second = owner.post("/api/v1/organisations", &looms).await.ok().json();
    assert_eq!(first["organisation"], second["organisation"]);
    assert_eq!(second["organisations"].as_array().unwrap().len(), 2);

    let mut other = Http { once: Some("another wish".to_owned()), ..owner.clone() };
    assert_eq!(other.post("/api/v1/keys", &wish).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_made_anew_only_when_something_in_it_has_changed_for_who_asks() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let key = owner.post("/api/v1/keys", &json!({ "name": "agent" })).await.ok().json();
    let program = Http { bearer: key["key"].as_str().map(str::to_owned), ..server.http() };
    let changes = Arc::new(Changes::default());
    let agent = PlayedAgent::start(program, "machine".to_owned(), 1, Arc::clone(&changes));
    let machine = changes.wait(WAIT_MAX, || agent.look(|seen| seen.online_since.and(seen.machine))).await.unwrap();
    let invite = owner.post("/api/v1/invitations", &json!({ "role": "member" })).await.ok().json();
    let token = super::support::server::token_of(invite["url"].as_str().unwrap());
    let form = json!({ "token": token, "name": "Bea", "email": "bea@example.org", "password": PASSWORD });
    let mut bea = server.http();
    bea.post("/api/v1/invitations/accept", &form).await.ok();
    for list in ["machines", "sessions"] {
        let path = format!("/api/v1/{list}");
        let first = owner.get(&path).await.ok();
        let tag = first.header("etag").unwrap().to_owned();
        let asking = |who: &Http| Http { if_none_match: Some(tag.clone()), ..who.clone() };
        // What is online is seen to the minute: at worst the tag is a minute's that has ended.
        let again = asking(&owner).get(&path).await;
        let same = || again.header("etag") == Some(&*tag) && again.body.is_empty();
        assert!(again.status == 200 || (again.status == 304 && same()), "{again:?}");
        let other = asking(&bea).get(&path).await.ok();
        assert_eq!((other.status, other.json()[list].as_array().unwrap().len()), (200, 0), "another sees another list");
        owner.send("PATCH", &format!("/api/v1/machines/{machine}"), Some(&json!({ "tags": [list] }))).await.ok();
        let changed = asking(&owner).get(&path).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json()[list].as_array().unwrap().len(), 1);
    }
}
