//! What a request's key costs before its handler runs: is it well formed, whose is it, have they a place, does it cover this.

use std::time::{Duration, Instant};

use sessionforge::base::api_key;
use sessionforge::base::clock::unix_millis;
use sessionforge::base::id::KeyId;
use sessionforge::server::auth::permissions::Permission;
use sessionforge::server::auth::{Caller, Via};
use sessionforge::store::{KeyRow, Scope, Store};

use super::support::process::cpu_time;
use super::table::{Table, percentile};

/// Keys of the organisation: one among many is looked for.
const KEYS: usize = 1_000;

/// Checks, one after the other.
const CHECKS: usize = 50_000;

/// The bar, for one check.
const BAR: Duration = Duration::from_micros(20);

/// Measures.
pub async fn measure(table: &mut Table) {
    let dir = tempfile::TempDir::new().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let owner = store.ensure_local_owner("Ada".to_owned(), unix_millis()).await.unwrap();
    let keys: Vec<_> = (0..KEYS).map(|_| api_key::random()).collect();
    let rows = keys.iter().map(|key| KeyRow {
        id: KeyId::random(),
        name: "bench".to_owned(),
        prefix: key.expose()[..api_key::SHOWN_CHARS].to_owned(),
        hash: key.hash(),
        organisation: owner.organisation,
        created_by: owner.user,
        created_at: 0,
        last_used_at: None,
        revoked_at: None,
        scopes: vec![Scope::SessionsRead, Scope::MachinesRead],
        expires_at: None,
        last_used_from: None,
    });
    futures_util::future::join_all(rows.map(|row| store.add_key(row))).await.into_iter().for_each(Result::unwrap);

    let mut times = Vec::with_capacity(CHECKS);
    let (began, cpu) = (Instant::now(), cpu_time(std::process::id()));
    for number in 0..CHECKS {
        let secret = &keys[number % KEYS];
        let began = Instant::now();
        assert!(api_key::is_well_formed(secret.expose()));
        let admission = store.key_member(secret, unix_millis()).await.unwrap().unwrap();
        let caller = Caller {
            user: admission.by.created_by,
            organisation: admission.by.organisation,
            role: admission.membership.role,
            via: Via::Key(admission.by.id),
            scopes: Some(admission.by.scopes.into()),
            expires_at: admission.by.expires_at,
            address: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        assert!(admission.allowed.admits(caller.address));
        caller.may(Permission::SeeMachine).unwrap();
        times.push(began.elapsed());
    }
    let each = began.elapsed() / CHECKS as u32;
    let cpu = cpu_time(std::process::id()).saturating_sub(cpu) / CHECKS as u32;
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    table.bar("check of a key, mean", micros(each), "≤ 20 µs", each <= BAR);
    table.note("of it processor time", micros(cpu));
    table.note("check of a key, p50 / p99", format!("{} / {}", micros(p50), micros(p99)));
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
