//! Where the relay lays down what happened. Whoever tells people takes it from there, in its order.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::news::News;

/// News that wait. Telling takes milliseconds, so this is a fleet of a thousand sessions that all need somebody at once.
const WAITING_MAX: usize = 4_096;

/// The desk.
#[derive(Debug)]
pub(in crate::server) struct Desk {
    sender: mpsc::Sender<News>,
    receiver: Mutex<Option<mpsc::Receiver<News>>>,
}

impl Default for Desk {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }
}

impl Desk {
    /// Something happened. Never waits: the fleet is held meanwhile.
    pub(in crate::server) fn tell(&self, news: News) {
        if self.sender.try_send(news).is_err() {
            tracing::warn!("too much happens at once: nobody is notified of some of it");
        }
    }

    /// What happens from now on; for one taker.
    pub(super) fn take(&self) -> Option<mpsc::Receiver<News>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
