//! What nobody can beat: the same machine, the same minute, without any of our processes between.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

/// A program on a PTY of its own, read and written by nobody but us.
fn on_a_pty(program: &str, arguments: &[&str]) -> std::io::Result<(File, std::process::Child)> {
    let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&control)?;
    unlockpt(&control)?;
    let name = ptsname(&control, Vec::new())?;
    let path = Path::new(name.to_str().map_err(std::io::Error::other)?).to_owned();
    let terminal = OpenOptions::new().read(true).write(true).open(path)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(terminal.try_clone()?))
        .stdout(Stdio::from(terminal.try_clone()?))
        .stderr(Stdio::from(terminal))
        .spawn()?;
    Ok((File::from(control), child))
}

/// Bytes a second that `cat` of `material` makes on a bare PTY.
pub fn pty_read(material: &Path) -> std::io::Result<f64> {
    let (mut control, mut child) = on_a_pty("cat", &[material.to_str().unwrap_or_default()])?;
    let started = Instant::now();
    let mut buffer = vec![0u8; 64 * 1024];
    let mut total = 0u64;
    while let Ok(count) = control.read(&mut buffer) {
        // Linux says EIO once the last process on the far side has gone; that ends the loop too.
        if count == 0 {
            break;
        }
        total += count as u64;
    }
    let took = started.elapsed();
    child.wait()?;
    Ok(super::per_second(total, took))
}

/// Times from a byte written to a bare PTY until `cat` has sent it back.
pub fn pty_echo(samples: usize, every: Duration) -> std::io::Result<Vec<Duration>> {
    let (mut control, mut child) = on_a_pty("sh", &["-c", "stty raw -echo; echo ready; exec cat"])?;
    let mut seen = Vec::new();
    let mut byte = [0u8; 1];
    while !seen.ends_with(b"ready\n") {
        control.read_exact(&mut byte)?;
        seen.push(byte[0]);
    }
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        std::thread::sleep(every);
        let started = Instant::now();
        control.write_all(b"x")?;
        control.read_exact(&mut byte)?;
        times.push(started.elapsed());
    }
    child.kill()?;
    child.wait()?;
    Ok(times)
}

/// Bytes a second over one WebSocket on loopback, in messages of 32 KiB, and round trips of one byte.
pub async fn websocket(bytes: u64, samples: usize, every: Duration) -> (f64, Vec<Duration>) {
    const MESSAGE_BYTES: usize = 32 * 1024;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        let mut socket = accept_async(stream).await.expect("a WebSocket");
        let piece = Bytes::from(vec![b'x'; MESSAGE_BYTES]);
        let mut left = bytes;
        while left > 0 {
            if socket.send(Message::Binary(piece.clone())).await.is_err() {
                return;
            }
            left = left.saturating_sub(MESSAGE_BYTES as u64);
        }
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    });
    let stream = tokio::net::TcpStream::connect(address).await.expect("our own listener");
    let _ = stream.set_nodelay(true);
    let (mut socket, _) = client_async(format!("ws://{address}"), stream).await.expect("our own server");
    let started = Instant::now();
    let mut total = 0u64;
    while total < bytes {
        let Some(Ok(message)) = socket.next().await else { break };
        total += message.len() as u64;
    }
    let rate = super::per_second(total, started.elapsed());
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        tokio::time::sleep(every).await;
        let started = Instant::now();
        if socket.send(Message::Binary(Bytes::from_static(b"x"))).await.is_err() {
            break;
        }
        let _ = socket.next().await;
        times.push(started.elapsed());
    }
    server.abort();
    (rate, times)
}
