//! The tables, and how a row is found. Keys are text, values JSON.

use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, TableError, Value, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit::{Entry, Head};
use super::db::Fault;
use super::notify::{PushRow, ToldRow};
use super::row::{
    BrowserSessionRow, InvitationRow, KeyRow, LinkRow, MachineRow, MembershipRow, OrganisationRow, SecondFactorRow,
    SessionRow, UserRow,
};
use super::sessions::SessionHome;
use super::webhooks::{DeliveryRow, WebhookRow};
use crate::base::id::{OrganisationId, UserId};
use crate::wire::notice::Preferences;

/// Version of the layout below; `migrate` brings older ones here.
pub(super) const SCHEMA: u32 = 3;

/// Facts about the file itself: `schema`.
pub(super) const META: Table<u32> = Table::new("meta");
/// By organisation id.
pub(super) const ORGANISATIONS: Table<OrganisationRow> = Table::new("organisations");
/// By user id.
pub(super) const USERS: Table<UserRow> = Table::new("users");
/// E-mail address in lower case → user id.
pub(super) const USER_EMAILS: Table<String> = Table::new("user_emails");
/// By user id and organisation id.
pub(super) const MEMBERSHIPS: Table<MembershipRow> = Table::new("memberships");
/// By organisation id and user id → the user's id: who belongs to an organisation, deactivated members too.
pub(super) const MEMBERS: Table<UserId> = Table::new("members");
/// By user id.
pub(super) const SECOND_FACTORS: Table<SecondFactorRow> = Table::new("second_factors");
/// Invitations that can still be accepted, or could.
pub(super) const INVITATIONS: Scoped<InvitationRow> = Scoped::new("invitations", "invitation_homes");
/// Hash of an invitation's token → its id.
pub(super) const INVITATION_HASHES: Table<String> = Table::new("invitation_hashes");
/// By hash of the cookie.
pub(super) const BROWSER_SESSIONS: Table<BrowserSessionRow> = Table::new("browser_sessions");
/// By hash of the token.
pub(super) const LINKS: Table<LinkRow> = Table::new("links");
/// By name.
pub(super) const SETTINGS: Table<serde_json::Value> = Table::new("settings");
/// API keys.
pub(super) const KEYS: Scoped<KeyRow> = Scoped::new("keys", "key_homes");
/// Hash of an API key → its id.
pub(super) const KEY_HASHES: Table<String> = Table::new("key_hashes");
/// Machines.
pub(super) const MACHINES: Scoped<MachineRow> = Scoped::new("machines", "machine_homes");
/// By organisation id, machine id and session id.
pub(super) const SESSIONS: Table<SessionRow> = Table::new("sessions");
/// By session id.
pub(super) const SESSION_HOMES: Table<SessionHome> = Table::new("session_homes");

/// Entries of the audit log, by chain and number.
pub(super) const AUDIT: Table<Entry> = Table::new("audit");
/// Where each chain of the audit log ends, by chain.
pub(super) const AUDIT_HEADS: Table<Head> = Table::new("audit_heads");

/// What people want to be told and where, by user id.
pub(super) const PREFERENCES: Table<Preferences> = Table::new("preferences");
/// Browsers that get push messages, by user id and id.
pub(super) const PUSHES: Table<PushRow> = Table::new("pushes");
/// The request that was told last, by session id.
pub(super) const NEEDS_TOLD: Table<ToldRow> = Table::new("needs_told");
/// Webhooks.
pub(super) const WEBHOOKS: Scoped<WebhookRow> = Scoped::new("webhooks", "webhook_homes");
/// What was sent to webhooks and what waits, by webhook id and id.
pub(super) const DELIVERIES: Table<DeliveryRow> = Table::new("deliveries");
/// What waits, by its time and the key in [`DELIVERIES`].
pub(super) const DELIVERIES_DUE: Table<()> = Table::new("deliveries_due");

