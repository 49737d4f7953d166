//! One key and its echo: through every file that the map in `lib.rs` names, in that order, and nowhere is it written down.

use super::support::viewer::Manners;
use super::support::wait::poll;
use super::support::world::World;

/// Hops of a key on its way down, and of a byte on its way up, that servers and agents log at level `trace`.
///
/// Hops 1 and 2 are in the page, 7 and 8 in the PTY host, which has nobody to log to; that those were passed shows in
/// the echo.
const DOWN: [&str; 4] = ["k3", "k4", "k5", "k6"];
const UP: [&str; 4] = ["b6", "b5", "b4", "b3"];

#[tokio::test]
async fn a_key_and_its_echo_pass_the_files_of_the_map_in_order() {
    let world = World::start_logging("info,sessionforge=trace").await;
    let session = world.start_session("bash", &["-c", "stty raw -echo; echo ready; exec cat"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.expect_text("ready").await;
    let before = hops(&world).len();
    viewer.type_text("Q").await;
    viewer.expect_text("Q").await;
    let wanted = [DOWN, UP].concat();
    let passed = poll("every hop has said so", async || {
        let passed: Vec<String> = hops(&world).split_off(before);
        wanted.iter().all(|hop| passed.iter().any(|have| have == hop)).then_some(passed)
    })
    .await;
    // A line about what was printed before the key may be written late; the journey begins with the key.
    let journey = passed.iter().map(String::as_str).skip_while(|hop| *hop != DOWN[0]);
    let order: Vec<&str> = journey.filter(|hop| wanted.contains(hop)).collect();
    assert_eq!(order, wanted, "each once, in the order of the map");
}

#[tokio::test]
async fn what_is_typed_and_printed_is_in_no_log() {
    let world = World::start_logging("trace").await;
    let session = world.start_session("bash", &["--norc"]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    viewer.type_text("echo xyzzy-typed pl''ugh-printed\r").await;
    viewer.expect_text("plugh-printed").await;
    let (server, agent) = world.logs();
    for word in ["xyzzy-typed", "plugh-printed", world.key()] {
        assert!(!server.contains(word), "the server's log holds {word:?}");
        assert!(!agent.contains(word), "the agent's log holds {word:?}");
    }
}

/// The hops that were logged, in the order of their times: two processes write them, one clock stamps them.
fn hops(world: &World) -> Vec<String> {
    let (server, agent) = world.logs();
    let mut stamped: Vec<(&str, &str)> = server
        .lines()
        .chain(agent.lines())
        .filter_map(|line| {
            let time = line.split_whitespace().find(|word| word.ends_with('Z'))?;
            Some((time, line.split("hop=\"").nth(1)?.split('"').next()?))
        })
        .collect();
    stamped.sort_by_key(|(time, _)| *time);
    stamped.into_iter().map(|(_, hop)| hop.to_owned()).collect()
}
