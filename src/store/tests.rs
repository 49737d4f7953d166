#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod crash;
mod fixture;
mod people;

use super::*;
use crate::base::id::{InvitationId, KeyId, MachineId, OrganisationId, SessionId, UserId};
use crate::base::secret::Secret;
use crate::wire::session::{MachineFacts, SessionInfo, SessionState};

struct World {
    store: Store,
    dir: tempfile::TempDir,
    owner: MembershipRow,
    key: KeyRow,
}

fn key_row(secret: &str, organisation: OrganisationId, created_by: UserId) -> KeyRow {
    KeyRow {
        id: KeyId::random(),
        name: "laptop".to_owned(),
        prefix: "sf_live_abcd".to_owned(),
        hash: Secret::new(secret).hash(),
        organisation,
        created_by,
        created_at: 1,
        last_used_at: None,
        revoked_at: None,
        scopes: vec![Scope::Agent],
        expires_at: None,
        last_used_from: None,
    }
}

fn session_row(machine: MachineId, organisation: OrganisationId, owner: UserId) -> SessionRow {
    let info = SessionInfo { started_at: 1, ..SessionInfo::new(SessionId::random(), "bash") };
    SessionRow { machine, organisation, owner, info, sharing: Sharing::Private, handoff: None }
}

fn browser_row(cookie: &str, user: UserId, organisation: OrganisationId, created_at: u64) -> BrowserSessionRow {
    let hash = Secret::new(cookie).hash();
    let (expires_at, last_seen) = (created_at + 1_000, created_at);
    BrowserSessionRow { hash, user, organisation, created_at, expires_at, last_seen, address: None, user_agent: None }
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let owner = store.ensure_local_owner("Ada".to_owned(), 1).await.unwrap();
        let key = key_row("one", owner.organisation, owner.user);
        store.add_key(key.clone()).await.unwrap();
        Self { store, dir, owner, key }
    }

    async fn machine(&self) -> MachineRow {
        self.store.register_machine(self.owner.organisation, self.key.id, None, MachineFacts::default()).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_told_to_be_written_is_there_after_a_restart() {
    let world = World::new().await;
    let machine = world.machine().await;
    let World { store, dir, owner, .. } = world;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.machines(owner.organisation).await.unwrap(), [machine]);
    assert_eq!(store.ensure_local_owner("Bob".to_owned(), 2).await.unwrap(), owner, "the owner stays");
}

#[tokio::test]
async fn a_machine_keeps_its_id_within_its_organisation_and_nobody_takes_it_over() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let machine = world.machine().await;

    let again =
        store.register_machine(organisation, world.key.id, Some(machine.id), MachineFacts::default()).await.unwrap();
    assert_eq!(again.id, machine.id);

    let unknown = MachineId::random();
    let fresh =
        store.register_machine(organisation, world.key.id, Some(unknown), MachineFacts::default()).await.unwrap();
    assert_ne!(fresh.id, unknown, "ids are issued here, not chosen by agents");

    let other = key_row("two", OrganisationId::random(), UserId::random());
    store.add_key(other.clone()).await.unwrap();
    let refused = store.register_machine(other.organisation, other.id, Some(machine.id), MachineFacts::default()).await;
    assert_eq!(refused, Err(StoreError::ForeignMachine));
    assert_eq!(store.machine(other.organisation, machine.id).await.unwrap(), None);
    assert_eq!(
        store.remove_machine(other.organisation, machine.id).await,
        Err(StoreError::NotFound { what: "machine" })
    );
    assert_eq!(store.machine(organisation, machine.id).await.unwrap().unwrap().owner, world.owner.user);
}

#[tokio::test]
async fn a_machine_that_comes_back_as_it_was_waits_for_no_commit() {
    let world = World::new().await;
    let (store, organisation, key) = (world.store.clone(), world.owner.organisation, world.key.id);
    let machine = world.machine().await;
    // A commit that takes as long as we like.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let slow = tokio::spawn(async move { store.write(move |_| Ok(held.recv().is_ok())).await });
    let store = &world.store;
    let known = store.register_machine(organisation, key, Some(machine.id), MachineFacts::default()).await.unwrap();
    assert_eq!(known, machine);
    let renamed = MachineFacts { name: "renamed".to_owned(), ..MachineFacts::default() };
    let mut changed = Box::pin(store.register_machine(organisation, key, Some(machine.id), renamed.clone()));
    assert!(futures_util::poll!(&mut changed).is_pending(), "what is new is on disk before it is answered");
    release.send(()).unwrap();
    assert!(slow.await.unwrap().unwrap());
    assert_eq!(changed.await.unwrap().facts, renamed);
}

