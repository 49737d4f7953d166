//! The scripts that install an agent, with this server's address and key in them: whoever runs one needs nothing but this
//! server.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::answer::ApiError;
use crate::base::authority;
use crate::base::problem::Code;

/// For Linux and macOS.
const SHELL: &str = include_str!("../../installer/install.sh");

/// For Windows.
const POWERSHELL: &str = include_str!("../../installer/install.ps1");

/// What stands in the scripts for the server's address, and for the key that signs its list of files.
const ADDRESS_MARK: &str = "@SERVER@";
const KEY_MARK: &str = "@PUBLIC_KEY@";

/// `GET /install.sh` and `GET /agent`: `curl -fsSL https://sf.example.org/agent | sh -s -- --key KEY`.
pub(super) async fn shell(shared: State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, ApiError> {
    script(&shared, &headers, SHELL, "text/x-shellscript; charset=utf-8").await
}

/// `GET /agent/install.ps1`.
pub(super) async fn powershell(shared: State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, ApiError> {
    script(&shared, &headers, POWERSHELL, "text/plain; charset=utf-8").await
}

async fn script(
    shared: &Shared,
    headers: &HeaderMap,
    template: &str,
    kind: &'static str,
) -> Result<Response, ApiError> {
    let public = shared.releases.key(&shared.store).await?.public();
    let key = public.lines().nth(1).unwrap_or_default();
    let script = template.replace(ADDRESS_MARK, &address(shared, headers)?).replace(KEY_MARK, key);
    // It is another one under each of the server's names.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store"), (header::VARY, "host")];
    Ok((headers, script).into_response())
}

/// Where the agent will find this server: as its owner says, else as this request found it.
///
/// Only letters, digits and `.:-_[]` can be in it, so it stands safely in a script's quotes.
fn address(shared: &Shared, headers: &HeaderMap) -> Result<String, ApiError> {
    if let Some(url) = &shared.config.public_url {
        return Ok(url.origin());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if authority::split(host).is_none() {
        return Err(ApiError::new(Code::BadRequest, "the Host header of the request is no host's name"));
    }
    // Behind a proxy, TLS is the proxy's.
    let secure = shared.config.is_https() || !shared.config.trusted_proxies.is_empty();
    Ok(format!("{}://{host}", if secure { "https" } else { "http" }))
}
