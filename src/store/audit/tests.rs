#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::base::id::{KeyId, UserId};
use crate::base::secret::Secret;
use crate::store::KeyRow;
use crate::store::schema::AUDIT;

struct World {
    store: Store,
    organisation: OrganisationId,
    user: UserId,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let owner = store.ensure_local_owner("Ada".to_owned(), 1).await.unwrap();
        Self { store, organisation: owner.organisation, user: owner.user, _dir: dir }
    }

    fn book(&self) -> Book {
        Book::Of(self.organisation)
    }

    fn event(&self, action: Action) -> Event {
        Event::of(self.organisation, Actor::User(self.user), action).from("192.0.2.7".parse().unwrap())
    }

    async fn note_many(&self, count: usize) {
        for number in 0..count {
            self.store.note(self.event(Action::SessionStart).on(format!("ses_{number:012}"))).await.unwrap();
        }
    }

    async fn flaw(&self) -> Option<Flaw> {
        let checked = self.store.audit_verify(None).await.unwrap();
        checked.into_iter().find_map(|one| one.flaw)
    }

    /// Changes what is stored, as somebody with the file in hand could.
    async fn tamper(&self, seq: u64, with: Option<&'static str>) {
        let key = book::key(self.book(), seq);
        self.store
            .write(move |t| match with {
                Some(json) => AUDIT.put_raw(t, &key, json.as_bytes()),
                None => AUDIT.remove(t, &key),
            })
            .await
            .unwrap();
    }

    fn key(&self) -> KeyRow {
        let hash = Secret::new("key").hash();
        let (id, name, prefix) = (KeyId::random(), "laptop".to_owned(), String::new());
        let (created_at, last_used_at, revoked_at) = (1, None, None);
        let (organisation, created_by) = (self.organisation, self.user);
        let (scopes, expires_at, last_used_from) = (Vec::new(), None, None);
        KeyRow {
            id,
            name,
            prefix,
            hash,
            organisation,
            created_by,
            created_at,
            last_used_at,
            revoked_at,
            scopes,
            expires_at,
            last_used_from,
        }
    }
}

#[tokio::test]
async fn an_entry_says_who_did_what_on_what_from_where() {
    let world = World::new().await;
    world.store.note(world.event(Action::KeyMake).on("key_000000000001").fact("name", "laptop")).await.unwrap();
    world.store.note(world.event(Action::SignIn).refused("wrong password")).await.unwrap();
    let page = world.store.audit_page(world.book(), Filter::default(), None, 10).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    let (refused, made) = (&page.entries[0], &page.entries[1]);
    assert_eq!((made.seq, made.action.as_str(), made.on.as_deref()), (1, "key.make", Some("key_000000000001")));
    assert_eq!((made.who.user, made.who.name.as_deref()), (Some(world.user), Some("Ada")));
    assert_eq!(made.from, Some("192.0.2.7".parse().unwrap()));
    assert_eq!((refused.outcome, refused.facts["why"].as_str()), (Outcome::Refused, "wrong password"));
    assert!(made.at > 1_600_000_000_000 && page.next.is_none());
}

#[tokio::test]
async fn an_entry_and_its_change_are_there_together_or_not_at_all() {
    let world = World::new().await;
    let key = world.key();
    world.store.noting(world.event(Action::KeyMake).on(key.id)).add_key(key.clone()).await.unwrap();
    world.store.noting(world.event(Action::KeyRevoke)).revoke_key(world.organisation, key.id, 5).await.unwrap();
    let again = world.store.noting(world.event(Action::KeyRevoke)).revoke_key(world.organisation, key.id, 6).await;
    again.unwrap_err();
    let head = world.store.audit_head(world.book()).await.unwrap();
    assert_eq!(head.seq, 2, "what was refused changed nothing and noted nothing");
    assert_eq!(world.flaw().await, None);
}

