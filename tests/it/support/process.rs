//! A program under test: its output is kept for failures and for waits, and it never outlives the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wait::{Changes, WAIT_MAX, poll};

/// Lines a program printed, standard output and standard error in the order in which they came.
#[derive(Debug, Default)]
pub struct Log {
    lines: Mutex<Vec<String>>,
    changes: Changes,
    /// Streams that have come to their end.
    ended: AtomicUsize,
}

/// Standard output and standard error.
const STREAMS: usize = 2;

/// Time for the last words of a program that has ended; something it left running may hold its output open for ever.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);

impl Log {
    fn follow(self: &Arc<Self>, mut stream: impl Read + Send + 'static, mark: &'static str) {
        let log = Arc::clone(self);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(&mut stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                log.lines.lock().unwrap().push(format!("{mark} {text}"));
                log.changes.raise();
                line.clear();
            }
            log.ended.fetch_add(1, Ordering::Relaxed);
            log.changes.raise();
        });
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    fn find(&self, wanted: &str) -> Option<String> {
        self.lines.lock().unwrap().iter().find(|line| line.contains(wanted)).cloned()
    }
}

/// A started program. Dropping it kills it; a failing test prints what it said.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: Arc<Log>,
}

impl Process {
    /// Starts `command` with its output followed.
    pub fn start(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start ({error}): {command:?}"));
        let log = Arc::new(Log::default());
        log.follow(child.stdout.take().unwrap(), " ");
        log.follow(child.stderr.take().unwrap(), "!");
        Self { name, child, log }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The first line that contains `wanted`.
    pub async fn expect_line(&mut self, wanted: &str) -> String {
        let log = Arc::clone(&self.log);
        let Self { child, .. } = self;
        let found = log
            .changes
            .wait(WAIT_MAX, || log.find(wanted).map(Ok).or_else(|| child.try_wait().ok().flatten().map(Err)));
        match found.await {
            Some(Ok(line)) => line,
            // It may have said it just before it ended.
            Some(Err(status)) => log.find(wanted).unwrap_or_else(|| {
                panic!("{} ended ({status}) without saying {wanted:?}; it said:\n{}", self.name, self.log())
            }),
            None => panic!("{} never said {wanted:?}; it said:\n{}", self.name, self.log()),
        }
    }

    /// Waits for its end, and for all it said.
    pub async fn expect_exit(&mut self) -> ExitStatus {
        let name = self.name;
        let status = poll(&format!("{name} ends"), async || self.child.try_wait().ok().flatten()).await;
        let all = || (self.log.ended.load(Ordering::Relaxed) == STREAMS).then_some(());
        let _ = self.log.changes.wait(LAST_WORDS_WITHIN, all).await;
        status
    }

    /// Sends a signal by its name: `TERM`, `INT`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        signal_pid(self.pid(), signal);
    }

    /// The hard way, as a crash or the OOM killer would: no chance to say goodbye.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {} (process {}) said:\n{}\n----", self.name, self.pid(), tail(&self.log(), 120));
        }
        self.kill();
    }
}

/// The last `lines` lines of `text`.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let skipped = all.len().saturating_sub(lines);
    let head = if skipped > 0 { format!("({skipped} lines before)\n") } else { String::new() };
    head + &all[skipped..].join("\n")
}

/// Sends `signal` to `pid`; a process that has ended already is fine.
pub fn signal_pid(pid: u32, signal: &str) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    let signal = match signal {
        "TERM" => rustix::process::Signal::TERM,
        "INT" => rustix::process::Signal::INT,
        "HUP" => rustix::process::Signal::HUP,
        "QUIT" => rustix::process::Signal::QUIT,
        "TSTP" => rustix::process::Signal::TSTP,
        "KILL" => rustix::process::Signal::KILL,
        "STOP" => rustix::process::Signal::STOP,
        "CONT" => rustix::process::Signal::CONT,
        other => panic!("no such signal here: {other}"),
    };
    let _ = rustix::process::kill_process(pid, signal);
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `command` to its end, at most [`WAIT_MAX`].
pub async fn run(command: Command) -> Ran {
    run_within(WAIT_MAX, command).await
}

/// The same for one that takes longer.
pub async fn run_within(time: Duration, mut command: Command) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = tokio::process::Command::from(command).kill_on_drop(true).output();
    let output = tokio::time::timeout(time, running)
        .await
        .unwrap_or_else(|_| panic!("still running after {time:?}: {shown}"))
        .unwrap_or_else(|error| panic!("{error}: {shown}"));
    Ran {
        code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Ends every process whose home directory is `home`: PTY hosts and the programs in them, which outlive their agent.
///
/// Nothing else can have it: `home` is the temporary directory of one test.
pub fn end_all_at_home(home: &Path) {
    let wanted = [b"HOME=", home.as_os_str().as_encoded_bytes()].concat();
    for _ in 0..20 {
        let pids = pids_with(&wanted);
        if pids.is_empty() {
            return;
        }
        for pid in pids {
            signal_pid(pid, "KILL");
        }
        std::thread::sleep(Duration::from_millis(10)); // until the system has reaped them: nothing tells us
    }
}

/// Process ids whose environment holds `variable`, written `NAME=value`.
fn pids_with(variable: &[u8]) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pid = |name: &OsStr| name.to_str()?.parse::<u32>().ok();
    entries
        .flatten()
        .filter_map(|entry| pid(&entry.file_name()))
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == variable))
        })
        .collect()
}

/// Private memory of a process, in bytes: what would be freed if it ended.
pub fn private_bytes(pid: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib = |name: &str| {
        rollup
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .sum::<u64>()
    };
    (kib("Private_Clean:") + kib("Private_Dirty:")) * 1024
}

/// Files and sockets a process has open.
pub fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Threads of a process.
pub fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Processor time a process has used so far, in user and system mode.
pub fn cpu_time(pid: u32) -> Duration {
    // proc(5): the name in parentheses may hold anything, fields 14 and 15 are utime and stime in ticks of 1/100 s.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}
