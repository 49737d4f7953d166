//! What a connection's own task listens to: that there is something to send, and that it is to hang up.

use std::sync::OnceLock;

use tokio::sync::Notify;

use crate::wire::close::Close;

/// One connection, as others see it.
#[derive(Debug, Default)]
pub struct Line {
    wake: Notify,
    closing: OnceLock<Close>,
}

impl Line {
    /// There is something to send. Any number of these before the task looks are one.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Hang up. The first reason counts.
    pub fn close(&self, why: Close) {
        // A second reason changes nothing for the peer.
        let _ = self.closing.set(why);
        self.wake();
    }

    /// Why to hang up, if so.
    pub fn closing(&self) -> Option<Close> {
        self.closing.get().copied()
    }

    /// Waits for the next [`Self::wake`] or [`Self::close`], also one that came before.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}
