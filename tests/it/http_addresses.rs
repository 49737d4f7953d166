//! Addresses from which an organisation lets people, programs and machines in.

use serde_json::{Value, json};
use sessionforge::server::ServerConfig;
use sessionforge::wire::close::Close;
use sessionforge::wire::hello::Role;
use tempfile::TempDir;

use super::support::http::{Answer, Http};
use super::support::server::{EMAIL, PASSWORD, TestServer, config, token_of};
use super::support::socket::{Refused, Socket};
use super::support::world::World;

const LIST: &str = "/api/v1/organisation/addresses";
const OFFICE: &str = "10.1.0.5";
const HOME: &str = "203.0.113.9";

/// Behind a proxy that is trusted, so that a test can be anywhere.
async fn server() -> TestServer {
    let dir = TempDir::new().unwrap();
    let config = ServerConfig { trusted_proxies: vec!["127.0.0.1".parse().unwrap()], ..config(&dir) };
    TestServer::start_as(dir, config, false).await
}

fn at(address: &str, who: &Http) -> Http {
    Http { forwarded: Some(address.to_owned()), ..who.clone() }
}

fn refused(answer: &Answer, address: &str) {
    let text = answer.text();
    assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("address_not_allowed")), "{text}");
    assert!(text.contains(address), "it says which address: {text}");
}

async fn put(who: &Http, body: Value) -> Answer {
    who.clone().send("PUT", LIST, Some(&body)).await
}

/// A key with these scopes, as somebody who has it.
async fn program(owner: &Http, scopes: Value) -> Http {
    let made = owner.clone().post("/api/v1/keys", &json!({ "name": "script", "scopes": scopes })).await.ok().json();
    Http { bearer: made["key"].as_str().map(str::to_owned), ..Http::new(owner.address) }
}

