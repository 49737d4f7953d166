//! A session's newest handoff, as it is kept. What may become of it is decided in [`crate::server::handoff`].

use serde::{Deserialize, Serialize};

use super::sessions::{find, put};
use super::{SessionRow, Sharing, Store, StoreError};
use crate::base::id::{OrganisationId, SessionId, UserId};
use crate::wire::handoff::Phase;

/// Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffRow {
    /// Counts the session's handoffs, from 1.
    pub number: u64,
    /// Who offers it, and what.
    pub offer: Offer,
    /// Who took it up.
    #[serde(default)]
    pub adoption: Option<Adoption>,
    /// How it ended; until then it goes on.
    #[serde(default)]
    pub end: Option<End>,
}

/// A session offered to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// By whom.
    pub by: UserId,
    /// Since when.
    pub at: u64,
    /// For the person who takes over.
    #[serde(default)]
    pub note: Option<String>,
    /// Who alone may adopt it.
    #[serde(default)]
    pub to: Option<UserId>,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<u64>,
    /// Whether a program waits for it to be approved or refused.
    #[serde(default)]
    pub gate: bool,
    /// The asker's own mark, so that asking again is no new offer.
    #[serde(default)]
    pub once: Option<String>,
}

/// A session taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// By whom.
    pub by: UserId,
    /// Since when.
    pub at: u64,
}

/// How a handoff ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// One that is over.
    pub how: Phase,
    /// When.
    pub at: u64,
    /// Who ended it.
    #[serde(default)]
    pub by: Option<UserId>,
    /// What they say.
    #[serde(default)]
    pub note: Option<String>,
}

impl HandoffRow {
    /// Whether others are in: the session is offered or adopted.
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Who has the session now, beside its owner.
    pub fn adopter(&self) -> Option<UserId> {
        self.adoption.filter(|_| self.is_open()).map(|adoption| adoption.by)
    }

    /// How it is.
    pub fn phase(&self) -> Phase {
        match (&self.end, self.adoption) {
            (Some(end), _) => end.how,
            (None, Some(_)) => Phase::Adopted,
            (None, None) => Phase::Shared,
        }
    }
}

impl SessionRow {
    /// Its handoff; one that an earlier build shared without one counts as offered by its owner.
    pub fn handoff(&self) -> Option<HandoffRow> {
        let by = self.owner;
        let before = || Offer { by, at: 0, note: None, to: None, expires_at: None, gate: false, once: None };
        match &self.handoff {
            None if self.sharing == Sharing::Organisation => {
                Some(HandoffRow { number: 1, offer: before(), adoption: None, end: None })
            }
            known => known.clone(),
        }
    }
}

impl Store {
    /// Puts a session's handoff, and whether others see the session, which follows from it.
    pub async fn put_handoff(
        &self,
        organisation: OrganisationId,
        id: SessionId,
        handoff: HandoffRow,
    ) -> Result<(), StoreError> {
        self.write(move |t| match find(t, organisation, id)? {
            Some(row) => {
                let sharing = if handoff.is_open() { Sharing::Organisation } else { Sharing::Private };
                put(t, &SessionRow { sharing, handoff: Some(handoff), ..row })
            }
            None => Err(StoreError::NotFound { what: "session" }.into()),
        })
        .await
    }
}
