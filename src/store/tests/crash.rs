//! Crash consistency: a process that writes through the real store is killed at any moment, again and again.
//!
//! The writer is this test binary, started again with [`DIR`] set. It says on its standard output what it was told is on
//! disk; whatever it has said must be there when the file is opened next, and no transaction may be there by half.
//!
//! A kill ends a process, not the machine: what a power cut adds (writes that the disk reorders) is redb's promise.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fixture::{SCHEMA_1, expect_all_of_1};
use super::*;
use crate::store::audit::{Action, Actor, Event};

/// Where the writer writes; only it has this variable.
const DIR: &str = "SESSIONFORGE_CRASH_DIR";
/// Which round it is, so that names do not repeat.
const ROUND: &str = "SESSIONFORGE_CRASH_ROUND";

/// Writers at a time, so that commits are shared.
const TASKS: u64 = 8;

/// A number for each round, without a pattern (`SplitMix64`).
fn random(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

// --- The process that is killed.

/// Says a line at once and whole.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n>{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "the process that the others kill; does nothing by itself"]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let round = std::env::var(ROUND).unwrap();
    say("opening");
    let begun = Instant::now();
    let store = Store::open(Path::new(&dir)).unwrap();
    say(&format!("opened {}", begun.elapsed().as_micros()));
    if round == "migrate" {
        // Until it is killed.
        std::thread::park();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let owner = store.ensure_local_owner("Ada".to_owned(), 1).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(write_for_ever(store.clone(), owner.clone(), format!("{round}/{task}")));
        }
        tasks.join_next().await;
    });
}

/// Keys with an entry in the audit log, machines, their sessions, and their removal.
async fn write_for_ever(store: Store, owner: MembershipRow, name: String) {
    let organisation = owner.organisation;
    let row = key_row(&format!("first of {name}"), organisation, owner.user);
    let key = KeyRow { name: "first".to_owned(), ..row };
    store.add_key(key.clone()).await.unwrap();
    for number in 0.. {
        let secret = format!("{name}/{number}");
        let event = Event::of(organisation, Actor::User(owner.user), Action::KeyMake).on(&secret);
        store.noting(event).add_key(key_row(&secret, organisation, owner.user)).await.unwrap();
        say(&format!("key {secret}"));
        let facts = MachineFacts { name: secret.clone(), ..MachineFacts::default() };
        let machine = store.register_machine(organisation, key.id, None, facts).await.unwrap();
        say(&format!("machine {}", machine.id));
        let mut session = session_row(machine.id, organisation, owner.user);
        for title in 1..4 {
            session.info.title = Some(format!("{title}"));
            store.put_session(session.clone()).await.unwrap();
            say(&format!("session {} {title}", session.info.id));
        }
        if number % 2 == 0 {
            // Said before too: from then on it may be gone.
            say(&format!("removing {} {}", machine.id, session.info.id));
            store.remove_machine(organisation, machine.id).await.unwrap();
            say(&format!("removed {} {}", machine.id, session.info.id));
        }
    }
}

// --- The test.

