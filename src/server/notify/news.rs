//! What happened that somebody may want to hear of, and how it follows from two states of a session. Pure.

use crate::base::id::{MachineId, OrganisationId, SessionId, UserId};
use crate::store::HandoffRow;
use crate::wire::attention::Reason;
use crate::wire::handoff::Phase;
use crate::wire::notice::Kind;
use crate::wire::session::{Activity, SessionInfo, SessionState};

/// Signals by which people end programs, and what shells make of them: an end, not a failure.
const ENDED_BY_PEOPLE: [&str; 3] = ["SIGHUP", "SIGINT", "SIGTERM"];
/// See [`ENDED_BY_PEOPLE`]: 128 and the signal's number.
const CODES_OF_PEOPLE: [i32; 3] = [129, 130, 143];

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct News {
    /// Where.
    pub(in crate::server) organisation: OrganisationId,
    /// When, in milliseconds since 1970 by the server's clock.
    pub(in crate::server) at: u64,
    /// To what.
    pub(in crate::server) about: About,
    /// What.
    pub(in crate::server) what: What,
    /// Who did it: they are not told.
    pub(in crate::server) by: Option<UserId>,
}

/// What news is about, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum About {
    /// A session.
    Session(Box<Subject>),
    /// A machine.
    Machine {
        /// Which.
        id: MachineId,
        /// What people call it.
        name: String,
        /// Whose it is.
        owner: UserId,
        /// Whether everybody in the organisation sees it.
        shown: bool,
    },
    /// A webhook of the organisation.
    Webhook {
        /// What people call it.
        name: String,
    },
}

/// A session that something happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Subject {
    /// What was known of it.
    pub(in crate::server) info: SessionInfo,
    /// Its machine.
    pub(in crate::server) machine: MachineId,
    /// What people call that.
    pub(in crate::server) machine_name: String,
    /// Whose it is.
    pub(in crate::server) owner: UserId,
    /// Who has adopted it.
    pub(in crate::server) adopter: Option<UserId>,
    /// Whether it is shared or adopted.
    pub(in crate::server) shared: bool,
    /// Who alone may adopt it, while it is offered.
    pub(in crate::server) to: Option<UserId>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) enum What {
    /// Somebody is to be told.
    Told {
        /// Why.
        kind: Kind,
        /// Of a handoff, who took it up or gave it back; and a note.
        who: Option<String>,
        /// Who else it concerns than the session's owner: whom it was taken back from.
        whom: Option<UserId>,
        /// What was said with it.
        note: Option<String>,
        /// Of a handoff, how it is then.
        how: Option<Phase>,
    },
    /// What was told of it is over: it was answered, or somebody went on.
    Over,
}

impl What {
    /// Of a kind, without more.
    pub(in crate::server) fn told(kind: Kind) -> Self {
        Self::Told { kind, who: None, whom: None, note: None, how: None }
    }
}

impl News {
    /// What later news of the same thing take the place of.
    pub(in crate::server) fn tag(&self) -> String {
        match &self.about {
            About::Session(subject) => subject.info.id.to_string(),
            About::Machine { id, .. } => id.to_string(),
            About::Webhook { name } => format!("webhook {name}"),
        }
    }

    /// The session, if it is about one.
    pub(in crate::server) fn session(&self) -> Option<SessionId> {
        match &self.about {
            About::Session(subject) => Some(subject.info.id),
            About::Machine { .. } | About::Webhook { .. } => None,
        }
    }
}

/// What there is to tell when a session that was `before` is `after`. `stopped`: a person had it stopped.
///
/// One request is told once, however often its session is: a need has a number, and the same number is the same request.
pub(in crate::server) fn change(before: &SessionInfo, after: &SessionInfo, stopped: bool) -> Option<What> {
    let called = |info: &SessionInfo| matches!(info.activity, Activity::NeedsYou | Activity::Done);
    if after.has_ended() {
        if before.has_ended() {
            return None;
        }
        let failed = !stopped && has_failed(after);
        return if failed { Some(What::told(Kind::Failed)) } else { called(before).then_some(What::Over) };
    }
    let asks = |info: &SessionInfo| match info.activity {
        Activity::NeedsYou => info.needs.as_ref().map(|need| (need.id, need.since)),
        _ => None,
    };
    match after.activity {
        Activity::NeedsYou => {
            let (now, then) = (asks(after), asks(before));
            let is_new = now.is_some() && now != then;
            is_new.then(|| What::told(after.needs.as_ref().map_or(Kind::Notice, |need| kind(need.reason))))
        }
        Activity::Done => (before.activity != Activity::Done).then(|| What::told(Kind::Done)),
        Activity::Working | Activity::Idle => called(before).then_some(What::Over),
    }
}

