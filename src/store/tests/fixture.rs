//! Files as earlier builds left them: every schema that was ever released still opens, with all that was in it.
//!
//! A new schema adds a file beside the others and never changes one:
//! `cargo test --lib store::tests::fixture::freeze -- --ignored` writes the present one.

use std::path::PathBuf;

use super::*;
use crate::base::allow_list::AllowList;
use crate::wire::notice::{Channel, Kind, Preferences, Quiet, Reach};
use crate::wire::session::Exit;

const SCHEMA_3: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-schema-3.redb"));
const SCHEMA_2: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-schema-2.redb"));
/// Changes to the rows below go into a new file with a new schema, or have defaults for what this file lacks.
pub(super) const SCHEMA_1: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-schema-1.redb"));

fn organisation() -> OrganisationId {
    "org_000000000001".parse().unwrap()
}

fn user() -> UserId {
    "usr_000000000001".parse().unwrap()
}

fn user_row() -> UserRow {
    UserRow {
        id: user(),
        name: "Ada".to_owned(),
        email: Some("Ada@example.org".to_owned()),
        password: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA".to_owned()),
        created_at: 1_000,
    }
}

/// As schema 1 knew it: good for everything there was.
fn key_of_1() -> KeyRow {
    KeyRow {
        id: "key_000000000001".parse().unwrap(),
        last_used_at: Some(2_000),
        scopes: Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).collect(),
        ..key_row("sf_live_a key of the fixture", organisation(), user())
    }
}

fn key() -> KeyRow {
    let scopes = vec![Scope::Agent, Scope::SessionsRead];
    KeyRow { scopes, expires_at: Some(8_000), last_used_from: Some([192, 0, 2, 1].into()), ..key_of_1() }
}

fn revoked_key() -> KeyRow {
    let row = key_row("sf_live_a revoked key", organisation(), user());
    KeyRow { id: "key_000000000002".parse().unwrap(), revoked_at: Some(3_000), ..row }
}

fn machine_of_1() -> MachineRow {
    let facts = MachineFacts {
        name: "workbench".to_owned(),
        hostname: "workbench.local".to_owned(),
        os: "linux".to_owned(),
        os_version: "Debian GNU/Linux 12".to_owned(),
        arch: "x86_64".to_owned(),
        build: "0.1.0".to_owned(),
        allow: vec!["bash".to_owned(), "claude".to_owned()],
        home: "/root".to_owned(),
        ..MachineFacts::default()
    };
    MachineRow {
        id: "mac_000000000001".parse().unwrap(),
        organisation: organisation(),
        key: key().id,
        owner: user(),
        facts,
        registered_at: 4_000,
        last_seen: 5_000,
        name: None,
        tags: Vec::new(),
        sharing: crate::wire::view::MachineSharing::default(),
    }
}

fn machine() -> MachineRow {
    MachineRow { name: Some("the bench".to_owned()), tags: vec!["lab".to_owned()], ..machine_of_1() }
}

fn session() -> SessionRow {
    let row = session_row(machine_of_1().id, organisation(), user());
    let info = SessionInfo {
        id: "ses_000000000001".parse().unwrap(),
        name: Some("räksmörgås 🦐".to_owned()),
        title: Some("~/src".to_owned()),
        state: SessionState::Exited,
        exit: Some(Exit { code: None, signal: Some("SIGKILL".to_owned()) }),
        pid: Some(4711),
        ended_at: Some(7_000),
        ..row.info
    };
    SessionRow { info, sharing: Sharing::Organisation, ..row }
}

fn session_of_1() -> SessionRow {
    SessionRow { sharing: Sharing::Private, ..session() }
}

fn invitation() -> InvitationRow {
    InvitationRow {
        id: "inv_000000000001".parse().unwrap(),
        hash: Secret::new("invitation").hash(),
        organisation: organisation(),
        role: Role::Member,
        email: Some("bea@example.org".to_owned()),
        created_by: user(),
        created_at: 1_000,
        expires_at: 9_000,
    }
}

