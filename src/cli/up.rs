//! `sessionforge up`: server and agent in one process, for one machine. The quickest way in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args;
use super::failure::{Exit, Failure};
use super::output::{Look, Output};
use super::signals::Signals;
use super::{agent, browser, logging, paths, server};
use crate::agent::config::{AgentConfig, ConfigFile};
use crate::agent::credentials::Credentials;
use crate::agent::{self as agents, AgentError, Status};
use crate::host::client::is_listening;
use crate::host::{runtime_dir, tier};
use crate::server::{LISTEN_DEFAULT, Server, ServerConfig};
use crate::wire::session::{SessionInfo, SessionState};

/// Ports tried, from the usual one on, before any free one is taken: so that a second start has an address one can guess.
const PORTS_TRIED: u16 = 20;

/// Time that server and agent have to end in order.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Under this name the agent remembers which machine it is: the port may change from start to start.
const IDENTITY: &str = "up";

/// Where a person without an account is called something.
const OWNER_NAME: &str = "Owner";

pub(super) fn run(args: args::Up, output: &mut Output) -> Result<(), Failure> {
    let own_data_dir = args.data_dir.data_dir.is_some();
    let data_dir = paths::data_dir(args.data_dir)?;
    let config = ConfigFile::read(&data_dir).map_err(Failure::of_config)?;
    let _log = logging::start(Some(data_dir.join("logs").join("up.log")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("up cannot start")?;
    runtime.block_on(up(&data_dir, config, args.port, args.no_open, output))?;
    say_stopped(output, &data_dir, own_data_dir);
    runtime.shutdown_timeout(STOP_WITHIN);
    Ok(())
}

async fn up(
    data_dir: &Path,
    config: ConfigFile,
    port: Option<u16>,
    no_open: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().context("signals cannot be received")?;
    let listener = listen(port).await?;
    let server = Server::bind(ServerConfig::new(data_dir), Some(listener)).await.map_err(server::failure)?;
    let owner = server.ensure_local_owner(OWNER_NAME.to_owned()).await.map_err(server::failure)?;
    let link = server.sign_in_link(&owner).await.map_err(server::failure)?;
    let agent = agent_config(data_dir, config, &server, &owner).await?;

    let url = server.url().to_owned();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let (status, mut changes) = watch::channel(Status::Connecting);
    let mut running = tokio::spawn(agents::run(agent, status, stop.clone()));

    say_started(output, data_dir, &url, &link);
    if !no_open && output.is_terminal() {
        browser::open(&link);
    }
    let mut online = false;
    let outcome = loop {
        tokio::select! {
            () = signals.next() => break Ok(()),
            ended = &mut running => break agent_ended(ended, data_dir),
            Ok(()) = changes.changed() => {
                match &*changes.borrow_and_update() {
                    Status::Online(_) if !online => {
                        online = true;
                        say_online(output, data_dir);
                    }
                    Status::Waiting { cause, .. } if online => {
                        online = false;
                        output.warning(format_args!("the agent lost its server and tries again: {cause}"));
                    }
                    _ => {}
                }
            }
        }
    };
    stop.cancel();
    let ended = async {
        let _ = serving.await;
        if !running.is_finished() {
            let _ = running.await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(STOP_WITHIN, ended) => {}
        () = signals.next() => {} // Who says it twice means now.
    }
    outcome
}

async fn listen(port: Option<u16>) -> Result<TcpListener, Failure> {
    let usual = LISTEN_DEFAULT.port();
    let tried = match port {
        Some(port) => port..=port,
        None => usual..=usual + PORTS_TRIED,
    };
    for port in tried {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(Failure::of_io(format_args!("port {port} cannot be used"), &error)),
        }
    }
    if let Some(port) = port {
        return Err(Failure::new(Exit::InUse, format_args!("port {port} is in use by another program"))
            .hint("choose another with --port, or leave it out to take the next free one"));
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port on this machine is free")?)
}

/// The local agent, with a key that the server makes once and the agent keeps.
async fn agent_config(
    data_dir: &Path,
    config: ConfigFile,
    server: &Server,
    owner: &crate::store::MembershipRow,
) -> Result<AgentConfig, Failure> {
    let failed = |error| Failure::new(Exit::Failed, error).hint("choose another place with --data-dir");
    let known = Credentials::read_local(data_dir).map_err(failed)?;
    let key = server
        .local_agent_key(owner, "This machine".to_owned(), known.as_ref().map(|known| known.key.clone()))
        .await
        .map_err(server::failure)?;
    let credentials = Credentials::new(server.url().to_owned(), key);
    if known.is_none_or(|known| !known.key.same_as(&credentials.key)) {
        credentials.write_local(data_dir).map_err(failed)?;
    }
    let tier =
        tier::probe::tier(config.tier).map_err(|error| Failure::new(Exit::Usage, error).hint(agent::TIER_HINT))?;
    let config = AgentConfig::new(data_dir, credentials.server, credentials.key, agent::for_terminal(config));
    Ok(AgentConfig { identity: IDENTITY.to_owned(), tier, ..config })
}

fn agent_ended(ended: Result<Result<(), AgentError>, tokio::task::JoinError>, data_dir: &Path) -> Result<(), Failure> {
    ended.context("the agent failed")?.map_err(|error| agent::failure(error, data_dir))
}

fn say_started(output: &mut Output, data_dir: &Path, url: &str, link: &str) {
    let name = output.paint(Look::Strong, "SessionForge");
    output.line(format_args!("{name} {} at {url}", env!("CARGO_PKG_VERSION")));
    output.line("");
    output.fact("Open", output.paint(Look::Accent, link));
    output.fact("", output.paint(Look::Faint, "signs you in; works once, within ten minutes"));
    output.fact("Data", data_dir.display());
}

fn say_online(output: &mut Output, data_dir: &Path) {
    let sessions = match living(data_dir).len() {
        0 => "none yet: start one on the page".to_owned(),
        1 => "1 is running".to_owned(),
        several => format!("{several} are running"),
    };
    output.fact("Machine", output.paint(Look::Good, "connected"));
    output.fact("Sessions", sessions);
    output.line("");
    output.line(output.paint(Look::Faint, "Ctrl-C stops the server and the agent. Sessions keep running."));
}

fn say_stopped(output: &mut Output, data_dir: &Path, own_data_dir: bool) {
    let living = living(data_dir);
    output.line("");
    if living.is_empty() {
        output.line("Stopped. No session is running.");
        return;
    }
    let (are, them) = if living.len() == 1 { ("session keeps", "it") } else { ("sessions keep", "them") };
    output.line(format_args!("Stopped. {} {are} running:", living.len()));
    for info in living {
        let name = info.name.as_deref().unwrap_or(&info.command);
        output.line(format_args!("  {}  {name}", info.id));
    }
    let place = if own_data_dir { format!(" --data-dir {}", data_dir.display()) } else { String::new() };
    output.line(format_args!("`sessionforge up{place}` brings {them} back to the page."));
}

/// Sessions whose program runs, as their PTY hosts have written down and are there.
fn living(data_dir: &Path) -> Vec<SessionInfo> {
    let facts = runtime_dir::scan(&agents::runtime_dir(data_dir)).unwrap_or_default();
    let running = |info: &SessionInfo| matches!(info.state, SessionState::Starting | SessionState::Running);
    facts.into_iter().filter(|facts| is_listening(&facts.socket)).map(|facts| facts.info).filter(running).collect()
}
