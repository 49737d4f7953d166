//! PTY hosts: real processes, real terminals, spoken to over their sockets.

mod figures;
mod leaving;
mod probe;

use std::time::Duration;

use sessionforge::base::problem::Code;
use sessionforge::host::client::HostClient;
use sessionforge::host::{launch, runtime_dir};
use sessionforge::wire::frame::{Frame, InputOutcome};
use sessionforge::wire::hello::Role;
use sessionforge::wire::message::{From, SessionAsk, SessionSays, Take};
use sessionforge::wire::session::{Exit, SessionState};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::probe::{TestHost, binary, shell, signal, spec};

#[tokio::test]
async fn a_shell_is_started_typed_into_and_seen() {
    let host = TestHost::shell("read line; echo got:$line; read line").await;
    let mut probe = host.attach().await;
    let number = probe.type_text("hello\r").await;
    assert_eq!(probe.until_acked(number).await, InputOutcome::Applied);
    probe.until_text("got:hello").await;
    assert_eq!(probe.info.as_ref().map(|info| (info.id, info.state)), Some((host.session, SessionState::Running)));
}

#[tokio::test]
async fn the_environment_describes_our_terminal_and_not_the_agents() {
    let script = "read go; echo [$TERM $COLORTERM $TERM_PROGRAM $SESSIONFORGE_SESSION]; pwd; read line";
    let host = TestHost::shell(script).await;
    let mut probe = host.attach().await;
    // Painted already: the two lines come as output, and no repaint falls between them.
    probe.until("the first screen", |probe| probe.repaints > 0).await;
    probe.type_text("\r").await;
    probe.until_text(&format!("[xterm-256color truecolor SessionForge {}]", host.session)).await;
    probe.until_text("\r\n/").await;
}

#[tokio::test]
async fn what_cannot_be_started_is_named_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (command, workdir, code) in [
        ("no-such-program", "/", Code::CommandNotFound),
        ("sh", "/no/such/folder", Code::WorkdirNotFound),
        ("sh", "/etc/passwd", Code::WorkdirNotFound),
        ("", "/", Code::BadRequest),
    ] {
        let mut launch = shell("true");
        (launch.command, launch.workdir) = (command.to_owned(), Some(workdir.to_owned()));
        let error = launch::start(binary(), &spec(launch, dir.path()), None).await.unwrap_err();
        let problem = sessionforge::base::problem::Problem::from(error);
        assert_eq!(problem.code, code, "{command} in {workdir}: {problem}");
    }
    assert_eq!(runtime_dir::scan(&dir.path().join("run")).unwrap(), vec![]);
}

#[tokio::test]
async fn a_host_outlives_its_starters_process_group_and_is_found_again() {
    use std::os::unix::process::CommandExt;
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(shell("echo still here; read line; echo got:$line; read line"), dir.path());
    let json = dir.path().join("spec.json");
    std::fs::write(&json, serde_json::to_vec(&spec).unwrap()).unwrap();
    // A starter that leads a process group, as an agent does, and is killed with all of it.
    let mut starter = std::process::Command::new("sh");
    starter.arg("-c").arg("\"$0\" host < \"$1\" && echo done && exec sleep 1000").arg(binary()).arg(&json);
    let mut starter = starter.stdout(std::process::Stdio::piped()).process_group(0).spawn().unwrap();
    let mut said = std::io::BufReader::new(starter.stdout.take().unwrap());
    let mut line = String::new();
    while !(line.contains("done\n") && line.contains("ready")) {
        assert_ne!(std::io::BufRead::read_line(&mut said, &mut line).unwrap(), 0, "{line}");
    }
    // SAFETY: kill(2) touches no memory of ours.
    assert_eq!(unsafe { libc::killpg(starter.id().cast_signed(), libc::SIGKILL) }, 0);
    starter.wait().unwrap();
    line.clear();
    assert_eq!(std::io::BufRead::read_line(&mut said, &mut line).unwrap(), 0, "nothing holds the starter's output");

    let found = runtime_dir::scan(&spec.runtime_dir).unwrap();
    assert_eq!(found.iter().map(|facts| facts.info.id).collect::<Vec<_>>(), [spec.session]);
    let mut probe = probe::Probe::new(HostClient::connect(&found[0].socket, Role::Agent).await.unwrap());
    probe.ask(SessionAsk::Subscribe { from: From::Snapshot }).await;
    probe.until_text("still here").await;
    probe.join(Take::IfFree, 80, 24).await;
    probe.type_text("again\r").await;
    probe.until_text("got:again").await;
    signal(found[0].host_pid, libc::SIGKILL);
}

