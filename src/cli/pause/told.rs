//! A handoff in words: read by people, and by Claude Code, which goes on or stops by them.

use crate::agent::local::Handed;
use crate::cli::failure::Exit;
use crate::wire::handoff::{HandoffView, Phase};

/// The session is offered, or somebody has it already.
pub(super) fn paused(Handed { link, handoff }: &Handed) -> Vec<String> {
    let mut lines = vec!["Session paused. Share this link with your teammate:".to_owned(), printable(link)];
    match &handoff.adopted_by {
        Some(_) => lines.push(adopted(handoff)),
        None => lines.push("Waiting for adoption... (run /sf-resume to cancel)".to_owned()),
    }
    lines
}

/// Somebody has it.
pub(super) fn adopted(handoff: &HandoffView) -> String {
    format!("{} has adopted the session and has the keyboard.", adopter(handoff))
}

/// The session is its owner's again, by this command or before it.
pub(super) fn resumed(handoff: &HandoffView) -> Vec<String> {
    let mut lines = match handoff.phase {
        Phase::TakenBack if handoff.adopted_by.is_some() => {
            vec![format!("Session resumed. {} had it for {}.", adopter(handoff), held(handoff))]
        }
        Phase::TakenBack => vec!["Session resumed. Nobody had adopted it.".to_owned()],
        _ => vec!["Session resumed.".to_owned(), end(handoff)],
    };
    lines.extend(note(handoff));
    lines
}

/// What became of a handoff that was waited for, with what follows from it.
pub(super) fn outcome(handoff: &HandoffView) -> Vec<String> {
    let follows = match handoff.phase {
        Phase::Approved => "Go on.",
        Phase::Refused => "Do not go on with it.",
        _ => "Nothing was decided: do not go on with it.",
    };
    let mut lines = vec![end(handoff)];
    lines.extend(note(handoff));
    lines.push(follows.to_owned());
    lines
}

/// Its exit code.
pub(super) fn code(phase: Phase) -> u8 {
    match phase {
        Phase::Approved => 0,
        Phase::Refused => Exit::HandoffRefused as u8,
        Phase::Expired => Exit::HandoffExpired as u8,
        Phase::TakenBack => Exit::HandoffTakenBack as u8,
        Phase::Revoked => Exit::HandoffRevoked as u8,
        Phase::Exited => Exit::HandoffExited as u8,
        Phase::Returned | Phase::Shared | Phase::Adopted | Phase::Unknown => Exit::HandoffUndecided as u8,
    }
}

fn end(handoff: &HandoffView) -> String {
    let (who, held) = (adopter(handoff), held(handoff));
    let ender = handoff.ended_by.as_ref().map_or_else(|| "somebody".to_owned(), |person| printable(&person.name));
    match handoff.phase {
        Phase::Approved => format!("Approved by {who}, who had the session for {held}."),
        Phase::Refused => format!("Refused by {who}, who had the session for {held}."),
        Phase::Returned => format!("Given back by {who}, who had the session for {held}."),
        Phase::TakenBack => format!("Taken back by {ender}."),
        Phase::Expired => "Expired: nobody adopted the session in time.".to_owned(),
        Phase::Revoked if handoff.adopted_by.is_some() => {
            format!("Revoked: {who}, who had the session for {held}, may not adopt sessions here any more.")
        }
        Phase::Revoked => "Revoked: who it was for may not adopt sessions here any more.".to_owned(),
        Phase::Exited => "The session's program has ended.".to_owned(),
        Phase::Shared | Phase::Adopted | Phase::Unknown => "How it ended is not known.".to_owned(),
    }
}

fn note(handoff: &HandoffView) -> Option<String> {
    handoff.answer.as_ref().map(|answer| format!("Note: {}", printable(answer)))
}

fn adopter(handoff: &HandoffView) -> String {
    handoff.adopted_by.as_ref().map_or_else(|| "somebody".to_owned(), |person| printable(&person.name))
}

fn held(handoff: &HandoffView) -> String {
    match (handoff.adopted_at, handoff.ended_at) {
        (Some(from), Some(to)) => span(to.saturating_sub(from) / 1_000),
        _ => "no time".to_owned(),
    }
}

fn span(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A text of somebody's choice, without what a terminal would obey; its lines stay.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::UserId;
    use crate::wire::view::Person;

    fn handoff(phase: Phase) -> HandoffView {
        let person = |name: &str| Person { id: UserId::random(), name: name.to_owned() };
        HandoffView {
            number: 1,
            phase,
            by: person("Ada"),
            at: 0,
            note: None,
            to: None,
            expires_at: None,
            gate: true,
            adopted_by: Some(person("Bea")),
            adopted_at: Some(1_000),
            ended_by: Some(person("Ada")),
            ended_at: Some(193_000),
            answer: Some("not on\na Friday\u{1b}[2J".to_owned()),
        }
    }

    #[test]
    fn the_first_words_are_the_documented_ones() {
        let offered = HandoffView { adopted_by: None, ..handoff(Phase::Shared) };
        let handed = Handed { link: "https://sf.example.org/sessions/ses_a1b2c3d4e5f6".to_owned(), handoff: offered };
        assert_eq!(
            paused(&handed).join("\n"),
            "Session paused. Share this link with your teammate:\nhttps://sf.example.org/sessions/ses_a1b2c3d4e5f6\n\
             Waiting for adoption... (run /sf-resume to cancel)"
        );
    }

    #[test]
    fn an_outcome_says_who_how_long_the_note_and_what_follows() {
        assert_eq!(
            outcome(&handoff(Phase::Refused)).join("\n"),
            "Refused by Bea, who had the session for 3 min 12 s.\nNote: not on\na Friday\u{fffd}[2J\nDo not go on with it."
        );
        assert_eq!(outcome(&handoff(Phase::TakenBack))[0], "Taken back by Ada.");
        assert_eq!(resumed(&handoff(Phase::TakenBack))[0], "Session resumed. Bea had it for 3 min 12 s.");
    }

    #[test]
    fn only_what_was_approved_ends_with_0_and_every_outcome_has_its_own_code() {
        let phases = [Phase::Approved, Phase::Refused, Phase::Expired, Phase::TakenBack, Phase::Revoked, Phase::Exited];
        let codes: Vec<u8> = phases.into_iter().chain([Phase::Returned]).map(code).collect();
        assert_eq!(codes, [0, 10, 11, 12, 13, 14, 15]);
    }
}
