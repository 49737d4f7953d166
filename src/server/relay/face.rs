//! What the rest of the server asks of the relay.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::bounds;
use super::fleet::{Census, Organisation};
use super::saver::Saver;
use crate::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId};
use crate::base::limits::SESSIONS_PER_MACHINE_MAX;
use crate::base::problem::{Code, Problem};
use crate::base::secret::SecretHash;
use crate::server::auth::Via;
use crate::store::{Store, StoreError};
use crate::wire::close::Close;
use crate::wire::message::{MachineView, SessionAsk, SessionView, ToAgent};
use crate::wire::session::Launch;

/// The relay. Clones share it.
#[derive(Debug, Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    saver: Arc<Saver>,
    /// Loaded when the first of its people or agents comes.
    organisations: Mutex<HashMap<OrganisationId, Arc<OnceCell<Arc<Organisation>>>>>,
    closing: AtomicBool,
}

impl Relay {
    /// With nobody connected. Must be called within a runtime.
    pub fn new(store: Store) -> Self {
        let saver = Saver::spawn(store.clone());
        let (organisations, closing) = (Mutex::default(), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { store, saver, organisations, closing }) }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// An organisation. The caller has made sure that it exists and may be looked at.
    pub async fn organisation(&self, id: OrganisationId) -> Result<Arc<Organisation>, Problem> {
        let cell = Arc::clone(self.organisations().entry(id).or_default());
        let load = || async {
            let organisation = Organisation::load(id, &self.inner.store, Arc::clone(&self.inner.saver)).await?;
            Ok::<_, StoreError>(Arc::new(organisation))
        };
        Ok(Arc::clone(cell.get_or_try_init(load).await?))
    }

    /// All machines of an organisation, by id.
    pub async fn machines(&self, organisation: OrganisationId) -> Result<Vec<MachineView>, Problem> {
        Ok(self.organisation(organisation).await?.machines())
    }

    /// All sessions of an organisation, by id.
    pub async fn sessions(&self, organisation: OrganisationId) -> Result<Vec<SessionView>, Problem> {
        Ok(self.organisation(organisation).await?.sessions())
    }

    /// Starts a session on a machine, and says what became of it once its program runs.
    pub async fn start(
        &self,
        organisation: OrganisationId,
        owner: UserId,
        machine: MachineId,
        launch: Launch,
    ) -> Result<SessionView, Problem> {
        bounds::check_launch(&launch)?;
        let organisation = self.organisation(organisation).await?;
        let uplink = organisation.uplink(machine)?;
        if organisation.running(machine) >= SESSIONS_PER_MACHINE_MAX {
            let text =
                format!("this machine runs {SESSIONS_PER_MACHINE_MAX} sessions already, its limit; stop one first");
            return Err(Problem::new(Code::TooMany, text));
        }
        let session = SessionId::random();
        let _starting = organisation.starting(session, owner);
        uplink.request(|request| ToAgent::Start { request, session, launch }).await?;
        let opened = organisation.session_row(session).zip(organisation.session(session));
        let Some((row, view)) = opened else {
            return Err(Problem::internal(format!("{machine} said {session} was started, but never announced it")));
        };
        self.inner.store.put_session(row).await?;
        Ok(view)
    }

    /// Has a session's program end: politely, or at once if `force`.
    pub async fn stop(&self, organisation: OrganisationId, session: SessionId, force: bool) -> Result<(), Problem> {
        let organisation = self.organisation(organisation).await?;
        let known = organisation.session(session).zip(organisation.hub(session));
        let (view, hub) = known.ok_or_else(no_such_session)?;
        if view.info.has_ended() {
            return Err(Problem::new(Code::SessionEnded, "the session's program has ended already"));
        }
        hub.ask(SessionAsk::Stop { force })
    }

    /// Forgets a session that has ended.
    pub async fn forget(&self, organisation: OrganisationId, session: SessionId) -> Result<(), Problem> {
        let organisation_id = organisation;
        let organisation = self.organisation(organisation).await?;
        let view = organisation.session(session).ok_or_else(no_such_session)?;
        if !view.info.has_ended() {
            return Err(Problem::new(Code::Conflict, "the session's program still runs; stop it first"));
        }
        let uplink = organisation.uplink(view.machine)?;
        uplink.request(|request| ToAgent::Forget { request, session }).await?;
        organisation.remove_session(session);
        match self.inner.store.remove_session(organisation_id, session).await {
            // The agent's own `closed` may have been faster.
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a machine and all that is known of its sessions. Its agent is told not to come back as this machine.
    pub async fn remove_machine(&self, organisation: OrganisationId, machine: MachineId) -> Result<(), Problem> {
        self.inner.store.remove_machine(organisation, machine).await?;
        self.organisation(organisation).await?.remove_machine(machine);
        Ok(())
    }

    /// A key is not valid any more: closes every connection that came with it, at once.
    pub fn disconnect_key(&self, key: KeyId) {
        for organisation in self.loaded() {
            organisation.hang_up(
                |page| (page.who.via == Via::Key(key)).then_some(Close::KeyRefused),
                |agent| (agent.key == key).then_some(Close::KeyRefused),
            );
        }
    }

    /// A browser session has ended: closes its pages, at once.
    pub fn disconnect_browser_session(&self, cookie: &SecretHash) {
        for organisation in self.loaded() {
            organisation.hang_up(
                |page| matches!(&page.who.via, Via::Browser(hash) if hash == cookie).then_some(Close::NotSignedIn),
                |_| None,
            );
        }
    }

    /// Asks every peer to connect again later, lets nobody in any more, and writes what is not on disk yet.
    pub async fn shutdown(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        for organisation in self.loaded() {
            organisation.hang_up(|_| Some(Close::Restart), |_| Some(Close::Restart));
        }
        self.inner.saver.flush().await;
    }

    /// How many there are of everything, in all organisations that somebody has asked for since the start.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        self.loaded().iter().for_each(|organisation| organisation.count(&mut census));
        census
    }

    /// Whether nobody is let in any more.
    pub(crate) fn is_closing(&self) -> bool {
        self.inner.closing.load(Ordering::SeqCst)
    }

    fn loaded(&self) -> Vec<Arc<Organisation>> {
        self.organisations().values().filter_map(|cell| cell.get().cloned()).collect()
    }

    fn organisations(&self) -> std::sync::MutexGuard<'_, HashMap<OrganisationId, Arc<OnceCell<Arc<Organisation>>>>> {
        self.inner.organisations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_such_session() -> Problem {
    Problem::new(Code::NotFound, "there is no such session")
}
