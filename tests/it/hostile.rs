//! Peers that no friend would be: each costs the server a bounded amount of memory and its sender the connection, and
//! somebody beside them goes on typing.
#![cfg(target_os = "linux")]

use bytes::Bytes;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::limits::FRAME_PAYLOAD_BYTES_MAX;
use sessionforge::base::offset::Offset;
use sessionforge::wire::frame::{Frame, SnapshotAt, SnapshotFlags};
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{Announced, From, FromAgent, FromViewer, Take, ToAgent, from_json, to_frame};
use sessionforge::wire::session::{MachineFacts, SessionInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::http::Http;
use super::support::process::{Process, private_bytes, signal_pid};
use super::support::socket::Socket;
use super::support::viewer::{Manners, VIEWER_PATH, Viewer};
use super::support::wait::{WAIT_MAX, poll};
use super::support::world::{PROGRAM, Place, World};

/// What a server in a debug build may grow by while something goes on, beside what a bound allows, in bytes.
const NOISE_BYTES: u64 = 24 << 20;

/// Somebody with a shell, who types before, during and after.
async fn friend(world: &World) -> Viewer {
    let viewer = world.viewer(world.bash().await, Manners::default()).await;
    expect_echo(&viewer, "before").await;
    viewer
}

async fn expect_echo(viewer: &Viewer, word: &str) {
    viewer.type_text(&format!("echo {}''{}\r", &word[..1], &word[1..])).await;
    viewer.expect_text(&format!("\n{word}\n")).await;
    viewer.look(|seen| assert_eq!(seen.closed, Vec::new(), "it was never cut off"));
}

/// A machine whose agent is ours to misuse, with so many sessions on the channels from 1 on.
async fn machine(world: &World, sessions: u32) -> (Socket, Vec<SessionId>) {
    let who = Http { cookie: None, bearer: Some(world.key().to_owned()), ..world.http.clone() };
    let mut agent = Socket::open(&who, "/api/v1/agent", None).await.unwrap();
    agent.greet(Role::Agent).await.unwrap();
    agent.send(&to_frame(&FromAgent::Register { machine: None, facts: MachineFacts::default() })).await.unwrap();
    let announced = |channel| Announced { channel, info: SessionInfo::new(SessionId::random(), "cat") };
    let sessions: Vec<Announced> = (1..=sessions).map(announced).collect();
    let ids: Vec<SessionId> = sessions.iter().map(|announced| announced.info.id).collect();
    agent.send(&to_frame(&FromAgent::Sessions { sessions })).await.unwrap();
    poll("the server knows its sessions", async || {
        let listed = world.http.clone().get("/api/v1/sessions").await.text();
        ids.iter().all(|id| listed.contains(&id.to_string())).then_some(())
    })
    .await;
    (agent, ids)
}

/// Waits until the server wants the output of so many sessions.
async fn expect_subscribed(agent: &mut Socket, sessions: usize) {
    let mut subscribed = 0;
    while subscribed < sessions {
        let frame = tokio::time::timeout(WAIT_MAX, agent.next()).await.expect("in time").expect("the line holds");
        if let Frame::Control(json) = frame
            && let ToAgent::Session { ask, .. } = from_json(&json).unwrap()
        {
            subscribed += usize::from(format!("{ask:?}").starts_with("Subscribe"));
        }
    }
}

fn piece(channel: u32, first: bool, last: bool, bytes: Bytes) -> Frame {
    let at = SnapshotAt { cols: 80, rows: 24, ..SnapshotAt::default() };
    Frame::Snapshot { channel, id: 0, at, flags: SnapshotFlags { first, last, history: false }, bytes }
}

/// A tab that watches every one of `sessions` and acknowledges nothing.
async fn stalled_tab(world: &World, sessions: &[SessionId]) {
    let mut tab = Socket::open(&world.http, VIEWER_PATH, None).await.unwrap();
    tab.greet(Role::Viewer).await.unwrap();
    for (channel, session) in (1..).zip(sessions) {
        let attach = FromViewer::Attach {
            channel,
            session: *session,
            viewer: ViewerId::random(),
            from: From::Snapshot,
            take: Take::Never,
            cols: 80,
            rows: 24,
            theme: None,
        };
        tab.send(&to_frame(&attach)).await.unwrap();
    }
    // It answers, so that it is not taken for dead.
    tokio::spawn(async move { while tab.next().await.is_ok() {} });
}

/// Sends frames until the server has closed the line, if it does.
async fn send_all(agent: &mut Socket, frames: impl Iterator<Item = Frame>) {
    for frame in frames {
        if agent.send(&frame).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn an_agent_that_floods_without_credit_costs_no_memory_and_holds_nobody_up() {
    let world = World::start().await;
    let friend = friend(&world).await;
    let (mut agent, sessions) = machine(&world, 1).await;
    stalled_tab(&world, &sessions).await;
    expect_subscribed(&mut agent, 1).await;
    let before = private_bytes(world.server_pid());
    agent.send(&piece(1, true, true, Bytes::from_static(b"x"))).await.unwrap();
    let flood = Bytes::from(vec![b'x'; FRAME_PAYLOAD_BYTES_MAX]);
    let output = (0..4_000).map(|n| Frame::Output {
        channel: 1,
        offset: Offset(n * FRAME_PAYLOAD_BYTES_MAX as u64),
        bytes: flood.clone(),
    });
    tokio::join!(send_all(&mut agent, output), expect_echo(&friend, "during"));
    let grown = private_bytes(world.server_pid()).saturating_sub(before);
    assert!(grown < NOISE_BYTES, "the server has grown by {grown} bytes");
    expect_echo(&friend, "after").await;
}

#[tokio::test]
async fn an_agent_with_enormous_screens_is_hung_up_on_at_its_machines_share_of_memory() {
    let world = World::start().await;
    let friend = friend(&world).await;
    let (mut agent, sessions) = machine(&world, 60).await;
    // Stalled on purpose: each viewer would keep the screen it is to be sent.
    stalled_tab(&world, &sessions).await;
    expect_subscribed(&mut agent, sessions.len()).await;
    let before = private_bytes(world.server_pid());
    let flood = Bytes::from(vec![b'x'; FRAME_PAYLOAD_BYTES_MAX]);
    let pieces = 120; // Just below the bound of one screen.
    let screens = (1..=60).flat_map(|channel| {
        let flood = flood.clone();
        (0..pieces).map(move |n| piece(channel, n == 0, n == pieces - 1, flood.clone()))
    });
    send_all(&mut agent, screens).await;
    poll("it is hung up on, and the log says why", async || {
        world.logs().0.contains("more memory than the server has for one machine").then_some(())
    })
    .await;
    let grown = private_bytes(world.server_pid()).saturating_sub(before);
    assert!(grown < (96 << 20) + NOISE_BYTES, "the server has grown by {grown} bytes");
    expect_echo(&friend, "after").await;
}

#[tokio::test]
async fn a_paste_without_end_into_a_stuck_machine_fills_its_own_lane_and_no_other() {
    let world = World::start().await;
    let friend = friend(&world).await;
    let session = world.start_session("cat", &[]).await;
    let hostile = world.viewer(session, Manners { screen: false, ..Manners::default() }).await;
    let before = private_bytes(world.server_pid());
    signal_pid(world.agent_pid(), "STOP");
    hostile.type_bytes(&vec![b'x'; 12 << 20]).await;
    hostile.expect("it is told that this is too much", |seen| seen.detached.clone()).await;
    friend.type_text("echo beh''ind\r").await;
    let grown = private_bytes(world.server_pid()).saturating_sub(before);
    assert!(grown < NOISE_BYTES, "the server has grown by {grown} bytes");
    drop(hostile);
    signal_pid(world.agent_pid(), "CONT");
    friend.expect_text("\nbehind\n").await;
}

#[tokio::test]
async fn a_tab_that_asks_without_end_is_hung_up_on() {
    let world = World::start().await;
    let friend = friend(&world).await;
    let mut tab = Socket::open(&world.http, VIEWER_PATH, None).await.unwrap();
    tab.greet(Role::Viewer).await.unwrap();
    let asking = async {
        loop {
            let resize = FromViewer::Resize { channel: 1, cols: 80, rows: 24 };
            if let Err(closed) = tab.send(&to_frame(&resize)).await {
                return closed;
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, asking).await.expect("it is closed");
    expect_echo(&friend, "after").await;
}

#[tokio::test]
async fn one_tab_takes_a_few_places_of_a_sessions_viewers_and_not_all() {
    let world = World::start().await;
    let session = world.bash().await;
    stalled_tab(&world, &[session; 50]).await;
    let friend = world.viewer(session, Manners { take: Take::Always, ..Manners::default() }).await;
    expect_echo(&friend, "beside").await;
    let view = world.http.clone().get(&format!("/api/v1/sessions/{session}")).await.json();
    assert_eq!(view["viewers"], 9, "eight of one tab, and the friend");
}

#[tokio::test]
async fn connections_that_never_finish_a_request_are_closed_and_hold_nobody_up() {
    let world = World::start().await;
    let mut slow = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(world.http.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        slow.push(stream);
    }
    world.http.clone().get("/healthz").await.ok();
    for mut stream in slow {
        let mut rest = Vec::new();
        // Reset or closed, but not left standing.
        let ended = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it was left open");
    }
}

#[tokio::test]
async fn a_server_with_few_open_files_says_that_it_is_full_and_serves_again_when_somebody_leaves() {
    let place = Place::new();
    let mut command = std::process::Command::new("bash");
    let script = "ulimit -n 256; exec \"$@\"";
    command.args(["-c", script, "-", PROGRAM, "server", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(place.path("server"));
    let mut server = Process::start("server", command);
    let line = server.expect_line("/setup#").await;
    let url = line.split_whitespace().find_map(|word| word.split_once("/setup#")).unwrap().0.to_owned();
    let mut http = Http::new(url.trim_start_matches("http://").parse().unwrap());

    let mut idle = Vec::new();
    let refused = loop {
        assert!(idle.len() < 300, "it was never full");
        let mut stream = TcpStream::connect(http.address).await.unwrap();
        // A whole request, so that the place is kept and the answer tells whether there was one.
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", http.address).as_bytes()).await.unwrap();
        let mut head = vec![0; 2048];
        let read = tokio::time::timeout(WAIT_MAX, stream.read(&mut head)).await.expect("an answer").unwrap();
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        if !head.starts_with("HTTP/1.1 200 ") {
            break head;
        }
        idle.push(stream);
    };
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("retry-after: 5"), "{refused}");
    idle.clear();
    poll("it serves again", async || {
        http.try_send("GET", "/healthz", None).await.ok().filter(|answer| answer.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_server_out_of_open_files_keeps_its_terminals_and_takes_new_ones_when_it_has_some_again() {
    let world = World::start().await;
    let friend = friend(&world).await;
    let pid = Pid::from_raw(world.server_pid().try_into().unwrap());
    let limits = getrlimit(Resource::Nofile);
    let open = std::fs::read_dir(format!("/proc/{}/fd", world.server_pid())).unwrap().count() as u64;
    // Nothing can be opened any more; what is open stays.
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(open / 2), maximum: limits.maximum }).unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut who = world.http.clone();
            tokio::spawn(async move { who.get("/healthz").await.status })
        })
        .collect();
    poll("connections are not accepted", async || world.logs().0.contains("were not accepted").then_some(())).await;
    expect_echo(&friend, "meanwhile").await;
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(4096), maximum: limits.maximum }).unwrap();
    for answer in waiting {
        assert_eq!(answer.await.unwrap(), 200, "it waited and was served");
    }
    assert_eq!(world.logs().0.matches("were not accepted").count(), 1, "and the log was not filled with it");
    let session = world.bash().await;
    expect_echo(&world.viewer(session, Manners::default()).await, "new").await;
}
