//! The server and the crowd around it.

use std::sync::Arc;
use std::time::Duration;

use sessionforge::base::id::SessionId;
use tokio::time::Instant;

use super::Measure;
use super::support::http::Http;
use super::support::played::agent::PlayedAgent;
use super::support::wait::Changes;
use super::support::world::World;
use super::viewer::{Board, Watcher};

/// Sessions of each agent.
const SESSIONS: usize = 5;

/// Keys that agents share: some people have many machines.
const KEYS: usize = 4;

/// A typist's pace: four keys a second.
const KEY_EVERY: Duration = Duration::from_millis(250);

/// Longer than any crowd should need to arrive.
const GIVE_UP: Duration = Duration::from_mins(2);

/// All of them.
pub struct Crowd {
    /// Agents.
    pub agents: Vec<PlayedAgent>,
    /// Viewers that stay.
    pub viewers: Vec<Watcher>,
    /// What viewers found.
    pub board: Arc<Board>,
    agents_changed: Arc<Changes>,
    who: Http,
}

impl Crowd {
    /// Everybody comes at once, and is waited for.
    pub async fn arrive(world: &mut World, measure: Measure) -> Self {
        let mut keys = Vec::new();
        for number in 0..KEYS {
            let bearer = Some(world.make_key(&format!("crowd {number}")).await);
            keys.push(Http { bearer, cookie: None, ..world.http.clone() });
        }
        let agents_changed = Arc::new(Changes::default());
        let agent = |number: usize| {
            let (who, name) = (keys[number % KEYS].clone(), format!("machine-{number}"));
            PlayedAgent::start(who, name, SESSIONS, Arc::clone(&agents_changed))
        };
        let agents = (0..measure.agents).map(agent).collect();
        let (board, who) = (Arc::new(Board::default()), world.http.clone());
        let mut crowd = Self { agents, viewers: Vec::new(), board, agents_changed, who };
        crowd.agents_back(Instant::now()).await;
        crowd.let_viewers_in(measure).await;
        crowd
    }

    /// Viewers come at once, and are waited for.
    pub async fn let_viewers_in(&mut self, measure: Measure) {
        let typists = measure.viewers * 4 / 5;
        for number in 0..measure.viewers {
            // Each typist has a session of its own, the others look over typists' shoulders.
            let session = self.first_session(number % typists.max(1) % self.agents.len());
            let every = (number < typists).then_some(KEY_EVERY);
            self.viewers.push(Watcher::open(&self.who, session, every, &self.board));
        }
        let all = measure.viewers;
        let live = self.board.changes.wait(GIVE_UP, || self.board.with(|found| (found.live >= all).then_some(())));
        if live.await.is_none() {
            self.board.with(|found| panic!("{} of {all} viewers are live: {:?}", found.live, found.closed));
        }
    }

    /// How much is printed where somebody watches.
    pub async fn pace(&self, lines: usize) {
        for agent in &self.agents {
            agent.pace(lines).await;
        }
    }

    /// Everybody goes.
    pub async fn go(&mut self) {
        self.viewers.clear();
        for agent in &self.agents {
            agent.away(true).await;
        }
    }

    /// The same agents come again, and as many viewers.
    pub async fn come_back(&mut self, measure: Measure) {
        let now = Instant::now();
        for agent in &self.agents {
            agent.away(false).await;
        }
        self.agents_back(now).await;
        self.let_viewers_in(measure).await;
    }

    /// Waits until every agent has been connected again after `since`; when the last was.
    pub async fn agents_back(&self, since: Instant) -> Instant {
        let back = |agent: &PlayedAgent| agent.look(|seen| seen.online_since.filter(|at| *at >= since));
        let all = self
            .agents_changed
            .wait(GIVE_UP, || self.agents.iter().map(back).collect::<Option<Vec<_>>>()?.into_iter().max());
        all.await.unwrap_or_else(|| {
            let here = self.agents.iter().filter(|agent| back(agent).is_some()).count();
            panic!("{here} of {} agents are back after {GIVE_UP:?}", self.agents.len())
        })
    }

    /// The session of an agent that nobody ends.
    pub fn first_session(&self, agent: usize) -> SessionId {
        self.agents[agent].look(|seen| seen.sessions[0])
    }

    /// A viewer that only looks on.
    pub fn visitor(&self, session: SessionId) -> Watcher {
        Watcher::open(&self.who, session, None, &Arc::new(Board::default()))
    }

    /// Nobody types any more; waits until every key typed has come back, and says whether nothing was wrong.
    pub async fn settle(&self) {
        self.board.type_keys(false);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.board.with(|found| found.typed != found.echoed) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.board.with(|found| {
            assert!(found.violations.is_empty(), "{:#?}", found.violations);
            assert_eq!(found.typed, found.echoed, "keys typed, and keys that came back");
        });
    }
}
