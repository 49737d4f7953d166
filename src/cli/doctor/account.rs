//! The server and the key: whether the way is open, the key good, and the clocks agree.

use std::time::{Duration, Instant, SystemTime};

use super::{Finding, Patient, State};
use crate::agent::account::{self, Account};
use crate::agent::credentials::Credentials;
use crate::agent::error::UplinkError;
use crate::base::clock::unix_millis;

/// Clocks that differ by more than this make certificates and second factors fail.
const SKEW_MAX: Duration = Duration::from_mins(1);

/// A key whose end is nearer than this is told of, in milliseconds: a week.
const ENDS_SOON_MILLIS: u64 = 7 * 24 * 60 * 60 * 1_000;

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Finding> {
    let place = patient.place;
    let log_in = |server: &str| format!("sessionforge auth login --server {server} --key KEY{place}");
    let known = match Credentials::read(patient.data_dir) {
        Ok(Some(known)) => known,
        Ok(None) if patient.agent.is_some() => return Vec::new(), // `up`, which has its own.
        Ok(None) => {
            return vec![
                Finding::new("login", State::Bad, "no server and no key are stored")
                    .why("an agent has nothing to connect to")
                    .mend(log_in("URL")),
            ];
        }
        Err(error) => {
            return vec![Finding::new("login", State::Bad, error).mend(log_in("URL"))];
        }
    };
    let way = patient.config.way(patient.data_dir);
    let mut findings = Vec::new();
    if let Ok(Some(proxy)) = way.proxy_to(&known.server) {
        findings.push(Finding::good("proxy", format_args!("{proxy} leads to {}", known.server)));
    }
    let began = Instant::now();
    match account::of_key(&known.server, &known.key, &way, known.insecure_http).await {
        Ok(account) => {
            let took = began.elapsed().as_millis();
            findings.push(Finding::good(
                "server",
                format_args!("{} answers in {took} ms, {}", known.server, account.build),
            ));
            findings.push(key(&account, &log_in(&known.server)));
            findings.extend(clock(&account));
        }
        Err(error) => findings.push(refused(&error, &known.server, &log_in(&known.server))),
    }
    findings
}

fn key(account: &Account, log_in: &str) -> Finding {
    let whose = format!("of {}, in {}", account.user.name, account.organisation.name);
    if !account.may_connect() {
        return Finding::new("key", State::Bad, format_args!("{whose}; it may not connect a machine"))
            .why("it lacks the scope \"agent\"")
            .mend(log_in);
    }
    let ends_in = account.key.as_ref().and_then(|key| key.expires_at).map(|at| at.saturating_sub(unix_millis()));
    match ends_in.filter(|left| *left < ENDS_SOON_MILLIS) {
        Some(left) => {
            Finding::new("key", State::Warning, format_args!("{whose}; it expires in {} h", left / 3_600_000))
                .why("the machine goes offline then; sessions go on")
                .mend(log_in)
        }
        None => Finding::good("key", whose),
    }
}

/// How far this machine's clock is from the server's, where that is much.
fn clock(account: &Account) -> Option<Finding> {
    let theirs = httpdate::parse_http_date(account.date.as_deref()?).ok()?;
    let ours = SystemTime::now();
    let apart = ours.duration_since(theirs).unwrap_or_else(|other| other.duration());
    let word = if ours > theirs { "ahead of" } else { "behind" };
    (apart > SKEW_MAX).then(|| {
        Finding::new(
            "clock",
            State::Warning,
            format_args!("this machine's clock is {} s {word} the server's", apart.as_secs()),
        )
        .why("certificates and keys seem to have expired, or not to hold yet, and times are wrong")
        .mend("timedatectl set-ntp true")
    })
}

fn refused(error: &UplinkError, server: &str, log_in: &str) -> Finding {
    let finding = Finding::new("server", State::Bad, format_args!("{server}: {error}"));
    match error {
        UplinkError::KeyRefused => Finding::new("key", State::Bad, format_args!("{server} refuses the key"))
            .why("it has been revoked, or has expired: the machine cannot connect")
            .mend(log_in),
        UplinkError::Untrusted { .. } => finding
            .why("either somebody is in between, or the server has a certificate of your own authority")
            .mend("sessionforge config set ca_file FILE.pem"),
        UplinkError::Proxy { .. } | UplinkError::ProxyKind { .. } => {
            finding.why("it comes from HTTPS_PROXY, or from agent.json").mend("sessionforge config set proxy URL")
        }
        UplinkError::CaFile { .. } => finding.mend("sessionforge config unset ca_file"),
        _ => finding
            .why("the machine shows as offline on the page; sessions go on")
            .mend(format!("curl -v {server}/healthz")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn account(date: &str) -> Account {
        let json = r#"{"user": {"name": "Ada"}, "organisation": {"name": "Acme"}, "build": "1"}"#;
        Account { date: Some(date.to_owned()), ..serde_json::from_str(json).unwrap() }
    }

    #[test]
    fn clocks_that_differ_are_told_and_which_way() {
        let shifted = |by: Duration, ahead: bool| {
            let now = SystemTime::now();
            let then = if ahead { now - by } else { now + by };
            clock(&account(&httpdate::fmt_http_date(then)))
        };
        assert_eq!(shifted(Duration::from_secs(5), true), None);
        let ahead = shifted(Duration::from_hours(1), true).unwrap();
        assert!(ahead.what.contains("ahead of"), "{ahead:?}");
        assert!(shifted(Duration::from_hours(1), false).unwrap().what.contains("behind"));
        assert_eq!(clock(&account("yesterday")), None);
    }

    #[test]
    fn a_key_that_ends_soon_is_told_before_it_does() {
        let with = |left: u64| {
            let key = account::KeyFacts { scopes: vec!["agent".to_owned()], expires_at: Some(unix_millis() + left) };
            super::key(&Account { key: Some(key), ..account("") }, "mend").state
        };
        assert_eq!(with(ENDS_SOON_MILLIS * 2), State::Good);
        assert_eq!(with(3_600_000), State::Warning);
    }
}
