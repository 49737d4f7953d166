//! News in the words of its receiver: all of it for programs, a message for chats. Pure.

use serde_json::{Value, json};

use crate::base::clock::unix_millis;
use crate::base::id::OrganisationId;
use crate::server::notify::news::{About, News, What};
use crate::server::notify::outbound::Target;
use crate::server::notify::rules::may_all_read;
use crate::server::notify::words;
use crate::store::{Shape, WebhookRow};
use crate::wire::notice::{Kind, Notice};

/// The request's body; `None` if there is nothing to tell. `url`: how people reach the server.
pub(in crate::server::notify) fn body(hook: &WebhookRow, news: &News, url: &str) -> Option<String> {
    // A receiver is everybody's: it is told what a session asks while everybody may read that session's screen.
    let with_text = hook.with_text && may_all_read(news);
    let notice = words::notice(news, with_text)?;
    let value = match hook.shape {
        Shape::Plain => plain(news, &notice, url, with_text),
        Shape::Slack | Shape::Discord | Shape::Ntfy => message(hook, &notice, url),
    };
    Some(value.to_string())
}

/// A message that says nothing but that messages arrive.
pub(in crate::server) fn test_body(hook: &WebhookRow, url: &str) -> String {
    let notice = Notice {
        tag: "test".to_owned(),
        at: unix_millis(),
        kind: Kind::Notice,
        title: "SessionForge".to_owned(),
        body: format!("A test of the webhook {:?}: messages arrive", hook.name),
        path: "/".to_owned(),
    };
    let value = match hook.shape {
        Shape::Plain => envelope("webhook.test", unix_millis(), hook.organisation, &notice, url, json!({})),
        Shape::Slack | Shape::Discord | Shape::Ntfy => message(hook, &notice, url),
    };
    value.to_string()
}

/// Where it is sent to: ntfy takes JSON beside its topics, not at them.
pub(super) fn target(shape: Shape, target: Target) -> Target {
    if shape != Shape::Ntfy {
        return target;
    }
    let (path, query) = split_query(target.path());
    let beside = path.rsplit_once('/').map_or("/", |(before, _)| before);
    let beside = format!("{beside}/");
    let path = query.map_or(beside.clone(), |query| format!("{beside}?{query}"));
    target.at(path)
}

/// What is wrong with an address for a shape.
pub(in crate::server) fn check(shape: Shape, target: &Target) -> Result<(), &'static str> {
    match shape {
        Shape::Ntfy if topic(target).is_empty() => {
            Err("ntfy's address ends in the topic, like https://ntfy.sh/a-topic-nobody-guesses")
        }
        _ => Ok(()),
    }
}

fn topic(target: &Target) -> &str {
    split_query(target.path()).0.rsplit('/').next().unwrap_or_default()
}

fn split_query(path: &str) -> (&str, Option<&str>) {
    path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)))
}

fn envelope(kind: &str, at: u64, organisation: OrganisationId, notice: &Notice, url: &str, more: Value) -> Value {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    let mut data = json!({
        "organisation": organisation,
        "title": notice.title,
        "text": notice.body,
        "url": format!("{url}{}", notice.path),
    });
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    json!({ "type": kind, "timestamp": at.to_string(), "data": data })
}

fn plain(news: &News, notice: &Notice, url: &str, with_text: bool) -> Value {
    let mut more = match &news.about {
        About::Session(it) => json!({
            "session": {
                "id": it.info.id,
                "name": words::session_name(it),
                "command": it.info.command,
                "state": it.info.state,
                "activity": it.info.activity,
                "exit": it.info.exit,
                "owner": it.owner,
                "adopter": it.adopter,
            },
            "machine": { "id": it.machine, "name": it.machine_name },
        }),
        About::Machine { id, name, .. } => json!({ "machine": { "id": id, "name": name } }),
        About::Webhook { name } => json!({ "webhook": { "name": name } }),
    };
    if let About::Session(it) = &news.about
        && let (Some(need), What::Told { kind, .. }) = (&it.info.needs, &news.what)
        && kind.is_need()
    {
        more["need"] = json!({ "id": need.id, "reason": need.reason, "tool": need.tool, "since": need.since });
        if with_text {
            more["need"]["text"] = json!(need.text);
        }
    }
    envelope(notice.kind.name(), news.at, news.organisation, notice, url, more)
}

fn message(hook: &WebhookRow, notice: &Notice, url: &str) -> Value {
    let link = format!("{url}{}", notice.path);
    match hook.shape {
        // Without `<`, nothing that a program printed can call everybody in the channel.
        Shape::Slack => json!({
            "text": format!("*<{link}|{}>*\n{}", slack(&notice.title).replace('|', "¦"), slack(&notice.body)),
            "unfurl_links": false,
        }),
        Shape::Discord => json!({
            "embeds": [{ "title": notice.title, "description": notice.body, "url": link }],
            "allowed_mentions": { "parse": [] },
        }),
        Shape::Ntfy => {
            let topic = Target::parse(&hook.url).map(|target| topic(&target).to_owned()).unwrap_or_default();
            let priority = if notice.kind.is_urgent() { 4 } else { 3 };
            json!({
                "topic": topic,
                "title": notice.title,
                "message": notice.body,
                "priority": priority,
                "click": link,
            })
        }
        Shape::Plain => json!({}),
    }
}

