//! People, organisations, and who belongs where.

use redb::WriteTransaction;

use super::db::Fault;
use super::links;
use super::schema::{LINKS, Look, MEMBERSHIPS, ORGANISATIONS, SECOND_FACTORS, USER_EMAILS, USERS, pair};
use super::{
    BrowserSessionRow, MembershipRow, OrganisationRow, Role, SecondFactorRow, Store, StoreError, UserRow,
    browser_sessions, members,
};
use crate::base::allow_list::AllowList;
use crate::base::id::{OrganisationId, UserId};
use crate::base::secret::Secret;

/// The first account, as the set-up page asks for it.
#[derive(Debug, Clone)]
pub struct NewOwner {
    /// What people call them.
    pub name: String,
    /// To sign in with.
    pub email: String,
    /// argon2id in PHC form.
    pub password: String,
    /// What their organisation is called.
    pub organisation: String,
}

/// A person with all that their page begins with.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Who.
    pub user: UserRow,
    /// Where they belong and are not deactivated, longest first, each with what it is called.
    pub places: Vec<(MembershipRow, String)>,
    /// Their second factor, also one that is not confirmed yet.
    pub second_factor: Option<SecondFactorRow>,
}

impl Store {
    /// Whether somebody owns this server.
    pub async fn has_owner(&self) -> Result<bool, StoreError> {
        self.read(|t| Ok(first_owner(t)?.is_some())).await
    }

    /// Whether somebody can sign in with a password.
    pub async fn has_password(&self) -> Result<bool, StoreError> {
        self.read(|t| Ok(USERS.all(t)?.iter().any(|user| user.password.is_some()))).await
    }

    /// Makes the first account, uses the set-up link up and signs the browser in: all or nothing.
    pub async fn set_up(
        &self,
        token: &Secret,
        owner: NewOwner,
        now: u64,
        session: impl FnOnce(UserId, OrganisationId) -> BrowserSessionRow + Send + 'static,
    ) -> Result<BrowserSessionRow, StoreError> {
        let hash = token.hash();
        self.write(move |t| {
            links::usable_for_setup(t, &hash, now)?;
            let email = owner.email.to_lowercase();
            if USER_EMAILS.get(t, &email)?.is_some() {
                return Err(StoreError::EmailTaken.into());
            }
            let user = UserRow {
                id: UserId::random(),
                name: owner.name,
                email: Some(owner.email),
                password: Some(owner.password),
                created_at: now,
            };
            let membership = add_owner(t, &user, owner.organisation, now)?;
            USER_EMAILS.put(t, &email, &user.id.to_string())?;
            LINKS.remove(t, hash.as_str())?;
            let row = session(user.id, membership.organisation);
            browser_sessions::add(t, &row)?;
            Ok(row)
        })
        .await
    }

    /// The owner of this server; made without a password and called `name` if there is none.
    ///
    /// For `sessionforge up`, whose caller has the data directory in hand anyway.
    pub async fn ensure_local_owner(&self, name: String, now: u64) -> Result<MembershipRow, StoreError> {
        self.write(move |t| {
            if let Some(owner) = first_owner(t)? {
                return Ok(owner);
            }
            let organisation = format!("{name}'s machines");
            let user = UserRow { id: UserId::random(), name, email: None, password: None, created_at: now };
            add_owner(t, &user, organisation, now)
        })
        .await
    }

    /// The owner of the oldest organisation.
    pub async fn first_owner(&self) -> Result<Option<MembershipRow>, StoreError> {
        self.read(first_owner).await
    }

    /// One person.
    pub async fn user(&self, id: UserId) -> Result<Option<UserRow>, StoreError> {
        self.read(move |t| USERS.get(t, &id.to_string())).await
    }

    /// One person and their places, in one look.
    pub async fn profile(&self, id: UserId) -> Result<Option<Profile>, StoreError> {
        self.read(move |t| {
            let Some(user) = USERS.get(t, &id.to_string())? else { return Ok(None) };
            let mut places = Vec::new();
            for row in memberships(t, id)? {
                let organisation = ORGANISATIONS.get(t, &row.organisation.to_string())?;
                places.extend(organisation.map(|it| (row, it.name)));
            }
            let second_factor = SECOND_FACTORS.get(t, &id.to_string())?;
            Ok(Some(Profile { user, places, second_factor }))
        })
        .await
    }

    /// The person with this e-mail address, in any case of letters.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserRow>, StoreError> {
        let email = email.to_lowercase();
        self.read(move |t| match USER_EMAILS.get(t, &email)? {
            Some(id) => USERS.get(t, &id),
            None => Ok(None),
        })
        .await
    }

    /// One organisation.
    pub async fn organisation(&self, id: OrganisationId) -> Result<Option<OrganisationRow>, StoreError> {
        self.read(move |t| ORGANISATIONS.get(t, &id.to_string())).await
    }

    /// A person's place in an organisation, if they have one and were not deactivated.
    pub async fn membership(
        &self,
        user: UserId,
        organisation: OrganisationId,
    ) -> Result<Option<MembershipRow>, StoreError> {
        self.read(move |t| members::active(t, user, organisation)).await
    }

    /// Where a person belongs and is not deactivated, longest first.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<MembershipRow>, StoreError> {
        self.read(move |t| memberships(t, user)).await
    }

    /// Changes what a person is called.
    pub async fn rename_user(&self, id: UserId, name: String) -> Result<(), StoreError> {
        self.write(move |t| {
            let row = USERS.get(t, &id.to_string())?.ok_or(StoreError::NotFound { what: "user" })?;
            USERS.put(t, &id.to_string(), &UserRow { name, ..row })
        })
        .await
    }
}

fn memberships(t: &impl Look, user: UserId) -> Result<Vec<MembershipRow>, Fault> {
    let mut rows = MEMBERSHIPS.starting_with(t, &pair(user, ""))?;
    rows.retain(MembershipRow::is_active);
    rows.sort_by_key(|row| row.since);
    Ok(rows)
}

pub(super) fn first_owner(t: &impl Look) -> Result<Option<MembershipRow>, Fault> {
    let owners = MEMBERSHIPS.all(t)?.into_iter().filter(|row| row.role == Role::Owner && row.is_active());
    Ok(owners.min_by_key(|row| row.since))
}

fn add_owner(t: &WriteTransaction, user: &UserRow, organisation: String, now: u64) -> Result<MembershipRow, Fault> {
    USERS.put(t, &user.id.to_string(), user)?;
    found_organisation(t, OrganisationId::random(), user.id, organisation, now)
}

/// A new organisation, owned by `owner`.
pub(super) fn found_organisation(
    t: &WriteTransaction,
    id: OrganisationId,
    owner: UserId,
    name: String,
    now: u64,
) -> Result<MembershipRow, Fault> {
    let organisation = OrganisationRow { id, name, created_at: now, allowed: AllowList::default() };
    ORGANISATIONS.put(t, &organisation.id.to_string(), &organisation)?;
    members::add(t, organisation.id, owner, Role::Owner, now)
}