/// Creates every table of schema 1, so that no read meets a missing one.
pub(super) fn create_tables(t: &WriteTransaction) -> Result<(), Fault> {
    META.create(t)?;
    ORGANISATIONS.create(t)?;
    USERS.create(t)?;
    USER_EMAILS.create(t)?;
    MEMBERSHIPS.create(t)?;
    BROWSER_SESSIONS.create(t)?;
    LINKS.create(t)?;
    SETTINGS.create(t)?;
    KEY_HASHES.create(t)?;
    KEYS.create(t)?;
    MACHINES.create(t)?;
    SESSIONS.create(t)?;
    SESSION_HOMES.create(t)
}

/// Creates the tables that came with schema 2.
pub(super) fn create_tables_of_2(t: &WriteTransaction) -> Result<(), Fault> {
    MEMBERS.create(t)?;
    SECOND_FACTORS.create(t)?;
    INVITATIONS.create(t)?;
    INVITATION_HASHES.create(t)?;
    AUDIT.create(t)?;
    AUDIT_HEADS.create(t)
}

/// Creates the tables that came with schema 3.
pub(super) fn create_tables_of_3(t: &WriteTransaction) -> Result<(), Fault> {
    PREFERENCES.create(t)?;
    PUSHES.create(t)?;
    NEEDS_TOLD.create(t)?;
    WEBHOOKS.create(t)?;
    DELIVERIES.create(t)?;
    DELIVERIES_DUE.create(t)
}

/// A transaction that can be read: a reading one, or the writer's own.
pub(super) trait Look {
    fn open<'t, K: Key + 'static, V: Value + 'static>(
        &'t self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<impl ReadableTable<K, V> + 't, TableError>;
}

impl Look for ReadTransaction {
    fn open<'t, K: Key + 'static, V: Value + 'static>(
        &'t self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<impl ReadableTable<K, V> + 't, TableError> {
        self.open_table(table)
    }
}

impl Look for WriteTransaction {
    fn open<'t, K: Key + 'static, V: Value + 'static>(
        &'t self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<impl ReadableTable<K, V> + 't, TableError> {
        self.open_table(table)
    }
}

/// Rows of one kind, each under one text.
pub(super) struct Table<R> {
    name: &'static str,
    row: PhantomData<R>,
}

impl<R: Serialize + DeserializeOwned> Table<R> {
    const fn new(name: &'static str) -> Self {
        Self { name, row: PhantomData }
    }

    fn definition(&self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        TableDefinition::new(self.name)
    }

    fn create(&self, t: &WriteTransaction) -> Result<(), Fault> {
        t.open_table(self.definition())?;
        Ok(())
    }

