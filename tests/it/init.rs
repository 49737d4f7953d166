//! `sessionforge init`: in the shells that people have, `claude` is typed and runs in a session; and all of it is taken back.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use sessionforge::host::runtime_dir::scan;

use super::support::local::Local;
use super::support::process::{Ran, run};
use super::support::world::Place;

/// A place with a Claude Code that says in which session it runs.
fn with_claude() -> Place {
    let place = Place::new();
    let script = "#!/bin/sh\necho \"claude-in-${SESSIONFORGE_SESSION:-nothing}\"; for last; do :; done; echo \"<$last>\"; read line\n";
    std::fs::write(place.path("bin/claude"), script).unwrap();
    std::fs::set_permissions(place.path("bin/claude"), std::fs::Permissions::from_mode(0o755)).unwrap();
    place
}

async fn init(place: &Place, arguments: &[&str]) -> Ran {
    run(place.command(&[&["init"], arguments].concat())).await
}

async fn done(place: &Place, arguments: &[&str]) -> String {
    let ran = init(place, arguments).await;
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran.out + &ran.err
}

/// How many sessions there are or were where no data directory is said.
fn sessions(place: &Place) -> usize {
    scan(&place.path("home/.local/share/sessionforge/run")).unwrap().len()
}

fn read(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path(file)).unwrap_or_default()
}

/// An interactive shell in a terminal; nothing where it is not installed.
fn shell(place: &Place, shell: &str, inside: bool) -> Option<Local> {
    if Command::new(shell).arg("--version").output().is_err() {
        eprintln!("SKIPPED: {shell} is not installed");
        return None;
    }
    let mut command = place.command_of(Path::new(shell), &["-i"]);
    if inside {
        command.env("SESSIONFORGE_SESSION", "ses_000000000000");
    }
    Some(Local::start(&command, 100, 30))
}

#[tokio::test]
async fn claude_is_typed_and_runs_in_a_session_in_every_shell() {
    for name in ["bash", "zsh", "fish"] {
        let place = with_claude();
        let said = done(&place, &["--shell", name]).await;
        assert!(said.contains("runs in a session, in new shells") && said.contains("/sf-pause is installed"), "{said}");
        let Some(mut local) = shell(&place, name, false) else { continue };
        local.type_text("claude --resume 'two words'\r");
        local.expect_text("claude-in-ses_").await;
        local.expect_text("<two words>").await;
        assert_eq!(sessions(&place), 1, "{name}");
        local.type_text("\x1d");
        local.expect_text("detached from").await;
        local.type_text("command claude plain\r");
        local.expect_text("claude-in-nothing").await;
        local.type_text("\r");
        local.kill();
        let inside = shell(&place, name, true).expect("it was there just now");
        inside.type_text("claude nested\r");
        inside.expect_text("claude-in-ses_000000000000").await;
        assert_eq!(sessions(&place), 1, "{name}: no session in a session");
    }
}

#[tokio::test]
async fn it_is_there_once_however_often_it_is_asked_for_and_goes_without_a_trace() {
    let place = with_claude();
    let own = "PS1='$ '\nexport EDITOR=vi\n";
    std::fs::write(place.path("home/.bashrc"), own).unwrap();
    let plan = done(&place, &["--dry-run"]).await;
    assert!(
        plan.contains(".bashrc would get:") && plan.contains("alias claude=") && plan.contains("would be"),
        "{plan}"
    );
    assert_eq!(read(&place, "home/.bashrc"), own);
    assert!(!place.path("home/.claude").exists(), "nothing was done");

    done(&place, &[]).await;
    let with = read(&place, "home/.bashrc");
    assert!(with.starts_with(own) && with.matches("alias claude=").count() == 1, "{with}");
    let again = done(&place, &[]).await;
    assert!(again.contains("has it already") && again.contains("up to date"), "{again}");
    assert_eq!(read(&place, "home/.bashrc"), with);

    let said = done(&place, &["--remove"]).await;
    assert!(said.contains("is out") && said.contains("/sf-pause is removed"), "{said}");
    assert_eq!(read(&place, "home/.bashrc"), own);
    let said = done(&place, &["--remove"]).await;
    assert!(said.contains("has nothing of this program") && said.contains("was not installed"), "{said}");
}

