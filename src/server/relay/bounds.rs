//! Cuts what an agent says of itself to its bounds, so that no agent can grow the server's memory by talking.

use crate::base::limits::{ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, NAME_BYTES_MAX};
use crate::base::problem::{Code, Problem};
use crate::wire::attention::{NEED_TEXT_BYTES_MAX, WORD_BYTES_MAX};
use crate::wire::load::Load;
use crate::wire::session::{Hardware, Launch, MachineFacts, SessionInfo};
use crate::wire::updating::UpdateReport;

/// All arguments of one session together, in bytes: what a page shows of them, not what the program got.
const ARGUMENTS_SHOWN_BYTES: usize = 4 * 1024;

/// Programs on a machine's `allow` list that are offered.
const ALLOW_MAX: usize = 64;

/// Why an update failed, in bytes.
const SENTENCE_BYTES_MAX: usize = 1024;

/// Within its bounds.
pub(super) fn session(mut info: SessionInfo) -> SessionInfo {
    info.name = info.name.map(|name| cut(name, NAME_BYTES_MAX));
    info.title = info.title.map(|title| cut(title, NAME_BYTES_MAX));
    info.command = cut(info.command, ARGUMENT_BYTES_MAX);
    info.workdir = cut(info.workdir, ARGUMENT_BYTES_MAX);
    let mut room = ARGUMENTS_SHOWN_BYTES;
    info.args.retain(|argument| {
        let fits = argument.len() <= room;
        room = room.saturating_sub(argument.len() + 1);
        fits
    });
    let word = |text: Option<String>| text.map(|text| cut(text, WORD_BYTES_MAX));
    (info.model, info.branch) = (word(info.model), word(info.branch));
    if let Some(need) = &mut info.needs {
        need.text = cut(std::mem::take(&mut need.text), NEED_TEXT_BYTES_MAX);
        need.tool = word(need.tool.take());
    }
    if let Some(exit) = &mut info.exit {
        exit.signal = exit.signal.take().map(|signal| cut(signal, NAME_BYTES_MAX));
    }
    info
}

/// Within its bounds.
pub(super) fn load(load: Load) -> Load {
    Load { cpu_percent: load.cpu_percent.min(100), ..load }
}

/// Within its bounds.
pub(super) fn machine(facts: MachineFacts) -> MachineFacts {
    let name = |text: String| cut(text, NAME_BYTES_MAX);
    MachineFacts {
        name: name(facts.name),
        hostname: name(facts.hostname),
        os: name(facts.os),
        os_version: name(facts.os_version),
        arch: name(facts.arch),
        build: name(facts.build),
        allow: facts.allow.into_iter().take(ALLOW_MAX).map(name).collect(),
        home: cut(facts.home, ARGUMENT_BYTES_MAX),
        hardware: Hardware { processor: name(facts.hardware.processor), ..facts.hardware },
        terminal: name(facts.terminal),
        target: name(facts.target),
        update_way: facts.update_way,
    }
}

/// Within its bounds.
pub(super) fn update(report: UpdateReport) -> UpdateReport {
    UpdateReport {
        to: cut(report.to, NAME_BYTES_MAX),
        percent: report.percent.min(100),
        why: report.why.map(|why| cut(why, SENTENCE_BYTES_MAX)),
        ..report
    }
}

/// Whether a launch can be sent to a machine at all.
pub(super) fn check_launch(launch: &Launch) -> Result<(), Problem> {
    let too_large = |what: &str| Err(Problem::new(Code::TooLarge, format!("the {what} is too long")));
    if launch.command.trim().is_empty() {
        return Err(Problem::new(Code::BadRequest, "say which command to run"));
    }
    if launch.command.len() > ARGUMENT_BYTES_MAX {
        return too_large("command");
    }
    if launch.args.len() > ARGUMENTS_MAX || launch.args.iter().any(|argument| argument.len() > ARGUMENT_BYTES_MAX) {
        return too_large("list of arguments");
    }
    if launch.workdir.as_ref().is_some_and(|workdir| workdir.len() > ARGUMENT_BYTES_MAX) {
        return too_large("working directory");
    }
    if launch.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
        return too_large("name");
    }
    Ok(())
}

/// The longest beginning of at most `bytes`.
fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut("aé".to_owned(), 3), "aé");
        assert_eq!(cut(String::new(), 0), "");
    }
}