#[tokio::test]
async fn a_hangup_of_the_host_itself_changes_nothing() {
    let host = TestHost::shell("read line; echo got:$line; read line").await;
    let mut probe = host.attach().await;
    signal(host.pid, libc::SIGHUP);
    probe.type_text("x\r").await;
    probe.until_text("got:x").await;
}

#[tokio::test]
async fn the_last_words_and_the_exit_code_are_kept_until_forgotten() {
    let host = TestHost::shell("echo last words; exit 7").await;
    let mut probe = host.attach().await;
    probe.until("the end", |probe| probe.ended.is_some()).await;
    assert_eq!(probe.ended, Some(probe.offset), "every byte was sent before the end");
    let info = probe.info.clone().unwrap();
    assert_eq!((info.state, info.exit), (SessionState::Exited, Some(Exit { code: Some(7), signal: None })));
    assert!(info.ended_at >= Some(info.started_at));

    // Somebody who comes later sees them too.
    let mut late = host.attach().await;
    late.until("the end", |probe| probe.ended.is_some()).await;
    assert!(late.shows("last words"));
    let number = late.type_text("x").await;
    assert_eq!(late.until_acked(number).await, InputOutcome::Ended);
    let facts = runtime_dir::read_facts(&host.runtime_dir(), host.session).unwrap();
    assert_eq!(facts.info.exit, Some(Exit { code: Some(7), signal: None }));

    late.ask(SessionAsk::Forget).await;
    assert_eq!(late.next().await, None, "the host is gone");
    assert!(host.is_gone().await);
    assert_eq!(runtime_dir::scan(&host.runtime_dir()).unwrap(), vec![]);
}

#[tokio::test]
async fn a_flood_before_the_end_is_complete() {
    let host = TestHost::shell("read line; seq 1 200000; exit 3").await;
    let mut probe = host.attach().await;
    probe.type_text("go\r").await;
    probe.until("the end", |probe| probe.ended.is_some()).await;
    assert!(probe.shows("199999") && probe.shows("200000"));
}

#[tokio::test]
async fn stopping_hangs_up_and_kills_who_does_not_listen() {
    let polite = TestHost::shell("echo up; read line").await;
    let mut probe = polite.attach().await;
    probe.until_text("up").await;
    probe.ask(SessionAsk::Stop { force: false }).await;
    probe.until("the end", |probe| probe.ended.is_some()).await;

    let stubborn = TestHost::shell("trap '' HUP TERM INT; echo up; while :; do sleep 1; done").await;
    let mut probe = stubborn.attach().await;
    probe.until_text("up").await;
    probe.ask(SessionAsk::Stop { force: true }).await;
    probe.until("the end", |probe| probe.ended.is_some()).await;
    let exit = probe.info.unwrap().exit;
    assert_eq!(exit, Some(Exit { code: None, signal: Some("SIGKILL".to_owned()) }));
}

#[tokio::test]
async fn forgetting_a_running_session_is_ignored() {
    let host = TestHost::shell("read line; echo got:$line; read line").await;
    let mut probe = host.attach().await;
    probe.ask(SessionAsk::Forget).await;
    probe.type_text("x\r").await;
    probe.until_text("got:x").await;
}

#[tokio::test]
async fn a_repeat_after_a_reconnect_is_acknowledged_and_not_typed_twice() {
    let host = TestHost::shell("stty -echo; echo up; while read line; do echo got:$line; done").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    probe.type_text("one\r").await;
    probe.until_acked(1).await;
    probe.until_text("got:one").await;
    let (viewer, offset, epoch) = (probe.viewer, probe.offset, probe.painted_at.epoch);
    drop(probe);

    // The acknowledgement might have been lost: the same viewer sends the same again, and goes on.
    let mut probe = host.connect().await;
    (probe.viewer, probe.offset) = (viewer, offset);
    probe.join(Take::IfFree, 80, 24).await;
    probe.ask(SessionAsk::Subscribe { from: From::Offset { offset, epoch } }).await;
    probe.type_numbered(1, "one\r").await;
    probe.type_numbered(2, "two\r").await;
    assert_eq!(probe.until_acked(1).await, InputOutcome::Applied);
    probe.until_text("got:two").await;
    assert_eq!(probe.repaints, 0, "the log still had the offset");
    assert!(!probe.shows("got:one"));
}

