//! Who belongs to an organisation, as what, and how that ends: with everything of theirs, in one commit.

use redb::WriteTransaction;

use super::db::Fault;
use super::schema::{BROWSER_SESSIONS, KEYS, Look, MEMBERS, MEMBERSHIPS, SECOND_FACTORS, USERS, pair};
use super::{BrowserSessionRow, KeyRow, MembershipRow, Role, Store, StoreError, UserRow};
use crate::base::id::{KeyId, OrganisationId, UserId};
use crate::base::secret::SecretHash;

/// Members of one organisation, deactivated ones included.
const MEMBERS_PER_ORGANISATION_MAX: usize = 5_000;

/// Somebody in an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserRow,
    /// Their place.
    pub membership: MembershipRow,
    /// Whether their sign-in asks for a second factor.
    pub second_factor: bool,
}

/// What ended with a membership: connections that came by these are to be closed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Keys that are refused now.
    pub keys: Vec<KeyId>,
    /// Browsers that are signed out now.
    pub browsers: Vec<SecretHash>,
}

impl Store {
    /// Everybody in an organisation, deactivated ones too, longest first.
    pub async fn members(&self, organisation: OrganisationId) -> Result<Vec<Member>, StoreError> {
        let mut members = self
            .read(move |t| {
                let mut members = Vec::new();
                for id in MEMBERS.starting_with(t, &pair(organisation, ""))? {
                    let user = USERS.get(t, &id.to_string())?;
                    let membership = MEMBERSHIPS.get(t, &pair(id, organisation))?;
                    let second_factor = has_second_factor(t, id)?;
                    let both = user.zip(membership);
                    members.extend(both.map(|(user, membership)| Member { user, membership, second_factor }));
                }
                Ok(members)
            })
            .await?;
        members.sort_by_key(|member| (member.membership.since, member.user.id));
        Ok(members)
    }

    /// One of them.
    pub async fn member(&self, organisation: OrganisationId, id: UserId) -> Result<Option<Member>, StoreError> {
        self.read(move |t| {
            let user = USERS.get(t, &id.to_string())?;
            let membership = MEMBERSHIPS.get(t, &pair(id, organisation))?;
            let second_factor = has_second_factor(t, id)?;
            Ok(user.zip(membership).map(|(user, membership)| Member { user, membership, second_factor }))
        })
        .await
    }

    /// Gives a member another role. The last owner keeps theirs: [`StoreError::LastOwner`].
    pub async fn set_role(&self, organisation: OrganisationId, user: UserId, role: Role) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = known(t, user, organisation)?;
            if role != Role::Owner {
                not_the_last_owner(t, &row)?;
            }
            put(t, &MembershipRow { role, ..row })
        })
        .await
    }

    /// Makes `to` the owner and `from` an admin, both or neither.
    pub async fn hand_over(&self, organisation: OrganisationId, from: UserId, to: UserId) -> Result<(), StoreError> {
        self.write(move |t| {
            let (old, new) = (known(t, from, organisation)?, known(t, to, organisation)?);
            if from == to || !new.is_active() {
                return Err(StoreError::NotFound { what: "active member" }.into());
            }
            put(t, &MembershipRow { role: Role::Owner, ..new })?;
            put(t, &MembershipRow { role: Role::Admin, ..old })
        })
        .await
    }

    /// Ends everything of a member's here, and keeps their name.
    pub async fn deactivate_member(
        &self,
        organisation: OrganisationId,
        user: UserId,
        now: u64,
    ) -> Result<Ended, StoreError> {
        self.write(move |t| {
            let row = known(t, user, organisation)?;
            not_the_last_owner(t, &row)?;
            put(t, &MembershipRow { deactivated_at: Some(now), ..row })?;
            end(t, user, organisation, now)
        })
        .await
    }

    /// Lets a deactivated member back in. Keys that ended stay so.
    pub async fn reactivate_member(&self, organisation: OrganisationId, user: UserId) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = known(t, user, organisation)?;
            put(t, &MembershipRow { deactivated_at: None, ..row })
        })
        .await
    }

    /// A member leaves for good, or is removed.
    pub async fn remove_member(
        &self,
        organisation: OrganisationId,
        user: UserId,
        now: u64,
    ) -> Result<Ended, StoreError> {
        self.write(move |t| {
            let row = known(t, user, organisation)?;
            not_the_last_owner(t, &row)?;
            MEMBERSHIPS.remove(t, &pair(user, organisation))?;
            MEMBERS.remove(t, &pair(organisation, user))?;
            end(t, user, organisation, now)
        })
        .await
    }
}

