#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod handing;
mod needs;

use super::super::{Arrival, Pulled, Relay};
use super::*;
use crate::base::id::{KeyId, UserId, ViewerId};
use crate::base::secret::Secret;
use crate::server::auth::permissions::Permission;
use crate::server::auth::{Caller, Via};
use crate::store::Role;
use crate::wire::message::{self, From, Take, ToViewer};
use crate::wire::session::MachineFacts;
use crate::wire::view::{MachineSharing, Person};

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
        self.connect_of(machine, UserId::random())
    }

    fn connect_of(&self, machine: MachineId, owner: UserId) -> Arc<Uplink> {
        let (organisation, key) = (self.organisation.id, KeyId::random());
        let uplink = Arc::new(Uplink::new(machine, organisation, key));
        let facts = MachineFacts::default();
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
            sharing: MachineSharing::default(),
        };
        self.organisation.connected(row, &uplink);
        uplink
    }

    /// Somebody who sees everything.
    fn who(&self) -> Caller {
        self.member(UserId::random(), Role::Owner, Via::Key(KeyId::random()))
    }

    fn member(&self, user: UserId, role: Role, via: Via) -> Caller {
        Caller {
            user,
            organisation: self.organisation.id,
            role,
            via,
            scopes: None,
            expires_at: None,
            address: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    fn page_of(&self, who: Caller) -> Arc<Page> {
        let page = Arc::new(Page::new(who, "Ada".to_owned()));
        assert!(self.organisation.page_opened(&page));
        page
    }

    fn page(&self, via: Via) -> Arc<Page> {
        self.page_of(self.member(UserId::random(), Role::Owner, via))
    }

    /// A machine of `owner` with one session, and the session's hub.
    fn machine_of(&self, owner: UserId) -> (MachineId, SessionId, Arc<SessionHub>) {
        let (machine, session) = (MachineId::random(), SessionId::random());
        let uplink = self.connect_of(machine, owner);
        let hub = self.organisation.opened(&uplink, 1, info(session)).unwrap();
        (machine, session, hub)
    }
}

/// What a page was told.
#[derive(Default)]
struct Heard {
    machines: Vec<MachineId>,
    sessions: Vec<SessionId>,
    machines_gone: Vec<MachineId>,
    gone: Vec<SessionId>,
}

impl Heard {
    fn take_all(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.take(frame);
        }
    }

    fn take(&mut self, frame: Frame) {
        let Frame::Control(json) = frame else { panic!("{frame:?}") };
        match message::from_json(&json).unwrap() {
            ToViewer::Fleet { machines, sessions } => {
                self.machines.extend(machines.iter().map(|machine| machine.id));
                self.sessions.extend(sessions.iter().map(|session| session.info.id));
            }
            ToViewer::Machine { machine } => self.machines.push(machine.id),
            ToViewer::Session { session } => self.sessions.push(session.info.id),
            ToViewer::MachineGone { id } => self.machines_gone.push(id),
            ToViewer::SessionGone { id } => self.gone.push(id),
            other => panic!("{other:?}"),
        }
    }
}

