//! What is expected of every address, by hand: the table that the product's own is tested against.

use serde_json::{Value, json};
use sessionforge::base::id::UserId;

use super::cast::{DELIVERY, PASSWORD};

/// What stands in a path's `{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Nothing.
    None,
    /// A machine.
    Machine,
    /// A session.
    Session,
    /// An API key.
    Key,
    /// A member of the organisation, with the role `member`; one's own self is "own".
    Member,
    /// An open invitation.
    Invitation,
    /// A browser of the caller's own.
    Browser,
    /// A browser of the caller's own that gets push messages.
    Push,
    /// A webhook of the organisation.
    Webhook,
}

/// One address: who may do it to what. Letters are roles: owner, admin, member, viewer.
pub struct Row {
    pub address: &'static str,
    pub about: About,
    /// To one's own, or to nothing in particular. `*`: anybody, signed in or not.
    pub own: &'static str,
    /// To what is shared.
    pub shared: &'static str,
    /// To others'.
    pub others: &'static str,
    /// What a key needs: a scope, `any`, or `-` if a key may not. `only agent`: a browser may not.
    pub key: &'static str,
    pub body: fn() -> Value,
}

const fn row(address: &'static str, about: About, own: &'static str, key: &'static str) -> Row {
    Row { address, about, own, shared: "", others: "", key, body: || json!({}) }
}

/// What those who may do to others' selves.
const fn member(address: &'static str, key: &'static str) -> Row {
    Row { others: "oa", ..row(address, About::Member, "oa", key) }
}

/// Whatever it holds, the caller got past the permissions.
fn start() -> Value {
    json!({ "command": "bash" })
}

/// What is asked for again before something is changed that locks somebody out.
fn password() -> Value {
    json!({ "password": PASSWORD })
}

