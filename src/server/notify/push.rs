//! Web Push: messages to browsers by way of their makers' services, also while no page is open.
//!
//! A message is of use for minutes, so what cannot be sent is tried for a while and never written down. Of one thing a
//! browser is sent the newest: what is said later takes the place of what is still being tried.

mod seal;
mod vapid;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::outbound::{Answer, OutboundError};
use super::webhook::random;
use crate::base::clock::unix_millis;
use crate::base::id::{PushId, UserId};
use crate::server::Shared;
use crate::store::{PushRow, StoreError};
use crate::wire::notice::Notice;
use seal::{AUTH_BYTES, Keys, POINT_BYTES, SealError};
use vapid::Vapid;

/// Waits between tries, each up to a half longer at random.
const WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_mins(1)];

/// A service that asks for more time gets it up to here; later, what was to be said is stale.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(2);

/// Messages that are sent or wait to be tried again, of all people. Beyond it new ones are dropped.
const WAITING_MAX: usize = 2_048;

/// Messages sent at a time.
const AT_ONCE: usize = 64;

/// How long a service keeps a message for a browser that is away, in seconds.
const KEPT_SECONDS: u32 = 6 * 60 * 60;

/// Apple's service ends a subscription whose messages show nothing, so it is not told what is over.
const SHOWS_ALL: &str = "push.apple.com";

/// What a browser is sent.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// To show this.
    Show(Notice),
    /// To take away what is shown with this tag.
    Over(String),
}

impl Message {
    fn tag(&self) -> &str {
        match self {
            Self::Show(notice) => &notice.tag,
            Self::Over(tag) => tag,
        }
    }

    fn json(&self) -> Vec<u8> {
        let value = match self {
            Self::Show(notice) => json!({ "show": notice }),
            Self::Over(tag) => json!({ "over": tag }),
        };
        value.to_string().into_bytes()
    }
}

/// Why a browser was not sent a message.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum PushError {
    /// What it subscribed with is no key.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Its service cannot be reached.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The service says that the browser does not want to be told any more.
    #[error("the browser has unsubscribed: switch notifications on again there")]
    Gone,
    /// Another answer.
    #[error("the browser's push service answered with HTTP status {0}")]
    Refused(u16),
    /// The server's own.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is under way to browsers.
#[derive(Debug)]
pub(in crate::server) struct Pushing {
    vapid: OnceCell<Vapid>,
    waiting: Arc<Semaphore>,
    sending: Semaphore,
    /// Of each browser and tag: what ends the newest message's tries, and whose turn it is.
    lanes: Mutex<HashMap<(PushId, String), Lane>>,
}

#[derive(Debug, Clone)]
struct Lane {
    newest: CancellationToken,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Default for Pushing {
    fn default() -> Self {
        let (waiting, sending) = (Arc::new(Semaphore::new(WAITING_MAX)), Semaphore::new(AT_ONCE));
        Self { vapid: OnceCell::new(), waiting, sending, lanes: Mutex::default() }
    }
}

impl Pushing {
    /// The key that browsers subscribe with.
    pub(in crate::server) async fn public_key(&self, shared: &Shared) -> Result<String, StoreError> {
        Ok(self.vapid(shared).await?.public())
    }

    async fn vapid(&self, shared: &Shared) -> Result<&Vapid, StoreError> {
        self.vapid.get_or_try_init(|| Vapid::load(&shared.store)).await
    }

    /// The lane of a message, which is its newest from here on.
    fn enter(&self, key: (PushId, String)) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lanes.get(&key).cloned();
        let turn = before.as_ref().map(|lane| Arc::clone(&lane.turn)).unwrap_or_default();
        if let Some(before) = before {
            before.newest.cancel();
        }
        let lane = Lane { newest: CancellationToken::new(), turn };
        lanes.insert(key, lane.clone());
        lane
    }

    fn leave(&self, key: &(PushId, String), lane: &Lane) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        // One that a newer message has cancelled is that one's.
        if !lane.newest.is_cancelled() {
            lanes.remove(key);
        }
    }
}

/// Whether these are keys that a browser gives.
pub(in crate::server) fn are_keys(p256dh: &str, auth: &str) -> bool {
    keys(p256dh, auth).is_some_and(|keys| seal::seal(&keys, b"").is_ok())
}

fn keys(p256dh: &str, auth: &str) -> Option<Keys> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
    let point: [u8; POINT_BYTES] = decode(p256dh)?.try_into().ok()?;
    let auth: [u8; AUTH_BYTES] = decode(auth)?.try_into().ok()?;
    Some(Keys { point, auth })
}

