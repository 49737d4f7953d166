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

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;

use super::Shared;
use super::relay::Organisation;
use crate::base::clock::{millis, unix_millis};
use crate::base::id::{MachineId, UserId};
use crate::store::Listening;
use crate::wire::notice::{Channel, Kind, Notice};
use news::{About, News, What};
pub(super) use outbound::Outbound;
use push::Message;
use rules::{Listener, channels, may_read};

/// A machine is offline once it was away for so long: an agent that is restarted or updated is back within seconds, and one
/// that lost its line tries again within half a minute.
const OFFLINE_AFTER: Duration = Duration::from_secs(45);

/// Things of which somebody was told and that may have to be taken back. Beyond it all are forgotten, and what is shown
/// stays.
const TOLD_MAX: usize = 20_000;

/// All of it.
#[derive(Debug)]
pub(super) struct Notifier {
    pub(super) outbound: Outbound,
    pub(super) pushing: push::Pushing,
    pub(super) deliveries: webhook::Deliveries,
    /// Who was told, by tag.
    told: Mutex<HashMap<String, BTreeSet<UserId>>>,
    /// Machines that are away, and not long enough yet.
    waiting: Mutex<HashSet<MachineId>>,
}

impl Notifier {
    /// Sends to the public internet, and to `allowed`.
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        let (pushing, deliveries, told, waiting) = Default::default();
        Self { outbound: Outbound::new(allowed), pushing, deliveries, told, waiting }
    }

    /// From now on these are who was told with a tag; answers who was before.
    fn now_told(&self, tag: &str, users: BTreeSet<UserId>) -> BTreeSet<UserId> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if users.is_empty() {
            return told.remove(tag).unwrap_or_default();
        }
        if told.len() >= TOLD_MAX {
            told.clear();
        }
        told.insert(tag.to_owned(), users).unwrap_or_default()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashSet<MachineId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
        tell(shared, &news).await;
    }
}

/// A machine is away: tells it if it stays so. One that comes and goes is waited for once.
fn wait_for_machine(shared: &Arc<Shared>, id: MachineId, mut news: News) {
    if !shared.notify.waiting().insert(id) {
        return;
    }
    let shared_too = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let waited = shared_too.shutdown.run_until_cancelled(stays_away(&shared_too, id, &mut news)).await;
        shared_too.notify.waiting().remove(&id);
        if waited == Some(true) {
            tell(&shared_too, &news).await;
        }
    });
}

/// Whether a machine stays away; `news` is then of when it went.
async fn stays_away(shared: &Arc<Shared>, id: MachineId, news: &mut News) -> bool {
    loop {
        let over = news.at.saturating_add(millis(OFFLINE_AFTER));
        let left = over.saturating_sub(unix_millis());
        if left == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(left)).await;
        let Ok(place) = shared.relay.organisation(news.organisation).await else { return false };
        match place.away_since(id) {
            Some(since) => news.at = since,
            None => return false,
        }
    }
}

/// Tells one thing to whom it concerns, and to the organisation's webhooks; takes back what it takes the place of.
async fn tell(shared: &Arc<Shared>, news: &News) {
    if !is_new(shared, news).await {
        return;
    }
    let place = match shared.relay.organisation(news.organisation).await {
        Ok(place) => place,
        Err(error) => return tracing::warn!(%error, "nobody was notified"),
    };
    let told = tell_people(shared, &place, news).await;
    let before = shared.notify.now_told(&news.tag(), told.clone());
    for user in before.difference(&told) {
        place.take_back(*user, &news.tag());
        push(shared, *user, Message::Over(news.tag())).await;
    }
    if let Err(error) = webhook::note(shared, news).await {
        tracing::warn!(%error, tag = news.tag(), "webhooks may not be told");
    }
}

/// Answers who was told.
async fn tell_people(shared: &Arc<Shared>, place: &Organisation, news: &News) -> BTreeSet<UserId> {
    let mut told = BTreeSet::new();
    let (Some(plain), Some(whole)) = (words::notice(news, false), words::notice(news, true)) else { return told };
    let listening = match shared.store.listening(news.organisation).await {
        Ok(listening) => listening,
        Err(error) => {
            tracing::warn!(%error, tag = news.tag(), "nobody was notified");
            return told;
        }
    };
    let now = Timestamp::now();
    for Listening { user, role, wants } in listening {
        let looks = news.session().is_some_and(|session| place.looks(user, session));
        let who = Listener { user, role, wants: &wants, looks };
        let chosen = channels(news, &who, now);
        if !chosen.is_empty() {
            let notice = if wants.with_text && may_read(news, user) { &whole } else { &plain };
            hand_to_person(shared, place, user, notice, &chosen).await;
            told.insert(user);
        }
    }
    told
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
    chosen: &BTreeSet<Channel>,
) {
    let (sound, desktop) = (chosen.contains(&Channel::Sound), chosen.contains(&Channel::Desktop));
    let pages = if sound || desktop { place.notify(user, notice, sound, desktop) } else { 0 };
    let browsers =
        if chosen.contains(&Channel::Push) { push(shared, user, Message::Show(notice.clone())).await } else { 0 };
    if pages + browsers > 0 {
        tracing::info!(%user, tag = notice.tag, kind = notice.kind.name(), pages, browsers, "a notification was handed off");
    }
}

/// To every browser of a person that subscribed; answers how many.
async fn push(shared: &Arc<Shared>, user: UserId, message: Message) -> usize {
    push::send(shared, user, message).await.unwrap_or_else(|error| {
        tracing::warn!(%error, %user, "no push message was sent");
        0
    })
}
