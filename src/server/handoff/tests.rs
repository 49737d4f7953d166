#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const NOW: u64 = 1_000;

fn offer(by: UserId) -> Offer {
    Offer { by, at: NOW, note: None, to: None, expires_at: None, gate: false, once: None }
}

/// A session of `owner`, and everybody who has to do with it.
struct Scene {
    owner: UserId,
    sam: UserId,
    eve: UserId,
    row: Option<HandoffRow>,
}

impl Scene {
    fn new() -> Self {
        Self { owner: UserId::random(), sam: UserId::random(), eve: UserId::random(), row: None }
    }

    fn shared() -> Self {
        let mut scene = Self::new();
        scene.takes(Step::Share(offer(scene.owner)));
        scene
    }

    fn shared_as(change: impl FnOnce(&Self, &mut Offer)) -> Self {
        let mut scene = Self::new();
        let mut offer = offer(scene.owner);
        change(&scene, &mut offer);
        scene.takes(Step::Share(offer));
        scene
    }

    fn at(&mut self, now: u64, step: Step) -> Result<bool, Refusal> {
        let next = step.apply(self.row.as_ref(), self.owner, now)?;
        let changed = next.is_some();
        self.row = next.or(self.row.take());
        Ok(changed)
    }

    fn step(&mut self, step: Step) -> Result<bool, Refusal> {
        self.at(NOW, step)
    }

    fn takes(&mut self, step: Step) {
        assert_eq!(self.step(step), Ok(true));
    }

    fn phase(&self) -> Phase {
        self.row.as_ref().map(HandoffRow::phase).unwrap()
    }
}

fn give_back(by: UserId, verdict: Option<Verdict>) -> Step {
    Step::Return { by, note: Some("done".to_owned()), verdict }
}

#[test]
fn of_two_who_adopt_one_gets_it_and_the_other_is_told_who() {
    let mut scene = Scene::shared();
    let (sam, eve) = (scene.sam, scene.eve);
    scene.takes(Step::Adopt(sam));
    assert_eq!(scene.step(Step::Adopt(eve)), Err(Refusal::AdoptedBy(sam)));
    assert_eq!(scene.step(Step::Adopt(sam)), Ok(false), "asked again, because the answer was lost");
    assert_eq!(scene.row.as_ref().unwrap().adopter(), Some(sam));
}

#[test]
fn it_is_given_back_once_by_whoever_has_it() {
    let mut scene = Scene::shared();
    let (sam, eve) = (scene.sam, scene.eve);
    assert_eq!(scene.step(give_back(sam, None)), Err(Refusal::NotAdopted));
    scene.takes(Step::Adopt(sam));
    assert_eq!(scene.step(give_back(eve, None)), Err(Refusal::AdoptedBy(sam)));
    scene.takes(give_back(sam, None));
    assert_eq!(scene.phase(), Phase::Returned);
    assert_eq!(scene.step(give_back(sam, None)), Ok(false), "said again");
    assert_eq!(scene.step(give_back(eve, None)), Err(Refusal::NotAdopted));
    assert_eq!(scene.step(Step::Adopt(eve)), Err(Refusal::NotShared));
}

#[test]
fn the_owner_takes_it_back_at_any_time_and_a_late_return_changes_nothing() {
    let mut scene = Scene::shared();
    let (owner, sam) = (scene.owner, scene.sam);
    scene.takes(Step::Adopt(sam));
    scene.takes(Step::TakeBack { by: owner, note: None });
    assert_eq!(scene.phase(), Phase::TakenBack);
    assert_eq!(scene.step(give_back(sam, None)), Err(Refusal::NotAdopted));
    assert_eq!(scene.step(Step::TakeBack { by: owner, note: None }), Ok(false));
    assert_eq!(scene.phase(), Phase::TakenBack);
}

#[test]
fn what_a_program_waits_for_is_approved_or_refused_and_nothing_between() {
    for (verdict, phase) in [(Verdict::Approved, Phase::Approved), (Verdict::Refused, Phase::Refused)] {
        let mut scene = Scene::shared_as(|_, offer| offer.gate = true);
        let (owner, sam) = (scene.owner, scene.sam);
        assert_eq!(scene.step(Step::Share(offer(owner))), Ok(false), "the page's Share does not undo the gate");
        scene.takes(Step::Adopt(sam));
        assert_eq!(scene.step(give_back(sam, None)), Err(Refusal::NoVerdict));
        scene.takes(give_back(sam, Some(verdict)));
        assert_eq!(scene.phase(), phase);
    }
}

#[test]
fn an_offer_expires_and_an_adoption_does_not() {
    let mut scene = Scene::shared_as(|_, offer| offer.expires_at = Some(NOW + 10));
    let sam = scene.sam;
    assert_eq!(scene.at(NOW + 9, Step::Tick), Ok(false));
    assert_eq!(scene.at(NOW + 10, Step::Adopt(sam)), Err(Refusal::Expired), "also before anybody noticed");
    assert_eq!(scene.at(NOW + 10, Step::Tick), Ok(true));
    assert_eq!(scene.phase(), Phase::Expired);
    assert_eq!(scene.at(NOW + 11, Step::Adopt(sam)), Err(Refusal::Expired));

    let mut scene = Scene::shared_as(|_, offer| offer.expires_at = Some(NOW + 10));
    scene.takes(Step::Adopt(scene.sam));
    assert_eq!(scene.at(NOW + 99, Step::Tick), Ok(false));
    assert_eq!(scene.phase(), Phase::Adopted);
}

