//! Whether a chain is whole, and if not, where it breaks first.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::Book;
use super::book::{self, BEGINNING, Head};
use super::event::{Action, Entry};
use crate::base::id::OrganisationId;
use crate::store::db::Fault;
use crate::store::schema::{AUDIT, AUDIT_HEADS, Look, pair};
use crate::store::{Store, StoreError};

/// What was found in one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Which.
    pub book: String,
    /// Its end, and where it begins.
    pub head: Head,
    /// Entries that are there and fit.
    pub entries: u64,
    /// The first place where it does not.
    pub flaw: Option<Flaw>,
}

/// Where a chain breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// An entry is not the one that the next says was before it.
    #[error("entry {seq} was changed, or another was put in its place")]
    Changed {
        /// The entry that does not fit.
        seq: u64,
    },
    /// Entries are missing in the middle.
    #[error("entry {seq} is missing")]
    Missing {
        /// The first that is not there.
        seq: u64,
    },
    /// Entries are missing at the front, and no entry says that they were removed in order.
    #[error("the entries before {seq} were removed, and not by the retention setting")]
    FrontCut {
        /// The first that is there.
        seq: u64,
    },
    /// Entries are missing at the end, or were added behind it.
    #[error("the log should end with entry {seq}, and does not")]
    EndCut {
        /// The last that there should be.
        seq: u64,
    },
    /// An entry that is no entry.
    #[error("what stands behind entry {seq} cannot be read")]
    Unreadable {
        /// The last that could be read.
        seq: u64,
    },
    /// A hash that was noted elsewhere is not in the chain.
    #[error("entry {seq} is not the one whose hash was noted")]
    NotAsNoted {
        /// The entry it was noted of.
        seq: u64,
    },
}

impl Store {
    /// Every chain there is.
    pub async fn audit_books(&self) -> Result<Vec<Book>, StoreError> {
        self.read(books).await
    }

    /// Checks every chain from its first entry to its last. `noted`: the number and hash of an entry that somebody wrote
    /// down elsewhere, to be found in one of them.
    pub async fn audit_verify(&self, noted: Option<(u64, String)>) -> Result<Vec<Checked>, StoreError> {
        self.read(move |t| check_chains(t, noted.as_ref())).await
    }
}

/// Every chain of a file, also of one in which there never was any.
pub(in crate::store) fn check_all(t: &impl Look) -> Result<Vec<Checked>, Fault> {
    if AUDIT_HEADS.exists(t)? && AUDIT.exists(t)? { check_chains(t, None) } else { Ok(Vec::new()) }
}

fn check_chains(t: &impl Look, noted: Option<&(u64, String)>) -> Result<Vec<Checked>, Fault> {
    let books = books(t)?;
    let mut checked = Vec::new();
    let mut found = noted.is_none();
    for book in books {
        let (one, has) = check(t, book, noted)?;
        found |= has;
        checked.push(one);
    }
    if let (false, Some((seq, _)), Some(last)) = (found, noted, checked.last_mut()) {
        last.flaw.get_or_insert(Flaw::NotAsNoted { seq: *seq });
    }
    Ok(checked)
}

/// Every chain there is, the server's own first.
fn books(t: &impl Look) -> Result<Vec<Book>, Fault> {
    let mut books = vec![Book::Server];
    AUDIT_HEADS.visit(t, "", None, |key, _| {
        books.extend(key.parse::<OrganisationId>().map(Book::Of));
        ControlFlow::Continue(())
    })?;
    Ok(books)
}

/// One chain, and whether it holds what was noted.
fn check(t: &impl Look, book: Book, noted: Option<&(u64, String)>) -> Result<(Checked, bool), Fault> {
    let head = book::head(t, book)?;
    let mut seen = Seen::default();
    let mut flaw = None;
    AUDIT.visit(t, &pair(book, ""), None, |_, stored| match seen.take(stored, noted) {
        Ok(()) => ControlFlow::Continue(()),
        Err(found) => {
            flaw = Some(found);
            ControlFlow::Break(())
        }
    })?;
    let flaw = flaw.or_else(|| seen.end(&head));
    Ok((Checked { book: book.to_string(), head, entries: seen.count, flaw }, seen.noted))
}

#[derive(Default)]
struct Seen {
    count: u64,
    last: u64,
    hash: String,
    /// Number of the first entry, and what it says was before it.
    first: Option<(u64, String)>,
    /// An entry says that everything before the first was removed in order.
    trimmed: bool,
    noted: bool,
}

impl Seen {
    fn take(&mut self, stored: &[u8], noted: Option<&(u64, String)>) -> Result<(), Flaw> {
        let Ok(entry) = serde_json::from_slice::<Entry>(stored) else {
            return Err(Flaw::Unreadable { seq: self.last });
        };
        if self.first.is_none() {
            self.first = Some((entry.seq, entry.before.clone()));
        } else if entry.seq != self.last + 1 {
            return Err(Flaw::Missing { seq: self.last + 1 });
        } else if entry.before != self.hash {
            return Err(Flaw::Changed { seq: self.last });
        }
        (self.count, self.last, self.hash) = (self.count + 1, entry.seq, book::hash(stored));
        if entry.action == Action::AuditTrim.name()
            && let Some((first, before)) = &self.first
        {
            let through = entry.facts.get("through").and_then(|text| text.parse::<u64>().ok());
            self.trimmed |= through.is_some_and(|through| through + 1 == *first)
                && entry.facts.get("hash").is_some_and(|hash| hash == before);
        }
        self.noted |= noted.is_some_and(|(seq, hash)| *seq == entry.seq && *hash == self.hash);
        Ok(())
    }

    fn end(&self, head: &Head) -> Option<Flaw> {
        if let Some((first, before)) = &self.first {
            let whole = if *first == 1 { before == BEGINNING } else { self.trimmed };
            if !whole {
                return Some(Flaw::FrontCut { seq: *first });
            }
        }
        if head.seq != self.last {
            return Some(Flaw::EndCut { seq: head.seq });
        }
        (self.last > 0 && head.hash != self.hash).then_some(Flaw::Changed { seq: self.last })
    }
}
