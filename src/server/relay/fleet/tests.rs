#![allow(clippy::unwrap_used, reason = "tests")]

use super::super::Relay;
use super::*;
use crate::base::id::KeyId;
use crate::base::secret::Secret;
use crate::server::auth::{Caller, Via};
use crate::store::Role;

struct World {
    _dir: tempfile::TempDir,
    relay: Relay,
    organisation: Arc<Organisation>,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let relay = Relay::new(Store::open(dir.path()).unwrap());
        let organisation = relay.organisation(OrganisationId::random()).await.unwrap();
        Self { _dir: dir, relay, organisation }
    }

    fn connect(&self, machine: MachineId) -> Arc<Uplink> {
        let (organisation, key) = (self.organisation.id, KeyId::random());
        let uplink = Arc::new(Uplink::new(machine, organisation, key));
        let (owner, facts) = (UserId::random(), MachineFacts::default());
        let row = MachineRow {
            id: machine,
            organisation,
            key,
            owner,
            facts,
            registered_at: 0,
            last_seen: 0,
            name: None,
            tags: Vec::new(),
        };
        self.organisation.connected(row, &uplink);
        uplink
    }

    fn page(&self, via: Via) -> Arc<Page> {
        let who = Caller {
            user: UserId::random(),
            organisation: self.organisation.id,
            role: Role::Member,
            via,
            scopes: None,
            expires_at: None,
        };
        let page = Arc::new(Page::new(who));
        self.organisation.page_opened(&page);
        page
    }
}

fn info(id: SessionId) -> SessionInfo {
    SessionInfo::new(id, "bash")
}

#[tokio::test]
async fn a_newer_connection_of_a_machine_takes_the_place_of_the_old_one() {
    let world = World::new().await;
    let machine = MachineId::random();
    let (old, new) = (world.connect(machine), world.connect(machine));
    let late = world.organisation.opened(&old, 1, info(SessionId::random())).unwrap_err();
    assert_eq!(late.code, Code::Conflict, "it is not the last word on what runs there");
    assert_eq!((old.line.closing(), new.line.closing()), (Some(Close::Replaced), None));
    assert!(!world.organisation.disconnected(&old), "the machine is still there");
    assert!(world.organisation.machine(machine).unwrap().online);
    assert!(world.organisation.disconnected(&new));
    assert!(!world.organisation.machine(machine).unwrap().online);
}

#[tokio::test]
async fn a_session_of_another_machine_cannot_be_taken_over() {
    let world = World::new().await;
    let (one, two, session) = (MachineId::random(), MachineId::random(), SessionId::random());
    let (one, two) = (world.connect(one), world.connect(two));
    let hub = world.organisation.opened(&one, 1, info(session)).unwrap();
    assert_eq!(world.organisation.opened(&two, 1, info(session)).unwrap_err().code, Code::Conflict);
    let renamed = SessionInfo { name: Some("mine now".to_owned()), ..info(session) };
    world.organisation.changed(&two, renamed);
    world.organisation.closed(&two, session);
    world.organisation.only(&two, &[]);
    let view = world.organisation.session(session).unwrap();
    assert_eq!((view.machine, view.info.name), (one.machine, None));
    assert!(Arc::ptr_eq(&hub, &world.organisation.hub(session).unwrap()));
}

#[tokio::test]
async fn an_agent_cannot_fill_the_server_with_sessions() {
    let world = World::new().await;
    let uplink = world.connect(MachineId::random());
    for _ in 0..SESSIONS_KNOWN_MAX {
        world.organisation.opened(&uplink, 1, info(SessionId::random())).unwrap();
    }
    let refused = world.organisation.opened(&uplink, 1, info(SessionId::random())).unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
    let long = SessionInfo { title: Some("x".repeat(100_000)), ..world.organisation.sessions()[0].info.clone() };
    world.organisation.opened(&uplink, 1, long.clone()).unwrap();
    assert!(world.organisation.session(long.id).unwrap().info.title.unwrap().len() <= 256);
}

#[tokio::test]
async fn what_an_agent_does_not_name_any_more_is_gone() {
    let world = World::new().await;
    let (kept, gone) = (SessionId::random(), SessionId::random());
    let uplink = world.connect(MachineId::random());
    let page = world.page(Via::Key(KeyId::random()));
    world.organisation.opened(&uplink, 1, info(kept)).unwrap();
    world.organisation.opened(&uplink, 1, info(gone)).unwrap();
    page.take_fleet();
    world.organisation.only(&uplink, &[kept]);
    assert!(world.organisation.session(gone).is_none());
    assert_eq!(page.take_fleet().1.into_iter().collect::<Vec<_>>(), [gone], "pages are told");
}

#[tokio::test]
async fn a_page_that_does_not_look_has_one_mark_for_each_thing() {
    let world = World::new().await;
    let session = SessionId::random();
    let uplink = world.connect(MachineId::random());
    let page = world.page(Via::Key(KeyId::random()));
    for title in 0..1_000 {
        let info = SessionInfo { title: Some(title.to_string()), ..info(session) };
        world.organisation.opened(&uplink, 1, info).unwrap();
    }
    let (machines, sessions) = page.take_fleet();
    assert_eq!((machines.len(), sessions.len()), (0, 1));
    assert!(!page.has_fleet_news());
}

#[tokio::test]
async fn withdrawn_proof_ends_connections_at_once() {
    let world = World::new().await;
    let uplink = world.connect(MachineId::random());
    let cookie = Secret::new("a cookie").hash();
    let (key, browser) = (world.page(Via::Key(uplink.key)), world.page(Via::Browser(cookie.clone())));
    world.relay.disconnect_key(uplink.key);
    assert_eq!(uplink.line.closing(), Some(Close::KeyRefused));
    assert_eq!(key.line.closing(), Some(Close::KeyRefused));
    assert_eq!(browser.line.closing(), None);
    world.relay.disconnect_browser_session(&cookie);
    assert_eq!(browser.line.closing(), Some(Close::NotSignedIn));
    let other = world.connect(MachineId::random());
    world.relay.shutdown().await;
    assert_eq!(other.line.closing(), Some(Close::Restart));
    assert!(world.relay.is_closing());
}

#[tokio::test]
async fn a_removed_machine_is_told_not_to_come_back() {
    let world = World::new().await;
    let (machine, session) = (MachineId::random(), SessionId::random());
    let uplink = world.connect(machine);
    world.organisation.opened(&uplink, 1, info(session)).unwrap();
    world.organisation.remove_machine(machine);
    assert_eq!(uplink.line.closing(), Some(Close::MachineRefused));
    assert!(world.organisation.machine(machine).is_none() && world.organisation.session(session).is_none());
    assert_eq!(world.organisation.opened(&uplink, 1, info(session)).unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_request_to_a_machine_that_is_away_says_so() {
    let world = World::new().await;
    let (machine, session) = (MachineId::random(), SessionId::random());
    let uplink = world.connect(machine);
    world.organisation.opened(&uplink, 1, info(session)).unwrap();
    world.organisation.disconnected(&uplink);
    let organisation = world.organisation.id;
    let stopped = world.relay.stop(organisation, session, false).await.unwrap_err();
    assert_eq!(stopped.code, Code::MachineOffline);
    let unknown = world.relay.stop(organisation, SessionId::random(), false).await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    let running = world.relay.forget(organisation, session).await.unwrap_err();
    assert_eq!(running.code, Code::Conflict);
}
