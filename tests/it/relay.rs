//! Output on its way to many: nobody misses a byte who keeps up, nobody is held up by who does not.

use std::time::Duration;

use sessionforge::base::id::SessionId;
use sessionforge::wire::message::Take;
use sha2::{Digest, Sha256};

use super::support::process::private_bytes;
use super::support::viewer::{Manners, Viewer};
use super::support::world::World;

const MIB: usize = 1 << 20;

/// Bytes that look like no pattern, and that no terminal takes for an order: letters and line ends.
fn letters(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..bytes)
        .map(|at| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if at % 100 == 99 { b'\n' } else { b'a' + (state % 26) as u8 }
        })
        .collect()
}

/// A session that prints the next `piece` bytes of a file for every line it is sent, and nothing else.
async fn reader_of(world: &World, bytes: &[u8], piece: usize) -> SessionId {
    let file = world.dir().join("letters");
    std::fs::write(&file, bytes).unwrap();
    let script = format!(
        "stty raw -echo; exec 3<'{}'; echo ready; while IFS= read -r _; do dd bs={piece} count=1 status=none <&3; done",
        file.display()
    );
    world.start_session("bash", &["-c", &script]).await
}

/// Reads `bytes` through `viewer`, a piece at a time, so that it never lags behind the log.
async fn read_through(viewer: &Viewer, bytes: usize, piece: usize) {
    let start = viewer.look(|seen| seen.output_bytes);
    let mut asked = 0;
    while asked < bytes {
        viewer.type_text("\n").await;
        asked = (asked + piece).min(bytes);
        let wanted = start + asked as u64;
        viewer.expect("the next piece comes", |seen| (seen.output_bytes >= wanted).then_some(())).await;
    }
}

#[tokio::test]
async fn a_viewer_who_never_lags_receives_every_byte_once_over_100_mib() {
    let world = World::start().await;
    let (bytes, piece) = (letters(100 * MIB), MIB / 2);
    let session = reader_of(&world, &bytes, piece).await;
    let viewer = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    viewer.expect("the program is ready", |seen| (seen.offset.0 >= 6).then_some(())).await;
    // What came before the first piece is not part of the sum.
    viewer.start_digest();
    read_through(&viewer, bytes.len(), piece).await;
    let (digest, repaints, violations) =
        viewer.look(|seen| (seen.digest.clone().finalize(), seen.repaints, seen.violations.clone()));
    assert_eq!(violations, Vec::<String>::new());
    assert_eq!(repaints, 1, "only the first screen");
    assert_eq!(digest, Sha256::digest(&bytes), "the bytes of the terminal");
}

#[tokio::test]
async fn a_slow_viewer_is_repainted_and_a_fast_one_beside_it_misses_nothing() {
    let world = World::start().await;
    let (bytes, piece) = (letters(24 * MIB), MIB / 2);
    let session = reader_of(&world, &bytes, piece).await;
    let fast = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    fast.expect("the program is ready", |seen| (seen.offset.0 >= 6).then_some(())).await;
    fast.start_digest();
    let slow = Manners {
        take: Take::Never,
        bytes_per_second: Some(125_000),
        receive_buffer: Some(32 * 1024),
        ..Manners::default()
    };
    let slow = world.viewer(session, slow).await;
    read_through(&fast, bytes.len(), piece).await;
    let (digest, repaints, violations) =
        fast.look(|seen| (seen.digest.clone().finalize(), seen.repaints, seen.violations.clone()));
    assert_eq!((repaints, violations), (1, Vec::new()), "the fast one");
    assert_eq!(digest, Sha256::digest(&bytes), "the fast one has all");

    let last = bytes.rsplit(|byte| *byte == b'\n').nth(1).unwrap();
    let last = String::from_utf8_lossy(&last[last.len() - 20..]).into_owned();
    // In raw mode lines are not returned to the margin; the last letters are on the screen all the same.
    slow.expect_screen("the slow one has the newest screen", |screen| screen.replace('\n', "").contains(&last)).await;
    let (received, repaints, violations) =
        slow.look(|seen| (seen.output_bytes, seen.repaints, seen.violations.clone()));
    assert_eq!(violations, Vec::<String>::new(), "the slow one");
    assert!(repaints > 1, "the slow one was repainted");
    assert!(received < bytes.len() as u64 / 2, "the slow one was spared most of it: {received} bytes");
}

#[tokio::test]
async fn a_program_is_not_held_by_its_only_viewer_and_nothing_grows() {
    const PRINTED: usize = 128 * MIB;
    let world = World::start().await;
    let done = world.dir().join("done");
    let script = format!(
        "read -r _; head -c {PRINTED} /dev/zero | tr '\\0' x; echo; echo the end; touch '{}'; cat",
        done.display()
    );
    let session = world.start_session("bash", &["-c", &script]).await;
    let viewer = world.viewer(session, Manners::default()).await;
    let pids = [world.server_pid(), world.agent_pid(), world.host_pid(session)];
    let before = pids.map(private_bytes);
    viewer.stop_acknowledging().await;
    viewer.type_text("\n").await;
    super::support::wait::poll_within(Duration::from_mins(2), async || done.exists().then_some(()))
        .await
        .expect("the program ends although nobody reads");
    for (name, (pid, before)) in ["server", "agent", "host"].iter().zip(pids.into_iter().zip(before)) {
        let grown = private_bytes(pid).saturating_sub(before);
        // Logs of 2 MiB, one snapshot, scrollback of 5,000 lines.
        assert!(grown < 40 * MIB as u64, "the {name} grew by {grown} bytes");
    }
    viewer.resume_acknowledging().await;
    viewer.expect_text("the end").await;
    viewer.look(|seen| assert_eq!(seen.violations, Vec::<String>::new()));
}

