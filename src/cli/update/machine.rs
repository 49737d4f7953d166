//! This machine, as an update acts on it: the program's file, and the service that runs it.

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::agent::config::Update;
use crate::agent::local::{Link, LocalStatus};
use crate::cli::failure::{Exit, Failure};
use crate::cli::service::health::Health;
use crate::cli::service::place::Place;
use crate::service::{Activity, Scope};
use crate::update::course::World;
use crate::update::offer::kept_by;
use crate::update::swap::Swap;
use crate::update::target::Target;
use crate::wire::build;
use crate::wire::updating::UpdateWay;

/// A version that was started has this long to come up, and to connect if the one before was connected. A server that is just
/// restarting itself is back within seconds.
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);

/// Nothing tells us of the change, so it is asked for.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The service that runs the program `current` now, if there is one that may be restarted.
pub(super) fn running_service(current: &Path) -> Result<Option<Place>, Failure> {
    let place = Place::installed(false)?;
    if !place.manager.is_installed() {
        return Ok(None);
    }
    let runs_us = runs(&place, current);
    let state = place.manager.state().map_err(|error| Failure::new(Exit::Failed, error))?;
    if !runs_us || !matches!(state.activity, Activity::Running | Activity::Restarting) {
        return Ok(None);
    }
    // On Windows it is the person's to restart.
    if place.scope == Scope::System && cfg!(unix) && !is_root() {
        return Err(Failure::new(
            Exit::Failed,
            "the machine's service runs this program, and only root may restart it",
        )
        .hint("say it again with sudo"));
    }
    Ok(Some(place))
}

/// How the agent that this program is gets another version: what it says of itself to its server.
pub(in crate::cli) fn way(wanted: Update) -> UpdateWay {
    let own = std::env::current_exe().and_then(|path| path.canonicalize());
    let (Ok(current), Some(_), Update::Page) = (own, Target::own(), wanted) else {
        return if wanted == Update::Off { UpdateWay::Off } else { UpdateWay::Hand };
    };
    if kept_by(&current).is_some() {
        return UpdateWay::Package;
    }
    // Without asking the service manager, which may be slow at the machine's start: the update itself asks it.
    let Some(place) = Place::installed(false).ok().filter(|place| runs(place, &current)) else {
        return UpdateWay::Hand;
    };
    match place.scope {
        // The service there cannot restart itself.
        _ if cfg!(windows) => UpdateWay::Hand,
        Scope::System if !is_root() => UpdateWay::Root,
        _ => UpdateWay::Page,
    }
}

/// Whether the service runs the program `current`.
fn runs(place: &Place, current: &Path) -> bool {
    let executable = place.manager.words().and_then(|words| words.into_iter().next());
    executable.is_some_and(|it| Path::new(&it).canonicalize().is_ok_and(|it| it == current))
}

fn is_root() -> bool {
    #[cfg(unix)]
    {
        rustix::process::geteuid().is_root()
    }
    #[cfg(not(unix))]
    false
}

/// File and service.
pub(super) struct Machine<'a> {
    runtime: &'a Runtime,
    swap: &'a Swap,
    service: Option<Place>,
    /// Version that is to come up next.
    expected: String,
    /// Whether the agent was connected before.
    was_connected: bool,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        runtime: &'a Runtime,
        swap: &'a Swap,
        service: Option<Place>,
        version: &str,
    ) -> Result<Self, Failure> {
        let mut machine = Self { runtime, swap, service, expected: version.to_owned(), was_connected: false };
        let before = machine.health().map_err(|error| Failure::new(Exit::Failed, error))?;
        machine.was_connected = before.is_some_and(|health| health.is_well());
        Ok(machine)
    }

    fn health(&self) -> Result<Option<Health>, String> {
        let Some(place) = &self.service else { return Ok(None) };
        let data_dir = place.data_dir().unwrap_or_default();
        self.runtime.block_on(Health::now(place, &data_dir)).map(Some).map_err(|error| error.to_string())
    }
}

