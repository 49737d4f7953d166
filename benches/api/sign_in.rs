//! What a sign-in with a password costs the server: its processor time, one after the other and many at once.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::http::Http;
use super::support::process::{cpu_time, private_bytes};
use super::support::world::{EMAIL, PASSWORD, World};
use super::table::{Table, mib, ms};

/// Sign-ins, one after the other.
const SIGN_INS: u32 = 50;

/// Sign-ins at once: as many as one account may try before it waits, and one more than are looked at.
const CROWD: usize = 5;

/// The bar, in processor time.
const BAR: Duration = Duration::from_millis(150);

/// Measures.
pub async fn measure(table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let pid = world.server_pid();
    let before = private_bytes(pid);
    let (began, cpu) = (Instant::now(), cpu_time(pid));
    for _ in 0..SIGN_INS {
        sign_in(&world.http).await;
    }
    let (took, cpu) = (began.elapsed() / SIGN_INS, cpu_time(pid).saturating_sub(cpu) / SIGN_INS);
    table.bar("sign-in, processor time of the server", ms(cpu), "≤ 150 ms", cpu <= BAR);
    table.note("sign-in, from the request to the cookie", ms(took));
    let began = Instant::now();
    let all = (0..CROWD).map(|_| sign_in(&world.http));
    let watched = async {
        let mut most = 0;
        loop {
            most = most.max(private_bytes(pid));
            if tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await.is_err()
                && began.elapsed() > Duration::from_millis(400)
            {
                return most;
            }
        }
    };
    let (_, most) = tokio::join!(futures_util::future::join_all(all), watched);
    table.note(
        &format!("{CROWD} sign-ins at once: memory more than before"),
        format!("{} (four hashes hold 76 MiB)", mib(most.saturating_sub(before))),
    );
}

async fn sign_in(who: &Http) {
    let mut browser = Http { cookie: None, ..who.clone() };
    browser.post("/api/v1/sign-in", &json!({ "email": EMAIL, "password": PASSWORD })).await.ok();
}
