//! Who uses the sessions while things go wrong: one who types, some who watch, and all who check what they see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sessionforge::base::offset::Offset;
use sessionforge::wire::frame::InputOutcome;
use sessionforge::wire::message::Take;
use tokio::task::JoinHandle;

use super::programs::Program;
use crate::support::http::Http;
use crate::support::viewer::{Manners, Script, Viewer};

/// Between two typed lines. Faster than anybody types, so that every fault finds keys under way.
const TYPES_EVERY: Duration = Duration::from_millis(30);

/// Longest wait for anything to come right again. Nothing measured: an agent that failed often waits up to 30 s.
const WHOLE_WITHIN: Duration = Duration::from_mins(3);

/// The people at one session.
pub struct Crew {
    /// What they use.
    pub program: Program,
    /// The one who types is the first.
    viewers: Vec<Arc<Viewer>>,
    typed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    typing: Option<JoinHandle<()>>,
}

impl Crew {
    /// One who types and `watchers` who watch, all over the line that `who` takes.
    pub async fn gather(who: &Http, program: Program, watchers: usize) -> Self {
        let manners = |take| Manners { take, script: Some(Arc::new(program.prints)), ..Manners::default() };
        let mut viewers = Vec::new();
        for number in 0..=watchers {
            let take = if number == 0 { Take::Always } else { Take::Never };
            let viewer = Viewer::open(who, program.session, manners(take));
            viewer.expect_attached().await;
            viewers.push(Arc::new(viewer));
        }
        let (typed, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let typing =
            tokio::spawn(type_lines(Arc::clone(&viewers[0]), program.typed, Arc::clone(&typed), Arc::clone(&stop)));
        Self { program, viewers, typed, stop, typing: Some(typing) }
    }

    /// Waits until everybody is live and everything typed until now was taken.
    pub async fn expect_whole(&self, when: &str) {
        let typed = self.typed.load(Ordering::SeqCst);
        self.expect_taken(typed, when).await;
        for viewer in &self.viewers {
            self.expect(viewer, &format!("{when}, everybody is live"), |seen| seen.live.then_some(())).await;
            let violations = viewer.look(|seen| seen.violations.clone());
            assert_eq!(violations, Vec::<String>::new(), "{when}, {}", self.program.session);
        }
    }

    /// Types no more; how many lines were typed, and taken.
    pub async fn stop_typing(&mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        self.typing.take().expect("typing").await.unwrap();
        let typed = self.typed.load(Ordering::SeqCst);
        self.expect_taken(typed, "at the end").await;
        typed
    }

    /// Waits until everybody has seen everything up to `end`, and checks the screen that stands there.
    pub async fn expect_all_seen(&self, end: Offset) {
        for viewer in &self.viewers {
            self.expect(viewer, &format!("all output up to {end}"), |seen| (seen.offset >= end).then_some(())).await;
            viewer.look(|seen| {
                assert_eq!(seen.violations, Vec::<String>::new(), "{}", self.program.session);
                assert_eq!(seen.offset, end, "{}: nothing beyond the end", self.program.session);
                self.program.prints.check_screen(end, &seen.screen.text()).unwrap();
            });
        }
    }

    /// How much was seen and how often it was interrupted, of all viewers: bytes, repaints, connections.
    pub fn sums(&self) -> [u64; 3] {
        let of = |viewer: &Arc<Viewer>| {
            viewer.look(|seen| [seen.output_bytes, u64::from(seen.repaints), u64::from(seen.connections)])
        };
        self.viewers.iter().map(of).fold([0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]))
    }

    async fn expect_taken(&self, typed: u64, when: &str) {
        let answered = format!("{when}, all {typed} lines that were typed are answered");
        self.expect(&self.viewers[0], &answered, |seen| {
            (typed == 0 || seen.input_acks.range(typed..).next().is_some()).then_some(())
        })
        .await;
        let refused = self.viewers[0].look(|seen| {
            seen.input_acks.iter().find(|(_, outcome)| **outcome != InputOutcome::Applied).map(|it| *it.0)
        });
        assert_eq!(refused, None, "{when}, {}: no line was refused", self.program.session);
    }

    async fn expect<T>(
        &self,
        viewer: &Viewer,
        why: &str,
        look: impl Fn(&crate::support::viewer::Seen) -> Option<T>,
    ) -> T {
        match viewer.within(WHOLE_WITHIN, &look).await {
            Some(found) => found,
            None => viewer.look(|seen| {
                panic!(
                    "waited {WHOLE_WITHIN:?} in vain: {why}; session {}, typed {}, acknowledged {:?}, offset {}, live {}, \
                     attached {}, detached {:?}, {} connections, violations {:?}, last closes {:?}",
                    self.program.session,
                    self.typed.load(Ordering::SeqCst),
                    seen.input_acks.last_key_value(),
                    seen.offset,
                    seen.live,
                    seen.attached,
                    seen.detached,
                    seen.connections,
                    seen.violations,
                    &seen.closed[seen.closed.len().saturating_sub(5)..],
                )
            }),
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if let Some(typing) = &self.typing {
            typing.abort();
        }
    }
}

async fn type_lines(viewer: Arc<Viewer>, lines: super::programs::Lines, typed: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let number = typed.load(Ordering::SeqCst);
        // One line is one numbered input, so line and number go together.
        viewer.type_text(&lines.line(number)).await;
        typed.store(number + 1, Ordering::SeqCst);
        tokio::time::sleep(TYPES_EVERY).await;
    }
}
