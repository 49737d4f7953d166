//! systemd: the unit, and telling `systemctl` about it. `docs/service.md` has the reasons for a person.

mod escape;
mod show;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::run::refused;
use super::{Change, Definition, Manager, Run, Scope, ServiceError, State, put, remove};

/// The unit's name.
pub const UNIT: &str = "sessionforge.service";

/// Marks a unit whose installation turned lingering on: only then its removal turns it off.
const LINGERING_MARK: &str = "Lingering=turned-on";

/// Where the system's own units are.
const SYSTEM_UNITS: &str = "/etc/systemd/system";

/// logind keeps one file for each user who lingers.
const LINGERING_USERS: &str = "/var/lib/systemd/linger";

/// The text of the unit. `lingering_turned_on` is only remembered in it.
pub fn unit(definition: &Definition, scope: Scope, lingering_turned_on: bool) -> Result<String, ServiceError> {
    let command = escape::command(&definition.executable, &definition.arguments)?;
    let (edit, after, wanted_by) = match scope {
        Scope::Own => ("systemctl --user edit", "", "default.target"),
        Scope::System => {
            ("systemctl edit", "Wants=network-online.target\nAfter=network-online.target\n", "multi-user.target")
        }
    };
    let person = match &definition.run_as {
        Some(user) => format!("User={}\nWorkingDirectory=~\n", escape::plain("the user", user)?),
        None => String::new(),
    };
    let hardening = match scope {
        // A person's own service manager has nothing to take away from what that person may do anyway.
        Scope::Own => "",
        Scope::System if definition.may_become_root => WITH_ROOT,
        Scope::System => HARDENED,
    };
    let mark = if lingering_turned_on { format!("\n[X-SessionForge]\n{LINGERING_MARK}\n") } else { String::new() };
    Ok(format!(
        "\
# Written by `sessionforge service install`, which writes it anew. Your own settings: `{edit} {UNIT}`.
[Unit]
Description=SessionForge agent
{after}# However often it ends, it is started again.
StartLimitIntervalSec=0

[Service]
Type=simple
{person}ExecStart={command}
Restart=always
RestartSec=5
# 2 is wrong usage, 3 a server that refuses this key or machine: starting again helps neither.
RestartPreventExitStatus=2 3
# Sessions are processes of their own. They go on when the agent is stopped, restarted or updated.
KillMode=process
# A program that runs out of memory in a session ends neither the agent nor the other sessions.
OOMPolicy=continue
# All sessions count here; a third of the system's is what logind gives a person.
TasksMax=33%
{hardening}
[Install]
WantedBy={wanted_by}
{mark}"
    ))
}

/// What no program in a session misses. Left out on purpose, because sessions inherit all of it: a `/tmp` of its own, a
/// hidden home, no new namespaces (sandboxes and containers need them), no writable and executable memory (Node does).
const HARDENED: &str = "\
# Sessions inherit these. `--allow-sudo` at the installation leaves out what stands in sudo's way.
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=full
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
RestrictRealtime=yes
";

/// What is left of it where sudo has to work.
const WITH_ROOT: &str = "\
# Installed with --allow-sudo: programs in sessions may become root, so little can be taken from them.
ProtectKernelLogs=yes
";

/// systemd as it is spoken with.
#[derive(Debug)]
pub struct Systemd<R> {
    run: R,
    scope: Scope,
    file: PathBuf,
    /// Of the person whose own service it is.
    user: String,
    lingering_users: PathBuf,
}

impl<R: Run> Systemd<R> {
    /// The service of `user`, whose units are in `config_home` (`~/.config`).
    pub fn own(run: R, config_home: &Path, user: &str) -> Self {
        Self::at(run, Scope::Own, &config_home.join("systemd/user"), user)
    }

    /// The service of the machine.
    pub fn system(run: R) -> Self {
        Self::at(run, Scope::System, Path::new(SYSTEM_UNITS), "root")
    }

    fn at(run: R, scope: Scope, units: &Path, user: &str) -> Self {
        Self { run, scope, file: units.join(UNIT), user: user.to_owned(), lingering_users: LINGERING_USERS.into() }
    }

