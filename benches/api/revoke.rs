//! How long a revoked key's connections live on: agents, and a reader of the API's events.

use std::time::Duration;

use serde_json::json;
use sessionforge::wire::hello::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::support::http::Http;
use super::support::socket::Socket;
use super::support::world::World;
use super::table::{Table, ms, percentile};

/// Pages' and agents' sockets that came with one key, and as many readers of events.
const CONNECTIONS: usize = 50;

/// Keys revoked.
const RUNS: usize = 10;

/// The bar, from the request to the last connection's end.
const BAR: Duration = Duration::from_secs(1);

/// Measures.
pub async fn measure(table: &mut Table) {
    let mut world = World::server_only().await;
    world.set_up().await;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let scopes = ["agent", "sessions:read"];
        let made = world.http.post("/api/v1/keys", &json!({ "name": "revoked", "scopes": scopes })).await.ok().json();
        let who = Http { bearer: made["key"].as_str().map(str::to_owned), cookie: None, ..world.http.clone() };
        let (mut sockets, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..CONNECTIONS {
            let mut socket = Socket::open(&who, "/api/v1/viewer", None).await.unwrap();
            socket.greet(Role::Viewer).await.unwrap();
            sockets.push(socket);
            readers.push(events(&who).await);
        }
        let ends = sockets.into_iter().map(|socket| async {
            let closed = socket.expect_close("its key was revoked").await;
            assert_eq!(closed.code, Some(4403), "{closed:?}");
            Instant::now()
        });
        let read = readers.into_iter().map(|mut reader| async move {
            let mut rest = Vec::new();
            let _ = reader.read_to_end(&mut rest).await;
            Instant::now()
        });
        let (ends, read) = (tokio::spawn(all(ends.collect())), tokio::spawn(all(read.collect())));
        let began = Instant::now();
        world.http.delete(&format!("/api/v1/keys/{}", made["id"].as_str().unwrap())).await.ok();
        let last = ends.await.unwrap().max(read.await.unwrap());
        times.push(last - began);
    }
    let (p50, most) = (percentile(&mut times, 0.5), percentile(&mut times, 1.0));
    let what = format!("revoking a key of {} connections, until the last has ended: median", 2 * CONNECTIONS);
    table.note(&what, ms(p50));
    table.bar(&format!("longest of {RUNS}"), ms(most), "≤ 1 s", most <= BAR);
}

async fn all(ends: Vec<impl Future<Output = Instant>>) -> Instant {
    futures_util::future::join_all(ends).await.into_iter().max().unwrap()
}

async fn events(who: &Http) -> TcpStream {
    let mut stream = TcpStream::connect(who.address).await.unwrap();
    let bearer = who.bearer.as_ref().unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n",
        who.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}
