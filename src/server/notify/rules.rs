//! Who is told of what, and where: one pure function of the event, the person, what they want, where they look, and the
//! time.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::news::{About, News, Subject, What};
use super::quiet::is_quiet;
use crate::base::id::UserId;
use crate::server::auth::permissions::{Permission, Whose};
use crate::store::Role;
use crate::wire::notice::{Channel, Kind, Preferences, Reach};

/// Somebody who may be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listener<'a> {
    /// Who.
    pub(super) user: UserId,
    /// What they may in the organisation.
    pub(super) role: Role,
    /// What they want.
    pub(super) wants: &'a Preferences,
    /// Whether a page of theirs that has the focus shows the very session.
    pub(super) looks: bool,
}

/// Where somebody is told of `news` at `now`. Empty: nowhere but in the page's own list.
pub(super) fn channels(news: &News, who: &Listener<'_>, now: Timestamp) -> BTreeSet<Channel> {
    let What::Told { kind, whom, .. } = &news.what else { return BTreeSet::new() };
    let concerned = match &news.about {
        _ if news.by == Some(who.user) => false,
        About::Session(subject) => session_concerns(subject, *kind, *whom, who),
        About::Machine { owner, shown, .. } => {
            let whose = whose(who.user, *owner, None, *shown);
            may(who.role, Permission::SeeMachine, whose) && (whose == Whose::Own || who.wants.reach == Reach::All)
        }
        About::Webhook { .. } => may(who.role, Permission::ManageWebhooks, Whose::Own),
    };
    if !concerned || who.looks || who.wants.quiet.as_ref().is_some_and(|quiet| is_quiet(quiet, now)) {
        return BTreeSet::new();
    }
    who.wants.channels(*kind)
}

/// Whether somebody who is told may be told what the session asks: it is of its screen, which is its owner's, its adopter's
/// and, while it is shared, everybody's.
pub(super) fn may_read(news: &News, user: UserId) -> bool {
    match &news.about {
        About::Session(it) => whose(user, it.owner, it.adopter, it.shared) != Whose::Others,
        About::Machine { .. } | About::Webhook { .. } => true,
    }
}

/// Whether everybody in the organisation may.
pub(super) fn may_all_read(news: &News) -> bool {
    match &news.about {
        About::Session(it) => it.shared,
        About::Machine { .. } | About::Webhook { .. } => true,
    }
}

fn session_concerns(it: &Subject, kind: Kind, whom: Option<UserId>, who: &Listener<'_>) -> bool {
    let whose = whose(who.user, it.owner, it.adopter, it.shared);
    // Whom it was taken back from does not see it any more, and is told all the same.
    if whom == Some(who.user) {
        return true;
    }
    if !may(who.role, Permission::SeeSession, whose) {
        return false;
    }
    match kind {
        // An offer to one person is for nobody else, however much they see.
        Kind::Shared => {
            it.to.is_none_or(|to| to == who.user)
                && whose != Whose::Own
                && may(who.role, Permission::AdoptSession, Whose::Shared)
        }
        Kind::Adopted | Kind::Returned => whose == Whose::Own || who.wants.reach == Reach::All,
        _ => it.adopter.unwrap_or(it.owner) == who.user || who.wants.reach == Reach::All,
    }
}

fn whose(user: UserId, owner: UserId, adopter: Option<UserId>, shared: bool) -> Whose {
    match adopter {
        _ if owner == user => Whose::Own,
        Some(adopter) if adopter == user => Whose::Adopted,
        _ if shared => Whose::Shared,
        _ => Whose::Others,
    }
}

fn may(role: Role, permission: Permission, whose: Whose) -> bool {
    // Later roles may do less.
    permission.rule().least(whose).is_some_and(|least| role <= least)
}

#[cfg(test)]
mod tests;
