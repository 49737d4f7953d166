//! `sessionforge session attach`: this terminal on a session, and what is said when it leaves.

use std::path::Path;
use std::process::ExitCode;

use super::find;
use crate::agent;
use crate::agent::config::ConfigFile;
use crate::base::id::SessionId;
use crate::cli::args;
use crate::cli::attach::{self, DetachKey, Left, Options};
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Output, printable};
use crate::wire::message::Take;
use crate::wire::session;

/// The session that this very program runs in, if it does (see [`crate::host::environment`]).
pub(in crate::cli) const OWN_SESSION: &str = "SESSIONFORGE_SESSION";

/// What a shell reports of a program that a signal ended, beside the signal's number.
const SIGNAL_BASE: u8 = 128;

pub(super) async fn run(
    data_dir: &Path,
    args: args::SessionAttach,
    place: &str,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    check_terminal()?;
    let dir = &agent::runtime_dir(data_dir);
    let facts = find::session(dir, &args.session)?;
    let take = match (args.read_only, args.take) {
        (true, _) => Take::Never,
        (_, true) => Take::Always,
        _ => Take::IfFree,
    };
    let id = facts.info.id;
    let name = facts.info.name.as_deref().map(|name| format!(" ({})", printable(name))).unwrap_or_default();
    let options = Options { take, detach: detach_key(data_dir, args.detach_key)? };
    let attach = Attach { id, options, shown: format!("{id}{name}"), place: place.to_owned(), tells_end: true };
    attached(data_dir, attach, output).await
}

/// What to attach, and what to say about it.
pub(in crate::cli) struct Attach {
    pub(in crate::cli) id: SessionId,
    pub(in crate::cli) options: Options,
    /// What to call the session.
    pub(in crate::cli) shown: String,
    /// What a further command must be told to find it.
    pub(in crate::cli) place: String,
    /// Whether the program's own end is worth a line.
    pub(in crate::cli) tells_end: bool,
}

/// The key that detaches: as said now, else as configured.
pub(in crate::cli) fn detach_key(data_dir: &Path, said: Option<DetachKey>) -> Result<DetachKey, Failure> {
    let Some(configured) = ConfigFile::read(data_dir).map_err(Failure::of_config)?.detach_key else {
        return Ok(said.unwrap_or_default());
    };
    said.map_or_else(|| configured.parse(), Ok)
        .map_err(|error| Failure::new(Exit::Failed, error).hint("it is in agent.json"))
}

/// Without a terminal there is nothing to attach.
pub(in crate::cli) fn check_terminal() -> Result<(), Failure> {
    if attach::is_there() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "standard input and output are not a terminal")
        .hint("`sessionforge session screen` prints what a session shows, `session send` types into it"))
}

/// Attaches, then says how it ended. The exit code is that of the program if it has ended, 0 if it lives on.
pub(in crate::cli) async fn attached(
    data_dir: &Path,
    attach: Attach,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let Attach { id, options, shown, place, tells_end } = attach;
    if std::env::var(OWN_SESSION).is_ok_and(|own| own == id.to_string()) {
        return Err(Failure::new(Exit::Usage, format_args!("this terminal is {shown} itself"))
            .hint("attached to itself it would show its own picture for ever; attach from another terminal"));
    }
    let undelivered = |bytes: usize| match bytes {
        0 => String::new(),
        bytes => format!("; {bytes} bytes that were typed last did not reach it"),
    };
    let comes_back = format!("`sessionforge session attach {id}{place}` comes back");
    match attach::attach(&agent::runtime_dir(data_dir), id, options).await? {
        Left::Detached => {
            output.line(format_args!("detached from {shown}; {comes_back}"));
            Ok(ExitCode::SUCCESS)
        }
        Left::Ended(exit) => {
            let (code, how) = ending(exit.as_ref());
            if tells_end || exit.is_some_and(|exit| exit.signal.is_some()) {
                output.note(format_args!("{shown} has ended{how}"));
            }
            Ok(code.into())
        }
        Left::Lost { undelivered: bytes } => {
            Err(Failure::new(Exit::Lost, format_args!("{shown} is lost: its PTY host has died{}", undelivered(bytes)))
                .hint("what it printed last stands above"))
        }
        Left::Unreachable { cause, undelivered: bytes } => {
            Err(Failure::new(Exit::Lost, format_args!("{shown} cannot be reached: {cause}{}", undelivered(bytes)))
                .hint(comes_back))
        }
        // Whoever sent it knows; the session does not notice.
        Left::Signal(number) => Ok((SIGNAL_BASE + u8::try_from(number).unwrap_or(0)).into()),
        Left::TerminalGone => Ok(Exit::Failed.into()),
    }
}

/// The exit code that a shell would report, and the words for it where there is something to tell.
fn ending(exit: Option<&session::Exit>) -> (u8, String) {
    match exit {
        Some(session::Exit { code: Some(0), .. }) => (0, String::new()),
        Some(session::Exit { code: Some(code), .. }) => (exit_code(*code), format!(" with exit code {code}")),
        Some(session::Exit { signal: Some(signal), .. }) => {
            (SIGNAL_BASE + signal_number(signal), format!(", killed by {signal}"))
        }
        _ => (0, String::new()),
    }
}

/// A program's exit code as ours. Those of Windows have 32 bits, and none of them but 0 may look like success.
pub(in crate::cli) fn exit_code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(1)
}

/// Numbers of the signals that end programs, the same on every system we know (POSIX names, signal(7)).
fn signal_number(name: &str) -> u8 {
    match name {
        "SIGHUP" => 1,
        "SIGINT" => 2,
        "SIGQUIT" => 3,
        "SIGILL" => 4,
        "SIGTRAP" => 5,
        "SIGABRT" => 6,
        "SIGFPE" => 8,
        "SIGKILL" => 9,
        "SIGSEGV" => 11,
        "SIGPIPE" => 13,
        "SIGALRM" => 14,
        "SIGTERM" => 15,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_what_a_shell_would_report() {
        let exit = |code, signal: Option<&str>| session::Exit { code, signal: signal.map(str::to_owned) };
        assert_eq!(ending(Some(&exit(Some(0), None))), (0, String::new()));
        assert_eq!(ending(Some(&exit(Some(7), None))), (7, " with exit code 7".to_owned()));
        assert_eq!(ending(Some(&exit(Some(256), None))).0, 1, "nothing that failed looks well");
        assert_eq!(ending(Some(&exit(None, Some("SIGKILL")))), (137, ", killed by SIGKILL".to_owned()));
    }
}
