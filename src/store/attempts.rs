//! Attempts to sign in that failed so far, so that a restart of the server ends nobody's wait.
//!
//! They stand among the settings, one row for each subject: what is kept here is what the server's own counters hold, and
//! as many.

use std::collections::HashMap;

use redb::WriteTransaction;
use serde::{Deserialize, Serialize};

use super::db::Fault;
use super::schema::SETTINGS;
use super::{Store, StoreError};

/// What their names begin with.
const PREFIX: &str = "sign-in-attempts/";

/// What is counted for a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptsRow {
    /// Attempts since the last that succeeded.
    pub count: u32,
    /// When the newest was, in milliseconds since 1970.
    pub last: u64,
}

impl Store {
    /// The subjects that tried at `since` or later, at most `max`, the newest first. All others are forgotten.
    pub async fn take_attempts(&self, since: u64, max: usize) -> Result<Vec<(String, AttemptsRow)>, StoreError> {
        self.write(move |t| {
            let mut rows = HashMap::new();
            SETTINGS.visit(t, PREFIX, None, |name, json| {
                let subject = name.strip_prefix(PREFIX).unwrap_or_default().to_owned();
                rows.insert(subject, serde_json::from_slice::<AttemptsRow>(json).ok());
                std::ops::ControlFlow::Continue(())
            })?;
            let (mut kept, mut gone) = (Vec::new(), Vec::new());
            for (subject, row) in rows {
                match row.filter(|row| row.last >= since) {
                    Some(row) => kept.push((subject, row)),
                    None => gone.push(subject),
                }
            }
            kept.sort_by_key(|(_, row)| std::cmp::Reverse(row.last));
            gone.extend(kept.drain(kept.len().min(max)..).map(|(subject, _)| subject));
            gone.iter().try_for_each(|subject| note(t, subject, None))?;
            Ok(kept)
        })
        .await
    }
}

/// What is counted for a subject now; nothing any more.
pub(super) fn note(t: &WriteTransaction, subject: &str, row: Option<AttemptsRow>) -> Result<(), Fault> {
    let name = format!("{PREFIX}{subject}");
    match row {
        Some(row) => SETTINGS.put(t, &name, &serde_json::to_value(row)?),
        None => SETTINGS.remove(t, &name),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::store::Note;

    #[tokio::test]
    async fn the_newest_are_kept_and_the_rest_is_gone_for_good() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.put_setting("audit/x", serde_json::json!(1)).await.unwrap();
        let attempts = |last| Some(AttemptsRow { count: 7, last });
        let notes = (0..10).map(|n| Note::Attempts(format!("account:{n}"), attempts(n)));
        store.write_notes(notes.collect()).await.unwrap();
        store.write_notes(vec![Note::Attempts("account:9".to_owned(), None)]).await.unwrap();
        let kept = store.take_attempts(3, 4).await.unwrap();
        let names: Vec<_> = kept.iter().map(|(subject, _)| subject.as_str()).collect();
        assert_eq!(names, ["account:8", "account:7", "account:6", "account:5"]);
        assert_eq!(store.take_attempts(0, 100).await.unwrap().len(), 4);
        assert_eq!(store.setting("audit/x").await.unwrap(), Some(serde_json::json!(1)), "other settings stay");
    }
}
