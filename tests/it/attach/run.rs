//! `sessionforge run`: a session and a terminal on it in one.

use super::*;

fn run_in(place: &Place, arguments: &[&str]) -> Command {
    let data_dir = place.path("agent");
    place.command(&[&["run", "--data-dir", data_dir.to_str().unwrap()], arguments].concat())
}

#[tokio::test]
async fn a_program_is_run_in_the_terminals_size_with_its_own_arguments_and_exit_code() {
    let place = Place::new();
    let command = run_in(&place, &["sh", "-c", "stty size; echo \"<$1>\"; read line; exit 9", "sh", "--resume"]);
    let mut local = Local::start(&command, 71, 17);
    local.expect_text("17 71").await;
    local.expect_text("<--resume>").await;
    local.type_text("\r");
    assert_eq!(local.expect_exit().await, 9);
    local.expect_restored().await;
    assert!(!local.text().contains("has ended"), "the program's end is its own");
}

#[tokio::test]
async fn it_lives_on_when_detached_and_is_found_by_its_name() {
    let place = Place::new();
    let mut local = Local::start(&run_in(&place, &["--name", "job", "bash", "--noprofile"]), 80, 24);
    local.expect_text("$").await;
    local.type_text("kept=by-run\r");
    local.type_text(DETACH);
    assert_eq!(local.expect_exit().await, 0);
    local.expect_text("(job)").await;
    let back = attach(&place, &["job"]);
    back.expect_text("$").await;
    back.type_text("echo $kept-''here\r");
    back.expect_text("by-run-here").await;
}

#[tokio::test]
async fn without_a_terminal_and_inside_of_a_session_the_program_is_run_as_it_is() {
    let place = Place::new();
    let ran = run(run_in(&place, &["sh", "-c", "echo plain; exit 5"])).await;
    assert_eq!((ran.code, ran.out.as_str()), (5, "plain\n"), "{ran:?}");
    let mut inside = run_in(&place, &["sh", "-c", "echo in-$SESSIONFORGE_SESSION; exit 6"]);
    inside.env("SESSIONFORGE_SESSION", "ses_000000000000");
    let mut local = Local::start(&inside, 80, 24);
    assert_eq!(local.expect_exit().await, 6);
    local.expect_text("in-ses_000000000000").await;
    assert_eq!(place.hosts().len(), 0, "no session was made");
}

#[tokio::test]
async fn what_is_not_there_is_said_as_shells_say_it() {
    let place = Place::new();
    let mut local = Local::start(&run_in(&place, &["no-such-program", "--x"]), 80, 24);
    assert_eq!(local.expect_exit().await, 127);
    local.expect_text("no-such-program").await;
    let ran = run(run_in(&place, &["no-such-program"])).await;
    assert_eq!(ran.code, 127, "{ran:?}");
}
