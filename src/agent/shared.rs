//! What the tasks of one uplink share: the outbox and the gap watch.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Notify;

use super::outbox::{NotRead, Outbox};
use crate::base::gap::Gap;
use crate::wire::Frame;
use crate::wire::message;

/// Between the tasks of one uplink; each new uplink has a new one.
#[derive(Debug)]
pub(super) struct Shared {
    outbox: Mutex<Outbox>,
    /// Told when the outbox has something.
    filled: Notify,
    /// Told when the outbox has been emptied by a batch.
    drained: Notify,
    gap: Gap,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            outbox: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
            gap: Gap::new(SystemTime::now()),
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Nothing panics while it holds the lock; if something ever did, the queue would still be whole.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a frame before all output.
    pub(super) fn send(&self, frame: &Frame) -> Result<(), NotRead> {
        self.send_raw(frame.encode())
    }

    /// Sends a control message.
    pub(super) fn say<T: Serialize>(&self, message: &T) -> Result<(), NotRead> {
        self.send(&message::to_frame(message))
    }

    /// Sends an encoded frame before all output.
    pub(super) fn send_raw(&self, frame: Bytes) -> Result<(), NotRead> {
        self.outbox().push_urgent(frame)?;
        self.filled.notify_one();
        Ok(())
    }

    /// Sends an encoded frame in the order of its session, and waits while too much of that session is pending.
    pub(super) async fn send_output(&self, channel: u32, frame: Bytes) {
        self.drained_until(|outbox| outbox.has_room(channel)).await;
        self.outbox().push_output(channel, frame);
        self.filled.notify_one();
    }

    /// Waits until nothing of `channel` is pending: what is sent from then on comes after it.
    pub(super) async fn drained(&self, channel: u32) {
        self.drained_until(|outbox| outbox.is_empty(channel)).await;
    }

    async fn drained_until(&self, enough: impl Fn(&Outbox) -> bool) {
        loop {
            // The waiter is made before the look: room made in between is not missed.
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if enough(&self.outbox()) {
                return;
            }
            drained.await;
        }
    }

    /// Drops what is pending of a closed channel.
    pub(super) fn forget(&self, channel: u32) {
        self.outbox().forget(channel);
        self.drained.notify_waiters();
    }

    /// The frame to send next, if there is one.
    pub(super) fn pop(&self) -> Option<Bytes> {
        self.outbox().pop()
    }

    /// Waits until [`Self::pop`] may have something.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// A batch has left.
    pub(super) fn sent(&self) {
        self.drained.notify_waiters();
    }

    /// Whether this process stood still since the last beat: nothing received may be used.
    pub(super) fn slept(&self) -> bool {
        self.gap.passed(SystemTime::now())
    }

    /// To be called every [`crate::base::gap::BEAT_EVERY`]. Returns whether this process stood still.
    pub(super) fn beat(&self) -> bool {
        self.gap.beat(SystemTime::now())
    }
}
