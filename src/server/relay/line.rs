//! What a connection's own task listens to: that there is something to send, and that it is to hang up.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::base::allow_list::AllowList;
use crate::wire::close::Close;

/// One connection, as others see it.
#[derive(Debug, Default)]
pub struct Line {
    wake: Notify,
    closing: OnceLock<Close>,
    /// Where its peer is.
    address: OnceLock<IpAddr>,
    /// When the key it came by expires, in milliseconds since 1970; 0 is never.
    expires_at: AtomicU64,
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

    /// The key it came by expires then, in milliseconds since 1970.
    pub fn expires_at(&self, at: Option<u64>) {
        self.expires_at.store(at.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Its peer is there.
    pub fn comes_from(&self, address: IpAddr) {
        // It is said once, before anybody asks.
        let _ = self.address.set(address);
    }

    /// Whether its peer would not be let in now.
    pub fn is_outside(&self, allowed: &AllowList) -> bool {
        self.address.get().is_some_and(|address| !allowed.admits(*address))
    }

    /// Whether that key has expired by `now`.
    pub fn has_expired(&self, now: u64) -> bool {
        let at = self.expires_at.load(Ordering::Relaxed);
        at != 0 && at <= now
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