async fn entries(http: &Http, query: &str) -> Vec<Value> {
    let log = http.clone().get(&format!("/api/v1/audit?{query}")).await.ok().json();
    log["entries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_programs_and_machines_come_in_from_allowed_addresses_alone() {
    let server = server().await;
    let owner = at(OFFICE, &server.owner().await);
    let (script, agent) = (program(&owner, json!(["sessions:read"])).await, program(&owner, json!(["agent"])).await);
    let set = put(&owner, json!({ "allowed": ["10.1.2.3/8", "2001:db8::/32"] })).await.ok().json();
    assert_eq!(set, json!({ "allowed": ["10.0.0.0/8", "2001:db8::/32"], "yours": OFFICE }));
    assert_eq!(owner.clone().get(LIST).await.ok().json(), set);

    for inside in [OFFICE, "2001:db8::7", "::ffff:10.2.2.2", "1.2.3.4, 10.9.9.9"] {
        at(inside, &owner).get("/api/v1/me").await.ok();
        at(inside, &script).get("/api/v1/sessions").await.ok();
    }
    for (said, outside) in [(HOME, HOME), ("2001:db9::7", "2001:db9::7"), ("10.0.0.1, 203.0.113.9", HOME)] {
        refused(&at(said, &owner).get("/api/v1/me").await, outside);
        refused(&at(said, &script).get("/api/v1/sessions").await, outside);
    }
    let Err(Refused::Status(403, said)) = Socket::open(&at(HOME, &agent), "/api/v1/agent", None).await else {
        panic!("an agent came in from outside")
    };
    assert!(said.contains("address_not_allowed"), "{said}");
    Socket::open(&at(OFFICE, &agent), "/api/v1/agent", None).await.expect("an agent comes in from inside");
    let form = json!({ "email": EMAIL, "password": PASSWORD });
    refused(&at(HOME, &server.http()).post("/api/v1/sign-in", &form).await, HOME);
    at(OFFICE, &server.http()).post("/api/v1/sign-in", &form).await.ok();
    at(HOME, &owner).post("/api/v1/sign-out", &json!({})).await.ok();

    let owner = {
        let mut http = at(OFFICE, &server.http());
        http.post("/api/v1/sign-in", &form).await.ok();
        http
    };
    let noted = entries(&owner, "action=setting").await;
    assert_eq!(noted[0]["facts"], json!({ "setting": "allowed addresses", "to": "10.0.0.0/8 2001:db8::/32" }));
    let turned_away = entries(&owner, "action=organisation.enter&outcome=refused").await;
    assert!(turned_away.iter().any(|entry| entry["from"] == HOME), "{turned_away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_themselves_out_unawares_and_what_is_no_network_is_named() {
    let server = server().await;
    let owner = at(HOME, &server.owner().await);
    let told = put(&owner, json!({ "allowed": ["10.0.0.0/8"] })).await;
    assert_eq!(told.status, 409, "{}", told.text());
    assert!(told.text().contains(HOME) && told.text().contains("lock you out"), "{}", told.text());
    let wrong = put(&owner, json!({ "allowed": ["10.0.0.0/8", "the office"] })).await;
    assert!(wrong.status == 400 && wrong.text().contains("the office"), "{}", wrong.text());
    assert_eq!(owner.clone().get(LIST).await.ok().json()["allowed"], json!([]), "nothing was changed");
    put(&owner, json!({ "allowed": ["10.0.0.0/8"], "lock_me_out": true })).await.ok();
    refused(&owner.clone().get(LIST).await, HOME);
    put(&at(OFFICE, &owner), json!({ "allowed": [] })).await.ok();
    owner.clone().get(LIST).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_connected_from_an_address_that_is_not_allowed_any_more_ends() {
    let server = server().await;
    let owner = at(OFFICE, &server.owner().await);
    let agent = program(&owner, json!(["agent"])).await;
    let open = async |address: &str| {
        let mut page = Socket::open(&at(address, &owner), "/api/v1/viewer", None).await.unwrap();
        page.greet(Role::Viewer).await.unwrap();
        let mut uplink = Socket::open(&at(address, &agent), "/api/v1/agent", None).await.unwrap();
        uplink.greet(Role::Agent).await.unwrap();
        let register = json!({ "kind": "register", "facts": { "name": address, "hostname": "h", "os": "linux", "arch": "x", "build": "1" } });
        let frame = [&[2u8][..], register.to_string().as_bytes()].concat();
        uplink.send_raw(frame.into()).await.unwrap();
        uplink.next().await.expect("it is registered");
        (page, uplink)
    };
    let (page, uplink) = open(HOME).await;
    let (_page, _uplink) = open(OFFICE).await;
    put(&owner, json!({ "allowed": [OFFICE] })).await.ok();
    for (socket, what) in [(page, "a page outside"), (uplink, "an agent outside")] {
        let closed = socket.expect_close(what).await;
        assert_eq!(closed.code, Some(Close::Changed.code()), "{what} may come back and be told why: {}", closed.reason);
    }
    let machines = owner.clone().get("/api/v1/machines").await.ok().json();
    let online = |name: &str| {
        machines["machines"].as_array().unwrap().iter().any(|it| it["name"] == name && it["online"] == true)
    };
    assert!(online(OFFICE), "{machines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_belongs_to_several_works_where_they_are_let_in() {
    let server = server().await;
    let mut owner = at(OFFICE, &server.owner().await);
    put(&owner, json!({ "allowed": ["10.0.0.0/8"] })).await.ok();
    let invitation = owner.post("/api/v1/invitations", &json!({ "role": "member" })).await.ok().json();
    let looms = owner.post("/api/v1/organisations", &json!({ "name": "Looms" })).await.ok().json();
    let mut home = at(HOME, &server.http());
    let me = home.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok().json();
    assert_eq!(me["organisation"]["name"], "Looms", "the one that lets them in");
    let engines =
        me["organisations"].as_array().unwrap().iter().find(|it| it["name"] == "Engines").unwrap()["id"].clone();
    refused(&home.post("/api/v1/me/organisation", &json!({ "organisation": engines })).await, HOME);
    assert_eq!(home.get("/api/v1/me").await.ok().json()["organisation"]["id"], looms["organisation"]["id"]);

    let token = token_of(invitation["url"].as_str().unwrap());
    let form = json!({ "token": token, "name": "Bea", "email": "bea@example.org", "password": PASSWORD });
    refused(&at(HOME, &server.http()).post("/api/v1/invitations/accept", &form).await, HOME);
    let joined = at(OFFICE, &server.http()).post("/api/v1/invitations/accept", &form).await;
    assert_eq!(joined.status, 201, "the invitation was not used up: {}", joined.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_whose_list_locks_them_out_is_helped_on_the_server_itself() {
    let mut world = World::server_only().await;
    world.set_up().await;
    let organisation = world.http.get("/api/v1/me").await.ok().json()["organisation"]["name"].clone();
    put(&world.http, json!({ "allowed": ["10.0.0.0/8"], "lock_me_out": true })).await.ok();
    refused(&world.http.get("/api/v1/me").await, "127.0.0.1");
    let data_dir = world.place().path("server");
    let free = |name: &str| {
        let arguments = ["server", "allow-any-address", name, "--data-dir", data_dir.to_str().unwrap()];
        world.place().command(&arguments).output().unwrap()
    };
    assert!(!free("Nobody's").status.success(), "no organisation has that name");
    let freed = free(organisation.as_str().unwrap());
    let said = String::from_utf8_lossy(&freed.stdout).into_owned();
    assert!(freed.status.success() && said.contains("from any address now"), "{said}");
    world.http.get("/api/v1/me").await.ok();
    let noted = entries(&world.http, "action=setting").await;
    assert_eq!((&noted[0]["who"]["server"], &noted[0]["facts"]["to"]), (&json!(true), &json!("any address")));
}
