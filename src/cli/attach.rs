//! A terminal of this machine on one of its sessions: straight to the PTY host, with no agent and no server between.
//!
//! Who controls the session sees the program's own bytes ([`filter`] takes out only what a terminal would answer), in a
//! terminal that has exactly the session's size. Who watches sees the same picture drawn for the size there is ([`view`]); [`picture`] is
//! either of them.
//! What is typed is numbered and kept until it is acknowledged ([`typing`]), so that a connection that broke and was made
//! anew loses and doubles nothing. Acknowledgements follow what the terminal has taken: a slow one is repainted by the host,
//! and nothing queues here. On every way out [`terminal`] is given back as it was.

mod attached;
mod filter;
mod keys;
mod line;
mod picture;
mod signals;
mod terminal;
mod typing;
mod view;

use std::path::Path;

use anyhow::Context as _;

use self::attached::Attached;
pub(super) use self::keys::DetachKey;
use self::line::Line;
use self::signals::Signals;
use self::terminal::Terminal;
pub(super) use self::terminal::{is_there, size};
use super::failure::{Exit as ExitCode, Failure};
use crate::base::id::{SessionId, ViewerId};
use crate::host::client::ConnectError;
use crate::host::runtime_dir;
use crate::wire::message::{From, Take};
use crate::wire::session::Exit;

/// How to attach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) take: Take,
    pub(super) detach: DetachKey,
}

/// Why a terminal is not attached any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Left {
    /// The person's wish.
    Detached,
    /// The program has ended, and all it printed was shown.
    Ended(Option<Exit>),
    /// The PTY host has gone without a word of the program's end.
    Lost { undelivered: usize },
    /// The PTY host is there, but cannot be talked to.
    Unreachable { cause: String, undelivered: usize },
    /// This process was told to end by a signal.
    Signal(i32),
    /// The terminal itself has gone.
    TerminalGone,
}

/// Attaches until it is over, however it ends; by then the terminal is as it was.
pub(super) async fn attach(dir: &Path, session: SessionId, options: Options) -> Result<Left, Failure> {
    let socket = runtime_dir::read_facts(dir, session)
        .map_or_else(|| runtime_dir::socket_path(dir, session), |facts| facts.socket);
    let (viewer, size) = (ViewerId::random(), terminal::size());
    // Before the terminal is touched, so that what cannot be had is said on one that works.
    let line = Line::open(&socket, viewer, options.take, size, From::Snapshot).await.map_err(cannot)?;
    let signals = Signals::new().context("signals cannot be received")?;
    let terminal = Terminal::enter().context("the terminal cannot be used")?;
    let place = (dir.to_owned(), socket, session);
    let mut attached = Attached::new(place, options, viewer, size, line, terminal, signals);
    let left = attached.run().await;
    attached.say_goodbye(&left).await;
    Ok(left)
}

/// What it means to the person that a PTY host cannot be talked to.
pub(super) fn cannot(error: ConnectError) -> Failure {
    let hint = match &error {
        ConnectError::Gone => "`sessionforge session list --all` shows what became of it",
        ConnectError::Silent => "it may be stopped or starved; `sessionforge session list` shows when it answers again",
        ConnectError::Closed | ConnectError::Refused(_) | ConnectError::Io(_) => {
            "`sessionforge session list` asks it how it is"
        }
    };
    Failure::new(ExitCode::Failed, error).hint(hint)
}