#[tokio::test]
async fn only_the_controller_types_and_sets_the_size() {
    let host = TestHost::shell("stty -echo; echo up; while read line; do stty size; echo got:$line; done").await;
    let mut first = host.attach().await;
    first.until_text("up").await;
    let mut second = host.attach().await;
    second.until("control", |probe| probe.control.is_some()).await;
    let number = second.type_text("mine\r").await;
    assert_eq!(second.until_acked(number).await, InputOutcome::NotController);
    let viewer = second.viewer;
    second.ask(SessionAsk::Resize { viewer, cols: 50, rows: 10 }).await;

    second.join(Take::Always, 100, 30).await;
    second
        .until("the keyboard and the size", |probe| {
            matches!(probe.control, Some(SessionSays::Control { controller: Some(who), cols: 100, .. }) if who == viewer)
        })
        .await;
    second.type_text("mine\r").await;
    second.until_text("30 100\r\ngot:mine").await;
    assert_eq!(second.painted_at.epoch, 1, "one resize: the one of who controls");
    first.until("the news", |probe| probe.painted_at.epoch == 1 && probe.painted_at.cols == 100).await;
    let number = first.type_text("not any more\r").await;
    assert_eq!(first.until_acked(number).await, InputOutcome::NotController);
}

#[tokio::test]
async fn a_hundred_mebibytes_arrive_whole_at_a_reader_that_keeps_up() {
    const ROUND_BYTES: usize = 64 * 1024;
    const ROUNDS: usize = (100 << 20) / ROUND_BYTES;
    // Letters only: random bytes hold queries, which the host answers.
    let mut state = 1_u64;
    let printed: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + (state >> 60) as u8
    })
    .take(ROUNDS * ROUND_BYTES)
    .collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letters");
    std::fs::write(&file, &printed).unwrap();
    // A piece each time a line is typed: more at once would take a reader on a busy machine longer than the half
    // second after which it is rightly repainted.
    let host = TestHost::shell(&format!(
        "stty -echo -opost; echo up; while read n; do dd if={} bs={ROUND_BYTES} skip=$n count=1 2>/dev/null; done",
        file.display()
    ))
    .await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    let (before, start) = (probe.received, probe.hash);
    for round in 0..ROUNDS {
        probe.type_text(format!("{round}\r")).await;
        let wanted = before + ((round + 1) * ROUND_BYTES) as u64;
        probe.until("the round's bytes", |probe| probe.received >= wanted).await;
    }
    assert_eq!(probe.repaints, 1, "it never fell behind");
    assert_eq!(probe.received - before, printed.len() as u64);
    assert_eq!(probe::hash(start, &printed), probe.hash);
}

#[tokio::test]
async fn a_reader_that_stands_still_is_repainted_and_holds_up_nobody() {
    let host = TestHost::shell("stty -echo; echo up; while read line; do seq 1 2000000; echo done:$line; done").await;
    let mut slow = host.attach().await;
    slow.until_text("up").await;
    slow.acknowledges = false;
    let mut fast = host.attach().await;
    fast.until_text("up").await;
    let viewer = slow.viewer;
    fast.viewer = viewer; // The same person, so that it may type.
    fast.join(Take::Always, 80, 24).await;
    fast.type_text("go\r").await;
    fast.until_text("done:go").await;

    slow.acknowledges = true;
    let repaints = slow.repaints;
    slow.send(&Frame::Ack { channel: 0, consumed: 0 }).await;
    slow.until("a repaint and the newest screen", |probe| probe.repaints > repaints && probe.shows("done:go")).await;
}

#[tokio::test]
async fn a_program_that_never_reads_holds_up_nothing_and_ctrl_c_reaches_it() {
    let host = TestHost::shell("stty -icanon -echo; echo up; exec sleep 1000").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    let mut last = 0;
    for _ in 0..40 {
        last = probe.type_text(vec![b'x'; 8 * 1024]).await;
    }
    probe.send(&Frame::Ping(9)).await;
    probe.until("a pong behind all that input", |probe| probe.pongs.contains(&9)).await;
    assert!(!probe.acks.contains_key(&last), "what the terminal does not take is not acknowledged");
    let number = probe.type_text("\x03").await;
    assert_eq!(probe.until_acked(number).await, InputOutcome::Applied);
    assert_eq!(probe.until_acked(last).await, InputOutcome::Applied);
    probe.until("the end", |probe| probe.ended.is_some()).await;
    assert_eq!(probe.info.unwrap().exit.unwrap().signal.as_deref(), Some("SIGINT"));
}

