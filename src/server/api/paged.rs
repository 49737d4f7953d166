//! Lists that grow, in pages: `limit` and `cursor` of a request, `next` of its answer.
//!
//! A cursor is the place of the last entry seen, not a number of entries: what is added or removed meanwhile neither hides an
//! entry nor shows one twice.

use serde::Deserialize;

/// Entries of one page.
const PAGE_MAX: usize = 1_000;

/// Which part of a list.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Paged {
    /// The `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of a page, at most 1,000. Without it and a cursor: all of them.
    #[serde(default)]
    limit: Option<usize>,
}

impl Paged {
    /// The wanted part of `items`, in the order of their places, and the cursor of the next one. `place` gives each item a
    /// text of its own.
    pub(super) fn of<T>(self, items: Vec<T>, place: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        let Self { cursor, limit } = self;
        let mut placed: Vec<(String, T)> = items.into_iter().map(|item| (place(&item), item)).collect();
        placed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let all = cursor.is_none() && limit.is_none();
        if let Some(cursor) = cursor {
            placed.retain(|(place, _)| *place > cursor);
        }
        let limit = if all { placed.len() } else { limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX) };
        let more = placed.len() > limit;
        placed.truncate(limit);
        let next = placed.last().filter(|_| more).map(|(place, _)| place.clone());
        (placed.into_iter().map(|(_, item)| item).collect(), next)
    }
}

/// The place of what stands in the order of its time, in milliseconds since 1970, oldest first.
pub(super) fn oldest_first(at: u64, id: impl std::fmt::Display) -> String {
    format!("{at:016x}-{id}")
}

/// The same, newest first.
pub(super) fn newest_first(at: u64, id: impl std::fmt::Display) -> String {
    oldest_first(u64::MAX - at, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cursor: Option<String>, limit: Option<usize>, items: &[u64]) -> (Vec<u64>, Option<String>) {
        Paged { cursor, limit }.of(items.to_vec(), |item| oldest_first(*item, "x"))
    }

    #[test]
    fn pages_hold_everything_once_whatever_comes_and_goes_between() {
        let (first, next) = page(None, Some(2), &[5, 1, 9, 3]);
        assert_eq!((first, next.is_some()), (vec![1, 3], true));
        let (second, next) = page(next, Some(2), &[0, 1, 2, 5, 9]);
        assert_eq!((second, next.is_some()), (vec![5, 9], false), "the cursor's entry is gone, and older ones came");
        assert_eq!(page(None, None, &[2, 1]), (vec![1, 2], None));
        assert_eq!(page(Some("zz".to_owned()), None, &[2, 1]), (vec![], None));
        assert_eq!(page(None, Some(0), &[2, 1]).0, vec![1], "a page holds something");
    }

    #[test]
    fn the_newest_is_first_where_that_is_the_order() {
        assert!(newest_first(2, "a") < newest_first(1, "a") && newest_first(1, "a") < newest_first(1, "b"));
    }
}
