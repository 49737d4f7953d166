//! Every message a page may send, with every role: what reaches the machine, and what is refused.

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::store::audit::{Book, Filter};
use sessionforge::store::{Role, Sharing, Store};
use sessionforge::wire::Frame;
use sessionforge::wire::frame::InputOutcome;
use sessionforge::wire::hello::Role as Speaks;
use sessionforge::wire::message::{
    Announced, From, FromAgent, FromViewer, SessionAsk, Take, Theme, ToAgent, ToViewer, from_json, to_frame,
};
use sessionforge::wire::session::MachineFacts;
use tempfile::TempDir;

use super::super::support::http::Http;
use super::super::support::server::TestServer;
use super::super::support::socket::Socket;
use super::cast::{Actor, KeyIs, Stage, cheap_hash, info};
use super::{ROLES, Scope, Whose, has, stages};

const CHANNEL: u32 = 5;

/// Who may send what with effect: by kind, for one's own, shared and others' sessions. A new kind of message does not
/// compile before it has its row here.
fn may(message: &FromViewer) -> [&'static str; 3] {
    match message {
        // Where one looks counts only for what one has attached, and hides news from oneself alone.
        FromViewer::Attach { .. }
        | FromViewer::Detach { .. }
        | FromViewer::History { .. }
        | FromViewer::Looking { .. } => ["oamv", "oamv", "oa"],
        // The PTY host applies size and colours of the controller only; who may not type never is.
        FromViewer::Resize { .. } | FromViewer::Theme { .. } | FromViewer::TakeControl { .. } => ["oam", "", ""],
        FromViewer::Unknown => ["", "", ""],
    }
}

/// Typing is a frame of its own. What is shared must be adopted first.
const MAY_TYPE: [&str; 3] = ["oam", "", ""];

fn messages(session: SessionId) -> Vec<FromViewer> {
    let (channel, cols, rows) = (CHANNEL, 90, 30);
    let colour = || "#102030".to_owned();
    let theme = Theme { foreground: colour(), background: colour(), cursor: colour() };
    let (viewer, from, take) = (ViewerId([7; 16]), From::Snapshot, Take::Always);
    vec![
        FromViewer::Attach { channel, session, viewer, from, take, cols, rows, theme: None },
        FromViewer::TakeControl { channel, cols, rows },
        FromViewer::Resize { channel, cols, rows },
        FromViewer::Theme { channel, theme },
        FromViewer::History { channel, id: 3 },
    ]
}

struct Agent {
    socket: Socket,
}

impl Agent {
    /// Connects with a key, as a machine with one session on channel 1.
    async fn connect(server: &TestServer, who: &Actor) -> (Self, SessionId) {
        let http = Http { bearer: Some(who.secret.clone()), ..server.http() };
        let mut socket = Socket::open(&http, "/api/v1/agent", None).await.unwrap();
        socket.greet(Speaks::Agent).await.unwrap();
        let facts = MachineFacts { name: "machine".to_owned(), ..MachineFacts::default() };
        let register = FromAgent::Register { machine: Some(who.machine), facts };
        socket.send(&to_frame(&register)).await.unwrap();
        let info = info(who.session);
        let sessions = vec![Announced { channel: 1, info }];
        socket.send(&to_frame(&FromAgent::Sessions { sessions })).await.unwrap();
        (Self { socket }, who.session)
    }

