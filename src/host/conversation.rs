//! The conversation of a session that runs Claude Code: chosen when it starts, looked up when it has ended.
//!
//! A new conversation is given its id on the command line, so that it can be resumed. Within a session it may become
//! another one (`/clear`), and some starts do not say which one they go on with (`--continue`). Then the transcripts that
//! Claude Code leaves tell, by their names and times; what is in them is never read.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::runtime_dir;
use crate::base::id::ConversationId;
use crate::wire::conversation::{self, Choice};
use crate::wire::session::SessionInfo;

/// Files looked at in one directory of transcripts. Claude Code removes those older than a month.
const TRANSCRIPTS_MAX: usize = 10_000;

/// Longest directory name that Claude Code makes of a path; longer ones end in a digest that is its own affair.
const NAME_CHARS_MAX: usize = 200;

/// From a program's last word on the screen to its last line in the transcript, and the reverse.
const SLACK: Duration = Duration::from_secs(5);

/// The conversation of a session that is about to start; one that is new gets its id among `args`.
pub fn begin(command: &str, given: &[String], args: &mut Vec<OsString>) -> Option<ConversationId> {
    if !conversation::is_claude(command) {
        return None;
    }
    match conversation::chosen(given) {
        Choice::Known(id) => Some(id),
        Choice::Unknown => None,
        Choice::New => {
            let id = ConversationId::random();
            // In front: behind an option that takes several values it would be one of them.
            args.splice(0..0, ["--session-id".into(), id.to_string().into()]);
            Some(id)
        }
    }
}

/// The conversation that `info`'s session was in at its end: another than it began with if exactly one can be that,
/// else the one it began with. Looks at the disk.
pub fn at_end(info: &SessionInfo, runtime_dir: &Path) -> Option<ConversationId> {
    let known = info.conversation;
    if !conversation::is_claude(&info.command) {
        return known;
    }
    let Some(directory) = transcripts(&info.workdir) else { return known };
    let at = |millis: u64| UNIX_EPOCH + Duration::from_millis(millis);
    let ended_at = info.last_screen_at.or(info.ended_at).map_or_else(SystemTime::now, at);
    let span = (at(info.started_at), ended_at + SLACK);
    let found = read(&directory);
    let mut others = candidates(&found, known, span);
    if !others.is_empty() {
        let elsewhere = of_other_sessions(info, runtime_dir);
        others.retain(|id| !elsewhere.contains(id));
    }
    match others.as_slice() {
        [one] => Some(*one),
        // None, or who knows which: two programs at work in the same directory.
        _ => known,
    }
}

/// One transcript, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transcript {
    id: ConversationId,
    /// Where the system says so.
    born: Option<SystemTime>,
    written: SystemTime,
}

/// Transcripts written within `span` that may be what `known` became.
fn candidates(
    found: &[Transcript],
    known: Option<ConversationId>,
    (started, ended): (SystemTime, SystemTime),
) -> Vec<ConversationId> {
    let own = found.iter().find(|transcript| Some(transcript.id) == known);
    let may_be = |transcript: &&Transcript| {
        let within = (started..=ended).contains(&transcript.written);
        // What follows a conversation begins in the session, and is written on when the other no longer is.
        let follows = transcript.born.is_some_and(|born| born >= started)
            && own.is_none_or(|own| transcript.written >= own.written);
        Some(transcript.id) != known && within && (known.is_none() || follows)
    };
    found.iter().filter(may_be).map(|transcript| transcript.id).collect()
}

/// Where Claude Code keeps the transcripts of what it does in `workdir`.
fn transcripts(workdir: &str) -> Option<PathBuf> {
    let config = std::env::var_os("CLAUDE_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| Some(std::env::home_dir()?.join(".claude")))?;
    let workdir = fs::canonicalize(workdir).unwrap_or_else(|_| workdir.into());
    Some(config.join("projects").join(directory_name(workdir.to_str()?)?))
}

fn directory_name(workdir: &str) -> Option<String> {
    let dashed = |unit: u16| {
        let char = char::from_u32(u32::from(unit)).filter(char::is_ascii_alphanumeric);
        char.unwrap_or('-')
    };
    let name: String = workdir.encode_utf16().map(dashed).collect();
    (name.len() <= NAME_CHARS_MAX).then_some(name)
}

fn read(directory: &Path) -> Vec<Transcript> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let transcript = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.strip_suffix(".jsonl")?.parse().ok()?;
        let facts = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Transcript { id, born: facts.created().ok(), written: facts.modified().ok()? })
    };
    entries.take(TRANSCRIPTS_MAX).flatten().filter_map(transcript).collect()
}

