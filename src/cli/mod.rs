//! The command line: one definition of all commands in [`args`], one file per command.
//!
//! Exit codes are in [`failure::Exit`]. Only here errors lose their types: a person reads them next.

mod agent;
mod args;
mod attach;
mod auth;
mod browser;
mod config;
mod doctor;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod init;
mod local_agent;
mod logging;
mod logs;
mod output;
mod paths;
mod pause;
mod progress;
mod reference;
mod run;
mod server;
mod service;
mod session;
mod signals;
mod skill;
mod status;
mod table;
mod up;
mod update;

use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Args, Command};
use self::failure::Failure;
use self::output::Output;

/// The whole program: parses the arguments, runs the command, says what went wrong.
pub fn main() -> ExitCode {
    // Not a command for people, so it is in no help text; and it forks, so nothing may come before it.
    if std::env::args_os().nth(1).is_some_and(|command| command == crate::host::launch::SUBCOMMAND) {
        return crate::host::run();
    }
    // Nor is this, and Claude Code waits for it.
    if std::env::args_os().nth(1).is_some_and(|command| command == crate::host::hook::SUBCOMMAND) {
        return crate::host::hook::run();
    }
    // And this is for the service manager of Windows.
    #[cfg(windows)]
    if std::env::args_os().nth(1).is_some_and(|command| command == crate::service::windows::SUBCOMMAND) {
        return crate::service::windows::guard::main();
    }
    #[cfg(unix)]
    if let Some(code) = login_environment() {
        return code;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return Output::of_process().parser(&error),
    };
    let mut output = Output::of_process();
    match run(args, &mut output) {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Whether there is such a command, for words behind the program's name: so that the documentation can be held against the
/// definition itself. The error is what a person would be told.
#[doc(hidden)]
pub fn check_arguments(words: &[String]) -> Result<(), String> {
    let all = std::iter::once("sessionforge").chain(words.iter().map(String::as_str));
    match Args::try_parse_from(all) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// See [`crate::agent::environment`]: the agent runs it in a person's login shell.
#[cfg(unix)]
fn login_environment() -> Option<ExitCode> {
    use crate::agent::environment::{SUBCOMMAND, main};
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let (command, arguments) = arguments.split_first()?;
    if command == SUBCOMMAND { main(arguments) } else { None }
}

fn run(args: Args, output: &mut Output) -> Result<ExitCode, Failure> {
    let done = match args.command {
        Command::Auth(auth) => return auth::run(auth, output),
        Command::Doctor(doctor) => return doctor::run(doctor, output),
        Command::Config(config) => config::run(config, output),
        Command::Logs(logs) => logs::run(logs, output),
        Command::Completions(completions) => reference::complete(&completions),
        Command::Man(man) => reference::man(man),
        Command::Session(session) => return session::run(session, output),
        Command::Run(run) => return run::run(run, output),
        Command::Pause(pause) => return pause::pause(pause, output),
        Command::Resume(resume) => return pause::resume(resume, output),
        Command::Init(init) => init::run(&init, output),
        Command::Skill(skill) => skill::run(skill, false, output),
        Command::Service(service) => return service::run(service, output),
        Command::Update(update) => return update::run(&update, output),
        Command::Status(status) => return status::run(status, output),
        Command::Up(up) => up::run(up, output),
        Command::Server(server) => server::run(*server, output),
        Command::Agent(agent) => agent::run(agent, output),
        Command::Version => {
            output.line(format_args!("sessionforge {}", crate::wire::build::version()));
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}
