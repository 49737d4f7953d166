//! `sh` and `powershell`: every command is one that there is, and what can run runs.

use serde_json::json;

use crate::support::process::run;
use crate::support::world::{EMAIL, World};

use super::{Block, blocks, pages};

/// Whether a block runs here.
fn runs(block: &Block) -> bool {
    block.language == "sh" && block.no_run.is_none()
}

/// A command of ours in a block: its words behind the program's name.
fn commands(block: &Block) -> Vec<Vec<String>> {
    let text = block.text.replace("\\\n", " ");
    text.lines().filter_map(ours).collect()
}

/// The words of `sessionforge …` in a line, up to what belongs to the shell.
fn ours(line: &str) -> Option<Vec<String>> {
    // What the shell puts there is one word.
    let line = line.split(" #").next().unwrap_or_default().replace("$(date +%F)", "DATE");
    let (before, rest) = line.split_once("sessionforge ")?;
    // Elsewhere it is a word among others: an account, a path.
    let before = before.trim_end();
    if !before.is_empty() && before != "sudo" && !before.ends_with(['(', '|', ';', '&']) {
        return None;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in rest.chars() {
        match (letter, quote) {
            ('|' | ';' | '&' | '>' | '<' | ')', None) => break,
            (' ', None) => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            ('"' | '\'', None) => quote = Some(letter),
            (end, Some(open)) if end == open => quote = None,
            (other, _) => word.push(other),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    Some(words)
}

#[test]
fn every_command_in_the_documentation_is_one_that_there_is() {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for block in blocks().iter().filter(|block| ["sh", "powershell"].contains(&block.language.as_str())) {
        for words in commands(block) {
            checked += 1;
            if let Err(error) = sessionforge::cli::check_arguments(&words) {
                wrong.push(format!("{}: sessionforge {}\n{error}", block.place, words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(checked > 20, "only {checked} commands were found");
}

#[tokio::test]
async fn what_can_run_in_the_documentation_runs() {
    let mut world = World::start().await;
    let scopes = ["agent", "machines:write", "sessions:write", "admin"];
    let made = world.http.post("/api/v1/keys", &json!({"name": "the reader's", "scopes": scopes})).await.ok().json();
    let key = made["key"].as_str().unwrap().to_owned();
    let place = world.place();
    let bin = place.path("bin");
    // A conversation that waits for its next word, and a build that is short.
    for (name, script) in [("claude", "#!/bin/sh\ncat\n"), ("make", "#!/bin/sh\necho ok\n")] {
        std::fs::write(bin.join(name), script).unwrap();
        std::fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink(crate::support::world::PROGRAM, bin.join("sessionforge")).unwrap();
    std::fs::create_dir(place.path("backups")).unwrap();

    let mut ran_blocks = 0;
    for page in pages() {
        let runnable: Vec<Block> = blocks().into_iter().filter(|it| it.page == page && runs(it)).collect();
        if runnable.is_empty() {
            continue;
        }
        // A session of the page's own: one of its blocks may end it.
        let session = world.bash().await.to_string();
        let mut script = "set -euo pipefail\n".to_owned();
        for block in &runnable {
            script += &format!("echo '# {}' >&2\n{}\n", block.place, block.text);
        }
        for (example, real) in [
            ("https://sf.example.org", format!("http://{}", world.http.address)),
            ("http://127.0.0.1:7373", format!("http://{}", world.http.address)),
            ("ses_a1b2c3d4e5f6", session.clone()),
            ("mac_a1b2c3d4e5f6", world.machine().to_string()),
            ("--key KEY", format!("--key {key}")),
            ("sf_live_…", key.clone()),
            ("ada@example.org", EMAIL.to_owned()),
            ("\"Engines\"", "Acme".to_owned()),
            ("/var/backups", place.path("backups").display().to_string()),
            ("~/.local/share/sessionforge", place.path("agent").display().to_string()),
        ] {
            script = script.replace(example, &real);
        }
        // The page about the server stands on the server, the others on a machine.
        let data_dir = place.path(if page.ends_with("self-hosting.md") { "server" } else { "agent" });
        let mut command = place.command_of(std::path::Path::new("bash"), &["-c", &script]);
        command
            .env("SESSIONFORGE_DATA_DIR", &data_dir)
            .env("SESSIONFORGE_API_KEY", &key)
            .env("SERVER", format!("http://{}", world.http.address));
        inside_of(&mut command, &world, &session);
        let ran = run(command).await;
        // Doctor finds no service here, and says so by its exit code.
        assert!(
            ran.code == 0,
            "{page}: the block at the last place below failed. Mend it, or say `no-run reason=\"…\"` behind its \
             language:\n{}\n{}",
            ran.err,
            ran.out
        );
        ran_blocks += runnable.len();
    }
    assert!(ran_blocks > 5, "only {ran_blocks} blocks ran");
}

/// What a program in a session has in its environment.
fn inside_of(command: &mut std::process::Command, world: &World, session: &str) {
    let facts: serde_json::Value =
        serde_json::from_slice(&std::fs::read(world.place().path("agent/agent/api.json")).unwrap()).unwrap();
    command
        .env("SESSIONFORGE_SESSION", session)
        .env("SESSIONFORGE_TOKEN", facts["token"].as_str().unwrap())
        .env("SESSIONFORGE_AGENT_URL", format!("http://{}", facts["address"].as_str().unwrap()));
}
