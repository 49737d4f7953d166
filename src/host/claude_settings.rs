//! The settings that Claude Code is given with each start: hooks that tell its PTY host what it is at.
//!
//! They come by `--settings` and are merged by Claude Code with the person's own; no file of theirs is touched. If they
//! pass `--settings` themselves, which it takes once only, theirs is read, ours is added behind it, and the two are given
//! as one. Settings that cannot be read stay as they are, without ours: what Claude Code says to them is theirs to see.

use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::hook;
use crate::base::private;
use crate::pty::Program;
use crate::wire::conversation;
use crate::wire::session::Launch;

/// A settings file, in bytes: the most that Claude Code reads.
const SETTINGS_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Seconds that Claude Code gives a hook which only tells. It is back in milliseconds.
const TELLS_WITHIN: u32 = 5;

/// Seconds that a request for leave waits for an answer from elsewhere: a day. Its dialog can be answered all the time.
const ANSWERED_WITHIN: u32 = 24 * 60 * 60;

/// Events that say what Claude Code is at.
const TELLING: [&str; 6] =
    ["SessionStart", "UserPromptSubmit", "PostToolUse", "PostToolUseFailure", "Stop", "StopFailure"];

/// Gives `program` our settings, in the file `path`, if it is Claude Code. Without them it runs as well, and its state is
/// guessed from its output.
pub fn put_in(launch: &Launch, program: &mut Program, socket: &Path, path: &Path) {
    // Which shell runs a hook on Windows is not settled; a state guessed from output beats an error at every turn.
    let unknown_shell = cfg!(windows);
    if unknown_shell || !conversation::is_claude(&launch.command) || conversation::is_subcommand(&launch.args) {
        return;
    }
    let Some(command) = hook_command(socket) else { return };
    let given = given(&launch.args);
    let theirs = match &given {
        None => json!({}),
        Some(given) => match read(&given.value, &program.workdir) {
            Some(theirs) => theirs,
            None => return,
        },
    };
    let printing = launch.args.iter().any(|arg| arg == "-p" || arg == "--print");
    let merged = merged(theirs, &command, !printing);
    if private::replace_file(path, merged.to_string().as_bytes()).is_err() {
        return;
    }
    match given {
        Some(Given { at, joined: true, .. }) => {
            let mut whole = OsString::from("--settings=");
            whole.push(path);
            program.args[at] = whole;
        }
        Some(Given { at, joined: false, .. }) => program.args[at + 1] = path.into(),
        // In front: behind an option that takes several values it would be one of them.
        None => drop(program.args.splice(0..0, ["--settings".into(), path.into()])),
    }
}

/// What `--settings` the person gave.
struct Given {
    /// Which argument it is.
    at: usize,
    /// Whether its value is in the same argument.
    joined: bool,
    value: String,
}

/// The last one: that is the one Claude Code takes.
fn given(args: &[String]) -> Option<Given> {
    let options = args.iter().enumerate().take_while(|(_, arg)| *arg != "--");
    let found = options.filter_map(|(at, arg)| match arg.strip_prefix("--settings") {
        Some("") => Some(Given { at, joined: false, value: args.get(at + 1)?.clone() }),
        Some(rest) => Some(Given { at, joined: true, value: rest.strip_prefix('=')?.to_owned() }),
        None => None,
    });
    found.last()
}

/// A file, or the settings themselves.
fn read(value: &str, workdir: &Path) -> Option<Value> {
    let text = if value.trim_start().starts_with('{') {
        value.to_owned()
    } else {
        let path = workdir.join(value);
        // A pipe could be read once, and by Claude Code.
        fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let mut text = String::new();
        fs::File::open(path).ok()?.take(SETTINGS_BYTES_MAX).read_to_string(&mut text).ok()?;
        text
    };
    serde_json::from_str(&text).ok().filter(Value::is_object)
}

/// `theirs`, and our hooks behind theirs.
fn merged(mut theirs: Value, command: &str, waits: bool) -> Value {
    let entry = |matcher: &str, waits: bool| {
        let (command, timeout) = if waits {
            (format!("{command} {}", hook::WAITS), ANSWERED_WITHIN)
        } else {
            (command.to_owned(), TELLS_WITHIN)
        };
        json!({
            "matcher": matcher,
            // Whatever becomes of it, Claude Code is told that all is well.
            "hooks": [{"type": "command", "command": format!("{command} 2>/dev/null || :"), "timeout": timeout}],
        })
    };
    let telling = TELLING.iter().map(|event| (*event, entry("", false)));
    let asking =
        [("PreToolUse", entry("AskUserQuestion|ExitPlanMode", false)), ("PermissionRequest", entry("", waits))];
    let hooks = &mut theirs["hooks"];
    if !hooks.is_null() && !hooks.is_object() {
        // What that is, Claude Code will say.
        return theirs;
    }
    for (event, ours) in telling.chain(asking) {
        match &mut hooks[event] {
            Value::Array(theirs) => theirs.push(ours),
            none @ Value::Null => *none = json!([ours]),
            _ => {}
        }
    }
    theirs
}

