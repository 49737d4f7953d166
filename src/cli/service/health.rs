//! How an agent that a service runs is doing: what the service manager says, what the agent says, what its log says.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::place::Place;
use crate::agent::local::{Link, LocalStatus};
use crate::base::clock::unix_millis;
use crate::cli::local_agent;
use crate::service::{Activity, ServiceError, State};

/// The agent's log inside its data directory; the day is appended to its name.
pub(in crate::cli) const LOG: &str = "logs/agent.log";

/// How much of a log's end is looked through for the last error, in bytes.
const TAIL_BYTES: u64 = 64 * 1024;

/// An agent that was started has this long to come up and to hear from its server before that is reported as it is.
const COMES_UP_WITHIN: Duration = Duration::from_secs(10);

/// Nothing tells us of the change, so it is asked for.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How it is.
#[derive(Debug)]
pub(in crate::cli) struct Health {
    pub(in crate::cli) state: State,
    pub(in crate::cli) agent: Option<LocalStatus>,
}

impl Health {
    /// As it is now.
    pub(in crate::cli) async fn now(place: &Place, data_dir: &Path) -> Result<Self, ServiceError> {
        let mut state = place.manager.state()?;
        let agent = local_agent::status(data_dir).await;
        // Somebody may have started another one by hand.
        let agent = agent.filter(|agent| state.pid.is_none_or(|pid| pid == agent.pid));
        if let Some(agent) = &agent {
            // Not every service manager tells; on Windows the process it knows is another one's.
            state.pid.get_or_insert(agent.pid);
            let up = Duration::from_millis(unix_millis().saturating_sub(agent.started_at));
            state.uptime.get_or_insert(up);
        }
        Ok(Self { state, agent })
    }

    /// As it is once the agent has heard from its server, has failed, or has had its time.
    pub(super) async fn settled(place: &Place, data_dir: &Path) -> Result<Self, ServiceError> {
        let until = Instant::now() + COMES_UP_WITHIN;
        loop {
            let health = Self::now(place, data_dir).await?;
            if health.is_settled() || Instant::now() >= until {
                return Ok(health);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    fn is_settled(&self) -> bool {
        let heard = matches!(&self.agent, Some(agent) if !matches!(agent.link, Link::Connecting));
        heard || self.state.activity == Activity::Failed
    }

    /// Whether it runs and its server knows it.
    pub(in crate::cli) fn is_well(&self) -> bool {
        matches!(&self.agent, Some(LocalStatus { link: Link::Online { .. }, .. }))
    }
}

/// The file that the agent logs to now, or did last.
pub(super) fn log_file(data_dir: &Path) -> Option<PathBuf> {
    let log = data_dir.join(LOG);
    let name = log.file_name()?.to_str()?.to_owned();
    let entries = std::fs::read_dir(log.parent()?).ok()?.flatten();
    let ours = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with(&name)));
    ours.max() // The day is in the name.
}

/// The last warning or error in a log.
pub(super) fn last_error(log: &Path) -> Option<String> {
    let mut file = std::fs::File::open(log).ok()?;
    let bytes = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    last_error_in(&String::from_utf8_lossy(&tail)).map(str::to_owned)
}

/// Time, level, text: as `cli::logging` writes them.
fn last_error_in(log: &str) -> Option<&str> {
    let bad = |line: &&str| matches!(line.split_whitespace().nth(1), Some("WARN" | "ERROR"));
    log.lines().rev().find(bad).map(str::trim_end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_is_found_by_its_level_and_not_by_its_text() {
        let log = "2026-11-24T10:00:00Z  INFO connected\n2026-11-24T10:00:01Z  WARN not connected cause=\"x\"\n\
                   2026-11-24T10:00:02Z  INFO no ERROR at all\n";
        assert_eq!(last_error_in(log), Some("2026-11-24T10:00:01Z  WARN not connected cause=\"x\""));
        assert_eq!(last_error_in("nothing\n\n"), None);
    }

    #[test]
    fn the_newest_log_is_found() {
        let data_dir = tempfile::tempdir().unwrap();
        assert_eq!(log_file(data_dir.path()), None);
        std::fs::create_dir(data_dir.path().join("logs")).unwrap();
        for name in ["agent.log.2026-11-23", "agent.log.2026-11-24", "server.log.2026-11-25"] {
            std::fs::write(data_dir.path().join("logs").join(name), "").unwrap();
        }
        assert_eq!(log_file(data_dir.path()).unwrap().file_name().unwrap(), "agent.log.2026-11-24");
    }
}
