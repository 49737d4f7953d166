//! A receiver of webhooks and push messages: takes what is posted, and answers as a test says.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::wait::{Changes, WAIT_MAX};

/// One request.
#[derive(Debug, Clone)]
pub struct Posted {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Bytes,
}

impl Posted {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }
}

#[derive(Default)]
struct Kept {
    posted: Mutex<Vec<Posted>>,
    answers: Mutex<VecDeque<u16>>,
    changes: Changes,
}

/// Listens until it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    kept: Arc<Kept>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Arc::<Kept>::default());
        let router = Router::new().fallback(take).with_state(Arc::clone(&kept));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, kept, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests with these; then with 204 again.
    pub fn answer(&self, statuses: &[u16]) {
        self.kept.answers.lock().unwrap().extend(statuses);
    }

    /// Waits for the request number `number`, from 1.
    pub async fn expect(&self, number: usize) -> Posted {
        let look = || self.kept.posted.lock().unwrap().get(number - 1).cloned();
        let found = self.kept.changes.wait(WAIT_MAX, look).await;
        found.unwrap_or_else(|| panic!("request {number} did not come, but {:?}", self.all()))
    }

    pub fn all(&self) -> Vec<Posted> {
        self.kept.posted.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(kept): State<Arc<Kept>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    kept.posted.lock().unwrap().push(Posted { path: uri.to_string(), headers, body });
    kept.changes.raise();
    let status = kept.answers.lock().unwrap().pop_front().unwrap_or(204);
    let status = StatusCode::from_u16(status).unwrap();
    // A redirect leads to where a follower would be seen.
    (status, [(header::LOCATION, "/followed")]).into_response()
}