/// Sends `message` to every browser of a person that subscribed; does not wait for it. Answers to how many.
pub(super) async fn send(shared: &Arc<Shared>, user: UserId, message: Message) -> Result<usize, StoreError> {
    let rows = shared.store.pushes(user, unix_millis()).await?;
    let mut count = 0;
    for row in rows {
        if matches!(message, Message::Over(_)) && row.endpoint.contains(SHOWS_ALL) {
            continue;
        }
        let Ok(place) = Arc::clone(&shared.notify.pushing.waiting).try_acquire_owned() else {
            tracing::warn!(push = %row.id, "too many push messages wait: this one is dropped");
            continue;
        };
        count += 1;
        let (shared_too, message) = (Arc::clone(shared), message.clone());
        // In the order in which they are said, not in which tasks begin.
        let key = (row.id, message.tag().to_owned());
        let lane = shared.notify.pushing.enter(key.clone());
        shared.tasks.spawn(async move {
            let trying = deliver(&shared_too, &row, &message, &lane, place);
            // A message that nobody was told of before the server stopped is told by its next start, if it still holds.
            let _ended = shared_too.shutdown.run_until_cancelled(trying).await;
            shared_too.notify.pushing.leave(&key, &lane);
        });
    }
    Ok(count)
}

/// Tries until it is sent, the time is over, or something newer is to be said.
async fn deliver(shared: &Arc<Shared>, row: &PushRow, message: &Message, lane: &Lane, place: OwnedSemaphorePermit) {
    let _turn = lane.turn.lock().await;
    let mut waits = WAITS.iter();
    loop {
        if lane.newest.is_cancelled() {
            break;
        }
        let said = once(shared, row, message).await;
        let after = match &said {
            Ok(answer) => answer.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX),
            Err(_) => Duration::ZERO,
        };
        match verdict(said) {
            Ok(()) => {
                tracing::info!(user = %row.user, push = %row.id, tag = message.tag(), "a notification was handed to a push service");
                break;
            }
            Err(PushError::Gone) => {
                tracing::info!(user = %row.user, push = %row.id, "a browser has unsubscribed");
                if let Err(error) = shared.store.remove_push(row.user, row.id).await {
                    tracing::debug!(%error, "it was removed already");
                }
                break;
            }
            Err(error) => {
                let again = matches!(error, PushError::Outbound(_) | PushError::Refused(429 | 500..));
                let Some(wait) = waits.next().filter(|_| again) else {
                    tracing::warn!(push = %row.id, %error, "a push message was given up");
                    break;
                };
                let spread = wait.mul_f64(1.0 + 0.5 * f64::from(random()) / f64::from(u32::MAX));
                let _newer = lane.newest.run_until_cancelled(tokio::time::sleep(spread.max(after))).await;
            }
        }
    }
    drop(place);
}

/// Sends a message that says so to one browser, now, and says what became of it.
pub(in crate::server) async fn test(shared: &Arc<Shared>, row: &PushRow, notice: Notice) -> Result<(), PushError> {
    let verdict = match once(shared, row, &Message::Show(notice)).await {
        Err(error) => Err(error),
        said => verdict(said),
    };
    if matches!(verdict, Err(PushError::Gone)) {
        shared.store.remove_push(row.user, row.id).await?;
    }
    verdict
}

fn verdict(said: Result<Answer, PushError>) -> Result<(), PushError> {
    match said?.status {
        200..300 => Ok(()),
        404 | 410 => Err(PushError::Gone),
        status => Err(PushError::Refused(status)),
    }
}

async fn once(shared: &Arc<Shared>, row: &PushRow, message: &Message) -> Result<Answer, PushError> {
    let pushing = &shared.notify.pushing;
    let target = shared.notify.outbound.check(&row.endpoint)?;
    let body = seal::seal(&keys(&row.p256dh, &row.auth).ok_or(SealError)?, &message.json())?;
    let vapid = pushing.vapid(shared).await?;
    let contact = contact(&shared.url);
    let authorization = vapid.authorization(&target.origin(), &contact, unix_millis()).ok_or(SealError)?;
    let urgent =
        matches!(message, Message::Show(notice) if notice.kind.is_urgent()) || matches!(message, Message::Over(_));
    // What the service keeps for a browser that is away is the newest of its tag, which it is not told.
    let topic: String = URL_SAFE_NO_PAD.encode(Sha256::digest(message.tag())).chars().take(32).collect();
    let text = |value: &str| HeaderValue::from_str(value).map_err(|_| SealError);
    let headers = vec![
        (header::AUTHORIZATION, text(&authorization)?),
        (header::CONTENT_ENCODING, HeaderValue::from_static("aes128gcm")),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (HeaderName::from_static("ttl"), text(&KEPT_SECONDS.to_string())?),
        (HeaderName::from_static("urgency"), HeaderValue::from_static(if urgent { "high" } else { "normal" })),
        (HeaderName::from_static("topic"), text(&topic)?),
    ];
    // Never closed, so that there is a place after a while.
    let _place = pushing.sending.acquire().await;
    Ok(shared.notify.outbound.post(&target, headers, Bytes::from(body)).await?)
}

/// Whom a push service's operators can turn to.
fn contact(url: &str) -> String {
    if url.starts_with("https://") { url.to_owned() } else { "mailto:sessionforge@localhost".to_owned() }
}

const _: () = assert!(seal::MESSAGE_BYTES_MAX > 3_000, "a notice of a few hundred characters fits");
