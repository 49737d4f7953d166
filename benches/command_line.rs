//! The command line as a person's terminal feels it: the release binary on PTYs of its own, beside `tmux attach` and
//! `dtach -a` in the same minute.
//!
//! `cargo bench --bench command_line` prints a table of what was measured beside the bar it is held to; `-- echo`,
//! `-- throughput` (or its halves, `colours` and `lines`) and `-- commands` run one part each. It wants the machine for itself,
//! and tmux and dtach, which are left out where they are missing. Nothing here fails on a figure.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    reason = "a bench prints, and stops at the first thing that does not work"
)]
#![allow(unreachable_pub, dead_code, reason = "nothing is outside of a bench, and it shares files with another one")]

#[path = "command_line/commands.rs"]
mod commands;
#[path = "journey/material.rs"]
mod material;
#[path = "command_line/outer.rs"]
mod outer;
#[path = "command_line/peers.rs"]
mod peers;
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "journey/table.rs"]
mod table;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use outer::Outer;
use peers::{Peer, peers};
use support::world::Place;
use table::{Table, mb_s, median, ms, percentile};

/// Peers take turns this often, so that what else the machine does meets all of them.
const ROUNDS: usize = 9;

/// The same for throughput, where a round is seconds.
const FLOODS: usize = 3;

/// Keys of one round at each peer.
const KEYS: usize = 200;

/// Output of one throughput run, in bytes.
const MATERIAL_BYTES: u64 = 100 << 20;

/// The program that echoes.
const ECHO: &str = "stty raw -echo; exec cat";

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut table = Table::default();
    if run("commands") {
        commands::run(&mut table).await;
    }
    let place = Place::new();
    if run("echo") {
        echo(&place, &mut table);
    }
    if run("throughput colours") {
        let coloured = place.path("coloured");
        material::write(&coloured, MATERIAL_BYTES).unwrap();
        throughput(&place, "text with colours", &coloured, &mut table);
    }
    if run("throughput lines") {
        let yes = place.path("yes");
        let mut out = std::io::BufWriter::new(std::fs::File::create(&yes).unwrap());
        (0..MATERIAL_BYTES / 4096).for_each(|_| out.write_all(&b"y\n".repeat(2048)).unwrap());
        drop(out);
        throughput(&place, "lines of `y`", &yes, &mut table);
    }
    println!("\n{}", table.markdown());
}

/// From a key that is typed at the outer terminal until its echo can be read there.
fn echo(place: &Place, table: &mut Table) {
    let mut attached: Vec<(Peer, Outer, Vec<Vec<Duration>>)> = peers(place, "echo", ECHO)
        .into_iter()
        .map(|peer| {
            let outer = Outer::start(&peer.attach);
            (peer, outer, Vec::new())
        })
        .collect();
    for (_, outer, _) in &mut attached {
        outer.synchronize();
    }
    for _ in 0..ROUNDS {
        for (_, outer, rounds) in &mut attached {
            let mut times = Vec::with_capacity(KEYS);
            for key in 0..KEYS {
                // Not in step with anybody's clock.
                std::thread::sleep(Duration::from_micros(6_000 + 917 * (key as u64 % 7)));
                let began = Instant::now();
                outer.write(b"~");
                outer.read_until(b'~');
                times.push(began.elapsed());
            }
            rounds.push(times);
        }
    }
    let mut figures = Vec::new();
    for (peer, _, rounds) in &mut attached {
        // Of each round, and then the middle one: a moment in which the machine was busy is one round's.
        let mut middle = |share| {
            let mut of_each: Vec<Duration> = rounds.iter_mut().map(|times| percentile(times, share)).collect();
            percentile(&mut of_each, 0.5)
        };
        let (p50, p99) = (middle(0.5), middle(0.99));
        table.note(&format!("echo, {}, p50 / p99", peer.name), format!("{} / {}", ms(p50), ms(p99)));
        if !peer.is_limit {
            figures.push((peer.name, p99));
        }
    }
    let Some(((_, ours), others)) = figures.split_first() else { return };
    if let Some((name, best)) = others.iter().min_by_key(|(_, p99)| *p99) {
        let bar = format!("≤ 2 × {name}: {}", ms(*best * 2));
        table.bar("echo, p99, beside the better of them", ms(*ours), &bar, *ours <= *best * 2);
    }
}

/// From the start of a program that prints `file` until its last word can be read at the outer terminal.
fn throughput(place: &Place, what: &str, file: &Path, table: &mut Table) {
    let bytes = std::fs::metadata(file).unwrap().len();
    // Each line's end is two bytes on a terminal.
    let lines = memchr::memchr_iter(b'\n', &std::fs::read(file).unwrap()).count() as u64;
    let script = format!("while read go; do cat '{}'; printf '^'; done", file.display());
    let name = file.file_name().unwrap().to_string_lossy();
    let mut attached: Vec<(Peer, Outer, Vec<f64>, u64)> = peers(place, &name, &script)
        .into_iter()
        .map(|peer| {
            let outer = Outer::start(&peer.attach);
            (peer, outer, Vec::new(), 0)
        })
        .collect();
    for (_, outer, ..) in &mut attached {
        outer.synchronize();
    }
    for _ in 0..FLOODS {
        for (_, outer, rates, delivered) in &mut attached {
            outer.drain();
            let began = Instant::now();
            outer.write(b"\r");
            *delivered = outer.read_until(b'^');
            rates.push(bytes as f64 / began.elapsed().as_secs_f64());
        }
    }
    let mut figures = Vec::new();
    for (peer, _, rates, delivered) in attached {
        let share = delivered as f64 * 100.0 / (bytes + lines) as f64;
        let all: Vec<String> = rates.iter().map(|rate| format!("{:.1}", rate / 1e6)).collect();
        let rate = median(rates);
        table.note(
            &format!("{what}, {}", peer.name),
            format!("{} ({}), {share:.0} % of it delivered", mb_s(rate), all.join(" / ")),
        );
        if !peer.is_limit {
            figures.push((peer.name, rate));
        }
    }
    let Some(((_, ours), others)) = figures.split_first() else { return };
    for (name, rate) in others {
        table.bar(&format!("{what}, beside {name}"), mb_s(*ours), &format!("≥ {}", mb_s(*rate)), ours >= rate);
    }
}
