//! The hidden subcommand `hook`: what Claude Code runs at its hooks. Tells the PTY host what happened, and is gone.
//!
//! Claude Code waits for it, so it does nothing else: no configuration, no network, no log. It ends with 0 whatever
//! happened, and prints something only if somebody has answered a request for leave. Nothing it reads goes further than
//! the host, and of that only what [`Hook`] holds.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::client::HostClient;
use crate::wire::Frame;
use crate::wire::attention::{Answer, Hook, NEED_TEXT_BYTES_MAX, WORD_BYTES_MAX};
use crate::wire::hello::Role;
use crate::wire::message::{self, SessionAsk, SessionSays};

/// The hidden subcommand. Its first argument is the host's socket.
pub const SUBCOMMAND: &str = "hook";

/// Its second argument, if a request for leave waits for an answer.
pub const WAITS: &str = "wait";

/// What Claude Code says at one hook, in bytes: a tool may write a whole file.
const SAID_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A host that does not listen for this long is not waited for.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// Directories looked at upwards for a repository.
const PARENTS_MAX: usize = 64;

/// Does it. Must be called before the process has any other thread.
pub fn run() -> ExitCode {
    let mut args = std::env::args_os().skip(2);
    if let Some(socket) = args.next() {
        let waits = args.next().is_some_and(|arg| arg == WAITS);
        // Nobody could do anything about a failure: the state is guessed from the output then.
        let _ = carry_out(Path::new(&socket), waits);
    }
    ExitCode::SUCCESS
}

fn carry_out(socket: &Path, waits: bool) -> Option<()> {
    let mut json = Vec::new();
    std::io::stdin().take(SAID_BYTES_MAX).read_to_end(&mut json).ok()?;
    let said: Value = serde_json::from_slice(&json).ok()?;
    let hook = Hook { waits, ..understood(&said)? };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(tell(socket, hook))?;
    let decision = decision(&answer, &said["permission_suggestions"]).to_string();
    std::io::stdout().write_all(decision.as_bytes()).ok()
}

/// Tells the host; the answer, if one was waited for and somebody gave it.
async fn tell(socket: &Path, hook: Hook) -> Option<Answer> {
    let waits = hook.waits;
    let telling = async {
        let mut host = HostClient::connect(socket, Role::Agent).await.ok()?;
        let ask = SessionAsk::Hook { hook: Box::new(hook) };
        if !waits {
            host.tell(&ask).await.ok()?;
            return None;
        }
        host.ask(&ask).await.ok()?;
        Some(host)
    };
    let mut host = tokio::time::timeout(HEARD_WITHIN, telling).await.ok()??;
    loop {
        if let Frame::Control(json) = host.next().await.ok()??
            && let Ok(SessionSays::Answered { answer }) = message::from_json(&json)
        {
            return answer;
        }
    }
}

