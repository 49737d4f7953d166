//! Asking a server who a key belongs to, before anything depends on it.

use hyper::header::DATE;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::connect::bearer;
use super::dial::Way;
use super::endpoint::Endpoint;
use super::error::UplinkError;
use super::fetch;
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;

/// One answer, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The scope that a machine needs.
const SCOPE: &str = "agent";

/// Whose key it is, and where.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Who made it.
    pub user: Named,
    /// Where it is good.
    pub organisation: Named,
    /// Version of the server.
    pub build: String,
    /// What the key may do; a server older than this build does not say.
    #[serde(default)]
    pub key: Option<KeyFacts>,
    /// What the server's clock shows, as it wrote it (RFC 9110, `Date`).
    #[serde(skip)]
    pub date: Option<String>,
}

/// Somebody or something with a name.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    /// What people call it.
    pub name: String,
}

/// What a server says of the key that was shown.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyFacts {
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// In milliseconds since 1970; `None` for one without an end.
    #[serde(default)]
    pub expires_at: Option<u64>,
}

impl Account {
    /// Whether a machine may connect with the key.
    pub fn may_connect(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.scopes.iter().any(|scope| scope == SCOPE))
    }
}

/// Asks `server` who `key` belongs to. Nothing is changed there.
pub async fn of_key(server: &str, key: &Secret, way: &Way, insecure_http: bool) -> Result<Account, UplinkError> {
    let endpoint = Endpoint::parse(server, insecure_http)?;
    let answer = fetch::get(&endpoint, way, "/api/v1/me", Some(bearer(key)?)).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = fetch::whole(answer.into_body(), ANSWER_BYTES_MAX).await?;
    read(status, &headers, &body)
}

fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Account, UplinkError> {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
    match status {
        StatusCode::OK => serde_json::from_slice(body)
            .map(|account| Account { date, ..account })
            .map_err(|_| UplinkError::NotSessionForge),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(UplinkError::KeyRefused),
        _ => match serde_json::from_slice::<Problem>(body) {
            Ok(problem) if problem.code != Code::Internal => Err(UplinkError::Problem(problem)),
            _ if status == StatusCode::NOT_FOUND => Err(UplinkError::NotSessionForge),
            _ => Err(UplinkError::Status(status.as_u16())),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read_ok(body: &str) -> Account {
        read(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).unwrap()
    }

    #[test]
    fn a_key_without_the_scope_of_machines_is_told_from_one_of_an_older_server() {
        let who = r#""user": {"name": "Ada"}, "organisation": {"name": "Acme"}, "build": "1", "more": 1"#;
        assert!(read_ok(&format!("{{{who}}}")).may_connect());
        assert!(read_ok(&format!(r#"{{{who}, "key": {{"scopes": ["agent"]}}}}"#)).may_connect());
        assert!(!read_ok(&format!(r#"{{{who}, "key": {{"scopes": ["sessions:read"]}}}}"#)).may_connect());
    }

    #[test]
    fn what_is_no_answer_of_a_server_of_ours_is_told_as_that() {
        for (status, body) in [(200, "<html>"), (200, "{}"), (404, "not here"), (404, r#"{"a": 1}"#)] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = read(status, &HeaderMap::new(), body.as_bytes()).unwrap_err();
            assert!(matches!(error, UplinkError::NotSessionForge), "{status} {body}: {error}");
        }
        let refused = read(StatusCode::UNAUTHORIZED, &HeaderMap::new(), b"").unwrap_err();
        assert!(matches!(refused, UplinkError::KeyRefused));
    }
}
