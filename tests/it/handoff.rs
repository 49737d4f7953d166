//! Sessions handed over: adopted by one of several, given back, taken back; and everything that comes between.

use serde_json::{Value, json};
use sessionforge::base::id::SessionId;

use super::support::http::{Answer, Http};
use super::support::local::Local;
pub use super::support::page::member as join;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;

fn path(session: SessionId, what: &str) -> String {
    format!("/api/v1/sessions/{session}/{what}")
}

async fn share(who: &Http, session: SessionId, more: Value) -> Answer {
    let mut body = json!({ "with": "organisation" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    who.clone().send("PUT", &path(session, "sharing"), Some(&body)).await
}

async fn take_back(who: &Http, session: SessionId) -> Answer {
    who.clone().send("PUT", &path(session, "sharing"), Some(&json!({ "with": "private" }))).await
}

pub async fn adopt(who: &Http, session: SessionId) -> Answer {
    who.clone().post(&path(session, "adopt"), &json!({})).await
}

pub async fn give_back(who: &Http, session: SessionId, said: Value) -> Answer {
    who.clone().post(&path(session, "return"), &said).await
}

/// How the session's newest handoff is, for its owner.
pub async fn handoff(world: &World, session: SessionId) -> Value {
    world.http.clone().post(&path(session, "handoff"), &json!({})).await.ok().json()
}

async fn in_control(viewer: &Viewer, who: &str) {
    viewer.expect(&format!("{who} has the keyboard"), |seen| seen.control?.you.then_some(())).await;
}

async fn types(viewer: &Viewer, word: &str) {
    viewer.type_text(&format!("echo {word}-$((40+2))\r")).await;
    viewer.expect_text(&format!("{word}-42")).await;
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap_or_default().to_owned()
}

/// A world with Bea, a member, and a bash that is shared with her and attached by both.
async fn shared() -> (World, Http, SessionId, Viewer, Viewer) {
    let world = World::start().await;
    let bea = join(&world, "Bea", "member").await;
    let session = world.bash().await;
    let owners = world.viewer(session, Manners::default()).await;
    in_control(&owners, "the owner").await;
    share(&world.http, session, json!({})).await.ok();
    let beas = Viewer::open(&bea, session, Manners::default());
    beas.expect_attached().await;
    (world, bea, session, owners, beas)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_adopted_typed_into_and_given_back_with_a_note() {
    let (world, bea, session, owners, beas) = shared().await;
    let seen = bea.clone().get(&format!("/api/v1/sessions/{session}")).await.ok().json();
    assert_eq!((&seen["shared"], &seen["handoff"]["phase"]), (&json!(true), &json!("shared")), "{seen}");
    let early = bea.clone().post(&path(session, "input"), &json!({ "text": "x", "take": true })).await;
    assert_eq!(early.status, 403, "what is shared is adopted before it is typed into: {}", early.text());

    adopt(&bea, session).await.ok();
    in_control(&beas, "the adopter, without asking for it").await;
    types(&beas, "bea").await;
    owners.expect_text("bea-42").await;
    owners.take_control(80, 24).await;
    let refused = world.http.clone().post(&path(session, "input"), &json!({ "text": "x", "take": true })).await;
    assert_eq!(refused.status, 409);
    assert!(detail(&refused).contains("Bea has adopted"), "{}", refused.text());
    beas.look(|seen| assert!(seen.control.unwrap().you, "nobody else types meanwhile"));

    let given = give_back(&bea, session, json!({ "note": "all tests pass now" })).await.ok().json();
    assert_eq!((&given["phase"], &given["answer"]), (&json!("returned"), &json!("all tests pass now")));
    give_back(&bea, session, json!({})).await.ok();
    beas.expect("she is sent away", |seen| seen.detached.clone()).await;
    in_control(&owners, "the owner, again").await;
    types(&owners, "owner").await;
    let told = handoff(&world, session).await;
    assert_eq!((&told["phase"], &told["adopted_by"]["name"]), (&json!("returned"), &json!("Bea")));

    let log = world.http.clone().get("/api/v1/audit").await.ok().json();
    let actions: Vec<&str> = log["entries"].as_array().unwrap().iter().filter_map(|it| it["action"].as_str()).collect();
    for (action, times) in [("session.share", 1), ("session.adopt", 1), ("session.return", 1)] {
        assert_eq!(actions.iter().filter(|it| **it == action).count(), times, "{action}: {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_click_at_once_one_gets_it_and_the_other_is_told_who() {
    let (world, bea, session, _owners, _beas) = shared().await;
    let cleo = join(&world, "Cleo", "member").await;
    for _ in 0..10 {
        let (first, second) = tokio::join!(adopt(&bea, session), adopt(&cleo, session));
        let (winner, loser, name) = if first.status == 200 { (&bea, second, "Bea") } else { (&cleo, first, "Cleo") };
        assert_eq!(loser.status, 409, "{}", loser.text());
        assert!(detail(&loser).starts_with(&format!("{name} has adopted")), "{}", loser.text());
        assert_eq!(handoff(&world, session).await["adopted_by"]["name"], name);
        give_back(winner, session, json!({})).await.ok();
        share(&world.http, session, json!({})).await.ok();
    }
    let own = adopt(&world.http, session).await;
    assert_eq!(own.status, 409, "{}", own.text());
    share(&world.http, session, json!({ "to": "cleo@example.org" })).await.ok();
    let meant = adopt(&bea, session).await;
    assert_eq!((meant.status, detail(&meant)), (403, "only Cleo may adopt this session".to_owned()));
    adopt(&cleo, session).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_takes_it_back_while_the_adopter_types() {
    let (world, bea, session, owners, beas) = shared().await;
    adopt(&bea, session).await.ok();
    in_control(&beas, "the adopter").await;
    types(&beas, "before").await;
    for _ in 0..20 {
        beas.type_text("x").await;
    }
    take_back(&world.http, session).await.ok();
    in_control(&owners, "the owner").await;
    beas.expect("the adopter is sent away", |seen| seen.detached.clone()).await;
    owners.type_text("\u{15}").await;
    types(&owners, "mine").await;
    let late = give_back(&bea, session, json!({ "note": "too late" })).await;
    assert_eq!(late.status, 404, "what is not shared is not there: {}", late.text());
    assert_eq!(handoff(&world, session).await["phase"], "taken_back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopter_whose_network_breaks_comes_back_to_it_also_after_the_server_was_killed() {
    let (mut world, bea, session, owners, beas) = shared().await;
    adopt(&bea, session).await.ok();
    in_control(&beas, "the adopter").await;
    beas.cut().await;
    types(&beas, "cut").await;
    world.kill_server();
    world.start_server().await;
    types(&beas, "restarted").await;
    assert_eq!(handoff(&world, session).await["phase"], "adopted");
    owners.look(|seen| assert!(!seen.control.unwrap().you));
    let refused = world.http.clone().post(&path(session, "input"), &json!({ "text": "x", "take": true })).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    give_back(&bea, session, json!({})).await.ok();
    in_control(&owners, "the owner").await;

    share(&world.http, session, json!({})).await.ok();
    world.kill_server();
    world.start_server().await;
    adopt(&bea, session).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_or_demoted_loses_what_they_have_adopted() {
    let (world, bea, session, owners, beas) = shared().await;
    let id = bea.clone().get("/api/v1/me").await.ok().json()["user"]["id"].as_str().unwrap().to_owned();
    adopt(&bea, session).await.ok();
    in_control(&beas, "the adopter").await;
    let member = format!("/api/v1/members/{id}");
    world.http.clone().send("PATCH", &member, Some(&json!({ "role": "viewer" }))).await.ok();
    in_control(&owners, "the owner").await;
    assert_eq!(handoff(&world, session).await["phase"], "revoked");

    world.http.clone().send("PATCH", &member, Some(&json!({ "role": "member" }))).await.ok();
    share(&world.http, session, json!({})).await.ok();
    adopt(&bea, session).await.ok();
    world.http.clone().delete(&member).await.ok();
    in_control(&owners, "the owner").await;
    types(&owners, "mine").await;
    assert_eq!(handoff(&world, session).await["phase"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handoff_ends_with_its_program_and_an_offer_with_its_time() {
    let (world, bea, session, _owners, _beas) = shared().await;
    adopt(&bea, session).await.ok();
    world.stop_session(session).await;
    poll("it is over", async || (handoff(&world, session).await["phase"] == "exited").then_some(())).await;

    let session = world.bash().await;
    share(&world.http, session, json!({ "expires_in": 1_000, "note": "quickly" })).await.ok();
    let waiting = json!({ "number": 1, "phase": "shared" });
    let told = world.http.clone().post(&path(session, "handoff"), &waiting).await.ok().json();
    assert_eq!((&told["phase"], &told["note"]), (&json!("expired"), &json!("quickly")), "it is told when it is over");
    assert_eq!(adopt(&bea, session).await.status, 404, "and nobody else sees it any more");
    let wrong = share(&world.http, session, json!({ "expires_in": 1 })).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_it_is_shared_is_nobodys_any_more() {
    let (world, bea, session, _owners, beas) = shared().await;
    world.stop_session(session).await;
    poll("it is over", async || (handoff(&world, session).await["phase"] == "exited").then_some(())).await;
    beas.expect("who watched is sent away", |seen| seen.detached.clone()).await;
    assert_eq!(adopt(&bea, session).await.status, 404, "and it is not there for her");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_taken_at_the_machine_itself_is_a_session_taken_back() {
    let (world, bea, session, _owners, beas) = shared().await;
    let (id, data_dir) = (session.to_string(), world.place().path("agent"));
    let attach = ["session", "attach", &id, "--data-dir", data_dir.to_str().unwrap()];
    let local = Local::start(&world.place().command(&attach), 80, 24);
    local.expect("the prompt", |screen| screen.contains('$')).await;
    adopt(&bea, session).await.ok();
    in_control(&beas, "the adopter, also from a terminal at the machine").await;
    types(&beas, "bea").await;
    // Whoever types without the keyboard there is asked whether to take it.
    poll("it is taken back", async || {
        local.type_text("\r");
        (handoff(&world, session).await["phase"] == "taken_back").then_some(())
    })
    .await;
    assert_eq!(handoff(&world, session).await["answer"], "taken back at the machine itself");
    beas.expect("the adopter is sent away", |seen| seen.detached.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_granted_while_the_owner_takes_it_back_ends_one_way() {
    let (world, bea, session, owners, _beas) = shared().await;
    let cleo = join(&world, "Cleo", "member").await;
    let id = cleo.clone().get("/api/v1/me").await.ok().json()["user"]["id"].clone();
    for _ in 0..10 {
        adopt(&bea, session).await.ok();
        cleo.clone().post(&path(session, "ask"), &json!({})).await.ok();
        let granting =
            async { bea.clone().post(&path(session, "ask/answer"), &json!({ "to": id, "grant": true })).await.status };
        let (granted, taken) = tokio::join!(granting, take_back(&world.http, session));
        taken.ok();
        assert!([200, 403, 404, 409].contains(&granted), "{granted}");
        assert_eq!(handoff(&world, session).await["phase"], "taken_back", "the owner's word is the last one");
        in_control(&owners, "the owner").await;
        share(&world.http, session, json!({})).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_waits_for_is_approved_or_refused() {
    let (world, bea, session, _owners, _beas) = shared().await;
    share(&world.http, session, json!({ "gate": true, "note": "drop the table?" })).await.ok();
    adopt(&bea, session).await.ok();
    let undecided = give_back(&bea, session, json!({ "note": "hm" })).await;
    assert_eq!((undecided.status, undecided.json()["code"].clone()), (400, json!("bad_request")));
    give_back(&bea, session, json!({ "note": "not on a Friday", "verdict": "refused" })).await.ok();
    let told = handoff(&world, session).await;
    assert_eq!((&told["phase"], &told["answer"]), (&json!("refused"), &json!("not on a Friday")));
}
