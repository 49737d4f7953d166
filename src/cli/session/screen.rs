//! `sessionforge session screen`: what a session shows, as text. Of one whose host is gone, what it showed last.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use super::find;
use crate::base::id::SessionId;
use crate::cli::attach::cannot;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;
use crate::host::client::{ConnectError, HostClient};
use crate::host::last_screen;
use crate::host::runtime_dir::Facts;
use crate::stream::screen::Screen;
use crate::wire::frame::{Frame, SnapshotAt};
use crate::wire::hello::Role;
use crate::wire::message::SessionAsk;

/// Time a host has for a snapshot. It needs a millisecond; one that is behind a flood needs a little longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Number of the only snapshot asked for.
const SNAPSHOT: u32 = 1;

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Serialize)]
struct Shown {
    session: SessionId,
    cols: u16,
    rows: u16,
    /// Cells from the top left, from zero.
    cursor_column: u16,
    cursor_row: u16,
    lines: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

pub(super) async fn run(dir: &Path, asked: &str, json: bool, output: &mut Output) -> Result<(), Failure> {
    let facts = find::session(dir, asked)?;
    let id = facts.info.id;
    let (at, bytes) = match HostClient::connect(&facts.socket, Role::Viewer).await {
        Ok(mut host) => {
            let answer = tokio::time::timeout(ANSWER_WITHIN, snapshot(&mut host)).await;
            answer.ok().flatten().with_context(|| format!("the PTY host of {id} does not answer"))?
        }
        Err(ConnectError::Gone) => {
            let last = last_screen::read(dir, id).ok_or_else(|| {
                Failure::new(Exit::Failed, format_args!("the PTY host of {id} is gone, and no screen of it was kept"))
                    .hint("`sessionforge config set keep_screens true` has those of later sessions kept")
            })?;
            (last.at, last.screen.to_vec())
        }
        Err(error) => return Err(cannot(error)),
    };
    let mut screen = Screen::new(at.cols, at.rows, 0);
    screen.feed(&bytes, Instant::now(), &mut Vec::new());
    let mut lines = screen.text();
    if json {
        let (cursor, title) = (screen.cursor(), screen.title().map(str::to_owned));
        let (cols, rows) = screen.size();
        let (cursor_column, cursor_row) = (cursor.column, cursor.row);
        output.json(&Shown { session: id, cols, rows, cursor_column, cursor_row, lines, title });
        return Ok(());
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    for line in &lines {
        output.line(line);
    }
    Ok(())
}

/// The host of a session that is to be spoken with.
pub(super) async fn connected(facts: &Facts) -> Result<HostClient, Failure> {
    HostClient::connect(&facts.socket, Role::Viewer).await.map_err(|error| {
        Failure::new(Exit::Failed, format_args!("{} cannot be reached: {error}", facts.info.id))
            .hint("`sessionforge session list --all` shows how it is")
    })
}

async fn snapshot(host: &mut HostClient) -> Option<(SnapshotAt, Vec<u8>)> {
    host.ask(&SessionAsk::Snapshot { id: SNAPSHOT, history: false }).await.ok()?;
    let (mut bytes, mut consumed) = (Vec::new(), 0);
    loop {
        let Frame::Snapshot { id: SNAPSHOT, at, flags, bytes: piece, .. } = host.next().await.ok()?? else { continue };
        bytes.extend_from_slice(&piece);
        consumed += piece.len() as u64;
        if flags.last {
            return Some((at, bytes));
        }
        host.send(&Frame::Ack { channel: 0, consumed }).await.ok()?;
    }
}
