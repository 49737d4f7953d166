//! Frames as no friend would send them: each costs its sender at most the connection, and nobody else anything.

use bytes::Bytes;
use sessionforge::base::id::{SessionId, ViewerId};
use sessionforge::base::limits::{FRAME_BYTES_MAX, INPUT_BYTES_MAX};
use sessionforge::base::problem::Code;
use sessionforge::wire::frame::Frame;
use sessionforge::wire::hello::{Hello, Role};
use sessionforge::wire::message::{From, FromViewer, Take, ToViewer, from_json, to_frame};

use super::support::http::Http;
use super::support::socket::{Refused, Socket};
use super::support::viewer::{CHANNEL, Manners, VIEWER_PATH};
use super::support::world::World;

const RESTARTABLE: std::ops::RangeInclusive<u16> = 4000..=4399;

async fn greeted(world: &World) -> Socket {
    let mut socket = Socket::open(&world.http, VIEWER_PATH, None).await.unwrap();
    socket.greet(Role::Viewer).await.unwrap();
    socket
}

fn attach(session: SessionId, viewer: ViewerId) -> Frame {
    let from = From::Snapshot;
    to_frame(&FromViewer::Attach {
        channel: CHANNEL,
        session,
        viewer,
        from,
        take: Take::Always,
        cols: 80,
        rows: 24,
        theme: None,
    })
}

fn input(viewer: ViewerId, number: u64, text: &'static str) -> Frame {
    Frame::Input { channel: CHANNEL, viewer, number, bytes: Bytes::from_static(text.as_bytes()) }
}

/// Reads control messages until one is wanted.
async fn expect<T>(socket: &mut Socket, why: &str, mut want: impl FnMut(ToViewer) -> Option<T>) -> T {
    let wanted = async {
        loop {
            if let Frame::Control(json) = socket.next().await.unwrap_or_else(|closed| panic!("{why}: {closed:?}"))
                && let Some(found) = want(from_json(&json).unwrap())
            {
                return found;
            }
        }
    };
    tokio::time::timeout(super::support::wait::WAIT_MAX, wanted).await.unwrap_or_else(|_| panic!("in vain: {why}"))
}

#[tokio::test]
async fn frames_that_cannot_be_read_close_the_connection_with_their_code() {
    let world = World::start().await;
    let session = world.bash().await;
    let bystander = world.viewer(session, Manners::default()).await;
    let too_long = |kind: u8, bytes: usize| Bytes::from([vec![kind], vec![b'x'; bytes]].concat());
    for (what, frame) in [
        ("empty", Bytes::new()),
        ("truncated input", Bytes::from_static(&[0x20, 0, 0, 0, 7, 1, 2, 3])),
        ("truncated acknowledgement", Bytes::from_static(&[0x12, 0, 0])),
        ("long ping", too_long(0x30, 100)),
        ("oversize input", too_long(0x20, 28 + INPUT_BYTES_MAX + 1)),
        ("oversize unknown kind", too_long(0x77, FRAME_BYTES_MAX + 1)),
        ("enormous", too_long(0x02, 4 << 20)),
        ("control that is no JSON", Bytes::from_static(b"\x02{\"kind\":")),
        ("control that is no message", Bytes::from_static(b"\x02[1,2,3]")),
    ] {
        let mut socket = greeted(&world).await;
        // A server that refuses a frame by its length closes before all of it was sent.
        let _ = socket.send_raw(frame).await;
        let closed = socket.expect_close(what).await;
        let broken_off = what == "enormous" && closed.code.is_none();
        assert!(closed.code == Some(4002) || broken_off, "{what}: {closed:?}");
    }
    let mut socket = greeted(&world).await;
    socket.send_text("hello?").await.unwrap();
    let closed = socket.expect_close("a text message").await;
    assert_eq!(closed.code, Some(4002), "{closed:?}");

    bystander.type_text("echo unhar''med\r").await;
    bystander.expect_text("unharmed").await;
    bystander.look(|seen| assert_eq!(seen.closed, Vec::new()));
}

#[tokio::test]
async fn the_first_frame_must_be_a_hello_that_fits() {
    let world = World::start().await;
    let mut socket = Socket::open(&world.http, VIEWER_PATH, None).await.unwrap();
    socket.send(&to_frame(&FromViewer::Detach { channel: 1 })).await.unwrap();
    let closed = socket.expect_close("a message before hello").await;
    assert_eq!(closed.code, Some(4002), "{closed:?}");

    let mut socket = Socket::open(&world.http, VIEWER_PATH, None).await.unwrap();
    let mut hello = Hello::of(Role::Viewer);
    hello.protocol.0 += 1;
    socket.send(&hello.to_frame()).await.unwrap();
    let closed = socket.expect_close("a hello of another age").await;
    assert_eq!(closed.code, Some(4426), "{closed:?}");
}

#[tokio::test]
async fn kinds_of_a_newer_protocol_are_passed_over() {
    let world = World::start().await;
    let session = world.bash().await;
    let mut socket = greeted(&world).await;
    socket.send_raw(Bytes::from_static(&[0x77, 1, 2, 3])).await.unwrap();
    socket.send_raw(Bytes::from_static(b"\x02{\"kind\":\"teleport\",\"to\":\"moon\"}")).await.unwrap();
    socket.send(&attach(session, ViewerId::random())).await.unwrap();
    expect(&mut socket, "attached all the same", |said| matches!(said, ToViewer::Attached { .. }).then_some(())).await;
}

