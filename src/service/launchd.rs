//! launchd: the property list, and telling `launchctl` about it.
//!
//! Verbs of macOS 10.11 and later (`bootstrap`, `bootout`, `kickstart`). `stop` takes the service out of the domain, because
//! launchd starts one that is in it again; it is back at the next sign-in or `start`.

#[cfg(all(test, unix))]
mod tests;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::run::{Answer, refused};
use super::{Activity, Change, Definition, Ended, Manager, Run, ServiceError, State, put, remove};

/// What the service is called.
pub const LABEL: &str = "dev.sessionforge.agent";

/// Where services of the whole machine are.
const SYSTEM_DAEMONS: &str = "/Library/LaunchDaemons";

/// The text of the property list.
pub fn plist(definition: &Definition) -> Result<String, ServiceError> {
    let mut words = String::new();
    for word in std::iter::once(&definition.executable).chain(&definition.arguments) {
        let _ = write!(words, "\n    <string>{}</string>", escaped("the argument", word)?);
    }
    let person = match &definition.run_as {
        Some(user) => format!("\n  <key>UserName</key>\n  <string>{}</string>", escaped("the user", user)?),
        None => String::new(),
    };
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by `sessionforge service install`, which writes it anew. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>{words}
  </array>{person}
  <key>RunAtLoad</key>
  <true/>
  <!-- However often it ends, it is started again, ten seconds after its last start at the earliest. -->
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <!-- Sessions are processes of their own. They go on when the agent is stopped, restarted or updated. -->
  <key>AbandonProcessGroup</key>
  <true/>
  <!-- Sessions inherit this: a background process would have its processor and disk held back. -->
  <key>ProcessType</key>
  <string>Interactive</string>
</dict>
</plist>
"#
    ))
}