fn has_second_factor(t: &impl Look, user: UserId) -> Result<bool, Fault> {
    Ok(SECOND_FACTORS.get(t, &user.to_string())?.is_some_and(|row| row.confirmed_at.is_some()))
}

/// A person's place, if they may do anything there.
pub(super) fn active(
    t: &impl Look,
    user: UserId,
    organisation: OrganisationId,
) -> Result<Option<MembershipRow>, Fault> {
    Ok(MEMBERSHIPS.get(t, &pair(user, organisation))?.filter(MembershipRow::is_active))
}

/// A new member.
pub(super) fn add(
    t: &WriteTransaction,
    organisation: OrganisationId,
    user: UserId,
    role: Role,
    now: u64,
) -> Result<MembershipRow, Fault> {
    if MEMBERS.count_starting_with(t, &pair(organisation, ""))? >= MEMBERS_PER_ORGANISATION_MAX {
        return Err(StoreError::TooMany { what: "members", max: MEMBERS_PER_ORGANISATION_MAX }.into());
    }
    let row = MembershipRow { organisation, user, role, since: now, deactivated_at: None };
    put(t, &row)?;
    MEMBERS.put(t, &pair(organisation, user), &user)?;
    Ok(row)
}

fn put(t: &WriteTransaction, row: &MembershipRow) -> Result<(), Fault> {
    MEMBERSHIPS.put(t, &pair(row.user, row.organisation), row)
}

fn known(t: &impl Look, user: UserId, organisation: OrganisationId) -> Result<MembershipRow, Fault> {
    MEMBERSHIPS.get(t, &pair(user, organisation))?.ok_or_else(|| StoreError::NotFound { what: "member" }.into())
}

/// An organisation always has an owner who can act.
fn not_the_last_owner(t: &impl Look, row: &MembershipRow) -> Result<(), Fault> {
    if row.role != Role::Owner {
        return Ok(());
    }
    for id in MEMBERS.starting_with(t, &pair(row.organisation, ""))? {
        let other = active(t, id, row.organisation)?;
        if other.is_some_and(|other| other.role == Role::Owner && other.user != row.user) {
            return Ok(());
        }
    }
    Err(StoreError::LastOwner.into())
}

/// Refuses a person's keys here, and moves or signs out their browsers.
fn end(t: &WriteTransaction, user: UserId, organisation: OrganisationId, now: u64) -> Result<Ended, Fault> {
    let mut ended = Ended::default();
    for key in KEYS.list(t, organisation)? {
        if key.created_by == user && key.revoked_at.is_none() {
            KEYS.put(t, organisation, key.id, &KeyRow { revoked_at: Some(now), ..key.clone() })?;
            ended.keys.push(key.id);
        }
    }
    // Whoever belongs somewhere else too goes on there.
    let others = MEMBERSHIPS.starting_with(t, &pair(user, ""))?.into_iter();
    let next = others.filter(|row| row.is_active() && row.organisation != organisation).min_by_key(|row| row.since);
    for browser in BROWSER_SESSIONS.all(t)? {
        if browser.user != user || browser.organisation != organisation {
            continue;
        }
        ended.browsers.push(browser.hash.clone());
        match &next {
            Some(next) => {
                let moved = BrowserSessionRow { organisation: next.organisation, ..browser };
                BROWSER_SESSIONS.put(t, moved.hash.as_str(), &moved)?;
            }
            None => BROWSER_SESSIONS.remove(t, browser.hash.as_str())?,
        }
    }
    Ok(ended)
}
