#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsString;
use std::future::poll_fn;
use std::time::Duration;

use super::*;

/// `sh -c script` in a terminal of 80×24.
fn shell(script: &str) -> UnixPty {
    let program = Program {
        path: "/bin/sh".into(),
        args: ["-c", script].map(OsString::from).to_vec(),
        workdir: "/".into(),
        environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        without_terminal: false,
    };
    open(&program, Size { cols: 80, rows: 24 }).unwrap()
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.unwrap_or_else(|_| unreachable!("{what} took too long"))
}

/// Reads until `wanted` was printed, or to the end.
async fn read_until(pty: &mut UnixPty, wanted: Option<&str>) -> String {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let bytes = within("output", poll_fn(|cx| pty.poll_read(cx, &mut buffer))).await.unwrap();
        all.extend_from_slice(&buffer[..bytes]);
        let text = String::from_utf8_lossy(&all);
        if bytes == 0 || wanted.is_some_and(|wanted| text.contains(wanted)) {
            return text.into_owned();
        }
    }
}

async fn exit(pty: &mut UnixPty) -> Exit {
    within("the end", poll_fn(|cx| pty.poll_exit(cx))).await
}

async fn write(pty: &mut UnixPty, bytes: &[u8]) {
    let written = within("writing", poll_fn(|cx| pty.poll_write(cx, bytes))).await.unwrap();
    assert_eq!(written, bytes.len());
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_reaches_the_program() {
    let mut pty = shell("read line; echo got:$line");
    write(&mut pty, b"hello\n").await;
    let text = read_until(&mut pty, Some("got:hello")).await;
    assert!(text.starts_with("hello"), "the terminal echoes: {text:?}");
}

#[tokio::test]
async fn the_last_output_comes_before_the_end_and_the_code_is_the_programs() {
    let mut pty = shell("echo last words; exit 7");
    assert_eq!(read_until(&mut pty, None).await, "last words\r\n");
    assert_eq!(exit(&mut pty).await, Exit::Code(7));
    assert_eq!(exit(&mut pty).await, Exit::Code(7), "it can be asked again");
}

#[tokio::test]
async fn a_program_killed_by_a_signal_says_which() {
    let mut pty = shell("kill -KILL $$");
    assert_eq!(exit(&mut pty).await, Exit::Signal("SIGKILL".to_owned()));
}

#[tokio::test]
async fn a_resize_reaches_the_program() {
    let mut pty = shell("trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done");
    read_until(&mut pty, Some("24 80")).await;
    pty.resize(Size { cols: 132, rows: 43 }).unwrap();
    read_until(&mut pty, Some("43 132")).await;
}

#[tokio::test]
async fn a_hangup_ends_the_program_and_what_it_started() {
    let mut pty = shell("sleep 1000 & sleep 1000 & echo up; wait");
    read_until(&mut pty, Some("up")).await;
    pty.end(Ending::HangUp);
    // End of output is the proof: nothing holds the terminal any more.
    read_until(&mut pty, None).await;
    assert!(matches!(exit(&mut pty).await, Exit::Signal(_)));
}

#[tokio::test]
async fn a_program_that_ignores_the_hangup_can_be_killed() {
    let mut pty = shell("trap '' HUP TERM; sleep 1000 & echo up; while :; do wait; done");
    read_until(&mut pty, Some("up")).await;
    pty.end(Ending::HangUp);
    pty.end(Ending::Kill);
    read_until(&mut pty, None).await;
    assert_eq!(exit(&mut pty).await, Exit::Signal("SIGKILL".to_owned()));
}

/// Types until the terminal takes no more.
async fn fill(pty: &mut UnixPty) {
    let paste = vec![b'x'; 1024 * 1024];
    let mut sent = 0;
    while let Poll::Ready(written) = poll_fn(|cx| Poll::Ready(pty.poll_write(cx, &paste[sent..]))).await {
        sent += written.unwrap();
        assert!(sent < paste.len(), "the terminal took everything");
    }
}

#[tokio::test]
async fn ctrl_c_gets_through_to_a_program_that_never_reads() {
    let mut pty = shell("stty -icanon -echo; echo up; exec sleep 1000");
    read_until(&mut pty, Some("up")).await;
    fill(&mut pty).await;
    assert_eq!(pty.interrupt(b"yy"), None, "ordinary keys mean nothing special");
    assert_eq!(pty.interrupt(b"y\x03z"), Some(2));
    assert_eq!(exit(&mut pty).await, Exit::Signal("SIGINT".to_owned()));
}

#[tokio::test]
async fn what_ctrl_c_overtook_reaches_nobody() {
    // Short sleeps: a shell that is interrupted just before it starts one runs its trap only when that has ended.
    let mut pty = shell("stty -icanon -echo; trap 'cat; exit' INT; echo up; while :; do sleep 0.1; done");
    read_until(&mut pty, Some("up")).await;
    fill(&mut pty).await;
    assert_eq!(pty.interrupt(b"\x03"), Some(1));
    write(&mut pty, b"after").await;
    let text = read_until(&mut pty, Some("after")).await;
    assert!(!text.contains('x'), "{} bytes of it did", text.len());
}

#[tokio::test]
async fn a_program_that_takes_every_key_itself_gets_ctrl_c_as_one() {
    let mut pty = shell("stty raw -echo; echo up; exec sleep 1000");
    read_until(&mut pty, Some("up")).await;
    fill(&mut pty).await;
    assert_eq!(pty.interrupt(b"\x03"), None);
}
