//! The state of the real Claude Code through whole scripted sessions: every change that a page is told, in its order.
//!
//! Each run is a Claude Code of its own: it works, does what its script is about, is done, is idle, and exits. In CI a few
//! run; `cargo test --test it -- --ignored claude_runs` runs a hundred (`SESSIONFORGE_RUNS` another number) and prints what
//! they were.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::support::claude::scene::{SIZE, Scene};

/// Runs beside each other: as many as two cores serve well.
const AT_A_TIME: usize = 2;

/// What a page is told is to stay so: longer than any silence that the state is guessed from.
const STAYS_FOR: Duration = Duration::from_secs(4);

/// What happens between "done" and "done" or "idle".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    AllowedFromElsewhere,
    AllowedInTheTerminal,
    DeniedFromElsewhere,
    RefusedInTheTerminal,
    LeftByEscape,
    InterruptedByEscape,
    InterruptedByCtrlC,
    Cleared,
    Failed,
    QuestionAnswered,
    QuestionLeftByEscape,
    PlanApprovedFromElsewhere,
    PlanApprovedInTheTerminal,
    PlanRefused,
    RunBehind,
    AskedTwice,
}

const ALL: [Script; 16] = [
    Script::AllowedFromElsewhere,
    Script::AllowedInTheTerminal,
    Script::DeniedFromElsewhere,
    Script::RefusedInTheTerminal,
    Script::LeftByEscape,
    Script::InterruptedByEscape,
    Script::InterruptedByCtrlC,
    Script::Cleared,
    Script::Failed,
    Script::QuestionAnswered,
    Script::QuestionLeftByEscape,
    Script::PlanApprovedFromElsewhere,
    Script::PlanApprovedInTheTerminal,
    Script::PlanRefused,
    Script::RunBehind,
    Script::AskedTwice,
];

/// A run: how it ended, and from each dialog on the screen to the page that asks.
struct Run {
    script: Script,
    wrong: Option<String>,
    dialogs: Vec<f64>,
}

/// One script with one Claude Code. `None`: there is none here.
async fn run(script: Script) -> Option<Run> {
    let plans =
        matches!(script, Script::PlanApprovedFromElsewhere | Script::PlanApprovedInTheTerminal | Script::PlanRefused);
    let scene = Scene::start(if plans { &["--permission-mode", "plan"] } else { &[] }).await?;
    let mut dialogs = Vec::new();
    // What is waited for in vain is one wrong run, not the end of them all.
    let played = AssertUnwindSafe(play(&scene, script, &mut dialogs)).catch_unwind().await;
    let played = played.unwrap_or_else(|_| Err("waited in vain, as said above".to_owned()));
    let wrong = played.err().map(|wrong| format!("{wrong}\n{}", scene.viewer.text()));
    Some(Run { script, wrong, dialogs })
}

async fn play(scene: &Scene, script: Script, dialogs: &mut Vec<f64>) -> Result<(), String> {
    let told = &scene.told;
    told.begins().await;
    scene.prompt("HOLD").await;
    told.follows(&["idle", "working"]).await?;
    told.stays("working", STAYS_FOR).await?;
    scene.api.go_on();
    told.follows(&["working", "done"]).await?;
    let ends = what_happens(scene, script, dialogs).await?;
    told.stays(ends, STAYS_FOR).await?;
    if ends == "done" {
        scene.viewer.type_text("x").await;
        told.follows(&["done", "idle"]).await?;
        scene.viewer.type_text("\x7f").await;
    }
    scene.prompt("HOLD").await;
    told.follows(&["idle", "working"]).await?;
    scene.api.go_on();
    told.follows(&["working", "done"]).await?;
    scene.viewer.type_text("/exit").await;
    scene.viewer.expect_text("/exit").await;
    scene.viewer.type_text("\r").await;
    told.follows(&["done", "idle", "exited"]).await?;
    Ok(())
}

