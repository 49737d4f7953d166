//! Organisations: founded, renamed, and which of theirs a person works in.

use super::accounts::found_organisation;
use super::members;
use super::schema::{BROWSER_SESSIONS, ORGANISATIONS};
use super::{BrowserSessionRow, MembershipRow, OrganisationRow, Store, StoreError};
use crate::base::id::{OrganisationId, UserId};
use crate::base::secret::SecretHash;

/// Organisations of one server. One is a handful of rows; this keeps an owner's script from filling the disk.
const ORGANISATIONS_MAX: usize = 1_000;

impl Store {
    /// A new organisation, owned by `owner`.
    pub async fn add_organisation(&self, owner: UserId, name: String, now: u64) -> Result<MembershipRow, StoreError> {
        self.write(move |t| {
            if ORGANISATIONS.all(t)?.len() >= ORGANISATIONS_MAX {
                return Err(StoreError::TooMany { what: "organisations", max: ORGANISATIONS_MAX }.into());
            }
            found_organisation(t, owner, name, now)
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
