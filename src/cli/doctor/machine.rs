//! What is on this machine: the data directory, the agent and its service, its port, its log.

use std::path::Path;

use super::{Finding, Patient, State};
use crate::agent::config::ConfigError;
use crate::agent::local::{Link, LocalAgent, LocalStatus, PORT};
use crate::cli::logs;
use crate::cli::paths::shell_word;
use crate::cli::service::sight::{self, Sight};

pub(super) fn data_dir(path: &Path) -> Finding {
    let shown = path.display();
    if let Err(cause) = tempfile_in(path) {
        return Finding::new("data", State::Bad, format_args!("nothing can be written to {shown}: {cause}"))
            .why("the agent keeps its key, its machine's id and the sessions' sockets there")
            .mend(if cfg!(windows) {
                format!("Get-Volume; icacls '{shown}'")
            } else {
                format!("df -h {0}; ls -ld {0}", shell_word(&path.to_string_lossy()))
            });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = path.metadata().map_or(0o700, |it| it.permissions().mode() & 0o777);
        let agent = path.join("agent");
        let inner = agent.metadata().map_or(0o700, |it| it.permissions().mode() & 0o777);
        if inner & 0o077 != 0 {
            return Finding::new("data", State::Bad, format_args!("{} can be read by others", agent.display()))
                .why("the key and the agent's token are in it")
                .mend(format_args!("chmod 700 {}", shell_word(&agent.to_string_lossy())));
        }
        if mode & 0o022 != 0 {
            return Finding::new("data", State::Warning, format_args!("others may write to {shown}"))
                .why("they could put another configuration there")
                .mend(format_args!("chmod 700 {}", shell_word(&path.to_string_lossy())));
        }
    }
    Finding::good("data", shown)
}

/// Whether a file can be made there.
fn tempfile_in(path: &Path) -> std::io::Result<()> {
    let file = path.join(format!(".doctor-{}", std::process::id()));
    std::fs::write(&file, b"x").and_then(|()| std::fs::remove_file(&file))
}

pub(super) fn bad_config(error: &ConfigError) -> Finding {
    Finding::new("config", State::Bad, error)
        .why("no agent starts with it")
        .mend("correct it, or remove it to begin with the defaults")
}

/// The agent, and the service that should run it.
pub(super) fn agent(patient: &Patient<'_>) -> Vec<Finding> {
    let service = sight::look(patient.data_dir);
    let mut findings = Vec::new();
    match &patient.agent {
        Some(agent) => findings.push(running(agent)),
        None => findings.push(
            Finding::new("agent", State::Bad, "no agent is running")
                .why("the machine shows as offline on the page; sessions that run go on")
                .mend(match &service {
                    Sight::Installed { .. } => "sessionforge service start".to_owned(),
                    _ => format!("sessionforge service install{0}, or sessionforge agent{0}", patient.place),
                }),
        ),
    }
    findings.extend(match service {
        Sight::Unknown => None,
        Sight::None => Some(
            Finding::new("service", State::Warning, "the agent is not installed as a service")
                .why("it ends with the terminal it was started in, and does not start with the machine")
                .mend(format_args!("sessionforge service install{}", patient.place)),
        ),
        Sight::Other { data_dir } => Some(Finding::new(
            "service",
            State::Warning,
            format_args!("the service on this machine uses another data directory: {}", data_dir.display()),
        )),
        Sight::Installed { runs: false, .. } => Some(
            Finding::new("service", State::Bad, "the service is installed, and its agent does not run")
                .why("what it said last is in the log")
                .mend("sessionforge service restart; sessionforge logs"),
        ),
        Sight::Installed { .. } if patient.agent.is_none() => Some(
            Finding::new("service", State::Warning, "the service is installed and runs, and no agent answers")
                .why("on Windows it starts when the person whose service it is signs in; else it is about to start, or fails")
                .mend("sessionforge service status; sessionforge logs"),
        ),
        Sight::Installed { lingers: Some(false), .. } => Some(
            Finding::new("service", State::Warning, "the service stops when you sign out: lingering is off")
                .why("sessions cannot be reached from the page while nobody is signed in on this machine")
                .mend("loginctl enable-linger"),
        ),
        Sight::Installed { .. } => Some(Finding::good("service", "installed, and its agent runs")),
    });
    findings
}

fn running(agent: &LocalStatus) -> Finding {
    match &agent.link {
        Link::Online { machine, organisation, .. } => {
            Finding::good("agent", format_args!("connected as {machine} of {organisation}"))
        }
        Link::Waiting { cause } => Finding::new("agent", State::Bad, format_args!("not connected: {cause}"))
            .why("the machine shows as offline on the page; it tries again by itself")
            .mend("sessionforge logs"),
        Link::Connecting | Link::Unknown => Finding::new("agent", State::Warning, "about to connect"),
    }
}

/// Whether somebody else has the usual port.
pub(super) fn port(data_dir: &Path) -> Option<Finding> {
    let address = LocalAgent::read(data_dir)?.address;
    (address.port() != PORT).then(|| {
        Finding::new(
            "port",
            State::Warning,
            format_args!("the agent answers on {address}: port {PORT} is another program's"),
        )
        .why("programs find it all the same by agent/api.json; only those that assume the usual port do not")
    })
}

pub(super) fn log(data_dir: &Path) -> Finding {
    match logs::newest(&data_dir.join("logs")) {
        Some(path) => Finding::good("log", path.display()),
        None => Finding::good("log", "none yet: an agent in a terminal logs there"),
    }
}
