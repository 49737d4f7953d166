//! The arguments of `sessionforge update`.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use std::path::PathBuf;

use semver::Version;

use crate::cli::args::DataDir;
use crate::update::manifest::Channel;

#[allow(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Update {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Only say whether the server has a newer version
    #[arg(long, conflicts_with_all = ["from", "allow_downgrade"])]
    pub(super) check: bool,
    /// This version instead of the newest that the server has
    #[arg(long, conflicts_with = "from")]
    pub(super) version: Option<Version>,
    /// Which versions to look at
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["from", "version"])]
    pub(super) channel: Channel,
    /// Put this file in the place of this program
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// Go back to an older version, too
    #[arg(long)]
    pub(super) allow_downgrade: bool,
    /// Asked for by the server: how it goes is written down for the agent
    #[arg(long, hide = true, requires = "version", conflicts_with_all = ["check", "from", "allow_downgrade"])]
    pub(super) for_page: bool,
    /// As JSON
    #[arg(long, requires = "check")]
    pub(super) json: bool,
}

const AFTER_HELP: &str = "\
A new version comes from the server that this machine is logged in to. It is what the server signed with the key that was \
there at the login, or it is not taken.

The file takes the place of this program in one step, and the version before is kept beside it. A service that runs it is \
restarted; if the new version does not come up, and connect where the old one was connected, the old one is put back and \
started. Sessions go on through all of it.

Exit codes: 0 done, or nothing to do; 1 failed, and the version before is in its place.

Examples:
  sessionforge update
  sessionforge update --check
  sessionforge update --version 0.2.0
  sessionforge update --from ./sessionforge-0.2.0";
