//! The real Claude Code as a program of a world: installed by `tests/claude/install`, talking to the stand-in only.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::process;
use super::wait::poll;

pub mod scene;

/// A key of the right form that opens nothing.
const KEY: &str = "sk-ant-stand-in-00000000000000000000";

/// The installed program. Without one the test is skipped loudly, or fails where it is required (CI).
pub async fn installed() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/claude-code/bin/claude");
    let required = std::env::var_os("SESSIONFORGE_REQUIRE_CLAUDE").is_some();
    if !program.exists() && required {
        let ran = process::run(Command::new(root.join("tests/claude/install"))).await;
        assert_eq!(ran.code, 0, "tests/claude/install: {}{}", ran.out, ran.err);
    }
    if !program.exists() {
        eprintln!("\n!!! SKIPPED: no Claude Code. Run tests/claude/install (needs npm, 240 MB) to run this test.\n");
        return None;
    }
    Some(program)
}

/// Writes the program `claude` into `bin`: the real one, with the stand-in as its only world.
///
/// `home` is what it takes for the person's home; `folder` is trusted already, so that no question comes first.
pub fn write_wrapper(program: &Path, api: SocketAddr, bin: &Path, home: &Path, folder: &Path) {
    let tail: String = KEY.chars().skip(KEY.len() - 20).collect();
    let config = json!({
        "hasCompletedOnboarding": true,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [tail], "rejected": []},
        "projects": {folder.to_str().unwrap(): {"hasTrustDialogAccepted": true}},
    });
    std::fs::write(home.join(".claude.json"), config.to_string()).unwrap();
    let script = format!(
        "#!/bin/sh\n\
         # Nothing of the environment but what a terminal has: the test must not depend on the machine.\n\
         exec env -i HOME='{home}' PATH=\"$PATH\" TERM=\"$TERM\" COLORTERM=\"$COLORTERM\" LANG=C.UTF-8 \\\n  \
         DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 \\\n  \
         SESSIONFORGE_SESSION=\"$SESSIONFORGE_SESSION\" SESSIONFORGE_TOKEN=\"$SESSIONFORGE_TOKEN\" \\\n  \
         SESSIONFORGE_AGENT_URL=\"$SESSIONFORGE_AGENT_URL\" \\\n  \
         ANTHROPIC_BASE_URL='http://{api}' ANTHROPIC_API_KEY='{KEY}' '{program}' \"$@\"\n",
        home = home.display(),
        program = program.display(),
    );
    let path = bin.join("claude");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits until what Claude Code has said is in a transcript: it writes some time after it has shown it, and what was not
/// written no resume brings back.
pub async fn expect_written(home: &Path, text: &str) {
    let projects = home.join(".claude/projects");
    let holds = |path: PathBuf| std::fs::read_to_string(path).is_ok_and(|written| written.contains(text));
    poll(&format!("a transcript holds {text:?}"), async || {
        let directories = std::fs::read_dir(&projects).ok()?.flatten();
        let files = directories.filter_map(|directory| std::fs::read_dir(directory.path()).ok()).flatten().flatten();
        files.map(|file| file.path()).any(holds).then_some(())
    })
    .await;
}