#[test]
fn who_leaves_the_organisation_loses_what_they_adopted_and_what_was_meant_for_them() {
    let mut scene = Scene::shared();
    let (sam, eve) = (scene.sam, scene.eve);
    scene.takes(Step::Adopt(sam));
    assert_eq!(scene.step(Step::Lose(eve)), Ok(false));
    scene.takes(Step::Lose(sam));
    assert_eq!(scene.phase(), Phase::Revoked);

    let mut scene = Scene::shared_as(|scene, offer| offer.to = Some(scene.sam));
    let (sam, eve) = (scene.sam, scene.eve);
    assert_eq!(scene.step(Step::Adopt(eve)), Err(Refusal::ForAnother(sam)));
    scene.takes(Step::Lose(sam));
    assert_eq!(scene.phase(), Phase::Revoked);
}

#[test]
fn an_offer_made_again_with_the_same_mark_is_the_same_also_when_it_is_over() {
    let again = |scene: &Scene| Step::Share(Offer { once: Some("a".to_owned()), ..offer(scene.owner) });
    let mut scene = Scene::shared_as(|_, offer| offer.once = Some("a".to_owned()));
    let step = again(&scene);
    assert_eq!(scene.step(step), Ok(false));
    scene.takes(Step::Adopt(scene.sam));
    let step = again(&scene);
    assert_eq!(scene.step(step), Ok(false));
    scene.takes(give_back(scene.sam, None));
    let step = again(&scene);
    assert_eq!(scene.step(step), Ok(false));
    assert_eq!(scene.phase(), Phase::Returned);
    scene.takes(Step::Share(offer(scene.owner)));
    assert_eq!((scene.phase(), scene.row.unwrap().number), (Phase::Shared, 2));
}

#[test]
fn the_end_of_the_program_ends_it_and_the_owner_does_not_adopt_their_own() {
    let mut scene = Scene::shared();
    assert_eq!(scene.step(Step::Adopt(scene.owner)), Err(Refusal::OwnSession));
    scene.takes(Step::Exit);
    assert_eq!(scene.phase(), Phase::Exited);
    assert_eq!(scene.step(Step::Exit), Ok(false));
    assert_eq!(scene.step(Step::Tick), Ok(false));
}

mod random {
    use proptest::prelude::*;

    use super::*;

    fn steps() -> impl Strategy<Value = Vec<(u8, u8, u64)>> {
        prop::collection::vec((0..8_u8, 0..3_u8, 0..40_u64), 0..60)
    }

    proptest! {
        /// Whatever happens in whatever order: what is over stays as it is, numbers only grow, and whoever was told that
        /// they adopted a session has it until it is over.
        #[test]
        fn nothing_that_is_over_changes_and_nobody_is_displaced(steps in steps()) {
            let mut scene = Scene::new();
            let people = [scene.owner, scene.sam, scene.eve];
            let mut now = NOW;
            for (what, who, more) in steps {
                now += more;
                let by = people[usize::from(who)];
                let expires_at = (more % 2 == 0).then_some(now + more);
                let verdict = (more % 3 == 0).then_some(Verdict::Approved);
                let step = match what {
                    0 => Step::Share(Offer { at: now, expires_at, gate: more % 5 == 0, ..offer(scene.owner) }),
                    1 | 2 => Step::Adopt(by),
                    3 => Step::Return { by, note: None, verdict },
                    4 => Step::TakeBack { by, note: None },
                    5 => Step::Tick,
                    6 => Step::Exit,
                    _ => Step::Lose(by),
                };
                let before = scene.row.clone();
                let was_share = matches!(step, Step::Share(_));
                let _ = scene.at(now, step);
                let (Some(before), Some(after)) = (before, &scene.row) else { continue };
                prop_assert!(after.number >= before.number);
                if before.end.is_some() && !was_share {
                    prop_assert_eq!(&before, after);
                }
                if let Some(adopter) = before.adopter() {
                    prop_assert!(after.adopter() == Some(adopter) || after.end.is_some());
                }
                prop_assert!(after.adopter() != Some(scene.owner));
            }
        }
    }
}

#[test]
fn whoever_has_it_gives_it_to_somebody_who_asked() {
    let mut scene = Scene::new();
    let (owner, sam, eve) = (scene.owner, scene.sam, scene.eve);
    assert_eq!(scene.step(Step::Pass { by: sam, to: eve }), Err(Refusal::NotAdopted), "it is not theirs to give");
    scene.takes(Step::Pass { by: owner, to: sam });
    assert_eq!((scene.phase(), scene.row.as_ref().unwrap().adopter()), (Phase::Adopted, Some(sam)), "without an offer");
    assert_eq!(scene.row.as_ref().unwrap().offer.to, Some(sam), "and for nobody else");
    assert_eq!(scene.step(Step::Pass { by: owner, to: eve }), Err(Refusal::AdoptedBy(sam)));
    scene.takes(Step::Pass { by: sam, to: eve });
    assert_eq!(scene.row.as_ref().unwrap().adopter(), Some(eve));
    scene.takes(Step::Pass { by: eve, to: owner });
    assert_eq!(scene.phase(), Phase::Returned, "to its owner it is given back");

    let mut gate = Scene::shared_as(|_, offer| offer.gate = true);
    let (owner, sam) = (gate.owner, gate.sam);
    gate.takes(Step::Pass { by: owner, to: sam });
    assert_eq!(gate.step(Step::Pass { by: sam, to: owner }), Err(Refusal::NoVerdict), "a program waits for a decision");
}
