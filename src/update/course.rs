//! The course of an update: swap, restart, see it come up; and back again if it does not. Pure but for the [`World`] it acts on.

/// What an update acts on.
pub trait World {
    /// Why something did not happen.
    type Error;

    /// Puts the new version in the place of the old one, in one step or not at all.
    fn swap(&mut self) -> Result<(), Self::Error>;

    /// Puts the old version back.
    fn swap_back(&mut self) -> Result<(), Self::Error>;

    /// Has the service run what is in its place now.
    fn restart(&mut self) -> Result<(), Self::Error>;

    /// Returns when the version in its place runs and does what was done before, or says why it does not.
    fn comes_up(&mut self) -> Result<(), Self::Error>;
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<E> {
    /// The new version is in its place, and runs if one ran before.
    Updated,
    /// Nothing was changed.
    Untouched(E),
    /// The new version did not come up: the old one is back, and runs.
    Back(E),
    /// The new version did not come up, and the old one, which is back in its place, does not either.
    BackButDown {
        /// Why the new one did not.
        why: E,
        /// Why the old one does not.
        then: E,
    },
    /// The new version did not come up, and could not be taken out of its place.
    Stuck {
        /// Why it did not come up.
        why: E,
        /// Why it is still there.
        then: E,
    },
}

/// Carries an update out. `runs` is whether a service runs the old version: one that is stopped stays so.
pub fn carry_out<W: World>(world: &mut W, runs: bool) -> Outcome<W::Error> {
    if let Err(error) = world.swap() {
        return Outcome::Untouched(error);
    }
    if !runs {
        return Outcome::Updated;
    }
    let Err(why) = world.restart().and_then(|()| world.comes_up()) else { return Outcome::Updated };
    if let Err(then) = world.swap_back() {
        return Outcome::Stuck { why, then };
    }
    match world.restart().and_then(|()| world.comes_up()) {
        Ok(()) => Outcome::Back(why),
        Err(then) => Outcome::BackButDown { why, then },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Version {
        Old,
        New,
    }

    /// A machine on which the steps of which a bit is set fail, in the order in which they are tried.
    struct Machine {
        failing: u32,
        step: u32,
        in_place: Version,
        running: Option<Version>,
    }

    impl Machine {
        fn attempt(&mut self) -> Result<(), u32> {
            let step = self.step;
            self.step += 1;
            if self.failing & (1 << step) == 0 { Ok(()) } else { Err(step) }
        }
    }

    impl World for Machine {
        type Error = u32;

        fn swap(&mut self) -> Result<(), u32> {
            self.attempt()?;
            self.in_place = Version::New;
            Ok(())
        }

        fn swap_back(&mut self) -> Result<(), u32> {
            self.attempt()?;
            self.in_place = Version::Old;
            Ok(())
        }

        fn restart(&mut self) -> Result<(), u32> {
            self.running = None;
            self.attempt()?;
            self.running = Some(self.in_place);
            Ok(())
        }

        fn comes_up(&mut self) -> Result<(), u32> {
            self.attempt().inspect_err(|_| self.running = None)
        }
    }

    const STEPS_MAX: u32 = 6;

    #[test]
    fn whatever_fails_what_is_said_is_what_is_so() {
        for failing in 0..1 << STEPS_MAX {
            for runs in [false, true] {
                let running = runs.then_some(Version::Old);
                let mut machine = Machine { failing, step: 0, in_place: Version::Old, running };
                let outcome = carry_out(&mut machine, runs);
                assert!(machine.step <= STEPS_MAX, "it ends");
                let (in_place, running) = match outcome {
                    Outcome::Updated => (Version::New, runs.then_some(Version::New)),
                    Outcome::Untouched(_) => (Version::Old, runs.then_some(Version::Old)),
                    Outcome::Back(_) => (Version::Old, Some(Version::Old)),
                    Outcome::BackButDown { .. } => (Version::Old, None),
                    Outcome::Stuck { .. } => (Version::New, None),
                };
                assert_eq!(
                    (machine.in_place, machine.running),
                    (in_place, running),
                    "{failing:06b} {runs}: {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn one_failure_alone_never_leaves_the_machine_without_an_agent() {
        for step in 0..STEPS_MAX {
            let mut machine =
                Machine { failing: 1 << step, step: 0, in_place: Version::Old, running: Some(Version::Old) };
            let outcome = carry_out(&mut machine, true);
            assert!(machine.running.is_some(), "step {step}: {outcome:?}");
        }
    }
}
