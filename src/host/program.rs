//! From a launch to a program: finds the executable and the directory before anything is started, so that the person
//! is told which of them is missing.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::environment;
use super::tier::Tier;
use crate::base::problem::{Code, Problem};
use crate::pty::Program;
use crate::wire::session::Launch;

/// Why a launch cannot become a program.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Not on the PATH of the agent's environment.
    #[error("command not found: {0} is not on this machine's PATH; install it or give its full path")]
    CommandNotFound(String),
    /// There is such a file, but it cannot be run.
    #[error("{0} is not an executable file")]
    NotExecutable(String),
    /// There is no such directory.
    #[error("the working directory {0} does not exist on this machine")]
    WorkdirNotFound(String),
    /// There is, but it is something else, or closed to us.
    #[error("the working directory {0} cannot be entered: {1}")]
    WorkdirClosed(String, String),
    /// An argument that `cmd` would read as more than one.
    #[error("{0} is a batch file, which cannot be given the argument {1:?}: leave out quotes and \" % & | < > ^ ! ( )")]
    BatchArgument(String, String),
    /// Relative to what nobody could say.
    #[error("the working directory {0} is not an absolute path")]
    WorkdirRelative(String),
}

impl From<LaunchError> for Problem {
    fn from(error: LaunchError) -> Self {
        let code = match &error {
            LaunchError::CommandNotFound(_) | LaunchError::NotExecutable(_) => Code::CommandNotFound,
            LaunchError::WorkdirNotFound(_) | LaunchError::WorkdirClosed(..) => Code::WorkdirNotFound,
            LaunchError::WorkdirRelative(_) | LaunchError::BatchArgument(..) => Code::BadRequest,
        };
        Problem::new(code, error)
    }
}

/// Settles every part of `launch`.
pub fn resolve(launch: &Launch, tier: &Tier, environment: Vec<(OsString, OsString)>) -> Result<Program, LaunchError> {
    let workdir = workdir(launch.workdir.as_deref(), &environment)?;
    let asked = (launch.command.clone(), launch.args.clone());
    let (command, args) = tier.words(&launch.command, &launch.args, &workdir.to_string_lossy()).unwrap_or(asked);
    let path = executable(&command, &workdir, environment::get(&environment, "PATH"))?;
    if cfg!(windows) {
        check_batch(&path, &args)?;
    }
    let mut environment = environment;
    // What a shell's `cd` would have left; programs show it as the way the person wrote the path.
    environment.retain(|(name, _)| name != "PWD" && name != "OLDPWD");
    environment.push(("PWD".into(), workdir.clone().into_os_string()));
    if let Some(names) = tier.handed_over() {
        environment.push(("WSLENV".into(), names.into()));
    }
    let args = args.into_iter().map(OsString::from).collect();
    Ok(Program { path, args, workdir, environment, without_terminal: *tier == Tier::Pipes })
}

/// A batch file reads its arguments as `cmd` reads a line: with these in them, they could be further commands, and no quoting
/// is proof against all of them.
fn check_batch(path: &Path, args: &[String]) -> Result<(), LaunchError> {
    let is_batch = path.extension().is_some_and(|it| ["cmd", "bat"].iter().any(|batch| it.eq_ignore_ascii_case(batch)));
    let is_read = |c: char| "\"%&|<>^!()\r\n".contains(c);
    match args.iter().find(|arg| arg.contains(is_read)) {
        Some(arg) if is_batch => Err(LaunchError::BatchArgument(path.display().to_string(), arg.clone())),
        _ => Ok(()),
    }
}

