#![allow(clippy::unwrap_used, reason = "tests")]

use tokio::task::{LocalSet, spawn_local};

use super::draining::DRAIN_MAX;
use super::*;
use crate::pty::scripted::{Script, pair};
use crate::wire::session::Activity;

const VIEWER: ViewerId = ViewerId([1; 16]);

fn info() -> SessionInfo {
    SessionInfo::new("ses_a1b2c3d4e5f6".parse().unwrap(), "sh")
}

/// Runs `test` beside a session of a scripted terminal, whose controller is [`VIEWER`].
async fn with_session(test: impl AsyncFnOnce(Rc<Session>, Script)) {
    let (pty, script) = pair();
    let session = Session::new(Box::new(pty), info()).unwrap();
    let local = LocalSet::new();
    let running = Rc::clone(&session);
    local.spawn_local(async move { running.run().await });
    local
        .run_until(async {
            let on = session.connection();
            session.join(VIEWER, Take::IfFree, Size { cols: 80, rows: 24 }, None, on);
            test(session, script).await;
        })
        .await;
}

/// Waits until `look` says so, looking at every change of the session.
async fn until(session: &Session, what: &str, look: impl Fn(&Session) -> bool) {
    let waiting = async {
        loop {
            let changed = session.changed();
            if look(session) {
                return;
            }
            // Some of what is looked at changes without a word to connections.
            let _ = tokio::time::timeout(Duration::from_millis(10), changed).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| unreachable!("in vain: {what}"));
}

fn typed(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_dragged_window_resizes_the_terminal_a_few_times_and_ends_at_the_last_size() {
    with_session(async |session, script| {
        for cols in 81..=100 {
            session.resize(VIEWER, Size { cols, rows: 24 });
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        until(&session, "the last size", |session| session.info().cols == 100).await;
        let sizes = script.sizes();
        // Twenty steps of 5 ms or more; a busy machine makes them longer, and then more of them are applied.
        assert!(sizes.len() < 20, "{sizes:?}");
        assert_eq!(sizes.first(), Some(&Size { cols: 81, rows: 24 }), "the first size is applied at once");
        assert_eq!(session.versions().epoch as usize, sizes.len());
        session.resize(ViewerId([2; 16]), Size { cols: 10, rows: 10 });
        tokio::time::sleep(2 * RESIZE_EVERY).await;
        assert_eq!(script.sizes(), sizes, "who does not control does not size");
    })
    .await;
}

#[tokio::test]
async fn a_program_that_does_not_end_when_asked_is_killed_after_a_while() {
    with_session(async |session, script| {
        session.stop(false);
        assert_eq!(script.endings(), [Ending::HangUp]);
        let begin = Instant::now();
        until(&session, "the kill", |_| script.endings().len() > 1).await;
        assert_eq!(script.endings(), [Ending::HangUp, Ending::Kill]);
        assert!(begin.elapsed() + Duration::from_millis(100) > KILL_AFTER, "{:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn what_a_programs_children_still_print_is_kept_but_not_waited_for_long() {
    with_session(async |session, script| {
        script.exit(crate::pty::Exit::Code(3));
        script.print(b"from a child");
        until(&session, "the end", Session::is_over).await;
        let info = session.info();
        assert_eq!((info.state, info.exit.unwrap().code), (SessionState::Exited, Some(3)));
        assert_eq!(session.with_log(|log| log.end()), Offset(12));
        assert_eq!(session.input(VIEWER, 1, &typed("x")), Input::Answer(InputOutcome::Ended));
    })
    .await;
}

#[tokio::test]
async fn children_that_never_stop_printing_do_not_keep_a_session_from_ending() {
    with_session(async |session, script| {
        script.exit(crate::pty::Exit::Signal("SIGKILL".to_owned()));
        let begin = Instant::now();
        while !session.is_over() {
            script.print(b"x");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(begin.elapsed() < 5 * DRAIN_MAX, "{:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_programs_question_is_answered_once_though_nobody_watches() {
    with_session(async |session, script| {
        script.print(b"\x1b[c\x1b[6n");
        until(&session, "both answers", |_| script.typed().ends_with(b"\x1b[1;1R")).await;
        let typed = String::from_utf8(script.typed()).unwrap();
        assert_eq!(typed.matches('c').count(), 1, "{typed:?}");
    })
    .await;
}

#[tokio::test]
async fn the_title_is_known_and_bounded() {
    with_session(async |session, script| {
        script.print(format!("\x1b]0;{}\x07", "ü".repeat(400)).as_bytes());
        until(&session, "a title", |session| session.info().title.is_some()).await;
        assert_eq!(session.info().title.unwrap(), "ü".repeat(128));
    })
    .await;
}

#[tokio::test]
async fn a_session_works_while_it_prints_and_is_idle_after() {
    with_session(async |session, script| {
        script.print(b"x");
        until(&session, "work", |session| session.info().activity == Activity::Working).await;
        until(&session, "silence", |session| session.info().activity == Activity::Idle).await;
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_holds_what_was_printed_before_its_offset_and_nothing_after() {
    with_session(async |session, script| {
        for n in 0..50 {
            script.print(format!("{n:04}\r\n").as_bytes());
            until(&session, "output", |session| session.with_log(|log| log.end()) == Offset((n + 1) * 6)).await;
            let end = session.with_log(|log| log.end());
            let snapshot = session.snapshot(end, true).await.unwrap();
            assert_eq!(snapshot.at.offset, end);
            assert!(String::from_utf8_lossy(&snapshot.bytes).contains(&format!("{n:04}")));
        }
    })
    .await;
}

#[tokio::test]
async fn input_that_finds_no_room_is_not_taken_for_applied() {
    with_session(async |session, script| {
        script.take_only(0);
        let mut number = 0;
        let piece = Bytes::from(vec![b'x'; 8 * 1024]);
        let refused = loop {
            number += 1;
            if session.input(VIEWER, number, &piece) == Input::NoRoom {
                break number;
            }
        };
        assert_eq!(refused, 9, "64 KiB wait at most");
        assert_eq!(session.input(VIEWER, 3, &piece), Input::NoRoom, "a repeat waits its turn as well");
        script.take_only(usize::MAX);
        until(&session, "room", |session| session.input(VIEWER, refused, &piece) != Input::NoRoom).await;
        until(&session, "everything typed", |_| script.typed().len() == 9 * piece.len()).await;
    })
    .await;
}

#[tokio::test]
async fn ctrl_c_overtakes_once_however_often_it_is_sent() {
    with_session(async |session, script| {
        script.take_only(0);
        let key = typed("x\x03y");
        assert_eq!(session.overtake(VIEWER, 1, &key), None, "nothing to overtake");
        assert_eq!(session.input(VIEWER, 1, &typed("paste")), Input::Answer(InputOutcome::Applied));
        until(&session, "a terminal that takes no more", Session::is_stuck).await;
        assert_eq!(session.overtake(VIEWER, 2, &key), Some(typed("y")));
        assert_eq!(session.input(VIEWER, 2, &typed("y")), Input::Answer(InputOutcome::Applied));
        assert_eq!(session.overtake(VIEWER, 2, &key), None, "a repeat after a reconnect");
        assert_eq!(session.overtake(ViewerId([2; 16]), 1, &key), None, "somebody who only watches");
        script.take_only(usize::MAX);
        until(&session, "the rest", |_| script.typed() == b"\x03y").await;
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_is_kept_until_forgotten() {
    with_session(async |session, script| {
        session.forget();
        script.exit(crate::pty::Exit::Code(0));
        script.close();
        until(&session, "the end", Session::is_over).await;
        let kept = Rc::clone(&session);
        let kept = spawn_local(async move { kept.kept().await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!kept.is_finished(), "a word to forget it that came too early means nothing");
        session.forget();
        assert!(kept.await.unwrap());
    })
    .await;
}
