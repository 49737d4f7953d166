//! One connection of a viewer, as the server sees it: `src/server/viewer_socket.rs` without its socket.

use std::sync::Arc;
use std::time::Instant;

use sessionforge::base::limits::{FRAME_PAYLOAD_BYTES_MAX, WINDOW_BYTES_MAX};
use sessionforge::server::relay::{Arrival, Page, Pulled, SessionHub, Slot, heard_on};
use sessionforge::wire::frame::Frame;
use sessionforge::wire::message::{self, FromViewer};

use super::pipe::Pipe;

/// See the module's text.
pub struct Tab {
    pub number: u64,
    pub viewer: usize,
    pub page: Arc<Page>,
    pub channel: u32,
    pub slot: Option<Slot>,
    pub up: Pipe,
    pub down: Pipe,
    pub ready: bool,
    pub sent: u64,
    pub acked: u64,
    pub server_notices: Option<Instant>,
}

impl Tab {
    /// What the page has sent, as `src/server/viewer_socket.rs` takes it.
    pub fn hear(&mut self, hub: &SessionHub, now: Instant) -> bool {
        let frames = self.up.take(now);
        let heard = !frames.is_empty();
        for frame in frames {
            match (frame, self.slot) {
                (Frame::Control(json), slot) => match (message::from_json(&json).unwrap(), slot) {
                    (FromViewer::Attach { channel, viewer, from, take, cols, rows, theme, .. }, None) => {
                        let page = Arc::clone(&self.page);
                        let may_type = true;
                        let arrival = Arrival { page, channel, viewer, from, take, may_type, cols, rows, theme };
                        self.slot = hub.attach(arrival).ok();
                        // Its viewer has left already, and is there over a later one.
                        assert!(self.slot.is_some() || self.server_notices.is_some(), "refused");
                    }
                    (FromViewer::TakeControl { cols, rows, .. }, Some(slot)) => hub.take_control(slot, cols, rows),
                    (FromViewer::Resize { cols, rows, .. }, Some(slot)) => hub.resize(slot, cols, rows),
                    (FromViewer::History { id, .. }, Some(slot)) => hub.history(slot, id),
                    _ => {}
                },
                (Frame::Input { number, bytes, .. }, Some(slot)) => hub.input(slot, number, bytes),
                (Frame::Ack { consumed, .. }, Some(slot)) => {
                    self.acked = consumed;
                    self.ready = true;
                    hub.acked(slot, consumed, now).expect("acknowledged what was sent");
                }
                (Frame::Pong(number), Some(slot)) if heard_on(number) == Some(self.channel) => hub.heard(slot),
                // A channel that was closed meanwhile is no mistake of the page; an old pong neither.
                (_, None) | (Frame::Pong(_), _) => {}
                (other, slot) => panic!("{other:?} {slot:?}"),
            }
        }
        heard
    }

    /// Looks only when it was told to, so that a wake-up that is missing shows.
    pub fn pull(&mut self, hub: &SessionHub, now: Instant) -> bool {
        let mut marked = Vec::new();
        self.page.take_channels(&mut marked);
        self.ready |= !marked.is_empty();
        let Some(slot) = self.slot.filter(|_| self.ready) else { return false };
        let mut pulled = false;
        while self.ready && self.down.has_room() {
            let mut out = Vec::new();
            self.ready = match hub.pull(slot, now, FRAME_PAYLOAD_BYTES_MAX, true, &mut out) {
                Pulled::More => true,
                Pulled::All | Pulled::CountLater => false,
                Pulled::Closed => {
                    // Another connection of the same viewer took its place: nobody listens here.
                    assert!(self.server_notices.is_some(), "sent away");
                    self.slot = None;
                    false
                }
            };
            pulled |= !out.is_empty();
            for frame in out {
                if let Frame::Output { bytes, .. } | Frame::Snapshot { bytes, .. } = &frame {
                    self.sent += bytes.len() as u64;
                }
                self.down.send(&frame, now);
            }
            assert!(self.sent - self.acked <= u64::from(WINDOW_BYTES_MAX), "outstanding within the window");
            if self.server_notices.is_some() {
                // The viewer is gone, and what it is sent piles up until that is noticed.
                self.down.cut(1_000);
            }
        }
        pulled
    }
}
