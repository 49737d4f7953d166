//! Sessions that are over: the end is told, and what is left is shown.

use super::*;

#[test]
fn the_end_is_told_behind_the_last_byte_and_to_who_comes_later() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    world.print(200_000);
    world.host_turn();
    world.hub.says(&world.uplink, CHANNEL, SessionSays::End { offset: Offset(200_000) });
    let mut out = Vec::new();
    world.hub.pull(viewer.slot, world.now, 1, true, &mut out);
    for frame in out {
        viewer.take(frame);
    }
    assert!(viewer.messages.iter().all(|message| !matches!(message, ToViewer::End { .. })), "not before the output");
    world.settle(&mut [&mut viewer]);
    assert!(viewer.is_at(200_000));
    assert_eq!(viewer.messages.last(), Some(&ToViewer::End { channel: 9, offset: Offset(200_000) }));
    // The host is gone by now.
    world.host.quick = false;
    let mut late = world.viewer();
    world.settle(&mut [&mut viewer, &mut late]);
    assert!(late.is_at(200_000));
    assert_eq!(late.messages.last(), Some(&ToViewer::End { channel: 9, offset: Offset(200_000) }));
}

#[test]
fn a_picture_older_than_all_that_is_known_brings_everybody_back_to_it() {
    let mut world = World::new();
    world.print(1_000); // where the picture was taken
    // It says that it has far more than the host left on disk, and is believed until somebody needs a screen.
    let mut boastful = Viewer::new(Role::Owner);
    world.join(&mut boastful, From::Offset { offset: Offset(5_000_000), epoch: 0 });
    world.hub.says(&world.uplink, CHANNEL, SessionSays::End { offset: Offset(5_000_000) });
    let mut late = world.viewer();
    world.settle(&mut [&mut boastful, &mut late]);
    assert!(boastful.is_at(1_000) && late.is_at(1_000));
    assert_eq!((late.repaints, boastful.repaints), (1, 1), "and not painted over and over");
    assert!(late.messages.contains(&ToViewer::End { channel: 9, offset: Offset(5_000_000) }));
}

#[test]
fn the_end_is_the_last_word_also_behind_a_way_that_broke() {
    let mut world = World::new();
    let mut viewer = world.viewer();
    world.settle(&mut [&mut viewer]);
    viewer.messages.clear();
    // Its host is gone: the agent has it on a new channel, and stands in.
    world.uplink = Arc::new(Uplink::new(MachineId::random(), OrganisationId::random(), KeyId::random()));
    world.hub.online(&world.uplink, CHANNEL);
    world.hub.says(&world.uplink, CHANNEL, SessionSays::End { offset: Offset(0) });
    world.settle(&mut [&mut viewer]);
    let live = |live| ToViewer::Live { channel: 9, live };
    let end = ToViewer::End { channel: 9, offset: Offset(0) };
    let told: Vec<_> = viewer.messages.iter().filter(|it| !matches!(it, ToViewer::Control { .. })).cloned().collect();
    assert_eq!(told, [live(false), live(true), end], "a page that hears `live` last would wait for more");
}
