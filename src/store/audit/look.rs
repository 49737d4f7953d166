//! Reading a chain: newest first in pages for people, oldest first in whole lines for an export.

use std::ops::ControlFlow;

use super::event::{Entry, Outcome};
use super::{Book, book};
use crate::base::id::UserId;
use crate::store::schema::{AUDIT, pair};
use crate::store::{Store, StoreError};

/// Entries of one page.
pub const PAGE_MAX: usize = 500;

/// Entries looked at for one page: a filter that fits few must not hold a thread for the whole log. The page is short
/// then, and its cursor goes on from there.
const LOOKED_AT_MAX: usize = 20_000;

/// Which entries are wanted. `None` wants all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// An action's name, or its beginning up to the dot, like `key`.
    pub action: Option<String>,
    /// By this person, or their keys.
    pub user: Option<UserId>,
    /// Done to this id.
    pub on: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// At or after, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Before, in milliseconds since 1970.
    pub until: Option<u64>,
}

impl Filter {
    /// Whether it wants this one.
    pub fn wants(&self, entry: &Entry) -> bool {
        let action = self.action.as_ref().is_none_or(|wanted| {
            entry.action == *wanted || entry.action.split_once('.').is_some_and(|(kind, _)| kind == wanted)
        });
        action
            && self.user.is_none_or(|user| entry.who.user == Some(user))
            && self.on.as_ref().is_none_or(|on| entry.on.as_ref() == Some(on))
            && self.outcome.is_none_or(|outcome| entry.outcome == outcome)
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// A page of entries, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Those that are wanted.
    pub entries: Vec<Entry>,
    /// Ask with this for what comes before them; `None` when there is no more.
    pub next: Option<u64>,
}

impl Store {
    /// Up to `limit` entries before number `before`, newest first.
    pub async fn audit_page(
        &self,
        book: Book,
        filter: Filter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.read(move |t| {
            let limit = limit.clamp(1, PAGE_MAX);
            let before = before.map(|seq| book::key(book, seq));
            let mut page = Page { entries: Vec::new(), next: None };
            let (mut looked_at, mut last) = (0, None);
            AUDIT.visit_back(t, &pair(book, ""), before.as_deref(), |_, stored| {
                if page.entries.len() == limit || looked_at == LOOKED_AT_MAX {
                    page.next = last;
                    return ControlFlow::Break(());
                }
                looked_at += 1;
                // One that cannot be read is for `audit verify` to name, and hides none of the others.
                if let Ok(entry) = serde_json::from_slice::<Entry>(stored) {
                    last = Some(entry.seq);
                    if filter.wants(&entry) {
                        page.entries.push(entry);
                    }
                }
                ControlFlow::Continue(())
            })?;
            Ok(page)
        })
        .await
    }

    /// Up to `limit` entries from number `from` on, oldest first, as they are stored.
    pub async fn audit_lines(&self, book: Book, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.read(move |t| {
            let mut lines = Vec::new();
            AUDIT.visit(t, &pair(book, ""), Some(&book::key(book, from)), |key, stored| {
                let seq = key.rsplit_once('/').and_then(|(_, seq)| u64::from_str_radix(seq, 16).ok());
                lines.push((seq.unwrap_or_default(), stored.to_vec()));
                if lines.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            Ok(lines)
        })
        .await
    }

    /// Where a chain ends.
    pub async fn audit_head(&self, book: Book) -> Result<super::Head, StoreError> {
        self.read(move |t| book::head(t, book)).await
    }
}