fn browser() -> BrowserSessionRow {
    let user_agent = Some("Firefox".to_owned());
    let row = browser_row("cookie", user(), organisation(), 1_000);
    BrowserSessionRow { last_seen: 1_200, address: Some([192, 0, 2, 7].into()), user_agent, ..row }
}

fn link() -> LinkRow {
    let purpose = LinkPurpose::SignIn { user: user(), organisation: organisation() };
    LinkRow { hash: Secret::new("link").hash(), purpose, expires_at: Some(9_000), once: None }
}

fn wants() -> Preferences {
    let quiet = Quiet { from: "22:00".to_owned(), to: "07:00".to_owned(), zone: "Europe/Berlin".to_owned() };
    let events = [(Kind::Done, [Channel::Sound, Channel::Push].into())].into();
    Preferences { events, reach: Reach::All, quiet: Some(quiet), with_text: true }
}

fn push() -> PushRow {
    PushRow {
        id: "psh_000000000001".parse().unwrap(),
        user: user(),
        browser: browser().hash,
        endpoint: "https://push.example.org/a".to_owned(),
        p256dh: "BAAA".to_owned(),
        auth: "AAAA".to_owned(),
        created_at: 1_000,
    }
}

fn webhook() -> WebhookRow {
    WebhookRow {
        id: "whk_000000000001".parse().unwrap(),
        organisation: organisation(),
        name: "chat".to_owned(),
        url: "https://chat.example.org/hook".to_owned(),
        secret: Secret::new("whsec_AAAA"),
        shape: Shape::Slack,
        events: [Kind::Permission, Kind::Failed].into(),
        with_text: true,
        created_by: user(),
        created_at: 1_000,
        failing_since: Some(2_000),
        off_since: None,
    }
}

fn delivery() -> DeliveryRow {
    DeliveryRow {
        id: "msg_000000000001".parse().unwrap(),
        webhook: webhook().id,
        organisation: organisation(),
        kind: Kind::Failed,
        body: "{}".to_owned(),
        created_at: 2_000,
        tries: vec![Try { at: 2_000, status: Some(500), error: None, took: 3 }],
        next_at: Some(3_000),
        delivered: false,
    }
}

