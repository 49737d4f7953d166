//! The way to the program breaks and is mended: keys are neither lost nor overtaken.

use super::*;

/// Another connection of the same machine, to a PTY host that goes on.
fn reconnect(world: &mut World) {
    let before = std::mem::replace(&mut world.host, Host { quick: true, ..Host::default() });
    (world.host.output, world.host.epoch, world.host.inputs) = (before.output, before.epoch, before.inputs);
    world.uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
    world.hub.online(&world.uplink, CHANNEL);
}

fn numbers(world: &World) -> Vec<u64> {
    world.host.inputs.iter().map(|(_, number, _)| *number).collect()
}

fn lives(viewer: &Viewer) -> Vec<bool> {
    let live = |message: &ToViewer| match message {
        ToViewer::Live { live, .. } => Some(*live),
        _ => None,
    };
    viewer.messages.iter().filter_map(live).collect()
}

#[test]
fn input_while_the_machine_is_away_waits_at_the_page() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    world.hub.offline(&world.uplink);
    world.hub.input(viewer.slot, 1, Bytes::from_static(b"y"));
    world.settle(&mut [&mut viewer]);
    assert!(world.host.inputs.is_empty() && viewer.acks.is_empty());
    assert_eq!(lives(&viewer), [false]);

    world.print(77);
    reconnect(&mut world);
    world.settle(&mut [&mut viewer]);
    assert_eq!(lives(&viewer), [false, true]);
    world.hub.input(viewer.slot, 1, Bytes::from_static(b"y"));
    world.settle(&mut [&mut viewer]);
    assert_eq!(numbers(&world), [1]);
    assert_eq!(world.host.joins.len(), 1);
    assert!(viewer.is_at(77) && viewer.repaints == 1, "goes on at its offset");
}

#[test]
fn a_key_that_was_sent_before_the_page_heard_of_the_break_does_not_overtake_the_lost_one() {
    for replaced in [false, true] {
        let mut world = World::new();
        let mut viewer = world.viewer();
        world.settle(&mut [&mut viewer]);
        world.hub.input(viewer.slot, 1, Bytes::from_static(b"l")); // Lost with its uplink, which nobody reads any more.
        if !replaced {
            world.hub.offline(&world.uplink);
        }
        reconnect(&mut world);
        world.hub.input(viewer.slot, 2, Bytes::from_static(b"s")); // The page has not heard of anything.
        world.settle(&mut []);
        assert_eq!(numbers(&world), [0; 0], "uplink replaced: {replaced}");

        world.settle(&mut [&mut viewer]);
        assert_eq!(lives(&viewer), [false, true], "so it sends both again, uplink replaced: {replaced}");
        world.hub.input(viewer.slot, 1, Bytes::from_static(b"l"));
        world.hub.input(viewer.slot, 2, Bytes::from_static(b"s"));
        world.settle(&mut [&mut viewer]);
        assert_eq!(numbers(&world), [1, 2], "uplink replaced: {replaced}");
    }
}

#[test]
fn a_page_that_has_not_heard_is_not_told_that_the_way_is_whole() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    world.hub.offline(&world.uplink);
    reconnect(&mut world);
    let mut out = Vec::new();
    world.hub.pull(viewer.slot, world.now, 65_536, true, &mut out);
    for frame in out {
        viewer.take(frame);
    }
    assert_eq!((lives(&viewer), viewer.asked), (vec![false], true));
    world.hub.pull(viewer.slot, world.now, 65_536, true, &mut Vec::new());
    assert_eq!(lives(&viewer), [false], "it has not answered");
    reconnect(&mut world); // Again, meanwhile.
    world.hub.heard(viewer.slot);
    viewer.asked = false;
    world.settle(&mut [&mut viewer]);
    assert_eq!(lives(&viewer), [false, true], "told once");
}

/// An agent's connection is replaced while its last frames are being read: they were taken for the new one's, and the
/// host was given credit for bytes that it had not sent, over which it hangs up.
#[test]
fn late_frames_of_a_replaced_connection_mean_nothing() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.print(100);
    world.settle(&mut [&mut viewer]);
    let old = Arc::clone(&world.uplink);
    reconnect(&mut world);
    let flags = SnapshotFlags { first: true, last: true, history: false };
    world.hub.output(&old, CHANNEL, Offset(100), b"late").unwrap();
    world.hub.output(&old, CHANNEL, Offset(500), b"later").unwrap();
    world.hub.snapshot(&old, CHANNEL, 0, SnapshotAt::default(), flags, b"old").unwrap();
    world.hub.says(&old, CHANNEL, SessionSays::End { offset: Offset(9) });
    world.print(100);
    world.settle(&mut [&mut viewer]); // In which the host checks the credit it is given.
    assert!(viewer.is_at(200) && viewer.repaints == 1);
    assert!(viewer.messages.iter().all(|message| !matches!(message, ToViewer::End { .. })));
}
