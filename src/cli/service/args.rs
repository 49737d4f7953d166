//! The arguments of `sessionforge service`.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use clap::Subcommand;

use crate::cli::args::DataDir;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Service {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    #[command(subcommand)]
    pub(super) command: ServiceCommand,
}

const AFTER_HELP: &str = "\
Without --system it is your own service: no root, your systemd user unit or launchd agent. With --system it is \
the machine's: installed by root, run as you. Sessions go on when the service is stopped, restarted, updated or uninstalled.

Exit codes: 0 done, 1 failed. `service status`: 0 when the agent runs and is connected to its server, else 1.

Examples:
  sessionforge service install                        start the agent now, and with this machine
  sudo sessionforge service install --system          for the machine; sessions run as you
  sessionforge service status";

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Have the agent started now and with this machine; again, to change how
    Install(Install),
    /// Stop the agent and leave nothing of its service; sessions, data and this program stay
    Uninstall(Which),
    /// Start the agent
    Start(Which),
    /// Stop the agent until it is started again or the machine is
    Stop(Which),
    /// Stop the agent and start it
    Restart(Which),
    /// How the service is: health, since when, last error, where the log is
    Status {
        #[command(flatten)]
        which: Which,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Which {
    /// The machine's service instead of your own [default: the one that is installed]
    #[arg(long)]
    pub(super) system: bool,
}

#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct Install {
    /// Install it for the whole machine, as root; sessions run as the person who installs it
    #[arg(long)]
    pub(super) system: bool,
    /// Who runs agent and sessions of the machine's service [default: who called sudo]
    #[arg(long, value_name = "USER", requires = "system")]
    pub(super) run_as: Option<String>,
    /// Let programs in sessions become root by sudo; most of the machine's service's hardening is left out for it
    #[arg(long, requires = "system")]
    pub(super) allow_sudo: bool,
    /// Send the key over plain HTTP, to another machine on a network you trust
    #[arg(long)]
    pub(super) insecure_http: bool,
    /// Do not start it now
    #[arg(long)]
    pub(super) no_start: bool,
}
