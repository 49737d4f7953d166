//! Numbers for a monitoring system, as Prometheus reads them (text format 0.0.4).
//!
//! Few, each with a help line; no label whose values anybody outside can invent. `docs/self-hosting.md` explains them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Shared;
use super::answer::ApiError;
use super::auth::origin;
use crate::base::problem::Code;

/// Upper bounds of the buckets that requests are sorted into by the time they took.
const BUCKETS: [(Duration, &str); 8] = [
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(20), "0.02"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(2), "2"),
    (Duration::from_secs(10), "10"),
    (Duration::from_secs(30), "30"),
];

/// A number that only rises.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn one(&self) {
        self.many(1);
    }

    /// So many more.
    pub(crate) fn many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted while the server runs. What can be looked up when asked is not counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Requests by the first digit of their status; sockets count as 101.
    requests: [Counter; 5],
    buckets: [Counter; BUCKETS.len()],
    timed: Counter,
    micros: Counter,
}

/// Counts a request and the time until its answer began.
pub(super) async fn count(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = std::time::Instant::now();
    // A long poll or a stream says nothing about how fast we are.
    let waits = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().ends_with("/wait"));
    let response = next.run(request).await;
    let metrics = &shared.metrics;
    let class = usize::from(response.status().as_u16() / 100).saturating_sub(1);
    if let Some(counter) = metrics.requests.get(class) {
        counter.one();
    }
    if !waits {
        let took = began.elapsed();
        metrics.timed.one();
        metrics.micros.many(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        for ((bound, _), counter) in BUCKETS.iter().zip(&metrics.buckets) {
            if took <= *bound {
                counter.one();
            }
        }
    }
    response
}

/// The site of the metrics' own listener.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().route("/metrics", get(show)).with_state(shared)
}

async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    // A page whose name was pointed at this machine must not read what runs here.
    if !origin::host_is_ours(&headers, true, &shared.config) {
        return ApiError::new(Code::NotAllowed, "metrics are asked for as localhost").into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&shared)).into_response()
}

/// A metric's name, kind and help, then its samples.
fn metric(out: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, f64)]) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "# HELP sessionforge_{name} {help}\n# TYPE sessionforge_{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(out, "sessionforge_{name}{labels} {value}");
    }
}

#[allow(clippy::cast_precision_loss, reason = "Prometheus has floating point numbers only")]
fn text(shared: &Shared) -> String {
    let mut out = String::new();
    let plain = |value: u64| vec![(String::new(), value as f64)];
    let (metrics, census) = (&shared.metrics, shared.relay.census());
    let build = vec![(format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0)];
    metric(&mut out, "build_info", "gauge", "The build that runs; always 1.", &build);
    let started = shared.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    metric(&mut out, "start_time_seconds", "gauge", "When the server started, in seconds since 1970.", &plain(started));
    metric(&mut out, "agents", "gauge", "Agents that are connected.", &plain(census.agents));
    metric(&mut out, "machines", "gauge", "Machines that are registered.", &plain(census.machines));
    metric(&mut out, "pages", "gauge", "Pages and scripts that listen to the fleet.", &plain(census.pages));
    metric(&mut out, "sessions", "gauge", "Sessions whose program runs.", &plain(census.sessions));
    metric(&mut out, "viewers", "gauge", "Terminals that somebody watches.", &plain(census.viewers));
    let classes = metrics.requests.iter().enumerate();
    let requests: Vec<_> =
        classes.map(|(class, counter)| (format!("{{status=\"{}xx\"}}", class + 1), counter.get() as f64)).collect();
    metric(&mut out, "http_requests_total", "counter", "Requests answered, by the class of their status.", &requests);
    let mut times: Vec<_> = BUCKETS
        .iter()
        .zip(&metrics.buckets)
        .map(|((_, bound), counter)| (format!("_bucket{{le=\"{bound}\"}}"), counter.get() as f64))
        .collect();
    let all = metrics.timed.get() as f64;
    times.push(("_bucket{le=\"+Inf\"}".to_owned(), all));
    times.push(("_sum".to_owned(), metrics.micros.get() as f64 / 1e6));
    times.push(("_count".to_owned(), all));
    metric(&mut out, "http_request_seconds", "histogram", "Time until an answer began; waits left out.", &times);
    let sign_ins = vec![
        ("{outcome=\"done\"}".to_owned(), shared.sign_in.fitted.get() as f64),
        ("{outcome=\"refused\"}".to_owned(), shared.sign_in.refused.get() as f64),
    ];
    metric(&mut out, "sign_ins_total", "counter", "Sign-ins with a password.", &sign_ins);
    let store = shared.store.counts();
    metric(&mut out, "store_commits_total", "counter", "Commits of the database.", &plain(store.commits));
    metric(&mut out, "store_writes_total", "counter", "Writes that shared them.", &plain(store.writes));
    metric(&mut out, "store_failures_total", "counter", "Commits that failed.", &plain(store.failures));
    metric(&mut out, "state_bytes", "gauge", "Size of the database file.", &plain(shared.store.file_bytes()));
    if let Some(bytes) = resident_bytes() {
        metric(&mut out, "resident_memory_bytes", "gauge", "Memory of this process.", &plain(bytes));
    }
    out
}

/// The process's resident memory; only Linux tells it without asking.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