/// The shell command of our hooks.
fn hook_command(socket: &Path) -> Option<String> {
    let program = std::env::current_exe().ok()?;
    // After an update there is another program in its place, which will do.
    let program = program.to_str()?.trim_end_matches(" (deleted)");
    Some(format!("{} {} {}", quoted(program), hook::SUBCOMMAND, quoted(socket.to_str()?)))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What keeps Claude Code from running hooks of ours. Then a session's state is what its output shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The settings file.
    pub file: PathBuf,
    /// The setting in it.
    pub key: &'static str,
    /// Whether the file is of whoever manages the machine, and not the person's own.
    pub managed: bool,
}

/// Why Claude Code of this person runs no hooks of ours, if that is so.
pub fn forbidden(home: &Path) -> Option<Forbidden> {
    let managed = if cfg!(target_os = "macos") {
        PathBuf::from("/Library/Application Support/ClaudeCode/managed-settings.json")
    } else if cfg!(windows) {
        PathBuf::from(r"C:\Program Files\ClaudeCode\managed-settings.json")
    } else {
        PathBuf::from("/etc/claude-code/managed-settings.json")
    };
    let own = std::env::var_os("CLAUDE_CONFIG_DIR").map_or_else(|| home.join(".claude"), PathBuf::from);
    forbidden_by(&[(managed, true), (own.join("settings.json"), false)])
}

fn forbidden_by(files: &[(PathBuf, bool)]) -> Option<Forbidden> {
    files.iter().find_map(|(file, managed)| {
        let settings = read(file.to_str()?, Path::new("/"))?;
        let keys = if *managed { &["disableAllHooks", "allowManagedHooksOnly"][..] } else { &["disableAllHooks"] };
        let key = keys.iter().copied().find(|key| settings[key] == true)?;
        Some(Forbidden { file: file.clone(), key, managed: *managed })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn put(args: &[&str], workdir: &Path) -> (Vec<String>, Option<Value>) {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let launch =
            Launch { command: "claude".to_owned(), args: args.clone(), workdir: None, name: None, cols: 80, rows: 24 };
        let mut program = Program {
            path: "/bin/claude".into(),
            args: args.iter().map(OsString::from).collect(),
            workdir: workdir.to_owned(),
            environment: Vec::new(),
            without_terminal: false,
        };
        let path = workdir.join("ours");
        put_in(&launch, &mut program, Path::new("/run/it's.sock"), &path);
        let args = program.args.into_iter().map(|arg| arg.into_string().unwrap()).collect();
        (args, read("ours", workdir))
    }

    // On Windows none are given yet.
    #[cfg(unix)]
    #[test]
    fn ours_stand_behind_the_persons_own_and_their_files_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("ours").display().to_string();
        let (args, settings) = put(&["fix the bug"], dir.path());
        assert_eq!(args, ["--settings", &ours, "fix the bug"]);
        let settings = settings.unwrap();
        let command = settings["hooks"]["PermissionRequest"][0]["hooks"][0]["command"].as_str().unwrap();
        assert!(command.contains(r"hook '/run/it'\''s.sock' wait 2>/dev/null || :"), "{command}");

        let theirs = r#"{"model": "opus", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}"#;
        fs::write(dir.path().join("mine.json"), theirs).unwrap();
        for given in [&["--settings", "mine.json"][..], &["--settings=mine.json"], &["--settings", theirs]] {
            let (args, settings) = put(given, dir.path());
            assert!(args.last().unwrap().ends_with(&ours), "{args:?}");
            let settings = settings.unwrap();
            assert_eq!(settings["model"], "opus");
            assert_eq!(settings["hooks"]["Stop"][0]["hooks"][0]["command"], "mine");
            assert_eq!(settings["hooks"]["Stop"].as_array().unwrap().len(), 2);
        }
        assert_eq!(fs::read_to_string(dir.path().join("mine.json")).unwrap(), theirs);
    }

    #[test]
    fn what_cannot_be_understood_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for args in [&["--settings", "none.json"][..], &["--settings", "{"], &["mcp", "list"]] {
            let (after, settings) = put(args, dir.path());
            assert_eq!((after, settings), (args.iter().map(|&arg| arg.to_owned()).collect(), None));
        }
    }

    #[cfg(unix)]
    #[test]
    fn print_mode_waits_for_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (_, settings) = put(&["-p", "hello"], dir.path());
        assert!(!settings.unwrap()["hooks"]["PermissionRequest"].to_string().contains(" wait "));
    }

    #[test]
    fn settings_that_forbid_hooks_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("managed-settings.json");
        assert_eq!(forbidden_by(&[(file.clone(), true)]), None);
        fs::write(&file, r#"{"allowManagedHooksOnly": true}"#).unwrap();
        let key = "allowManagedHooksOnly";
        assert_eq!(forbidden_by(&[(file.clone(), true)]), Some(Forbidden { file: file.clone(), key, managed: true }));
        assert_eq!(forbidden_by(&[(file, false)]), None, "that one holds in managed settings alone");
    }
}
