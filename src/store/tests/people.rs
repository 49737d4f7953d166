//! Members, invitations, second factors, resets: what ends with what.

use super::*;

impl World {
    /// Somebody who accepted an invitation.
    async fn invited(&self, name: &str, role: Role) -> UserId {
        let token = Secret::new(format!("invitation of {name}"));
        self.store.add_invitation(self.invitation(&token, role, None)).await.unwrap();
        let joining = joining(name);
        let row = self.store.accept_invitation(&token, joining, 2, browser(name)).await.unwrap();
        assert_eq!(row.organisation, self.owner.organisation);
        row.user
    }

    fn invitation(&self, token: &Secret, role: Role, email: Option<&str>) -> InvitationRow {
        InvitationRow {
            id: InvitationId::random(),
            hash: token.hash(),
            organisation: self.owner.organisation,
            role,
            email: email.map(str::to_owned),
            created_by: self.owner.user,
            created_at: 1,
            expires_at: 100,
        }
    }
}

fn joining(name: &str) -> Joining {
    let (email, password) = (format!("{name}@example.org"), "$argon2id$".to_owned());
    Joining::New { name: name.to_owned(), email, password }
}

fn browser(cookie: &str) -> impl FnOnce(UserId, OrganisationId) -> BrowserSessionRow + Send + 'static {
    let cookie = cookie.to_owned();
    move |user, organisation| browser_row(&cookie, user, organisation, 2)
}

#[tokio::test]
async fn an_invitation_is_accepted_once_in_time_by_whom_it_names() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let token = |text: &str| Secret::new(text);
    let accept = async |text: &str, name: &str, now: u64| {
        store.accept_invitation(&token(text), joining(name), now, browser(name)).await
    };
    store.add_invitation(world.invitation(&token("a"), Role::Admin, Some("Bea@example.org"))).await.unwrap();
    assert_eq!(accept("a", "mallory", 2).await, Err(StoreError::InvitedOther));
    assert_eq!(accept("a", "bea", 100).await, Err(StoreError::LinkInvalid), "it has expired");
    assert!(store.user_by_email("bea@example.org").await.unwrap().is_none(), "a refusal makes no account");
    let row = accept("a", "bea", 2).await.unwrap();
    assert_eq!(store.membership(row.user, organisation).await.unwrap().unwrap().role, Role::Admin);
    assert_eq!(accept("a", "bea", 2).await, Err(StoreError::LinkInvalid), "it was used");
    assert!(store.invitations(organisation, 2).await.unwrap().is_empty());

    store.add_invitation(world.invitation(&token("b"), Role::Member, None)).await.unwrap();
    assert_eq!(accept("b", "bea", 2).await, Err(StoreError::EmailTaken));
    let known = store.accept_invitation(&token("b"), Joining::Known(row.user), 2, browser("bea")).await;
    assert_eq!(known, Err(StoreError::MemberAlready));
    let open = store.invitations(organisation, 2).await.unwrap();
    let elsewhere = store.revoke_invitation(OrganisationId::random(), open[0].id).await;
    assert_eq!(elsewhere, Err(StoreError::NotFound { what: "invitation" }));
    store.revoke_invitation(organisation, open[0].id).await.unwrap();
    assert_eq!(accept("b", "cleo", 2).await, Err(StoreError::LinkInvalid), "it was revoked");
}

#[tokio::test]
async fn deactivation_ends_keys_and_browsers_in_one_commit() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let bea = world.invited("bea", Role::Member).await;
    let key = key_row("bea's", organisation, bea);
    store.add_key(key.clone()).await.unwrap();
    let ended = store.deactivate_member(organisation, bea, 5).await.unwrap();
    assert_eq!((ended.keys, ended.browsers), (vec![key.id], vec![Secret::new("bea").hash()]));
    assert_eq!(store.key_member(&Secret::new("bea's"), 5).await.unwrap(), None);
    assert_eq!(store.browser_session(&Secret::new("bea"), 5).await.unwrap(), None);
    assert_eq!(store.membership(bea, organisation).await.unwrap(), None);
    assert!(store.memberships(bea).await.unwrap().is_empty());
    assert_eq!(store.members(organisation).await.unwrap().len(), 2, "the name stays");
    store.reactivate_member(organisation, bea).await.unwrap();
    assert!(store.membership(bea, organisation).await.unwrap().is_some());
    assert_eq!(store.key_member(&Secret::new("bea's"), 6).await.unwrap(), None, "ended keys stay ended");
}

#[tokio::test]
async fn whoever_belongs_elsewhere_too_goes_on_there() {
    let world = World::new().await;
    let bea = world.invited("bea", Role::Member).await;
    let own = world.store.add_organisation(None, bea, "Bea's".to_owned(), 3).await.unwrap();
    world.store.remove_member(world.owner.organisation, bea, 5).await.unwrap();
    let browser = world.store.browser_session(&Secret::new("bea"), 5).await.unwrap().unwrap();
    assert_eq!(browser.organisation, own.organisation);
    let back = world.store.switch_organisation(browser.hash, world.owner.organisation).await;
    assert_eq!(back, Err(StoreError::NotFound { what: "organisation" }));
}

