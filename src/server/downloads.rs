//! `/downloads/…`: the list of this server's release files, its signature, and the files. Open to anybody: whoever installs
//! an agent has no more than a key for it yet, and the files are no secret.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::Shared;
use super::answer::ApiError;
use super::releases::Found;
use crate::base::problem::Code;
use crate::update::manifest::{Channel, Manifest, Wanted};
use crate::update::target::Target;

/// One read of a file that is sent, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The list, for programs.
pub(super) const MANIFEST: &str = "manifest.json";

/// The list, for `sha256sum -c`.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";

/// The key that signs both, for `minisign -p`.
pub(super) const PUBLIC_KEY: &str = "minisign.pub";

/// Ending of a list's signature.
pub(super) const SIGNATURE: &str = ".minisig";

/// `GET /downloads/{name}`: a list, a signature, the key, a release file by its name, or by its target, then the newest.
pub(super) async fn get(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let releases = &shared.releases;
    if name == PUBLIC_KEY {
        return Ok(text("text/plain; charset=utf-8", releases.key(&shared.store).await?.public()));
    }
    let listed = name.strip_suffix(SIGNATURE).unwrap_or(&name);
    if listed == MANIFEST || listed == CHECKSUMS {
        let manifest = releases.manifest().await;
        let list = if listed == MANIFEST { json(&manifest) } else { manifest.checksums() };
        if listed == name {
            let kind = if listed == MANIFEST { "application/json" } else { "text/plain; charset=utf-8" };
            return Ok(text(kind, list));
        }
        let key = releases.key(&shared.store).await?;
        return Ok(text(
            "text/plain; charset=utf-8",
            key.sign(list.as_bytes(), &format!("{listed} of {}", shared.url)),
        ));
    }
    let all = releases.all().await;
    let found = match name.parse::<Target>() {
        Ok(target) => newest(&all, target),
        Err(_) => all.into_iter().find(|one| one.file.name == name),
    };
    let found = found.ok_or_else(|| {
        let message = "this server has no such release file; those it has are listed at /downloads/manifest.json";
        ApiError::new(Code::NotFound, message)
    })?;
    send(&shared, found).await
}

fn newest(all: &[Found], target: Target) -> Option<Found> {
    let manifest = Manifest { files: all.iter().map(|found| found.file.clone()).collect() };
    let chosen = manifest.choose(target, &Wanted::Newest(Channel::Stable))?;
    all.iter().find(|found| found.file.name == chosen.name).cloned()
}

/// The list as it is signed: one file a line, so that a shell can read it, too.
fn json(manifest: &Manifest) -> String {
    let lines: Vec<String> = manifest.files.iter().filter_map(|file| serde_json::to_string(file).ok()).collect();
    format!("{{\"files\": [\n{}\n]}}\n", lines.join(",\n"))
}

fn text(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

async fn send(shared: &Shared, found: Found) -> Result<Response, ApiError> {
    let Ok(place) = Arc::clone(&shared.releases.places).try_acquire_owned() else {
        return Err(ApiError::later(
            Duration::from_secs(5),
            "many machines download at this moment; try again in a few seconds",
        ));
    };
    let gone = |_| ApiError::new(Code::NotFound, "this release file has just been taken away");
    let file = File::open(&found.path).await.map_err(gone)?.take(found.file.size);
    let body = stream::try_unfold((file, place), |(mut file, place)| async move {
        let mut bytes = Vec::with_capacity(READ_BYTES);
        let read = (&mut file).take(READ_BYTES as u64).read_to_end(&mut bytes).await?;
        Ok::<_, std::io::Error>((read > 0).then_some((bytes, (file, place))))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, HeaderValue::from(found.file.size)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_DISPOSITION, text_value(format!("attachment; filename=\"{}\"", found.file.name))),
        (HeaderName::from_static("x-checksum-sha256"), text_value(found.file.sha256)),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Names of release files and checksums are of ASCII alone.
fn text_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
