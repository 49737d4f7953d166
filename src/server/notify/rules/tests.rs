#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::base::id::{MachineId, OrganisationId, SessionId};
use crate::wire::notice::Quiet;
use crate::wire::session::SessionInfo;

const NOON: Timestamp = Timestamp::constant(1_768_478_400, 0); // 2026-01-15 12:00 UTC

fn ada() -> UserId {
    "usr_000000000001".parse().unwrap()
}

fn bea() -> UserId {
    "usr_000000000002".parse().unwrap()
}

fn cyd() -> UserId {
    "usr_000000000003".parse().unwrap()
}

/// Ada's session.
fn subject() -> Subject {
    Subject {
        info: SessionInfo::new("ses_a1b2c3d4e5f6".parse::<SessionId>().unwrap(), "claude"),
        machine: "mac_a1b2c3d4e5f6".parse::<MachineId>().unwrap(),
        machine_name: "workbench".to_owned(),
        owner: ada(),
        adopter: None,
        shared: false,
        to: None,
    }
}

fn news(subject: Subject, kind: Kind) -> News {
    let organisation = "org_000000000001".parse::<OrganisationId>().unwrap();
    News { organisation, at: 0, about: About::Session(Box::new(subject)), what: What::told(kind), by: None }
}

fn told(news: &News, user: UserId, role: Role, wants: &Preferences) -> bool {
    !channels(news, &Listener { user, role, wants, looks: false }, NOON).is_empty()
}

fn all() -> Preferences {
    Preferences { reach: Reach::All, ..Preferences::default() }
}

#[test]
fn whoever_has_the_session_is_told_and_others_only_if_they_see_and_want_it() {
    let usual = Preferences::default();
    let alone = news(subject(), Kind::Permission);
    assert!(told(&alone, ada(), Role::Member, &usual));
    assert!(!told(&alone, bea(), Role::Admin, &usual), "an admin sees it, and did not ask to hear of all");
    assert!(told(&alone, bea(), Role::Admin, &all()));
    assert!(!told(&alone, bea(), Role::Member, &all()), "who does not see it is not told");
    let adopted = news(Subject { adopter: Some(bea()), shared: true, ..subject() }, Kind::Question);
    assert!(told(&adopted, bea(), Role::Member, &usual), "the adopter has it");
    assert!(!told(&adopted, ada(), Role::Owner, &usual), "its owner handed it over");
    assert!(!told(&adopted, cyd(), Role::Viewer, &usual) && told(&adopted, cyd(), Role::Viewer, &all()));
}

#[test]
fn what_a_session_asks_is_told_to_who_may_read_its_screen() {
    let alone = news(subject(), Kind::Permission);
    assert!(may_read(&alone, ada()) && !may_read(&alone, bea()) && !may_all_read(&alone));
    let adopted = news(Subject { adopter: Some(bea()), ..subject() }, Kind::Permission);
    assert!(may_read(&adopted, bea()) && !may_read(&adopted, cyd()));
    let shared = news(Subject { shared: true, ..subject() }, Kind::Permission);
    assert!(may_read(&shared, cyd()) && may_all_read(&shared));
}

#[test]
fn an_offer_goes_to_whom_it_is_made() {
    let usual = Preferences::default();
    let to_all = news(Subject { shared: true, ..subject() }, Kind::Shared);
    assert!(told(&to_all, bea(), Role::Member, &usual));
    assert!(!told(&to_all, bea(), Role::Viewer, &all()), "who may not adopt it is not asked to");
    assert!(!told(&to_all, ada(), Role::Member, &all()), "it is their own");
    let to_bea = news(Subject { shared: true, to: Some(bea()), ..subject() }, Kind::Shared);
    assert!(told(&to_bea, bea(), Role::Member, &usual) && !told(&to_bea, cyd(), Role::Owner, &all()));
    let back = news(subject(), Kind::Returned);
    assert!(told(&back, ada(), Role::Member, &usual) && !told(&back, bea(), Role::Member, &usual));
    let what = What::Told { kind: Kind::Returned, who: None, whom: Some(bea()), note: None, how: None };
    assert!(told(&News { what, ..back }, bea(), Role::Member, &usual), "it was taken back from them");
}

#[test]
fn nobody_is_told_what_they_did_or_look_at() {
    let (usual, news) = (Preferences::default(), news(subject(), Kind::Plan));
    assert!(!told(&News { by: Some(ada()), ..news.clone() }, ada(), Role::Owner, &usual));
    let looking = Listener { user: ada(), role: Role::Owner, wants: &usual, looks: true };
    assert!(channels(&news, &looking, NOON).is_empty());
}

#[test]
fn the_webhooks_end_is_for_those_who_administer() {
    let about = About::Webhook { name: "chat".to_owned() };
    let news = News { about, ..news(subject(), Kind::Webhook) };
    let usual = Preferences::default();
    assert!(told(&news, ada(), Role::Owner, &usual) && told(&news, bea(), Role::Admin, &usual));
    assert!(!told(&news, cyd(), Role::Member, &all()));
}

fn any_kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

fn any_role() -> impl Strategy<Value = Role> {
    proptest::sample::select(vec![Role::Owner, Role::Admin, Role::Member, Role::Viewer])
}

fn any_preferences() -> impl Strategy<Value = Preferences> {
    let channels = proptest::sample::subsequence(vec![Channel::Sound, Channel::Desktop, Channel::Push], 0..=3);
    let events = proptest::collection::btree_map(any_kind(), channels.prop_map(BTreeSet::from_iter), 0..12);
    (events, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(events, all, sleeps, with_text)| {
        let quiet = sleeps.then(|| Quiet { from: "11:00".into(), to: "13:00".into(), zone: "UTC".into() });
        let reach = if all { Reach::All } else { Reach::Mine };
        Preferences { events, reach, quiet, with_text }
    })
}

proptest! {
    #[test]
    fn whatever_somebody_wants_they_are_told_only_there_and_only_of_what_they_see(
        kind in any_kind(),
        role in any_role(),
        wants in any_preferences(),
        (shared, adopted, looks, mine) in any::<(bool, bool, bool, bool)>(),
    ) {
        let adopter = (adopted && shared).then(cyd);
        let news = news(Subject { adopter, shared, ..subject() }, kind);
        let user = if mine { ada() } else { bea() };
        let who = Listener { user, role, wants: &wants, looks };
        let told = channels(&news, &who, NOON);
        prop_assert!(told.is_subset(&wants.channels(kind)));
        let whose = whose(user, ada(), adopter, shared);
        prop_assert!(told.is_empty() || may(role, Permission::SeeSession, whose));
        prop_assert!(told.is_empty() || (!looks && wants.quiet.is_none()));
        // Wanting to hear of more never makes one hear less.
        let more = Preferences { reach: Reach::All, ..wants.clone() };
        let eager = Listener { wants: &more, ..who };
        prop_assert!(told.is_subset(&channels(&news, &eager, NOON)));
    }
}
