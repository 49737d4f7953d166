//! A connection to the host that breaks, and a terminal that does not keep up.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::support::process::private_bytes;

/// Stands between terminal and host, and drops the connection after so many bytes each way, again and again.
fn cutting_proxy(listener: UnixListener, host: &Path, cuts: usize) -> tokio::task::JoinHandle<()> {
    let host = host.to_owned();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((client, _)) = listener.accept().await {
            let Ok(host) = UnixStream::connect(&host).await else { return };
            let limit = if number < cuts { 600 + 333 * number } else { usize::MAX };
            number += 1;
            let (client_in, client_out) = client.into_split();
            let (host_in, host_out) = host.into_split();
            // What is past the limit is lost with the connection, on one side or the other.
            tokio::select! {
                () = pass(client_in, host_out, limit) => {}
                () = pass(host_in, client_out, usize::MAX) => {}
            }
        }
    })
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, limit: usize) {
    let mut left = limit;
    let mut buffer = vec![0; 1024];
    while left > 0 {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let count = count.min(left);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        left -= count;
    }
}

#[tokio::test]
async fn what_is_typed_over_a_connection_that_breaks_arrives_once_and_in_order() {
    let place = Place::new();
    let id = start(&place, "sh", &["-c", "stty raw -echo; printf ready; exec cat"]).await;
    // The facts name the proxy's socket instead of the host's.
    let facts = facts(&place, &id);
    let proxied = place.path("proxy.sock");
    let proxy = cutting_proxy(UnixListener::bind(&proxied).unwrap(), &facts.socket, 6);
    let file = place.path(&format!("agent/run/{id}.json"));
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    json["socket"] = proxied.to_str().unwrap().into();
    std::fs::write(&file, json.to_string()).unwrap();

    let local = attach(&place, &[&id]);
    local.expect_text("ready").await;
    let mut typed = String::new();
    for number in 0..120 {
        let text = format!("<{number}>");
        local.type_text(&text);
        typed += &text;
        // One after the other, so that connections break between and within them.
        local.expect_text(&text).await;
    }
    let shown = local.text().replace('\n', "");
    assert_eq!(shown, format!("ready{typed}"));
    proxy.abort();
}

#[tokio::test]
async fn a_terminal_that_does_not_read_holds_nobody_and_is_painted_anew() {
    let place = Place::new();
    let id = bash(&place).await;
    let local = attach(&place, &[&id]);
    local.expect_text("$").await;
    let done = place.path("done");
    local.read(false);
    local.type_text(&format!("seq 2000000; touch '{}'; echo the-e''nd\r", done.display()));
    poll("the program printed it all with nobody reading", async || done.exists().then_some(())).await;
    let memory = private_bytes(local.pid());
    assert!(memory < 24 << 20, "{memory} bytes are held by a terminal that does not read");
    local.read(true);
    local.expect_text("the-end").await;
    let bytes = local.bytes().len();
    assert!(bytes < 4 << 20, "it was repainted, not shown all: {bytes} bytes");
    local.type_text("echo go''es on\r");
    local.expect_text("goes on").await;
}

#[tokio::test]
async fn a_flood_is_shown_to_its_end_and_ctrl_c_stops_one() {
    let place = Place::new();
    let id = bash(&place).await;
    let local = attach(&place, &[&id]);
    local.expect_text("$").await;
    local.type_text("seq 300000; echo the-e''nd\r");
    local.expect_text("the-end").await;
    local.expect("its last lines are there", |screen| screen.contains("299999\n300000\nthe-end")).await;
    local.type_text("yes\r");
    local.expect_text("y\ny\ny").await;
    local.type_text("\x03");
    local.expect("the prompt is back", |screen| screen.ends_with('$')).await;
}
