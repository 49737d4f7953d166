//! What a session asks, and asking for it: who is told, and how much.

use super::*;
use crate::wire::attention::{Need, Reason};

#[tokio::test]
async fn what_a_session_asks_is_told_to_whoever_may_read_its_screen_and_to_an_admin_only_that_it_asks() {
    let world = World::new().await;
    let (ada, key) = (UserId::random(), || Via::Key(KeyId::random()));
    let (machine, session) = (MachineId::random(), SessionId::random());
    let uplink = world.connect_of(machine, ada);
    world.organisation.opened(&uplink, 1, info(session)).unwrap();
    let (owner, admin) = (world.member(ada, Role::Member, key()), world.page(key()));
    let (tool, text) = (Some("Bash".to_owned()), "cat /etc/secret".to_owned());
    let (reason, answerable, always) = (Reason::Permission, true, true);
    let need = Need { id: 1, reason, tool, text, since: 7, answerable, always };
    world.organisation.changed(&uplink, SessionInfo { needs: Some(need.clone()), ..info(session) });

    let kind = Need { tool: None, text: String::new(), answerable: false, always: false, ..need.clone() };
    let seen = |who: &Caller| {
        let one = world.organisation.session(who, session).unwrap().info.needs;
        assert_eq!(world.organisation.sessions(who)[0].info.needs, one, "the list says no more than the session");
        one.unwrap()
    };
    let heard = |page: &Page| {
        let (mut tour, mut out) = (Tour::default(), Vec::new());
        let first = world.organisation.fleet(page, &mut tour, usize::MAX);
        world.organisation.tell(page, &mut tour, usize::MAX, &mut out);
        [first]
            .into_iter()
            .chain(out)
            .any(|frame| matches!(frame, Frame::Control(json) if json.windows(6).any(|it| it == b"secret")))
    };
    let owners = world.page_of(world.member(ada, Role::Member, key()));
    assert!(heard(&owners) && !heard(&admin), "one page's frame is never another's");
    assert_eq!((seen(&owner), seen(&admin.who)), (need.clone(), kind));
    let (view, ..) = world.organisation.may_session(&admin.who, session, Permission::WatchSession).unwrap();
    assert_eq!(view.info.needs.unwrap().text, "");
    world.share(session);
    assert!(heard(&admin));
    assert_eq!(seen(&admin.who), need, "what is shared is seen by all");
    world.take_back(session);
    assert!(!heard(&admin));
}

#[tokio::test]
async fn who_asks_for_the_keyboard_is_shown_for_a_minute_and_answered_by_whoever_has_it() {
    let world = World::new().await;
    let (ada, bea, cleo) = (UserId::random(), UserId::random(), UserId::random());
    let key = || Via::Key(KeyId::random());
    let (_, session, _) = world.machine_of(ada);
    let (owner, guest) = (world.member(ada, Role::Member, key()), world.member(UserId::random(), Role::Viewer, key()));
    let (bea, cleo) = (world.member(bea, Role::Member, key()), world.member(cleo, Role::Member, key()));
    let place = &world.organisation;
    let asking = || place.session(&owner, session).unwrap().asking.iter().map(|ask| ask.who.id).collect::<Vec<_>>();
    let code = |asked: Result<bool, Problem>| asked.unwrap_err().code;
    assert_eq!(code(place.ask_for(&bea, session, 0)), Code::NotFound, "what one does not see is not asked for");
    world.share(session);
    assert_eq!(code(place.ask_for(&bea, session, 0)), Code::Conflict, "it is offered to her: she adopts it");
    assert_eq!(code(place.ask_for(&owner, session, 0)), Code::Conflict, "it is hers");
    world.hand(session, Some(bea.user), None);
    assert_eq!(code(place.ask_for(&guest, session, 0)), Code::NotAllowed, "guests watch");
    assert!(place.ask_for(&cleo, session, 0).unwrap());
    assert!(!place.ask_for(&cleo, session, 30_000).unwrap(), "once, for a minute more");
    assert!(place.ask_for(&owner, session, 30_000).unwrap(), "also the owner may ask");
    assert_eq!(asking(), [cleo.user, ada]);
    let not_hers = place.may_answer_ask(&owner, session, cleo.user, 31_000).unwrap_err();
    assert_eq!(not_hers.code, Code::Conflict, "the adopter has it, and decides");
    place.may_answer_ask(&bea, session, cleo.user, 89_999).unwrap();
    assert_eq!(place.may_answer_ask(&bea, session, cleo.user, 90_000).unwrap_err().code, Code::Conflict, "too late");
    assert!(place.ask_over(session, cleo.user, 31_000) && !place.ask_over(session, cleo.user, 31_000));
    place.forget_asks(89_999);
    assert_eq!(asking(), [ada]);
    place.forget_asks(90_000);
    assert!(asking().is_empty());
    for _ in 0..8 {
        place.ask_for(&world.member(UserId::random(), Role::Member, key()), session, 0).unwrap();
    }
    assert_eq!(code(place.ask_for(&cleo, session, 0)), Code::TooMany);
    world.hand(session, Some(cleo.user), None);
    assert!(asking().is_empty(), "whoever asked, asked somebody who has it no more");
}
