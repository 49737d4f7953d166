//! What all addresses of the server have in common. Which there are is in [`super::routes`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::answer::ApiError;
use super::auth::{client, gate, origin};
use super::places::NoPlace;
use super::routes::{self, Route};
use super::{Shared, answer, assets, metrics, tagged, upgrade};
use crate::base::problem::{Code, Problem};

/// A request's body, in bytes. The longest is a command with its arguments.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Time in which a request is answered. The longest wait is for a machine that starts a session.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Browsers that came by https once come by nothing else for a year. Subdomains are others' business.
const HSTS: &str = "max-age=31536000";

/// For whatever is no page: answers of the API, problems, files. Pages have their own.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What is said then: the work may go on, or have been done.
const UNANSWERED: &str = "no answer within 30 seconds, so this may have been done or not; look before you ask again";

/// The whole site.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let api = mounted(routes::api(), &shared)
        .fallback(no_such_address)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(tagged::tagged))
        .layer(middleware::map_response(not_stored));

    mounted(routes::site(), &shared)
        .nest("/api/v1", api)
        .route("/api/{*rest}", axum::routing::any(no_such_address))
        .fallback(assets::not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), admit))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            ApiError::from(Problem::internal("a handler panicked")).into_response()
        }))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), metrics::count))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), secured))
        .with_state(shared)
}

/// Each address behind its own gate.
fn mounted(routes: Vec<Route>, shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    routes.into_iter().fold(Router::new(), |router, Route { path, access, handler, .. }| {
        let gate = middleware::from_fn_with_state((Arc::clone(shared), access), gate);
        router.route(path, handler.route_layer(gate))
    })
}

/// Only requests under our own names, and no changes or sockets for another site's page.
async fn admit(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if !origin::host_is_ours(request.headers(), shared.on_loopback, &shared.config) {
        let message =
            "this server does not answer under that name; open it as localhost, or start it with --public-url";
        return ApiError::new(Code::NotAllowed, message).into_response();
    }
    if upgrade::is_upgrade(&request)
        && let Err(why) = knock(&shared, &request)
    {
        return ApiError::from(why).into_response();
    }
    let looks = matches!(*request.method(), Method::GET | Method::HEAD) && !upgrade::is_upgrade(&request);
    if !looks && origin::from(request.headers(), &shared.config) == origin::From::OtherSite {
        return ApiError::new(Code::NotAllowed, "requests from another site's page are refused").into_response();
    }
    next.run(request).await
}

/// Whether this client may open a socket now.
fn knock(shared: &Shared, request: &Request) -> Result<(), NoPlace> {
    let (peer, client) = client::both(request.extensions(), request.headers(), shared);
    shared.places.knock(peer, client, Instant::now())
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(Code::OutcomeUnknown, UNANSWERED).into_response(),
    }
}

async fn no_such_address() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such address in the API")
}

async fn method_not_allowed() -> Response {
    let message = "this address does not take that method".to_owned();
    answer::problem(axum::http::StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message)
}

async fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Headers of every answer.
async fn secured(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is no page shows nothing, and inside another site's frame least of all.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    if shared.config.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    response
}
