//! What the session's program is at, and what it asks: from hooks and answers to what connections are told.

use tokio::time::Instant;

use super::{Inner, Session, now_millis};
use crate::host::attention::{Moment, Outcome};
use crate::wire::attention::{Answer, Hook};
use crate::wire::session::Activity;

impl Session {
    /// One of Claude Code's hooks fired. The number of the need whose answer it waits for.
    pub(in crate::host) fn hook(&self, hook: &Hook) -> Option<u64> {
        let mut inner = self.inner.borrow_mut();
        if inner.info.exit.is_some() {
            return None;
        }
        let waits_for = inner.attention.hook(hook, Moment { now: Instant::now(), millis: now_millis() });
        let mut told = inner.tell_attention();
        // The end of one conversation may be told behind the beginning of the next.
        let speaks = !hook.subagent && hook.event != "SessionEnd";
        let conversation = hook.conversation.as_ref().filter(|_| speaks).and_then(|id| id.parse().ok());
        let known = &mut inner.info;
        let before = (known.conversation, known.model.clone(), known.branch.clone());
        known.conversation = conversation.or(known.conversation);
        known.model = hook.model.clone().or(known.model.take());
        known.branch.clone_from(&hook.branch);
        if before != (known.conversation, known.model.clone(), known.branch.clone()) {
            inner.versions.info += 1;
            inner.versions.state += 1;
            told = true;
        }
        drop(inner);
        if told {
            self.changed.notify_waiters();
        }
        self.kick.notify_one();
        waits_for
    }

    /// Somebody answers a need from elsewhere than the terminal.
    pub(in crate::host) fn answer(&self, need: u64, token: u64, answer: Answer) {
        let mut inner = self.inner.borrow_mut();
        inner.attention.answer(need, token, answer);
        inner.tell_attention();
        drop(inner);
        // Also when nothing changed: a hook that waits looks what became of its need.
        self.changed.notify_waiters();
    }

    /// What became of a need, for the hook that waits for it; see [`Attention::outcome`].
    pub(in crate::host) fn outcome(&self, need: u64) -> Outcome {
        self.inner.borrow_mut().attention.outcome(need)
    }

    /// The hook that waited for a need is gone.
    pub(in crate::host) fn abandoned(&self, need: u64) {
        let mut inner = self.inner.borrow_mut();
        inner.attention.abandoned(need);
        if inner.tell_attention() {
            drop(inner);
            self.changed.notify_waiters();
        }
    }
}

impl Inner {
    /// Takes over what the program is at, and what it wants. Whether there is anything to tell.
    pub(super) fn tell_attention(&mut self) -> bool {
        let (activity, settled) = (self.attention.activity(), self.attention.settled());
        let needs = self.attention.needs();
        let info = &mut self.info;
        let same_needs = info.needs.as_ref() == needs && info.settled == settled;
        if same_needs && info.activity == activity {
            return false;
        }
        let by_output = [Activity::Idle, Activity::Working];
        let at_once = !same_needs || !by_output.contains(&activity) || !by_output.contains(&info.activity);
        info.needs = needs.cloned();
        (info.activity, info.settled) = (activity, settled);
        self.versions.info += 1;
        self.versions.state += u64::from(at_once);
        true
    }
}