/// The middle of a run, and where it leaves Claude Code.
async fn what_happens(scene: &Scene, script: Script, dialogs: &mut Vec<f64>) -> Result<&'static str, String> {
    const PERMISSION: &str = "needs_you:permission";
    let told = &scene.told;
    let viewer = &scene.viewer;
    match script {
        Script::AllowedFromElsewhere | Script::DeniedFromElsewhere => {
            asks(scene, "RUN: echo by-claude | tee made END", PERMISSION, dialogs).await?;
            let allows = script == Script::AllowedFromElsewhere;
            answer(scene, if allows { "allow" } else { "deny" }).await?;
            told.follows(&[PERMISSION, "working", "done"]).await?;
            if scene.made("made") == allows { Ok("done") } else { Err("the answer was not obeyed".to_owned()) }
        }
        Script::AllowedInTheTerminal => {
            asks(scene, "RUN: echo by-claude | tee made END", PERMISSION, dialogs).await?;
            viewer.type_text("1").await;
            told.follows(&[PERMISSION, "working", "done"]).await?;
            Ok("done")
        }
        Script::RefusedInTheTerminal | Script::LeftByEscape => {
            asks(scene, "RUN: echo by-claude | tee made END", PERMISSION, dialogs).await?;
            viewer.type_text(if script == Script::LeftByEscape { "\x1b" } else { "3" }).await;
            told.follows(&[PERMISSION, "working", "idle"]).await?;
            Ok("idle")
        }
        Script::InterruptedByEscape | Script::InterruptedByCtrlC => {
            scene.prompt("HOLD").await;
            told.follows(&["done", "idle", "working"]).await?;
            viewer.type_text(if script == Script::InterruptedByEscape { "\x1b" } else { "\x03" }).await;
            told.follows(&["working", "idle"]).await?;
            Ok("idle")
        }
        Script::Cleared => {
            let before = scene.info().await["conversation"].clone();
            scene.prompt("/clear").await;
            told.follows(&["done", "idle"]).await?;
            viewer.expect_screen("it is cleared", |screen| !screen.contains("HOLD")).await;
            super::support::wait::poll("another conversation", async || {
                (scene.info().await["conversation"] != before).then_some(())
            })
            .await;
            Ok("idle")
        }
        Script::Failed => {
            scene.prompt("FAIL").await;
            told.follows(&["done", "idle", "working", "needs_you:error"]).await?;
            told.stays("needs_you:error", STAYS_FOR).await?;
            viewer.type_text("x").await;
            told.follows(&["needs_you:error", "idle"]).await?;
            viewer.type_text("\x7f").await;
            Ok("idle")
        }
        Script::QuestionAnswered | Script::QuestionLeftByEscape => {
            let question = "needs_you:question";
            asks(scene, "ASK: Deploy now? END", question, dialogs).await?;
            let answered = script == Script::QuestionAnswered;
            viewer.type_text(if answered { "1" } else { "\x1b" }).await;
            let end = if answered { "done" } else { "idle" };
            told.follows(&[question, "working", end]).await?;
            Ok(end)
        }
        Script::PlanApprovedFromElsewhere | Script::PlanApprovedInTheTerminal | Script::PlanRefused => {
            let plan = "needs_you:plan";
            asks(scene, "PLAN: look, then do END", plan, dialogs).await?;
            match script {
                Script::PlanApprovedFromElsewhere => answer(scene, "allow").await?,
                Script::PlanApprovedInTheTerminal => viewer.type_text("1").await,
                _ => viewer.type_text("\x1b").await,
            }
            let end = if script == Script::PlanRefused { "idle" } else { "done" };
            told.follows(&[plan, "working", end]).await?;
            Ok(end)
        }
        Script::RunBehind => {
            let go = scene.world.place().path("home/project/go");
            let wait = format!("touch started; until [ -e {} ]; do sleep 0.1; done END", go.display());
            asks(scene, &format!("BEHIND: {wait}"), PERMISSION, dialogs).await?;
            viewer.type_text("1").await;
            told.follows(&[PERMISSION, "working", "done"]).await?;
            told.stays("done", STAYS_FOR).await?;
            // What ran behind has ended: Claude Code goes on by itself.
            std::fs::write(go, "").unwrap();
            told.follows(&["done", "working"]).await?;
            scene.api.go_on();
            told.follows(&["working", "done"]).await?;
            Ok("done")
        }
        Script::AskedTwice => {
            for made in ["first", "second"] {
                let order = format!("RUN: echo by-claude | tee {made} END");
                asks(scene, &order, PERMISSION, dialogs).await?;
                if made == "first" {
                    answer(scene, "allow").await?;
                } else {
                    viewer.type_text("1").await;
                }
                told.follows(&[PERMISSION, "working", "done"]).await?;
                if !scene.made(made) {
                    return Err(format!("{made} was not made"));
                }
                scene.expect_no_dialog().await;
            }
            Ok("done")
        }
    }
}

