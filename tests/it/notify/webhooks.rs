//! Webhooks: signed, retried, also over a restart; logged; and sent nowhere they may not be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::receiver::Posted;
use super::{Scene, start};
use crate::support::http::Http;
use crate::support::server::TestServer;
use crate::support::wait::poll;

/// As docs/notifications.md tells receivers to check it.
fn expect_signed(posted: &Posted, secret: &str) {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, timestamp) = (posted.header("webhook-id"), posted.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&posted.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(posted.header("webhook-signature"), expected);
}

async fn newest(owner: &Http, hook: &Value) -> Value {
    let path = format!("/api/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    owner.clone().get(&path).await.ok().json()["deliveries"][0].clone()
}

async fn act(owner: &Http, hook: &Value, what: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/webhooks/{}/{what}", hook["id"].as_str().unwrap());
    let answer = owner.clone().post(&path, &body).await;
    (answer.status, answer.json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_a_webhook_signed_and_once() {
    let scene = Scene::start().await;
    let hook = scene.webhook(json!({})).await;
    scene.agent.ask(scene.session, 1, "rm -rf build").await;
    let posted = scene.receiver.expect(1).await;
    expect_signed(&posted, hook["secret"].as_str().unwrap());
    let said = posted.json();
    assert_eq!((posted.path.as_str(), &said["type"]), ("/hook", &json!("session.permission")));
    assert_eq!(said["data"]["session"]["id"], scene.session.to_string());
    assert_eq!(said["data"]["machine"]["name"], "workbench");
    assert!(!said.to_string().contains("rm -rf"), "what it asks is told only if that was wanted: {said}");

    // The same request again, in another dress, is not told; nor is a kind that was not chosen.
    scene.agent.retitle(scene.session, "renamed".to_owned()).await;
    scene.agent.work(scene.session).await;
    scene.agent.ask(scene.session, 2, "ls").await;
    let second = scene.receiver.expect(2).await;
    assert_ne!(second.header("webhook-id"), posted.header("webhook-id"));
    assert_eq!(scene.receiver.all().len(), 2);
    let listed = scene.owner.clone().get("/api/v1/webhooks").await.ok();
    assert!(!listed.text().contains("whsec_"), "the secret is in one answer alone");
    poll("the log says so", async || (newest(&scene.owner, &hook).await["delivered"] == true).then_some(())).await;
    let log = scene.owner.clone().get("/api/v1/audit?action=webhook.make").await.ok().json();
    assert_eq!(log["entries"][0]["facts"]["host"], scene.receiver.address.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_refuses_is_tried_again_also_after_a_restart() {
    let scene = Scene::start().await;
    let hook = scene.webhook(json!({ "with_text": true })).await;
    scene.receiver.answer(&[500, 302, 500]);
    scene.agent.ask(scene.session, 1, "make install").await;
    let first = scene.receiver.expect(1).await;
    let need = first.json()["data"]["need"].clone();
    assert_eq!(
        (&need["tool"].is_string(), &need["text"]),
        (&true, &Value::Null),
        "the session is its owner's alone: {need}"
    );
    let again = scene.receiver.expect(2).await;
    assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
    let failing = poll("both tries are on disk", async || {
        let newest = newest(&scene.owner, &hook).await;
        (newest["tries"].as_array().unwrap().len() == 2).then_some(newest)
    })
    .await;
    assert_eq!((&failing["tries"][0]["status"], &failing["tries"][1]["status"]), (&json!(500), &json!(302)));
    assert!(scene.receiver.all().iter().all(|posted| posted.path == "/hook"), "a redirect is not followed");

    // The third try is ten seconds away, and the server dies before it.
    let Scene { server, owner, agent, receiver, .. } = scene;
    drop(agent);
    let server = start(server.stop().await).await;
    let owner = Http { address: server.address, origin: format!("http://{}", server.address), ..owner };
    let third = receiver.expect(3).await;
    assert_eq!(third.header("webhook-id"), first.header("webhook-id"), "what waits is told by the next server");
    expect_signed(&third, hook["secret"].as_str().unwrap());
    poll("it failed again", async || (newest(&owner, &hook).await["tries"][2]["status"] == 500).then_some(())).await;
    let delivery = newest(&owner, &hook).await["id"].clone();
    let (status, _) = act(&owner, &hook, "redeliver", json!({ "delivery": delivery })).await;
    assert_eq!(status, 202);
    assert_eq!(receiver.expect(4).await.header("webhook-id"), first.header("webhook-id"));
    poll("it is delivered", async || (newest(&owner, &hook).await["delivered"] == true).then_some(())).await;
    let hooks = owner.clone().get("/api/v1/webhooks").await.ok().json();
    assert_eq!(hooks["webhooks"][0]["failing_since"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_switched_off_and_its_admins_are_told() {
    let scene = Scene::start().await;
    let hook = scene.webhook(json!({})).await;
    let witness = scene.webhook(json!({ "events": ["webhook"], "url": scene.receiver.url("/witness") })).await;
    scene.receiver.answer(&[410]);
    assert_eq!(act(&scene.owner, &hook, "test", json!({})).await.0, 202);
    assert_eq!(scene.receiver.expect(1).await.json()["type"], "webhook.test");
    let told = scene.receiver.expect(2).await;
    assert_eq!((told.path.as_str(), &told.json()["type"]), ("/witness", &json!("webhook.off")));
    assert!(!witness["secret"].is_null());
    let hooks = scene.owner.clone().get("/api/v1/webhooks").await.ok().json();
    let off = hooks["webhooks"].as_array().unwrap().iter().find(|it| it["id"] == hook["id"]).unwrap();
    assert!(off["off_since"].is_number(), "{off}");
    assert_eq!(act(&scene.owner, &hook, "test", json!({})).await.0, 409, "nothing is sent to it");
    let log = scene.owner.clone().get("/api/v1/audit?action=webhook.off").await.ok().json();
    assert_eq!(log["entries"][0]["who"]["server"], true);
    let path = format!("/api/v1/webhooks/{}", hook["id"].as_str().unwrap());
    scene.owner.clone().send("PATCH", &path, Some(&json!({ "on": true }))).await.ok();
    assert_eq!(act(&scene.owner, &hook, "test", json!({})).await.0, 202);
    assert_eq!(scene.receiver.expect(3).await.path, "/hook");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_holds_nobody_else() {
    let scene = Scene::start().await;
    // Takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = scene.webhook(json!({ "url": format!("http://{}/", silent.local_addr().unwrap()) })).await;
    for _ in 0..10 {
        assert_eq!(act(&scene.owner, &slow, "test", json!({})).await.0, 202);
    }
    let _taken = silent.accept().await.unwrap();
    let quick = scene.webhook(json!({})).await;
    assert_eq!(act(&scene.owner, &quick, "test", json!({})).await.0, 202);
    scene.receiver.expect(1).await;
    assert_eq!(newest(&scene.owner, &slow).await["tries"], json!([]), "it is still being tried");
    scene.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_into_the_house_unless_its_operator_allows_it() {
    let server = TestServer::start().await;
    let mut owner = server.owner().await;
    let make = |url: &str| json!({ "name": "chat", "url": url });
    for (url, says) in [
        ("https://127.0.0.1/", "127.0.0.1 is not an address of the public internet"),
        ("https://[::ffff:169.254.169.254]/", "is not an address of the public internet"),
        ("https://10.0.0.1:8443/hook", "is not an address of the public internet"),
        ("http://hooks.example.org/", "only https:// is sent to"),
        ("https://ada:secret@hooks.example.org/", "not an address to send to"),
        ("ftp://hooks.example.org/", "not an address to send to"),
    ] {
        let answer = owner.post("/api/v1/webhooks", &make(url)).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.text());
        assert!(answer.text().contains(says), "{url}: {}", answer.text());
    }
    // A name is looked up when something is sent, and what it leads to is what counts.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let hook = owner.post("/api/v1/webhooks", &make(&url)).await.ok().json();
    assert_eq!(act(&owner, &hook, "test", json!({})).await.0, 202);
    let tried = poll("it was tried", async || {
        Some(newest(&owner, &hook).await["tries"][0]["error"].clone()).filter(Value::is_string)
    })
    .await;
    assert!(tried.as_str().unwrap().contains("is not an address of the public internet"), "{tried}");
    let subscription = json!({ "endpoint": "https://127.0.0.1/push", "keys": { "p256dh": "", "auth": "" } });
    assert_eq!(owner.post("/api/v1/me/pushes", &subscription).await.status, 400);
}
