//! An agent meets PTY hosts of other builds: after an update they are older, after a step back they are newer.

use serde_json::Value;

use super::*;

/// The session of all played hosts.
const SESSION: &str = "ses_a1b2c3d4e5f6";

fn frames(host: &str, what: &str) -> Vec<Vec<u8>> {
    let hosts: Value = serde_json::from_str(include_str!("../../../tests/vectors/hosts.json")).unwrap();
    let bytes = |hex: &Value| {
        let hex = hex.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    hosts["hosts"][host][what].as_array().unwrap().iter().map(bytes).collect()
}

/// Its bytes as they stand in the file: what this build would write is not the question.
async fn say(stream: &mut UnixStream, frames: Vec<Vec<u8>>) {
    use tokio::io::AsyncWriteExt as _;
    for frame in frames {
        stream.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).await.unwrap();
        stream.write_all(&frame).await.unwrap();
    }
}

async fn heard(stream: &mut UnixStream) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let length = soon("a frame at the host", stream.read_u32()).await.unwrap();
    let mut frame = vec![0; length as usize];
    soon("the rest of it", stream.read_exact(&mut frame)).await.unwrap();
    frame
}

#[tokio::test]
async fn the_agent_works_with_older_and_newer_hosts() {
    for host in ["1.0", "least", "1.7"] {
        let mut listener = None;
        let world = World::start(|dir| {
            let dir = runtime_dir(dir);
            prepare(&dir).unwrap();
            let socket = socket_path(&dir, SESSION.parse().unwrap());
            listener = Some(UnixListener::bind(&socket).unwrap());
            let messages: Value =
                serde_json::from_str(include_str!("../../../tests/vectors/messages-1.0.json")).unwrap();
            let mut facts = messages["facts"][0].clone();
            facts["socket"] = socket.to_str().unwrap().into();
            std::fs::write(dir.join(format!("{SESSION}.json")), facts.to_string()).unwrap();
        })
        .await;
        let listener = listener.unwrap();
        let playing = async {
            let (mut stream, _) = soon("the agent at the host", listener.accept()).await.unwrap();
            say(&mut stream, frames(host, "greets")).await;
            assert_eq!(heard(&mut stream).await[0], 0x01, "hello");
            stream
        };
        let (mut server, mut stream) = tokio::join!(world.server.accept(MachineId::random()), playing);
        let announced = server.sessions().await;
        assert_eq!((announced.len(), announced[0].info.id.to_string().as_str()), (1, SESSION), "{host}");
        assert_eq!((announced[0].info.state, announced[0].info.cols), (SessionState::Running, 120), "{host}");
        let channel = announced[0].channel;

        // What it is asked and sent is what a host of protocol 1.0 reads.
        server.say(&ToAgent::Session { channel, ask: SessionAsk::Subscribe { from: From::Snapshot } }).await;
        let viewer = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
        server.send(&Frame::Input { channel, viewer, number: 1, bytes: Bytes::from_static(b"y") }).await;
        assert_eq!(heard(&mut stream).await, [&b"\x02"[..], br#"{"from":"snapshot","kind":"subscribe"}"#].concat());
        let typed = [&[0x20, 0, 0, 0, 0][..], &viewer.0, &1u64.to_be_bytes(), b"y"].concat();
        assert_eq!(heard(&mut stream).await, typed);

        say(&mut stream, frames(host, "answers")).await;
        let (mut screen, mut output, mut applied) = (Bytes::new(), Bytes::new(), false);
        loop {
            match server.next().await {
                Frame::Snapshot { channel: on, id: 0, at, bytes, .. } => {
                    assert_eq!((on, at.offset, at.epoch, at.cols, at.rows), (channel, Offset(5), 1, 120, 40), "{host}");
                    screen = bytes;
                }
                Frame::Output { channel: on, offset, bytes } => {
                    assert_eq!((on, offset), (channel, Offset(5)), "{host}");
                    output = bytes;
                }
                Frame::InputAck { outcome, number: 1, .. } => applied = outcome == InputOutcome::Applied,
                Frame::Control(json) => match from_json(&json).unwrap() {
                    FromAgent::Session { says: SessionSays::End { offset }, .. } => {
                        assert_eq!(offset, Offset(13), "{host}");
                        break;
                    }
                    FromAgent::Session { .. } => {}
                    other => unreachable!("{host}: {other:?}"),
                },
                other => assert!(matches!(other, Frame::Ping(_)), "{host}: {other:?}"),
            }
        }
        assert_eq!((&screen[..], &output[..], applied), (&b"\x1b[Hhello"[..], &b" world\r\n"[..], true), "{host}");
        world.stop.cancel();
    }
}

#[tokio::test]
async fn a_host_of_another_major_version_is_left_alone_and_its_session_shown() {
    let mut listener = None;
    let world = World::start(|dir| {
        let host = Host::new(dir);
        listener = Some((host.id, host.listener));
    })
    .await;
    let (id, listener) = listener.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            say(&mut stream, frames("2.0", "greets")).await;
        }
    });
    let mut server = world.server.accept(MachineId::random()).await;
    let announced = server.sessions().await;
    assert_eq!(
        announced.iter().map(|it| (it.info.id, it.info.state)).collect::<Vec<_>>(),
        [(id, SessionState::Running)]
    );
}
