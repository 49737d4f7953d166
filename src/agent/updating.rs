//! This machine brought to another version because its server asked for it.
//!
//! The command `update` does it, the same that a person types, in a process of its own: that one outlives the agent, which is
//! restarted in the middle of it. It writes down how it goes ([`Course`]); whichever agent runs reads that and says it to the
//! server. Invariant: one update at a time in a data directory, held by a lock, and one whose process died is told as failed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::shared::Shared;
use crate::base::clock::{millis, unix_millis};
use crate::base::private;
use crate::base::problem::{Code, Problem};
use crate::wire::message::FromAgent;
use crate::wire::updating::{UpdatePhase, UpdateReport, UpdateWay};

/// How the update goes, in the data directory.
const REPORT: &str = "agent/update.json";

/// Held by whoever updates.
const LOCK: &str = "agent/update.lock";

/// While an update is under way, another process's file is looked at this often: nothing tells of its changes everywhere.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An update that is longer over is not told of any more.
const TOLD_FOR: Duration = Duration::from_hours(24);

/// Takes the lock of updates: `None` while somebody else has it. It is held until the file is dropped, or its process dead.
pub fn lock(data_dir: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// How the last update goes or went, if one was asked for.
fn read(data_dir: &Path) -> Option<UpdateReport> {
    serde_json::from_slice(&std::fs::read(data_dir.join(REPORT)).ok()?).ok()
}

fn write(data_dir: &Path, report: &UpdateReport) {
    // A struct of texts and numbers always has a JSON form. A disk that takes nothing has the update fail, and it says so.
    let json = serde_json::to_vec(report).unwrap_or_default();
    if let Err(error) = private::replace_file(&data_dir.join(REPORT), &json) {
        tracing::warn!(%error, "how the update goes cannot be written down");
    }
}

/// An update that the server asked for, as its own process writes it down.
#[derive(Debug)]
pub struct Course {
    data_dir: PathBuf,
    report: Mutex<UpdateReport>,
}

impl Course {
    /// Of an update to this version, which begins.
    pub fn begin(data_dir: &Path, to: &str) -> Self {
        let report = UpdateReport {
            to: to.to_owned(),
            phase: UpdatePhase::Downloading,
            began_at: unix_millis(),
            ..UpdateReport::default()
        };
        write(data_dir, &report);
        Self { data_dir: data_dir.to_owned(), report: Mutex::new(report) }
    }

    /// So much of the file has come.
    pub fn come(&self, bytes: u64, of: u64) {
        let percent = u8::try_from((bytes.min(of) * 100).checked_div(of).unwrap_or(100)).unwrap_or(100);
        self.change(|report| report.percent = percent);
    }

    /// It has come to this phase.
    pub fn reach(&self, phase: UpdatePhase) {
        self.change(|report| (report.phase, report.percent) = (phase, 100));
    }

    /// It is over; `why` it has failed, if it has.
    pub fn end(&self, why: Option<String>) {
        self.change(|report| {
            report.phase = if why.is_none() { UpdatePhase::Done } else { UpdatePhase::Failed };
            report.why = why;
        });
    }

    fn change(&self, change: impl FnOnce(&mut UpdateReport)) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let before = report.clone();
        change(&mut report);
        if *report != before {
            write(&self.data_dir, &report);
        }
    }
}

/// What the agent knows of it.
#[derive(Debug)]
pub(super) struct Updating {
    data_dir: PathBuf,
    way: UpdateWay,
    report: watch::Sender<Option<UpdateReport>>,
    begun: Notify,
    /// Held while a process that this agent has started runs.
    child: Arc<tokio::sync::Mutex<()>>,
}

impl Updating {
    /// Of this data directory. The task watches until it is dropped.
    pub(super) fn start(data_dir: &Path, way: UpdateWay) -> (Arc<Self>, AbortOnDropHandle<()>) {
        let last = read(data_dir).filter(|report| {
            !report.phase.is_over() || unix_millis().saturating_sub(report.began_at) < millis(TOLD_FOR)
        });
        let report = watch::Sender::new(last);
        let (begun, child) = Default::default();
        let updating = Arc::new(Self { data_dir: data_dir.to_owned(), way, report, begun, child });
        let watching = tokio::spawn(Arc::clone(&updating).watch());
        (updating, AbortOnDropHandle::new(watching))
    }

    /// Begins one, if the machine's owner lets the page do that and none is under way. The answer to the request.
    pub(super) fn begin(&self, request: u64, version: &str) -> FromAgent {
        let problem = self.try_begin(version).err();
        if let Some(problem) = &problem {
            tracing::warn!(version, %problem, "the server asked for an update");
        }
        FromAgent::Done { request, problem }
    }