fn workdir(asked: Option<&str>, environment: &[(OsString, OsString)]) -> Result<PathBuf, LaunchError> {
    let home = || environment::get(environment, if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
    let path = match asked {
        None | Some("" | "~") => home().unwrap_or_else(|| PathBuf::from("/")),
        Some(path) => match (path.strip_prefix("~/"), home()) {
            (Some(below), Some(home)) => home.join(below),
            _ => PathBuf::from(path),
        },
    };
    let shown = || path.display().to_string();
    if !path.is_absolute() {
        return Err(LaunchError::WorkdirRelative(shown()));
    }
    match std::fs::metadata(&path) {
        Ok(found) if !found.is_dir() => Err(LaunchError::WorkdirClosed(shown(), "it is not a directory".to_owned())),
        Ok(_) => enterable(&path).map_err(|error| LaunchError::WorkdirClosed(shown(), error)).map(|()| path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(LaunchError::WorkdirNotFound(shown())),
        Err(error) => Err(LaunchError::WorkdirClosed(shown(), error.to_string())),
    }
}

#[cfg(unix)]
fn enterable(path: &Path) -> Result<(), String> {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "on Unix it fails")]
fn enterable(_path: &Path) -> Result<(), String> {
    Ok(())
}

/// Finds `command` as a shell would: a path as it stands, a name on `search`.
fn executable(command: &str, workdir: &Path, search: Option<&OsStr>) -> Result<PathBuf, LaunchError> {
    let is_path = command.contains('/') || (cfg!(windows) && command.contains('\\'));
    if is_path {
        let path = workdir.join(command);
        return match std::fs::metadata(&path) {
            Ok(_) if runnable(&path) => Ok(path),
            Ok(_) => Err(LaunchError::NotExecutable(command.to_owned())),
            Err(_) => Err(LaunchError::CommandNotFound(command.to_owned())),
        };
    }
    let suffixes: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat"] } else { &[""] };
    std::env::split_paths(search.unwrap_or_default())
        .flat_map(|folder| suffixes.iter().map(move |suffix| folder.join(format!("{command}{suffix}"))))
        .map(|path| workdir.join(path))
        .find(|path| runnable(path))
        .ok_or_else(|| LaunchError::CommandNotFound(command.to_owned()))
}

/// The file that `command` means to a person at a terminal of this process; Windows itself finds no batch file without its
/// ending.
#[cfg(windows)]
pub fn on_path(command: &str) -> Option<PathBuf> {
    executable(command, Path::new(""), std::env::var_os("PATH").as_deref()).ok()
}

#[cfg(unix)]
fn runnable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn runnable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn resolve_in(command: &str, workdir: Option<&str>) -> Result<Program, LaunchError> {
        let launch = Launch {
            command: command.to_owned(),
            args: vec![],
            workdir: workdir.map(str::to_owned),
            name: None,
            cols: 80,
            rows: 24,
        };
        resolve(&launch, &Tier::Pty, vec![("PATH".into(), "/nowhere:/bin".into()), ("HOME".into(), "/".into())])
    }

    #[test]
    fn a_name_is_found_on_the_path_and_a_path_as_it_stands() {
        assert_eq!(resolve_in("sh", None).unwrap().path, Path::new("/bin/sh"));
        assert_eq!(resolve_in("bin/sh", Some("/")).unwrap().path, Path::new("/bin/sh"));
        assert_eq!(resolve_in("sh", Some("~")).unwrap().workdir, Path::new("/"));
    }

    #[test]
    fn each_thing_that_is_missing_is_named() {
        let error = |command, workdir| Problem::from(resolve_in(command, workdir).unwrap_err());
        let missing = error("no-such-program", None);
        assert_eq!(missing.code, Code::CommandNotFound);
        assert!(missing.message.contains("no-such-program"), "{missing}");
        assert_eq!(error("/etc/passwd", None).code, Code::CommandNotFound);
        assert_eq!(error("/bin", None).code, Code::CommandNotFound);
        assert_eq!(error("sh", Some("/no/such/folder")).code, Code::WorkdirNotFound);
        let file = error("sh", Some("/etc/passwd"));
        assert_eq!(file.code, Code::WorkdirNotFound);
        assert!(file.message.contains("not a directory"), "{file}");
        assert_eq!(error("sh", Some("relative")).code, Code::BadRequest);
    }
}
