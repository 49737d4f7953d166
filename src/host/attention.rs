//! What a session's program is at, and what it wants of a person: one state machine. Pure.
//!
//! Claude Code says it by its hooks ([`Attention::hook`]). They leave gaps, which are closed here: nothing fires when a
//! dialog is left by Escape or answered by "No", nor when a person interrupts. So a key typed into a dialog has the screen
//! looked at ([`Attention::looks_at`]), and what was interrupted is idle once it is silent: at work, Claude Code's clock
//! ticks on the screen.
//!
//! Other programs say it by bell, notifications (OSC 9, 99, 777), progress (OSC 9;4) and prompts (OSC 133). Of the rest,
//! output is all that is known: at work until it has been silent for two seconds.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::stream::ScreenSignal;
use crate::wire::attention::{Answer, Hook, Need, Reason, Settled};
use crate::wire::session::Activity;

/// A program that does not say what it is at works until it has been silent for this long.
const WORKING_FOR: Duration = Duration::from_secs(2);

/// What may have been interrupted is idle after this much silence. Claude Code at work draws at least once a second.
const INTERRUPTED_AFTER: Duration = Duration::from_secs(3);

/// From a key in a dialog, or what the program drew after it, to the look at the screen.
const LOOK_AFTER: Duration = Duration::from_millis(150);

/// A bell this soon after a key answers the key, like that of a completion that found nothing.
const BELL_IS_FEEDBACK_FOR: Duration = Duration::from_secs(2);

/// A command that took less was watched to its end.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// Requests that wait at a time: Claude Code asks one after the other, its subagents beside it. The oldest goes first.
const REQUESTS_MAX: usize = 16;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Attention {
    /// What it is at while nothing waits.
    base: Activity,
    /// What waits for a person, the one shown first.
    requests: VecDeque<Request>,
    /// Answers for hooks that wait and have not heard yet.
    answers: VecDeque<(u64, Answer)>,
    /// Requests so far.
    count: u64,
    settled: Option<Settled>,
    voice: Voice,
    /// Somebody typed into what works: it may have been interrupted.
    unsure: bool,
    /// A key was typed into the dialog that is shown.
    touched: bool,
    look_at: Option<Instant>,
    shell: Shell,
    /// The program shows progress.
    progress: bool,
    printed_at: Option<Instant>,
    typed_at: Option<Instant>,
}

#[derive(Debug)]
struct Request {
    need: Need,
    call: Option<String>,
}

/// Who says what the program is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// Its output, and what that holds.
    Output,
    /// Claude Code's hooks; what the output looks like says nothing beside them.
    Hooks,
}

/// What OSC 133 said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// Nothing.
    Silent,
    /// It is at its prompt: output is what is typed.
    Prompt,
    /// It runs a command.
    Runs { since: Instant },
}

/// What became of a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing yet.
    Waits,
    /// It was answered from elsewhere.
    Answered(Answer),
    /// It was settled another way.
    Withdrawn,
}

/// When something happens: by the clock that never jumps, and by the wall's in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Instant,
    pub(super) millis: u64,
}

impl Attention {
    pub(super) fn new() -> Self {
        Self {
            base: Activity::Idle,
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            count: 0,
            settled: None,
            voice: Voice::Output,
            unsure: false,
            touched: false,
            look_at: None,
            shell: Shell::Silent,
            progress: false,
            printed_at: None,
            typed_at: None,
        }
    }

    /// What the program is at.
    pub(super) fn activity(&self) -> Activity {
        if self.requests.is_empty() { self.base } else { Activity::NeedsYou }
    }

    /// What it wants now.
    pub(super) fn needs(&self) -> Option<&Need> {
        self.requests.front().map(|request| &request.need)
    }

    /// How the last need ended.
    pub(super) fn settled(&self) -> Option<Settled> {
        self.settled
    }

