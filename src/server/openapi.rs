//! The API's own description (OpenAPI 3.1), made from the handlers' types: what an address takes and gives is what its
//! handler takes and gives. A handler whose types cannot be described does not compile, so none is missing.

mod document;
mod page;

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Sse;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::{ApiError, Body, Id, Query};
use super::api::idempotency::IdempotencyKey;
use super::auth::Caller;
use super::auth::client::{Browser, ClientAddress};
use super::tagged::Tagged;
use super::upgrade::Upgrade;

pub(super) use document::document;
pub(super) use page::readable;

/// One address being described.
pub(super) struct Operation<'g> {
    schemas: &'g mut SchemaGenerator,
    parameters: Vec<Value>,
    body: Option<Value>,
    responses: Map<String, Value>,
}

impl Operation<'_> {
    fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }

    fn answers(&mut self, status: &str, what: &str, content: Option<(&str, Value)>) {
        let mut answer = json!({ "description": what });
        if let Some((kind, schema)) = content {
            answer["content"] = json!({ kind: { "schema": schema } });
        }
        self.responses.insert(status.to_owned(), answer);
    }

    fn answers_json<T: JsonSchema>(&mut self, status: &str, what: &str) {
        let schema = self.schema::<T>();
        self.answers(status, what, Some(("application/json", schema)));
    }
}

/// What a handler takes.
pub(super) trait Takes {
    /// Adds it; most of what handlers take is not said by the caller.
    fn describe(_: &mut Operation<'_>) {}
}

impl Takes for State<Arc<Shared>> {}
impl Takes for Caller {}
impl Takes for ClientAddress {}
impl Takes for Browser {}
impl Takes for HeaderMap {}

impl Takes for IdempotencyKey {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
        let what = "Any text, new for each thing to be done: a request that is sent again with it is carried out once.";
        let parameter = json!({ "name": "Idempotency-Key", "in": "header", "description": what, "schema": schema });
        operation.parameters.push(parameter);
    }
}

impl Takes for Upgrade {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers("101", "A WebSocket; its frames are described in docs/protocol.md.", None);
    }
}

impl<T: JsonSchema> Takes for Id<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.schema::<T>();
        operation.parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
}

impl Takes for Path<String> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({ "type": "string" });
        operation.parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
}

impl<T: JsonSchema> Takes for Body<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.schema::<T>();
        operation.body = Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
    }
}

impl<T: JsonSchema> Takes for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema = T::json_schema(operation.schemas).to_value();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.contains(&name.as_str());
            let parameter = json!({ "name": name, "in": "query", "required": required, "schema": property });
            operation.parameters.push(parameter);
        }
    }
}

/// What a handler gives.
pub(super) trait Gives {
    /// Adds it.
    fn describe(operation: &mut Operation<'_>);
}

impl<T: JsonSchema> Gives for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_json::<T>("200", "Done.");
    }
}

impl<T: JsonSchema> Gives for Tagged<T> {
    fn describe(operation: &mut Operation<'_>) {
        <Json<T> as Gives>::describe(operation);
    }
}

impl<T: JsonSchema> Gives for (StatusCode, Json<T>) {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers_json::<T>("201", "Made.");
    }
}

impl Gives for StatusCode {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers("204", "Done.", None);
    }
}

impl<S> Gives for Sse<S> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers("200", "Events, as they happen.", Some(("text/event-stream", json!({ "type": "string" }))));
    }
}

/// A handler that makes its answer by hand says nothing by its type: see [`document`].
impl Gives for Response {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T: Gives> Gives for Result<T, ApiError> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
    }
}

/// A handler, by what it takes and gives.
pub(super) trait Documented<T> {
    /// Adds both.
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! documented {
    ($($taken:ident)*) => {
        impl<F, M, R, G, $($taken),*> Documented<(M, $($taken,)*)> for F
        where
            F: Fn($($taken),*) -> R,
            R: Future<Output = G>,
            G: Gives,
            $($taken: Takes),*
        {
            fn describe(operation: &mut Operation<'_>) {
                $($taken::describe(operation);)*
                G::describe(operation);
            }
        }
    };
}
documented!();
documented!(A);
documented!(A B);
documented!(A B C);
documented!(A B C D);
documented!(A B C D E);
documented!(A B C D E H);