#[tokio::test]
async fn the_last_owner_stays_until_somebody_else_owns() {
    let world = World::new().await;
    let (store, organisation, owner) = (&world.store, world.owner.organisation, world.owner.user);
    let bea = world.invited("bea", Role::Admin).await;
    for refused in [
        store.set_role(organisation, owner, Role::Admin).await,
        store.deactivate_member(organisation, owner, 5).await.map(|_| ()),
        store.remove_member(organisation, owner, 5).await.map(|_| ()),
    ] {
        assert_eq!(refused, Err(StoreError::LastOwner));
    }
    store.hand_over(organisation, owner, bea).await.unwrap();
    assert_eq!(store.membership(owner, organisation).await.unwrap().unwrap().role, Role::Admin);
    assert_eq!(store.remove_member(organisation, bea, 6).await, Err(StoreError::LastOwner));
    store.remove_member(organisation, owner, 6).await.unwrap();
}

#[tokio::test]
async fn a_code_is_good_once_and_so_is_a_recovery_code() {
    let world = World::new().await;
    let (store, user) = (&world.store, world.owner.user);
    store.begin_second_factor(user, Secret::new("AAAA")).await.unwrap();
    store.begin_second_factor(user, Secret::new("BBBB")).await.unwrap();
    let recovery = vec![Secret::new("one").hash(), Secret::new("two").hash()];
    store.confirm_second_factor(user, 7, recovery, 1).await.unwrap();
    let again = store.begin_second_factor(user, Secret::new("CCCC")).await;
    assert_eq!(again, Err(StoreError::SecondFactorAlready), "it is not replaced behind anybody's back");
    assert!(!store.use_code(user, 7).await.unwrap(), "the code that confirmed it is used up");
    assert!(store.use_code(user, 8).await.unwrap());
    assert!(!store.use_code(user, 8).await.unwrap());
    assert_eq!(store.use_recovery_code(user, &Secret::new("one")).await.unwrap(), Some(1));
    assert_eq!(store.use_recovery_code(user, &Secret::new("one")).await.unwrap(), None);
    store.remove_second_factor(user).await.unwrap();
    assert!(store.second_factor(user).await.unwrap().is_none());
}

#[tokio::test]
async fn a_reset_link_signs_every_browser_out_and_works_once() {
    let world = World::new().await;
    let store = &world.store;
    let bea = world.invited("bea", Role::Member).await;
    for token in ["first", "second"] {
        let purpose = LinkPurpose::ResetPassword { user: bea };
        let link = LinkRow { hash: Secret::new(token).hash(), purpose, expires_at: Some(100), once: None };
        store.add_link(link, 1).await.unwrap();
    }
    assert_eq!(store.reset_link(&Secret::new("second"), 2).await.unwrap().id, bea);
    let (user, out) = store.reset_password(&Secret::new("second"), "$new$".to_owned(), 2).await.unwrap();
    assert_eq!((user, out), (bea, vec![Secret::new("bea").hash()]));
    let other = store.reset_password(&Secret::new("first"), "$newer$".to_owned(), 2).await;
    assert_eq!(other, Err(StoreError::LinkInvalid), "the other link of theirs is void too");
}

#[tokio::test]
async fn a_rotated_key_leaves_the_old_one_until_its_time() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let new = KeyRow { created_at: 10, ..key_row("new", organisation, world.owner.user) };
    store.rotate_key(world.key.id, new.clone(), 60).await.unwrap();
    let valid = async |key: &str, now: u64| store.key_member(&Secret::new(key), now).await.unwrap().is_some();
    assert!(valid("one", 59).await && !valid("one", 60).await && valid("new", 1_000).await);
    let again = store.rotate_key(world.key.id, KeyRow { created_at: 61, ..new }, 60).await;
    assert_eq!(again, Err(StoreError::NotFound { what: "API key" }), "what has expired is not rotated");
}

#[tokio::test]
async fn a_machine_is_not_taken_over_by_a_colleagues_key() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let machine = world.machine().await;
    let bea = world.invited("bea", Role::Admin).await;
    let key = key_row("bea's", organisation, bea);
    store.add_key(key.clone()).await.unwrap();
    let taken = store.register_machine(organisation, key.id, Some(machine.id), MachineFacts::default()).await;
    assert_eq!(taken, Err(StoreError::ForeignMachine));
    let tags = Some(vec!["build".to_owned()]);
    let edit = MachineEdit { name: Some("the big one".to_owned()), tags, sharing: None };
    let edited = store.edit_machine(organisation, machine.id, edit).await.unwrap();
    assert_eq!((edited.name.as_deref(), edited.tags.len()), (Some("the big one"), 1));
    let again = store.register_machine(organisation, world.key.id, Some(machine.id), MachineFacts::default()).await;
    assert_eq!(again.unwrap().name.as_deref(), Some("the big one"), "its agent does not rename it");
}

#[tokio::test]
async fn what_an_agent_says_does_not_unshare_a_session() {
    let world = World::new().await;
    let (store, organisation) = (&world.store, world.owner.organisation);
    let row = session_row(world.machine().await.id, organisation, world.owner.user);
    store.put_session(row.clone()).await.unwrap();
    let (by, now) = (world.owner.user, 5);
    let offer = Offer { by, at: now, note: None, to: None, expires_at: None, gate: false, once: None };
    let handoff = HandoffRow { number: 1, offer, adoption: None, end: None };
    store.put_handoff(organisation, row.info.id, handoff.clone()).await.unwrap();
    store.put_session(row.clone()).await.unwrap();
    let kept = store.session(organisation, row.info.id).await.unwrap().unwrap();
    assert_eq!((kept.sharing, kept.handoff.as_ref()), (Sharing::Organisation, Some(&handoff)));
    let elsewhere = store.put_handoff(OrganisationId::random(), row.info.id, handoff).await;
    assert_eq!(elsewhere, Err(StoreError::NotFound { what: "session" }));
}