impl World for Machine<'_> {
    type Error = String;

    fn swap(&mut self) -> Result<(), String> {
        self.swap.commit().map_err(|error| error.to_string())
    }

    fn swap_back(&mut self) -> Result<(), String> {
        self.swap.back().map_err(|error| error.to_string())?;
        build::version().clone_into(&mut self.expected);
        Ok(())
    }

    fn restart(&mut self) -> Result<(), String> {
        self.service.as_ref().map_or(Ok(()), |place| place.manager.restart()).map_err(|error| error.to_string())
    }

    fn comes_up(&mut self) -> Result<(), String> {
        let until = Instant::now() + COMES_UP_WITHIN;
        loop {
            let Some(health) = self.health()? else { return Ok(()) };
            match verdict(&health, &self.expected, self.was_connected) {
                Verdict::Up => return Ok(()),
                Verdict::Down(why) => return Err(why),
                Verdict::NotYet(why) if Instant::now() >= until => return Err(why),
                Verdict::NotYet(_) => self.runtime.block_on(async { tokio::time::sleep(ASK_EVERY).await }),
            }
        }
    }
}

/// What a look at the service means.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Up,
    /// And why it would not be, if this were the last look.
    NotYet(String),
    Down(String),
}

fn verdict(health: &Health, expected: &str, was_connected: bool) -> Verdict {
    if let Some(agent) = health.agent.as_ref().filter(|agent| agent.build == expected) {
        return match &agent.link {
            Link::Online { .. } => Verdict::Up,
            // What the old one could not do either is not the new one's fault.
            _ if !was_connected => Verdict::Up,
            Link::Waiting { cause } => Verdict::NotYet(format!("it does not connect: {cause}")),
            Link::Connecting | Link::Unknown => Verdict::NotYet("it does not connect".to_owned()),
        };
    }
    match (health.state.activity, &health.agent) {
        (Activity::Failed, _) => Verdict::Down("the service has failed".to_owned()),
        // It has ended once, so it will again.
        (Activity::Restarting, _) => Verdict::Down("it ends as soon as it is started".to_owned()),
        (_, Some(LocalStatus { build, .. })) => Verdict::NotYet(format!("{build} runs on")),
        _ => Verdict::NotYet("its agent does not answer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::MachineId;
    use crate::service::State;

    fn health(activity: Activity, build: Option<&str>, link: Link) -> Health {
        let agent = build.map(|build| LocalStatus {
            round_trip_us: None,
            version: 1,
            build: build.to_owned(),
            pid: 1,
            started_at: 0,
            server: String::new(),
            link,
            link_since: 0,
            terminal: String::new(),
        });
        Health { state: State { activity, ..State::default() }, agent }
    }

    #[test]
    fn a_version_is_up_when_it_does_what_the_one_before_did() {
        let online = Link::Online { machine: MachineId::random(), organisation: String::new(), build: None };
        let waiting = Link::Waiting { cause: "no route".to_owned() };
        let up = |health: &Health, was_connected| verdict(health, "2.0.0", was_connected);
        let running = Activity::Running;
        assert_eq!(up(&health(running, Some("2.0.0"), online.clone()), true), Verdict::Up);
        assert_eq!(
            up(&health(running, Some("2.0.0"), waiting.clone()), false),
            Verdict::Up,
            "its server was away before"
        );
        assert!(
            matches!(up(&health(running, Some("2.0.0"), waiting), true), Verdict::NotYet(why) if why.contains("no route"))
        );
        assert!(
            matches!(up(&health(running, Some("1.0.0"), online), true), Verdict::NotYet(why) if why.contains("1.0.0"))
        );
        assert!(matches!(up(&health(running, None, Link::Connecting), true), Verdict::NotYet(_)));
        for activity in [Activity::Failed, Activity::Restarting] {
            assert!(matches!(up(&health(activity, None, Link::Connecting), true), Verdict::Down(_)));
        }
    }
}