    /// What the machine was asked until the viewer left again.
    async fn hears(&mut self) -> (Vec<SessionAsk>, usize) {
        let (mut asks, mut typed) = (Vec::new(), 0);
        loop {
            match self.socket.next().await.unwrap() {
                Frame::Input { .. } => typed += 1,
                Frame::Control(json) => match from_json::<ToAgent>(&json).unwrap() {
                    ToAgent::Session { ask: SessionAsk::Leave { .. }, .. } => return (asks, typed),
                    ToAgent::Session { ask, .. } => asks.push(ask),
                    _ => {}
                },
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_with_every_role() {
    let dir = TempDir::new().unwrap();
    let (store, [(here, founder), (there, _)]) = stages(&dir).await;
    let stage = Stage { store: &store, organisation: here, founder, password: cheap_hash() };
    let agent = || KeyIs::with(&[Scope::Agent]);
    let mut scenes = Vec::new();
    for role in ROLES {
        for (at, whose) in [Whose::Own, Whose::Shared, Whose::Others].into_iter().enumerate() {
            let sharing = if whose == Whose::Shared { Sharing::Organisation } else { Sharing::Private };
            let who = stage.enter(role, agent(), Sharing::Private).await;
            // A viewer connects no machine, so nothing of their own is live.
            if whose == Whose::Own && role == Role::Viewer {
                continue;
            }
            let of = if whose == Whose::Own { who.clone() } else { stage.enter(Role::Member, agent(), sharing).await };
            scenes.push((role, at, who, of));
        }
    }
    let abroad = Stage { store: &store, organisation: there, founder, password: cheap_hash() };
    let shared = stage.enter(Role::Member, agent(), Sharing::Organisation).await;
    let foreigner = abroad.enter(Role::Owner, agent(), Sharing::Private).await;
    drop(store);
    let server = TestServer::start_in(dir).await;
    for (role, at, who, of) in scenes {
        let scene = format!("{role:?} {}", ["own", "shared", "others"][at]);
        let (mut agent, session) = Agent::connect(&server, &of).await;
        let mut page = page(&server, &who).await;
        for message in messages(session) {
            page.send(&to_frame(&message)).await.unwrap();
            if matches!(message, FromViewer::Attach { .. }) {
                let attached = attached(&mut page).await;
                let allowed = has(may(&message)[at], role);
                assert_eq!(attached.is_ok(), allowed, "{scene}: {attached:?}");
                if !allowed {
                    assert_eq!(attached.unwrap_err(), "not_found", "{scene}: what is hidden is not there");
                    break;
                }
            }
        }
        if !has("oamv", role) || !has(may(&messages(session)[0])[at], role) {
            continue;
        }
        let (number, bytes) = (1, Bytes::from_static(b"x"));
        page.send(&Frame::Input { channel: CHANNEL, viewer: ViewerId([7; 16]), number, bytes }).await.unwrap();
        page.send(&to_frame(&FromViewer::Detach { channel: CHANNEL })).await.unwrap();
        let (asks, typed) = agent.hears().await;
        let allowed = has(MAY_TYPE[at], role);
        assert_eq!(typed, usize::from(allowed), "{scene}: what was typed");
        let takes = asks.iter().filter_map(|ask| match ask {
            SessionAsk::Join { take, .. } => Some(*take),
            _ => None,
        });
        let takes: Vec<Take> = takes.collect();
        let expected: &[Take] = if allowed { &[Take::Always, Take::Always] } else { &[Take::Never] };
        assert_eq!(takes, expected, "{scene}: the keyboard");
    }

    let (_agent, session) = Agent::connect(&server, &shared).await;
    let mut far = page(&server, &foreigner).await;
    far.send(&to_frame(&messages(session)[0])).await.unwrap();
    assert_eq!(attached(&mut far).await, Err("not_found".to_owned()), "shared within the organisation, not beyond");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_types_who_may_only_look_is_answered_so() {
    let dir = TempDir::new().unwrap();
    let (store, [(here, founder), _]) = stages(&dir).await;
    let stage = Stage { store: &store, organisation: here, founder, password: cheap_hash() };
    let admin = stage.enter(Role::Admin, KeyIs::with(&[]), Sharing::Private).await;
    let member = stage.enter(Role::Member, KeyIs::with(&[Scope::Agent]), Sharing::Private).await;
    drop(store);
    let server = TestServer::start_in(dir).await;
    let (_agent, session) = Agent::connect(&server, &member).await;
    let (mut watching, mut owner) = (page(&server, &admin).await, page(&server, &member).await);
    watching.send(&to_frame(&messages(session)[0])).await.unwrap();
    attached(&mut watching).await.unwrap();
    let (number, bytes) = (1, Bytes::from_static(b"x"));
    watching.send(&Frame::Input { channel: CHANNEL, viewer: ViewerId([7; 16]), number, bytes }).await.unwrap();
    loop {
        if let Frame::InputAck { outcome, .. } = watching.next().await.unwrap() {
            assert_eq!(outcome, InputOutcome::NotController);
            break;
        }
    }
    // The member is told who watches, without having asked.
    loop {
        let Frame::Control(json) = owner.next().await.unwrap() else { continue };
        let seen = match from_json::<ToViewer>(&json).unwrap() {
            ToViewer::Fleet { sessions, .. } => sessions,
            ToViewer::Session { session } => vec![session],
            _ => continue,
        };
        if seen.iter().any(|it| it.info.id == session && it.watching.iter().any(|person| person.id == admin.user)) {
            break;
        }
    }
    drop((watching, owner));
    let store = Store::open(server.stop().await.path()).unwrap();
    let wanted = Filter { action: Some("session.attach".to_owned()), ..Filter::default() };
    let noted = store.audit_page(Book::Of(here), wanted, None, 10).await.unwrap().entries;
    assert_eq!(noted.len(), 1, "that somebody watched is noted: {noted:?}");
}

async fn page(server: &TestServer, who: &Actor) -> Socket {
    let http = Http { cookie: Some(who.cookie.clone()), ..server.http() };
    let mut socket = Socket::open(&http, "/api/v1/viewer", None).await.unwrap();
    socket.greet(Speaks::Viewer).await.unwrap();
    socket
}

/// The answer to an attach: done, with the machine there, or the code of the problem.
async fn attached(page: &mut Socket) -> Result<(), String> {
    loop {
        let Frame::Control(json) = page.next().await.unwrap() else { continue };
        match from_json::<ToViewer>(&json).unwrap() {
            ToViewer::Attached { live: true, .. } | ToViewer::Live { live: true, .. } => return Ok(()),
            ToViewer::Detached { problem, .. } => {
                return Err(serde_json::to_value(problem.code).unwrap().as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
}
