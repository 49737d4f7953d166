//! A stand-in for the Messages API on loopback: enough of it that the real Claude Code runs with no network and no account.
//!
//! What the "model" answers is decided by the newest thing the person said:
//!
//! | said | answered |
//! |---|---|
//! | `RUN: <command> END` | a call of the Bash tool; after its result, `Result: <its output>` |
//! | a block of `sh`, as a skill has one | the same, of its command, with `ADD: <arguments> END` behind it |
//! | `BEHIND: <command> END` | the same, run in the background; the answer to its end is held like that to `HOLD` |
//! | `ASK: <question> END` | a call of `AskUserQuestion` with the choices Yes and No |
//! | `PLAN: <plan> END` | a call of `ExitPlanMode` |
//! | `SAY: <n> END` | n numbered lines, streamed |
//! | `HOLD` | the beginning of an answer; its end once [`StandIn::go_on`] was called |
//! | `FAIL` | an error that Claude Code does not try again |
//! | anything else | [`GREETING`] |

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The answer to what is no order.
pub const GREETING: &str = "Hello from the stand-in.";

/// Characters of one streamed piece, about what the real one sends.
const PIECE_CHARS: usize = 24;

/// What a test has in its hands of the stand-in.
#[derive(Debug, Clone)]
pub struct StandIn {
    /// Where it listens.
    pub address: SocketAddr,
    held: Arc<Notify>,
}

impl StandIn {
    /// Lets one answer that was held go on, the next one if there is none yet.
    pub fn go_on(&self) {
        self.held.notify_one();
    }
}

/// Serves until the test's runtime ends.
pub async fn serve() -> SocketAddr {
    stand_in().await.address
}

