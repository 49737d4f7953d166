//! The audit log of the caller's organisation: read in pages, exported whole, kept for as long as is set.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body as Stream, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body, Query};
use super::super::audit::{Retention, note_soon};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use crate::base::id::UserId;
use crate::base::problem::Code;
use crate::store::audit::{Action, Book, Entry, Filter, Outcome};
use crate::store::{Store, StoreError};

/// Entries of a page, unless asked for fewer.
const PAGE_DEFAULT: usize = 100;

/// Entries of one piece of an export.
const PIECE_ENTRIES: usize = 500;

/// Which entries. All that is left out fits everything.
#[derive(Debug, Default, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Wanted {
    /// An action, like `key.make`, or a kind of them, like `key`.
    action: Option<String>,
    /// A person's id.
    user: Option<UserId>,
    /// The id of what it was done to.
    on: Option<String>,
    outcome: Option<Outcome>,
    /// At or after, in milliseconds since 1970.
    since: Option<u64>,
    /// Before, in milliseconds since 1970.
    until: Option<u64>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    limit: Option<usize>,
}

impl Wanted {
    fn filter(self) -> Filter {
        let Self { action, user, on, outcome, since, until, .. } = self;
        Filter { action, user, on, outcome, since, until }
    }
}

/// A page of the log, newest first.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Log {
    entries: Vec<Entry>,
    /// Send it as `cursor` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// `GET /audit`
pub(in crate::server) async fn list(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Log>, ApiError> {
    let (cursor, limit) = (wanted.cursor, wanted.limit.unwrap_or(PAGE_DEFAULT));
    let page = shared.store.audit_page(Book::Of(caller.organisation), wanted.filter(), cursor, limit).await?;
    Ok(Json(Log { entries: page.entries, next: page.next }))
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// One entry a line, byte for byte as it is stored: the SHA-256 of a line is the `before` of the next.
    #[default]
    Jsonl,
    /// For a spreadsheet.
    Csv,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Export {
    #[serde(default)]
    format: Format,
}

/// `GET /audit/export`: the whole log, oldest first.
pub(in crate::server) async fn export(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Query(Export { format }): Query<Export>,
) -> Result<Response, ApiError> {
    let book = Book::Of(caller.organisation);
    let head = shared.store.audit_head(book).await?;
    note_soon(&shared, caller.event(Action::AuditExport, from).fact("through", head.seq));
    let (kind, name, first) = match format {
        Format::Jsonl => ("application/jsonl", "attachment; filename=\"audit.jsonl\"", String::new()),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\"", CSV_HEAD.to_owned()),
    };
    let pieces = futures_util::stream::unfold(
        (shared.store.clone(), head.first, Some(first)),
        move |(store, from, first): (Store, u64, Option<String>)| async move {
            if let Some(first) = first {
                return Some((Ok(Bytes::from(first)), (store, from, None)));
            }
            match piece(&store, book, from, head.seq, format).await {
                Ok(None) => None,
                Ok(Some((piece, next))) => Some((Ok(piece), (store, next, None))),
                Err(error) => Some((Err(error), (store, u64::MAX, None))),
            }
        },
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, Stream::from_stream(pieces)).into_response())
}

async fn piece(
    store: &Store,
    book: Book,
    from: u64,
    through: u64,
    format: Format,
) -> Result<Option<(Bytes, u64)>, StoreError> {
    if from > through {
        return Ok(None);
    }
    let mut lines = store.audit_lines(book, from, PIECE_ENTRIES).await?;
    lines.retain(|(seq, _)| *seq <= through);
    let Some(last) = lines.last().map(|(seq, _)| *seq) else { return Ok(None) };
    let mut out = Vec::new();
    for (_, line) in lines {
        match format {
            Format::Jsonl => {
                out.extend(line);
                out.push(b'\n');
            }
            // One that cannot be read is for `audit verify` to name.
            Format::Csv => {
                out.extend(serde_json::from_slice(&line).map(|entry| csv(&entry)).unwrap_or_default().bytes());
            }
        }
    }
    Ok(Some((out.into(), last + 1)))
}

/// RFC 4180.
const CSV_HEAD: &str = "seq,at,action,outcome,user,name,key,machine,on,from,facts\r\n";

fn csv(entry: &Entry) -> String {
    let Entry { seq, at, action, outcome, who, on, from, facts, .. } = entry;
    let outcome = if *outcome == Outcome::Done { "done" } else { "refused" };
    let text = |it: Option<String>| it.unwrap_or_default();
    let facts: Vec<String> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cells = [
        action.clone(),
        outcome.to_owned(),
        text(who.user.map(|id| id.to_string())),
        text(who.name.clone().or_else(|| who.server.then(|| "server".to_owned()))),
        text(who.key.map(|id| id.to_string())),
        text(who.machine.map(|id| id.to_string())),
        text(on.clone()),
        text(from.map(|address| address.to_string())),
        facts.join("; "),
    ];
    let mut line = format!("{seq},{at}");
    for cell in cells {
        // A name that begins like a formula must not become one in a spreadsheet.
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        // Writing into a string cannot fail.
        let _ = write!(line, ",\"{guard}{}\"", cell.replace('"', "\"\""));
    }
    line + "\r\n"
}

/// `GET /audit/settings`
pub(in crate::server) async fn settings(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
) -> Result<Json<Retention>, ApiError> {
    Ok(Json(Retention::of(&shared.store, caller.organisation).await?))
}

/// `PUT /audit/settings`: entries older than that go at once, and from then on each day.
pub(in crate::server) async fn change_settings(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(wanted): Body<Retention>,
) -> Result<Json<Retention>, ApiError> {
    if !wanted.is_sensible() {
        let message = "the log is kept for 30 to 3,650 days; a shorter time would hide what happened last month";
        return Err(ApiError::new(Code::BadRequest, message));
    }
    let event = caller.event(Action::Setting, from).fact("setting", "audit.keep_days").fact("to", wanted.keep_days);
    wanted.set(&shared.store.noting(event), caller.organisation).await?;
    wanted.apply(&shared.store, Book::Of(caller.organisation)).await?;
    Ok(Json(wanted))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_text_whatever_people_are_called() {
        let json = r#"{"seq":1,"at":2,"action":"key.make","outcome":"done","who":{"name":"=1+\"1\""},"before":""}"#;
        let line = csv(&serde_json::from_str(json).unwrap());
        assert_eq!(line, "1,2,\"key.make\",\"done\",\"\",\"'=1+\"\"1\"\"\",\"\",\"\",\"\",\"\",\"\"\r\n");
        assert_eq!(line.matches(',').count(), CSV_HEAD.matches(',').count());
    }
}
