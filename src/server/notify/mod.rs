//! Telling people what happened when they do not look: in their pages, by push messages, and by webhooks.
//!
//! The relay lays news on the [`desk::Desk`]; one task takes them in order, asks [`rules`] for each person where they are
//! told, and hands on ([`hand_to_person`], [`webhook::note`]): the places to look at, or to measure, when a notification
//! should have come. Nothing is collected first, and nothing is told twice: a request has a number. What is over is taken
//! back wherever it was told.

pub(super) mod desk;
pub(super) mod news;
mod outbound;
pub(super) mod push;
pub(super) mod quiet;
mod reach;
mod rules;
pub(super) mod webhook;
mod words;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;

use super::Shared;
use super::relay::Organisation;
use crate::base::clock::unix_millis;
use crate::base::id::{MachineId, UserId};
use crate::store::{Listening, StoreError};
use crate::wire::notice::{Channel, Kind, Notice};
use news::{About, News, What};
pub(super) use outbound::Outbound;
use push::Message;
use rules::{Listener, channels, sees};

/// A machine is offline once it was away for so long: an agent that is restarted or updated is back within seconds, and one
/// that lost its line tries again within half a minute.
const OFFLINE_AFTER: Duration = Duration::from_secs(45);

/// Whom something was told by push that may have to be taken back. Beyond it all are forgotten, and what is shown stays.
const TOLD_MAX: usize = 20_000;

/// All of it.
#[derive(Debug)]
pub(super) struct Notifier {
    pub(super) outbound: Outbound,
    pub(super) pushing: push::Pushing,
    pub(super) deliveries: webhook::Deliveries,
    /// Who was told what by push, by tag.
    told: Mutex<HashSet<(UserId, String)>>,
}

impl Notifier {
    /// Sends to the public internet, and to `allowed`.
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        let (pushing, deliveries, told) = Default::default();
        Self { outbound: Outbound::new(allowed), pushing, deliveries, told }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashSet<(UserId, String)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_told(&self, user: UserId, tag: String) {
        let mut told = self.told();
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert((user, tag));
    }
}

/// Tells people, until the server stops.
pub(super) async fn tell_all(shared: &Arc<Shared>) {
    let Some(mut desk) = shared.relay.desk().take() else { return };
    while let Some(Some(news)) = shared.shutdown.run_until_cancelled(desk.recv()).await {
        if let (About::Machine { id, .. }, What::Told { kind: Kind::Offline, .. }) = (&news.about, &news.what) {
            wait_for_machine(shared, *id, news);
            continue;
        }
        tell_or_say_why_not(shared, &news).await;
    }
}

/// A machine is away: tells it if it stays so.
fn wait_for_machine(shared: &Arc<Shared>, id: MachineId, news: News) {
    let shared_too = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let waiting = tokio::time::sleep(OFFLINE_AFTER);
        if shared_too.shutdown.run_until_cancelled(waiting).await.is_none() {
            return;
        }
        let still =
            shared_too.relay.organisation(news.organisation).await.is_ok_and(|place| place.is_away(id, news.at));
        if still {
            tell_or_say_why_not(&shared_too, &news).await;
        }
    });
}

async fn tell_or_say_why_not(shared: &Arc<Shared>, news: &News) {
    if let Err(error) = tell(shared, news).await {
        tracing::warn!(%error, tag = news.tag(), "somebody may not have been notified");
    }
}

async fn tell(shared: &Arc<Shared>, news: &News) -> Result<(), StoreError> {
    if !is_new(shared, news).await {
        return Ok(());
    }
    let place = shared.relay.organisation(news.organisation).await.map_err(|it| StoreError::Failed(it.to_string()))?;
    let (plain, whole) = (words::notice(news, false), words::notice(news, true));
    let now = Timestamp::now();
    for Listening { user, role, wants } in shared.store.listening(news.organisation).await? {
        let looks = news.session().is_some_and(|session| place.looks(user, session));
        let who = Listener { user, role, wants: &wants, looks };
        let chosen = channels(news, &who, now);
        let notice = if wants.with_text { &whole } else { &plain };
        match notice {
            Some(notice) if !chosen.is_empty() => {
                let (sound, desktop) = (chosen.contains(&Channel::Sound), chosen.contains(&Channel::Desktop));
                let push = chosen.contains(&Channel::Push);
                hand_to_person(shared, &place, user, notice, (sound, desktop, push)).await?;
            }
            _ if sees(news, user, role) || shared.notify.told().contains(&(user, news.tag())) => {
                take_back(shared, &place, user, news.tag()).await?;
            }
            _ => {}
        }
    }
    webhook::note(shared, news).await?;
    Ok(())
}

/// Whether it was not told before: a server that was restarted hears of every open request again.
async fn is_new(shared: &Shared, news: &News) -> bool {
    let (About::Session(it), What::Told { kind, .. }) = (&news.about, &news.what) else { return true };
    let Some(need) = it.info.needs.as_ref().filter(|_| kind.is_need()) else { return true };
    match shared.store.is_untold(it.info.id, need.id, need.since).await {
        Ok(untold) => untold,
        Err(error) => {
            // Twice is better than never.
            tracing::warn!(%error, "what was told cannot be written");
            true
        }
    }
}

/// Here a notification is handed off to one person's channels.
async fn hand_to_person(
    shared: &Arc<Shared>,
    place: &Organisation,
    user: UserId,
    notice: &Notice,
    (sound, desktop, push): (bool, bool, bool),
) -> Result<(), StoreError> {
    let pages = if sound || desktop { place.notify(user, notice, sound, desktop) } else { 0 };
    let mut browsers = 0;
    if push {
        browsers = push::send(shared, user, Message::Show(notice.clone())).await?;
        if browsers > 0 {
            shared.notify.note_told(user, notice.tag.clone());
        }
    }
    if pages + browsers > 0 {
        tracing::info!(%user, tag = notice.tag, kind = notice.kind.name(), pages, browsers, at = unix_millis(),
            "a notification was handed off");
    }
    Ok(())
}

/// Takes back what may be shown with a tag.
async fn take_back(shared: &Arc<Shared>, place: &Organisation, user: UserId, tag: String) -> Result<(), StoreError> {
    place.take_back(user, &tag);
    let told = shared.notify.told().remove(&(user, tag.clone()));
    if told {
        push::send(shared, user, Message::Over(tag)).await?;
    }
    Ok(())
}
