//! The server's options. Each is defined once: flag, environment variable and key of the configuration file follow from it.
#![allow(clippy::doc_markdown, reason = "these comments are the help's text, read in a terminal")]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, ValueHint};
use ipnet::IpNet;
use semver::Version;

use crate::cli::args::DataDir;
use crate::server::{LISTEN_DEFAULT, PublicUrl};
use crate::update::manifest::Channel;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Server {
    #[command(subcommand)]
    pub(super) command: Option<Maintain>,
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    /// Configuration file [default: server.toml in the data directory, if it is there]
    #[arg(long, value_name = "FILE", env = "SESSIONFORGE_CONFIG", hide_env_values = true)]
    pub(super) config: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = LISTEN_DEFAULT, env = "SESSIONFORGE_LISTEN")]
    pub(super) listen: SocketAddr,
    /// How people reach the server, if by another address: behind a proxy, or by a name
    #[arg(long, value_name = "URL", env = "SESSIONFORGE_PUBLIC_URL")]
    pub(super) public_url: Option<PublicUrl>,
    /// A proxy that speaks TLS for this server; may be given several times
    #[arg(long = "trusted-proxy", value_name = "ADDRESS", env = "SESSIONFORGE_TRUSTED_PROXY", value_delimiter = ',')]
    pub(super) trusted_proxies: Vec<IpAddr>,
    /// Let other machines speak plain HTTP to it: whoever is on the way can read passwords and terminals
    #[arg(long, env = "SESSIONFORGE_INSECURE_HTTP")]
    pub(super) insecure_http: bool,
    /// Network beside the public internet to which webhooks and push messages may be sent, like 10.0.0.0/8; may be given
    /// several times
    #[arg(long, value_name = "NETWORK", env = "SESSIONFORGE_NOTIFY_ALLOW", value_delimiter = ',')]
    pub(super) notify_allow: Vec<IpNet>,
    /// Certificate for TLS, PEM, with those that vouch for it; read again when it changes
    #[arg(long, value_name = "FILE", env = "SESSIONFORGE_TLS_CERT", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", env = "SESSIONFORGE_TLS_KEY", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// Address on this machine to serve Prometheus metrics on, like 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS", env = "SESSIONFORGE_METRICS_LISTEN")]
    pub(super) metrics_listen: Option<SocketAddr>,
    /// Write the log to this file, a new one each day, instead of standard error
    #[arg(long, value_name = "FILE", env = "SESSIONFORGE_LOG_FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "SESSIONFORGE_LOG_FORMAT")]
    pub(super) log_format: LogFormat,
    /// Days whose log files are kept
    #[arg(long, value_name = "DAYS", default_value_t = 7, env = "SESSIONFORGE_LOG_DAYS",
        value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(super) log_days: u16,
    /// Where `server update` gets new versions: an address below which /downloads/ is as on a SessionForge server
    #[arg(long, value_name = "URL", env = "SESSIONFORGE_UPDATE_URL")]
    pub(super) update_url: Option<String>,
    /// Key by which the lists of new versions must be signed, a minisign public key
    #[arg(long, value_name = "KEY", env = "SESSIONFORGE_UPDATE_KEY")]
    pub(super) update_key: Option<String>,
    /// Go on in the background once it listens; not on Windows
    #[arg(long)]
    pub(super) daemon: bool,
    /// Where a server in the background writes its process id [default: server.pid in the data directory]
    #[arg(long, value_name = "FILE", env = "SESSIONFORGE_PID_FILE")]
    pub(super) pid_file: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
What is given as a flag goes before the environment, and that before the configuration file: TOML whose keys are the
flags' names, like
  listen = \"0.0.0.0:443\"
  tls-cert = \"/etc/ssl/sf.example.org.pem\"
  tls-key = \"/etc/ssl/private/sf.example.org.key\"";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line, for programs
    Json,
}

/// What keeps a server in order.
#[derive(Debug, Subcommand)]
pub(super) enum Maintain {
    /// Write the whole state to a file; the server may run meanwhile
    Backup {
        /// File to write, which must not exist; - is standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put a backup in the place of the state, which is kept; the server must not run
    Restore {
        /// A file that `server backup` wrote
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a link with which somebody chooses a new password; the server may run meanwhile
    ResetPassword {
        /// With which address they sign in
        #[arg(value_name = "E-MAIL")]
        email: String,
        /// Sign in without a second factor from now on: for somebody who lost the app and the recovery codes
        #[arg(long)]
        remove_second_factor: bool,
    },
    /// Let people and machines in from any address again, for an admin whose list locks them out; the server may run meanwhile
    AllowAnyAddress {
        /// The organisation's name; all of them if it is left out
        #[arg(value_name = "ORGANISATION")]
        organisation: Option<String>,
    },
    /// Put a new version in the place of this one, with a backup first; the server may run meanwhile
    Update(Update),
    /// The audit log
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// See [`Maintain::Update`].
#[derive(Debug, clap::Args)]
#[command(after_help = UPDATE_HELP)]
pub(super) struct Update {
    /// Only say whether there is a newer version
    #[arg(long, conflicts_with = "allow_downgrade")]
    pub(super) check: bool,
    /// A program, or a directory of release files [default: update-url of the configuration file, else releases/ in the data
    /// directory]
    #[arg(long, value_name = "FILE|DIRECTORY", value_hint = ValueHint::AnyPath)]
    pub(super) from: Option<PathBuf>,
    /// This version instead of the newest
    #[arg(long)]
    pub(super) version: Option<Version>,
    /// Which versions to look at
    #[arg(long, value_enum, default_value_t, conflicts_with = "version")]
    pub(super) channel: Channel,
    /// Go back to an older version, too
    #[arg(long)]
    pub(super) allow_downgrade: bool,
    /// As JSON
    #[arg(long, requires = "check")]
    pub(super) json: bool,
}

const UPDATE_HELP: &str = "\
The new version first opens a copy of the state; if it cannot, nothing is changed. Then it takes the program's place, and the \
server that runs starts itself again in its own process: agents and pages are back within seconds, and sessions go on. If it \
does not come up within 30 s, the old version is put back and started, with the state as it was if the new one has changed its \
form. Backups are kept in backups/ in the data directory, the newest five.

Examples:
  sessionforge server update --check
  sessionforge server update
  sessionforge server update --from ./sessionforge-0.2.0-linux-x86_64";

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or inserted; the server may run meanwhile
    Verify {
        /// A number and hash that an earlier check printed, like 812:9f86d0…: must still be in the log
        #[arg(long, value_name = "NUMBER:HASH", value_parser = noted)]
        noted: Option<(u64, String)>,
    },
}

fn noted(text: &str) -> Result<(u64, String), String> {
    let wrong = || "write the number, a colon and the 64 digits of the hash".to_owned();
    let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let seq = seq.parse().ok().filter(|_| is_hash).ok_or_else(wrong)?;
    Ok((seq, hash.to_ascii_lowercase()))
}