    fn try_begin(&self, version: &str) -> Result<(), Problem> {
        let no = |message: &str| Err(Problem::new(Code::NotAllowed, message));
        match self.way {
            UpdateWay::Page => {}
            UpdateWay::Off => return no("this machine's owner has it updated on the machine only"),
            UpdateWay::Root => {
                return no("only root may replace this machine's agent: say `sudo sessionforge update` there");
            }
            UpdateWay::Package => return no("this machine's agent is kept up to date by its package manager"),
            UpdateWay::Hand | UpdateWay::Unsaid => {
                return no("no service runs this machine's agent, so it is updated there: `sessionforge update`");
            }
        }
        if semver::Version::parse(version).is_err() {
            return Err(Problem::new(Code::BadRequest, "this is no version"));
        }
        let Ok(running) = Arc::clone(&self.child).try_lock_owned() else { return Err(under_way()) };
        // Somebody at the machine may have begun one.
        match lock(&self.data_dir) {
            Ok(Some(free)) => drop(free),
            Ok(None) => return Err(under_way()),
            Err(error) => return Err(Problem::internal(error)),
        }
        let program = std::env::current_exe().map_err(Problem::internal)?;
        Course::begin(&self.data_dir, version);
        let mut command = tokio::process::Command::new(program);
        command.args(["update", "--for-page", "--version", version, "--data-dir"]).arg(&self.data_dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What ends the agent's own group must not end what restarts it.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn();
        self.report.send_replace(read(&self.data_dir));
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                self.cut_short(&format!("the program cannot be started: {error}"));
                return Ok(());
            }
        };
        tracing::info!(version, "the server asked for an update, which begins");
        tokio::spawn(async move {
            // What it has to say it has written down.
            let _ = child.wait().await;
            drop(running);
        });
        self.begun.notify_one();
        Ok(())
    }

    /// Looks at what the other process writes down, as long as there is one.
    async fn watch(self: Arc<Self>) {
        loop {
            if self.report.borrow().as_ref().is_none_or(|report| report.phase.is_over()) {
                self.begun.notified().await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            // First whether anybody is at it, then what was written: the last word is not missed.
            let nobody = self.child.try_lock().is_ok() && matches!(lock(&self.data_dir), Ok(Some(_)));
            let now = read(&self.data_dir);
            self.report.send_if_modified(|before| {
                let changed = now.is_some() && *before != now;
                if changed {
                    before.clone_from(&now);
                }
                changed
            });
            if nobody && now.is_none_or(|report| !report.phase.is_over()) {
                self.cut_short("it was cut short: the process that did it ended without a word");
            }
        }
    }

    fn cut_short(&self, why: &str) {
        let mut report = self.report.borrow().clone().unwrap_or_default();
        (report.phase, report.why) = (UpdatePhase::Failed, Some(why.to_owned()));
        write(&self.data_dir, &report);
        self.report.send_replace(Some(report));
    }

    /// Says how it goes on this connection, until dropped.
    pub(super) fn telling(&self, shared: &Arc<Shared>) -> AbortOnDropHandle<()> {
        let (mut report, shared) = (self.report.subscribe(), Arc::clone(shared));
        report.mark_changed();
        AbortOnDropHandle::new(tokio::spawn(async move {
            while report.changed().await.is_ok() {
                let Some(update) = report.borrow_and_update().clone() else { continue };
                if shared.say(&FromAgent::Update { update }).is_err() {
                    return;
                }
            }
        }))
    }
}

fn under_way() -> Problem {
    Problem::new(Code::Conflict, "an update of this machine is under way already")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_course_is_written_down_step_by_step() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("agent")).unwrap();
        let course = Course::begin(dir.path(), "0.2.0");
        let now = || read(dir.path()).unwrap();
        assert_eq!((now().phase, now().percent), (UpdatePhase::Downloading, 0));
        course.come(50, 200);
        assert_eq!(now().percent, 25);
        course.come(1, 0);
        assert_eq!(now().percent, 100, "an empty file has come");
        course.reach(UpdatePhase::Restarting);
        course.end(Some("no".to_owned()));
        assert_eq!((now().phase, now().why.as_deref()), (UpdatePhase::Failed, Some("no")));
    }

    #[test]
    fn one_at_a_time_updates() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("agent")).unwrap();
        let held = lock(dir.path()).unwrap();
        assert!(held.is_some() && lock(dir.path()).unwrap().is_none());
        drop(held);
        assert!(lock(dir.path()).unwrap().is_some());
    }

    #[tokio::test]
    async fn an_update_whose_process_died_with_the_machine_is_told_as_failed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("agent")).unwrap();
        Course::begin(dir.path(), "0.2.0").reach(UpdatePhase::Restarting);
        let (updating, _watching) = Updating::start(dir.path(), UpdateWay::Page);
        let mut report = updating.report.subscribe();
        let over =
            report.wait_for(|report| report.as_ref().is_some_and(|report| report.phase.is_over())).await.unwrap();
        assert!(over.as_ref().unwrap().why.as_ref().unwrap().contains("cut short"), "{over:?}");
    }

    #[tokio::test]
    async fn a_machine_whose_owner_does_not_want_it_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for (way, said) in [(UpdateWay::Off, "owner"), (UpdateWay::Root, "sudo"), (UpdateWay::Hand, "no service")] {
            let (updating, _watching) = Updating::start(dir.path(), way);
            let FromAgent::Done { request: 7, problem: Some(problem) } = updating.begin(7, "9.9.9") else {
                unreachable!("it is refused")
            };
            assert!(problem.code == Code::NotAllowed && problem.message.contains(said), "{problem}");
        }
    }
}
