//! Refusals that anybody can cause, in the audit log without letting them fill it.
//!
//! The first of each kind is an entry at once. Its repeats are counted, and one more entry an hour says how many there were.
//! Kinds beyond [`NAMED_MAX`] are only counted, all together. So whatever is tried from however many addresses, a log grows by
//! at most 101 entries an hour, and needs months to lose an old entry to [`crate::store::audit::ENTRIES_MAX`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::server::auth::client::network;
use crate::store::audit::{Action, Actor, Book, Event};

/// Repeats are summed up this often.
pub(super) const SUMMED_UP_EVERY: Duration = Duration::from_hours(1);

/// Kinds of refusals of one log that are named between two sums: more than a person would read.
const NAMED_MAX: usize = 50;

/// What makes refusals one kind. Addresses of one IPv6 customer are one.
type Kind = (Actor, Action, Option<String>, Option<IpAddr>);

/// Refusals since the last sum.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Book, Tally>>);

#[derive(Debug, Default)]
struct Tally {
    /// The first of each kind, and how many came after it.
    named: HashMap<Kind, (Event, u64)>,
    others: u64,
}

impl Refusals {
    /// Counts a refusal; gives it back if it is to be noted now.
    pub(super) fn first(&self, event: Event) -> Option<Event> {
        let (actor, action, on, from) = event.kind();
        let kind = (actor, action, on, from.map(network));
        let mut books = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Tally { named, others } = books.entry(event.book()).or_default();
        if let Some((_, more)) = named.get_mut(&kind) {
            *more += 1;
            return None;
        }
        if named.len() >= NAMED_MAX {
            *others += 1;
            return None;
        }
        named.insert(kind, (event.clone(), 0));
        Some(event)
    }

    /// What is to be noted of all that was counted, and begins anew.
    pub(super) fn take(&self) -> Vec<Event> {
        let books = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut events = Vec::new();
        for (book, Tally { named, others }) in books {
            let repeated = named.into_values().filter(|(_, more)| *more > 0);
            events.extend(repeated.map(|(event, more)| event.fact("more", more)));
            if others > 0 {
                let event = Event::in_book(book, Actor::Nobody, Action::Refusals);
                events.push(event.refused("too many to name").fact("more", others));
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{OrganisationId, UserId};

    fn refusal(book: Book, from: [u8; 4]) -> Event {
        Event::in_book(book, Actor::Nobody, Action::SignIn).from(from.into()).refused("wrong password")
    }

    #[test]
    fn the_first_of_a_kind_is_noted_and_its_repeats_are_counted() {
        let (refusals, book) = (Refusals::default(), Book::Of(OrganisationId::random()));
        let user = UserId::random();
        assert!(refusals.first(refusal(book, [10, 0, 0, 1])).is_some());
        assert!(refusals.first(refusal(book, [10, 0, 0, 1])).is_none());
        assert!(refusals.first(refusal(book, [10, 0, 0, 1])).is_none());
        assert!(refusals.first(refusal(book, [10, 0, 0, 1]).on(user)).is_some(), "of another account");
        assert!(refusals.first(refusal(book, [10, 0, 0, 2])).is_some(), "from another address");
        assert!(refusals.first(refusal(Book::Server, [10, 0, 0, 1])).is_some(), "in another log");
        let sums = refusals.take();
        assert_eq!(sums.len(), 1, "{sums:?}");
        assert!(format!("{sums:?}").contains("\"more\": \"2\""), "{sums:?}");
        assert!(refusals.take().is_empty());
        assert!(refusals.first(refusal(book, [10, 0, 0, 1])).is_some(), "another hour");
    }

    #[test]
    fn an_attacker_with_a_million_addresses_adds_a_hundred_entries_and_one() {
        let (refusals, book) = (Refusals::default(), Book::Server);
        let mut noted = 0;
        for n in 0..1_000_000u32 {
            noted += usize::from(refusals.first(refusal(book, n.to_be_bytes())).is_some());
            noted += usize::from(refusals.first(refusal(book, n.to_be_bytes())).is_some());
        }
        assert_eq!(noted + refusals.take().len(), 2 * NAMED_MAX + 1);
    }
}
