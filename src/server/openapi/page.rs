//! The same for people: one page without scripts, `GET /api/docs`.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::document::value;

/// Nothing but its own style.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
content=\"width=device-width\"><title>SessionForge API</title><style>:root{color-scheme:light dark}body{font:15px/1.5 \
system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code,pre{font:13px/1.45 ui-monospace,monospace}\
section{border-top:1px solid #8884;padding:.75rem 0}h2{margin:2rem 0 .5rem;font-size:1.15rem}h3{margin:0;font-size:1rem}\
.m{display:inline-block;min-width:4.5rem;font-weight:600}p{margin:.25rem 0}dl{display:grid;grid-template-columns:max-content \
1fr;gap:.1rem 1rem;margin:.5rem 0}dd{margin:0}small{opacity:.75}</style><h1>SessionForge API</h1><p>Below \
<code>/api/v1</code>, with <code>Authorization: Bearer sf_live_…</code> or the page's cookie. For programs: \
<a href=\"/api/openapi.json\">openapi.json</a>.</p>";

/// `GET /api/docs`
pub(in crate::server) async fn readable() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, html(value())).into_response()
}

// Writing into a string cannot fail.
fn html(document: &Value) -> String {
    let mut out = HEAD.to_owned();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, said) in methods.as_object().into_iter().flatten() {
            let text = |value: &Value| escaped(value.as_str().unwrap_or_default());
            let _ = write!(
                out,
                "<section><h3><span class=m>{}</span><code>{}</code></h3><p>{}</p><dl>",
                method.to_uppercase(),
                escaped(path),
                text(&said["summary"])
            );
            for parameter in said["parameters"].as_array().into_iter().flatten() {
                row(
                    &mut out,
                    &text(&parameter["name"]),
                    &kind(&parameter["schema"]),
                    &text(&parameter["schema"]["description"]),
                );
            }
            let body = resolved(document, &said["requestBody"]["content"]["application/json"]["schema"]);
            for (name, property) in body["properties"].as_object().into_iter().flatten() {
                let needed = body["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
                let name = format!("{}{}", escaped(name), if needed { "" } else { "?" });
                row(&mut out, &name, &kind(property), &text(&property["description"]));
            }
            out += "</dl>";
            for (status, answer) in
                said["responses"].as_object().into_iter().flatten().filter(|(status, _)| *status != "default")
            {
                let schema = &answer["content"]["application/json"]["schema"];
                let _ = write!(
                    out,
                    "<p><small>{status}</small> {} <code>{}</code></p>",
                    text(&answer["description"]),
                    kind(schema)
                );
            }
            out += "</section>";
        }
    }
    out + "<h2>What answers hold</h2>" + &schemas(document)
}

fn schemas(document: &Value) -> String {
    let mut out = String::new();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let text = |value: &Value| escaped(value.as_str().unwrap_or_default());
        let _ = write!(
            out,
            "<section id=\"{0}\"><h3><code>{0}</code></h3><p>{1}</p><dl>",
            escaped(name),
            text(&schema["description"])
        );
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            row(&mut out, &escaped(name), &kind(property), &text(&property["description"]));
        }
        for value in schema["enum"].as_array().or(schema["oneOf"].as_array()).into_iter().flatten() {
            let (name, what) =
                if value.is_object() { (&value["const"], &value["description"]) } else { (value, &Value::Null) };
            row(&mut out, &text(name), "", &text(what));
        }
        out += "</dl></section>";
    }
    out
}

fn row(out: &mut String, name: &str, kind: &str, what: &str) {
    let _ = write!(out, "<dt><code>{name}</code> <small>{kind}</small></dt><dd>{what}</dd>");
}

/// The definition a schema leads to.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let pointer = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// A schema in a word.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|text| text.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    if let Some(first) = schema["anyOf"].as_array().and_then(|all| all.first()) {
        return kind(first);
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => escaped(name),
        Value::Array(names) => escaped(names.first().and_then(Value::as_str).unwrap_or_default()),
        _ => String::new(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
