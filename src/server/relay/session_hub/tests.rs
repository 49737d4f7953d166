//! The hub between a played PTY host and played viewers, all in one thread and without a clock of their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, reason = "tests")]

mod back;
mod ended;
mod way;
mod world;

use std::time::Duration;

use super::screens::HISTORIES_MAX;
use super::state::AHEAD_BYTES_MAX;
use super::*;
use crate::base::id::{KeyId, MachineId, OrganisationId};
use crate::store::Role;
use crate::wire::message::{From, ToViewer};
use world::{CHANNEL, HOST_WINDOW, Host, Viewer, World, byte_at, screen_at};

#[test]
fn nobody_watches_and_nothing_is_asked_or_kept() {
    let mut world = World::new();
    world.print(100_000);
    world.settle(&mut []);
    assert_eq!((world.host.subscribes.len(), world.host.sent_bytes), (0, 0));

    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    assert!(viewer.is_at(100_000));
    world.hub.detach(viewer.slot);
    world.print(100_000);
    world.settle(&mut []);
    assert_eq!((world.host.unsubscribed, world.host.leaves), (1, 1));
    let state = world.hub.state();
    assert!(state.screen.is_none() && state.log.start() == state.log.end(), "nothing is kept");
}

#[test]
fn a_thousand_viewers_at_once_are_one_snapshot() {
    let mut world = World::new();
    world.print(50_000);
    let mut viewers: Vec<Viewer> = (0..1_000).map(|_| world.viewer()).collect();
    world.host_turn();
    world.print(20_000);
    world.host_turn();
    for viewer in &mut viewers {
        viewer.turn(&world.hub, world.now);
        viewer.turn(&world.hub, world.now);
    }
    assert_eq!((world.host.subscribes.len(), world.host.snapshots.len()), (1, 0));
    assert!(viewers.iter().all(|viewer| viewer.is_at(70_000) && viewer.repaints == 1));
    assert_eq!(world.hub.viewers(), 1_000);
}

#[test]
fn those_who_need_a_screen_while_one_is_on_its_way_share_it() {
    let mut world = World::new();
    let mut first = world.viewer();
    world.settle(&mut [&mut first]);
    world.print(300_000);
    world.settle(&mut [&mut first]);
    world.host.quick = false;
    let mut late: Vec<Viewer> = (0..50).map(|_| world.viewer()).collect();
    for viewer in &mut late {
        viewer.turn(&world.hub, world.now);
    }
    world.settle(&mut [&mut first]);
    assert_eq!(world.host.snapshots.len(), 1, "the first screen is too old by now, so one more is asked for");
    world.print(10_000);
    world.answer();
    world.host.quick = true;
    world.settle(&mut [&mut first]);
    for viewer in &mut late {
        viewer.turn(&world.hub, world.now);
        assert!(viewer.is_at(310_000) && viewer.repaints == 1, "painted ahead of the log, and joined by it");
    }
    assert_eq!((first.output, first.repaints), (310_000, 1), "nobody else notices");
}

#[test]
fn a_viewer_who_stands_still_is_repainted_and_the_one_beside_it_misses_nothing() {
    let mut world = World::new();
    let (mut fast, mut slow) = (world.viewer(), world.viewer());
    world.settle(&mut [&mut fast, &mut slow]);
    slow.stalled = true;
    for _ in 0..40 {
        world.print(200_000);
        world.settle(&mut [&mut fast]);
    }
    assert_eq!((fast.output, fast.repaints), (8_000_000, 1));
    slow.stalled = false;
    world.settle(&mut [&mut fast, &mut slow]);
    assert!(slow.is_at(8_000_000));
    assert_eq!(slow.repaints, 2, "not a gap");
    assert!(slow.output < 1_000_000);
    assert_eq!(fast.repaints, 1);
}

#[test]
fn all_viewers_stand_still_and_nothing_is_pulled() {
    let mut world = World::new();
    let mut viewers = [world.viewer(), world.viewer()];
    let [one, two] = &mut viewers;
    world.settle(&mut [one, two]);
    (one.stalled, two.stalled) = (true, true);
    let before = world.host.sent_bytes;
    for _ in 0..20 {
        world.print(1_000_000);
        world.settle(&mut []);
    }
    let pulled = world.host.sent_bytes - before;
    assert!(pulled <= AHEAD_BYTES_MAX + HOST_WINDOW, "{pulled} bytes of 20 MB");
    // The host has a log of its own, and repaints whom it left behind when credit returns.
    world.resize();
    (one.stalled, two.stalled) = (false, false);
    world.settle(&mut [one, two]);
    assert!(one.is_at(20_000_000) && two.is_at(20_000_000));
}

