//! What may be written a moment later, many rows in one commit: nobody waits for it, and nobody was promised it.

use std::net::IpAddr;

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, KEYS, MACHINES};
use super::{AttemptsRow, BrowserSessionRow, KeyRow, MachineRow, SessionRow, Store, StoreError, attempts, sessions};
use crate::base::id::{KeyId, MachineId, OrganisationId, SessionId};
use crate::base::secret::SecretHash;

/// Rows of one commit. Whoever waits for a commit of their own waits for no more than these.
const ROWS_PER_COMMIT: usize = 256;

/// Something worth knowing after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A session, as [`Store::put_session`] takes it.
    Session(Box<SessionRow>),
    /// A session is no more.
    SessionGone(OrganisationId, SessionId),
    /// A machine was connected at this time, in milliseconds since 1970.
    MachineSeen(OrganisationId, MachineId, u64),
    /// A key was used at this time, likewise, and from this address.
    KeyUsed(OrganisationId, KeyId, u64, IpAddr),
    /// A browser with this cookie was there, likewise.
    BrowserSeen(SecretHash, u64, IpAddr),
    /// Attempts to sign in that are counted for this subject now.
    Attempts(String, Option<AttemptsRow>),
}

impl Store {
    /// Writes what was noted. What does not fit any more, because its machine or key was removed meanwhile, is left out.
    pub async fn write_notes(&self, mut notes: Vec<Note>) -> Result<(), StoreError> {
        while !notes.is_empty() {
            let now: Vec<Note> = notes.drain(..notes.len().min(ROWS_PER_COMMIT)).collect();
            self.write(move |t| now.into_iter().try_for_each(|note| write(t, note))).await?;
        }
        Ok(())
    }
}

fn write(t: &WriteTransaction, note: Note) -> Result<(), Fault> {
    let written = match note {
        Note::Session(row) => sessions::note(t, *row),
        Note::SessionGone(organisation, id) => sessions::forget(t, organisation, id),
        Note::MachineSeen(organisation, id, last_seen) => match MACHINES.get(t, organisation, id)? {
            Some(row) => MACHINES.put(t, organisation, id, &MachineRow { last_seen, ..row }),
            None => Ok(()),
        },
        Note::KeyUsed(organisation, id, at, from) => match KEYS.get(t, organisation, id)? {
            Some(row) => {
                let row = KeyRow { last_used_at: Some(at), last_used_from: Some(from), ..row };
                KEYS.put(t, organisation, id, &row)
            }
            None => Ok(()),
        },
        Note::BrowserSeen(hash, last_seen, from) => match BROWSER_SESSIONS.get(t, hash.as_str())? {
            Some(row) => {
                let row = BrowserSessionRow { last_seen, address: Some(from), ..row };
                BROWSER_SESSIONS.put(t, hash.as_str(), &row)
            }
            None => Ok(()),
        },
        Note::Attempts(subject, row) => attempts::note(t, &subject, row),
    };
    match written {
        Err(Fault::Refused(StoreError::NotFound { .. })) => Ok(()),
        // An agent of ours never names another machine's session; its neighbours in the commit are not to blame.
        Err(Fault::Refused(error)) => {
            tracing::warn!(%error, "what an agent said was not written");
            Ok(())
        }
        written => written,
    }
}
