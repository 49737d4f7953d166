//! The server's own pulse: after a sleep of its machine every connection is made anew.
//!
//! Pages and agents have noticed the silence by then, and what they had sent into it is stale: a key that a page has
//! dropped, and said so, must not be typed an hour later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::base::gap::{BEAT_EVERY, Gap};

/// Beats as long as somebody holds it.
#[derive(Debug)]
pub(super) struct Heart {
    /// Of the time since the last sleep. One that has ended says so for ever to whoever began in it.
    gap: Mutex<Arc<Gap>>,
}

impl Heart {
    /// Beats on a thread of its own: a runtime that is merely busy has not slept.
    pub(super) fn start() -> Arc<Self> {
        let heart = Arc::new(Self { gap: Mutex::new(Arc::new(Gap::new(SystemTime::now()))) });
        let weak = Arc::downgrade(&heart);
        let beating = std::thread::Builder::new().name("heart".to_owned()).stack_size(64 * 1024).spawn(move || {
            loop {
                std::thread::sleep(BEAT_EVERY);
                match weak.upgrade() {
                    Some(heart) => heart.beat(SystemTime::now()),
                    None => return,
                }
            }
        });
        if let Err(error) = beating {
            tracing::warn!(%error, "no thread could be started: every connection will be taken for stale");
        }
        heart
    }

    /// For a connection that begins now: tells whether it may still be trusted.
    pub(super) fn gap(&self) -> Arc<Gap> {
        Arc::clone(&self.gap.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn beat(&self, now: SystemTime) {
        if self.gap().beat(now) {
            tracing::warn!("this machine stood still for a while; every connection is made anew");
            *self.gap.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Gap::new(now));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn whoever_began_before_a_sleep_is_told_for_ever_and_whoever_comes_after_is_not() {
        let now = SystemTime::now();
        let heart = Heart { gap: Mutex::new(Arc::new(Gap::new(now))) };
        let before = heart.gap();
        heart.beat(now + Duration::from_secs(1));
        assert!(!before.passed(now + Duration::from_secs(2)));
        let woken = now + Duration::from_hours(8);
        heart.beat(woken);
        heart.beat(woken + Duration::from_secs(1));
        assert!(before.passed(woken + Duration::from_secs(1)));
        assert!(!heart.gap().passed(woken + Duration::from_secs(1)));
    }
}
