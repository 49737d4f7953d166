//! Keystrokes: once, in order, and from the viewer who may.

use sessionforge::wire::frame::InputOutcome;
use sessionforge::wire::message::Take;

use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::World;

/// A session that writes what it is typed into a file, byte for byte, and shows nothing but `ready`.
async fn recorder(world: &World) -> (Viewer, std::path::PathBuf) {
    let file = world.dir().join("typed");
    let script = format!("stty raw -echo; echo ready; exec cat > '{}'", file.display());
    let session = world.start_session("bash", &["-c", &script]).await;
    let viewer = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    viewer.expect("the program is ready", |seen| (seen.offset.0 >= 6).then_some(())).await;
    (viewer, file)
}

async fn expect_typed(file: &std::path::Path, wanted: &str) {
    poll(&format!("{} bytes are typed", wanted.len()), async || {
        (std::fs::metadata(file).ok()?.len() >= wanted.len() as u64).then_some(())
    })
    .await;
    let typed = std::fs::read_to_string(file).unwrap();
    let differs = typed.bytes().zip(wanted.bytes()).position(|(a, b)| a != b);
    assert!(typed == wanted, "typed {} bytes, wanted {}, first difference at {differs:?}", typed.len(), wanted.len());
}

#[tokio::test]
async fn input_arrives_once_and_in_order_over_forced_reconnects() {
    let world = World::start().await;
    let (viewer, file) = recorder(&world).await;
    let mut wanted = String::new();
    for number in 0..600 {
        let word = format!("{number} ");
        viewer.type_text(&word).await;
        wanted += &word;
        if number % 50 == 49 {
            viewer.cut().await; // some of it is under way, acknowledged or not
        }
    }
    expect_typed(&file, &wanted).await;
    let connections = viewer.look(|seen| seen.connections);
    assert!(connections > 5, "it was cut off again and again: {connections}");
}

#[tokio::test]
async fn input_survives_the_death_of_agent_and_server() {
    let mut world = World::start().await;
    let (viewer, file) = recorder(&world).await;
    let mut wanted = String::new();
    for number in 0..40 {
        let word = format!("{number} ");
        viewer.type_text(&word).await;
        wanted += &word;
        match number {
            10 => world.kill_agent(),
            12 => world.start_agent().await,
            20 => world.kill_server(),
            22 => world.start_server().await,
            _ => {}
        }
        if number % 10 == 9 {
            viewer.expect("the way is whole again", |seen| seen.live.then_some(())).await;
        }
    }
    expect_typed(&file, &wanted).await;
}

#[tokio::test]
async fn a_paste_larger_than_a_frame_arrives_whole() {
    let world = World::start().await;
    let (viewer, file) = recorder(&world).await;
    let paste: String = (0..40_000).map(|number| format!("{number:05} ")).collect();
    viewer.type_text(&paste).await;
    expect_typed(&file, &paste).await;
}

#[tokio::test]
async fn only_the_controller_types_until_another_takes_the_keyboard() {
    let world = World::start().await;
    let session = world.bash().await;
    let first = world.viewer(session, Manners::default()).await;
    first.expect("the first to come controls", |seen| seen.control?.you.then_some(())).await;
    let second = world.viewer(session, Manners { cols: 100, rows: 30, ..Manners::default() }).await;
    second.expect("the second only watches", |seen| (!seen.control?.you && seen.control?.present).then_some(())).await;
    second.type_text("echo not-this\r").await;
    let outcome = second.expect("it is told so", |seen| seen.input_acks.get(&1).copied()).await;
    assert_eq!(outcome, InputOutcome::NotController);

    second.take_control(100, 30).await;
    second.expect("it has the keyboard", |seen| seen.control?.you.then_some(())).await;
    first
        .expect("the first is told", |seen| (!seen.control?.you && seen.control?.size == (100, 30)).then_some(()))
        .await;
    second.type_text("echo but-th''is\r").await;
    for viewer in [&first, &second] {
        viewer.expect_text("but-this").await;
        assert!(!viewer.text().contains("not-this"), "refused input was typed:\n{}", viewer.text());
    }
}

#[tokio::test]
async fn a_viewer_who_only_watches_never_gets_the_keyboard_by_itself() {
    let world = World::start().await;
    let session = world.bash().await;
    let watcher = world.viewer(session, Manners { take: Take::Never, ..Manners::default() }).await;
    watcher.expect("nobody controls", |seen| (!seen.control?.you).then_some(())).await;
    watcher.type_text("x").await;
    let outcome = watcher.expect("it is told so", |seen| seen.input_acks.get(&1).copied()).await;
    assert_eq!(outcome, InputOutcome::NotController);
}

#[tokio::test]
async fn ctrl_c_ends_a_flood_at_once_also_on_a_slow_line() {
    for rate in [None, Some(125_000)] {
        let world = World::start().await;
        let session = world.bash().await;
        let manners = Manners { bytes_per_second: rate, receive_buffer: rate.map(|_| 64 * 1024), ..Manners::default() };
        let viewer = world.viewer(session, manners).await;
        viewer.type_text("yes flood\r").await;
        viewer
            .expect("the flood is on, and goes on", |seen| {
                (seen.output_bytes + seen.repaint_bytes > 250_000).then_some(())
            })
            .await;
        let received = |seen: &super::support::viewer::Seen| seen.output_bytes + seen.repaint_bytes;
        let before = viewer.look(received);
        viewer.type_text("\x03").await;
        // The kernel drops what waits in the terminal, perhaps half a line end: ^C may stand over the last line.
        viewer.expect_screen("the prompt is back", |screen| screen.contains("^C") && screen.ends_with("\n$")).await;
        // Time is a bench's business; what was under way is not: a queue of 20 s would be 2.5 MB on such a line.
        let under_way = viewer.look(received) - before;
        assert!(rate.is_none() || under_way < 400_000, "{under_way} bytes came between Ctrl-C and the prompt");
    }
}
