//! Push messages, to a push service of the test's own that opens them as a browser does.

use serde_json::{Value, json};
use sessionforge::base::id::ViewerId;
use sessionforge::wire::Frame;
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{self, From, FromViewer, Take, ToViewer};
use sessionforge::wire::session::{Exit, SessionInfo, SessionState};

use super::Scene;
use super::receiver::Receiver;
use super::subscriber::Subscriber;
use crate::support::http::Http;
use crate::support::socket::Socket;
use crate::support::wait::poll;

/// The owner's browser, subscribed.
struct Browser {
    keys: Subscriber,
    service: Receiver,
    id: String,
    server_key: String,
}

impl Browser {
    async fn subscribe(scene: &Scene) -> Self {
        Self::of(&scene.owner).await
    }

    async fn of(who: &Http) -> Self {
        let (keys, service) = (Subscriber::new(), Receiver::start().await);
        let mut owner = who.clone();
        let server_key =
            owner.get("/api/v1/me/notifications").await.ok().json()["push_key"].as_str().unwrap().to_owned();
        let made = owner.post("/api/v1/me/pushes", &keys.subscription(&service.url("/push/a"))).await.ok().json();
        Self { keys, service, id: made["id"].as_str().unwrap().to_owned(), server_key }
    }

    /// The message number `number`, opened.
    async fn expect(&self, number: usize) -> Value {
        let posted = self.service.expect(number).await;
        self.keys.message(&posted, &self.server_key, &self.service.url(""))
    }
}

