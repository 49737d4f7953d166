//! A stand-in for the Messages API on loopback: enough of it that the real Claude Code runs with no network and no account.
//!
//! What the "model" answers is decided by the newest thing the person said:
//!
//! | said | answered |
//! |---|---|
//! | `RUN: <command> END` | a call of the Bash tool; after its result, `Result: <its output>` |
//! | a block of `sh`, as a skill has one | the same, of its command, with `ADD: <arguments> END` behind it |
//! | `SAY: <n> END` | n numbered lines, streamed |
//! | anything else | [`GREETING`] |

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Value, json};

/// The answer to what is no order.
pub const GREETING: &str = "Hello from the stand-in.";

/// Characters of one streamed piece, about what the real one sends.
const PIECE_CHARS: usize = 24;

/// Serves until the test's runtime ends.
pub async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn answer(uri: Uri, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return Json(json!({})).into_response() };
    if uri.path().ends_with("/count_tokens") {
        return Json(json!({"input_tokens": 10})).into_response();
    }
    if !uri.path().ends_with("/v1/messages") {
        return Json(json!({})).into_response();
    }
    let reply = Reply::to(&request);
    if request["stream"] == true { reply.streamed(&request) } else { reply.whole(&request) }
}

/// What the model says: text, and perhaps one tool call.
struct Reply {
    text: String,
    bash: Option<String>,
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
        if let Some(result) = blocks.iter().rfind(|block| block["type"] == "tool_result") {
            return Self { text: format!("Result: {}", text_of(&result["content"]).trim()), bash: None };
        }
        let said: String = blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .filter(|text| !text.starts_with("<system-reminder>"))
            .collect::<Vec<_>>()
            .join("\n");
        let has_bash = request["tools"].as_array().is_some_and(|tools| tools.iter().any(|tool| tool["name"] == "Bash"));
        if let Some(command) = between(&said, "RUN: ", " END").filter(|_| has_bash) {
            return Self { text: "I run it.".to_owned(), bash: Some(command.to_owned()) };
        }
        if let Some(command) = between(&said, "```sh\n", "\n```").filter(|_| has_bash) {
            let command = format!("{command} {}", between(&said, "ADD: ", " END").unwrap_or_default());
            return Self { text: "I hand it over.".to_owned(), bash: Some(command.trim().to_owned()) };
        }
        if let Some(count) = between(&said, "SAY: ", " END").and_then(|count| count.parse::<u32>().ok()) {
            let lines: Vec<String> = (1..=count).map(|line| format!("line {line} of {count}")).collect();
            return Self { text: lines.join("\n"), bash: None };
        }
        Self { text: GREETING.to_owned(), bash: None }
    }

    fn stop_reason(&self) -> &'static str {
        if self.bash.is_some() { "tool_use" } else { "end_turn" }
    }

    fn tool_call(&self) -> Option<Value> {
        let command = self.bash.as_ref()?;
        let id = format!("toolu_{:016x}", rand_id());
        Some(json!({"type": "tool_use", "id": id, "name": "Bash",
            "input": {"command": command, "description": "as asked"}}))
    }

    fn whole(&self, request: &Value) -> Response {
        let mut message = envelope(request);
        let text = json!({"type": "text", "text": self.text});
        message["content"] = [Some(text), self.tool_call()].into_iter().flatten().collect();
        message["stop_reason"] = json!(self.stop_reason());
        Json(message).into_response()
    }

    fn streamed(&self, request: &Value) -> Response {
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
        let stream = futures_util::stream::iter(events).then(|event| async move {
            // The pace of a fast model: the screen is drawn many times, as in life.
            tokio::time::sleep(Duration::from_millis(3)).await;
            let kind = event["type"].as_str().unwrap_or_default();
            Ok::<_, Infallible>(format!("event: {kind}\ndata: {event}\n\n"))
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
