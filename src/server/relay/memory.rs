//! Memory that hubs hold of what agents sent: output and screens. Counted for each machine and for the whole server.
//!
//! An agent decides how much a hub is sent, and slow viewers for how long it is held. So a machine that holds much is
//! refused more when it, or all of them together, reach a bound; one that holds little is never refused because of others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::{Bytes, BytesMut};

use crate::base::id::MachineId;

/// What hubs hold for one machine, in bytes: several hundred watched sessions, each with screens and a log of output.
const MACHINE_BYTES_MAX: usize = 96 * 1024 * 1024;

/// What hubs hold in all before machines that hold more than [`MACHINE_BYTES_FREE`] are refused, in bytes.
const ALL_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What every machine may hold whatever others do, in bytes: a dozen sessions that are watched by people.
const MACHINE_BYTES_FREE: usize = 8 * 1024 * 1024;

/// From here on a machine's hubs keep short logs, in bytes held: viewers that fall behind are repainted sooner.
const MACHINE_BYTES_SHORT: usize = MACHINE_BYTES_MAX / 2;

/// Every machine's share: one that comes back finds what is still held for it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    all: Arc<AtomicUsize>,
    shares: Mutex<HashMap<MachineId, Weak<Share>>>,
}

impl Memory {
    /// What is held in all, in bytes.
    pub(super) fn all(&self) -> &Arc<AtomicUsize> {
        &self.all
    }

    /// A machine's share.
    pub(crate) fn share(&self, machine: MachineId) -> Arc<Share> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shares.get(&machine).and_then(Weak::upgrade) {
            return known;
        }
        if shares.len() == shares.capacity() {
            // Before it grows: those for whom nothing is held any more.
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Share { held: AtomicUsize::new(0), all: Arc::clone(&self.all) });
        shares.insert(machine, Arc::downgrade(&share));
        share
    }
}

/// There is no more for this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoMemory;

/// One machine's share of the server's.
#[derive(Debug, Default)]
pub(crate) struct Share {
    held: AtomicUsize,
    all: Arc<AtomicUsize>,
}

impl Share {
    /// Whether logs are to be kept short.
    pub(super) fn is_tight(&self) -> bool {
        self.held.load(Ordering::Relaxed) > MACHINE_BYTES_SHORT || self.all.load(Ordering::Relaxed) > ALL_BYTES_MAX / 2
    }

    fn add(&self, bytes: usize) -> Result<(), NoMemory> {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held <= MACHINE_BYTES_FREE || (held <= MACHINE_BYTES_MAX && all <= ALL_BYTES_MAX) {
            return Ok(());
        }
        self.remove(bytes);
        Err(NoMemory)
    }

    fn remove(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Memory that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    share: Arc<Share>,
    bytes: usize,
}

impl Held {
    /// Nothing yet.
    pub(super) fn none(share: &Arc<Share>) -> Self {
        Self { share: Arc::clone(share), bytes: 0 }
    }

    /// So many bytes instead of what was held. Less is never refused.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), NoMemory> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.share.add(more)?,
            None => self.share.remove(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }

    /// `bytes` that stay counted until the last who shares them lets go.
    pub(super) fn with(self, bytes: BytesMut) -> Bytes {
        struct Counted(Bytes, #[allow(dead_code, reason = "held until dropped")] Held);
        impl AsRef<[u8]> for Counted {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        Bytes::from_owner(Counted(bytes.freeze(), self))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.share.remove(self.bytes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_holds_much_is_refused_and_one_that_holds_little_is_not() {
        let memory = Memory::default();
        let all = Arc::clone(&memory.all);
        let greedy: Vec<_> = (0..20).map(|_| memory.share(MachineId::random())).collect();
        let mut kept = Vec::new();
        for share in &greedy {
            let mut held = Held::none(share);
            while held.set(held.bytes + (1 << 20)).is_ok() {}
            assert!(share.is_tight());
            kept.push(held);
        }
        let total = all.load(Ordering::Relaxed);
        assert!((ALL_BYTES_MAX..=ALL_BYTES_MAX + 20 * MACHINE_BYTES_FREE).contains(&total), "{total}");
        let modest = memory.share(MachineId::random());
        let mut held = Held::none(&modest);
        held.set(MACHINE_BYTES_FREE).unwrap();
        assert_eq!(held.set(MACHINE_BYTES_FREE + 1), Err(NoMemory));
        held.set(1).unwrap();
        drop((kept, held));
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_screen_counts_until_its_last_viewer_has_it() {
        let (memory, machine) = (Memory::default(), MachineId::random());
        let all = Arc::clone(&memory.all);
        let share = memory.share(machine);
        let mut held = Held::none(&share);
        held.set(3).unwrap();
        let bytes = held.with(BytesMut::from(&b"abc"[..]));
        let slow = bytes.slice(1..);
        drop((bytes, share));
        assert_eq!(memory.share(machine).held.load(Ordering::Relaxed), 3, "it came back, and this is its own still");
        assert_eq!((&slow[..], all.load(Ordering::Relaxed)), (&b"bc"[..], 3));
        drop(slow);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }
}