#[test]
fn the_only_viewer_far_behind_is_painted_anew_without_the_output_between() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    viewer.stalled = true;
    world.print(50_000_000);
    world.settle(&mut []);
    viewer.stalled = false;
    // Every acknowledgement takes it 300 ms: even its largest window is slow for what is printed.
    for _ in 0..40 {
        world.now += Duration::from_millis(300);
        viewer.acknowledge(&world.hub, world.now);
        viewer.look(&world.hub, world.now);
        world.host_turn();
    }
    assert!(viewer.is_at(50_000_000));
    assert!(world.host.sent_bytes < 4_000_000, "{} bytes were sent for it", world.host.sent_bytes);
}

#[test]
fn late_output_of_an_earlier_subscription_does_no_harm() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.print(1_000);
    world.settle(&mut [&mut viewer]);
    world.hub.detach(viewer.slot);
    // Sent before the host hears that nobody watches.
    world.host.output.extend((1_000..1_600).map(byte_at));
    viewer.consumed = 0;
    world.join(&mut viewer, From::Offset { offset: Offset(900), epoch: 0 });
    viewer.next = Some(900);
    let late: Vec<u8> = (1_000..1_600).map(byte_at).collect();
    world.hub.output(&world.uplink, CHANNEL, Offset(1_000), &late).unwrap();
    world.host.sent_bytes += 600;
    world.settle(&mut [&mut viewer]);
    assert!(viewer.is_at(1_600));
    assert_eq!(viewer.repaints, 1);
}

#[test]
fn output_that_skips_is_refused() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    assert_eq!(
        world.hub.output(&world.uplink, CHANNEL, Offset(5), b"x"),
        Err(Violation::Gap { expected: Offset(0), got: Offset(5) })
    );
}

#[test]
fn a_snapshot_without_end_is_refused() {
    let world = World::new();
    let _viewer = world.viewer();
    let piece = vec![b'x'; 32 * 1024];
    let flags = |first| SnapshotFlags { first, ..SnapshotFlags::default() };
    let mut pieces = 0;
    let refused = loop {
        pieces += 1;
        if let Err(refused) =
            world.hub.snapshot(&world.uplink, CHANNEL, 0, SnapshotAt::default(), flags(pieces == 1), &piece)
        {
            break refused;
        }
    };
    assert!(matches!(refused, Violation::SnapshotTooLarge { .. }));
    assert_eq!(pieces, 4 * 1024 / 32 + 1);
}

#[test]
fn a_resize_paints_everybody() {
    let mut world = World::new();
    let (mut one, mut two) = (world.viewer(), world.viewer());
    world.print(500);
    world.settle(&mut [&mut one, &mut two]);
    world.resize();
    world.settle(&mut [&mut one, &mut two]);
    assert_eq!((one.repaints, two.repaints), (2, 2));
}

#[test]
fn input_passes_once_under_a_number_nobody_else_can_have() {
    let mut world = World::new();
    let (mut one, mut other) = (world.viewer(), world.viewer());
    world.settle(&mut [&mut one, &mut other]);
    world.hub.input(one.slot, 1, Bytes::from_static(b"l"));
    world.hub.input(one.slot, 2, Bytes::from_static(b"s"));
    world.settle(&mut []);
    let (as_known, numbers): (Vec<_>, Vec<_>) =
        world.host.inputs.iter().map(|(viewer, number, _)| (*viewer, *number)).unzip();
    assert_eq!(numbers, [1, 2]);
    assert!(as_known.iter().all(|viewer| *viewer != one.id), "not what the page calls itself");
    world.hub.input_acked(as_known[0], 2, InputOutcome::Applied);
    world.hub.input_acked(as_known[0], 3, InputOutcome::NotController);
    world.settle(&mut [&mut one, &mut other]);
    assert_eq!(one.acks, [(2, InputOutcome::Applied), (3, InputOutcome::NotController)]);
    assert!(other.acks.is_empty());

    // Another person who learned the number of the first one's tab.
    let mut thief = Viewer::new(Role::Owner);
    thief.id = one.id;
    world.join(&mut thief, From::Snapshot);
    world.settle(&mut [&mut thief]);
    world.hub.input(thief.slot, 9, Bytes::from_static(b"x"));
    world.settle(&mut []);
    assert_ne!(world.host.inputs.last().unwrap().0, as_known[0]);
}

#[test]
fn who_may_only_look_neither_types_nor_takes_control() {
    let mut world = World::new();
    let mut guest = Viewer::new(Role::Viewer);
    world.join(&mut guest, From::Snapshot);
    world.hub.input(guest.slot, 1, Bytes::from_static(b"rm"));
    world.hub.take_control(guest.slot, 80, 24);
    world.settle(&mut [&mut guest]);
    assert!(world.host.inputs.is_empty());
    assert_eq!(guest.acks, [(1, InputOutcome::NotController)]);
    assert_eq!(world.host.joins.iter().map(|(_, take)| *take).collect::<Vec<_>>(), [Take::Never]);
}