/// What Claude Code is told, in its own words (its documentation: hooks, `PermissionRequest` decision control).
fn decision(answer: &Answer, suggestions: &Value) -> Value {
    let decision = match answer {
        Answer::Allow => json!({"behavior": "allow"}),
        Answer::AllowAlways => json!({"behavior": "allow", "updatedPermissions": suggestions}),
        Answer::Deny { message } => json!({"behavior": "deny", "message": message}),
    };
    json!({"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}})
}

/// What the session's state is made of, of all that Claude Code said.
fn understood(said: &Value) -> Option<Hook> {
    let word = |name: &str| said[name].as_str().map(|text| cut(text, WORD_BYTES_MAX));
    let input = &said["tool_input"];
    let tool = word("tool_name");
    let text = match &tool {
        Some(_) => asked(input),
        None => ["error", "error_details", "source", "reason"]
            .iter()
            .find_map(|name| said[*name].as_str())
            .map_or(String::new(), |text| cut(text, NEED_TEXT_BYTES_MAX)),
    };
    let call = tool.as_ref().map(|tool| {
        let digest = Sha256::digest(format!("{tool} {input}"));
        digest[..8].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    });
    Some(Hook {
        event: word("hook_event_name")?,
        subagent: said["agent_id"].is_string(),
        conversation: word("session_id"),
        tool,
        text,
        call,
        model: word("model").or_else(|| said["model"]["display_name"].as_str().map(|name| cut(name, WORD_BYTES_MAX))),
        branch: said["cwd"].as_str().and_then(|directory| branch(Path::new(directory))),
        waits: false,
        always: said["permission_suggestions"].as_array().is_some_and(|suggestions| !suggestions.is_empty()),
    })
}

/// What a tool is to do, as its dialog says it.
fn asked(input: &Value) -> String {
    let question = input["questions"][0]["question"].as_str();
    let known = ["command", "file_path", "notebook_path", "path", "url", "plan", "query", "pattern"];
    let text = question.or_else(|| known.iter().find_map(|name| input[*name].as_str()));
    cut(&text.map_or_else(|| input.to_string(), str::to_owned), NEED_TEXT_BYTES_MAX)
}

/// The branch that is checked out in the repository around `directory`, or the beginning of the commit.
fn branch(directory: &Path) -> Option<String> {
    let git = directory.ancestors().take(PARENTS_MAX).map(|parent| parent.join(".git")).find(|path| path.exists())?;
    let git = if git.is_file() {
        // A worktree's or a submodule's.
        let elsewhere = small_file(&git)?;
        let elsewhere = PathBuf::from(elsewhere.strip_prefix("gitdir:")?.trim());
        git.parent()?.join(elsewhere)
    } else {
        git
    };
    let head = small_file(&git.join("HEAD"))?;
    let head = head.trim();
    let short = || head.get(..7).unwrap_or(head);
    Some(cut(head.strip_prefix("ref: refs/heads/").unwrap_or_else(short), WORD_BYTES_MAX))
}

fn small_file(path: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(4 * 1024).read_to_string(&mut text).ok()?;
    Some(text)
}

fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_again_when_its_tool_has_run() {
        let said = |event: &str, input: Value| {
            understood(&json!({"hook_event_name": event, "session_id": "s", "tool_name": "Bash", "tool_input": input}))
                .unwrap()
        };
        let asked = said("PermissionRequest", json!({"command": "ls", "description": "List"}));
        assert_eq!((asked.text.as_str(), asked.tool.as_deref(), asked.always), ("ls", Some("Bash"), false));
        assert_eq!(asked.call, said("PostToolUse", json!({"description": "List", "command": "ls"})).call);
        assert_ne!(asked.call, said("PostToolUse", json!({"command": "ls -l"})).call);
    }

    #[test]
    fn what_a_tool_asks_is_bounded_and_said_in_its_own_words() {
        for (input, text) in [
            (json!({"file_path": "/a/b", "content": "secret"}), "/a/b"),
            (json!({"questions": [{"question": "Which?"}]}), "Which?"),
            (json!({"plan": "1. do it"}), "1. do it"),
            (json!({"other": 1}), r#"{"other":1}"#),
        ] {
            assert_eq!(asked(&input), text);
        }
        assert_eq!(asked(&json!({"command": "ä".repeat(5_000)})).len(), NEED_TEXT_BYTES_MAX);
    }

    #[test]
    fn the_branch_is_read_without_git_also_in_a_worktree() {
        let dir = tempfile::tempdir().unwrap();
        let (main, tree) = (dir.path().join("main"), dir.path().join("tree/deep"));
        std::fs::create_dir_all(main.join(".git/worktrees/tree")).unwrap();
        std::fs::create_dir_all(&tree).unwrap();
        assert_eq!(branch(&tree), None);
        std::fs::write(main.join(".git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        std::fs::write(main.join(".git/worktrees/tree/HEAD"), "0123456789abcdef\n").unwrap();
        let link = format!("gitdir: {}\n", main.join(".git/worktrees/tree").display());
        std::fs::write(dir.path().join("tree/.git"), link).unwrap();
        assert_eq!(branch(&main).as_deref(), Some("feature/x"));
        assert_eq!(branch(&tree).as_deref(), Some("0123456"));
    }

    #[test]
    fn an_answer_is_what_claude_code_reads() {
        let suggestions = json!([{"type": "addRules"}]);
        let said = decision(&Answer::AllowAlways, &suggestions);
        assert_eq!(
            said["hookSpecificOutput"]["decision"],
            json!({"behavior": "allow", "updatedPermissions": suggestions})
        );
        let said = decision(&Answer::Deny { message: "no".to_owned() }, &Value::Null);
        assert_eq!(said["hookSpecificOutput"]["decision"], json!({"behavior": "deny", "message": "no"}));
    }
}
