//! One chain: adding at its end, removing at its front.

use std::fmt::Write as _;

use redb::WriteTransaction;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Book;
use super::event::{Action, Actor, Entry, Event, Outcome, Who};
use crate::store::db::Fault;
use crate::store::schema::{AUDIT, AUDIT_HEADS, KEYS, Look, USERS, pair};

/// Entries of one chain. Beyond it the oldest go, as if their time had come. A busy team writes some hundred a day;
/// 200,000 are about 80 MB of the database.
pub const ENTRIES_MAX: u64 = 200_000;

/// Entries removed in one commit.
pub(super) const TRIMMED_AT_ONCE: u64 = 2_000;

/// What the first entry has before it.
pub(super) const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where a chain ends, and where what is left of it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 if there is none.
    pub seq: u64,
    /// SHA-256 of the last entry: noted elsewhere, it proves later that nothing before it was changed.
    pub hash: String,
    /// Number of the first entry that is kept.
    pub first: u64,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: BEGINNING.to_owned(), first: 1 }
    }
}

/// Entries stand in the order of their numbers.
pub(super) fn key(book: Book, seq: u64) -> String {
    pair(book, format_args!("{seq:016x}"))
}

pub(super) fn head(t: &impl Look, book: Book) -> Result<Head, Fault> {
    Ok(AUDIT_HEADS.get(t, &book.to_string())?.unwrap_or_default())
}

pub(super) fn hash(stored: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(stored) {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Adds an entry.
pub(in crate::store) fn append(t: &WriteTransaction, event: &Event, now: u64) -> Result<(), Fault> {
    let book = event.book;
    let head = head(t, book)?;
    let entry = Entry {
        seq: head.seq + 1,
        at: now,
        action: event.action.name().to_owned(),
        outcome: event.outcome,
        who: who(t, event)?,
        on: event.on.clone(),
        from: event.from,
        facts: event.facts.clone(),
        before: head.hash,
    };
    let stored = serde_json::to_vec(&entry)?;
    AUDIT.put_raw(t, &key(book, entry.seq), &stored)?;
    AUDIT_HEADS.put(t, &book.to_string(), &Head { seq: entry.seq, hash: hash(&stored), first: head.first })
}

/// With names, so that an entry still says who it was when they are gone.
fn who(t: &impl Look, event: &Event) -> Result<Who, Fault> {
    Ok(match event.actor {
        Actor::Nobody => Who::default(),
        Actor::Server => Who { server: true, ..Who::default() },
        Actor::Machine(machine) => Who { machine: Some(machine), ..Who::default() },
        Actor::User(user) => {
            let name = USERS.get(t, &user.to_string())?.map(|row| row.name);
            Who { user: Some(user), name, ..Who::default() }
        }
        Actor::Key(key, user) => {
            let name = match event.book {
                Book::Of(organisation) => KEYS.get(t, organisation, key)?.map(|row| row.name),
                Book::Server => None,
            };
            Who { user: Some(user), name, key: Some(key), ..Who::default() }
        }
    })
}

/// Removes up to [`TRIMMED_AT_ONCE`] entries from the front: those older than `before`, and those beyond [`ENTRIES_MAX`].
pub(super) fn trim(t: &WriteTransaction, book: Book, before: u64, now: u64) -> Result<u64, Fault> {
    let mut head = head(t, book)?;
    let mut removed = 0;
    let mut last = None;
    while removed < TRIMMED_AT_ONCE && head.first <= head.seq {
        let key = key(book, head.first);
        let Some(stored) = AUDIT.get_raw(t, &key)? else { break };
        let at = serde_json::from_slice::<Entry>(&stored).map_or(0, |entry| entry.at);
        if at >= before && head.seq - head.first < ENTRIES_MAX {
            break;
        }
        last = Some((head.first, hash(&stored)));
        AUDIT.remove(t, &key)?;
        head.first += 1;
        removed += 1;
    }
    let Some((through, hash)) = last else { return Ok(0) };
    AUDIT_HEADS.put(t, &book.to_string(), &head)?;
    let event = Event {
        book,
        actor: Actor::Server,
        action: Action::AuditTrim,
        outcome: Outcome::Done,
        on: None,
        from: None,
        facts: [("through".to_owned(), through.to_string()), ("hash".to_owned(), hash)].into(),
    };
    append(t, &event, now)?;
    Ok(removed)
}
