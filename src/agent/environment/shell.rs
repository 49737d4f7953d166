//! Asking the login shell for its environment: how each shell is told to, and who prints what it has.
//!
//! The hidden subcommand is run twice. First it leaves the agent's terminal, which an interactive shell would otherwise
//! take for its own, and becomes the shell. The shell reads the person's files and becomes the subcommand again, which
//! prints its environment between two marks: the person's files may print something too.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use tokio::io::AsyncReadExt as _;

use super::{EnvironmentError, RESOLVED_WITHIN, Variables};
use crate::base::id::fill_random;
use crate::host::launch::own_executable;

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "login-environment";

/// Set while the shell is asked, so that a person's files can leave out what takes long.
const ASKING_VARIABLE: &str = "SESSIONFORGE_RESOLVING_ENVIRONMENT";

/// All that a shell may print before it is done, in bytes.
const PRINTED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What only belongs to the shell that was asked, or to the asking.
const REMOVED: [&str; 6] = ["_", "SHLVL", "PWD", "OLDPWD", "TERM", ASKING_VARIABLE];

/// The person's login shell: `SHELL`, as login(1), systemd and launchd set it, else what the system's list of accounts says.
pub(super) fn of_person(shell: Option<&OsStr>) -> PathBuf {
    let named = shell.map(PathBuf::from).filter(|shell| shell.is_absolute());
    named.or_else(|| of_account(rustix::process::getuid().as_raw())).unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

/// The last field of the account's line (passwd(5)).
fn of_account(uid: u32) -> Option<PathBuf> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let account = fields.into_iter().find(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(uid))?;
    account.get(6).map(PathBuf::from).filter(|shell| shell.is_absolute())
}

/// How `shell` is told to read all its files and then to become `program` with `words`, which need no quoting.
fn arguments(shell: &Path, program: &str, words: &[&str]) -> Vec<OsString> {
    let words = words.join(" ");
    let quoted = program.replace('\'', r"'\''");
    let name = shell.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let arguments: &[&str] = match name {
        // These take `-l` only when it stands alone.
        "csh" | "tcsh" => &["-i", "-c", &format!("exec '{quoted}' {words}")],
        "nu" => &["-l", "-i", "-c", &format!("exec '{program}' {words}")],
        "pwsh" => &["-Login", "-Command", &format!("& '{}' {words}", program.replace('\'', "''"))],
        _ => &["-l", "-i", "-c", &format!("exec '{quoted}' {words}")],
    };
    arguments.iter().map(OsString::from).collect()
}

