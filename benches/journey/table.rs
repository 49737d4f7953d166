//! The table at the end: what was measured, beside the bar it is held to.

use std::fmt::Write;
use std::time::Duration;

/// One line.
struct Row {
    what: String,
    measured: String,
    bar: String,
    kept: Option<bool>,
}

/// Lines in the order in which they were measured. Nothing fails here: a bench tells, a person judges.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// A figure without a bar: a limit, or context.
    pub fn note(&mut self, what: &str, measured: String) {
        println!("  {what}: {measured}");
        self.0.push(Row { what: what.to_owned(), measured, bar: String::new(), kept: None });
    }

    /// A figure and its bar.
    pub fn bar(&mut self, what: &str, measured: String, bar: &str, kept: bool) {
        println!("  {what}: {measured}   (bar {bar}) {}", mark(Some(kept)));
        self.0.push(Row { what: what.to_owned(), measured, bar: bar.to_owned(), kept: Some(kept) });
    }

    /// As Markdown, ready for `benches/README.md`.
    pub fn markdown(&self) -> String {
        let mut out = String::from("| what | measured | bar | |\n|---|---|---|---|\n");
        for Row { what, measured, bar, kept } in &self.0 {
            let _ = writeln!(out, "| {what} | {measured} | {bar} | {} |", mark(*kept));
        }
        out
    }
}

fn mark(kept: Option<bool>) -> &'static str {
    match kept {
        Some(true) => "ok",
        Some(false) => "**missed**",
        None => "",
    }
}

/// The value below which `share` of the samples lie (nearest rank).
pub fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    let rank = (share * samples.len() as f64).ceil() as usize;
    samples.get(rank.clamp(1, samples.len().max(1)) - 1).copied().unwrap_or_default()
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// `1.23 ms`.
pub fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// `12.3 MB/s`.
pub fn mb_s(rate: f64) -> String {
    format!("{:.1} MB/s", rate / 1e6)
}

/// `1.2 MiB`.
pub fn mib(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / 1_048_576.0)
}