    /// A hook fired. The number of the need whose answer it may wait for.
    pub(super) fn hook(&mut self, hook: &Hook, at: Moment) -> Option<u64> {
        self.voice = Voice::Hooks;
        match hook.event.as_str() {
            // A subagent's request waits for a person like any other.
            "PermissionRequest" => return self.request(hook, asks(hook).unwrap_or(Reason::Permission), at),
            "PreToolUse" => return asks(hook).and_then(|reason| self.request(hook, reason, at)),
            "PostToolUse" | "PostToolUseFailure" => {
                self.end_requests(None, |request| request.call.is_some() && request.call == hook.call);
                if !hook.subagent {
                    self.turn(Activity::Working);
                }
            }
            _ if hook.subagent => {}
            "UserPromptSubmit" => self.begin(Activity::Working),
            "Stop" => self.begin(Activity::Done),
            "StopFailure" => {
                self.begin(Activity::Idle);
                return self.request(hook, Reason::Error, at);
            }
            // In the middle of work.
            "SessionStart" if hook.text == "compact" => {}
            "SessionStart" => self.begin(Activity::Idle),
            _ => {}
        }
        None
    }

    /// The program printed.
    pub(super) fn printed(&mut self, now: Instant) {
        self.printed_at = Some(now);
        if self.touched {
            self.look_at.get_or_insert(now + LOOK_AFTER);
        }
        if self.voice == Voice::Output && self.shell != Shell::Prompt {
            self.turn(Activity::Working);
        }
    }

    /// Somebody typed. What a terminal sends by itself, as when a window gets the focus, is nobody's.
    pub(super) fn typed(&mut self, bytes: &[u8], now: Instant) {
        if is_report(bytes) {
            return;
        }
        self.typed_at = Some(now);
        self.end_requests(None, |request| matches!(request.need.reason, Reason::Notice | Reason::Error));
        if !self.requests.is_empty() {
            self.touched = true;
            self.look_at = Some(now + LOOK_AFTER);
            return;
        }
        match self.base {
            Activity::Done => self.turn(Activity::Idle),
            Activity::Working => self.unsure = true,
            _ => {}
        }
    }

    /// The program's output held this.
    pub(super) fn signal(&mut self, signal: ScreenSignal, at: Moment) {
        if self.voice == Voice::Hooks {
            return;
        }
        let quiet = |typed: Instant| at.now.saturating_duration_since(typed) >= BELL_IS_FEEDBACK_FOR;
        match signal {
            ScreenSignal::Bell if self.typed_at.is_none_or(quiet) => self.notice("The bell rang.".to_owned(), at),
            ScreenSignal::Bell => {}
            ScreenSignal::Notice(text) => self.notice(text, at),
            ScreenSignal::Progress(shown) => {
                self.progress = shown;
                if shown {
                    self.turn(Activity::Working);
                }
            }
            ScreenSignal::Prompt => {
                if self.base != Activity::Done {
                    self.turn(Activity::Idle);
                }
                self.shell = Shell::Prompt;
            }
            ScreenSignal::CommandStarts => {
                self.shell = Shell::Runs { since: at.now };
                self.turn(Activity::Working);
            }
            ScreenSignal::CommandEnds => {
                let long = matches!(self.shell, Shell::Runs { since } if at.now - since >= WORTH_TELLING);
                self.shell = Shell::Prompt;
                self.progress = false;
                self.turn(if long { Activity::Done } else { Activity::Idle });
            }
        }
    }

    /// Whether the screen is to be looked at now. Asked once, it is not again until there is reason to.
    pub(super) fn looks_at(&mut self, now: Instant) -> bool {
        self.look_at.take_if(|at| *at <= now).is_some()
    }

    /// The screen was looked at.
    pub(super) fn looked(&mut self, screen: &[String]) {
        if !self.touched || screen.iter().any(|line| belongs_to_dialog(line)) {
            return;
        }
        self.end_requests(None, |_| true);
        // Yes or no: whether it works on shows.
        self.turn(Activity::Working);
        self.unsure = true;
    }

    /// Somebody answers from elsewhere than the terminal. An answer to what is settled changes nothing.
    pub(super) fn answer(&mut self, need: u64, token: u64, answer: Answer) {
        if !self.requests.iter().any(|request| request.need.id == need && request.need.answerable) {
            return;
        }
        self.end_requests(Some(token), |request| request.need.id == need);
        self.answers.push_back((need, answer));
        if self.answers.len() > REQUESTS_MAX {
            self.answers.pop_front();
        }
        self.turn(Activity::Working);
    }

    /// What became of `need`, for the hook that waits for it. An answer is given out once.
    pub(super) fn outcome(&mut self, need: u64) -> Outcome {
        let answered = self.answers.iter().position(|(answered, _)| *answered == need);
        if let Some((_, answer)) = answered.and_then(|at| self.answers.remove(at)) {
            return Outcome::Answered(answer);
        }
        if self.requests.iter().any(|request| request.need.id == need) { Outcome::Waits } else { Outcome::Withdrawn }
    }