#[tokio::test]
async fn input_numbers_that_go_back_are_not_applied_again() {
    let world = World::start().await;
    let file = world.dir().join("typed");
    let script = format!("stty raw -echo; exec cat > '{}'", file.display());
    let session = world.start_session("bash", &["-c", &script]).await;
    // The program must have the terminal as it wants it before anything is typed.
    let (mut socket, viewer) = (greeted(&world).await, ViewerId::random());
    socket.send(&attach(session, viewer)).await.unwrap();
    expect(&mut socket, "the keyboard", |said| matches!(said, ToViewer::Control { you: true, .. }).then_some(())).await;
    for (number, text) in [(1, "a"), (3, "b"), (2, "X"), (3, "Y"), (1, "Z"), (4, "c")] {
        socket.send(&input(viewer, number, text)).await.unwrap();
    }
    let acknowledged = async {
        loop {
            if let Ok(Frame::InputAck { number: 4, .. }) = socket.next().await {
                return;
            }
        }
    };
    tokio::time::timeout(super::support::wait::WAIT_MAX, acknowledged).await.expect("the last one is acknowledged");
    let typed = super::support::wait::poll("it is typed", async || {
        std::fs::read_to_string(&file).ok().filter(|typed| typed.ends_with('c'))
    })
    .await;
    assert_eq!(typed, "abc");
}

#[tokio::test]
async fn words_on_a_channel_that_is_not_open_change_nothing() {
    let world = World::start().await;
    let session = world.bash().await;
    let (mut socket, viewer) = (greeted(&world).await, ViewerId::random());
    for frame in [
        input(viewer, 1, "rm -rf x\r"),
        Frame::Ack { channel: 99, consumed: u64::MAX },
        to_frame(&FromViewer::Resize { channel: 99, cols: 1, rows: 1 }),
        to_frame(&FromViewer::TakeControl { channel: 99, cols: 1, rows: 1 }),
        to_frame(&FromViewer::History { channel: 99, id: 1 }),
        to_frame(&FromViewer::Detach { channel: 99 }),
    ] {
        socket.send(&frame).await.unwrap();
    }
    // An acknowledgement of what was never sent, and sizes no terminal has.
    socket.send(&attach(session, viewer)).await.unwrap();
    expect(&mut socket, "attached", |said| matches!(said, ToViewer::Attached { .. }).then_some(())).await;
    socket.send(&Frame::Ack { channel: CHANNEL, consumed: u64::MAX }).await.unwrap();
    socket.send(&to_frame(&FromViewer::Resize { channel: CHANNEL, cols: 0, rows: 0 })).await.unwrap();
    socket.send(&to_frame(&FromViewer::Resize { channel: CHANNEL, cols: u16::MAX, rows: u16::MAX })).await.unwrap();
    let viewer = world.viewer(session, Manners { take: Take::Always, ..Manners::default() }).await;
    viewer.expect("it has the keyboard", |seen| seen.control?.you.then_some(())).await;
    viewer.type_text("echo all we''ll\r").await;
    viewer.expect_text("all well").await;
    assert!(!viewer.text().contains("rm -rf"), "{}", viewer.text());
}

#[tokio::test]
async fn a_channel_is_opened_once_and_channels_have_a_bound() {
    let world = World::start().await;
    let session = world.bash().await;
    let (mut socket, viewer) = (greeted(&world).await, ViewerId::random());
    socket.send(&attach(session, viewer)).await.unwrap();
    expect(&mut socket, "attached", |said| matches!(said, ToViewer::Attached { .. }).then_some(())).await;
    socket.send(&attach(session, viewer)).await.unwrap();
    let refused = async {
        loop {
            match socket.next().await {
                Err(closed) => return RESTARTABLE.contains(&closed.code.unwrap_or(0)),
                Ok(Frame::Control(json)) => {
                    if let ToViewer::Detached { problem, .. } = from_json(&json).unwrap() {
                        return problem.code == Code::Conflict;
                    }
                }
                Ok(_) => {}
            }
        }
    };
    let refused = tokio::time::timeout(super::support::wait::WAIT_MAX, refused).await;
    assert_eq!(refused, Ok(true), "the second use of a channel is refused");
}

#[tokio::test]
async fn sockets_are_for_people_who_are_signed_in_on_our_own_page() {
    let world = World::start().await;
    let open = async |who: &Http, path: &str| match Socket::open(who, path, None).await {
        Err(Refused::Status(status, text)) => (status, text),
        Err(Refused::Io(error)) => (0, error),
        Ok(socket) => (101, format!("{:?}", socket.expect_close("not signed in").await)),
    };
    let nobody = Http::new(world.http.address);
    let (status, text) = open(&nobody, VIEWER_PATH).await;
    assert!(status == 401 || text.contains("4401"), "{status} {text}");
    let foreign = Http { origin: "http://evil.example".to_owned(), ..world.http.clone() };
    let (status, text) = open(&foreign, VIEWER_PATH).await;
    assert_eq!(status, 403, "{text}");
    let (status, text) = open(&nobody, "/api/v1/agent").await;
    assert!(status == 401 || text.contains("4403"), "{status} {text}");
}
