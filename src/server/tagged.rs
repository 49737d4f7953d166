//! `ETag` on what scripts poll: a list that has not changed costs its poller a few bytes.
//!
//! The tag is the digest of the answer itself, so it can never say "unchanged" of something else. Only long lists whose every
//! change is counted anyway have one of their own ([`Tagged`]): they need not even be made for who has them.

use axum::Json;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::answer::ApiError;
use crate::base::problem::Problem;

/// Answers beyond this size get no tag, in bytes: nobody polls them, and digesting takes time.
const TAGGED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Tags JSON that was asked for, and answers 304 to whoever has it.
pub(super) async fn tagged(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if response.headers().contains_key(header::ETAG) {
        return response;
    }
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let bytes = response.body().size_hint().exact();
    if response.status() != StatusCode::OK || !is_json || bytes.is_none_or(|bytes| bytes > TAGGED_BYTES_MAX) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => return ApiError::from(Problem::internal(error)).into_response(),
    };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&body)));
    let has = has(known.iter(), &tag);
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if has {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

fn has<'v>(known: impl Iterator<Item = &'v HeaderValue>, tag: &str) -> bool {
    let known = known.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    known.into_iter().any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// An answer whose tag was known before it was made.
pub(super) struct Tagged<T> {
    tag: String,
    /// `None` for whoever has it.
    answer: Option<T>,
}

impl<T> Tagged<T> {
    /// Makes the answer, unless whoever asks with these headers has it. `tag` differs whenever it would.
    pub(super) fn of<E>(headers: &HeaderMap, tag: &str, make: impl FnOnce() -> Result<T, E>) -> Result<Self, E> {
        let tag = format!("\"{tag}\"");
        let known = has(headers.get_all(header::IF_NONE_MATCH).iter(), &tag);
        let answer = if known { None } else { Some(make()?) };
        Ok(Self { tag, answer })
    }
}

impl<T: Serialize> axum::response::IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = match self.answer {
            Some(answer) => Json(answer).into_response(),
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