/// The same, with a hand on it.
pub async fn stand_in() -> StandIn {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let held = Arc::new(Notify::new());
    let router = Router::new().fallback({
        let held = Arc::clone(&held);
        async move |uri: Uri, body: Bytes| answer(&uri, &body, Arc::clone(&held))
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    StandIn { address, held }
}

fn answer(uri: &Uri, body: &Bytes, held: Arc<Notify>) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(body) else { return Json(json!({})).into_response() };
    if uri.path().ends_with("/count_tokens") {
        return Json(json!({"input_tokens": 10})).into_response();
    }
    if !uri.path().ends_with("/v1/messages") {
        return Json(json!({})).into_response();
    }
    let reply = Reply::to(&request);
    if reply.fails {
        let error = json!({"type": "invalid_request_error", "message": "the stand-in fails, as asked"});
        return (StatusCode::BAD_REQUEST, Json(json!({"type": "error", "error": error}))).into_response();
    }
    if request["stream"] == true { reply.streamed(&request, held) } else { reply.whole(&request) }
}

/// What the model says: text, and perhaps one tool call.
#[derive(Default)]
struct Reply {
    text: String,
    /// A tool and its input.
    call: Option<(&'static str, Value)>,
    held: bool,
    fails: bool,
}

impl Reply {
    fn to(request: &Value) -> Self {
        let newest = request["messages"]
            .as_array()
            .and_then(|messages| messages.iter().rev().find(|message| message["role"] == "user"))
            .map(|message| &message["content"]);
        let blocks = match newest {
            Some(Value::Array(blocks)) => blocks.clone(),
            Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
            _ => Vec::new(),
        };
        let says = |text: String| Self { text, ..Self::default() };
        // What was typed behind a tool's result comes with it, if the tool was refused.
        let result = blocks.iter().rposition(|block| block["type"] == "tool_result");
        let said: String = blocks[result.map_or(0, |at| at + 1)..]
            .iter()
            .filter_map(|block| block["text"].as_str())
            .filter(|text| !text.starts_with("<system-reminder>") && !text.starts_with("[Request interrupted"))
            .collect::<Vec<_>>()
            .join("\n");
        if let Some(result) = result.filter(|_| said.is_empty()) {
            return says(format!("Result: {}", text_of(&blocks[result]["content"]).trim()));
        }
        let tools: Vec<&str> =
            request["tools"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
        Self::calling(&said)
            .filter(|reply| reply.call.as_ref().is_some_and(|(tool, _)| tools.contains(tool)))
            .unwrap_or_else(|| {
                if let Some(count) = between(&said, "SAY: ", " END").and_then(|count| count.parse::<u32>().ok()) {
                    let lines: Vec<String> = (1..=count).map(|line| format!("line {line} of {count}")).collect();
                    return says(lines.join("\n"));
                }
                // In a conversation: what Claude Code asks besides, like for a title, has no tools.
                // What was said before an error is said again with what is said after it.
                let (held, fails) = (said.rfind("HOLD"), said.rfind("FAIL"));
                let orders = !tools.is_empty();
                Self { held: orders && held > fails, fails: orders && fails > held, ..says(GREETING.to_owned()) }
            })
    }

    /// The tool that an order asks for.
    fn calling(said: &str) -> Option<Self> {
        let bash = |command: &str, behind: bool| {
            // Claude Code is told of the end of what ran behind with its description.
            let description = if behind { "HOLD" } else { "as asked" };
            ("Bash", json!({"command": command, "description": description, "run_in_background": behind}))
        };
        let (text, call) = if let Some(command) = between(said, "RUN: ", " END") {
            ("I run it.", bash(command, false))
        } else if let Some(command) = between(said, "BEHIND: ", " END") {
            ("I run it behind.", bash(command, true))
        } else if let Some(command) = between(said, "```sh\n", "\n```") {
            let command = format!("{command} {}", between(said, "ADD: ", " END").unwrap_or_default());
            ("I hand it over.", bash(command.trim(), false))
        } else if let Some(question) = between(said, "ASK: ", " END") {
            let options = ["Yes", "No"].map(|label| json!({"label": label, "description": "as it says"}));
            let question = json!({"question": question, "header": "Choice", "options": options, "multiSelect": false});
            ("I ask.", ("AskUserQuestion", json!({"questions": [question]})))
        } else if let Some(plan) = between(said, "PLAN: ", " END") {
            ("I plan.", ("ExitPlanMode", json!({"plan": plan})))
        } else {
            return None;
        };
        Some(Self { text: text.to_owned(), call: Some(call), ..Self::default() })
    }

    fn stop_reason(&self) -> &'static str {
        if self.call.is_some() { "tool_use" } else { "end_turn" }
    }

    fn tool_call(&self) -> Option<Value> {
        let (tool, input) = self.call.as_ref()?;
        let id = format!("toolu_{:016x}", rand_id());
        Some(json!({"type": "tool_use", "id": id, "name": tool, "input": input}))
    }

    fn whole(&self, request: &Value) -> Response {
        let mut message = envelope(request);
        let text = json!({"type": "text", "text": self.text});
        message["content"] = [Some(text), self.tool_call()].into_iter().flatten().collect();
        message["stop_reason"] = json!(self.stop_reason());
        Json(message).into_response()
    }

    fn streamed(&self, request: &Value, held: Arc<Notify>) -> Response {
        let mut events = vec![json!({"type": "message_start", "message": envelope(request)})];
        events.push(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
        let characters: Vec<char> = self.text.chars().collect();
        for piece in characters.chunks(PIECE_CHARS) {
            let delta = json!({"type": "text_delta", "text": String::from_iter(piece)});
            events.push(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": 0}));
        if let Some(mut call) = self.tool_call() {
            let input = call["input"].take().to_string();
            call["input"] = json!({});
            events.push(json!({"type": "content_block_start", "index": 1, "content_block": call}));
            let delta = json!({"type": "input_json_delta", "partial_json": input});
            events.push(json!({"type": "content_block_delta", "index": 1, "delta": delta}));
            events.push(json!({"type": "content_block_stop", "index": 1}));
        }
        events.push(json!({"type": "message_delta", "usage": {"output_tokens": 5},
            "delta": {"stop_reason": self.stop_reason(), "stop_sequence": null}}));
        events.push(json!({"type": "message_stop"}));
        let holds = self.held;
        let stream = futures_util::stream::iter(events).then(move |event| {
            let held = Arc::clone(&held);
            async move {
                // The pace of a fast model: the screen is drawn many times, as in life.
                tokio::time::sleep(Duration::from_millis(3)).await;
                if holds && event["type"] == "content_block_stop" {
                    held.notified().await;
                }
                let kind = event["type"].as_str().unwrap_or_default();
                Ok::<_, Infallible>(format!("event: {kind}\ndata: {event}\n\n"))
            }
        });
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
    }
}

fn envelope(request: &Value) -> Value {
    json!({"id": format!("msg_{:016x}", rand_id()), "type": "message", "role": "assistant", "content": [],
        "model": request["model"], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1}})
}

fn rand_id() -> u64 {
    let mut raw = [0u8; 8];
    sessionforge::base::id::fill_random(&mut raw);
    u64::from_ne_bytes(raw)
}

/// The text of a tool's result: a string, or blocks.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(start)?;
    after.split_once(end).map(|(inside, _)| inside)
}