fn of_other_sessions(info: &SessionInfo, runtime_dir: &Path) -> HashSet<ConversationId> {
    let all = runtime_dir::scan(runtime_dir).unwrap_or_default();
    all.into_iter().filter(|facts| facts.info.id != info.id).filter_map(|facts| facts.info.conversation).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn id(digit: u32) -> ConversationId {
        format!("{digit:08}-0000-4000-8000-000000000000").parse().unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn transcript(digit: u32, born: u64, written: u64) -> Transcript {
        Transcript { id: id(digit), born: Some(at(born)), written: at(written) }
    }

    #[test]
    fn a_new_conversation_is_given_its_id_and_others_keep_theirs() {
        let begun = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(|&arg| arg.to_owned()).collect();
            let mut args: Vec<OsString> = given.iter().map(OsString::from).collect();
            (begin("claude", &given, &mut args), args)
        };
        let (new, args) = begun(&["--add-dir", "a", "b"]);
        assert_eq!(args, ["--session-id", &new.unwrap().to_string(), "--add-dir", "a", "b"]);
        assert_eq!(begun(&["--resume", &id(1).to_string()]).0, Some(id(1)));
        assert_eq!(begun(&["--continue"]), (None, vec!["--continue".into()]));
        let mut none = Vec::new();
        assert_eq!((begin("bash", &[], &mut none), none.len()), (None, 0));
    }

    #[test]
    fn a_conversation_that_was_cleared_is_followed_and_a_strangers_is_not() {
        let span = (at(100), at(200));
        let own = transcript(1, 101, 150);
        for (what, found, candidates_expected) in [
            ("nothing was said", vec![], vec![]),
            ("nothing else", vec![own], vec![]),
            ("cleared once", vec![own, transcript(2, 151, 190)], vec![id(2)]),
            ("one from before", vec![own, transcript(2, 50, 190)], vec![]),
            ("one that ended earlier", vec![own, transcript(2, 120, 140)], vec![]),
            ("one from after", vec![own, transcript(2, 151, 300)], vec![]),
            ("two", vec![own, transcript(2, 151, 190), transcript(3, 160, 199)], vec![id(2), id(3)]),
        ] {
            assert_eq!(candidates(&found, Some(id(1)), span), candidates_expected, "{what}");
        }
        let unknown_birth = Transcript { born: None, ..transcript(2, 151, 190) };
        assert_eq!(candidates(&[own, unknown_birth], Some(id(1)), span), [], "a guess is none");
    }

    #[test]
    fn what_a_session_went_on_with_is_what_was_written_meanwhile() {
        let span = (at(100), at(200));
        let found = [transcript(1, 10, 150), transcript(2, 20, 90)];
        assert_eq!(candidates(&found, None, span), [id(1)]);
    }

    #[test]
    fn a_directory_is_named_as_claude_code_names_it() {
        assert_eq!(directory_name("/srv/my_app/v1.2").as_deref(), Some("-srv-my-app-v1-2"));
        assert_eq!(directory_name("/ä/🦐").as_deref(), Some("-----"), "two for what JavaScript counts as two");
        assert_eq!(directory_name(&"/x".repeat(101)), None);
    }

    #[test]
    fn only_names_of_conversations_count() {
        let dir = tempfile::tempdir().unwrap();
        for name in [format!("{}.jsonl", id(1)), "agent-1.jsonl".to_owned(), format!("{}.json", id(2))] {
            fs::write(dir.path().join(name), "{").unwrap();
        }
        fs::create_dir(dir.path().join(format!("{}.jsonl", id(3)))).unwrap();
        assert_eq!(read(dir.path()).iter().map(|found| found.id).collect::<Vec<_>>(), [id(1)]);
        assert_eq!(read(&dir.path().join("none")), []);
    }
}
