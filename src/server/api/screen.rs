//! A session for scripts: its screen as text, keys for it, and waiting for what it shows.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::audit::{note_soon, note_watching};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use super::super::auth::permissions::Permission;
use super::super::relay::{Once, SessionHub};
use super::idempotency::IdempotencyKey;
use super::keys_named::key as key_named;
use crate::base::id::SessionId;
use crate::base::offset::Offset;
use crate::base::problem::{Code, Problem};
use crate::store::audit::Action;
use crate::wire::frame::InputOutcome;
use crate::wire::session::{ScreenText, SessionState};

/// Time a PTY host has to answer. It answers within milliseconds; one of an older build never does.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Longest wait of one request: below the time in which every request is answered, and in which proxies give up.
const WAIT_MAX: Duration = Duration::from_secs(25);

/// A screen that changes all the time is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a program must have been silent before it counts as idle, unless told otherwise.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// Text and keys of one request, in bytes. A longer paste is several requests.
const INPUT_MAX: usize = 256 * 1024;

/// A compiled pattern, in bytes: what a script writes needs a few KiB, and none may cost the server its memory.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// A screen at a moment.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Screen {
    /// Bytes of output before this moment: send it as `after` to wait for what comes behind it.
    offset: Offset,
    #[serde(flatten)]
    screen: ScreenText,
}

/// `GET /sessions/{id}/screen`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
) -> Result<Json<Screen>, ApiError> {
    let (view, hub) = shared.relay.session(&caller, id, Permission::ReadScreen).await?;
    note_watching(&shared, &caller, from, &view);
    let (offset, screen) = text(&hub, None, ANSWER_WITHIN).await?.ok_or_else(too_old)?;
    Ok(Json(Screen { offset, screen }))
}

/// The screen once there is output behind `after`; `None` if that takes longer than `time`.
async fn text(
    hub: &SessionHub,
    after: Option<Offset>,
    time: Duration,
) -> Result<Option<(Offset, ScreenText)>, Problem> {
    match tokio::time::timeout(time, hub.ask_text(after)?).await {
        Ok(Ok(screen)) => Ok(Some(screen)),
        Ok(Err(_)) => {
            Err(Problem::new(Code::MachineOffline, "the connection to the session's machine broke; try again"))
        }
        Err(_) => Ok(None),
    }
}

fn too_old() -> Problem {
    Problem::new(
        Code::MachineOffline,
        "the session's PTY host did not answer: it is of a build that cannot say what its screen shows, or has hung",
    )
}

/// What to type: text as it is, then keys by their names.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Input {
    /// Typed as it is; `\r` is Enter.
    #[serde(default)]
    text: String,
    /// Then these, like `["Enter"]`, `["Ctrl-C"]`, `["Escape", "Up"]`.
    #[serde(default)]
    keys: Vec<String>,
    /// Take the keyboard from whoever has it.
    #[serde(default)]
    take: bool,
}

/// What became of it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Typed {
    /// Bytes that reached the program's terminal.
    bytes: usize,
    /// Bytes of output before it was typed: what comes behind it is the program's answer.
    offset: Offset,
}

/// `POST /sessions/{id}/input`: with an `Idempotency-Key` typed once, however often it is asked for.
pub(in crate::server) async fn input(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    key: IdempotencyKey,
    Body(asked): Body<Input>,
) -> Result<Json<Typed>, ApiError> {
    let (view, hub) = shared.relay.session(&caller, id, Permission::TypeSession).await?;
    let mut bytes = asked.text.into_bytes();
    for name in &asked.keys {
        let known = key_named(name);
        let known = known.ok_or_else(|| ApiError::new(Code::BadRequest, format!("there is no key called {name:?}")))?;
        bytes.extend(known);
        if bytes.len() > INPUT_MAX {
            break;
        }
    }
    if bytes.is_empty() || bytes.len() > INPUT_MAX {
        let message = format!("send 1 to {INPUT_MAX} bytes, as text or as keys");
        return Err(ApiError::new(Code::BadRequest, message));
    }
    let bytes = Bytes::from(bytes);
    let size = (view.info.cols, view.info.rows);
    let once = key.input(&caller, id).map(|key| Once::new(key, &bytes));
    let before = once.map(|once| hub.asked_before(once)).transpose()?.flatten();
    let offset = match before {
        Some(before) if before.typed => return Ok(Json(Typed { bytes: bytes.len(), offset: before.offset })),
        Some(before) => before.offset,
        None => text(&hub, None, ANSWER_WITHIN).await?.ok_or_else(too_old)?.0,
    };
    let asked_once = once.map(|once| (once, offset));
    let (viewer, fate) = hub.script_types(caller.user, asked_once, asked.take, size, &bytes)?;
    let fate = tokio::time::timeout(ANSWER_WITHIN, fate).await;
    hub.script_leaves(viewer);
    match fate {
        Ok(Ok(InputOutcome::Applied)) => {
            if let Some(once) = once {
                hub.typed_once(once);
            }
            note_soon(&shared, caller.event(Action::SessionInput, from).on(id).fact("bytes", bytes.len()));
            Ok(Json(Typed { bytes: bytes.len(), offset }))
        }
        Ok(Ok(InputOutcome::NotController)) => Err(ApiError::new(
            Code::NotController,
            "somebody else has the keyboard; send \"take\": true to take it, and they will see so",
        )),
        Ok(Ok(InputOutcome::Ended)) => Err(ApiError::new(Code::SessionEnded, "the session's program has ended")),
        Ok(Err(_)) | Err(_) => Err(ApiError::new(
            Code::MachineOffline,
            "the machine did not say whether it was typed; ask again with the same Idempotency-Key, or look at the screen \
             before you type it again",
        )),
    }
}

