//! Sessions taken through a handoff, as far as the fleet is concerned.

use super::*;
use crate::store::{Adoption, End, HandoffRow, Offer};
use crate::wire::handoff::Phase;

impl World {
    /// Takes a session through a handoff as [`crate::server::handoff`] would.
    pub(super) fn hand(&self, session: SessionId, adopter: Option<UserId>, how: Option<Phase>) {
        let by = self.organisation.standing(session).unwrap().owner;
        let offer = Offer { by, at: 1, note: None, to: None, expires_at: None, gate: false, once: None };
        let (adoption, end) =
            (adopter.map(|by| Adoption { by, at: 2 }), how.map(|how| End { how, at: 3, by: None, note: None }));
        self.organisation.handed(session, HandoffRow { number: 1, offer, adoption, end });
    }

    pub(super) fn share(&self, session: SessionId) {
        self.hand(session, None, None);
    }
    pub(super) fn take_back(&self, session: SessionId) {
        self.hand(session, None, Some(Phase::TakenBack));
    }
}
