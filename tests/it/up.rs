//! `sessionforge up`: one command to a terminal, and what stays when it is stopped.

use std::net::SocketAddr;

use serde_json::json;
use sessionforge::base::id::SessionId;

use super::support::http::Http;
use super::support::process::Process;
use super::support::viewer::{Manners, Viewer};
use super::support::wait::poll;
use super::support::world::Place;

/// A started `up`, and the person whom its link has signed in.
struct Up {
    process: Process,
    http: Http,
}

impl Up {
    async fn start(place: &Place, port: u16) -> Self {
        let (port, data_dir) = (port.to_string(), place.path("agent"));
        let arguments = ["up", "--no-open", "--port", &port, "--data-dir", data_dir.to_str().unwrap()];
        let mut process = Process::start("up", place.command(&arguments));
        let line = process.expect_line("/sign-in#").await;
        let link = line.split_whitespace().find(|word| word.contains("/sign-in#")).unwrap();
        let (address, token) = link.trim_start_matches("http://").split_once("/sign-in#").unwrap();
        let address: SocketAddr = address.parse().unwrap_or_else(|_| panic!("no address in {line:?}"));
        let mut http = Http::new(address);
        http.post("/api/v1/sign-in/link", &json!({"token": token})).await.ok();
        process.expect_line("connected").await;
        Self { process, http }
    }

    async fn sessions(&mut self) -> Vec<SessionId> {
        let sessions = self.http.get("/api/v1/sessions").await.ok().json();
        let ids = sessions["sessions"].as_array().unwrap().iter().filter_map(|session| session["id"].as_str());
        ids.map(|id| id.parse().unwrap()).collect()
    }

    async fn bash(&mut self) -> SessionId {
        let machine = poll("the machine is online", async || {
            let machines = self.http.get("/api/v1/machines").await.ok().json();
            machines["machines"].as_array()?.iter().find(|it| it["online"] == true)?["id"].as_str().map(str::to_owned)
        })
        .await;
        let path = format!("/api/v1/machines/{machine}/sessions");
        let session = self.http.post(&path, &json!({"command": "bash", "name": "kept"})).await.ok().json();
        session["id"].as_str().unwrap().parse().unwrap()
    }

    /// Ctrl-C; what it says at the end.
    async fn interrupt(mut self) -> String {
        self.process.signal("INT");
        let status = self.process.expect_exit().await;
        assert!(status.success(), "{status}");
        self.process.log()
    }
}

#[tokio::test]
async fn sessions_live_on_when_up_is_stopped_and_are_there_when_it_is_started_again() {
    let place = Place::new();
    let mut up = Up::start(&place, 0).await;
    let session = up.bash().await;
    let viewer = Viewer::open(&up.http, session, Manners::default());
    viewer.expect_attached().await;
    viewer.type_text("secret=kept; echo up a''nd running\r").await;
    viewer.expect_prompt_after("up and running").await;
    let before = viewer.text();
    let http = up.http.clone();

    let said = up.interrupt().await;
    assert!(said.contains(&session.to_string()) && said.contains("kept"), "it says what lives on:\n{said}");
    viewer.expect("the line breaks", |seen| (!seen.closed.is_empty()).then_some(())).await;

    let mut up = Up::start(&place, http.address.port()).await;
    assert_eq!(up.sessions().await, [session]);
    viewer.expect("the old tab is back, signed in as before", |seen| seen.live.then_some(())).await;
    viewer.expect_screen("the same screen", |screen| screen == before).await;
    viewer.type_text("echo still-$secret\r").await;
    viewer.expect_text("still-kept").await;
    let fresh = Viewer::open(&up.http, session, Manners::default());
    fresh.expect_text("still-kept").await;
}

#[tokio::test]
async fn a_link_of_up_signs_in_once_and_nobody_needs_a_password() {
    let place = Place::new();
    let up = Up::start(&place, 0).await;
    let said = up.process.log();
    let token = said.split("/sign-in#").nth(1).unwrap().split_whitespace().next().unwrap();
    let again = Http::new(up.http.address).post("/api/v1/sign-in/link", &json!({"token": token})).await;
    assert_eq!(again.status, 410, "{}", again.text());
    assert_eq!(again.json()["code"], "link_invalid");
}

#[tokio::test]
async fn up_on_a_port_in_use_says_so_and_ends() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data_dir = place.path("agent");
    let arguments = ["up", "--no-open", "--port", &port, "--data-dir", data_dir.to_str().unwrap()];
    let ran = super::support::process::run(place.command(&arguments)).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains(&port) && ran.err.contains("in use"), "{ran:?}");
}
