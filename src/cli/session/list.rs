//! `sessionforge session list`: sessions of this machine, with or without agent and server.

use std::path::Path;

use anyhow::Context as _;
use futures_util::future::join_all;
use serde::Serialize;

use super::state;
use crate::base::clock::unix_millis;
use crate::cli::failure::Failure;
use crate::cli::output::{Look, Output, printable};
use crate::cli::progress::Progress;
use crate::cli::table::{self, Cell};
use crate::host::runtime_dir;
use crate::wire::session::{SessionInfo, SessionState};

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Serialize)]
struct Listed {
    sessions: Vec<SessionInfo>,
}

pub(super) async fn run(dir: &Path, all: bool, json: bool, output: &mut Output) -> Result<(), Failure> {
    let found = runtime_dir::scan(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    let progress = Progress::start("asking the sessions");
    let mut sessions = join_all(found.iter().map(state::now)).await;
    drop(progress);
    let known = sessions.len();
    sessions.retain(|info| all || !info.has_ended());
    if json {
        output.json(&Listed { sessions });
        return Ok(());
    }
    let ended = known - sessions.len();
    if sessions.is_empty() {
        output.line("No sessions. Start one with `sessionforge session start`, or on the page.");
    } else {
        print(&sessions, output);
    }
    if ended > 0 {
        let have = if ended == 1 { "has" } else { "have" };
        let rest = format!("{ended} {have} ended: `sessionforge session list --all` shows them too");
        output.line(output.paint(Look::Faint, rest));
    }
    Ok(())
}

/// A table of sessions, for this command and for `status`.
pub(in crate::cli) fn print(sessions: &[SessionInfo], output: &mut Output) {
    let now = unix_millis();
    let rows: Vec<Vec<Cell>> = sessions
        .iter()
        .map(|info| {
            let command: Vec<String> =
                std::iter::once(&info.command).chain(&info.args).map(|text| printable(text)).collect();
            let (state, look) = state_words(info);
            vec![
                Cell::plain(info.id.to_string()),
                Cell::new(state, look),
                Cell::plain(age(now.saturating_sub(info.started_at))),
                Cell::plain(info.name.as_deref().map(printable).unwrap_or_default()),
                Cell::plain(command.join(" ")),
                Cell::new(printable(&info.workdir), Look::Faint),
            ]
        })
        .collect();
    table::print(&["ID", "STATE", "AGE", "NAME", "COMMAND", "DIRECTORY"], &rows, output);
}

fn state_words(info: &SessionInfo) -> (String, Look) {
    let how = || match &info.exit {
        Some(exit) => match (exit.code, &exit.signal) {
            (Some(code), _) => format!("exited {code}"),
            (None, Some(signal)) => format!("exited {signal}"),
            (None, None) => "exited".to_owned(),
        },
        None => "exited".to_owned(),
    };
    match info.state {
        SessionState::Starting => ("starting".to_owned(), Look::Plain),
        SessionState::Running if info.needs.is_some() => ("needs you".to_owned(), Look::Strong),
        SessionState::Running => ("running".to_owned(), Look::Good),
        SessionState::Exited => (how(), Look::Faint),
        SessionState::Lost => ("lost".to_owned(), Look::Bad),
    }
}

/// A duration for a table: its largest unit.
pub(in crate::cli) fn age(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (millis, text) in
            [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (200_000_000, "2 d")]
        {
            assert_eq!(age(millis), text);
        }
    }
}
