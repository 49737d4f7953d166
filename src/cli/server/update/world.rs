//! A server, as an update acts on it: its program's file, its state, and the process that runs it.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::base::percent::percent;
use crate::cli::failure::Failure;
use crate::cli::server::maintain;
use crate::server::{LocalServer, ServerStatus};
use crate::service::{Run as _, System};
use crate::store::{OpenError, Store, restore};
use crate::update::course::World;
use crate::update::swap::Swap;
use crate::wire::build;

/// A version that was started has this long to come up; a large state is brought to another form meanwhile.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);

/// One that has ended may be started again by a service manager, within this.
const BACK_WITHIN: Duration = Duration::from_secs(8);

/// One that is told to end has this long.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Nothing tells us of the change, so it is asked for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A server that is just being replaced does not answer at once.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// A server that runs.
pub(super) struct Running {
    /// What it says of itself.
    pub(super) status: ServerStatus,
}

impl Running {
    /// The one that uses this data directory, if there is one.
    pub(super) async fn find(data_dir: &Path) -> Result<Option<Self>, Failure> {
        Ok(status(data_dir).await.map(|status| Self { status }))
    }
}

async fn status(data_dir: &Path) -> Option<ServerStatus> {
    let server = LocalServer::read(data_dir)?;
    let asking = async {
        let answer = maintain::ask(&server, "/status").await.ok()?;
        let json = axum::body::to_bytes(answer.into_body(), 64 * 1024).await.ok()?;
        serde_json::from_slice(&json).ok()
    };
    tokio::time::timeout(ANSWERS_WITHIN, asking).await.ok()?
}

/// File, state and process.
pub(super) struct Server<'a> {
    runtime: &'a Runtime,
    swap: &'a Swap,
    data_dir: &'a Path,
    /// The state before the update.
    copy: &'a Path,
    /// Version that is to come up next.
    expected: String,
    /// The process that serves.
    pid: Option<u32>,
    /// The systemd unit that it is in.
    unit: Option<Unit>,
}

/// Which one, and whose.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    name: String,
    /// A person's own, or the system's.
    own: bool,
}

impl Unit {
    /// As `/proc/PID/cgroup` names it.
    fn of(cgroup: &str) -> Option<Self> {
        cgroup.lines().find_map(|line| {
            let path = line.rsplit(':').next()?;
            let name = path.split('/').rev().find(|part| part.ends_with(".service") && !part.starts_with("user@"))?;
            Some(Self { name: name.to_owned(), own: !path.contains("/system.slice/") })
        })
    }

    /// Has it started, also if it has ended too often for systemd to try once more.
    fn start(&self) -> Result<(), String> {
        let own: &[&str] = if self.own { &["--user"] } else { &[] };
        for verb in ["reset-failed", "start"] {
            let arguments = [own, &[verb, &self.name]].concat();
            let answer = System.run("systemctl", &arguments).map_err(|error| error.to_string())?;
            if verb == "start" && !answer.success {
                return Err(format!("`systemctl {}` failed: {}", arguments.join(" "), answer.err.trim()));
            }
        }
        Ok(())
    }
}

