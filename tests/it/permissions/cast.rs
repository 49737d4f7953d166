//! People of every role with something of their own, written into a server's store before it starts.

use serde_json::json;
use sessionforge::base::api_key;
use sessionforge::base::clock::unix_millis;
use sessionforge::base::id::{InvitationId, KeyId, MachineId, OrganisationId, PushId, SessionId, UserId, WebhookId};
use sessionforge::base::secret::Secret;
use sessionforge::store::{
    BrowserSessionRow, InvitationRow, Joining, KeyRow, PushRow, Role, Scope, SessionRow, Shape, Sharing, Store,
    WebhookRow,
};
use sessionforge::wire::notice::Kind;
use sessionforge::wire::session::{MachineFacts, SessionInfo};

/// One person, with a a key, a machine and a session.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user: UserId,
    /// What the browser is called to its person.
    pub browser: String,
    /// The same, as what gets push messages.
    pub push: PushId,
    /// A webhook of their organisation, if one was made.
    pub webhook: WebhookId,
    /// An invitation of theirs, if one was made.
    pub invitation: InvitationId,
    /// `Cookie` to send.
    pub cookie: String,
    /// The key of [`Actor::key`].
    pub secret: String,
    pub key: KeyId,
    pub machine: MachineId,
    pub session: SessionId,
}

/// What a key of the cast is like.
#[derive(Debug, Clone)]
pub struct KeyIs {
    pub scopes: Vec<Scope>,
    pub expired: bool,
    pub revoked: bool,
}

impl KeyIs {
    pub fn with(scopes: &[Scope]) -> Self {
        Self { scopes: scopes.to_vec(), expired: false, revoked: false }
    }
}

/// Puts people on the stage of one store.
pub struct Stage<'a> {
    pub store: &'a Store,
    pub organisation: OrganisationId,
    /// Who invites.
    pub founder: UserId,
    /// Of [`PASSWORD`].
    pub password: String,
}

/// The webhook that everybody asks about who does not remove one.
pub const WEBHOOK: &str = "whk_000000000001";

/// In the log of every webhook.
pub const DELIVERY: &str = "msg_000000000001";

/// Everybody's.
pub const PASSWORD: &str = "correct horse battery staple";

/// [`PASSWORD`], hashed with as little work as there can be: there are a thousand people.
pub fn cheap_hash() -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_with_salt(PASSWORD.as_bytes(), b"salt of everybody").unwrap().to_string()
}

impl Stage<'_> {
    /// A new person with everything of theirs.
    pub async fn enter(&self, role: Role, key: KeyIs, sharing: Sharing) -> Actor {
        let now = unix_millis();
        let cookie = format!("cookie of {}", KeyId::random());
        let hash = Secret::new(&*cookie).hash();
        let token = Secret::new(format!("invitation {}", KeyId::random()));
        let invitation = InvitationRow { hash: token.hash(), ..self.invitation(role) };
        self.store.add_invitation(invitation).await.unwrap();
        let joining = Joining::New {
            name: "Somebody".to_owned(),
            email: format!("{}@example.org", KeyId::random()),
            password: self.password.clone(),
        };
        let signed_in = self.store.accept_invitation(&token, joining, now, move |user, organisation| {
            let expires_at = now + 1_000_000;
            let (address, user_agent) = (None, None);
            BrowserSessionRow {
                hash,
                user,
                organisation,
                created_at: now,
                expires_at,
                last_seen: now,
                address,
                user_agent,
            }
        });
        let row = signed_in.await.unwrap();
        let (secret, key) = self.key(row.user, key).await;
        // Whatever the key above may do, the machine is theirs.
        let (_, for_machine) = self.key(row.user, KeyIs::with(&[Scope::Agent])).await;
        let facts = MachineFacts { name: "machine".to_owned(), ..MachineFacts::default() };
        let machine = self.store.register_machine(self.organisation, for_machine, None, facts).await.unwrap().id;
        let session = self.session(machine, row.user, sharing).await;
        let cookie = format!("sf={cookie}");
        let invitation = InvitationId::random();
        let browser = row.public_name().to_owned();
        let (push, webhook) = (self.push(&row).await, WebhookId::random());
        Actor { user: row.user, browser, push, webhook, invitation, cookie, secret, key, machine, session }
    }

    /// An invitation that is open.
    pub fn invitation(&self, role: Role) -> InvitationRow {
        let now = unix_millis();
        InvitationRow {
            id: InvitationId::random(),
            hash: Secret::new(KeyId::random().to_string()).hash(),
            organisation: self.organisation,
            role,
            email: None,
            created_by: self.founder,
            created_at: now,
            expires_at: now + 1_000_000,
        }
    }

    /// A browser gets push messages, from a service that cannot be reached.
    async fn push(&self, browser: &BrowserSessionRow) -> PushId {
        let (id, user, browser) = (PushId::random(), browser.user, browser.hash.clone());
        let (endpoint, p256dh, auth) = (format!("https://127.0.0.1:9/{id}"), String::new(), String::new());
        let row = PushRow { id, user, browser, endpoint, p256dh, auth, created_at: 1 };
        self.store.add_push(row, unix_millis()).await.unwrap();
        id
    }

    /// A webhook to where nothing may be sent, with [`DELIVERY`] in its log.
    pub async fn webhook(&self, id: WebhookId) -> WebhookId {
        let row = WebhookRow {
            id,
            organisation: self.organisation,
            name: "webhook".to_owned(),
            url: "https://localhost:9/".to_owned(),
            secret: Secret::new("whsec_AAAA"),
            shape: Shape::Plain,
            events: Kind::ALL.into(),
            with_text: false,
            created_by: self.founder,
            created_at: 1,
            failing_since: None,
            off_since: None,
        };
        self.store.add_webhook(row).await.unwrap();
        let delivery = json!({
            "id": DELIVERY, "webhook": id, "organisation": self.organisation, "kind": "done", "body": "{}", "created_at": 1,
        });
        self.store.add_deliveries(vec![serde_json::from_value(delivery).unwrap()]).await.unwrap();
        id
    }

    async fn key(&self, user: UserId, is: KeyIs) -> (String, KeyId) {
        let (secret, id, now) = (api_key::random(), KeyId::random(), unix_millis());
        let row = KeyRow {
            id,
            name: "key".to_owned(),
            prefix: secret.expose().chars().take(api_key::SHOWN_CHARS).collect(),
            hash: secret.hash(),
            organisation: self.organisation,
            created_by: user,
            created_at: now,
            last_used_at: None,
            revoked_at: is.revoked.then_some(now),
            scopes: is.scopes,
            expires_at: is.expired.then_some(now),
            last_used_from: None,
        };
        self.store.add_key(row).await.unwrap();
        (secret.expose().to_owned(), id)
    }

    async fn session(&self, machine: MachineId, owner: UserId, sharing: Sharing) -> SessionId {
        let info = info(SessionId::random());
        let id = info.id;
        self.store
            .put_session(SessionRow { machine, organisation: self.organisation, owner, info, sharing, handoff: None })
            .await
            .unwrap();
        id
    }
}

/// A shell that runs.
pub fn info(id: SessionId) -> SessionInfo {
    let info = json!({ "id": id, "command": "bash", "workdir": "/", "state": "running", "cols": 80, "rows": 24, "started_at": 1 });
    serde_json::from_value(info).unwrap()
}
