//! How busy this machine is, for whoever looks at it from elsewhere: measured now and then, told when it has changed.

#[cfg(windows)]
mod times;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sysinfo::{Disk, DiskRefreshKind, MINIMUM_CPU_UPDATE_INTERVAL, System};
use tokio_util::task::AbortOnDropHandle;

use super::facts::disk_of_home;
use super::shared::Shared;
use crate::wire::load::Load;
use crate::wire::message::FromAgent;

/// Time between two measurements: a fleet of thousands costs its server a few small messages a second at most, and an idle
/// machine sends none.
const EVERY: Duration = Duration::from_secs(15);

/// The first comes this soon, so that a machine that was just connected shows something.
const FIRST_AFTER: Duration = Duration::from_secs(2);

const _: () = assert!(FIRST_AFTER.as_millis() > MINIMUM_CPU_UPDATE_INTERVAL.as_millis(), "or it says nothing");

/// Percent of the processors' time that is worth telling of.
const CPU_STEP: u8 = 3;

/// Part of all memory, and of what is free of the disk, that is worth telling of: one in a hundred.
const PART: u64 = 100;

/// Somebody measures. One at a time in this process: a disk that hangs holds one thread, not one for each connection.
static MEASURING: AtomicBool = AtomicBool::new(false);

/// Measures and tells until this is dropped.
pub(super) fn telling(shared: &Arc<Shared>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(tell(Arc::clone(shared))))
}

async fn tell(shared: Arc<Shared>) {
    let mut meter = loop {
        match alone(Meter::new).await {
            Some(Some(meter)) => break meter,
            Some(None) => return,
            None => tokio::time::sleep(EVERY).await,
        }
    };
    let mut told: Option<Load> = None;
    let mut next = FIRST_AFTER;
    loop {
        tokio::time::sleep(next).await;
        next = EVERY;
        let Some((measured, now, memory)) = alone(move || meter.measure()).await else { return };
        meter = measured;
        if told.is_none_or(|told| is_news(told, now, memory)) {
            if shared.say(&FromAgent::Load { load: now }).is_err() {
                return;
            }
            told = Some(now);
        }
    }
}

/// Does what may take long on a thread of its own; `None` if somebody is at it already, who does not come back.
async fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if MEASURING.swap(true, Ordering::Relaxed) {
        return None;
    }
    let done = tokio::task::spawn_blocking(|| {
        let done = work();
        MEASURING.store(false, Ordering::Relaxed);
        done
    });
    done.await.ok()
}

/// Whether anybody would see the difference.
fn is_news(told: Load, now: Load, memory: u64) -> bool {
    let part = |of: u64| (of / PART).max(1);
    told.cpu_percent.abs_diff(now.cpu_percent) >= CPU_STEP
        || told.memory_used_bytes.abs_diff(now.memory_used_bytes) >= part(memory)
        || told.disk_free_bytes.abs_diff(now.disk_free_bytes) >= part(told.disk_free_bytes)
}

/// What is looked at.
struct Meter {
    system: System,
    disk: Option<Disk>,
    #[cfg(windows)]
    times: times::Times,
}

impl Meter {
    /// Begins to count; `None` on a system that says nothing of itself.
    fn new() -> Option<Self> {
        let mut this = Self {
            system: System::new().ok()?,
            disk: disk_of_home(),
            #[cfg(windows)]
            times: times::Times::now(),
        };
        this.cpu_percent();
        Some(this)
    }

    /// What happened since it was last asked, and all memory there is, in bytes.
    fn measure(mut self) -> (Self, Load, u64) {
        let cpu_percent = self.cpu_percent();
        self.system.refresh_memory();
        if let Some(disk) = &mut self.disk {
            disk.refresh_specifics(DiskRefreshKind::nothing().with_storage());
        }
        let load = Load {
            cpu_percent,
            memory_used_bytes: self.system.used_memory(),
            disk_free_bytes: self.disk.as_ref().map_or(0, Disk::available_space),
        };
        let memory = self.system.total_memory();
        (self, load, memory)
    }

    /// How busy all processors were since this was last asked.
    #[cfg(not(windows))]
    fn cpu_percent(&mut self) -> u8 {
        self.system.refresh_cpu_usage();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        let percent = self.system.global_cpu_usage().round().clamp(0.0, 100.0) as u8;
        percent
    }

    /// The same.
    #[cfg(windows)]
    fn cpu_percent(&mut self) -> u8 {
        let before = std::mem::replace(&mut self.times, times::Times::now());
        self.times.busy_since(before)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn an_idle_machine_has_nothing_to_tell_and_a_busy_one_has() {
        let idle = Load { cpu_percent: 1, memory_used_bytes: 4 * GIB, disk_free_bytes: 100 * GIB };
        let news = |now| is_news(idle, now, 16 * GIB);
        assert!(!news(Load { cpu_percent: 3, memory_used_bytes: 4 * GIB + GIB / 10, disk_free_bytes: 100 * GIB - 1 }));
        assert!(news(Load { cpu_percent: 4, ..idle }));
        assert!(news(Load { memory_used_bytes: 5 * GIB, ..idle }));
        assert!(news(Load { disk_free_bytes: 99 * GIB, ..idle }));
        let full = Load { disk_free_bytes: 0, ..idle };
        assert!(!is_news(full, full, 0), "a system that says nothing of its memory changes nothing");
    }

    #[test]
    fn this_machine_is_measured() {
        let meter = Meter::new().unwrap();
        let (_, load, memory) = meter.measure();
        assert!(load.cpu_percent <= 100 && (1..=memory).contains(&load.memory_used_bytes), "{load:?} of {memory}");
        // Wine tells of no disk.
        assert!(load.disk_free_bytes > 0 || disk_of_home().is_none(), "{load:?}");
    }
}
