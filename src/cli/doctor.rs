//! `sessionforge doctor`: looks at everything that can be wrong, and says of each thing what it is, why it matters, and the
//! one command that mends it.

mod account;
mod machine;
pub(super) mod programs;
mod sessions;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::args::DataDir;
use super::failure::{Exit, Failure};
use super::output::{Look, Output, printable};
use super::progress::Progress;
use super::{local_agent, paths};
use crate::agent::config::ConfigFile;
use crate::agent::environment::EnvironmentFacts;
use crate::agent::local::LocalStatus;
use crate::host::claude_settings;

/// See [`run`].
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Doctor {
    #[command(flatten)]
    data_dir: DataDir,
    /// As JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Nothing is changed. The stored key is shown to its own server, to ask whether it is good.

Exit code: 0 when all is well or nearly so, 1 when something does not work.";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Good,
    /// It works, and may be another way than wanted.
    Warning,
    /// Something does not work.
    Bad,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at: a stable name.
    check: &'static str,
    state: State,
    /// What is so.
    what: String,
    /// Why that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, what: impl std::fmt::Display) -> Self {
        Self { check, state, what: what.to_string(), why: None, mend: None }
    }

    fn good(check: &'static str, what: impl std::fmt::Display) -> Self {
        Self::new(check, State::Good, what)
    }

    /// How bad it is.
    pub(super) fn state(&self) -> State {
        self.state
    }

    fn why(mut self, why: impl std::fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    fn mend(mut self, mend: impl std::fmt::Display) -> Self {
        self.mend = Some(mend.to_string());
        self
    }
}

/// What `--json` prints. Fields may be added, none is taken away.
#[derive(Serialize)]
struct Shown<'a> {
    findings: &'a [Finding],
    environment: &'a EnvironmentFacts,
}

/// What all looks share.
struct Patient<'a> {
    data_dir: &'a Path,
    /// What a command must be told to find the data directory.
    place: &'a str,
    config: ConfigFile,
    agent: Option<LocalStatus>,
    environment: EnvironmentFacts,
}

pub(super) fn run(args: Doctor, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = paths::option(&args.data_dir);
    let data_dir = paths::data_dir(args.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    let progress = Progress::start("looking");
    let (findings, environment) = runtime.block_on(look(&data_dir, &place));
    drop(progress);
    if args.json {
        output.json(&Shown { findings: &findings, environment: &environment });
    } else {
        for finding in &findings {
            print(finding, output);
        }
        print_end(&findings, output);
    }
    let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    Ok(if is_bad { Exit::Failed.into() } else { ExitCode::SUCCESS })
}

async fn look(data_dir: &Path, place: &str) -> (Vec<Finding>, EnvironmentFacts) {
    let mut findings = vec![machine::data_dir(data_dir)];
    let config = ConfigFile::read(data_dir);
    findings.extend(config.as_ref().err().map(machine::bad_config));
    let config = config.unwrap_or_default();
    let agent = local_agent::status(data_dir).await;
    let environment = local_agent::environment(data_dir, config.environment).await;
    let patient = Patient { data_dir, place, config, agent, environment };
    findings.push(programs::environment(&patient.environment));
    let terminals = programs::Terminals::look(&patient.config);
    findings.push(programs::claude(&patient.environment, &terminals));
    findings.extend(programs::hooks(std::env::home_dir().as_deref().and_then(claude_settings::forbidden)));
    findings.extend(programs::terminal(&terminals));
    findings.extend(account::look(&patient).await);
    findings.extend(machine::agent(&patient));
    findings.extend(machine::port(data_dir));
    findings.extend(sessions::look(data_dir).await);
    findings.push(machine::log(data_dir));
    (findings, patient.environment)
}

/// Where what was found begins.
const INDENT: usize = 15;

/// Says it to a person.
pub(super) fn print(finding: &Finding, output: &mut Output) {
    let (mark, look) = match finding.state {
        State::Good => ("✓", Look::Good),
        State::Warning => ("!", Look::Strong),
        State::Bad => ("✗", Look::Bad),
    };
    let mark = output.paint(look, mark);
    let check = output.paint(Look::Faint, format_args!("{:<12}", finding.check));
    let rows = |output: &Output, text: &str| output.rows(&printable(text), INDENT);
    output.line(format_args!("{mark} {check} {}", rows(output, &finding.what)));
    let indent = " ".repeat(INDENT);
    if let Some(why) = &finding.why {
        output.line(output.paint(Look::Faint, format_args!("{indent}{}", rows(output, why))));
    }
    if let Some(mend) = &finding.mend {
        // In one piece, to be copied.
        output.line(output.paint(Look::Accent, format_args!("{indent}→ {}", printable(mend))));
    }
}

fn print_end(findings: &[Finding], output: &mut Output) {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    output.line("");
    match (count(State::Bad), count(State::Warning)) {
        (0, 0) => output.line(output.paint(Look::Good, "All is well.")),
        (0, warnings) => output.line(format_args!("All works; {warnings} to look at.")),
        (bad, _) => output.line(output.paint(Look::Bad, format_args!("{bad} of these do not work."))),
    }
}
