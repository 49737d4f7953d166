//! The dashboard, inside the binary: `build.rs` prepared it, so nothing is compressed or hashed here.
//!
//! Every file but the page itself stands under the digest of all of them, so browsers keep it for a year and
//! a new build is seen at the next load.

use std::borrow::Cow;
use std::io::Read as _;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

use super::answer::ApiError;
use crate::base::problem::Code;

/// What `build.rs` made of `assets/`.
#[derive(Embed)]
#[folder = "$OUT_DIR/web"]
struct Web;

/// Digest of everything under `assets/`.
const DIGEST: &str = env!("ASSETS_DIGEST");

/// What the page may load and do. Scripts come from this server only, and the import map (which is data) by its
/// hash. Style elements are allowed because xterm.js makes them for its colours; they cannot run anything.
const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; script-src 'self'",
    env!("ASSETS_SCRIPT_HASHES"),
    "; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; connect-src 'self'; ",
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
);

/// The page, at every one of its addresses.
pub(super) async fn index(headers: HeaderMap) -> Response {
    page(&headers, StatusCode::OK)
}

/// An address nobody knows: the page says so to a person, JSON to a program.
pub(super) async fn not_found(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let reads = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|it| it.contains("text/html"));
    if method == Method::GET && reads && !uri.path().starts_with("/api") && !uri.path().starts_with("/assets") {
        return page(&headers, StatusCode::NOT_FOUND);
    }
    ApiError::new(Code::NotFound, "there is no such address on this server").into_response()
}

/// `/assets/{digest}/{path}`
pub(super) async fn file(Path((digest, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    // A page of another build asks for its own files, which this build does not have.
    if digest != DIGEST {
        return ApiError::new(Code::NotFound, "this file belongs to another build; reload the page").into_response();
    }
    let mut response = found(&path, &headers, StatusCode::OK);
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    response
}

/// `/favicon.ico`, for what asks without having read the page.
pub(super) async fn icon(headers: HeaderMap) -> Response {
    let mut response = found("favicon.svg", &headers, StatusCode::OK);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `/sw.js`: the service worker, at the root because what it works for is everywhere below it. Browsers look for a new one
/// at each start; it loads nothing and talks to this server alone.
pub(super) async fn service_worker(headers: HeaderMap) -> Response {
    let mut response = found("sw.js", &headers, StatusCode::OK);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn page(headers: &HeaderMap, status: StatusCode) -> Response {
    let mut response = found("index.html", headers, status);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (
            header::HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-read=(self), clipboard-write=(self)",
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A file in the best coding the browser takes; 304 if it has it already.
fn found(path: &str, headers: &HeaderMap, status: StatusCode) -> Response {
    let Some((coding, data)) = best(path, headers).or_else(|| Some((None, plain(path)?))) else {
        return ApiError::new(Code::NotFound, "there is no such file").into_response();
    };
    let tag = format!("\"{DIGEST}{}\"", coding.unwrap_or_default());
    let mut response = if has(headers, &tag) && status == StatusCode::OK {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = (status, body(data)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
        if let Some(coding) = coding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn body(data: Cow<'static, [u8]>) -> Body {
    match data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}

/// The precompressed form, if the browser takes one and it was worth making.
fn best(path: &str, headers: &HeaderMap) -> Option<(Option<&'static str>, Cow<'static, [u8]>)> {
    [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(coding, extension)| {
        if !takes(headers, coding) {
            return None;
        }
        Some((Some(coding), Web::get(&format!("{path}.{extension}"))?.data))
    })
}

/// The file as it is, which the binary has only if gzip made nothing smaller of it. Browsers never ask for that.
fn plain(path: &str) -> Option<Cow<'static, [u8]>> {
    if let Some(file) = Web::get(path) {
        return Some(file.data);
    }
    let small = Web::get(&format!("{path}.gz"))?;
    let mut bytes = Vec::new();
    // What is inside comes from our own build, so its length needs no bound.
    flate2::read::GzDecoder::new(&*small.data).read_to_end(&mut bytes).ok()?;
    Some(Cow::Owned(bytes))
}

fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let said = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|part| {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        // `q=0` means: anything but this.
        name.trim().eq_ignore_ascii_case(coding) && !matches!(rest.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn has(headers: &HeaderMap, tag: &str) -> bool {
    let said = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|part| part.trim().trim_start_matches("W/") == tag)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
