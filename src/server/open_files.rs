//! How many files and sockets this process may have open: each viewer and each agent is one.

/// Files asked for: as many as there are places for connections, and as much again for peers of `sessionforge up`.
#[cfg(unix)]
const OPEN_FILES_WANTED: u64 = 32_768;

/// Files this process may have open; `None` where nothing bounds them.
pub(super) fn limit() -> Option<u64> {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

/// Raises the soft limit of open files, which is 1,024 on most systems, as far as the hard limit lets it.
///
/// For a process that starts no programs: they would inherit the limit, and some old ones count on the small one.
#[cfg(unix)]
pub fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let wanted = limit.maximum.map_or(OPEN_FILES_WANTED, |hard| hard.min(OPEN_FILES_WANTED));
    if limit.current.is_none_or(|soft| soft >= wanted) {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => tracing::debug!(wanted, "limit of open files raised"),
        Err(error) => tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current),
    }
}

/// Windows has no such limit.
#[cfg(not(unix))]
pub fn raise_limit() {}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn the_limit_is_never_lowered() {
        let before = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        super::raise_limit();
        let after = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(after >= before, "{before} became {after}");
    }
}
