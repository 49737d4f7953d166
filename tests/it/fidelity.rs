//! The terminal model against xterm.js itself.
//!
//! One xterm.js terminal is fed a stream; another the model's snapshot at a random place of it and the rest.
//! Whatever differs (a cell, a colour, a mode, the cursor, the scrollback) is a fault, at the cut and at the end.

mod oracle;
mod streams;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use oracle::{Case, Difference, Oracle};
use sessionforge::stream::Screen;
use streams::Random;

/// Scrollback of both, in lines: small enough that streams overflow it.
const SCROLLBACK: usize = 300;

/// Counts of one kind of streams, and what differed.
#[derive(Default)]
struct Tally {
    cases: usize,
    exact_at: usize,
    exact_end: usize,
    faults: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, difference: &Difference) {
        if difference.skipped {
            return;
        }
        self.cases += 1;
        self.exact_at += usize::from(difference.at.is_empty());
        self.exact_end += usize::from(difference.end.is_empty());
        for name in difference
            .at
            .iter()
            .map(|name| format!("at cut: {name}"))
            .chain(difference.end.iter().map(|name| format!("at end: {name}")))
        {
            *self.faults.entry(name).or_default() += 1;
        }
    }

    fn report(&self, name: &str) -> String {
        let mut text = format!(
            "{name:12} {:4} cases, exact {:4} at the cut, {:4} at the end",
            self.cases, self.exact_at, self.exact_end
        );
        for (fault, count) in &self.faults {
            text.push_str(&format!("\n    {count:4} × {fault}"));
        }
        text
    }
}

/// Feeds the model up to the cut in pieces of random sizes, and compares.
fn compare(oracle: &mut Oracle, random: &mut Random, size: (u16, u16), raw: &[u8], cut: usize) -> Difference {
    let (cols, rows) = size;
    let mut screen = Screen::new(cols, rows, SCROLLBACK);
    let mut at = 0;
    while at < cut {
        let end = (at + 1 + random.below(4096)).min(cut);
        screen.feed(&raw[at..end], Instant::now(), &mut Vec::new());
        at = end;
    }
    let snapshot = screen.snapshot(true);
    oracle.compare(&Case { cols, rows, scrollback: SCROLLBACK, raw, cut, snapshot: &snapshot })
}

fn env_number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn recorded_programs_come_back_exactly() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut random = Random::new(env_number("FIDELITY_SEED", 1) as u64);
    let mut faults = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "bin"));
    files.sort();
    assert!(!files.is_empty(), "there are recordings");
    for path in files {
        let raw = std::fs::read(&path).unwrap();
        let mut tally = Tally::default();
        for _ in 0..env_number("FIDELITY_CUTS", 12) {
            let cut = random.below(raw.len());
            tally.add(&compare(&mut oracle, &mut random, (120, 40), &raw, cut));
        }
        let report = tally.report(&path.file_stem().unwrap().to_string_lossy());
        eprintln!("{report}");
        if tally.exact_at + tally.exact_end < 2 * tally.cases {
            faults.push(report);
        }
    }
    assert!(faults.is_empty(), "recordings that do not come back exactly:\n{}", faults.join("\n"));
}

#[test]
fn generated_streams_come_back_exactly() {
    let Some(mut oracle) = Oracle::start() else { return };
    let seed = env_number("FIDELITY_SEED", 1) as u64;
    let (mut cases, mut at, mut end) = (0, 0, 0);
    for kind in streams::kinds().iter().chain(&["noise"]) {
        let mut tally = Tally::default();
        if std::env::var("FIDELITY_KIND").is_ok_and(|wanted| wanted != *kind) {
            continue;
        }
        for number in 0..env_number("FIDELITY_CASES", 40) {
            if std::env::var("FIDELITY_NUMBER").is_ok_and(|wanted| wanted != number.to_string()) {
                continue;
            }
            let mut random = Random::new(seed << 32 | number as u64);
            let size = [(120, 40), (80, 24), (20, 6), (7, 3)][random.below(4)];
            let raw = match *kind {
                "noise" => streams::noise(&mut random),
                kind => streams::generate(kind, &mut random, size.0.into(), size.1.into()),
            };
            let cut = random.below(raw.len());
            let difference = compare(&mut oracle, &mut random, size, &raw, cut);
            if std::env::var_os("FIDELITY_VERBOSE").is_some()
                && !(difference.at.is_empty() && difference.end.is_empty())
            {
                eprintln!("{kind} {number} {size:?} cut {cut} of {}: {difference:?}", raw.len());
            }
            tally.add(&difference);
        }
        eprintln!("{}", tally.report(kind));
        cases += tally.cases;
        at += tally.exact_at;
        end += tally.exact_end;
    }
    eprintln!("{cases} generated cases: {at} exact at the cut, {end} at the end");
}

#[test]
fn every_character_has_the_width_that_the_browser_gives_it() {
    let Some(mut oracle) = Oracle::start() else { return };
    let mut wrong = Vec::new();
    for (ch, digit) in (0xa0..=0x0010_ffff_u32).zip(oracle.widths().bytes()) {
        let Some(ch) = char::from_u32(ch).filter(|ch| *ch != '\u{feff}') else { continue };
        let mut screen = Screen::new(10, 1, 0);
        screen.feed(format!("x{ch}").as_bytes(), Instant::now(), &mut Vec::new());
        let columns = screen.cursor().column - 1;
        if columns != u16::from(digit - b'0') {
            wrong.push(ch);
        }
    }
    assert!(wrong.is_empty(), "{} characters, first {:?}", wrong.len(), wrong.first());
}
