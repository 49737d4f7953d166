//! `sessionforge session list`: all sessions of this machine, with or without agent and server.

use std::path::Path;

use anyhow::Context as _;

use super::state;
use crate::base::clock::unix_millis;
use crate::cli::failure::Failure;
use crate::cli::output::{Look, Output, printable};
use crate::host::runtime_dir;
use crate::wire::session::SessionState;

pub(super) async fn run(dir: &Path, output: &mut Output) -> Result<(), Failure> {
    let found = runtime_dir::scan(dir).with_context(|| format!("{} cannot be read", dir.display()))?;
    if found.is_empty() {
        output.line("No sessions. Start one with `sessionforge session start`, or on the page.");
        return Ok(());
    }
    output.line(output.paint(Look::Faint, format_args!("{:<16}  {:<9}  {:<8}  COMMAND", "ID", "STATE", "AGE")));
    for facts in found {
        let info = state::now(&facts).await;
        let (state, look) = match info.state {
            SessionState::Starting => ("starting", Look::Plain),
            SessionState::Running => ("running", Look::Good),
            SessionState::Exited => ("exited", Look::Faint),
            SessionState::Lost => ("lost", Look::Bad),
        };
        let state = output.paint(look, format_args!("{state:<9}"));
        let age = age(unix_millis().saturating_sub(info.started_at));
        let name = info.name.map(|name| format!("{}  ", printable(&name))).unwrap_or_default();
        let command: Vec<String> =
            std::iter::once(&info.command).chain(&info.args).map(|text| printable(text)).collect();
        output.line(format_args!("{}  {state}  {age:<8}  {name}{}", info.id, command.join(" ")));
    }
    Ok(())
}

/// A duration for a table: its largest unit.
fn age(millis: u64) -> String {
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