#[test]
fn everybody_is_told_who_controls_and_how_many_watch() {
    let mut world = World::new();
    let (mut one, mut two) = (world.viewer(), world.viewer());
    world.settle(&mut [&mut one, &mut two]);
    let controller = world.host.joins[1].0;
    world.hub.says(
        &world.uplink,
        CHANNEL,
        SessionSays::Control { controller: Some(controller), present: true, cols: 100, rows: 30 },
    );
    world.settle(&mut [&mut one, &mut two]);
    let who = Person { id: two.page.who.user, name: "Ada".to_owned() };
    let control = |you, viewers| {
        let (present, may_type, who) = (true, true, Some(who.clone()));
        ToViewer::Control { channel: 9, you, present, who, may_type, viewers, cols: 100, rows: 30 }
    };
    assert_eq!(one.messages.last(), Some(&control(false, 2)));
    assert_eq!(two.messages.last(), Some(&control(true, 2)));
    world.hub.detach(two.slot);
    let mut out = Vec::new();
    assert_eq!(world.hub.pull(one.slot, world.now, 1, false, &mut out), Pulled::CountLater, "not at once");
    world.settle(&mut [&mut one]);
    let left = ToViewer::Control {
        channel: 9,
        you: false,
        present: true,
        who: None,
        may_type: true,
        viewers: 1,
        cols: 100,
        rows: 30,
    };
    assert_eq!(one.messages.last(), Some(&left), "until the host says who has it now");
}

#[test]
fn only_a_terminal_that_is_no_viewer_here_takes_the_keyboard_at_the_machine() {
    let mut world = World::new();
    let (mut one, mut two) = (world.viewer(), world.viewer());
    world.settle(&mut [&mut one, &mut two]);
    let [(first, _), (second, _)] = world.host.joins[..] else { panic!("two joined") };
    let control = |viewer, present| SessionSays::Control { controller: Some(viewer), present, cols: 80, rows: 24 };
    let hears = |world: &World, says: SessionSays| {
        let taken = world.hub.is_taken_at_the_machine(&world.uplink, CHANNEL, &says);
        world.hub.says(&world.uplink, CHANNEL, says);
        taken
    };
    let local = ViewerId::random();
    assert!(!hears(&world, control(local, true)), "it had it before anybody here");
    assert!(!hears(&world, control(first, true)) && !hears(&world, control(second, true)));
    assert!(!hears(&world, control(second, false)) && !hears(&world, control(second, true)), "gone, and back");
    assert!(hears(&world, control(local, true)));
    assert!(!hears(&world, control(local, true)), "once");
    assert!(!hears(&world, control(first, true)));
    world.hub.detach(two.slot);
    assert!(!hears(&world, control(second, true)), "word of one that has just left comes late");
}

#[test]
fn the_scrollback_comes_behind_the_output_to_who_asked() {
    let mut world = World::new();
    let (mut one, mut two) = (world.viewer(), world.viewer());
    world.print(100);
    world.settle(&mut [&mut one, &mut two]);
    world.host.quick = false;
    world.hub.history(one.slot, 41);
    world.settle(&mut [&mut one, &mut two]);
    world.hub.history(two.slot, 42);
    world.print(50);
    world.settle(&mut [&mut one, &mut two]);
    assert_eq!(world.host.snapshots.len(), 1, "the second waits: the first may be older than what it has");
    world.host.quick = true;
    world.settle(&mut [&mut one, &mut two]);
    assert_eq!(one.histories, [(41, screen_at(150).to_vec())]);
    assert_eq!(two.histories, [(42, screen_at(150).to_vec())]);
    assert_eq!(world.host.snapshots.len(), 2);
    assert!(one.is_at(150) && one.repaints == 1);
}

#[test]
fn stalled_viewers_hold_a_few_scrollbacks_and_no_more() {
    let mut world = World::new();
    let mut viewers: Vec<Viewer> = (0..10).map(|_| world.viewer()).collect();
    world.settle(&mut viewers.iter_mut().collect::<Vec<_>>());
    for (id, viewer) in viewers.iter().enumerate() {
        world.hub.history(viewer.slot, 1 + id as u32);
        world.settle(&mut []);
    }
    let state = world.hub.state();
    let held = state.watchers.values().filter(|watcher| watcher.reader.is_answering()).count();
    assert_eq!(held, HISTORIES_MAX);
}

#[test]
fn a_session_that_has_gone_tells_its_viewers_and_takes_no_more() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    let problem = Problem::new(Code::NotFound, "this session was removed");
    world.hub.gone(&problem);
    world.settle(&mut [&mut viewer]);
    assert!(viewer.closed);
    assert_eq!(viewer.messages.last(), Some(&ToViewer::Detached { channel: 9, problem: problem.clone() }));
    assert_eq!(world.hub.attach(World::arrival(&viewer, From::Snapshot)), Err(problem));
}
