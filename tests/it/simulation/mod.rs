//! The state machines of the stream wired together on a virtual clock: program, PTY host, agent, server, viewers.
//!
//! No socket, no task, no real time: a schedule is a list of typed ops drawn from a seed, what fails is shrunk, and the
//! same seed gives the same. The log, the readers with their credit, the input gate, the hub, the frames and the
//! backoff are the product's own; the tasks around them are played, as thinly as they are in the product.
//!
//! - Every byte that a viewer is sent is the program's at that offset, without a gap; every screen is that of its offset.
//! - Every key is applied once, in order, and what its person is told of it is true.
//! - What is outstanding stays within the window, and no pipe fills without bound.
//! - Once nothing goes wrong any more everything comes to rest, with every viewer where the program is; and when nobody
//!   watches, nothing is subscribed. Nobody looks who was not woken.
//!
//! `SESSIONFORGE_SIM_SEED=n` plays that seed alone, `SESSIONFORGE_SIM_SEEDS=n` as many.

mod host;
mod pipe;
mod schedule;
mod tab;
mod viewer;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use schedule::{Op, op};
use world::World;

/// Schedules in the suite.
const SEEDS: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Found with seed 282: the agent came back after a resize, and the scrollback that was asked for anew was older than the
/// screen it belonged to. The host had forgotten where the reader stood.
#[test]
fn a_scrollback_is_never_older_than_what_its_viewer_had() {
    let cut = Op::CutAgent { arrives: 0, noticed_ms: 0, back_ms: 37 };
    let ops = [Op::Print(1), Op::Run(166), Op::History(0), Op::Resize { viewer: 0, cols: 40 }, cut];
    World::new(4_896_192_229_307_266_406, 1).play(&ops);
}

#[test]
fn whatever_happens_everybody_has_everything_once() {
    let seeds = match number("SESSIONFORGE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SESSIONFORGE_SIM_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, random);
        let schedules = (any::<u64>(), 1..4_usize, prop::collection::vec(op(), 1..40));
        let played = runner.run(&schedules, |(world, viewers, ops)| {
            World::new(world, viewers).play(&ops);
            Ok(())
        });
        if let Err(failure) = played {
            panic!("SESSIONFORGE_SIM_SEED={seed}\n{failure}");
        }
    }
}
