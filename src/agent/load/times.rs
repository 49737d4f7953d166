//! How busy the processors of a Windows machine are, by the times that the system itself counts.
//!
//! sysinfo asks the performance counters instead. Those take seconds to open, are damaged on many a machine, and are not
//! there under Wine at all.

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::GetSystemTimes;

/// What all processors together have done since the system started, in units of 100 ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Times {
    idle: u64,
    all: u64,
}

impl Times {
    /// Until now; nothing where the system does not say.
    pub(super) fn now() -> Self {
        let (mut idle, mut kernel, mut user) = (FILETIME::default(), FILETIME::default(), FILETIME::default());
        // SAFETY: the results are written to places of ours.
        if unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) } == 0 {
            return Self::default();
        }
        let units = |time: FILETIME| (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime);
        // The kernel's time has the idle one in it.
        Self { idle: units(idle), all: units(kernel).saturating_add(units(user)) }
    }

    /// Percent of the time since `before` in which they were not idle; 0 if there was none.
    pub(super) fn busy_since(self, before: Self) -> u8 {
        let all = self.all.saturating_sub(before.all);
        let busy = all.saturating_sub(self.idle.saturating_sub(before.idle));
        u8::try_from(busy.saturating_mul(100).checked_div(all).unwrap_or(0)).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_idle_is_busy() {
        let before = Times { idle: 1_000, all: 4_000 };
        assert_eq!(Times { idle: 1_075, all: 4_100 }.busy_since(before), 25);
        assert_eq!(Times { idle: 1_000, all: 4_100 }.busy_since(before), 100);
        assert_eq!(before.busy_since(before), 0, "no time has passed");
        assert_eq!(Times::default().busy_since(before), 0, "nor does a clock that goes back confuse it");
    }
}
