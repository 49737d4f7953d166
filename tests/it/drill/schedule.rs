//! What goes wrong, and when. Pure: a seed and a length, and always the same faults come out.

use std::fmt;
use std::time::Duration;

use crate::support::random::Random;

/// Which line of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Net {
    /// Agent ↔ server.
    Agent,
    /// Viewers ↔ server.
    Viewers,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `kill -9`, and started again after the fault's time.
    KillServer,
    /// `kill -9`, and started again after the fault's time.
    KillAgent,
    /// Both at once.
    KillBoth,
    /// SIGTERM, and started again after the fault's time.
    StopAgent,
    /// SIGINT, and started again after the fault's time.
    StopServer,
    /// Another build takes the file's place, and the agent starts from it.
    ReplaceAgent,
    /// Another build takes the file's place, and the server starts from it.
    ReplaceServer,
    /// SIGSTOP until the fault's time is over.
    FreezeServer,
    /// SIGSTOP until the fault's time is over.
    FreezeAgent,
    /// SIGSTOP of one session's PTY host until the fault's time is over.
    FreezeHost,
    /// Nothing passes, and nobody is told, until the fault's time is over.
    BlackHole(Net),
    /// Connections that there are pass nothing for the fault's time; new ones work.
    HalfOpen(Net),
    /// Bytes come late.
    Delay(Net),
    /// Few bytes a second pass.
    Throttle(Net),
    /// One direction of one connection ends.
    HalfClose(Net),
    /// All connections break.
    Cut(Net),
    /// One connection breaks.
    CutOne(Net),
    /// One session prints more than any log keeps, as fast as it can.
    Flood,
}

/// Every fault.
pub const FAULTS: [Fault; 25] = [
    Fault::KillServer,
    Fault::KillAgent,
    Fault::KillBoth,
    Fault::StopAgent,
    Fault::StopServer,
    Fault::ReplaceAgent,
    Fault::ReplaceServer,
    Fault::FreezeServer,
    Fault::FreezeAgent,
    Fault::FreezeHost,
    Fault::BlackHole(Net::Agent),
    Fault::BlackHole(Net::Viewers),
    Fault::HalfOpen(Net::Agent),
    Fault::HalfOpen(Net::Viewers),
    Fault::Delay(Net::Agent),
    Fault::Delay(Net::Viewers),
    Fault::Throttle(Net::Agent),
    Fault::Throttle(Net::Viewers),
    Fault::HalfClose(Net::Agent),
    Fault::HalfClose(Net::Viewers),
    Fault::Cut(Net::Agent),
    Fault::Cut(Net::Viewers),
    Fault::CutOne(Net::Agent),
    Fault::CutOne(Net::Viewers),
    Fault::Flood,
];

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub fault: Fault,
    /// For how long.
    pub lasts: Duration,
    /// How long it is quiet afterwards, unless all is to be whole first.
    pub then: Duration,
    /// Whether everything must work again before the next step. Else the next fault meets what is still broken.
    pub settle: bool,
    /// Chooses which one of several.
    pub pick: u64,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = if self.settle { "until all is whole".to_owned() } else { format!("for {:?}", self.then) };
        write!(f, "{:?} for {:?}, pick {}, then quiet {then}", self.fault, self.lasts, self.pick % 1000)
    }
}

/// Faults without end, each kind as often as the others.
pub struct Schedule {
    random: Random,
    round: Vec<Fault>,
    longest: Duration,
}

impl Schedule {
    /// From a seed, with faults of at most `longest`.
    pub fn new(seed: u64, longest: Duration) -> Self {
        Self { random: Random::new(seed), round: Vec::new(), longest }
    }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.round.is_empty() {
            self.round = FAULTS.to_vec();
            self.random.shuffle(&mut self.round);
        }
        let fault = self.round.pop()?;
        // Most faults are short, because most recoveries are; one in eight lasts for as long as it may.
        let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        let at_most = if self.random.once_in(8) { longest } else { longest.min(1_000) };
        Some(Step {
            fault,
            lasts: Duration::from_millis(self.random.between(at_most.min(50), at_most)),
            then: Duration::from_millis(self.random.between(0, 300)),
            settle: !self.random.once_in(3),
            pick: self.random.next(),
        })
    }
}

#[test]
fn the_same_seed_is_the_same_schedule_and_another_seed_is_another() {
    let of = |seed| Schedule::new(seed, Duration::from_secs(5)).take(100).collect::<Vec<_>>();
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn every_fault_comes_once_in_each_round_and_none_lasts_too_long() {
    let longest = Duration::from_secs(5);
    let steps: Vec<Step> = Schedule::new(1, longest).take(4 * FAULTS.len()).collect();
    for round in steps.chunks(FAULTS.len()) {
        for fault in FAULTS {
            assert_eq!(round.iter().filter(|step| step.fault == fault).count(), 1, "{fault:?} in {round:?}");
        }
    }
    assert!(steps.iter().all(|step| step.lasts <= longest));
    assert!(steps.iter().any(|step| step.lasts > Duration::from_secs(1)), "some last long");
    assert!(steps.iter().any(|step| !step.settle), "some meet what is still broken");
}