    /// Whether the table is there; only a new file lacks it.
    pub(super) fn exists(&self, t: &impl Look) -> Result<bool, Fault> {
        match t.open(self.definition()) {
            Ok(_) => Ok(true),
            Err(TableError::TableDoesNotExist(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(&self, key: &str, json: &[u8]) -> Result<R, Fault> {
        serde_json::from_slice(json).map_err(|error| {
            // The key may be a hash and the row may hold one: name neither.
            Fault::Broken(format!("a row of table {} ({} bytes of key) cannot be read: {error}", self.name, key.len()))
        })
    }

    pub(super) fn get(&self, t: &impl Look, key: &str) -> Result<Option<R>, Fault> {
        let table = t.open(self.definition())?;
        table.get(key)?.map(|json| self.parse(key, json.value())).transpose()
    }

    /// All rows whose key starts with `prefix`, in key order.
    pub(super) fn starting_with(&self, t: &impl Look, prefix: &str) -> Result<Vec<R>, Fault> {
        let table = t.open(self.definition())?;
        let mut rows = Vec::new();
        for entry in table.range(prefix..)? {
            let (key, json) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            rows.push(self.parse(key.value(), json.value())?);
        }
        Ok(rows)
    }

    /// How many rows there are whose key starts with `prefix`; reads none of them.
    pub(super) fn count_starting_with(&self, t: &impl Look, prefix: &str) -> Result<usize, Fault> {
        let table = t.open(self.definition())?;
        let mut count = 0;
        for entry in table.range(prefix..)? {
            if !entry?.0.value().starts_with(prefix) {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Shows the rows whose key starts with `prefix` to `visit` as they are stored, in key order, from the key `from` on.
    pub(super) fn visit(
        &self,
        t: &impl Look,
        prefix: &str,
        from: Option<&str>,
        mut visit: impl FnMut(&str, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let table = t.open(self.definition())?;
        for entry in table.range(from.unwrap_or(prefix)..)? {
            let (key, json) = entry?;
            if !key.value().starts_with(prefix) || visit(key.value(), json.value()).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The same backwards, from the last key before `before`.
    pub(super) fn visit_back(
        &self,
        t: &impl Look,
        prefix: &str,
        before: Option<&str>,
        mut visit: impl FnMut(&str, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let table = t.open(self.definition())?;
        // Behind every key with the prefix: keys are ASCII.
        let end = before.map_or_else(|| format!("{prefix}\u{7f}"), str::to_owned);
        for entry in table.range(prefix..end.as_str())?.rev() {
            let (key, json) = entry?;
            if visit(key.value(), json.value()).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// A row as it is stored.
    pub(super) fn get_raw(&self, t: &impl Look, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        let table = t.open(self.definition())?;
        Ok(table.get(key)?.map(|json| json.value().to_vec()))
    }

    /// Stores a row whose JSON was made already.
    pub(super) fn put_raw(&self, t: &WriteTransaction, key: &str, json: &[u8]) -> Result<(), Fault> {
        t.open_table(self.definition())?.insert(key, json)?;
        Ok(())
    }

    pub(super) fn all(&self, t: &impl Look) -> Result<Vec<R>, Fault> {
        self.starting_with(t, "")
    }

    pub(super) fn put(&self, t: &WriteTransaction, key: &str, row: &R) -> Result<(), Fault> {
        t.open_table(self.definition())?.insert(key, serde_json::to_vec(row)?.as_slice())?;
        Ok(())
    }

    pub(super) fn remove(&self, t: &WriteTransaction, key: &str) -> Result<(), Fault> {
        t.open_table(self.definition())?.remove(key)?;
        Ok(())
    }
}

/// Rows that belong to an organisation: found only by naming it. A second table tells an id's
/// organisation, which is how a foreign id is told from an unknown one.
pub(super) struct Scoped<R> {
    rows: Table<R>,
    homes: Table<OrganisationId>,
}

impl<R: Serialize + DeserializeOwned> Scoped<R> {
    const fn new(rows: &'static str, homes: &'static str) -> Self {
        Self { rows: Table::new(rows), homes: Table::new(homes) }
    }

    fn create(&self, t: &WriteTransaction) -> Result<(), Fault> {
        self.rows.create(t)?;
        self.homes.create(t)
    }

    /// The organisation an id belongs to.
    pub(super) fn home(&self, t: &impl Look, id: impl Display) -> Result<Option<OrganisationId>, Fault> {
        self.homes.get(t, &id.to_string())
    }

    pub(super) fn get(
        &self,
        t: &impl Look,
        organisation: OrganisationId,
        id: impl Display,
    ) -> Result<Option<R>, Fault> {
        self.rows.get(t, &pair(organisation, id))
    }

    pub(super) fn count(&self, t: &impl Look, organisation: OrganisationId) -> Result<usize, Fault> {
        self.rows.count_starting_with(t, &pair(organisation, ""))
    }

    /// Of all organisations, for what concerns none of them.
    pub(super) fn all(&self, t: &impl Look) -> Result<Vec<R>, Fault> {
        self.rows.all(t)
    }

    pub(super) fn list(&self, t: &impl Look, organisation: OrganisationId) -> Result<Vec<R>, Fault> {
        self.rows.starting_with(t, &pair(organisation, ""))
    }

    pub(super) fn put(
        &self,
        t: &WriteTransaction,
        organisation: OrganisationId,
        id: impl Display,
        row: &R,
    ) -> Result<(), Fault> {
        self.rows.put(t, &pair(organisation, &id), row)?;
        self.homes.put(t, &id.to_string(), &organisation)
    }

    pub(super) fn remove(
        &self,
        t: &WriteTransaction,
        organisation: OrganisationId,
        id: impl Display,
    ) -> Result<(), Fault> {
        self.rows.remove(t, &pair(organisation, &id))?;
        self.homes.remove(t, &id.to_string())
    }
}

/// The key of what stands between two things. Ids hold no slash.
pub(super) fn pair(first: impl Display, second: impl Display) -> String {
    format!("{first}/{second}")
}
