//! Organisations: founded, renamed, and which of theirs a person works in.

use super::accounts::found_organisation;
use super::audit::{Action, Actor, Event};
use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, Look, ORGANISATIONS};
use super::{Admission, BrowserSessionRow, MembershipRow, OrganisationRow, Store, StoreError, audit, members};
use crate::base::allow_list::AllowList;
use crate::base::clock::unix_millis;
use crate::base::id::{OrganisationId, UserId};
use crate::base::secret::SecretHash;

/// Organisations of one server. One is a handful of rows; this keeps an owner's script from filling the disk.
const ORGANISATIONS_MAX: usize = 1_000;

impl Store {
    /// A new organisation, owned by `owner`; the one of this `id` if they made it before.
    pub async fn add_organisation(
        &self,
        id: Option<OrganisationId>,
        owner: UserId,
        name: String,
        now: u64,
    ) -> Result<MembershipRow, StoreError> {
        let pending = self.pending.clone();
        self.write(move |t| {
            let id = id.unwrap_or_else(OrganisationId::random);
            if let Some(made) = members::active(t, owner, id)? {
                audit::only_on(pending.as_ref(), None::<OrganisationId>);
                return Ok(made);
            }
            if ORGANISATIONS.all(t)?.len() >= ORGANISATIONS_MAX {
                return Err(StoreError::TooMany { what: "organisations", max: ORGANISATIONS_MAX }.into());
            }
            found_organisation(t, id, owner, name, now)
        })
        .await
    }

    /// Changes what an organisation is called.
    pub async fn rename_organisation(&self, id: OrganisationId, name: String) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = ORGANISATIONS.get(t, &id.to_string())?.ok_or(StoreError::NotFound { what: "organisation" })?;
            ORGANISATIONS.put(t, &id.to_string(), &OrganisationRow { name, ..row })
        })
        .await
    }

    /// From now on an organisation lets people and machines in from there alone.
    pub async fn set_allow_list(&self, id: OrganisationId, allowed: AllowList) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = ORGANISATIONS.get(t, &id.to_string())?.ok_or(StoreError::NotFound { what: "organisation" })?;
            ORGANISATIONS.put(t, &id.to_string(), &OrganisationRow { allowed, ..row })
        })
        .await
    }

    /// Lets everybody in from anywhere again: into the organisations of this name, or into all. Answers which had a list.
    ///
    /// For whoever has the server's data directory in hand, and is noted so in the log of each.
    pub async fn allow_any_address(&self, name: Option<String>) -> Result<Vec<OrganisationRow>, StoreError> {
        self.write(move |t| {
            let wanted = |row: &OrganisationRow| name.as_ref().is_none_or(|name| *name == row.name);
            let rows: Vec<_> = ORGANISATIONS.all(t)?.into_iter().filter(wanted).collect();
            if rows.is_empty() {
                return Err(StoreError::NotFound { what: "organisation" }.into());
            }
            let mut freed = Vec::new();
            for row in rows.into_iter().filter(|row| !row.allowed.is_empty()) {
                let row = OrganisationRow { allowed: AllowList::default(), ..row };
                ORGANISATIONS.put(t, &row.id.to_string(), &row)?;
                let event = Event::of(row.id, Actor::Server, Action::Setting).fact("setting", "allowed addresses");
                audit::append(t, &event.fact("to", &row.allowed), unix_millis())?;
                freed.push(row);
            }
            Ok(freed)
        })
        .await
    }

    /// From now on a browser works in another organisation of its person's.
    pub async fn switch_organisation(
        &self,
        browser: SecretHash,
        organisation: OrganisationId,
    ) -> Result<MembershipRow, StoreError> {
        self.write(move |t| {
            let row = BROWSER_SESSIONS.get(t, browser.as_str())?;
            let row = row.ok_or(StoreError::NotFound { what: "browser session" })?;
            let membership = members::active(t, row.user, organisation)?;
            let membership = membership.ok_or(StoreError::NotFound { what: "organisation" })?;
            BROWSER_SESSIONS.put(t, browser.as_str(), &BrowserSessionRow { organisation, ..row })?;
            Ok(membership)
        })
        .await
    }
}

/// What lets a person in by `by`, a cookie or a key of theirs; `None` if they have no place there any more.
pub(super) fn admission<R>(
    t: &impl Look,
    by: R,
    user: UserId,
    organisation: OrganisationId,
) -> Result<Option<Admission<R>>, Fault> {
    let Some(membership) = members::active(t, user, organisation)? else { return Ok(None) };
    let row = ORGANISATIONS.get(t, &organisation.to_string())?;
    Ok(row.map(|row| Admission { by, membership, allowed: row.allowed }))
}