/// What to wait for: the first that comes true.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Wait {
    /// A regular expression that the screen's text must match, lines joined with `\n`; `^` and `$` fit at each of them.
    #[serde(default)]
    r#match: Option<String>,
    /// Silence of the program for this long, in milliseconds; 0 leaves it out. Without anything else: 2,000.
    #[serde(default)]
    idle_ms: Option<u64>,
    /// Only what the screen shows once there was output behind this offset.
    #[serde(default)]
    after: Option<Offset>,
    /// Answer after this long in any case, in milliseconds; at most 25,000.
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WaitOutcome")]
pub(in crate::server) enum Outcome {
    /// The pattern fits the screen.
    Matched,
    /// The program was silent for long enough.
    Idle,
    /// The program has ended.
    Ended,
    /// Nothing of it came true in time. Ask again.
    Timeout,
}

/// What a wait led to.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Waited {
    outcome: Outcome,
    /// What the pattern matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
    /// The screen then.
    screen: Screen,
}

/// `POST /sessions/{id}/wait`
pub(in crate::server) async fn wait(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(asked): Body<Wait>,
) -> Result<Json<Waited>, ApiError> {
    let until = Instant::now() + asked.timeout_ms.map_or(WAIT_MAX, Duration::from_millis).min(WAIT_MAX);
    let pattern = asked.r#match.as_deref().map(compile).transpose()?;
    let quiet_for = match asked.idle_ms {
        None if pattern.is_some() => None,
        None => Some(QUIET_FOR),
        Some(0) => None,
        Some(millis) => Some(Duration::from_millis(millis)),
    };
    let (view, hub) = shared.relay.session(&caller, id, Permission::ReadScreen).await?;
    note_watching(&shared, &caller, from, &view);
    let now = text(&hub, None, ANSWER_WITHIN).await?.ok_or_else(too_old)?;
    let mut seen = Seen { offset: now.0, screen: now.1, changed: Instant::now() };
    // Whoever names an offset has seen the screen there: it is not what they wait for.
    let mut is_new = asked.after.is_none_or(|after| after < seen.offset);
    loop {
        let (view, _) = shared.relay.session(&caller, id, Permission::ReadScreen).await?;
        if is_new && let Some(found) = pattern.as_ref().and_then(|pattern| seen.find(pattern)) {
            return Ok(seen.answer(Outcome::Matched, Some(found)));
        }
        if matches!(view.info.state, SessionState::Exited | SessionState::Lost) {
            return Ok(seen.answer(Outcome::Ended, None));
        }
        let now = Instant::now();
        let idle_at = quiet_for.map(|quiet| seen.changed + quiet).filter(|_| is_new);
        if idle_at.is_some_and(|at| at <= now) {
            return Ok(seen.answer(Outcome::Idle, None));
        }
        if now >= until {
            return Ok(seen.answer(Outcome::Timeout, None));
        }
        let next = idle_at.map_or(until, |at| at.min(until));
        if let Some((offset, screen)) = text(&hub, Some(seen.offset), next - now).await? {
            is_new |= offset > seen.offset;
            seen = Seen { offset, screen, changed: Instant::now() };
            tokio::time::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

/// The screen last seen.
struct Seen {
    offset: Offset,
    screen: ScreenText,
    changed: Instant,
}

impl Seen {
    fn find(&self, pattern: &Regex) -> Option<String> {
        let text = self.screen.lines.join("\n");
        pattern.find(&text).map(|found| found.as_str().to_owned())
    }

    fn answer(self, outcome: Outcome, matched: Option<String>) -> Json<Waited> {
        Json(Waited { outcome, matched, screen: Screen { offset: self.offset, screen: self.screen } })
    }
}

fn compile(pattern: &str) -> Result<Regex, ApiError> {
    let built = RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|error| {
        let last = error.to_string();
        let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ApiError::new(Code::BadRequest, format!("the pattern to match cannot be used: {last}"))
    })
}
