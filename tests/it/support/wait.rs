//! Waits that have a name, an end, and no sleep: something changes, the waiter looks again.

use std::time::Duration;

use tokio::sync::watch;

/// Longest wait for anything in a test.
///
/// Nothing measured: a debug build on two busy cores answers within seconds, and a hung test must end before CI does.
pub const WAIT_MAX: Duration = Duration::from_secs(45);

/// A counter that rises at every change of what is waited for.
#[derive(Debug)]
pub struct Changes(watch::Sender<u64>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Changes {
    /// Says that something changed.
    pub fn raise(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// The next change after this call.
    pub fn listen(&self) -> impl Future<Output = ()> + use<> {
        let mut changed = self.0.subscribe();
        async move {
            // Who would raise it has gone: nothing changes any more, and whoever waits gives up by the clock.
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Looks after every change until `look` finds something; `None` after `at_most`.
    pub async fn wait<T>(&self, at_most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let mut changed = self.0.subscribe();
        let found = async {
            loop {
                changed.mark_unchanged(); // before the look: a change during it must wake us
                if let Some(found) = look() {
                    return Some(found);
                }
                if changed.changed().await.is_err() {
                    return look();
                }
            }
        };
        tokio::time::timeout(at_most, found).await.ok().flatten()
    }
}

/// Asks again and again, for facts outside that cannot tell us when they change (a page's text, a file, a process).
pub async fn poll<T>(why: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    poll_within(WAIT_MAX, look).await.unwrap_or_else(|| panic!("waited {WAIT_MAX:?} in vain: {why}"))
}

/// The same, but coming back with nothing after `at_most`.
pub async fn poll_within<T>(at_most: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = tokio::time::Instant::now() + at_most;
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if tokio::time::Instant::now() > deadline {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