/// A writer, killed when dropped.
struct Writer {
    process: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Writer {
    fn start(dir: &Path, round: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::crash::writer", "--ignored", "--nocapture"])
            .env(DIR, dir)
            .env(ROUND, round)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        Self { process, said }
    }

    /// The next thing it says; `None` once it is dead.
    fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.said.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(said) = line.strip_prefix('>').and_then(|line| line.strip_suffix('\n')) {
                return Some(said.to_owned());
            }
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the writers of all rounds were told.
#[derive(Default)]
struct Told {
    keys: BTreeSet<String>,
    machines: BTreeSet<MachineId>,
    /// With the newest title.
    sessions: BTreeMap<SessionId, u32>,
    /// May be gone or not.
    going: BTreeSet<String>,
    gone: BTreeSet<String>,
}

impl Told {
    fn note(&mut self, said: &str) {
        let words: Vec<&str> = said.split(' ').collect();
        match words[..] {
            ["key", secret] => _ = self.keys.insert(secret.to_owned()),
            ["machine", id] => _ = self.machines.insert(id.parse().unwrap()),
            ["session", id, title] => _ = self.sessions.insert(id.parse().unwrap(), title.parse().unwrap()),
            ["removing", ..] => self.going.extend(words[1..].iter().map(|&id| id.to_owned())),
            ["removed", ..] => self.gone.extend(words[1..].iter().map(|&id| id.to_owned())),
            _ => {}
        }
    }

    /// Everything that was told is there, and nothing is there by half.
    async fn check(&self, store: &Store) {
        let owner = store.first_owner().await.unwrap().unwrap();
        let organisation = owner.organisation;
        let keys = store.keys(organisation).await.unwrap();
        for secret in &self.keys {
            let found = store.api_key_by_secret(&Secret::new(secret.as_str()), 1).await.unwrap();
            assert!(found.is_some(), "the key {secret} is lost");
        }
        let found: BTreeSet<MachineId> =
            store.machines(organisation).await.unwrap().into_iter().map(|row| row.id).collect();
        for id in &self.machines {
            let (going, gone) = (self.going.contains(&id.to_string()), self.gone.contains(&id.to_string()));
            assert!(found.contains(id) || going, "the machine {id} is lost");
            assert!(!found.contains(id) || !gone, "the machine {id} is back");
        }
        let sessions = store.sessions(organisation).await.unwrap();
        for row in &sessions {
            assert!(found.contains(&row.machine), "{} is left of a machine that was removed", row.info.id);
            let by_id = store.session(organisation, row.info.id).await.unwrap();
            assert_eq!(by_id.as_ref(), Some(row), "a session and its home go together");
        }
        let titles: BTreeMap<SessionId, u32> =
            sessions.iter().map(|row| (row.info.id, row.info.title.as_ref().unwrap().parse().unwrap())).collect();
        for (id, title) in &self.sessions {
            match titles.get(id) {
                Some(found) => assert!(found >= title, "{id} is as it was before"),
                None => assert!(self.going.contains(&id.to_string()), "the session {id} is lost"),
            }
        }
        // Each key but the first of each writer was noted in its own commit.
        let noted = store.audit_verify(None).await.unwrap();
        assert!(noted.iter().all(|chain| chain.flaw.is_none()), "{noted:?}");
        let entries: u64 = noted.iter().map(|chain| chain.entries).sum();
        assert_eq!(entries, keys.iter().filter(|key| key.name != "first").count() as u64);
    }
}

fn crash(rounds: u64) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 0..rounds {
        let mut writer = Writer::start(dir.path(), &round.to_string());
        while !writer.next().expect("it opens the file").starts_with("opened") {}
        // Now and then in the very first commits, else among many; and not at the beat of its own words.
        let words = random(round) % [3, 40, 150][(round % 3) as usize];
        (0..words).filter_map(|_| writer.next()).for_each(|said| told.note(&said));
        std::thread::sleep(Duration::from_micros(random(!round) % 4_000));
        writer.kill();
        while let Some(said) = writer.next() {
            told.note(&said);
        }
        let store = Store::open(dir.path()).unwrap_or_else(|error| panic!("round {round}: {error}"));
        runtime.block_on(told.check(&store));
    }
    told.keys.len() + told.machines.len() + told.sessions.len()
}

#[test]
fn a_killed_server_has_kept_every_write_it_was_told_of() {
    assert!(crash(12) > 0);
}

#[test]
#[ignore = "200 rounds; docs/reliability.md has the result"]
fn killed_200_times() {
    say(&format!("{} acknowledged rows, none lost", crash(200)));
}

/// Kills a writer while it brings a file of schema 1 up to date. Which schema the file has then.
fn migration(round: u64, opening: &mut Duration) -> u32 {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(open::STATE_FILE);
    std::fs::write(&path, SCHEMA_1).unwrap();
    let mut writer = Writer::start(dir.path(), "migrate");
    while writer.next().expect("it begins") != "opening" {}
    if round == 0 {
        let opened = writer.next().unwrap();
        *opening = Duration::from_micros(opened.strip_prefix("opened ").unwrap().parse().unwrap());
    } else {
        let span = u64::try_from(opening.as_micros()).unwrap() * 3 / 2;
        std::thread::sleep(Duration::from_micros(random(round) % span.max(1)));
    }
    writer.kill();
    let found = schema_of(&path);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { expect_all_of_1(&Store::open(dir.path()).unwrap()).await });
    found
}

/// The schema a file says it has, which must be the one it has.
fn schema_of(path: &Path) -> u32 {
    let database = open::database(path).unwrap();
    let t = redb::ReadableDatabase::begin_read(&database).unwrap();
    let found = schema::META.get(&t, migrate::SCHEMA_KEY).unwrap().unwrap();
    assert_eq!(schema::MEMBERS.exists(&t).unwrap(), found >= 2, "between two schemas");
    let scoped = schema::KEYS.all(&t).unwrap().iter().filter(|key| !key.scopes.is_empty()).count();
    assert_eq!(scoped, if found >= 2 { 2 } else { 0 }, "between two schemas");
    found
}

#[test]
fn a_migration_that_is_killed_has_happened_or_not() {
    let mut opening = Duration::ZERO;
    let found: Vec<u32> = (0..8).map(|round| migration(round, &mut opening)).collect();
    assert!(found.iter().all(|schema| *schema == 1 || *schema == schema::SCHEMA), "{found:?}");
    assert_eq!(found[0], schema::SCHEMA, "the first was let through");
}

#[test]
#[ignore = "200 rounds; docs/reliability.md has the result"]
fn migrations_killed_200_times() {
    let mut opening = Duration::ZERO;
    let old = (0..200).filter(|round| migration(*round, &mut opening) == 1).count();
    say(&format!("{old} as they were, {} brought up to date, none between", 200 - old));
}
