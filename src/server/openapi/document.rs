//! The document itself: `GET /api/openapi.json`.

use std::sync::LazyLock;

use axum::Json;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Operation;
use crate::server::answer::ProblemView;
use crate::server::api::me::Me;
use crate::server::auth::permissions::{ByKey, Permission};
use crate::server::routes::{self, Access, Route};

/// Made once: it is the same for everybody.
static DOCUMENT: LazyLock<Value> = LazyLock::new(make);

/// `GET /api/openapi.json`
pub(in crate::server) async fn document() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

pub(super) fn value() -> &'static Value {
    &DOCUMENT
}

fn make() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let problem = schemas.subschema_for::<ProblemView>().to_value();
    let mut paths = Map::new();
    for route in routes::api() {
        let mut operation =
            Operation { schemas: &mut schemas, parameters: Vec::new(), body: None, responses: Map::new() };
        if let Some(describe) = route.describe {
            describe(&mut operation);
        }
        by_hand(&route, &mut operation);
        let refused = "It was not done; `code` is a stable name for why, `detail` a sentence for people.";
        operation.answers("default", refused, Some(("application/problem+json", problem.clone())));
        let said = finished(&route, operation);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = said;
    }
    let schemas = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SessionForge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every terminal session of every machine. Ids of another organisation do not exist for a caller.",
            "license": { "name": "MIT" },
        },
        "servers": [{ "url": "/api/v1" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key, sf_live_…" },
                "cookie": { "type": "apiKey", "in": "cookie", "name": "sf", "description": "A browser that signed in; `__Host-sf` over https." },
            },
        },
    })
}

/// Answers that handlers make by hand.
fn by_hand(route: &Route, operation: &mut Operation<'_>) {
    match (route.method, route.path) {
        ("GET", "/me") | ("POST", "/sign-in" | "/sign-in/link") => {
            operation.answers_json::<Me>("200", "Who is signed in.");
        }
        ("POST", "/setup" | "/invitations/accept" | "/me/invitations") => {
            operation.answers_json::<Me>("201", "The account, signed in.");
        }
        ("POST", "/sign-out") => operation.answers("204", "Signed out.", None),
        ("GET", "/audit/export") => {
            let lines = json!({ "type": "string" });
            operation.answers("200", "The log, oldest first.", None);
            operation.responses["200"]["content"] =
                json!({ "application/jsonl": { "schema": lines.clone() }, "text/csv": { "schema": lines } });
        }
        _ => {}
    }
}

fn finished(route: &Route, operation: Operation<'_>) -> Value {
    let words: Vec<&str> = route.path.split('/').filter(|word| !word.is_empty() && !word.starts_with('{')).collect();
    let about = if route.path.contains("{id}") { "_one" } else { "" };
    let mut said = json!({
        "operationId": format!("{}_{}{about}", route.method.to_lowercase(), words.join("_").replace('-', "_")),
        "tags": [words.first().copied().unwrap_or_default()],
        "summary": summary(route.access),
        "parameters": operation.parameters,
        "responses": operation.responses,
        "security": security(route.access),
    });
    if let Some(body) = operation.body {
        said["requestBody"] = body;
    }
    said
}

fn summary(access: Access) -> String {
    match access {
        Access::Open => "for anybody: what is brought along decides".to_owned(),
        Access::To(permission) => permission.rule().what.to_owned(),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::To(permission) => match Permission::rule(permission).key {
            ByKey::No => json!([{ "cookie": [] }]),
            ByKey::Only(_) => json!([{ "key": [] }]),
            ByKey::Any | ByKey::With(_) => json!([{ "key": [] }, { "cookie": [] }]),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_address_says_what_it_gives_and_every_reference_leads_somewhere() {
        let document = value();
        let mut ids = std::collections::BTreeSet::new();
        for route in routes::api() {
            let said = &document["paths"][route.path][route.method.to_lowercase()];
            let responses = said["responses"].as_object().unwrap();
            assert!(responses.len() > 1, "{} {} says nothing of success", route.method, route.path);
            assert!(ids.insert(said["operationId"].as_str().unwrap().to_owned()), "{said}");
            assert_eq!(route.path.contains("{id}"), said["parameters"].to_string().contains("\"path\""), "{said}");
        }
        let text = document.to_string();
        for reference in text.split("\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        }
    }
}