/// Every address of the API.
#[rustfmt::skip]
pub fn rows() -> Vec<Row> {
    use About::{Browser, Invitation, Key, Machine, None, Push, Session, Webhook};
    vec![
        row("GET /setup/status", None, "*", ""),
        row("POST /setup", None, "*", ""),
        row("POST /sign-in", None, "*", ""),
        row("POST /sign-in/link", None, "*", ""),
        row("POST /sign-out", None, "*", ""),
        row("GET /me", None, "oamv", "any"),
        row("POST /reset-password/look", None, "*", ""),
        row("POST /reset-password", None, "*", ""),
        row("POST /invitations/look", None, "*", ""),
        row("POST /invitations/accept", None, "*", ""),
        row("PATCH /me", None, "oamv", "-"),
        Row { body: password, ..row("POST /me/second-factor", None, "oamv", "-") },
        row("POST /me/second-factor/confirm", None, "oamv", "-"),
        Row { body: password, ..row("POST /me/second-factor/remove", None, "oamv", "-") },
        row("GET /me/browsers", None, "oamv", "-"),
        row("DELETE /me/browsers/{id}", Browser, "oamv", "-"),
        row("GET /me/notifications", None, "oamv", "-"),
        row("PUT /me/notifications", None, "oamv", "-"),
        row("POST /me/pushes", None, "oamv", "-"),
        row("DELETE /me/pushes/{id}", Push, "oamv", "-"),
        row("POST /me/pushes/{id}/test", Push, "oamv", "-"),
        row("POST /me/organisation", None, "oamv", "-"),
        row("POST /me/invitations", None, "oamv", "-"),
        row("POST /me/leave", None, "oamv", "-"),
        Row { body: || json!({ "name": "Another" }), ..row("POST /organisations", None, "o", "-") },
        Row { body: || json!({ "name": "Renamed" }), ..row("PATCH /organisation", None, "oa", "admin") },
        row("GET /organisation/addresses", None, "oa", "admin"),
        Row { body: || json!({ "allowed": [] }), ..row("PUT /organisation/addresses", None, "oa", "admin") },
        row("POST /organisation/owner", None, "o", "-"),
        row("GET /members", None, "oam", "admin"),
        Row { body: || json!({ "role": "viewer" }), ..member("PATCH /members/{id}", "admin") },
        member("DELETE /members/{id}", "admin"),
        member("POST /members/{id}/deactivate", "admin"),
        member("POST /members/{id}/reactivate", "admin"),
        member("POST /members/{id}/reset-link", "-"),
        row("GET /invitations", None, "oa", "admin"),
        Row { body: || json!({ "role": "viewer" }), ..row("POST /invitations", None, "oa", "admin") },
        row("DELETE /invitations/{id}", Invitation, "oa", "admin"),
        Row { body: || json!({}), ..row("POST /keys/{id}/rotate", Key, "oam", "-") },
        row("POST /me/password", None, "oamv", "-"),
        row("GET /keys", None, "oam", "admin"),
        Row { body: || json!({ "name": "new" }), ..row("POST /keys", None, "oam", "-") },
        Row { others: "oa", ..row("DELETE /keys/{id}", Key, "oam", "admin") },
        row("GET /webhooks", None, "oa", "admin"),
        Row { body: || json!({ "name": "new", "url": "https://localhost:9/" }), ..row("POST /webhooks", None, "oa", "admin") },
        Row { body: || json!({ "name": "renamed" }), ..row("PATCH /webhooks/{id}", Webhook, "oa", "admin") },
        row("DELETE /webhooks/{id}", Webhook, "oa", "admin"),
        row("POST /webhooks/{id}/secret", Webhook, "oa", "admin"),
        row("POST /webhooks/{id}/test", Webhook, "oa", "admin"),
        row("GET /webhooks/{id}/deliveries", Webhook, "oa", "admin"),
        Row { body: || json!({ "delivery": DELIVERY }), ..row("POST /webhooks/{id}/redeliver", Webhook, "oa", "admin") },
        row("GET /machines", None, "oamv", "machines:read"),
        Row { shared: "oamv", others: "oa", ..row("GET /machines/{id}", Machine, "oamv", "machines:read") },
        Row { others: "oa", body: || json!({ "name": "new" }), ..row("PATCH /machines/{id}", Machine, "oam", "machines:write") },
        Row { others: "oa", ..row("DELETE /machines/{id}", Machine, "oam", "machines:write") },
        Row { others: "oa", ..row("POST /machines/{id}/update", Machine, "oam", "machines:write") },
        row("GET /updates", None, "oamv", "machines:read"),
        row("POST /updates", None, "oam", "machines:write"),
        row("DELETE /updates", None, "oam", "machines:write"),
        Row { body: start, ..row("POST /machines/{id}/sessions", Machine, "oam", "sessions:write") },
        row("GET /sessions", None, "oamv", "sessions:read"),
        Row { shared: "oamv", others: "oa", ..row("GET /sessions/{id}", Session, "oamv", "sessions:read") },
        Row { others: "oa", ..row("DELETE /sessions/{id}", Session, "oam", "sessions:write") },
        Row { others: "oa", ..row("POST /sessions/{id}/stop", Session, "oam", "sessions:write") },
        row("POST /sessions/{id}/resume", Session, "oam", "sessions:write"),
        Row { others: "oa", body: || json!({ "with": "organisation" }), ..row("PUT /sessions/{id}/sharing", Session, "oam", "sessions:write") },
        Row { shared: "oam", ..row("POST /sessions/{id}/adopt", Session, "oam", "sessions:write") },
        Row { shared: "oam", ..row("POST /sessions/{id}/return", Session, "oam", "sessions:write") },
        Row { shared: "oam", others: "oa", ..row("POST /sessions/{id}/ask", Session, "oam", "sessions:write") },
        Row { shared: "oam", body: || json!({ "to": UserId::random(), "grant": false }), ..row("POST /sessions/{id}/ask/answer", Session, "oam", "sessions:write") },
        Row { shared: "oamv", others: "oa", ..row("POST /sessions/{id}/handoff", Session, "oamv", "sessions:read") },
        Row { shared: "oamv", ..row("GET /sessions/{id}/screen", Session, "oamv", "sessions:read") },
        Row { body: || json!({ "text": "x" }), ..row("POST /sessions/{id}/input", Session, "oam", "sessions:write") },
        Row { body: || json!({ "need": 1, "answer": "allow" }), ..row("POST /sessions/{id}/answer", Session, "oam", "sessions:write") },
        Row { shared: "oamv", ..row("POST /sessions/{id}/wait", Session, "oamv", "sessions:read") },
        row("GET /events", None, "oamv", "sessions:read"),
        row("GET /audit", None, "oa", "admin"),
        row("GET /audit/export", None, "oa", "admin"),
        row("GET /audit/settings", None, "oa", "admin"),
        Row { body: || json!({ "keep_days": 90 }), ..row("PUT /audit/settings", None, "oa", "admin") },
        row("GET /viewer", None, "oamv", "sessions:read"),
        row("GET /agent", None, "oam", "only agent"),
    ]
}