/// What there is to tell when a handoff that was `before` is `after`, and who did it. `name` says what people are called.
pub(in crate::server) fn handed(
    before: Option<&HandoffRow>,
    after: &HandoffRow,
    name: impl Fn(UserId) -> String,
) -> Option<(What, Option<UserId>)> {
    let before = before.filter(|row| row.number == after.number);
    let (then, now) = (before.map(HandoffRow::phase), after.phase());
    let told = |kind, by: Option<UserId>, whom, note: &Option<String>| {
        let what = What::Told { kind, who: by.map(&name), whom, note: note.clone(), how: Some(now) };
        Some((what, by))
    };
    match now {
        Phase::Shared if before.is_some_and(|row| row.offer.to == after.offer.to) => None,
        Phase::Shared => told(Kind::Shared, Some(after.offer.by), None, &after.offer.note),
        _ if then == Some(now) => None,
        Phase::Adopted => told(Kind::Adopted, after.adoption.map(|adoption| adoption.by), None, &None),
        // The end of its program is told as such.
        Phase::Exited | Phase::Unknown => Some((What::Over, None)),
        Phase::Returned | Phase::Approved | Phase::Refused | Phase::Revoked | Phase::Expired | Phase::TakenBack => {
            let end = after.end.as_ref();
            let (by, adopter) = (end.and_then(|end| end.by), after.adoption.map(|adoption| adoption.by));
            if now == Phase::TakenBack && adopter.is_none() {
                return Some((What::Over, by));
            }
            told(Kind::Returned, by, adopter, &end.and_then(|end| end.note.clone()))
        }
    }
}

fn kind(reason: Reason) -> Kind {
    match reason {
        Reason::Permission => Kind::Permission,
        Reason::Question => Kind::Question,
        Reason::Plan => Kind::Plan,
        Reason::Error => Kind::Error,
        Reason::Notice => Kind::Notice,
    }
}