    /// The hook that waited for `need` is gone: it can only be answered in the terminal.
    pub(super) fn abandoned(&mut self, need: u64) {
        self.answers.retain(|(answered, _)| *answered != need);
        if let Some(request) = self.requests.iter_mut().find(|request| request.need.id == need) {
            (request.need.answerable, request.need.always) = (false, false);
        }
    }

    /// The program has ended.
    pub(super) fn end(&mut self) {
        self.begin(Activity::Idle);
        (self.progress, self.shell, self.voice) = (false, Shell::Silent, Voice::Hooks);
    }

    /// Does what is due.
    pub(super) fn keep_time(&mut self, now: Instant) {
        if self.idle_at().is_some_and(|at| at <= now) {
            self.turn(Activity::Idle);
        }
    }

    /// When something is due next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.idle_at(), self.look_at].into_iter().flatten().min()
    }

    fn idle_at(&self) -> Option<Instant> {
        let silence = match self {
            Self { base: Activity::Working, voice: Voice::Hooks, unsure: true, .. } => INTERRUPTED_AFTER,
            Self { base: Activity::Working, voice: Voice::Output, progress: false, .. } => WORKING_FOR,
            _ => return None,
        };
        Some(self.printed_at.max(self.typed_at)? + silence)
    }

    fn turn(&mut self, to: Activity) {
        (self.base, self.unsure) = (to, false);
    }

    /// A new turn of the conversation: nothing of the one before waits any more.
    fn begin(&mut self, with: Activity) {
        self.end_requests(None, |_| true);
        self.turn(with);
    }

    fn notice(&mut self, text: String, at: Moment) {
        // One call at a time: the newest is what somebody wants to see.
        self.end_requests(None, |request| request.need.reason == Reason::Notice);
        self.request(&Hook { text, ..Hook::default() }, Reason::Notice, at);
    }

    fn request(&mut self, hook: &Hook, reason: Reason, at: Moment) -> Option<u64> {
        let waits = hook.waits && reason != Reason::Question;
        // A plan is told of twice: before its tool runs, and when that needs leave.
        let known = self.requests.iter_mut().find(|request| hook.call.is_some() && request.call == hook.call);
        if let Some(known) = known {
            if waits && !known.need.answerable {
                (known.need.answerable, known.need.always) = (true, hook.always);
                return Some(known.need.id);
            }
            if !waits {
                return None;
            }
        }
        if self.requests.len() >= REQUESTS_MAX {
            return None;
        }
        self.count += 1;
        let need = Need {
            id: self.count,
            reason,
            tool: hook.tool.clone(),
            text: hook.text.clone(),
            since: at.millis,
            answerable: waits,
            always: waits && hook.always,
        };
        self.requests.push_back(Request { need, call: hook.call.clone() });
        waits.then_some(self.count)
    }

    fn end_requests(&mut self, by: Option<u64>, which: impl Fn(&Request) -> bool) {
        let shown = self.requests.front().map(|request| request.need.id);
        for request in self.requests.iter().filter(|request| which(request)) {
            self.settled = Some(Settled { id: request.need.id, by });
        }
        self.requests.retain(|request| !which(request));
        if self.requests.front().map(|request| request.need.id) != shown {
            (self.touched, self.look_at) = (false, None);
        }
    }
}

/// What a tool asks by being used.
fn asks(hook: &Hook) -> Option<Reason> {
    match hook.tool.as_deref()? {
        "AskUserQuestion" => Some(Reason::Question),
        "ExitPlanMode" => Some(Reason::Plan),
        _ => None,
    }
}

/// Whether this is a report of the terminal: focus, or the mouse.
fn is_report(bytes: &[u8]) -> bool {
    matches!(bytes, b"" | b"\x1b[I" | b"\x1b[O") || bytes.starts_with(b"\x1b[<") || bytes.starts_with(b"\x1b[M")
}

/// Whether a line of the screen is one of Claude Code's dialogs: the choice that is pointed at, or what ends it.
fn belongs_to_dialog(line: &str) -> bool {
    let text = line.trim_matches(|char: char| char.is_whitespace() || char == '│');
    let choice = text.strip_prefix('❯').map(str::trim_start).is_some_and(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest[digits..].starts_with(". ")
    });
    choice || text.contains("Esc to cancel")
}