#[tokio::test]
async fn a_hundred_viewers_of_one_session_are_complete_or_repainted_and_none_is_cut_off() {
    // The echo of the one key, and each line with the carriage return that the terminal adds.
    const LINES: usize = 300_000;
    let end = (1..=LINES).map(|line| line.to_string().len() + 2).sum::<usize>() + "\r\nthe end\r\n".len();
    let world = World::start().await;
    let script = format!("read -r _; seq {LINES}; echo the end; cat");
    let session = world.start_session("bash", &["-c", &script]).await;
    let typist = world.viewer(session, Manners::default()).await;
    let mut watchers = Vec::new();
    for number in 0..99 {
        // One thread plays them all: a hundred terminals in it leave each so little of a busy machine that it is silent for
        // too long. The others check offsets.
        let screen = number % 33 == 0;
        watchers.push(world.viewer(session, Manners { take: Take::Never, screen, ..Manners::default() }).await);
    }
    typist.expect("all are counted", |seen| (seen.control?.viewers == 100).then_some(())).await;
    typist.type_text("\n").await;
    for watcher in watchers.iter().chain([&typist]) {
        watcher.expect("it is where the program is", |seen| (seen.offset.0 == end as u64).then_some(())).await;
    }
    for shown in watchers.iter().step_by(33).chain([&typist]) {
        shown.expect_text("the end").await;
    }
    for watcher in watchers.iter().chain([&typist]) {
        watcher.look(|seen| {
            assert_eq!(seen.violations, Vec::<String>::new());
            assert_eq!(seen.closed, Vec::new(), "cut off");
        });
    }
}

#[tokio::test]
async fn a_viewer_whose_line_broke_goes_on_at_its_offset_without_a_repaint() {
    let world = World::start().await;
    let (bytes, piece) = (letters(4 * MIB), MIB / 4);
    let session = reader_of(&world, &bytes, piece).await;
    let viewer = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    viewer.expect("the program is ready", |seen| (seen.offset.0 >= 6).then_some(())).await;
    viewer.start_digest();
    let quarters = bytes.len() / 4;
    for quarter in 1..=4 {
        read_through(&viewer, quarters, piece).await;
        viewer.cut().await;
        viewer.expect("it is back", |seen| (seen.connections > quarter && seen.live).then_some(())).await;
    }
    viewer.look(|seen| {
        assert_eq!(seen.violations, Vec::<String>::new());
        assert_eq!(seen.repaints, 1, "resumed, not repainted");
        assert_eq!(seen.digest.clone().finalize(), Sha256::digest(&bytes), "every byte once");
    });
}

#[tokio::test]
async fn a_resize_brings_every_viewer_to_the_same_screen() {
    let world = World::start().await;
    let session = world.bash().await;
    let one = world.viewer(session, Manners::default()).await;
    let two = world.viewer(session, Manners { take: Take::Never, ..Manners::default() }).await;
    one.type_text("seq 1 30; printf 'x%.0s' {1..100}; echo; tput cols; tput lines\r").await;
    one.expect_screen("the first size", |screen| screen.contains("80\n24\n")).await;
    one.resize(60, 20).await;
    for viewer in [&one, &two] {
        viewer.expect("the new size", |seen| (seen.control?.size == (60, 20) && seen.epoch > 0).then_some(())).await;
    }
    one.type_text("clear; stty size; echo no''w\r").await;
    for viewer in [&one, &two] {
        viewer.expect_screen("the program knows it", |screen| screen.contains("20 60\nnow\n")).await;
    }
    one.expect_same_screen(&two, "both show the same").await;
    two.look(|seen| assert_eq!(seen.violations, Vec::<String>::new()));
}

#[tokio::test]
async fn the_first_screen_is_small_and_the_scrollback_follows_when_asked_for() {
    let world = World::start().await;
    let coloured = "for i in $(seq 1 60); do printf '\\e[3%dmcolour %d\\e[0m ' $((i % 8)) $i; done; echo";
    let script = format!("seq 1 1200000; {coloured}; echo the end; cat");
    let session = world.start_session("bash", &["-c", &script]).await;
    let typist = world.viewer(session, Manners { cols: 120, rows: 40, ..Manners::default() }).await;
    typist.expect_screen("all of it is printed", |screen| screen.ends_with("\nthe end")).await;

    let late = world.viewer(session, Manners { cols: 120, rows: 40, take: Take::Never, ..Manners::default() }).await;
    late.look(|seen| {
        assert!(seen.offset.0 > 8 * MIB as u64, "there is much behind it: {:?}", seen.offset);
        assert!(seen.repaint_bytes < 100_000, "{} bytes for the first screen", seen.repaint_bytes);
        assert_eq!(seen.repaints, 1);
    });
    assert_eq!(late.text(), typist.text(), "and it is whole");

    let (at, bytes) = late.history(5).await;
    let mut screen = sessionforge::stream::screen::Screen::new(at.cols, at.rows, 10_000);
    screen.feed(&bytes, std::time::Instant::now(), &mut Vec::new());
    assert!(screen.scrollback_lines() >= 2_000, "{} lines of scrollback", screen.scrollback_lines());
    let visible: Vec<String> = screen.text().iter().map(|row| row.trim_end().to_owned()).collect();
    assert_eq!(visible.join("\n").trim_end(), late.text(), "the screen below the scrollback is the same");
}