impl<'a> Server<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        swap: &'a Swap,
        running: Option<Running>,
        data_dir: &'a Path,
        copy: &'a Path,
        version: &str,
    ) -> Self {
        let pid = running.map(|running| running.status.pid);
        let cgroup = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok());
        let unit = cgroup.as_deref().and_then(Unit::of);
        Self { runtime, swap, data_dir, copy, expected: version.to_owned(), pid, unit }
    }

    /// Ends whatever serves, so that nobody has the state open.
    fn end(&self) -> Result<(), String> {
        let now = self.runtime.block_on(status(self.data_dir)).map(|status| status.pid);
        for pid in now.into_iter().chain(self.pid) {
            signal(pid, false);
        }
        let until = Instant::now() + ENDS_WITHIN;
        while now.into_iter().chain(self.pid).any(is_alive) {
            if Instant::now() >= until {
                now.into_iter().chain(self.pid).for_each(|pid| signal(pid, true));
            }
            if Instant::now() >= until + ENDS_WITHIN {
                return Err("the new version cannot be ended".to_owned());
            }
            self.runtime.block_on(async { tokio::time::sleep(ASK_EVERY).await });
        }
        Ok(())
    }

    /// Puts the state back that this version can read, if the other one has changed its form. What was written meanwhile is
    /// kept beside it.
    fn readable(&self) -> Result<(), String> {
        match Store::open(self.data_dir) {
            // As the other version left it: nothing that was written meanwhile is lost.
            Ok(_) | Err(OpenError::Locked { .. }) => Ok(()),
            Err(OpenError::Newer { .. }) => {
                restore(self.data_dir, self.copy).map(drop).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl World for Server<'_> {
    type Error = String;

    fn swap(&mut self) -> Result<(), String> {
        self.swap.commit().map_err(|error| error.to_string())
    }

    fn swap_back(&mut self) -> Result<(), String> {
        self.swap.back().map_err(|error| error.to_string())?;
        build::version().clone_into(&mut self.expected);
        self.end()?;
        self.readable()
    }

    fn restart(&mut self) -> Result<(), String> {
        let Some(server) = LocalServer::read(self.data_dir) else { return self.start() };
        let path = format!("/restart?to={}", percent(&self.copy.display().to_string()));
        match self.runtime.block_on(async {
            tokio::time::timeout(ANSWERS_WITHIN, maintain::ask(&server, &path))
                .await
                .map_err(|_| "no answer".to_owned())
        }) {
            Ok(Ok(_)) => Ok(()),
            _ if self.pid.is_some_and(is_alive) => Err("the server cannot be asked to start itself again".to_owned()),
            _ => self.start(),
        }
    }

    fn comes_up(&mut self) -> Result<(), String> {
        let until = Instant::now() + COMES_UP_WITHIN;
        let mut dead_since = None;
        loop {
            let status = self.runtime.block_on(status(self.data_dir));
            let why = match &status {
                Some(status) if status.build == self.expected && status.ready => {
                    self.pid = Some(status.pid);
                    return Ok(());
                }
                Some(status) if status.build == self.expected => "it cannot answer requests".to_owned(),
                Some(status) => format!("{} runs on", status.build),
                None => "it does not answer".to_owned(),
            };
            if status.is_none() && !self.pid.is_some_and(is_alive) {
                let since = *dead_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= BACK_WITHIN {
                    return Err("it ended as soon as it was started".to_owned());
                }
            }
            if Instant::now() >= until {
                return Err(why);
            }
            self.runtime.block_on(async { tokio::time::sleep(ASK_EVERY).await });
        }
    }
}

impl Server<'_> {
    /// A server that has ended: its service manager starts it again, or nobody does but a person.
    fn start(&self) -> Result<(), String> {
        if let Some(unit) = &self.unit {
            unit.start()?;
        }
        let until = Instant::now() + BACK_WITHIN;
        while self.runtime.block_on(status(self.data_dir)).is_none() {
            if Instant::now() >= until {
                return Err("it has ended, and no service manager starts it again".to_owned());
            }
            self.runtime.block_on(async { tokio::time::sleep(ASK_EVERY).await });
        }
        Ok(())
    }
}

#[cfg(unix)]
fn pid_of(pid: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    pid_of(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok()) && !has_ended(pid)
}

/// Whether it has ended and only waits for its parent to notice, as Linux says it.
#[cfg(unix)]
fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

#[cfg(unix)]
fn signal(pid: u32, hard: bool) {
    use rustix::process::Signal;
    if let Some(pid) = pid_of(pid) {
        // One that has ended meanwhile needs none.
        let _ = rustix::process::kill_process(pid, if hard { Signal::KILL } else { Signal::TERM });
    }
}

/// Elsewhere a server does not start itself again, and is neither watched nor ended.
#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    false
}

#[cfg(not(unix))]
fn signal(_: u32, _: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_server_is_told_by_its_control_group() {
        let unit = |name: &str, own| Some(Unit { name: name.to_owned(), own });
        for (cgroup, expected) in [
            ("0::/system.slice/sessionforge-server.service\n", unit("sessionforge-server.service", false)),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/sf.service\n", unit("sf.service", true)),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/tmux.scope\n", None),
            ("4:memory:/\n1:name=systemd:/test/app.slice/sf.service\n", unit("sf.service", true)),
            ("0::/user.slice/user-1000.slice/session-2.scope\n", None),
            ("", None),
        ] {
            assert_eq!(Unit::of(cgroup), expected, "{cgroup}");
        }
    }
}