/// As Slack wants text written (docs.slack.dev, "Formatting message text").
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::base::id::{UserId, WebhookId};
    use crate::base::secret::Secret;
    use crate::server::notify::news::Subject;
    use crate::wire::attention::{Need, Reason};
    use crate::wire::session::{Activity, SessionInfo};

    const URL: &str = "https://sf.example.org";

    fn hook(shape: Shape, url: &str, with_text: bool) -> WebhookRow {
        WebhookRow {
            id: WebhookId::random(),
            organisation: "org_000000000001".parse().unwrap(),
            name: "chat".to_owned(),
            url: url.to_owned(),
            secret: Secret::default(),
            shape,
            events: Kind::ALL.into(),
            with_text,
            created_by: UserId::random(),
            created_at: 0,
            failing_since: None,
            off_since: None,
        }
    }

    fn news() -> News {
        let need = Need {
            id: 3,
            reason: Reason::Permission,
            tool: Some("Bash".to_owned()),
            text: "echo <!channel>".to_owned(),
            since: 1,
            answerable: true,
            always: false,
        };
        let info = SessionInfo {
            name: Some("fix <!here>".to_owned()),
            activity: Activity::NeedsYou,
            needs: Some(need),
            ..SessionInfo::new("ses_a1b2c3d4e5f6".parse().unwrap(), "claude")
        };
        let owner = "usr_000000000001".parse().unwrap();
        let machine = "mac_a1b2c3d4e5f6".parse().unwrap();
        let machine_name = "workbench".to_owned();
        let subject = Subject { info, machine, machine_name, owner, adopter: None, shared: true, to: None };
        let organisation = "org_000000000001".parse().unwrap();
        let about = About::Session(Box::new(subject));
        News { organisation, at: 1_768_478_400_000, about, what: What::told(Kind::Permission), by: None }
    }

    fn sent(hook: &WebhookRow) -> Value {
        serde_json::from_str(&body(hook, &news(), URL).unwrap()).unwrap()
    }

    #[test]
    fn a_program_is_told_what_happened_to_what_and_the_request_only_if_that_was_wanted() {
        let short = sent(&hook(Shape::Plain, "https://a/", false));
        assert_eq!(short["type"], "session.permission");
        assert_eq!(short["timestamp"], "2026-01-15T12:00:00Z");
        assert_eq!(short["data"]["session"]["id"], "ses_a1b2c3d4e5f6");
        assert_eq!(short["data"]["url"], "https://sf.example.org/sessions/ses_a1b2c3d4e5f6");
        assert_eq!((&short["data"]["need"]["tool"], &short["data"]["need"]["text"]), (&json!("Bash"), &Value::Null));
        assert!(!short.to_string().contains("echo"));
        let wanted = hook(Shape::Plain, "https://a/", true);
        assert_eq!(sent(&wanted)["data"]["need"]["text"], "echo <!channel>");
        let mut private = news();
        if let About::Session(it) = &mut private.about {
            it.shared = false;
        }
        let private = body(&wanted, &private, URL).unwrap();
        assert!(!private.contains("echo"), "what nobody else may read, no receiver is told: {private}");
    }

    #[test]
    fn nothing_that_a_program_prints_calls_a_whole_channel() {
        let slack = sent(&hook(Shape::Slack, "https://a/", true))["text"].as_str().unwrap().to_owned();
        assert!(
            slack.starts_with("*<https://sf.example.org/sessions/ses_a1b2c3d4e5f6|fix &lt;!here&gt;>*\n"),
            "{slack}"
        );
        assert_eq!(slack.matches('<').count(), 1, "{slack}");
        let discord = sent(&hook(Shape::Discord, "https://a/", true));
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
        assert_eq!(discord["embeds"][0]["url"], "https://sf.example.org/sessions/ses_a1b2c3d4e5f6");
    }

    #[test]
    fn ntfy_is_told_beside_its_topic() {
        let hook = hook(Shape::Ntfy, "https://ntfy.example.org/sub/my-topic?auth=x", false);
        let said = sent(&hook);
        assert_eq!((&said["topic"], &said["priority"]), (&json!("my-topic"), &json!(4)));
        let parsed = Target::parse(&hook.url).unwrap();
        assert!(check(Shape::Ntfy, &parsed).is_ok());
        assert_eq!(target(Shape::Ntfy, parsed).path(), "/sub/?auth=x");
        assert_eq!(target(Shape::Ntfy, Target::parse("https://ntfy.sh/topic").unwrap()).path(), "/");
        assert!(check(Shape::Ntfy, &Target::parse("https://ntfy.sh/").unwrap()).is_err());
    }
}
