//! News in words, short: they stand on locked screens and in other people's chats. Pure.

use super::news::{About, News, Subject, What};
use crate::wire::handoff::Phase;
use crate::wire::notice::{Kind, Notice};
use crate::wire::session::SessionState;

/// A session's or a person's words in a notification, in characters: what a phone shows of one.
const TEXT_CHARS_MAX: usize = 240;

/// What is told of `news`; `None` if it is only that something is over. `with_text`: also what a session asks.
pub(super) fn notice(news: &News, with_text: bool) -> Option<Notice> {
    let What::Told { kind, who, note, how, .. } = &news.what else { return None };
    let (title, place, path) = match &news.about {
        About::Session(it) => (session_name(it), it.machine_name.clone(), format!("/sessions/{}", it.info.id)),
        About::Machine { id, name, .. } => (name.clone(), String::new(), format!("/machines/{id}")),
        About::Webhook { name } => (name.clone(), String::new(), "/settings/webhooks".to_owned()),
    };
    let what = sentence(*kind, &news.about, who.as_deref(), *how);
    let mut body = if place.is_empty() { what } else { format!("{what} · {place}") };
    let text = note.as_deref().or_else(|| asked(&news.about)).filter(|text| with_text && !text.trim().is_empty());
    if let Some(text) = text {
        body = format!("{body}\n{}", cut(text));
    }
    Some(Notice { tag: news.tag(), at: news.at, kind: *kind, title, body, path })
}

/// What people see a session called.
pub(super) fn session_name(it: &Subject) -> String {
    let named = it.info.name.as_ref().or(it.info.title.as_ref()).filter(|name| !name.trim().is_empty());
    cut(named.unwrap_or(&it.info.command))
}

fn sentence(kind: Kind, about: &About, who: Option<&str>, how: Option<Phase>) -> String {
    let tool = match about {
        About::Session(it) => it.info.needs.as_ref().and_then(|need| need.tool.as_deref()).map(cut),
        About::Machine { .. } | About::Webhook { .. } => None,
    };
    let who = who.map_or_else(|| "somebody".to_owned(), cut);
    match kind {
        Kind::Permission => tool.map_or_else(|| "Asks for permission".to_owned(), |it| format!("Asks to use {it}")),
        Kind::Question => "Has a question".to_owned(),
        Kind::Plan => "Has a plan for you to approve".to_owned(),
        Kind::Error => "Could not go on".to_owned(),
        Kind::Notice => "Calls you".to_owned(),
        Kind::Done => "Is done".to_owned(),
        Kind::Shared => format!("{who} shares it: you can adopt it"),
        Kind::Adopted => format!("{who} adopted it"),
        Kind::Returned => match how {
            Some(Phase::Approved) => format!("{who} approved it"),
            Some(Phase::Refused) => format!("{who} refused it"),
            Some(Phase::TakenBack) => format!("{who} took it back"),
            Some(Phase::Expired) => "Nobody adopted it in time".to_owned(),
            Some(Phase::Revoked) => "Who had it may not adopt sessions any more".to_owned(),
            _ => format!("{who} gave it back"),
        },
        Kind::Failed => failure(about),
        Kind::Offline => "This machine is offline".to_owned(),
        Kind::Webhook => "This webhook was switched off: its receiver failed for days".to_owned(),
    }
}

fn failure(about: &About) -> String {
    let About::Session(it) = about else { return "Failed".to_owned() };
    match &it.info.exit {
        _ if it.info.state == SessionState::Lost => "Was lost: its machine crashed or was restarted".to_owned(),
        Some(exit) => match (&exit.signal, exit.code) {
            (Some(signal), _) => format!("Was ended by {signal}"),
            (None, Some(code)) => format!("Ended with exit code {code}"),
            (None, None) => "Ended".to_owned(),
        },
        None => "Ended".to_owned(),
    }
}

fn asked(about: &About) -> Option<&str> {
    match about {
        About::Session(it) => it.info.needs.as_ref().map(|need| need.text.as_str()),
        About::Machine { .. } | About::Webhook { .. } => None,
    }
}

/// Of one line's worth: no control characters, and no more than a phone shows.
fn cut(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect();
    plain.trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::base::id::UserId;
    use crate::wire::attention::{Need, Reason};
    use crate::wire::session::{Activity, SessionInfo};

    fn asking(text: &str) -> News {
        let need = Need {
            id: 1,
            reason: Reason::Permission,
            tool: Some("Bash".to_owned()),
            text: text.to_owned(),
            since: 0,
            answerable: true,
            always: false,
        };
        let info = SessionInfo {
            name: Some("fix the\x1b[31m build".to_owned()),
            needs: Some(need),
            activity: Activity::NeedsYou,
            ..SessionInfo::new("ses_a1b2c3d4e5f6".parse().unwrap(), "claude")
        };
        let owner: UserId = "usr_000000000001".parse().unwrap();
        let (machine, machine_name) = ("mac_a1b2c3d4e5f6".parse().unwrap(), "workbench".to_owned());
        let subject = Subject { info, machine, machine_name, owner, adopter: None, shared: false, to: None };
        let organisation = "org_000000000001".parse().unwrap();
        let about = About::Session(Box::new(subject));
        News { organisation, at: 0, about, what: What::told(Kind::Permission), by: None }
    }

    #[test]
    fn what_a_session_asks_is_told_only_to_who_wants_that() {
        let news = asking("rm -rf build\n\x07");
        let short = notice(&news, false).unwrap();
        assert_eq!((short.title.as_str(), short.body.as_str()), ("fix the [31m build", "Asks to use Bash · workbench"));
        assert_eq!(short.path, "/sessions/ses_a1b2c3d4e5f6");
        assert_eq!(notice(&news, true).unwrap().body, "Asks to use Bash · workbench\nrm -rf build");
        let long = notice(&asking(&"ä".repeat(5_000)), true).unwrap();
        assert!(long.body.chars().count() < 300);
    }
}
