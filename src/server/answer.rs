//! How a problem looks over HTTP: the matching status, and problem details (RFC 9457) with a stable `code`.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderValue, StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::places::NoPlace;
use crate::base::problem::{Code, Problem};
use crate::store::StoreError;

/// A problem as an answer.
#[derive(Debug)]
pub struct ApiError {
    problem: Problem,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// A problem the caller can act on.
    pub fn new(code: Code, message: impl std::fmt::Display) -> Self {
        Problem::new(code, message).into()
    }

    /// The same, with the time after which another try makes sense: the caller is not refused for good.
    pub fn for_now(code: Code, after: Duration, message: impl std::fmt::Display) -> Self {
        Self { problem: Problem::new(code, message), retry_after: Some(after) }
    }

    /// Too many at once or in a row, with the time after which another try makes sense.
    pub fn later(after: Duration, message: impl std::fmt::Display) -> Self {
        Self { problem: Problem::new(Code::TooMany, message), retry_after: Some(after) }
    }
}

impl From<NoPlace> for ApiError {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::Full => {
                Self::later(Duration::from_secs(5), "this server has as many connections as it can; try again soon")
            }
            NoPlace::Share => Self::later(
                Duration::from_secs(5),
                "your address has as many connections to this server as one may have; close some, or try again soon",
            ),
            NoPlace::TooOften(wait) => {
                Self::later(wait, "your address connects to this server too often; try again in a moment")
            }
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl ApiError {
    /// Status, seconds to wait and body, for whoever is answered without a request.
    pub(super) fn written(&self) -> (StatusCode, u128, Vec<u8>) {
        let after = self.retry_after.unwrap_or_default().as_millis().div_ceil(1000);
        let Problem { code, message } = self.problem.clone();
        let view = ProblemView::of(status(code), code, message);
        (status(code), after, serde_json::to_vec(&view).unwrap_or_default())
    }
}

/// Problem details as RFC 9457 has them.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemView {
    /// Always `about:blank`: the status and `code` say what kind it is.
    r#type: String,
    /// The status in words.
    title: String,
    /// The answer's status.
    status: u16,
    /// What happened and what to do, in one sentence.
    detail: String,
    /// A stable name for why; scripts may depend on it.
    code: Code,
}

impl ProblemView {
    fn of(status: StatusCode, code: Code, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or_default().to_owned();
        Self { r#type: "about:blank".to_owned(), title, status: status.as_u16(), detail, code }
    }
}

/// The status that says the same as a code.
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest => StatusCode::BAD_REQUEST,
        Code::NotSignedIn | Code::SecondFactorNeeded => StatusCode::UNAUTHORIZED,
        Code::NotAllowed | Code::AddressNotAllowed | Code::CommandNotAllowed | Code::NotController => {
            StatusCode::FORBIDDEN
        }
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict | Code::SessionEnded | Code::MachineOffline => StatusCode::CONFLICT,
        Code::LinkInvalid => StatusCode::GONE,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::CommandNotFound | Code::WorkdirNotFound => StatusCode::UNPROCESSABLE_ENTITY,
        Code::OutcomeUnknown => StatusCode::GATEWAY_TIMEOUT,
        Code::VersionMismatch => StatusCode::UPGRADE_REQUIRED,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Problem { code, message: detail } = self.problem;
        let mut response = problem(status(code), code, detail);
        // For the gate in front of the handler, which notes who was refused what.
        response.extensions_mut().insert(code);
        if let Some(after) = self.retry_after {
            // Whole seconds, rounded up: whoever waits that long is let in.
            let seconds = after.as_millis().div_ceil(1000).to_string();
            if let Ok(value) = HeaderValue::from_str(&seconds) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// The same under another status.
pub(super) fn problem(status: StatusCode, code: Code, detail: String) -> Response {
    let mut response = (status, Json(ProblemView::of(status, code, detail))).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// A JSON body. What is wrong with one is said in our own form.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(ApiError::new(Code::BadRequest, "send JSON with the header content-type: application/json"))
            }
            Err(JsonRejection::BytesRejection(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::new(Code::TooLarge, "the request's body is larger than 1 MiB"))
            }
            // serde names the field and the place; the values are the caller's own.
            Err(error) => Err(ApiError::new(Code::BadRequest, error.body_text())),
        }
    }
}

/// What stands behind `?`. What is wrong with it is said in our own form.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(ApiError::new(Code::BadRequest, error.body_text())),
        }
    }
}

/// A path's last part as an identifier.
pub struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: std::str::FromStr<Err = crate::base::id::IdError>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let axum::extract::Path(text) = axum::extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(Code::BadRequest, "the path lacks an id"))?;
        text.parse().map(Self).map_err(|error| ApiError::new(Code::BadRequest, error))
    }
}
