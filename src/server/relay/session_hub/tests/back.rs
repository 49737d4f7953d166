//! Viewers that come back: over another connection, after a restart, and what they had said before comes late.

use std::sync::Arc;

use super::world::{CHANNEL, Viewer, World};
use crate::base::offset::Offset;
use crate::base::problem::Code;
use crate::server::relay::Page;
use crate::store::Role;
use crate::wire::message::{From, ToViewer};

#[test]
fn a_viewer_that_comes_back_goes_on_where_it_was() {
    let mut world = World::new();
    let (mut stays, mut cut) = (world.viewer(), world.viewer());
    world.settle(&mut [&mut stays, &mut cut]);
    world.print(1_000);
    world.settle(&mut [&mut stays, &mut cut]);
    let resume = From::Offset { offset: Offset(1_000), epoch: 0 };
    for both_gone in [false, true] {
        world.hub.detach(cut.slot);
        if both_gone {
            world.hub.detach(stays.slot);
            world.settle(&mut []);
        }
        cut.consumed = 0;
        let offset = Offset(cut.next.unwrap());
        world.print(5_000);
        world.settle(&mut []);
        world.join(&mut cut, From::Offset { offset, epoch: 0 });
        world.settle(&mut [&mut cut]);
        assert!(cut.is_at(world.end()));
        assert_eq!(cut.repaints, 1, "no repaint, both gone: {both_gone}");
    }
    world.hub.detach(cut.slot);
    world.resize();
    world.settle(&mut []);
    (cut.consumed, cut.next) = (0, None);
    world.join(&mut cut, resume);
    world.settle(&mut [&mut cut]);
    assert!(cut.is_at(world.end()));
    assert_eq!(cut.repaints, 2, "the size has changed since");
}

#[test]
fn viewers_that_saw_more_and_less_before_a_restart_all_go_on_where_they_were() {
    for agent_first in [false, true] {
        let mut world = World::new();
        let (mut more, mut less) = (world.viewer(), world.viewer());
        world.settle(&mut [&mut more, &mut less]);
        world.print(1_000);
        world.settle(&mut [&mut more]);
        let offsets = [&more, &less].map(|viewer| From::Offset { offset: Offset(viewer.next.unwrap()), epoch: 0 });
        assert_eq!(offsets[1], From::Offset { offset: Offset(0), epoch: 0 });

        world.restart_server();
        if agent_first {
            world.hub.online(&world.uplink, CHANNEL);
        }
        (more.consumed, less.consumed) = (0, 0);
        world.join(&mut more, offsets[0]);
        world.settle(&mut []);
        world.join(&mut less, offsets[1]);
        world.hub.online(&world.uplink, CHANNEL);
        world.print(500);
        world.settle(&mut [&mut more, &mut less]);
        assert!(more.is_at(1_500) && less.is_at(1_500));
        assert_eq!(
            (more.repaints, less.repaints),
            (1, 1),
            "only the first screens; the agent came first: {agent_first}"
        );
    }
}

#[test]
fn nobody_has_output_brought_again_that_others_have_by_now() {
    let mut world = World::new();
    world.print(1_000);
    let mut stays = world.viewer();
    world.settle(&mut [&mut stays]);
    world.print(10);
    world.settle(&mut [&mut stays]);
    let mut back = Viewer::new(Role::Owner);
    world.join(&mut back, From::Offset { offset: Offset(900), epoch: 0 });
    world.settle(&mut [&mut stays, &mut back]);
    assert!(stays.is_at(1_010) && back.is_at(1_010));
    assert_eq!((stays.repaints, back.repaints, world.host.subscribes.len()), (1, 1, 1));
}

#[test]
fn the_same_tab_over_a_new_connection_takes_the_place_of_the_old_one() {
    let mut world = World::new();
    let mut old = world.viewer();
    world.settle(&mut [&mut old]);
    let mut new = Viewer::at(&old.page, old.id, 11);
    world.join(&mut new, From::Snapshot);
    world.settle(&mut [&mut old, &mut new]);
    assert!(old.closed && matches!(old.messages.last(), Some(ToViewer::Detached { channel: 9, .. })));
    assert!(!new.closed && new.is_at(0));
    assert_eq!(world.host.leaves, 0, "the viewer never left");
    assert_eq!(world.hub.viewers(), 1);
}

#[test]
fn what_comes_late_over_a_connection_that_a_tab_has_left_does_not_take_the_place_of_its_new_one() {
    let mut world = World::new();
    let (left, mut tab) = (Viewer::new(Role::Owner), Viewer::new(Role::Owner));
    tab.id = left.id;
    tab.page = Arc::new(Page::new(left.page.who.clone(), "Ada".to_owned()));
    world.join(&mut tab, From::Snapshot);
    let late = world.hub.attach(World::arrival(&left, From::Snapshot));
    assert_eq!(late.unwrap_err().code, Code::Conflict);
    world.settle(&mut [&mut tab]);
    assert!(!tab.closed && tab.is_at(0));
    assert_eq!(world.hub.viewers(), 1);
}

#[test]
fn the_size_of_a_tab_that_has_left_is_not_that_of_its_new_connection() {
    let mut world = World::new();
    let old = world.viewer();
    let mut new = Viewer::at(&old.page, old.id, 11);
    world.join(&mut new, From::Snapshot);
    world.hub.resize(old.slot, 40, 10);
    world.settle(&mut [&mut new]);
    assert_eq!(world.host.resizes, 0);
}
