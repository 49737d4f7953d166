//! The fault drill: real binaries, real terminals, and everything goes wrong, in an order that comes again by its seed.
//!
//! | file | what |
//! |---|---|
//! | [`schedule`] | what goes wrong and when; pure |
//! | [`programs`] | what runs in the sessions: output known by its offset, input written down |
//! | [`actors`] | who types and who watches, checking every byte |
//! | [`faults`] | the scene: processes, files, network; and how each fault is played |
//!
//! It passes when every viewer has seen every byte that its log still had, once, each at its place; every screen that was
//! painted is the one that belongs to its offset; every program was typed every line, once, in order; and every session
//! is still the same process.
//!
//! `SESSIONFORGE_DRILL_SEED` plays another schedule, or a failed one again. `SESSIONFORGE_DRILL_MINUTES` is how long
//! `drill_long` runs (30).

mod actors;
mod faults;
mod programs;
mod schedule;

use std::time::{Duration, Instant};

use self::actors::Crew;
use self::faults::Scene;
use self::programs::Program;
use self::schedule::{FAULTS, Fault, Schedule, Step};

/// The seed of the short drill: the first one that found something.
const SEED: u64 = 2;

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// What is played, so that a failure can say it.
struct Played {
    seed: u64,
    steps: Vec<Step>,
    since: Instant,
}

impl Drop for Played {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the drill failed at step {} after {:?}; so far:", self.steps.len(), self.since.elapsed());
            for (number, step) in self.steps.iter().enumerate() {
                eprintln!("{:4}. {step}", number + 1);
            }
            eprintln!("again: SESSIONFORGE_DRILL_SEED={}", self.seed);
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_whatever_goes_wrong() {
    let seed = number_from("SESSIONFORGE_DRILL_SEED").unwrap_or(SEED);
    drill(seed, Duration::from_secs(2), |steps, _| steps < FAULTS.len()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half an hour: cargo test --release --test it -- --ignored drill_long"]
async fn drill_long() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number_from("SESSIONFORGE_DRILL_SEED").unwrap_or(now.as_secs());
    let minutes = number_from("SESSIONFORGE_DRILL_MINUTES").unwrap_or(30);
    let longest = Duration::from_secs(20);
    drill(seed, longest, |_, since| since < Duration::from_secs(60 * minutes)).await;
}

/// Plays the schedule of `seed` for as long as `goes_on` says, by the number of steps played and the time.
async fn drill(seed: u64, longest: Duration, goes_on: impl Fn(usize, Duration) -> bool) {
    let mut played = Played { seed, steps: Vec::new(), since: Instant::now() };
    let mut scene = Scene::set().await;
    let mut crews = Vec::new();
    for number in 0..2 {
        let program = Program::printer(&scene.world, number).await;
        crews.push(Crew::gather(&scene.who, program, 2).await);
    }
    let program = Program::echo(&scene.world, 2).await;
    crews.push(Crew::gather(&scene.who, program, 1).await);
    let hosts: Vec<u32> = crews.iter().map(|crew| scene.world.host_pid(crew.program.session)).collect();

    for step in Schedule::new(seed, longest) {
        if !goes_on(played.steps.len(), played.since.elapsed()) {
            break;
        }
        played.steps.push(step);
        eprintln!("{:8.1?} {:4}. {step}", played.since.elapsed(), played.steps.len());
        if step.fault == Fault::Flood {
            crews[usize::try_from(step.pick % 2).expect("one of two")].program.flood();
        }
        scene.play(&step, &hosts).await;
        if step.settle {
            for crew in &crews {
                crew.expect_whole(&format!("after step {}", played.steps.len())).await;
            }
        } else {
            tokio::time::sleep(step.then).await;
        }
    }
    let [bytes, repaints, connections, lines] = finish(&scene, &mut crews, &hosts).await;
    eprintln!(
        "seed {seed}: {} faults in {:.0?}; {} sessions, {lines} lines typed, {bytes} bytes seen, {repaints} repaints, \
         {connections} viewer connections; nothing lost, nothing doubled",
        played.steps.len(),
        played.since.elapsed(),
        crews.len(),
    );
}

/// The end: everything was seen and everything was typed, and every session is still there.
async fn finish(scene: &Scene, crews: &mut [Crew], hosts: &[u32]) -> [u64; 4] {
    let mut sums = [0; 4];
    for crew in crews.iter_mut() {
        let typed = crew.stop_typing().await;
        crew.program.stop_printing();
        let end = crate::support::wait::poll("the program prints no more", async || crew.program.end(typed)).await;
        crew.expect_all_seen(end).await;
        let (record, wanted) = (crew.program.record(), crew.program.typed.first(typed));
        let differs = record.iter().zip(&wanted).position(|(got, wanted)| got != wanted);
        assert_eq!(
            (differs, record.len()),
            (None, wanted.len()),
            "{} was typed every line, once",
            crew.program.session
        );
        let [bytes, repaints, connections] = crew.sums();
        sums = [sums[0] + bytes, sums[1] + repaints, sums[2] + connections, sums[3] + typed];
    }
    let listed = scene.world.http.clone().get("/api/v1/sessions").await.ok().json();
    for (crew, host) in crews.iter().zip(hosts) {
        let session = crew.program.session;
        assert_eq!(scene.world.host_pid(session), *host, "{session} is still the same process");
        let listed = listed["sessions"].as_array().unwrap();
        let found = listed.iter().find(|it| it["id"] == session.to_string()).expect("it is on the server's list");
        assert_eq!(found["state"], "running", "{found}");
    }
    sums
}
