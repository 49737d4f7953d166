//! What sessions need, answered from elsewhere than their terminals.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::super::Shared;
use super::super::answer::{ApiError, Body, Id};
use super::super::audit::note_soon;
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use crate::base::id::SessionId;
use crate::base::problem::Code;
use crate::store::audit::Action;
use crate::wire::attention::Answer;

/// What a program is told with a refusal, in bytes.
const MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// An answer, and to what.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Answering {
    /// The `id` in the session's `needs`.
    need: u64,
    #[serde(flatten)]
    answer: Answer,
}

/// `POST /sessions/{id}/answer`: `{"need": 3, "answer": "allow"}`, `"allow_always"`, or `"deny"` with a `message`.
pub(in crate::server) async fn answer(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Id(id): Id<SessionId>,
    Body(Answering { need, answer }): Body<Answering>,
) -> Result<StatusCode, ApiError> {
    let word = match &answer {
        Answer::Allow => "allow",
        Answer::AllowAlways => "allow_always",
        Answer::Deny { message } if message.len() > MESSAGE_BYTES_MAX => {
            let text = format!("a message has at most {MESSAGE_BYTES_MAX} bytes");
            return Err(ApiError::new(Code::BadRequest, text));
        }
        Answer::Deny { .. } => "deny",
    };
    let asked = shared.relay.answer(&caller, id, need, answer).await?;
    let event = caller.event(Action::SessionAnswer, from).on(id).fact("answer", word).fact("need", need);
    note_soon(&shared, event.fact("tool", asked.tool.unwrap_or_default()));
    Ok(StatusCode::NO_CONTENT)
}