/// Text as it may stand in XML.
fn escaped(what: &'static str, text: &str) -> Result<String, ServiceError> {
    // XML 1.0 has no way to write these.
    if text.contains(|c: char| (c.is_ascii_control() && !"\t\n\r".contains(c)) || c == '\u{fffe}' || c == '\u{ffff}') {
        let why = "a property list cannot hold its control characters";
        return Err(ServiceError::Unwritable { manager: "launchd", what, text: text.to_owned(), why });
    }
    // A bare carriage return would be read back as a line feed.
    Ok(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;"))
}

/// launchd as it is spoken with.
#[derive(Debug)]
pub struct Launchd<R> {
    run: R,
    file: PathBuf,
    /// `gui/501`, or `system`.
    domain: String,
}

impl<R: Run> Launchd<R> {
    /// The service of the user `uid`, with this home directory.
    pub fn own(run: R, home: &Path, uid: u32) -> Self {
        Self::at(run, &home.join("Library/LaunchAgents"), format!("gui/{uid}"))
    }

    /// The service of the machine.
    pub fn system(run: R) -> Self {
        Self::at(run, Path::new(SYSTEM_DAEMONS), "system".to_owned())
    }

    fn at(run: R, directory: &Path, domain: String) -> Self {
        Self { run, file: directory.join(format!("{LABEL}.plist")), domain }
    }

    /// Which of the services of this machine it is.
    fn target(&self) -> String {
        format!("{}/{LABEL}", self.domain)
    }

    /// What launchd says of the service; `None` while it does not know it.
    fn printed(&self) -> Result<Option<String>, ServiceError> {
        let answer = self.run.run("launchctl", &["print", &self.target()])?;
        Ok(answer.success.then_some(answer.out))
    }

    /// Takes it out of the domain, which ends its process.
    fn boot_out(&self) -> Result<(), ServiceError> {
        if self.printed()?.is_none() {
            return Ok(());
        }
        self.told(&["bootout", &self.target()])
    }

    fn told(&self, arguments: &[&str]) -> Result<(), ServiceError> {
        let answer = self.run.run("launchctl", arguments)?;
        if answer.success { Ok(()) } else { Err(self.refused(arguments, &answer)) }
    }

    fn refused(&self, arguments: &[&str], answer: &Answer) -> ServiceError {
        // 125 and 112: there is no such domain. It is made when that person signs in at the screen.
        if self.domain != "system"
            && ["125:", "112:", "Domain does not support"].iter().any(|it| answer.err.contains(it))
        {
            let said = "sign in at this Mac's screen once, or install the machine's own service with --system";
            return ServiceError::NoOwnManager(said.to_owned());
        }
        refused("launchctl", arguments, answer)
    }

    fn must_be_installed(&self) -> Result<(), ServiceError> {
        if self.is_installed() { Ok(()) } else { Err(ServiceError::NotInstalled) }
    }
}

impl<R: Run> Manager for Launchd<R> {
    fn file(&self) -> &Path {
        &self.file
    }

    fn install(&self, definition: &Definition) -> Result<Change, ServiceError> {
        let change = put(&self.file, &plist(definition)?)?;
        if change == Change::Changed {
            // It keeps what it has read until the service leaves.
            self.boot_out()?;
        }
        // Against an earlier `launchctl disable`, which outlives the file.
        self.told(&["enable", &self.target()])?;
        Ok(change)
    }

    fn uninstall(&self) -> Result<bool, ServiceError> {
        if !self.is_installed() {
            return Ok(false);
        }
        self.boot_out()?;
        remove(&self.file)
    }

    fn start(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        match self.printed()? {
            None => self.told(&["bootstrap", &self.domain, &self.file.to_string_lossy()]),
            Some(_) => self.told(&["kickstart", &self.target()]),
        }
    }

    fn stop(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        self.boot_out()
    }

    fn restart(&self) -> Result<(), ServiceError> {
        self.must_be_installed()?;
        match self.printed()? {
            None => self.start(),
            Some(_) => self.told(&["kickstart", "-k", &self.target()]),
        }
    }

    fn state(&self) -> Result<State, ServiceError> {
        self.must_be_installed()?;
        Ok(self.printed()?.map_or(State { enabled: true, ..State::default() }, |printed| state(&printed)))
    }

    fn words(&self) -> Option<Vec<String>> {
        words(&std::fs::read_to_string(&self.file).ok()?)
    }

    fn log_command(&self) -> Option<String> {
        None // Standard error of an agent goes nowhere: all it says is in its own log.
    }
}

/// The program and its arguments in a property list of ours.
fn words(plist: &str) -> Option<Vec<String>> {
    let (_, after) = plist.split_once("<key>ProgramArguments</key>")?;
    let (array, _) = after.split_once("</array>")?;
    let word = |text: &str| {
        let text = text.split_once("</string>")?.0;
        Some(text.replace("&#13;", "\r").replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    };
    array.split("<string>").skip(1).map(word).collect()
}

/// What `launchctl print` means. Its man page promises no form, so what is not found is not known.
fn state(printed: &str) -> State {
    // Only the service's own lines: what belongs to its parts is indented further.
    let value = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix('\t')?.strip_prefix(name)?.strip_prefix(" = "));
        line.map(str::trim)
    };
    let pid = value("pid").and_then(|pid| pid.parse().ok());
    // Before a first end it reads "(never exited)".
    let code = value("last exit code").and_then(|code| code.split(':').next()?.trim().parse::<i32>().ok());
    let ended = code.filter(|code| *code != 0).map(Ended::Code);
    let activity = match (pid, value("state")) {
        (Some(_), _) | (_, Some("running")) => Activity::Running,
        // It is in the domain and kept alive, so it will be started again.
        _ if code.is_some() => Activity::Restarting,
        _ => Activity::Stopped,
    };
    let runs: Option<u32> = value("runs").and_then(|runs| runs.parse().ok());
    State { enabled: true, activity, pid, uptime: None, restarts: runs.map(|runs| runs.saturating_sub(1)), ended }
}