async fn pushes(scene: &Scene) -> Value {
    scene.owner.clone().get("/api/v1/me/notifications").await.ok().json()["pushes"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_a_browser_that_alone_can_read_it_and_is_taken_back_when_it_was_answered() {
    let scene = Scene::start().await;
    let browser = Browser::subscribe(&scene).await;
    scene.agent.ask(scene.session, 1, "rm -rf build").await;
    let said = browser.expect(1).await;
    assert_eq!(said["show"]["path"], format!("/sessions/{}", scene.session));
    assert_eq!((&said["show"]["tag"], &said["show"]["kind"]), (&json!(scene.session), &json!("permission")));
    assert!(!said.to_string().contains("rm -rf"), "not without being asked to: {said}");
    let posted = browser.service.expect(1).await;
    assert_eq!((posted.header("urgency"), posted.header("ttl")), ("high", "21600"));
    assert!(!posted.header("topic").contains("ses_"), "the service is not told which session");
    assert!(!String::from_utf8_lossy(&posted.body).contains("Bash"));

    scene.agent.work(scene.session).await;
    assert_eq!(browser.expect(2).await, json!({ "over": scene.session }));
    assert_eq!(browser.service.expect(2).await.header("topic"), posted.header("topic"), "in its place");
    scene.wants(json!({ "with_text": true })).await;
    scene.agent.ask(scene.session, 2, "make install").await;
    assert!(browser.expect(3).await["show"]["body"].as_str().unwrap().ends_with("\nmake install"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_refuses_for_now_is_tried_again_and_a_browser_that_left_is_forgotten() {
    let scene = Scene::start().await;
    let browser = Browser::subscribe(&scene).await;
    browser.service.answer(&[503]);
    scene.agent.ask(scene.session, 1, "ls").await;
    let (first, second) = (browser.expect(1).await, browser.expect(2).await);
    assert_eq!(first, second);
    browser.service.answer(&[410]);
    scene.agent.work(scene.session).await;
    browser.expect(3).await;
    poll("it is forgotten", async || (pushes(&scene).await == json!([])).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_told_until_it_signs_out_and_tests_itself() {
    let scene = Scene::start().await;
    let browser = Browser::subscribe(&scene).await;
    let listed = pushes(&scene).await;
    assert_eq!((&listed[0]["id"], &listed[0]["current"]), (&json!(browser.id), &json!(true)));
    let path = format!("/api/v1/me/pushes/{}/test", browser.id);
    assert_eq!(scene.owner.clone().post(&path, &json!({})).await.status, 204);
    assert_eq!(browser.expect(1).await["show"]["tag"], "test");
    browser.service.answer(&[403]);
    let refused = scene.owner.clone().post(&path, &json!({})).await;
    assert!(refused.status == 409 && refused.text().contains("HTTP status 403"), "{}", refused.text());

    // Somebody else signs in as the same person, and that browser signs out.
    let mut other = scene.server.http();
    let form = json!({ "email": crate::support::server::EMAIL, "password": crate::support::server::PASSWORD });
    other.post("/api/v1/sign-in", &form).await.ok();
    let listed = other.get("/api/v1/me/notifications").await.ok().json()["pushes"].clone();
    assert_eq!(listed[0]["current"], false);
    scene.owner.clone().post("/api/v1/sign-out", &json!({})).await.ok();
    assert_eq!(other.get("/api/v1/me/notifications").await.ok().json()["pushes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_in_their_quiet_hours() {
    let scene = Scene::start().await;
    let browser = Browser::subscribe(&scene).await;
    let witness = scene.webhook(json!({})).await;
    assert!(witness["id"].is_string());
    let wrong = json!({ "quiet": { "from": "22:00", "to": "07:00", "zone": "Europe/Atlantis" } });
    let refused = scene.owner.clone().send("PUT", "/api/v1/me/notifications", Some(&wrong)).await;
    assert!(refused.status == 400 && refused.text().contains("no time zone"), "{}", refused.text());
    // All day but its last minute, twice, so that the test holds at any time: in two zones half a day apart.
    let zone = if jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour() < 12 { "UTC" } else { "Etc/GMT+12" };
    scene.wants(json!({ "quiet": { "from": "00:00", "to": "23:59", "zone": zone } })).await;
    scene.agent.ask(scene.session, 1, "ls").await;
    scene.receiver.expect(1).await;
    scene.agent.work(scene.session).await;
    scene.wants(json!({})).await;
    scene.agent.ask(scene.session, 2, "ls").await;
    browser.expect(1).await;
    assert_eq!(browser.service.all().len(), 1, "what came in the quiet hours was not told, nor taken back");
}

/// A page on the owner's session, as far as the server sees one.
async fn page(scene: &Scene) -> Socket {
    let mut socket = Socket::open(&scene.owner, "/api/v1/viewer", None).await.unwrap();
    socket.greet(Role::Viewer).await.unwrap();
    let (channel, session, viewer) = (1, scene.session, ViewerId::random());
    let attach = FromViewer::Attach {
        channel,
        session,
        viewer,
        from: From::Snapshot,
        take: Take::IfFree,
        cols: 80,
        rows: 24,
        theme: None,
    };
    socket.send(&message::to_frame(&attach)).await.unwrap();
    expect(&mut socket, |said| matches!(said, ToViewer::Attached { .. }).then_some(())).await;
    socket
}

async fn expect<T>(socket: &mut Socket, look: impl Fn(&ToViewer) -> Option<T>) -> T {
    loop {
        if let Frame::Control(json) = socket.next().await.unwrap()
            && let Some(found) = look(&message::from_json(&json).unwrap())
        {
            return found;
        }
    }
}

async fn look(socket: &mut Socket, scene: &Scene, here: bool) {
    let looking = FromViewer::Looking { here, session: Some(scene.session) };
    socket.send(&message::to_frame(&looking)).await.unwrap();
    // Whatever is said after this was heard after that.
    socket.send(&Frame::Ping(7)).await.unwrap();
    while !matches!(socket.next().await.unwrap(), Frame::Pong(7)) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_one_looks_at_calls_nobody_and_an_open_page_is_told_what_to_show() {
    let scene = Scene::start().await;
    let browser = Browser::subscribe(&scene).await;
    scene.webhook(json!({})).await;
    scene.wants(json!({ "events": { "permission": ["sound", "desktop", "push"] } })).await;
    let mut page = page(&scene).await;
    look(&mut page, &scene, true).await;
    scene.agent.ask(scene.session, 1, "ls").await;
    scene.receiver.expect(1).await;
    scene.agent.work(scene.session).await;
    look(&mut page, &scene, false).await;
    scene.agent.ask(scene.session, 2, "ls").await;
    let shown = expect(&mut page, |said| match said {
        ToViewer::Notice { notice, sound, desktop } => Some((notice.tag.clone(), *sound, *desktop)),
        _ => None,
    });
    assert_eq!(shown.await, (scene.session.to_string(), true, true));
    assert_eq!(browser.expect(1).await["show"]["tag"], json!(scene.session));
    scene.agent.work(scene.session).await;
    expect(&mut page, |said| matches!(said, ToViewer::NoticeOver { .. }).then_some(())).await;
    assert_eq!(browser.expect(2).await, json!({ "over": scene.session }));
    assert_eq!(browser.service.all().len(), 2, "nothing was pushed of what was looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_offered_a_session_is_told_and_its_owner_when_it_is_adopted_and_given_back() {
    let scene = Scene::start().await;
    let owners = Browser::subscribe(&scene).await;
    let mut bea = scene.join("Bea").await;
    let beas = Browser::of(&bea).await;
    let path = |what: &str| format!("/api/v1/sessions/{}/{what}", scene.session);
    let offer = json!({ "with": "organisation", "note": "look at the tests" });
    scene.owner.clone().send("PUT", &path("sharing"), Some(&offer)).await.ok();
    assert_eq!(beas.expect(1).await["show"]["body"], "Ada shares it: you can adopt it · workbench");
    bea.post(&path("adopt"), &json!({})).await.ok();
    assert_eq!(owners.expect(1).await["show"]["body"], "Bea adopted it · workbench");
    assert_eq!(beas.expect(2).await, json!({ "over": scene.session }), "nobody needs to adopt it any more");

    // Whoever has it is called.
    scene.agent.ask(scene.session, 1, "ls").await;
    assert_eq!(beas.expect(3).await["show"]["kind"], "permission");
    assert_eq!(owners.expect(2).await, json!({ "over": scene.session }));
    scene.agent.work(scene.session).await;
    assert_eq!(beas.expect(4).await, json!({ "over": scene.session }));
    bea.post(&path("return"), &json!({ "note": "done" })).await.ok();
    assert_eq!(owners.expect(3).await["show"]["body"], "Bea gave it back · workbench");
    let ended = |info: &mut SessionInfo| {
        info.state = SessionState::Exited;
        info.exit = Some(Exit { code: Some(3), signal: None });
    };
    scene.agent.change(scene.session, ended).await;
    assert_eq!(owners.expect(4).await["show"]["body"], "Ended with exit code 3 · workbench");
    assert_eq!(beas.service.all().len(), 4, "it is not hers any more");
}
