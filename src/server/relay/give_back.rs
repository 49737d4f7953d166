//! Gives memory that hubs have let go of back to the system.
//!
//! An allocator keeps what was freed. Without this a server that a crowd has left holds hundreds of MiB for nobody.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Between two looks at what is held.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// It is worth the walk through the allocator's lists (some milliseconds) when so much was let go of, in bytes.
const WORTH_BYTES: usize = 16 * 1024 * 1024;

/// Looks for as long as `held`, the bytes that hubs hold, is there. Must be called within a runtime.
pub(super) fn spawn(held: &Arc<AtomicUsize>) {
    let held = Arc::downgrade(held);
    tokio::spawn(async move {
        let mut let_go = LetGo::default();
        while let Some(held) = Weak::upgrade(&held).map(|held| held.load(Ordering::Relaxed)) {
            if let_go.is_worth_it(held) {
                let _ = tokio::task::spawn_blocking(trim).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
}

/// How much was held at most since memory was last given back.
#[derive(Debug, Default)]
struct LetGo {
    most: usize,
}

impl LetGo {
    fn is_worth_it(&mut self, held: usize) -> bool {
        self.most = self.most.max(held);
        // When nobody watches anything, nobody waits for the walk either.
        let worth_it = self.most - held >= WORTH_BYTES || (held == 0 && self.most > 0);
        if worth_it {
            self.most = held;
        }
        worth_it
    }
}

fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes the allocator's own locks, and touches only memory that nobody holds.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_for_each_time_that_much_or_all_was_let_go_of() {
        let mut let_go = LetGo::default();
        let seen = [(0, false), (5, false), (4, false), (0, true), (0, false), (9, false), (3, true), (3, false)];
        for (held, worth_it) in seen {
            assert_eq!(let_go.is_worth_it(held * WORTH_BYTES / 6), worth_it, "{held}");
        }
    }
}
