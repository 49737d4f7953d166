//! The options of `sessionforge auth`.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use clap::Subcommand;

use crate::cli::args::DataDir;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Auth {
    #[command(flatten)]
    pub(in crate::cli) data_dir: DataDir,
    #[command(subcommand)]
    pub(in crate::cli) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuthCommand {
    /// Store a server and an API key for this machine's agent, after asking the server whether they are good
    Login(Login),
    /// Remove the stored key from this machine
    Logout,
    /// Say which server and key are stored; nobody is asked whether they are good. Exit code 1 if none are
    Status,
}

#[derive(Debug, clap::Args)]
#[command(after_help = LOGIN_HELP)]
pub(in crate::cli) struct Login {
    /// The API key, or - to read it from standard input [default: SESSIONFORGE_API_KEY]
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(in crate::cli) key: Option<String>,
    /// Address of the server, like https://sf.example.org [default: the stored one]
    #[arg(long, value_name = "URL", env = "SESSIONFORGE_SERVER")]
    pub(in crate::cli) server: Option<String>,
    /// What to call this machine [default: its host name]
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// Send the key over plain HTTP, to another machine on a network you trust
    #[arg(long)]
    pub(in crate::cli) insecure_http: bool,
}

const LOGIN_HELP: &str = "\
Other programs of this machine can see a key among the arguments while the command runs; --key - and SESSIONFORGE_API_KEY \
hide it from them. Of another server that was stored before nothing is kept.

Exit code: 0 stored, 1 the server cannot be asked, 2 wrong usage or a typing error in the key, 3 the server refuses the key.

Examples:
  sessionforge auth login --server https://sf.example.org --key sf_live_…
  sessionforge auth login --key - --name 'build machine' < key.txt";
