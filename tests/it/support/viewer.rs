//! A test browser: one tab that watches one session, as the page would, and remembers all it was told.
//!
//! It reads all the time, as a browser does, acknowledges what it has put on its screen, comes back by itself when the
//! line breaks, and sends again what was not acknowledged. A test looks at what it has [`Seen`], or waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::limits::INPUT_BYTES_MAX;
use sessionforge::base::offset::Offset;
use sessionforge::wire::frame::SnapshotAt;
use sessionforge::wire::message::{FromViewer, Take};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::http::Http;
use super::wait::{Changes, WAIT_MAX};

mod seen;
mod tab;

pub use seen::Seen;
use tab::Tab;

/// Where viewers connect.
pub const VIEWER_PATH: &str = "/api/v1/viewer";

/// The only channel of a test viewer; any number would do.
pub const CHANNEL: u32 = 7;

/// How a viewer behaves.
#[derive(Debug, Clone)]
pub struct Manners {
    /// Width in cells.
    pub cols: u16,
    /// Height in cells.
    pub rows: u16,
    /// Whether it wants the keyboard.
    pub take: Take,
    /// Whether it keeps a screen. Without one it only counts and hashes, which is much faster.
    pub screen: bool,
    /// What the kernel may take off the line before the viewer reads it, in bytes.
    pub receive_buffer: Option<u32>,
    /// Payload bytes a second it reads at most.
    pub bytes_per_second: Option<u64>,
    /// How long it waits before it connects again.
    pub reconnect_delay: Duration,
    /// What it must see, where that is known in advance.
    pub script: Option<Arc<dyn Script>>,
}

/// An output that is known in advance, so that a viewer can check every byte by its offset, and every screen.
pub trait Script: std::fmt::Debug + Send + Sync {
    /// What is wrong with these bytes at this offset.
    fn check_output(&self, offset: Offset, bytes: &[u8]) -> Result<(), String>;
    /// What is wrong with this screen, painted at this offset.
    fn check_screen(&self, offset: Offset, screen: &str) -> Result<(), String>;
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            cols: 80,
            rows: 24,
            take: Take::IfFree,
            screen: true,
            receive_buffer: None,
            bytes_per_second: None,
            reconnect_delay: Duration::from_millis(50),
            script: None,
        }
    }
}

enum Order {
    Type(Bytes),
    Say(FromViewer),
    Cut,
    Read(bool),
    Acknowledge(bool),
}

/// The viewer. Dropping it closes its tab.
pub struct Viewer {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    seen: Mutex<Seen>,
    changes: Changes,
}

impl Viewer {
    /// Opens a tab on `session`.
    pub fn open(who: &Http, session: SessionId, manners: Manners) -> Self {
        let shared = Arc::new(Shared { seen: Mutex::new(Seen::new(&manners)), changes: Changes::default() });
        let (orders, taken) = mpsc::channel(1024);
        let tab = Tab {
            who: who.clone(),
            session,
            viewer: ViewerId::random(),
            shared: Arc::clone(&shared),
            orders: taken,
            unacknowledged: VecDeque::new(),
            next_number: 1,
            reading: true,
            acknowledging: true,
            read_again: Instant::now(),
            manners,
        };
        Self { shared, orders, task: tokio::spawn(tab.run()) }
    }