#[tokio::test]
async fn two_readers_see_the_same_bytes() {
    let host = TestHost::shell("stty -echo; echo up; read line; seq 1 500; echo over; read line").await;
    let (mut one, mut two) = (host.attach().await, host.attach().await);
    // From the same offset on: what came before, one may have seen as output and the other as a repaint.
    for probe in [&mut one, &mut two] {
        probe.until("the line", |probe| probe.offset.0 == "up\r\n".len() as u64).await;
        (probe.hash, probe.received) = (0, 0);
    }
    one.type_text("go\r").await;
    one.until_text("over").await;
    two.until_text("over").await;
    assert_eq!((one.offset, one.hash, one.received), (two.offset, two.hash, two.received));
}

#[tokio::test]
async fn a_reader_of_before_a_resize_is_repainted_in_the_new_size() {
    let host = TestHost::shell("stty -echo; echo up; while read line; do echo got:$line; done").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    let (offset, epoch) = (probe.offset, probe.painted_at.epoch);
    probe.join(Take::Always, 90, 20).await;
    probe.until("the new size", |probe| probe.painted_at.cols == 90).await;

    let mut late = host.connect().await;
    late.ask(SessionAsk::Subscribe { from: From::Offset { offset, epoch } }).await;
    late.until("a repaint", |probe| probe.repaints == 1).await;
    assert_eq!((late.painted_at.epoch, late.painted_at.cols, late.painted_at.rows), (epoch + 1, 90, 20));
    assert!(late.shows("up"));

    // Nonsense from ahead of all output is repainted too, rather than waited for.
    late.ask(SessionAsk::Subscribe { from: From::Offset { offset: offset + 1_000_000, epoch: epoch + 1 } }).await;
    late.until("another repaint", |probe| probe.repaints == 2).await;
}

#[tokio::test]
async fn a_machine_that_shuts_down_ends_its_programs_and_records_it() {
    let host = TestHost::shell("trap 'echo bye; exit 4' TERM HUP; echo up; while :; do sleep 0.05; done").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    signal(host.pid, libc::SIGTERM);
    probe.until("the end", |probe| probe.ended.is_some()).await;
    assert!(probe.shows("bye"));
    assert_eq!(probe.next().await, None, "the host goes without being told to forget");
    let facts = runtime_dir::read_facts(&host.runtime_dir(), host.session).unwrap();
    assert_eq!((facts.info.state, facts.info.exit.unwrap().code), (SessionState::Exited, Some(4)));
    assert!(host.is_gone().await);
}

#[tokio::test]
async fn a_snapshot_is_answered_without_disturbing_the_output() {
    let host = TestHost::shell("seq 1 3000; echo up; read line; echo got:$line; read line").await;
    let mut probe = host.attach().await;
    probe.until_text("up").await;
    probe.ask(SessionAsk::Snapshot { id: 5, history: true }).await;
    probe.ask(SessionAsk::Snapshot { id: 6, history: false }).await;
    probe.type_text("x\r").await;
    probe.until("both answers", |probe| probe.answers.len() == 2).await;
    probe.until_text("got:x").await;
    let text = |id| String::from_utf8_lossy(&probe.answers[&id].1).into_owned();
    assert!(text(5).contains("1234") && !text(6).contains("1234"), "only one of them has the scrollback");
    assert!(text(6).contains("3000"));
    assert_eq!(probe.repaints, 1);
}

#[tokio::test]
async fn a_bad_frame_costs_its_connection_and_nothing_else() {
    let host = TestHost::shell("read line; echo got:$line; read line").await;
    let mut good = host.attach().await;
    for bad in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x02\x12\x00", b"\0\0\0\x03\x02{{"] {
        let mut client = tokio::net::UnixStream::connect(&host.socket).await.unwrap();
        let mut hello = bytes::BytesMut::new();
        sessionforge::wire::hello::Hello::of(Role::Agent).to_frame().encode_with_length_into(&mut hello);
        client.write_all(&hello).await.unwrap();
        client.write_all(bad).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(30), client.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "{bad:?} closes the connection");
    }
    good.type_text("x\r").await;
    good.until_text("got:x").await;
}

#[tokio::test]
async fn a_session_runs_once_however_often_it_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(shell("read line"), dir.path());
    let ready = launch::start(binary(), &spec, None).await.unwrap();
    let again = launch::start(binary(), &spec, None).await.unwrap_err();
    assert_eq!(sessionforge::base::problem::Problem::from(again).code, Code::Conflict);
    signal(ready.pid, libc::SIGKILL);
}
