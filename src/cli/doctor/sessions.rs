//! Sessions that are not as they should be: their PTY host is gone, or does not answer.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Finding, State};
use crate::agent::runtime_dir;
use crate::cli::session::state::next_info;
use crate::host::client::{ConnectError, HostClient};
use crate::host::runtime_dir::{Facts, scan};
use crate::wire::hello::Role;

/// Time a PTY host has to greet. It computes nothing for it.
const GREETS_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn look(data_dir: &Path) -> Vec<Finding> {
    let known = match scan(&runtime_dir(data_dir)) {
        Ok(known) => known,
        Err(cause) => {
            return vec![Finding::new("sessions", State::Bad, format_args!("they cannot be looked for: {cause}"))];
        }
    };
    let running: Vec<&Facts> = known.iter().filter(|facts| !facts.info.has_ended()).collect();
    let answers = join_all(running.iter().map(|facts| greets(facts))).await;
    let mut findings = Vec::new();
    let (mut well, mut gone) = (0, 0);
    for (facts, answer) in running.iter().zip(answers) {
        match answer {
            Answer::Greets => well += 1,
            Answer::Gone => gone += 1,
            Answer::Mute => findings.push(
                Finding::new("sessions", State::Bad, format_args!("{} does not answer", facts.info.id))
                    .why("its PTY host is stopped or starved: it can be neither used nor closed")
                    .mend(format_args!(
                        "sessionforge session stop --force {}, or kill {}",
                        facts.info.id, facts.host_pid
                    )),
            ),
        }
    }
    if gone > 0 {
        findings.push(
            Finding::new("sessions", State::Warning, format_args!("{gone} lost their PTY host"))
                .why("it was killed, or the machine was started anew; their last screens can still be seen")
                .mend("sessionforge session list --all"),
        );
    }
    if findings.is_empty() {
        findings.push(Finding::good("sessions", format_args!("{well} running")));
    }
    findings
}

enum Answer {
    Greets,
    Gone,
    Mute,
}

async fn greets(facts: &Facts) -> Answer {
    let asking = async {
        let mut host = HostClient::connect(&facts.socket, Role::Viewer).await?;
        Ok::<_, ConnectError>(next_info(&mut host).await?)
    };
    match tokio::time::timeout(GREETS_WITHIN, asking).await {
        Ok(Ok(_)) => Answer::Greets,
        Ok(Err(ConnectError::Gone)) => Answer::Gone,
        Ok(Err(_)) | Err(_) => Answer::Mute,
    }
}