#[tokio::test]
async fn whoever_changes_the_log_is_seen_and_the_first_broken_link_is_named() {
    let forged = r#"{"seq":3,"at":7,"action":"key.make","outcome":"done","who":{},"before":"00"}"#;
    for (seq, with, flaw) in [
        (3, Some(forged), Flaw::Changed { seq: 2 }),
        (3, Some("nonsense"), Flaw::Unreadable { seq: 2 }),
        (3, None, Flaw::Missing { seq: 3 }),
        (1, None, Flaw::FrontCut { seq: 2 }),
        (5, None, Flaw::EndCut { seq: 5 }),
    ] {
        let world = World::new().await;
        world.note_many(5).await;
        assert_eq!(world.flaw().await, None);
        world.tamper(seq, with).await;
        assert_eq!(world.flaw().await, Some(flaw), "{seq} {with:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_written_anew_is_not_the_one_whose_hash_was_noted() {
    let world = World::new().await;
    world.note_many(3).await;
    let Head { seq, hash, .. } = world.store.audit_head(world.book()).await.unwrap();
    world.note_many(2).await;
    let verified = world.store.audit_verify(Some((seq, hash.clone()))).await.unwrap();
    assert!(verified.iter().all(|one| one.flaw.is_none()), "{verified:?}");
    let other = World::new().await;
    other.note_many(5).await;
    let verified = other.store.audit_verify(Some((seq, hash))).await.unwrap();
    assert!(verified.iter().any(|one| one.flaw == Some(Flaw::NotAsNoted { seq })), "{verified:?}");
}

#[tokio::test]
async fn old_entries_go_and_the_chain_stays_whole() {
    let world = World::new().await;
    world.note_many(10).await;
    assert_eq!(world.store.audit_trim(world.book(), 0).await.unwrap(), 0, "nothing is that old");
    assert_eq!(world.store.audit_trim(world.book(), u64::MAX).await.unwrap(), 10);
    assert_eq!(world.flaw().await, None);
    world.note_many(3).await;
    let page = world.store.audit_page(world.book(), Filter::default(), None, 10).await.unwrap();
    assert_eq!(page.entries.len(), 4);
    assert_eq!(page.entries[3].action, "audit.trim");
    assert_eq!(page.entries[3].facts["through"], "10");
    assert_eq!(world.flaw().await, None);
    // A second time: the newer of the two trims says where the chain begins.
    assert_eq!(world.store.audit_trim(world.book(), u64::MAX).await.unwrap(), 4);
    world.note_many(1).await;
    assert_eq!(world.flaw().await, None);
    let first = world.store.audit_head(world.book()).await.unwrap().first;
    world.tamper(first, None).await;
    assert_eq!(world.flaw().await, Some(Flaw::FrontCut { seq: first + 1 }), "nobody else may cut the front");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_and_filters_find_what_they_say() {
    let world = World::new().await;
    world.note_many(7).await;
    world.store.note(world.event(Action::KeyRevoke).on("key_000000000009")).await.unwrap();
    world.store.note(Event::of_server(Actor::Nobody, Action::SignIn).refused("nobody")).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = world.store.audit_page(world.book(), Filter::default(), before, 3).await.unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.seq));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
    let found = async |filter: Filter| world.store.audit_page(world.book(), filter, None, 10).await.unwrap().entries;
    assert_eq!(found(Filter { action: Some("key".to_owned()), ..Filter::default() }).await.len(), 1);
    assert_eq!(found(Filter { on: Some("ses_000000000003".to_owned()), ..Filter::default() }).await.len(), 1);
    assert_eq!(found(Filter { user: Some(UserId::random()), ..Filter::default() }).await.len(), 0);
    assert_eq!(found(Filter { outcome: Some(Outcome::Refused), ..Filter::default() }).await.len(), 0);
    let lines = world.store.audit_lines(world.book(), 4, 2).await.unwrap();
    assert_eq!(lines.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [4, 5]);
    let next: Entry = serde_json::from_slice(&lines[1].1).unwrap();
    assert_eq!(next.before, book::hash(&lines[0].1), "an exported line is what the next one's hash is of");
}

#[tokio::test]
async fn facts_are_cut_to_their_bound() {
    let world = World::new().await;
    world.store.note(world.event(Action::Setting).fact("name", "ä".repeat(1_000))).await.unwrap();
    let page = world.store.audit_page(world.book(), Filter::default(), None, 1).await.unwrap();
    assert_eq!(page.entries[0].facts["name"].len(), 512);
}