impl World {
    /// All that a page has not been told of changes.
    fn changes(&self, page: &Page) -> Heard {
        let mut tour = Tour::default();
        self.organisation.fleet(page, &mut tour, usize::MAX);
        let (mut heard, mut out) = (Heard::default(), Vec::new());
        self.organisation.tell(page, &mut tour, usize::MAX, &mut out);
        heard.take_all(out);
        heard
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
    assert!(world.organisation.machine(&world.who(), machine).unwrap().online);
    assert!(world.organisation.disconnected(&new));
    assert!(!world.organisation.machine(&world.who(), machine).unwrap().online);
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
    let view = world.organisation.session(&world.who(), session).unwrap();
    assert_eq!((view.machine, view.info.name), (one.machine, None));
    assert!(Arc::ptr_eq(
        &hub,
        &world.organisation.may_session(&world.who(), session, Permission::SeeSession).unwrap().1
    ));
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
    let long =
        SessionInfo { title: Some("x".repeat(100_000)), ..world.organisation.sessions(&world.who())[0].info.clone() };
    world.organisation.opened(&uplink, 1, long.clone()).unwrap();
    assert!(world.organisation.session(&world.who(), long.id).unwrap().info.title.unwrap().len() <= 256);
}

#[tokio::test]
async fn what_an_agent_does_not_name_any_more_is_gone() {
    let world = World::new().await;
    let (kept, gone) = (SessionId::random(), SessionId::random());
    let uplink = world.connect(MachineId::random());
    let page = world.page(Via::Key(KeyId::random()));
    world.organisation.opened(&uplink, 1, info(kept)).unwrap();
    world.organisation.opened(&uplink, 1, info(gone)).unwrap();
    world.changes(&page);
    world.organisation.only(&uplink, &[kept]);
    assert!(world.organisation.session(&world.who(), gone).is_none());
    assert_eq!(world.changes(&page).gone, [gone], "pages are told");
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
    let heard = world.changes(&page);
    assert_eq!((heard.machines.len(), heard.sessions), (0, vec![session]));
    assert!(!page.has_fleet_news());
}

#[tokio::test]
async fn a_fleet_of_thousands_is_told_piece_by_piece_and_each_thing_once() {
    const ROOM: usize = 20_000;
    let world = World::new().await;
    let (mut machines, mut sessions) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let uplink = world.connect(MachineId::random());
        machines.push(uplink.machine);
        for channel in 0..60 {
            let id = SessionId::random();
            world.organisation.opened(&uplink, channel, info(id)).unwrap();
            sessions.push(id);
        }
    }
    let page = world.page(Via::Key(KeyId::random()));
    let (mut tour, mut heard, mut pieces) = (Tour::default(), Heard::default(), 0);
    heard.take(world.organisation.fleet(&page, &mut tour, ROOM));
    while !tour.is_over() {
        let mut out = Vec::new();
        world.organisation.tell(&page, &mut tour, ROOM, &mut out);
        let bytes: usize = out.iter().map(|frame| frame.encode().len()).sum();
        assert!(bytes < ROOM + 2_000, "{bytes} bytes in one piece");
        heard.take_all(out);
        pieces += 1;
    }
    assert!(pieces > 10, "{pieces} pieces");
    machines.sort_unstable();
    sessions.sort_unstable();
    assert_eq!((heard.machines, heard.sessions), (machines, sessions));
}