/// Prompts something that ends in a dialog, and waits for both: the dialog and the page that asks.
async fn asks(scene: &Scene, order: &str, needs: &str, dialogs: &mut Vec<f64>) -> Result<(), String> {
    scene.viewer.type_text(order).await;
    let beginning: String = order.chars().take(usize::from(SIZE.0) / 2).collect();
    scene.viewer.expect_text(&beginning).await;
    scene.viewer.type_text("\r").await;
    let shown = async {
        scene.expect_dialog().await;
        Instant::now()
    };
    let path = ["done", "idle", "working", needs];
    let (told, shown) = tokio::join!(scene.told.follows(&path), shown);
    dialogs.push(lead(told?, shown));
    Ok(())
}

/// How long after the dialog the page was told, in milliseconds; negative if before.
fn lead(told: Instant, shown: Instant) -> f64 {
    if told >= shown { (told - shown).as_secs_f64() * 1e3 } else { -(shown - told).as_secs_f64() * 1e3 }
}

async fn answer(scene: &Scene, answer: &str) -> Result<(), String> {
    // A plan is told of first, and can be answered once leave is asked for too.
    let need = super::support::wait::poll("it can be answered", async || {
        let needs = scene.info().await["needs"].clone();
        (needs["answerable"] == true).then(|| needs["id"].clone())
    })
    .await;
    match scene.answer(&json!({"need": need, "answer": answer})).await {
        204 => Ok(()),
        status => Err(format!("the answer was not taken: {status}")),
    }
}

/// Runs them all.
async fn runs(scripts: Vec<Script>) -> Vec<Run> {
    let mut runs = futures_util::stream::iter(scripts).map(run).buffer_unordered(AT_A_TIME);
    let mut ended = Vec::new();
    while let Some(run) = runs.next().await {
        ended.extend(run);
    }
    ended
}

fn judge(runs: &[Run]) {
    let wrong: Vec<String> =
        runs.iter().filter_map(|run| Some(format!("{:?}: {}", run.script, run.wrong.as_ref()?))).collect();
    assert!(wrong.is_empty(), "{} of {} runs were wrong:\n{}", wrong.len(), runs.len(), wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_claude_code_is_at_is_told_right_through_whole_sessions() {
    let few = [
        Script::RefusedInTheTerminal,
        Script::InterruptedByCtrlC,
        Script::Failed,
        Script::QuestionLeftByEscape,
        Script::PlanRefused,
        Script::RunBehind,
    ];
    judge(&runs(few.into()).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "half an hour: run by name"]
async fn what_claude_code_is_at_is_told_right_in_a_hundred_sessions() {
    let count = std::env::var("SESSIONFORGE_RUNS").ok().and_then(|count| count.parse().ok()).unwrap_or(100);
    let only = std::env::var("SESSIONFORGE_SCRIPT").ok();
    let scripts = ALL.into_iter().filter(|it| only.as_ref().is_none_or(|only| format!("{it:?}").contains(only)));
    let scripts: Vec<Script> = scripts.collect();
    let runs = runs(scripts.into_iter().cycle().take(count).collect()).await;
    let right = runs.iter().filter(|run| run.wrong.is_none()).count();
    let mut dialogs: Vec<f64> = runs.iter().flat_map(|run| run.dialogs.iter().copied()).collect();
    dialogs.sort_by(f64::total_cmp);
    let at = |share: usize| dialogs.get(dialogs.len() * share / 100).or(dialogs.last()).copied().unwrap_or_default();
    eprintln!(
        "{right} of {} runs right; from the dialog to the page that asks, {} dialogs: p50 {:.0} ms, p99 {:.0} ms",
        runs.len(),
        dialogs.len(),
        at(50),
        at(99)
    );
    judge(&runs);
}
