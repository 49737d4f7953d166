//! Every command and every option, defined once: parser and help come from here.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::attach::DetachKey;
use super::paths::DATA_DIR_VARIABLE;
use crate::host::tier::TierName;

/// Every terminal session of every machine in any browser.
#[derive(Debug, Parser)]
#[command(name = "sessionforge", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  sessionforge up                                     try it on this machine
  sessionforge server --public-url https://sf.example.org --trusted-proxy 127.0.0.1
  sessionforge auth login --server https://sf.example.org --key sf_live_…
  sessionforge agent                                  puts this machine on that server

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the server, 4 port or data directory in use,\n10 to 15 what became of a handoff (`sessionforge help pause`), 255 session lost. `session attach` ends with the exit code of the session's program.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Server and agent on this machine, with a sign-in link: the quickest way in
    Up(Up),
    /// The server: the page, the accounts, and the way to all machines
    Server(Box<super::server::args::Server>),
    /// The agent: puts this machine's sessions on a server
    Agent(Agent),
    /// The agent as a service of this system
    Service(super::service::args::Service),
    /// Put another version in the place of this one
    Update(super::update::args::Update),
    /// The server and the key that this machine's agent uses
    Auth(super::auth::args::Auth),
    /// How the agent, its server and this machine's sessions are
    Status(Status),
    /// Run a program in a session, with this terminal on it
    Run(Run),
    /// This machine's sessions, straight from their PTY hosts
    Session(Session),
    /// Find out what does not work, and what mends it
    Doctor(super::doctor::Doctor),
    /// What the agent has logged
    Logs(super::logs::Logs),
    /// Show and change this machine's settings
    Config(super::config::Config),
    /// Print a shell's completions
    Completions(super::reference::Completions),
    /// Print or write the man pages
    Man(super::reference::Man),
    /// Hand a session over to a teammate, with the keyboard
    Pause(super::pause::args::Pause),
    /// Take a session back, and read what whoever had it says
    Resume(super::pause::args::Resume),
    /// Set up Claude Code: `claude` runs in a session, and can hand itself over
    Init(super::init::Init),
    /// Claude Code's /sf-pause and /sf-resume
    Skill(super::skill::Skill),
    /// Print the version
    Version,
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct DataDir {
    /// Where state and sessions are [default: this system's place for application data]
    #[arg(
        long = "data-dir",
        global = true,
        value_name = "DIRECTORY",
        env = DATA_DIR_VARIABLE,
        hide_env_values = true
    )]
    pub(super) data_dir: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Up {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Port on this machine; 0 takes any [default: 7373, or the next free one]
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// Do not open the browser
    #[arg(long)]
    pub(super) no_open: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Agent {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Address of the server, like https://sf.example.org [default: the one of `auth login`, or of the last start]
    #[arg(long, value_name = "URL", env = "SESSIONFORGE_SERVER")]
    pub(super) server: Option<String>,
    /// What to call this machine [default: its host name]
    #[arg(long)]
    pub(super) name: Option<String>,
    /// File with the API key; else it is taken from SESSIONFORGE_API_KEY, `auth login`, or the last start
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// Send the key over plain HTTP, to another machine on a network you trust
    #[arg(long)]
    pub(super) insecure_http: bool,
    /// Write the log to this file, a new one each day, instead of standard error
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// By what programs get a terminal, on Windows: wsl, git-bash, conpty or pipes [default: the best that is there]
    #[arg(long, value_name = "TIER", env = "SESSIONFORGE_TIER", hide_env_values = true)]
    pub(super) tier: Option<TierName>,
    /// End when standard input does
    #[arg(long, hide = true)]
    pub(super) until_closed: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code: 0 when an agent runs and is connected to its server, else 1.")]
pub(super) struct Status {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Session {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    #[command(subcommand)]
    pub(super) command: SessionCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// Show those that run
    #[command(visible_alias = "ls")]
    List {
        /// And those that have ended
        #[arg(long, short)]
        all: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Start one and print its id
    Start(SessionStart),
    /// Put this terminal on one
    Attach(SessionAttach),
    /// Type into one
    Send(SessionSend),
    /// Print what one shows
    Screen {
        /// Its id, the beginning of its id, or its name
        #[arg(value_name = "SESSION_ID")]
        session: String,
        /// As JSON, with the cursor and the title
        #[arg(long)]
        json: bool,
    },
    /// End one's program
    Stop {
        /// Its id, the beginning of its id, or its name
        #[arg(value_name = "SESSION_ID")]
        session: String,
        /// Kill it instead of asking it to end
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = START_HELP)]
pub(super) struct SessionStart {
    /// Program to run [default: claude]
    #[arg(long)]
    pub(super) command: Option<String>,
    /// Directory to start it in [default: the current one]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) workdir: Option<PathBuf>,
    /// What to call the session
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Arguments for the program, or without --command the program and its arguments, passed on as they are
    #[arg(last = true)]
    pub(super) args: Vec<String>,
}

const START_HELP: &str = "\
Examples:
  sessionforge session start                          claude, in this directory
  sessionforge session start --name tests --workdir ../api -- cargo test --watch
  sessionforge session start --command bash -- -l";

#[derive(Debug, clap::Args)]
#[command(after_help = SEND_HELP)]
pub(super) struct SessionSend {
    /// Its id, the beginning of its id, or its name
    #[arg(value_name = "SESSION_ID")]
    pub(super) session: String,
    /// What to type; several words are joined by blanks [default: standard input]
    #[arg(allow_hyphen_values = true)]
    pub(super) text: Vec<String>,
    /// Press Enter after it
    #[arg(long)]
    pub(super) enter: bool,
    /// Take the keyboard also from somebody who has it
    #[arg(long)]
    pub(super) take: bool,
}

const SEND_HELP: &str = "\
Examples:
  sessionforge session send --enter tests 'cargo test'
  printf '\\003' | sessionforge session send tests      Ctrl-C";

#[derive(Debug, clap::Args)]
#[command(after_help = RUN_HELP)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Directory to start it in [default: the current one]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) workdir: Option<PathBuf>,
    /// What to call the session
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The key that detaches [default: ctrl-], or "detach_key" in agent.json]
    #[arg(long, value_name = "KEY", env = "SESSIONFORGE_DETACH_KEY", hide_env_values = true)]
    pub(super) detach_key: Option<DetachKey>,
    /// The program and its arguments, passed on as they are
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(super) command: Vec<String>,
}

const RUN_HELP: &str = "\
Ctrl-] detaches; the session lives on. The exit code is the program's.
Without a terminal, and inside of a session, the program is run as it is.

Examples:
  sessionforge run claude
  sessionforge run --name tests cargo test --workspace
  alias claude='sessionforge run claude'";

#[derive(Debug, clap::Args)]
#[command(after_help = ATTACH_HELP)]
pub(super) struct SessionAttach {
    /// Its id, the beginning of its id, or its name
    #[arg(value_name = "SESSION_ID")]
    pub(super) session: String,
    /// Watch only: nothing is typed, and the session's size stays what it is
    #[arg(long, conflicts_with = "take")]
    pub(super) read_only: bool,
    /// Take the keyboard also from somebody who has it
    #[arg(long)]
    pub(super) take: bool,
    /// The key that detaches [default: ctrl-], or "detach_key" in agent.json]
    #[arg(long, value_name = "KEY", env = "SESSIONFORGE_DETACH_KEY", hide_env_values = true)]
    pub(super) detach_key: Option<DetachKey>,
}

const ATTACH_HELP: &str = "\
Ctrl-] detaches; the session lives on. Who has the keyboard sets the session's size. While somebody else has it, this \
terminal watches, and Enter takes it.

Exit code: the program's when it has ended (128 and the signal's number if a signal ended it), 0 when detached, 255 when \
the session was lost.

Examples:
  sessionforge session attach ses_a1b2c3d4e5f6
  sessionforge session attach a1b2                    the beginning of its id
  sessionforge session attach --read-only tests       by its name";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_key_has_no_way_into_the_arguments() {
        let agent = Args::command().find_subcommand("agent").cloned();
        let options: Vec<_> =
            agent.iter().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long).collect();
        assert!(options.contains(&"key-file") && !options.contains(&"key"), "{options:?}");
    }
}