/// Runs the shell and reads what it has.
pub(super) async fn ask(shell: &Path) -> Result<Variables, EnvironmentError> {
    let unrunnable = |cause| EnvironmentError::Unrunnable { shell: shell.to_owned(), cause };
    let mark = mark();
    let mut command = tokio::process::Command::new(own_executable().map_err(unrunnable)?);
    command.args([SUBCOMMAND, "shell", &mark]).arg(shell).env_remove("SESSIONFORGE_API_KEY");
    command.env(ASKING_VARIABLE, "1").env("TERM", "dumb").current_dir(std::env::home_dir().unwrap_or("/".into()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(unrunnable)?;
    let group = child.id().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
    let outcome = match child.stdout.take() {
        Some(stdout) => tokio::time::timeout(RESOLVED_WITHIN, read(stdout, &mark, shell))
            .await
            .unwrap_or_else(|_| Err(EnvironmentError::Late { shell: shell.to_owned() })),
        None => Err(EnvironmentError::Ended { shell: shell.to_owned() }),
    };
    if let (Err(_), Some(group)) = (&outcome, group) {
        // The shell, and what it waits for: it leads a group of its own.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    // Reaps what has ended by now; dropping it kills what has not.
    let _ = child.try_wait();
    outcome
}

/// Reads as far as the second mark. What the person's files leave running in the background may hold the pipe for ever.
async fn read(
    mut stdout: impl tokio::io::AsyncRead + Unpin,
    mark: &str,
    shell: &Path,
) -> Result<Variables, EnvironmentError> {
    let mut printed = Vec::new();
    loop {
        if let Some(variables) = between(&printed, mark) {
            return Ok(variables);
        }
        if printed.len() > PRINTED_BYTES_MAX {
            return Err(EnvironmentError::TooMuch { shell: shell.to_owned() });
        }
        match stdout.read_buf(&mut printed).await {
            Ok(0) | Err(_) => return Err(EnvironmentError::Ended { shell: shell.to_owned() }),
            Ok(_) => {}
        }
    }
}

/// The variables between two marks, if both are there.
fn between(printed: &[u8], mark: &str) -> Option<Variables> {
    let start = memchr::memmem::find(printed, mark.as_bytes())? + mark.len();
    let rest = printed.get(start..)?;
    let variables = rest.get(..memchr::memmem::find(rest, mark.as_bytes())?)?;
    let pairs = variables.split(|byte| *byte == 0).filter_map(|variable| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (variable.get(..at)?, variable.get(at + 1..)?);
        Some((OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec())))
    });
    Some(pairs.filter(|(name, _)| !name.is_empty() && !REMOVED.iter().any(|removed| name == removed)).collect())
}

/// What no file of a person's prints by chance.
fn mark() -> String {
    let mut raw = [0; 8];
    fill_random(&mut raw);
    format!("environment-{:016x}", u64::from_ne_bytes(raw))
}

/// The subcommand, both times; `None` if its arguments are not ours.
pub fn main(arguments: &[OsString]) -> Option<ExitCode> {
    match arguments {
        [word, mark, shell] if word == "shell" => Some(become_shell(mark.to_str()?, Path::new(shell))),
        [word, mark] if word == "print" => Some(print(mark)),
        _ => None,
    }
}

fn become_shell(mark: &str, shell: &Path) -> ExitCode {
    // Who leads a group already cannot; nobody starts us so.
    let _ = rustix::process::setsid();
    let Ok(program) = own_executable() else { return ExitCode::FAILURE };
    // The shell is another program: to it `self` would be the shell. Ours lives on as long as it is read.
    let program = match program.strip_prefix("/proc/self") {
        Ok(rest) => format!("/proc/{}/{}", std::os::unix::process::parent_id(), rest.display()),
        Err(_) => program.display().to_string(),
    };
    let arguments = arguments(shell, &program, &[SUBCOMMAND, "print", mark]);
    // Comes back only if it failed.
    let _ = std::process::Command::new(shell).args(arguments).exec();
    ExitCode::FAILURE
}

fn print(mark: &OsStr) -> ExitCode {
    let mut text = mark.as_bytes().to_vec();
    for (name, value) in std::env::vars_os() {
        text.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
    }
    text.extend(mark.as_bytes());
    let mut stdout = std::io::stdout();
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_the_persons_files_print_is_no_variable() {
        let printed = b"Welcome!\nA=no\nMARKPATH=/a:/b\0TEXT=two\nlines = fine\0_=/bin/x\0SHLVL=1\0=x\0MARKbye";
        let variables = between(printed, "MARK").unwrap();
        let pairs: Vec<_> =
            variables.iter().map(|(name, value)| (name.to_str().unwrap(), value.to_str().unwrap())).collect();
        assert_eq!(pairs, [("PATH", "/a:/b"), ("TEXT", "two\nlines = fine")]);
        assert_eq!(between(b"MARKPATH=/a", "MARK"), None, "not all of it is there yet");
    }

    #[test]
    fn each_shell_is_told_in_its_own_way() {
        let told = |shell: &str, program: &str| {
            let words = arguments(Path::new(shell), program, &["x", "y"]);
            words.iter().map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("/bin/bash", "/proc/1/exe"), "-l -i -c exec '/proc/1/exe' x y");
        assert_eq!(told("/usr/bin/fish", "/a b/it's"), r"-l -i -c exec '/a b/it'\''s' x y");
        assert_eq!(told("/bin/tcsh", "/p"), "-i -c exec '/p' x y");
        assert_eq!(told("/usr/bin/pwsh", "/p"), "-Login -Command & '/p' x y");
    }

    #[test]
    fn a_shell_that_is_none_is_looked_up() {
        assert_eq!(of_person(Some(OsStr::new("/bin/zsh"))), Path::new("/bin/zsh"));
        assert!(of_person(Some(OsStr::new("bash"))).is_absolute());
        assert!(of_person(None).is_absolute());
    }
}