fn has_failed(info: &SessionInfo) -> bool {
    if info.state == SessionState::Lost {
        return true;
    }
    info.exit.as_ref().is_some_and(|exit| match (&exit.signal, exit.code) {
        (Some(signal), _) => !ENDED_BY_PEOPLE.contains(&signal.as_str()),
        (None, Some(code)) => code != 0 && !CODES_OF_PEOPLE.contains(&code),
        (None, None) => false,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::store::{Adoption, End, Offer};
    use crate::wire::attention::Need;
    use crate::wire::session::Exit;

    fn at(activity: Activity) -> SessionInfo {
        SessionInfo { activity, ..SessionInfo::new("ses_a1b2c3d4e5f6".parse().unwrap(), "claude") }
    }

    fn asking(id: u64, reason: Reason) -> SessionInfo {
        let need = Need { id, reason, tool: None, text: "ls".to_owned(), since: 5, answerable: true, always: false };
        SessionInfo { needs: Some(need), ..at(Activity::NeedsYou) }
    }

    fn ended(code: Option<i32>, signal: Option<&str>) -> SessionInfo {
        let exit = Some(Exit { code, signal: signal.map(str::to_owned) });
        SessionInfo { state: SessionState::Exited, exit, ..at(Activity::Idle) }
    }

    #[test]
    fn a_request_is_told_once_and_its_end_takes_it_back() {
        let (working, asks) = (at(Activity::Working), asking(1, Reason::Plan));
        assert_eq!(change(&working, &asks, false), Some(What::told(Kind::Plan)));
        let renamed = SessionInfo { title: Some("other".to_owned()), ..asks.clone() };
        assert_eq!(change(&asks, &renamed, false), None);
        assert_eq!(change(&asks, &asking(2, Reason::Permission), false), Some(What::told(Kind::Permission)));
        assert_eq!(change(&asks, &working, false), Some(What::Over));
        assert_eq!(change(&asks, &at(Activity::Done), false), Some(What::told(Kind::Done)), "in its place");
        assert_eq!(change(&at(Activity::Done), &working, false), Some(What::Over));
        assert_eq!(change(&working, &at(Activity::Idle), false), None);
    }

    #[test]
    fn only_an_end_that_nobody_wanted_is_a_failure() {
        let working = at(Activity::Working);
        for (code, signal, failed) in [
            (Some(1), None, true),
            (None, Some("SIGSEGV"), true),
            (None, Some("SIGKILL"), true),
            (Some(0), None, false),
            (None, Some("SIGTERM"), false),
            (Some(130), None, false),
        ] {
            let told = change(&working, &ended(code, signal), false);
            assert_eq!(told.is_some(), failed, "{code:?} {signal:?}");
        }
        assert_eq!(change(&working, &ended(None, Some("SIGKILL")), true), None, "it was stopped");
        assert_eq!(change(&asking(1, Reason::Error), &ended(Some(0), None), false), Some(What::Over));
        let lost = SessionInfo { state: SessionState::Lost, ..at(Activity::Idle) };
        assert_eq!(change(&working, &lost, false), Some(What::told(Kind::Failed)));
        assert_eq!(change(&lost, &lost, false), None);
    }

    fn ada() -> UserId {
        "usr_000000000001".parse().unwrap()
    }

    fn bea() -> UserId {
        "usr_000000000002".parse().unwrap()
    }

    /// What is told of a handoff of Ada's, and who did it.
    fn step(before: Option<&HandoffRow>, after: &HandoffRow) -> Option<(Option<Kind>, Option<String>, Option<UserId>)> {
        let (what, by) = handed(before, after, |user| if user == ada() { "Ada".to_owned() } else { "Bea".to_owned() })?;
        Some(match what {
            What::Told { kind, who, .. } => (Some(kind), who, by),
            What::Over => (None, None, by),
        })
    }

    #[test]
    fn each_step_of_a_handoff_is_told_once_with_who_took_it() {
        let offer = Offer { by: ada(), at: 1, note: None, to: None, expires_at: None, gate: false, once: None };
        let shared = HandoffRow { number: 1, offer, adoption: None, end: None };
        let adopted = HandoffRow { adoption: Some(Adoption { by: bea(), at: 2 }), ..shared.clone() };
        let ended =
            |row: &HandoffRow, how, by| HandoffRow { end: Some(End { how, at: 3, by, note: None }), ..row.clone() };
        let told = |kind, who: &str, by| Some((Some(kind), Some(who.to_owned()), Some(by)));
        assert_eq!(step(None, &shared), told(Kind::Shared, "Ada", ada()));
        assert_eq!(step(Some(&shared), &shared), None, "the note was changed");
        let to_bea = HandoffRow { offer: Offer { to: Some(bea()), ..shared.offer.clone() }, ..shared.clone() };
        assert_eq!(step(Some(&shared), &to_bea), told(Kind::Shared, "Ada", ada()), "it is for somebody else now");
        assert_eq!(step(Some(&shared), &adopted), told(Kind::Adopted, "Bea", bea()));
        let returned = ended(&adopted, Phase::Approved, Some(bea()));
        assert_eq!(step(Some(&adopted), &returned), told(Kind::Returned, "Bea", bea()));
        assert_eq!(step(Some(&returned), &returned), None);
        let expired = ended(&shared, Phase::Expired, None);
        assert_eq!(step(Some(&shared), &expired), Some((Some(Kind::Returned), None, None)), "its owner is told");
        let taken_back = ended(&shared, Phase::TakenBack, Some(ada()));
        assert_eq!(step(Some(&shared), &taken_back), Some((None, None, Some(ada()))), "an offer that is no more");
        let exited = ended(&adopted, Phase::Exited, None);
        assert_eq!(step(Some(&adopted), &exited), Some((None, None, None)), "its program's end is told as such");
        let again = HandoffRow { number: 2, ..shared };
        assert_eq!(step(Some(&returned), &again), told(Kind::Shared, "Ada", ada()));
    }
}