    fn systemctl(&self, arguments: &[&str]) -> Result<super::run::Answer, ServiceError> {
        let own: &[&str] = if self.scope == Scope::Own { &["--user"] } else { &[] };
        let arguments = [own, arguments].concat();
        let answer = self.run.run("systemctl", &arguments)?;
        if answer.success {
            return Ok(answer);
        }
        if self.scope == Scope::Own && answer.err.contains("Failed to connect to bus") {
            return Err(ServiceError::NoOwnManager(answer.err.trim().to_owned()));
        }
        if answer.err.contains("not been booted with systemd") {
            return Err(ServiceError::NoManager("systemd"));
        }
        Err(refused("systemctl", &arguments, &answer))
    }

    /// Whether the person's service manager runs while that person is not signed in.
    pub fn lingers(&self) -> bool {
        self.lingering_users.join(&self.user).exists()
    }

    /// Lets the person's service manager run from the machine's start on. The answer is whether that took turning it on.
    pub fn make_linger(&self) -> Result<bool, ServiceError> {
        if self.lingers() {
            return Ok(false);
        }
        self.run.must("loginctl", &["enable-linger", &self.user])?;
        self.mark_lingering()?;
        Ok(true)
    }

    /// Remembers in the unit that lingering was turned on for it.
    fn mark_lingering(&self) -> Result<(), ServiceError> {
        let error = |cause| ServiceError::Io { path: self.file.clone(), cause };
        let text = std::fs::read_to_string(&self.file).map_err(error)?;
        put(&self.file, &format!("{text}\n[X-SessionForge]\n{LINGERING_MARK}\n"))?;
        self.systemctl(&["daemon-reload"]).map(drop)
    }

    fn turned_lingering_on(&self) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|text| text.lines().any(|line| line == LINGERING_MARK))
    }

    fn must_be_installed(&self) -> Result<(), ServiceError> {
        if self.is_installed() { Ok(()) } else { Err(ServiceError::NotInstalled) }
    }
}

impl<R: Run> Manager for Systemd<R> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn install(&self, definition: &Definition) -> Result<Change, ServiceError> {
        let text = unit(definition, self.scope, self.turned_lingering_on())?;
        // Nothing is written for a service manager that is not there.
        self.systemctl(&["show", "--property=Version"])?;
        let change = put(&self.file, &text)?;
        if change != Change::None {
            self.systemctl(&["daemon-reload"])?;
        }
        self.systemctl(&["enable", "--quiet", UNIT])?;
        Ok(change)
    }

    fn uninstall(&self) -> Result<bool, ServiceError> {
        if !self.is_installed() {
            return Ok(false);
        }
        let lingering = self.turned_lingering_on();
        self.systemctl(&["disable", "--now", "--quiet", UNIT])?;
        remove(&self.file)?;
        self.systemctl(&["daemon-reload"])?;
        // It may have failed, and would be remembered as a unit that is no more.
        let _ = self.systemctl(&["reset-failed", UNIT]);
        if lingering {
            self.run.must("loginctl", &["disable-linger", &self.user])?;
        }
        Ok(true)
    }

    fn start(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        self.systemctl(&["start", UNIT]).map(drop)
    }

    fn stop(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        self.systemctl(&["stop", UNIT]).map(drop)
    }

    fn restart(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        self.systemctl(&["restart", UNIT]).map(drop)
    }

    fn state(&self) -> Result<State, ServiceError> {
        self.must_be_installed()?;
        let answer = self.systemctl(&["show", &format!("--property={}", show::PROPERTIES), UNIT])?;
        Ok(show::state(&answer.out, monotonic()))
    }

    fn words(&self) -> Option<Vec<String>> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        escape::words(text.lines().find_map(|line| line.strip_prefix("ExecStart="))?)
    }

    fn log_command(&self) -> Option<String> {
        let own = if self.scope == Scope::Own { " --user" } else { "" };
        Some(format!("journalctl{own} -u sessionforge"))
    }
}

/// The clock that systemd's `…Monotonic` properties are read off; zero where there is none.
fn monotonic() -> Duration {
    #[cfg(unix)]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }
    #[cfg(not(unix))]
    Duration::ZERO
}