    /// Looks at what it has seen.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.seen.lock().unwrap())
    }

    /// Waits until `look` finds what the test is about; fails with `why` and the screen.
    pub async fn expect<T>(&self, why: &str, look: impl Fn(&Seen) -> Option<T>) -> T {
        self.within(WAIT_MAX, &look).await.unwrap_or_else(|| {
            let seen = self.shared.seen.lock().unwrap();
            let said = format!(
                "waited {WAIT_MAX:?} in vain: {why}\noffset {}, {} repaints, control {:?}, live {}, attached {}, \
                 detached {:?}, ended {:?}, closed {:?}, violations {:?}\nthe screen:\n{}",
                seen.offset,
                seen.repaints,
                seen.control,
                seen.live,
                seen.attached,
                seen.detached,
                seen.ended,
                seen.closed,
                seen.violations,
                seen.screen.text()
            );
            drop(seen); // Whoever goes on behind the failure looks at it too.
            panic!("{said}")
        })
    }

    /// The same, but coming back with nothing after `at_most`.
    pub async fn within<T>(&self, at_most: Duration, look: impl Fn(&Seen) -> Option<T>) -> Option<T> {
        self.shared.changes.wait(at_most, || look(&self.shared.seen.lock().unwrap())).await
    }

    /// Waits until the visible screen is as wanted.
    pub async fn expect_screen(&self, why: &str, look: impl Fn(&str) -> bool) {
        self.expect(why, |seen| look(&seen.screen.text()).then_some(())).await;
    }

    /// Waits until the visible screen holds `text`.
    pub async fn expect_text(&self, text: &str) {
        self.expect_screen(&format!("the screen shows {text:?}"), |screen| screen.contains(text)).await;
    }

    /// Waits until it is attached and has its first screen.
    pub async fn expect_attached(&self) {
        self.expect("the session is attached and painted", |seen| (seen.attached && seen.repaints > 0).then_some(()))
            .await;
    }

    /// Waits until the visible screen holds `text` and a prompt of the test's shell is the last thing on it.
    pub async fn expect_prompt_after(&self, text: &str) {
        self.expect_screen(&format!("a prompt follows {text:?}"), |screen| {
            screen.contains(text) && screen.ends_with("\n$")
        })
        .await;
    }

    /// Waits until both show the same. Each may be the last to change, so both are listened to.
    pub async fn expect_same_screen(&self, other: &Self, why: &str) {
        let agree = async {
            loop {
                let (mine, theirs) = (self.shared.changes.listen(), other.shared.changes.listen());
                if self.text() == other.text() {
                    return;
                }
                tokio::select! {
                    () = mine => {}
                    () = theirs => {}
                }
            }
        };
        let agreed = tokio::time::timeout(WAIT_MAX, agree).await.is_ok();
        let (mine, theirs) = (self.text(), other.text());
        assert!(agreed, "waited {WAIT_MAX:?} in vain: {why}\none screen:\n{mine}\nthe other:\n{theirs}");
    }

    /// Forgets the sum of all bytes so far.
    pub fn start_digest(&self) {
        self.shared.seen.lock().unwrap().digest = sha2::Digest::new();
    }

    /// The visible screen.
    pub fn text(&self) -> String {
        self.look(|seen| seen.screen.text())
    }

    /// Types.
    pub async fn type_text(&self, text: &str) {
        self.type_bytes(text.as_bytes()).await;
    }

    /// Types bytes; more than a frame holds are cut, as a paste is.
    pub async fn type_bytes(&self, bytes: &[u8]) {
        for piece in bytes.chunks(INPUT_BYTES_MAX) {
            self.order(Order::Type(Bytes::copy_from_slice(piece))).await;
        }
    }

    /// Takes the keyboard.
    pub async fn take_control(&self, cols: u16, rows: u16) {
        self.order(Order::Say(FromViewer::TakeControl { channel: CHANNEL, cols, rows })).await;
    }

    /// The tab's size changed.
    pub async fn resize(&self, cols: u16, rows: u16) {
        self.order(Order::Say(FromViewer::Resize { channel: CHANNEL, cols, rows })).await;
    }

    /// Asks for the scrollback and waits until it is there.
    pub async fn history(&self, id: u32) -> (SnapshotAt, Vec<u8>) {
        self.order(Order::Say(FromViewer::History { channel: CHANNEL, id })).await;
        self.expect("the scrollback comes", |seen| {
            seen.snapshots.get(&id).filter(|(.., complete)| *complete).map(|(at, bytes, _)| (*at, bytes.clone()))
        })
        .await
    }

    /// Breaks its line without a word; it comes back by itself.
    pub async fn cut(&self) {
        self.order(Order::Cut).await;
    }

    /// Stops taking anything off the line: the machine sleeps, or the line is dead.
    pub async fn stop_reading(&self) {
        self.order(Order::Read(false)).await;
    }

    /// See [`Self::stop_reading`].
    pub async fn resume_reading(&self) {
        self.order(Order::Read(true)).await;
    }

    /// Reads and answers pings, but puts nothing on its screen: a tab in the background.
    pub async fn stop_acknowledging(&self) {
        self.order(Order::Acknowledge(false)).await;
    }

    /// See [`Self::stop_acknowledging`].
    pub async fn resume_acknowledging(&self) {
        self.order(Order::Acknowledge(true)).await;
    }

    async fn order(&self, order: Order) {
        assert!(
            self.orders.send(order).await.is_ok(),
            "the viewer has gone: {:?}",
            self.look(|seen| seen.closed.clone())
        );
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