#[tokio::test]
async fn notes_are_written_together_and_those_that_fit_no_more_are_left_out() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let (machine, removed) = (world.machine().await, world.machine().await);
    store.remove_machine(organisation, removed.id).await.unwrap();
    let rows: Vec<_> = (0..600).map(|_| session_row(machine.id, organisation, world.owner.user)).collect();
    let mut notes: Vec<_> = rows.iter().map(|row| Note::Session(Box::new(row.clone()))).collect();
    notes.insert(0, Note::Session(Box::new(session_row(removed.id, organisation, world.owner.user))));
    notes.insert(1, Note::MachineSeen(organisation, removed.id, 7));
    notes.insert(2, Note::SessionGone(organisation, SessionId::random()));
    notes.insert(3, Note::Session(Box::new(SessionRow { machine: removed.id, ..rows[0].clone() })));
    notes.push(Note::MachineSeen(organisation, machine.id, 8));
    notes.push(Note::KeyUsed(organisation, world.key.id, 9, std::net::Ipv4Addr::LOCALHOST.into()));
    store.write_notes(notes).await.unwrap();
    assert_eq!(store.sessions(organisation).await.unwrap().len(), 600);
    assert_eq!(store.machine(organisation, machine.id).await.unwrap().unwrap().last_seen, 8);
    assert_eq!(store.machines(organisation).await.unwrap().len(), 1, "a removed machine does not come back");
    assert_eq!(store.keys(organisation).await.unwrap()[0].last_used_at, Some(9));
    store.write_notes(vec![Note::SessionGone(organisation, rows[0].info.id)]).await.unwrap();
    assert_eq!(store.session(organisation, rows[0].info.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_stays_with_its_machine_and_its_owner() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let (first, second) = (world.machine().await, world.machine().await);
    let row = session_row(first.id, organisation, world.owner.user);
    store.put_session(row.clone()).await.unwrap();

    let stolen = SessionRow { machine: second.id, ..row.clone() };
    assert_eq!(store.put_session(stolen).await, Err(StoreError::ForeignSession));

    let claimed = SessionRow { owner: UserId::random(), ..row.clone() };
    store.put_session(claimed).await.unwrap();
    assert_eq!(store.session(organisation, row.info.id).await.unwrap().unwrap().owner, world.owner.user);

    let elsewhere = OrganisationId::random();
    assert_eq!(store.session(elsewhere, row.info.id).await.unwrap(), None);
    let removed = store.remove_session(elsewhere, row.info.id).await;
    assert_eq!(removed, Err(StoreError::NotFound { what: "session" }));
    store.remove_session(organisation, row.info.id).await.unwrap();
    assert!(store.sessions(organisation).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_removed_machine_takes_its_sessions_along() {
    let world = World::new().await;
    let machine = world.machine().await;
    let row = session_row(machine.id, world.owner.organisation, world.owner.user);
    world.store.put_session(row.clone()).await.unwrap();
    world.store.remove_machine(world.owner.organisation, machine.id).await.unwrap();
    assert!(world.store.sessions(world.owner.organisation).await.unwrap().is_empty());
    assert_eq!(world.store.put_session(row).await, Err(StoreError::NotFound { what: "machine" }));
}

#[tokio::test]
async fn a_revoked_key_is_no_key() {
    let world = World::new().await;
    let (store, secret) = (&world.store, Secret::new("one"));
    assert_eq!(store.api_key_by_secret(&secret, 1).await.unwrap().unwrap().id, world.key.id);
    assert_eq!(store.api_key_by_secret(&Secret::new("onf"), 1).await.unwrap(), None);
    store.revoke_key(world.owner.organisation, world.key.id, 5).await.unwrap();
    assert_eq!(store.api_key_by_secret(&secret, 1).await.unwrap(), None);
    let again = store.revoke_key(world.owner.organisation, world.key.id, 6).await;
    assert_eq!(again, Err(StoreError::NotFound { what: "API key" }));
}

#[tokio::test]
async fn a_set_up_link_makes_one_owner_and_the_next_link_replaces_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let link = |token: &str| LinkRow {
        hash: Secret::new(token).hash(),
        purpose: LinkPurpose::Setup,
        expires_at: None,
        once: None,
    };
    let owner = || NewOwner {
        name: "Ada".to_owned(),
        email: "Ada@Example.org".to_owned(),
        password: "$argon2id$".to_owned(),
        organisation: "Engines".to_owned(),
    };
    let try_with = async |token: &str| {
        store.set_up(&Secret::new(token), owner(), 10, |user, org| browser_row("cookie", user, org, 10)).await
    };
    store.add_link(link("first"), 1).await.unwrap();
    store.add_link(link("second"), 2).await.unwrap();
    assert_eq!(try_with("first").await, Err(StoreError::LinkInvalid));
    assert!(!store.has_owner().await.unwrap(), "a refused set-up leaves nothing behind");
    let signed_in = try_with("second").await.unwrap();
    assert_eq!(try_with("second").await, Err(StoreError::SetUpAlready));
    let user = store.user_by_email("ada@example.ORG").await.unwrap().unwrap();
    assert_eq!(user.id, signed_in.user);
    assert_eq!(store.membership(user.id, signed_in.organisation).await.unwrap().unwrap().role, Role::Owner);
    assert_eq!(store.browser_session(&Secret::new("cookie"), 11).await.unwrap(), Some(signed_in));
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_in_time() {
    let world = World::new().await;
    let (store, owner) = (&world.store, world.owner.clone());
    let purpose = LinkPurpose::SignIn { user: owner.user, organisation: owner.organisation };
    for token in ["late", "used"] {
        let row =
            LinkRow { hash: Secret::new(token).hash(), purpose: purpose.clone(), expires_at: Some(100), once: None };
        store.add_link(row, 1).await.unwrap();
    }
    let sign_in = async |token: &str, now: u64| {
        store.sign_in_by_link(&Secret::new(token), now, move |user, org| browser_row("c", user, org, now)).await
    };
    assert_eq!(sign_in("late", 100).await, Err(StoreError::LinkInvalid));
    assert_eq!(sign_in("used", 99).await.unwrap().user, owner.user);
    assert_eq!(sign_in("used", 99).await, Err(StoreError::LinkInvalid));
    assert_eq!(store.browser_session(&Secret::new("c"), 99 + 1_000).await.unwrap(), None, "it has expired");
}

#[tokio::test]
async fn a_new_password_signs_out_every_other_browser() {
    let world = World::new().await;
    let (store, owner) = (&world.store, &world.owner);
    for cookie in ["this", "that"] {
        store.add_browser_session(browser_row(cookie, owner.user, owner.organisation, 1)).await.unwrap();
    }
    let keep = Secret::new("this").hash();
    let out = store.change_password(owner.user, "$argon2id$".to_owned(), Some(keep)).await.unwrap();
    assert_eq!(out, [Secret::new("that").hash()]);
    assert!(store.browser_session(&Secret::new("this"), 2).await.unwrap().is_some());
    assert!(store.browser_session(&Secret::new("that"), 2).await.unwrap().is_none());
}

#[tokio::test]
async fn a_person_has_fifty_browsers_and_the_oldest_makes_room() {
    let world = World::new().await;
    for at in 0..51 {
        let row = browser_row(&format!("cookie {at}"), world.owner.user, world.owner.organisation, at);
        world.store.add_browser_session(row).await.unwrap();
    }
    assert!(world.store.browser_session(&Secret::new("cookie 0"), 60).await.unwrap().is_none());
    assert!(world.store.browser_session(&Secret::new("cookie 1"), 60).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_all_get_their_answer() {
    let world = World::new().await;
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let (store, organisation, key) = (world.store.clone(), world.owner.organisation, world.key.id);
            let facts = MachineFacts { name: format!("machine {n}"), ..MachineFacts::default() };
            tokio::spawn(async move { store.register_machine(organisation, key, None, facts).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(world.store.machines(world.owner.organisation).await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_second_server_is_told_which_directory_is_in_use() {
    let world = World::new().await;
    let error = Store::open(world.dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().starts_with("a server already uses this data directory: "), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    for bytes in [&b"these are not the bytes of a database"[..], &[0u8; 8192], &b"redb\x1a\x0a\xa9\x0d\x0a garbage"[..]]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.redb");
        std::fs::write(&path, bytes).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "not a byte was changed");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_left_alone() {
    let World { store, dir, .. } = World::new().await;
    store.write(|t| schema::META.put(t, migrate::SCHEMA_KEY, &(schema::SCHEMA + 1))).await.unwrap();
    drop(store);
    let path = dir.path().join("state.redb");
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 4, known: 3, .. }), "{error:?}");
    assert!(std::fs::read(&path).unwrap() == before, "not a byte was changed");
}