fn store_of(file: &[u8]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state.redb"), file).unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

/// What every schema had.
async fn expect_basics(store: &Store, key: KeyRow, machine: MachineRow, session: SessionRow) {
    assert_eq!(store.user_by_email("ada@EXAMPLE.org").await.unwrap(), Some(user_row()));
    assert_eq!(store.organisation(organisation()).await.unwrap().unwrap().name, "Engines");
    assert_eq!(store.first_owner().await.unwrap().unwrap().user, user());
    assert_eq!(store.memberships(user()).await.unwrap().len(), 1);
    let secret = Secret::new("sf_live_a key of the fixture");
    assert_eq!(store.api_key_by_secret(&secret, 7_999).await.unwrap(), Some(key));
    assert_eq!(store.api_key_by_secret(&Secret::new("sf_live_a revoked key"), 1).await.unwrap(), None);
    assert_eq!(store.keys(organisation()).await.unwrap().len(), 2);
    assert_eq!(store.machines(organisation()).await.unwrap(), [machine]);
    assert_eq!(store.sessions(organisation()).await.unwrap(), std::slice::from_ref(&session));
    assert_eq!(store.session(organisation(), session.info.id).await.unwrap(), Some(session));
    assert_eq!(store.setting("theme").await.unwrap(), Some("dark".into()));
    let browser = store.browser_session(&Secret::new("cookie"), 1_500).await.unwrap().unwrap();
    assert_eq!((browser.user, browser.organisation), (user(), organisation()));
    let signed_in = store.sign_in_by_link(&Secret::new("link"), 8_999, |u, o| browser_row("c", u, o, 8_999)).await;
    assert_eq!(signed_in.unwrap().user, user());
    let members = store.members(organisation()).await.unwrap();
    assert_eq!((members[0].user.id, members[0].membership.role), (user(), Role::Owner));
}

/// What the file of schema 1 holds.
pub(super) async fn expect_all_of_1(store: &Store) {
    expect_basics(store, key_of_1(), machine_of_1(), session_of_1()).await;
}

#[tokio::test]
async fn what_schema_1_held_is_all_there() {
    let (_dir, store) = store_of(SCHEMA_1);
    expect_all_of_1(&store).await;
}

#[tokio::test]
async fn what_schema_2_held_is_all_there() {
    let (_dir, store) = store_of(SCHEMA_2);
    assert_eq!(store.browser_sessions(user(), 1_500).await.unwrap(), [browser()]);
    expect_basics(&store, key(), machine(), session()).await;
    assert_eq!(store.invitations(organisation(), 8_999).await.unwrap(), [invitation()]);
    assert_eq!(store.invitation(&Secret::new("invitation"), 8_999).await.unwrap(), invitation());
    let factor = store.second_factor(user()).await.unwrap().unwrap();
    assert!(factor.secret.same_as(&Secret::new("AAAA")) && factor.last_step == 7 && factor.recovery.len() == 1);
}

#[tokio::test]
async fn what_schema_3_held_is_all_there() {
    let (_dir, store) = store_of(SCHEMA_3);
    // Before somebody signs in, and who has expired by then is signed out.
    assert_eq!(store.pushes(user(), 1_500).await.unwrap(), [push()]);
    expect_basics(&store, key(), machine(), session()).await;
    assert_eq!(store.preferences(user()).await.unwrap(), wants());
    assert!(!store.is_untold(session().info.id, 1, 5).await.unwrap());
    let hooks = store.webhooks(organisation()).await.unwrap();
    assert_eq!((hooks[0].id, &hooks[0].events), (webhook().id, &webhook().events));
    assert!(hooks[0].secret.same_as(&webhook().secret));
    assert_eq!(store.deliveries(organisation(), webhook().id).await.unwrap(), [delivery()]);
    assert_eq!(store.deliveries_due(9_000, 9, |_, _| true).await.unwrap().0, [delivery()]);
}

#[tokio::test]
#[ignore = "writes the fixture of the present schema; refuses to replace one"]
async fn freeze() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/state-schema-{}.redb", schema::SCHEMA));
    assert!(std::fs::metadata(&path).is_err(), "{} is frozen", path.display());
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store
        .write(|t| {
            let organisation_row = OrganisationRow {
                id: organisation(),
                name: "Engines".to_owned(),
                created_at: 1_000,
                allowed: AllowList::default(),
            };
            schema::ORGANISATIONS.put(t, &organisation().to_string(), &organisation_row)?;
            schema::USERS.put(t, &user().to_string(), &user_row())?;
            schema::USER_EMAILS.put(t, "ada@example.org", &user().to_string())?;
            members::add(t, organisation(), user(), Role::Owner, 1_000)?;
            schema::MACHINES.put(t, organisation(), machine().id, &machine())
        })
        .await
        .unwrap();
    store.add_key(key()).await.unwrap();
    store.add_key(revoked_key()).await.unwrap();
    store.put_session(session()).await.unwrap();
    store.add_link(link(), 1_000).await.unwrap();
    store.add_browser_session(browser()).await.unwrap();
    store.add_invitation(invitation()).await.unwrap();
    store.begin_second_factor(user(), Secret::new("AAAA")).await.unwrap();
    store.confirm_second_factor(user(), 7, vec![Secret::new("recovery").hash()], 1_000).await.unwrap();
    store.put_setting("theme", "dark".into()).await.unwrap();
    store.put_preferences(user(), wants()).await.unwrap();
    store.add_push(push(), 1_000).await.unwrap();
    store.is_untold(session().info.id, 1, 5).await.unwrap();
    store.add_webhook(webhook()).await.unwrap();
    store.add_deliveries(vec![delivery()]).await.unwrap();
    drop(store);
    std::fs::copy(dir.path().join("state.redb"), path).unwrap();
}
