//! `ETag` on what scripts poll: a list that has not changed costs its poller a few bytes.
//!
//! The tag is the digest of the answer itself, so it can never say "unchanged" of something else.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
    let known: Vec<HeaderValue> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let response = next.run(request).await;
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
    let has = known.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let has = has.into_iter().any(|one| one.trim().trim_start_matches("W/") == tag);
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
