//! From an older schema to this build's, one step per version, all in one transaction.

use redb::{Database, Durability, ReadableDatabase as _, WriteTransaction};

use super::db::Fault;
use super::schema::{AUDIT_HEADS, META, SCHEMA, create_later_tables, create_tables};

/// Where the version stands in [`META`].
pub(super) const SCHEMA_KEY: &str = "schema";

/// A step from the version of its place in [`STEPS`] to the next.
type Step = fn(&WriteTransaction) -> Result<(), Fault>;

/// Step `n` leads from schema `n` to `n + 1`. Schema 0 is an empty file.
const STEPS: &[Step] = &[create_tables];

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

/// Makes the tables that came without a schema of their own, if they are missing.
pub(super) fn complete(database: &Database) -> Result<(), Fault> {
    if AUDIT_HEADS.exists(&database.begin_read()?)? {
        return Ok(());
    }
    let mut t = database.begin_write()?;
    t.set_durability(Durability::Immediate)?;
    create_later_tables(&t)?;
    Ok(t.commit()?)
}
