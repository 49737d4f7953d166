//! The scene of the drill, and how things go wrong in it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use super::schedule::{Fault, Net, Step};
use crate::support::http::Http;
use crate::support::other_build::install;
use crate::support::process::signal_pid;
use crate::support::proxy::{Proxy, Rule, Way};
use crate::support::world::World;

/// Server and agent as real processes from files that can be replaced, with a bad network on both sides of the server.
pub struct Scene {
    /// The processes.
    pub world: World,
    /// The owner, over the bad network.
    pub who: Http,
    agents: Proxy,
    viewers: Proxy,
    programs: [PathBuf; 2],
    /// Whether server and agent are the other build.
    other: [bool; 2],
    /// What the network does between faults, to agents and viewers: a delay or a throttle may outlast its step, so that
    /// the next faults happen on a bad line.
    weather: [Rule; 2],
}

impl Scene {
    /// Everything runs and the agent is connected.
    pub async fn set() -> Self {
        let mut world = World::server_only().await;
        world.set_up().await;
        let (agents, viewers) = (Proxy::start(world.http.address).await, Proxy::start(world.http.address).await);
        let programs = ["bin/forge-server", "bin/forge-agent"].map(|name| world.dir().join(name));
        for path in &programs {
            install(path, false);
        }
        world.run_from(&programs[0], &programs[1]);
        world.route_agent(agents.address);
        world.start_agent().await;
        let origin = format!("http://{}", viewers.address);
        let who = Http { address: viewers.address, origin, ..world.http.clone() };
        Self { world, who, agents, viewers, programs, other: [false; 2], weather: [Rule::Pass; 2] }
    }

    /// Lets it go wrong, and mends it. `hosts` are the processes of the PTY hosts.
    pub async fn play(&mut self, step: &Step, hosts: &[u32]) {
        let Step { fault, lasts, pick, .. } = *step;
        match fault {
            Fault::KillServer => {
                self.world.kill_server();
                sleep(lasts).await;
                self.world.start_server().await;
            }
            Fault::KillAgent => {
                self.world.kill_agent();
                sleep(lasts).await;
                self.world.spawn_agent();
            }
            Fault::KillBoth => {
                self.world.kill_agent();
                self.world.kill_server();
                sleep(lasts).await;
                if pick.is_multiple_of(2) {
                    self.world.spawn_agent();
                }
                self.world.start_server().await;
                if !pick.is_multiple_of(2) {
                    self.world.spawn_agent();
                }
            }
            Fault::StopAgent => {
                self.world.terminate_agent().await;
                sleep(lasts).await;
                self.world.spawn_agent();
            }
            Fault::StopServer => {
                self.world.interrupt_server().await;
                sleep(lasts).await;
                self.world.start_server().await;
            }
            Fault::ReplaceServer => {
                self.replace(0);
                sleep(lasts).await;
                if pick.is_multiple_of(2) {
                    self.world.kill_server();
                } else {
                    self.world.interrupt_server().await;
                }
                self.world.start_server().await;
            }
            Fault::ReplaceAgent => {
                self.replace(1);
                sleep(lasts).await;
                if pick.is_multiple_of(2) {
                    self.world.kill_agent();
                } else {
                    self.world.terminate_agent().await;
                }
                self.world.spawn_agent();
            }
            Fault::FreezeServer => freeze(self.world.server_pid(), lasts).await,
            Fault::FreezeAgent => freeze(self.world.agent_pid(), lasts).await,
            Fault::FreezeHost => freeze(*chosen(hosts, pick).expect("there are sessions"), lasts).await,
            Fault::Flood => sleep(lasts).await,
            Fault::BlackHole(net)
            | Fault::HalfOpen(net)
            | Fault::Delay(net)
            | Fault::Throttle(net)
            | Fault::HalfClose(net)
            | Fault::Cut(net)
            | Fault::CutOne(net) => {
                disturb(self.proxy(net), fault, pick);
                sleep(lasts).await;
                self.weather[net as usize] = match fault {
                    Fault::Delay(_) | Fault::Throttle(_) if !step.settle => rule(fault, pick),
                    _ => self.weather[net as usize],
                };
                self.proxy(net).set(self.weather[net as usize]);
            }
        }
        if step.settle {
            self.weather = [Rule::Pass; 2];
            for net in [Net::Agent, Net::Viewers] {
                self.proxy(net).set(Rule::Pass);
            }
        }
    }

    fn proxy(&self, net: Net) -> &Proxy {
        match net {
            Net::Agent => &self.agents,
            Net::Viewers => &self.viewers,
        }
    }

    fn replace(&mut self, which: usize) {
        self.other[which] = !self.other[which];
        install(&self.programs[which], self.other[which]);
    }
}

async fn freeze(pid: u32, lasts: Duration) {
    signal_pid(pid, "STOP");
    sleep(lasts).await;
    signal_pid(pid, "CONT");
}

fn disturb(proxy: &Proxy, fault: Fault, pick: u64) {
    let connections = proxy.connections();
    match fault {
        Fault::HalfOpen(_) => proxy.set_open(Rule::Hold),
        Fault::HalfClose(_) => {
            if let Some(connection) = chosen(&connections, pick) {
                connection.set(if pick.is_multiple_of(2) { Way::Up } else { Way::Down }, Rule::Close);
            }
        }
        Fault::Cut(_) => proxy.cut(),
        Fault::CutOne(_) => chosen(&connections, pick).into_iter().for_each(|connection| connection.cut()),
        other => proxy.set(rule(other, pick)),
    }
}

/// What a fault of the whole line does to every byte on it.
fn rule(fault: Fault, pick: u64) -> Rule {
    match fault {
        Fault::BlackHole(_) => Rule::Hold,
        Fault::Delay(_) => Rule::Delay(Duration::from_millis(20 + pick % 400)),
        Fault::Throttle(_) => Rule::Throttle(10_000 + pick % 200_000),
        _ => Rule::Pass,
    }
}

fn chosen<T>(from: &[T], pick: u64) -> Option<&T> {
    from.get(usize::try_from(pick / 2).ok()?.checked_rem(from.len())?)
}
