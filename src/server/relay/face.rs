//! What the rest of the server asks of the relay; commands to machines are in [`super::commands`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::Line;
use super::fleet::{Census, Organisation, no_such_machine};
use super::give_back;
use super::memory::Memory;
use super::saver::Saver;
use super::session_hub::SessionHub;
use crate::base::allow_list::AllowList;
use crate::base::clock::unix_millis;
use crate::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId};
use crate::base::problem::Problem;
use crate::base::secret::SecretHash;
use crate::server::auth::permissions::Permission;
use crate::server::auth::{Caller, Via};
use crate::server::heart::Heart;
use crate::server::notify::desk::Desk;
use crate::store::{MachineEdit, Note, Store, StoreError};
use crate::wire::close::Close;
use crate::wire::view::{MachineView, SessionView};

/// The relay. Clones share it.
#[derive(Debug, Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    saver: Arc<Saver>,
    desk: Arc<Desk>,
    /// Loaded when the first of its people or agents comes.
    organisations: Mutex<HashMap<OrganisationId, Arc<OnceCell<Arc<Organisation>>>>>,
    closing: AtomicBool,
    heart: Arc<Heart>,
    memory: Memory,
}

impl Relay {
    /// With nobody connected. Must be called within a runtime.
    pub fn new(store: Store) -> Self {
        let saver = Saver::spawn(store.clone());
        let (organisations, closing, heart) = (Mutex::default(), AtomicBool::new(false), Heart::start());
        let (memory, desk) = (Memory::default(), Arc::default());
        give_back::spawn(memory.all());
        Self { inner: Arc::new(Inner { store, saver, desk, organisations, closing, heart, memory }) }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Where what happens is laid down for whoever tells people.
    pub(in crate::server) fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// What hubs hold of what agents sent.
    pub(in crate::server) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// Tells connections whether this machine stood still.
    pub(in crate::server) fn heart(&self) -> &Heart {
        &self.inner.heart
    }

    /// An organisation. The caller has made sure that it exists and may be looked at.
    pub async fn organisation(&self, id: OrganisationId) -> Result<Arc<Organisation>, Problem> {
        let cell = Arc::clone(self.organisations().entry(id).or_default());
        let load = || async {
            let (saver, desk) = (Arc::clone(&self.inner.saver), Arc::clone(&self.inner.desk));
            let organisation = Organisation::load(id, &self.inner.store, saver, desk).await?;
            Ok::<_, StoreError>(Arc::new(organisation))
        };
        Ok(Arc::clone(cell.get_or_try_init(load).await?))
    }

    /// The machines somebody sees, by id.
    pub async fn machines(&self, who: &Caller) -> Result<Vec<MachineView>, Problem> {
        Ok(self.organisation(who.organisation).await?.machines(who))
    }

    /// One machine, if they see it.
    pub async fn machine(&self, who: &Caller, id: MachineId) -> Result<MachineView, Problem> {
        self.organisation(who.organisation).await?.machine(who, id).ok_or_else(no_such_machine)
    }

    /// The sessions somebody sees, by id.
    pub async fn sessions(&self, who: &Caller) -> Result<Vec<SessionView>, Problem> {
        Ok(self.organisation(who.organisation).await?.sessions(who))
    }

    /// One session that somebody may do this to; one they do not see is not there.
    pub async fn session(
        &self,
        who: &Caller,
        session: SessionId,
        permission: Permission,
    ) -> Result<(SessionView, Arc<SessionHub>), Problem> {
        let (view, hub, _) = self.organisation(who.organisation).await?.may_session(who, session, permission)?;
        Ok((view, hub))
    }

    /// Removes a machine and all that is known of its sessions. Its agent is told not to come back as this machine.
    ///
    /// `store` is the one that notes it.
    pub async fn remove_machine(&self, store: &Store, who: &Caller, machine: MachineId) -> Result<(), Problem> {
        let organisation = self.organisation(who.organisation).await?;
        organisation.may_machine(who, machine, Permission::RemoveMachine)?;
        store.remove_machine(who.organisation, machine).await?;
        organisation.remove_machine(machine);
        Ok(())
    }

    /// Changes what people call a machine, or file it under. `store` is the one that notes it.
    pub async fn edit_machine(
        &self,
        store: &Store,
        who: &Caller,
        machine: MachineId,
        edit: MachineEdit,
    ) -> Result<MachineView, Problem> {
        let organisation = self.organisation(who.organisation).await?;
        organisation.may_machine(who, machine, Permission::ChangeMachine)?;
        organisation.machine_edited(store.edit_machine(who.organisation, machine, edit).await?);
        organisation.machine(who, machine).ok_or_else(no_such_machine)
    }

    /// A person's role changed, or their place: closes their pages, which come back and see what they may now.
    pub fn reconnect(&self, organisation: OrganisationId, user: UserId) {
        for loaded in self.loaded() {
            loaded.hang_up(
                |page| (page.who.user == user && page.who.organisation == organisation).then_some(Close::Changed),
                |_| None,
            );
        }
    }

    /// An organisation lets people and machines in from these addresses alone: closes what came from others. They come back,
    /// and are told why they are not let in.
    pub async fn only_from(&self, organisation: OrganisationId, allowed: &AllowList) -> Result<(), Problem> {
        self.organisation(organisation).await?.hang_up(
            |page| page.line.is_outside(allowed).then_some(Close::Changed),
            |agent| agent.line.is_outside(allowed).then_some(Close::Changed),
        );
        Ok(())
    }

    /// Hangs up if what lets `who` in ended or changed while this connection was on its way in: it was not looked at with the
    /// others then.
    pub(crate) async fn look_again(&self, who: &Caller, line: &Line) {
        let (store, now) = (&self.inner.store, unix_millis());
        let (place, gone) = match &who.via {
            Via::Key(key) => {
                let still = store.key_still(who.organisation, *key, now).await;
                (still.map(|it| it.map(|it| (it.membership, it.allowed))), Close::KeyRefused)
            }
            Via::Browser(hash) => {
                let still = store.browser_still(hash.clone(), now).await;
                (still.map(|it| it.map(|it| (it.membership, it.allowed))), Close::NotSignedIn)
            }
        };
        match place {
            Ok(Some((now, allowed)))
                if now.organisation != who.organisation || now.role != who.role || line.is_outside(&allowed) =>
            {
                line.close(Close::Changed);
            }
            Ok(Some(_)) => {}
            Ok(None) => line.close(gone),
            // Whoever cannot be looked at is looked at when it comes again.
            Err(_) => line.close(Close::Restart),
        }
    }

    /// As [`Self::reconnect`], the agents of their machines.
    pub async fn reconnect_machines(&self, organisation: OrganisationId, owner: UserId) -> Result<(), Problem> {
        self.organisation(organisation).await?.hang_up_machines_of(owner);
        Ok(())
    }

    /// Somebody joined an organisation, or is called differently now.
    pub async fn names_changed(&self, organisation: OrganisationId) -> Result<(), Problem> {
        let members = self.inner.store.members(organisation).await?;
        let names = members.into_iter().map(|member| (member.user.id, member.user.name));
        self.organisation(organisation).await?.set_names(names);
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

    /// A key is good until then and no longer, in milliseconds since 1970.
    pub fn key_expires_at(&self, key: KeyId, at: u64) {
        for organisation in self.loaded() {
            organisation.hang_up(
                |page| {
                    if page.who.via == Via::Key(key) {
                        page.line.expires_at(Some(at));
                    }
                    None
                },
                |agent| {
                    if agent.key == key {
                        agent.line.expires_at(Some(at));
                    }
                    None
                },
            );
        }
    }

    /// Closes what came by a key that has expired by `now`.
    pub fn close_expired(&self, now: u64) {
        for organisation in self.loaded() {
            organisation.hang_up(
                |page| page.line.has_expired(now).then_some(Close::KeyRefused),
                |agent| agent.line.has_expired(now).then_some(Close::KeyRefused),
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

    /// A browser works in another organisation: its pages come back there.
    pub fn reconnect_browser(&self, cookie: &SecretHash) {
        for organisation in self.loaded() {
            organisation.hang_up(
                |page| matches!(&page.who.via, Via::Browser(hash) if hash == cookie).then_some(Close::Changed),
                |_| None,
            );
        }
    }

    /// Has something written a moment later, together with what else changes meanwhile.
    pub(crate) fn note(&self, note: Note) {
        self.inner.saver.note(note);
    }

    /// Writes what is not on disk yet.
    pub async fn flush(&self) {
        self.inner.saver.flush().await;
    }

    /// Asks every peer to connect again later, lets nobody in any more, and writes what is not on disk yet.
    pub async fn shutdown(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        for organisation in self.loaded() {
            organisation.hang_up(|_| Some(Close::Restart), |_| Some(Close::Restart));
        }
        self.flush().await;
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

    pub(super) fn loaded_with_ids(&self) -> Vec<(OrganisationId, Arc<Organisation>)> {
        self.organisations().iter().filter_map(|(id, cell)| Some((*id, cell.get().cloned()?))).collect()
    }

    fn organisations(&self) -> std::sync::MutexGuard<'_, HashMap<OrganisationId, Arc<OnceCell<Arc<Organisation>>>>> {
        self.inner.organisations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
