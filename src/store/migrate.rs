//! From an older schema to this build's, one step per version, all in one transaction.

use redb::{Database, Durability, WriteTransaction};

use super::db::Fault;
use super::schema::{
    KEYS, MEMBERS, MEMBERSHIPS, META, SCHEMA, create_tables, create_tables_of_2, create_tables_of_3, pair,
};
use super::{KeyRow, Scope};

/// Where the version stands in [`META`].
pub(super) const SCHEMA_KEY: &str = "schema";

/// A step from the version of its place in [`STEPS`] to the next.
type Step = fn(&WriteTransaction) -> Result<(), Fault>;

/// Step `n` leads from schema `n` to `n + 1`. Schema 0 is an empty file.
const STEPS: &[Step] = &[create_tables, members_and_scopes, create_tables_of_3];

const _: () = assert!(STEPS.len() == SCHEMA as usize, "every schema has a way to it");

/// Brings the file from `found` to [`SCHEMA`]: completely, or not at all.
pub(super) fn to_current(database: &Database, found: Option<u32>) -> Result<(), Fault> {
    let from = found.unwrap_or(0) as usize;
    let mut t = database.begin_write()?;
    t.set_durability(Durability::Immediate)?;
    for step in STEPS.iter().skip(from) {
        step(&t)?;
    }
    META.put(&t, SCHEMA_KEY, &SCHEMA)?;
    t.commit()?;
    tracing::info!(from, to = SCHEMA, "database schema");
    Ok(())
}

/// Schema 1 found members by person only, and its keys had no scopes: each could do whatever a key could do then.
fn members_and_scopes(t: &WriteTransaction) -> Result<(), Fault> {
    create_tables_of_2(t)?;
    for membership in MEMBERSHIPS.all(t)? {
        MEMBERS.put(t, &pair(membership.organisation, membership.user), &membership.user)?;
    }
    for key in KEYS.all(t)? {
        let scopes = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).collect();
        KEYS.put(t, key.organisation, key.id, &KeyRow { scopes, ..key })?;
    }
    Ok(())
}