#[tokio::test]
async fn a_start_file_keeps_its_mode_and_its_link_and_one_that_was_not_there_goes_again() {
    let place = with_claude();
    let dotfiles = place.path("home/dotfiles");
    std::fs::create_dir(&dotfiles).unwrap();
    std::fs::write(dotfiles.join("zshrc"), "# mine\n").unwrap();
    std::fs::set_permissions(dotfiles.join("zshrc"), std::fs::Permissions::from_mode(0o604)).unwrap();
    symlink("dotfiles/zshrc", place.path("home/.zshrc")).unwrap();
    done(&place, &["--shell", "zsh", "--shell", "fish"]).await;
    assert!(place.path("home/.zshrc").is_symlink());
    assert!(read(&place, "home/dotfiles/zshrc").contains("alias claude="));
    assert_eq!(std::fs::metadata(dotfiles.join("zshrc")).unwrap().permissions().mode() & 0o777, 0o604);
    let fish = place.path("home/.config/fish/conf.d/sessionforge.fish");
    assert!(fish.exists());
    done(&place, &["--shell", "zsh", "--shell", "fish", "--remove"]).await;
    assert_eq!(read(&place, "home/dotfiles/zshrc"), "# mine\n");
    assert!(!fish.exists());
}

#[tokio::test]
async fn a_claude_that_only_an_alias_finds_is_run_all_the_same() {
    let place = with_claude();
    let local = place.path("home/.claude/local");
    std::fs::create_dir_all(&local).unwrap();
    std::fs::rename(place.path("bin/claude"), local.join("claude")).unwrap();
    let rc = "PS1='$ '\nPATH=/usr/bin:/bin\nalias claude=\"$HOME/.claude/local/claude\"\n";
    std::fs::write(place.path("home/.bashrc"), rc).unwrap();
    let mut command = place.command(&["init"]);
    command.env("PATH", "/usr/bin:/bin");
    let ran = run(command).await;
    assert!(ran.code == 0 && ran.err.contains("line 3 of") && ran.out.contains("not on the PATH"), "{ran:?}");
    let shell = shell(&place, "bash", false).unwrap();
    shell.type_text("claude\r");
    shell.expect_text("claude-in-ses_").await;
}

#[tokio::test]
async fn a_program_that_is_gone_leaves_claude_as_it_was() {
    let place = with_claude();
    let program = place.path("bin/it's here/sessionforge");
    std::fs::create_dir(program.parent().unwrap()).unwrap();
    std::fs::copy(super::support::world::PROGRAM, &program).unwrap();
    let ran = run(place.command_of(&program, &["init"])).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = shell(&place, "bash", false).unwrap();
    first.type_text("claude\r");
    first.expect_text("claude-in-ses_").await;
    std::fs::remove_file(&program).unwrap();
    let second = shell(&place, "bash", false).unwrap();
    second.type_text("claude\r");
    second.expect_text("claude-in-nothing").await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_the_file_stays_as_it_is() {
    let place = with_claude();
    let mut none = place.command(&["init"]);
    none.env("SHELL", "/bin/tcsh\x1b[31m");
    let ran = run(none).await;
    assert!(ran.code == 2 && ran.err.contains("--shell bash") && !ran.err.contains('\x1b'), "{ran:?}");
    let mut none = place.command(&["init"]);
    none.env_remove("SHELL");
    let ran = run(none).await;
    assert!(ran.code == 2 && ran.err.contains("SHELL does not say"), "{ran:?}");
    assert_eq!(init(&place, &["--shell", "tcsh"]).await.code, 2);

    let broken = "# >>> sessionforge: somebody took the rest\nalias x=y\n";
    std::fs::write(place.path("home/.bashrc"), broken).unwrap();
    let ran = init(&place, &["--remove"]).await;
    assert!(ran.code == 1 && ran.err.contains("line 1 begins") && ran.err.contains("nothing was changed"), "{ran:?}");
    assert_eq!(read(&place, "home/.bashrc"), broken);
    std::fs::create_dir(place.path("home/.zshrc")).unwrap();
    let ran = init(&place, &["--shell", "zsh"]).await;
    assert!(ran.code == 1 && ran.err.contains("no file"), "{ran:?}");

    // A home directory whose name would drive a terminal, and which is not there.
    let mut hostile = place.command(&["init", "--dry-run"]);
    hostile.env("HOME", "/no \x1b]0;owned\x07/'home\n");
    let ran = run(hostile).await;
    assert!(ran.code == 0 && !ran.out.contains('\x1b') && !ran.out.contains('\x07'), "{ran:?}");
    let mut relative = place.command(&["init"]);
    relative.env("HOME", "here");
    let ran = run(relative).await;
    assert!(ran.code == 1 && ran.err.contains("HOME"), "{ran:?}");
}
