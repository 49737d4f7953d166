//! Which conversation a command line of Claude Code is about, as far as its arguments tell. Pure.
//!
//! Checked against Claude Code 2.1. An option of a later one that is not in these lists costs no session: its conversation
//! may not be known, or it is not carried over when the conversation is resumed.

use crate::base::id::ConversationId;

/// The program.
const PROGRAM: &str = "claude";

/// Options that choose a conversation which the arguments do not name, or none at all.
const ELSEWHERE: &[&str] = &[
    "--continue",
    "-c",
    "--from-pr",
    "--fork-session",
    "--print",
    "-p",
    "--background",
    "--bg",
    "--tmux",
    "--teleport",
];

/// Options with a value that hold for a conversation that goes on as well.
const WITH_VALUE: &[&str] = &[
    "--agent",
    "--agents",
    "--append-system-prompt",
    "--append-system-prompt-file",
    "--debug-file",
    "--effort",
    "--model",
    "--name",
    "-n",
    "--permission-mode",
    "--plugin-dir",
    "--plugin-url",
    "--setting-sources",
    "--settings",
    "--system-prompt",
    "--system-prompt-file",
];

/// The same with any number of values.
const WITH_VALUES: &[&str] = &[
    "--add-dir",
    "--allowedTools",
    "--allowed-tools",
    "--betas",
    "--disallowedTools",
    "--disallowed-tools",
    "--mcp-config",
    "--tools",
];

/// The same without one.
const PLAIN: &[&str] = &[
    "--allow-dangerously-skip-permissions",
    "--ax-screen-reader",
    "--bare",
    "--brief",
    "--chrome",
    "--dangerously-skip-permissions",
    "--disable-slash-commands",
    "--ide",
    "--no-chrome",
    "--safe-mode",
    "--strict-mcp-config",
    "--verbose",
];

/// What the arguments say of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: it is a new one, and whoever starts it may say which.
    New,
    /// This one.
    Known(ConversationId),
    /// Another, which they do not name; or there is none.
    Unknown,
}

/// Whether `command` runs Claude Code, by its file name.
pub fn is_claude(command: &str) -> bool {
    let name = command.rsplit(['/', '\\']).next().unwrap_or(command);
    let bare = [".exe", ".cmd"].into_iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    bare == PROGRAM
}

/// Whether the arguments may call a subcommand: that is one word. So may a prompt be, and then its conversation is found
/// another way.
pub fn is_subcommand(args: &[String]) -> bool {
    args.first().is_some_and(|first| {
        first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !first.starts_with('-')
    })
}

/// What Claude Code's arguments say of the conversation.
pub fn chosen(args: &[String]) -> Choice {
    if is_subcommand(args) {
        return Choice::Unknown;
    }
    let mut choice = Choice::New;
    for (at, arg) in args.iter().enumerate().take_while(|(_, arg)| *arg != "--") {
        let (name, value) = split(arg);
        let value = value.or_else(|| args.get(at + 1).map(String::as_str)).and_then(|value| value.parse().ok());
        match name {
            // It says which, whatever else is said.
            "--session-id" => return value.map_or(Choice::Unknown, Choice::Known),
            "--resume" | "-r" if choice == Choice::New => choice = value.map_or(Choice::Unknown, Choice::Known),
            _ if ELSEWHERE.contains(&name) || is_cluster_with(name, "cpr") => choice = Choice::Unknown,
            _ => {}
        }
    }
    choice
}

/// The arguments with which the conversation of `args` goes on: its options, without its prompt.
pub fn resuming(args: &[String], conversation: ConversationId) -> Vec<String> {
    let mut kept = vec!["--resume".to_owned(), conversation.to_string()];
    let mut rest = args.iter().take_while(|arg| *arg != "--").peekable();
    while let Some(arg) = rest.next() {
        let (name, value) = split(arg);
        let (one, several) = (WITH_VALUE.contains(&name), WITH_VALUES.contains(&name));
        if !one && !several && !PLAIN.contains(&name) {
            continue;
        }
        kept.push(arg.clone());
        if one && value.is_none() {
            kept.extend(rest.next().cloned());
        }
        while several && let Some(value) = rest.next_if(|value| !value.starts_with('-')) {
            kept.push(value.clone());
        }
    }
    kept
}

/// `--name=value` apart.
fn split(arg: &str) -> (&str, Option<&str>) {
    match arg.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value)),
        _ => (arg, None),
    }
}

/// Whether `arg` is several one-letter options in one, or one with its value, with any of `letters` among them.
fn is_cluster_with(arg: &str, letters: &str) -> bool {
    arg.strip_prefix('-').is_some_and(|rest| {
        rest.len() > 1 && !rest.starts_with('-') && rest.chars().any(|letter| letters.contains(letter))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(|arg| arg.replace('_', " ")).collect()
    }

    #[test]
    fn claude_is_known_by_its_file_name() {
        for (command, is) in [
            ("claude", true),
            ("/opt/bin/claude", true),
            (r"C:\bin\claude.exe", true),
            ("claude-2", false),
            ("bash", false),
            ("claude/bash", false),
            ("", false),
        ] {
            assert_eq!(is_claude(command), is, "{command}");
        }
    }

    #[test]
    fn a_conversation_is_new_named_or_chosen_elsewhere() {
        let known = Choice::Known(ID.parse().unwrap());
        for (line, choice) in [
            ("", Choice::New),
            ("fix_the_bug", Choice::New),
            ("--model opus fix_the_bug", Choice::New),
            ("-- --continue", Choice::New),
            (&format!("--resume {ID}"), known),
            (&format!("-r {ID} --verbose"), known),
            (&format!("--resume={ID}"), known),
            (&format!("--session-id {ID}"), known),
            (&format!("--resume 00000000-0000-4000-8000-000000000000 --fork-session --session-id={ID}"), known),
            (&format!("--resume {ID} --fork-session"), Choice::Unknown),
            ("--resume", Choice::Unknown),
            ("--resume my-work", Choice::Unknown),
            ("--continue", Choice::Unknown),
            ("-c", Choice::Unknown),
            ("-pc", Choice::Unknown),
            ("--print hello", Choice::Unknown),
            ("--from-pr=12", Choice::Unknown),
            ("mcp list", Choice::Unknown),
            ("setup-token", Choice::Unknown),
            ("--session-id nonsense", Choice::Unknown),
        ] {
            assert_eq!(chosen(&args(line)), choice, "claude {line}");
        }
    }

    #[test]
    fn what_goes_on_keeps_its_options_and_says_nothing_again() {
        let id: ConversationId = ID.parse().unwrap();
        for (line, resumed) in [
            ("", ""),
            ("fix_the_bug", ""),
            ("--model opus --verbose fix_the_bug", "--model opus --verbose"),
            ("--add-dir ../a ../b --model=opus --continue", "--add-dir ../a ../b --model=opus"),
            (&format!("--session-id {ID} --permission-mode plan"), "--permission-mode plan"),
            (&format!("--resume {ID} --name mine"), "--name mine"),
            ("--an-option-to-come 7 --ide", "--ide"),
            ("--ide -- --verbose", "--ide"),
            ("--model", "--model"),
        ] {
            assert_eq!(resuming(&args(line), id), args(&format!("--resume {ID} {resumed}")), "claude {line}");
            assert_eq!(chosen(&resuming(&args(line), id)), Choice::Known(id));
        }
    }
}