#[tokio::test]
async fn what_changes_or_goes_while_a_page_is_being_told_of_the_fleet_is_not_missed() {
    let world = World::new().await;
    let uplink = world.connect(MachineId::random());
    let mut ids: Vec<_> = (0..30).map(|_| SessionId::random()).collect();
    ids.sort_unstable();
    for id in &ids {
        world.organisation.opened(&uplink, 1, info(*id)).unwrap();
    }
    let page = world.page(Via::Key(KeyId::random()));
    let (mut tour, mut heard) = (Tour::default(), Heard::default());
    heard.take(world.organisation.fleet(&page, &mut tour, 4_000));
    let told = heard.sessions.len();
    assert!(told > 1 && told < 29, "{told} in the first piece");
    // One that was told already, one that was not, and a new one.
    world.organisation.changed(&uplink, SessionInfo { title: Some("new".to_owned()), ..info(ids[0]) });
    world.organisation.closed(&uplink, ids[29]);
    let new = SessionId::random();
    world.organisation.opened(&uplink, 2, info(new)).unwrap();
    let mut out = Vec::new();
    world.organisation.tell(&page, &mut tour, usize::MAX, &mut out);
    heard.take_all(out);
    assert!(tour.is_over() && !page.has_fleet_news());
    assert_eq!(heard.sessions.iter().filter(|id| **id == ids[0]).count(), 2, "as it was, and as it is");
    assert_eq!(heard.gone, [ids[29]]);
    assert!(!heard.sessions.contains(&ids[29]) && heard.sessions.contains(&new));
    assert!(ids[..29].iter().all(|id| heard.sessions.contains(id)));
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
    assert!(
        world.organisation.machine(&world.who(), machine).is_none()
            && world.organisation.session(&world.who(), session).is_none()
    );
    assert_eq!(world.organisation.opened(&uplink, 1, info(session)).unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_request_to_a_machine_that_is_away_says_so() {
    let world = World::new().await;
    let (machine, session) = (MachineId::random(), SessionId::random());
    let uplink = world.connect(machine);
    world.organisation.opened(&uplink, 1, info(session)).unwrap();
    world.organisation.disconnected(&uplink);
    let who = world.who();
    let stopped = world.relay.stop(&who, session, false).await.unwrap_err();
    assert_eq!(stopped.code, Code::MachineOffline);
    let unknown = world.relay.stop(&who, SessionId::random(), false).await.unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
    let running = world.relay.forget(&who, session).await.unwrap_err();
    assert_eq!(running.code, Code::Conflict);
}

#[tokio::test]
async fn a_member_sees_their_own_and_what_is_shared_and_an_admin_sees_that_there_is_more() {
    let world = World::new().await;
    let (ada, bea) = (UserId::random(), UserId::random());
    let (machine, session, _) = world.machine_of(ada);
    let key = || Via::Key(KeyId::random());
    let (owner, other) = (world.member(ada, Role::Member, key()), world.member(bea, Role::Member, key()));
    let (admin, viewer) = (world.member(bea, Role::Admin, key()), world.member(bea, Role::Viewer, key()));
    let seen = |who: &Caller| (world.organisation.machines(who).len(), world.organisation.sessions(who).len());
    assert_eq!((seen(&owner), seen(&admin), seen(&other), seen(&viewer)), ((1, 1), (1, 1), (0, 0), (0, 0)));
    let hidden = world.organisation.may_session(&other, session, Permission::WatchSession).unwrap_err();
    assert_eq!(hidden.code, Code::NotFound, "what is hidden does not exist");
    let typed = world.organisation.may_session(&admin, session, Permission::TypeSession).unwrap_err();
    assert_eq!(typed.code, Code::NotAllowed);

    world.share(session);
    assert_eq!((seen(&other), seen(&viewer)), ((1, 1), (1, 1)), "with the session its machine");
    let may = |who, permission| world.organisation.may_session(who, session, permission).is_ok();
    assert!(!may(&other, Permission::TypeSession) && may(&other, Permission::AdoptSession), "adopt it first");
    assert!(may(&viewer, Permission::WatchSession) && !may(&viewer, Permission::TypeSession));
    assert!(!may(&other, Permission::StopSession) && may(&admin, Permission::StopSession));
    world.hand(session, Some(other.user), None);
    assert!(may(&other, Permission::TypeSession) && !may(&world.who(), Permission::TypeSession));
    let waits = world.organisation.may_session(&owner, session, Permission::TypeSession).unwrap_err();
    assert_eq!(waits.code, Code::Conflict, "the owner watches while somebody else has it");
    let started = world.organisation.may_machine(&admin, machine, Permission::StartSession).unwrap_err();
    assert_eq!(started.code, Code::NotAllowed, "a program runs as the person whose machine it is");
}

#[tokio::test]
async fn pages_hear_of_what_they_see_and_of_nothing_else() {
    let world = World::new().await;
    let (ada, bea) = (UserId::random(), UserId::random());
    let page = world.page_of(world.member(bea, Role::Member, Via::Key(KeyId::random())));
    let (machine, session, _) = world.machine_of(ada);
    assert!(!page.has_fleet_news(), "not even that there is something");
    world.share(session);
    let heard = world.changes(&page);
    assert!(heard.machines.contains(&machine) && heard.sessions.contains(&session));
    world.take_back(session);
    let heard = world.changes(&page);
    assert_eq!((heard.machines_gone, heard.gone), (vec![machine], vec![session]), "it learns that they are gone");
    assert!(world.organisation.session(&page.who, session).is_none());
    world.organisation.remove_machine(machine);
    assert!(!page.has_fleet_news());
}

#[tokio::test]
async fn whoever_loses_a_session_is_dismissed_and_lets_go_of_the_keyboard() {
    let world = World::new().await;
    let (_, session, hub) = world.machine_of(UserId::random());
    world.share(session);
    let page = world.page_of(world.member(UserId::random(), Role::Member, Via::Key(KeyId::random())));
    let arrival = Arrival {
        page: Arc::clone(&page),
        channel: 1,
        viewer: ViewerId::random(),
        from: From::Snapshot,
        may_type: true,
        take: Take::IfFree,
        cols: 80,
        rows: 24,
        theme: None,
    };
    let slot = hub.attach(arrival).unwrap();
    assert_eq!(
        world.organisation.sessions(&world.who())[0].watching,
        [Person { id: page.who.user, name: "Ada".to_owned() }]
    );
    world.take_back(session);
    assert!(world.organisation.sessions(&world.who())[0].watching.is_empty());
    let mut out = Vec::new();
    assert_eq!(hub.pull(slot, std::time::Instant::now(), 1_000, true, &mut out), Pulled::Closed);
}
