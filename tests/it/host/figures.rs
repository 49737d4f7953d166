//! Figures of a PTY host, next to the limits in the same run. Not part of the tests:
//! `cargo test --release --test it host::figures -- --ignored --nocapture --test-threads 1`

use std::future::poll_fn;
use std::time::{Duration, Instant};

use sessionforge::pty::{self, Program, Pty, Size};
use sessionforge::wire::message::SessionAsk;

use super::probe::{TestHost, signal};

const FLOOD_BYTES: usize = 128 << 20;

/// Lines of 100 characters, as fast as `yes` writes them.
fn flood() -> String {
    format!("yes {} | head -c {FLOOD_BYTES}", "x".repeat(100))
}

fn bare(script: &str) -> pty::unix::UnixPty {
    let program = Program {
        path: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        workdir: "/".into(),
        environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        without_terminal: false,
    };
    pty::open(&program, Size { cols: 120, rows: 40 }).unwrap()
}

async fn bare_read() -> f64 {
    let mut pty = bare(&flood());
    let mut buffer = vec![0; 64 * 1024];
    let (begin, mut all) = (Instant::now(), 0);
    loop {
        match poll_fn(|cx| pty.poll_read(cx, &mut buffer)).await.unwrap() {
            0 => break,
            bytes => all += bytes,
        }
    }
    rate(all as u64, begin)
}

fn rate(bytes: u64, since: Instant) -> f64 {
    bytes as f64 / 1e6 / since.elapsed().as_secs_f64()
}

#[tokio::test]
#[ignore = "a measurement"]
async fn throughput_through_a_host_next_to_a_bare_terminal() {
    for round in 1..=3 {
        let limit = bare_read().await;
        let host =
            TestHost::shell(&format!("stty -echo; echo up; read line; {}; echo; echo over; read line", flood())).await;
        let mut probe = host.attach().await;
        probe.searches = 4096;
        probe.until_text("up").await;
        probe.join(sessionforge::wire::message::Take::Always, 120, 40).await;
        let (before, cpu) = (probe.received, cpu_seconds(host.pid));
        let begin = Instant::now();
        probe.type_text("go\r").await;
        probe.until_text("over").await;
        // What a repaint skipped was not received; the host read and modelled it all the same.
        let (got, through) = (rate(probe.received - before, begin), rate(FLOOD_BYTES as u64, begin));
        let cpu = (cpu_seconds(host.pid) - cpu) / (FLOOD_BYTES as f64 / f64::from(1 << 30));
        eprintln!(
            "{round}: bare {limit:.1} MB/s; host {through:.1} MB/s ({:.2} of it), received {got:.1} MB/s, {} repaints; \
             {cpu:.1} CPU-s/GiB",
            through / limit,
            probe.repaints
        );
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn echo_latency_next_to_a_bare_terminal() {
    const KEYS: usize = 500;
    let mut bare = bare("stty -echo -icanon; echo up; exec cat");
    let mut buffer = vec![0; 4096];
    while !String::from_utf8_lossy(&buffer).contains("up") {
        poll_fn(|cx| bare.poll_read(cx, &mut buffer)).await.unwrap();
    }
    let mut times = Vec::new();
    for _ in 0..KEYS {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let begin = Instant::now();
        poll_fn(|cx| bare.poll_write(cx, b"k")).await.unwrap();
        poll_fn(|cx| bare.poll_read(cx, &mut buffer)).await.unwrap();
        times.push(begin.elapsed());
    }
    report("bare echo", &mut times);

    let host = TestHost::shell("stty -echo -icanon; echo up; exec cat").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    let mut times = Vec::new();
    for _ in 0..KEYS {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (begin, before) = (Instant::now(), probe.received);
        probe.type_text("k").await;
        probe.until("its echo", |probe| probe.received > before).await;
        times.push(begin.elapsed());
    }
    report("host echo", &mut times);
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_micros();
    eprintln!("{what}: p50 {} µs, p99 {} µs", at(50), at(99));
}

#[tokio::test]
#[ignore = "a measurement"]
async fn ctrl_c_out_of_a_flood() {
    for (what, bytes_per_second) in [("fast reader", None), ("reader of 1 Mbit/s", Some(125_000))] {
        let mut times = Vec::new();
        for _ in 0..10 {
            let script = "stty -echo; trap 'echo stopped' INT; echo up; read line; yes; echo over; read line";
            let host = TestHost::shell(script).await;
            let mut probe = host.attach().await;
            probe.searches = 4096;
            probe.until_text("up").await;
            probe.bytes_per_second = bytes_per_second;
            probe.type_text("go\r").await;
            let flooded = Instant::now() + Duration::from_secs(2);
            probe.until("a flood", |_| Instant::now() > flooded).await;
            let begin = Instant::now();
            probe.type_text("\x03").await;
            probe.until_text("stopped").await;
            times.push(begin.elapsed());
        }
        report(&format!("Ctrl-C to its effect on the screen, {what}"), &mut times);
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn memory_of_a_host() {
    let host = TestHost::shell("echo up; read line; seq -f '%0120.0f' 1 20000; echo over; read line").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    probe.join(sessionforge::wire::message::Take::Always, 120, 40).await;
    probe.until("the size", |probe| probe.painted_at.cols == 120).await;
    eprintln!("idle: {} KiB private", private_kib(host.pid));
    probe.type_text("go\r").await;
    probe.until_text("over").await;
    eprintln!("with 5,000 lines of 120: {} KiB private", private_kib(host.pid));
    let begin = Instant::now();
    probe.ask(SessionAsk::Snapshot { id: 1, history: false }).await;
    probe.until("the screen", |probe| probe.answers.contains_key(&1)).await;
    eprintln!("screen: {} bytes in {:?}", probe.answers[&1].1.len(), begin.elapsed());
    let begin = Instant::now();
    probe.ask(SessionAsk::Snapshot { id: 2, history: true }).await;
    probe.until("the scrollback", |probe| probe.answers.contains_key(&2)).await;
    eprintln!("scrollback: {} bytes in {:?}", probe.answers[&2].1.len(), begin.elapsed());
    eprintln!("after its snapshot: {} KiB private", private_kib(host.pid));
    signal(host.pid, libc::SIGTERM);
}

fn private_kib(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    rollup
        .lines()
        .filter(|line| line.starts_with("Private_"))
        .map(|line| line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Processor time of a process so far, in seconds.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}
