//! Every address of the server on one page, each with who may come: the list that the router, the tests and the
//! documentation are made of.
//!
//! The caller is found and asked for the permission before the handler runs ([`super::auth::admit`]); a handler that wants
//! a [`super::auth::Caller`] on an open route fails, so no handler can forget to ask.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, patch, post, put};

use super::auth::permissions::Permission;
use super::openapi::{self, Documented, Operation};
use super::{Shared, agent_socket, api, assets, downloads, install, viewer_socket};

/// Who may come to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the handler looks at what they bring.
    Open,
    /// Whoever may do this to what is their own. Things of others the handler asks about.
    To(Permission),
}

/// One address and method.
pub struct Route {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// With `{id}` where a path has one.
    pub path: &'static str,
    /// Who may come.
    pub access: Access,
    pub(super) handler: MethodRouter<Arc<Shared>>,
    /// Says what it takes and gives; `None` for what is not part of the API.
    pub(super) describe: Option<fn(&mut Operation<'_>)>,
}

macro_rules! methods {
    ($($name:ident = $method:literal, $routing:ident;)*) => {$(
        fn $name<H, T>(path: &'static str, access: Access, handler: H) -> Route
        where
            H: Handler<T, Arc<Shared>> + Documented<T>,
            T: 'static,
        {
            let describe = Some(<H as Documented<T>>::describe as fn(&mut Operation<'_>));
            Route { method: $method, path, access, handler: $routing(handler), describe }
        }
    )*};
}

/// Looked at by anybody, and not part of the API.
fn open<H, T>(path: &'static str, handler: H) -> Route
where
    H: Handler<T, Arc<Shared>>,
    T: 'static,
{
    Route { method: "GET", path, access: Access::Open, handler: get(handler), describe: None }
}
methods! {
    read = "GET", get;
    make = "POST", post;
    change = "PATCH", patch;
    set = "PUT", put;
    remove = "DELETE", delete;
}

/// Below `/api/v1`.
#[rustfmt::skip]
pub fn api() -> Vec<Route> {
    use Access::{Open, To};
    use Permission as P;
    vec![
        read("/setup/status", Open, api::setup::status),
        make("/setup", Open, api::setup::set_up),
        make("/sign-in", Open, api::sign_in::by_password),
        make("/sign-in/link", Open, api::sign_in::by_link),
        make("/sign-out", Open, api::sign_in::sign_out),
        make("/reset-password/look", Open, api::reset::look),
        make("/reset-password", Open, api::reset::reset),
        make("/invitations/look", Open, api::invitations::look),
        make("/invitations/accept", Open, api::invitations::accept),
        read("/me", To(P::SeeAccount), api::me::show),
        change("/me", To(P::ChangeAccount), api::me::rename),
        make("/me/password", To(P::ChangeAccount), api::me::change_password),
        make("/me/second-factor", To(P::ChangeAccount), api::second_factor::begin),
        make("/me/second-factor/confirm", To(P::ChangeAccount), api::second_factor::confirm),
        make("/me/second-factor/remove", To(P::ChangeAccount), api::second_factor::remove),
        read("/me/browsers", To(P::ChangeAccount), api::browsers::list),
        remove("/me/browsers/{id}", To(P::ChangeAccount), api::browsers::revoke),
        read("/me/notifications", To(P::ChangeAccount), api::notifications::show),
        set("/me/notifications", To(P::ChangeAccount), api::notifications::change),
        make("/me/pushes", To(P::ChangeAccount), api::notifications::subscribe),
        remove("/me/pushes/{id}", To(P::ChangeAccount), api::notifications::unsubscribe),
        make("/me/pushes/{id}/test", To(P::ChangeAccount), api::notifications::test),
        make("/me/organisation", To(P::ChangeAccount), api::organisation::switch),
        make("/me/invitations", To(P::ChangeAccount), api::invitations::accept_as_me),
        make("/me/leave", To(P::ChangeAccount), api::organisation::leave),
        make("/organisations", To(P::AddOrganisation), api::organisation::found),
        change("/organisation", To(P::ChangeOrganisation), api::organisation::rename),
        read("/organisation/addresses", To(P::ChangeOrganisation), api::addresses::show),
        set("/organisation/addresses", To(P::ChangeOrganisation), api::addresses::change),
        make("/organisation/owner", To(P::HandOver), api::organisation::hand_over),
        read("/members", To(P::SeeMembers), api::members::list),
        change("/members/{id}", To(P::ManageMembers), api::members::change_role),
        remove("/members/{id}", To(P::ManageMembers), api::members::remove),
        make("/members/{id}/deactivate", To(P::ManageMembers), api::members::deactivate),
        make("/members/{id}/reactivate", To(P::ManageMembers), api::members::reactivate),
        make("/members/{id}/reset-link", To(P::ResetPassword), api::members::reset_link),
        read("/invitations", To(P::Invite), api::invitations::list),
        make("/invitations", To(P::Invite), api::invitations::create),
        remove("/invitations/{id}", To(P::Invite), api::invitations::revoke),
        read("/keys", To(P::SeeKeys), api::keys::list),
        make("/keys", To(P::MakeKey), api::keys::create),
        remove("/keys/{id}", To(P::RevokeKey), api::keys::revoke),
        make("/keys/{id}/rotate", To(P::MakeKey), api::keys::rotate),
        read("/webhooks", To(P::ManageWebhooks), api::webhooks::list),
        make("/webhooks", To(P::ManageWebhooks), api::webhooks::create),
        change("/webhooks/{id}", To(P::ManageWebhooks), api::webhooks::change),
        remove("/webhooks/{id}", To(P::ManageWebhooks), api::webhooks::remove),
        make("/webhooks/{id}/secret", To(P::ManageWebhooks), api::webhooks::renew_secret),
        make("/webhooks/{id}/test", To(P::ManageWebhooks), api::webhooks::test),
        read("/webhooks/{id}/deliveries", To(P::ManageWebhooks), api::webhooks::log),
        make("/webhooks/{id}/redeliver", To(P::ManageWebhooks), api::webhooks::redeliver),
        read("/machines", To(P::SeeMachine), api::machines::list),
        read("/machines/{id}", To(P::SeeMachine), api::machines::show),
        change("/machines/{id}", To(P::ChangeMachine), api::machines::edit),
        remove("/machines/{id}", To(P::RemoveMachine), api::machines::remove),
        make("/machines/{id}/update", To(P::UpdateMachine), api::updates::machine),
        read("/updates", To(P::SeeMachine), api::updates::show),
        make("/updates", To(P::UpdateMachine), api::updates::begin),
        remove("/updates", To(P::UpdateMachine), api::updates::stop),
        make("/machines/{id}/sessions", To(P::StartSession), api::machines::start_session),
        read("/sessions", To(P::SeeSession), api::sessions::list),
        read("/sessions/{id}", To(P::SeeSession), api::sessions::show),
        remove("/sessions/{id}", To(P::ForgetSession), api::sessions::forget),
        make("/sessions/{id}/stop", To(P::StopSession), api::sessions::stop),
        set("/sessions/{id}/sharing", To(P::ShareSession), api::handoff::share),
        make("/sessions/{id}/adopt", To(P::AdoptSession), api::handoff::adopt),
        make("/sessions/{id}/return", To(P::AdoptSession), api::handoff::give_back),
        make("/sessions/{id}/ask", To(P::AskControl), api::asks::ask),
        make("/sessions/{id}/ask/answer", To(P::AdoptSession), api::asks::answer),
        make("/sessions/{id}/handoff", To(P::SeeSession), api::handoff::look),
        make("/sessions/{id}/resume", To(P::StartSession), api::sessions::resume),
        make("/sessions/{id}/answer", To(P::TypeSession), api::needs::answer),
        read("/sessions/{id}/screen", To(P::ReadScreen), api::screen::show),
        make("/sessions/{id}/input", To(P::TypeSession), api::screen::input),
        make("/sessions/{id}/wait", To(P::ReadScreen), api::screen::wait),
        read("/events", To(P::SeeSession), api::events::stream),
        read("/audit", To(P::SeeAudit), api::audit::list),
        read("/audit/export", To(P::SeeAudit), api::audit::export),
        read("/audit/settings", To(P::SeeAudit), api::audit::settings),
        set("/audit/settings", To(P::ChangeOrganisation), api::audit::change_settings),
        read("/viewer", To(P::SeeSession), viewer_socket::open),
        read("/agent", To(P::ConnectMachine), agent_socket::open),
    ]
}

/// Everything else: what programs ask about the server, and the page, which reads the rest of its addresses itself.
pub fn site() -> Vec<Route> {
    let page = |path| open(path, assets::index);
    vec![
        open("/healthz", api::health),
        open("/readyz", api::ready),
        open("/api/openapi.json", openapi::document),
        open("/api/docs", openapi::readable),
        open("/assets/{digest}/{*path}", assets::file),
        open("/favicon.ico", assets::icon),
        open("/sw.js", assets::service_worker),
        open("/install.sh", install::shell),
        open("/agent", install::shell),
        open("/agent/install.ps1", install::powershell),
        open("/downloads/{name}", downloads::get),
        page("/"),
        page("/setup"),
        page("/sign-in"),
        page("/invitation"),
        page("/reset-password"),
        page("/sessions"),
        page("/sessions/{id}"),
        page("/machines"),
        page("/machines/{id}"),
        page("/more"),
        page("/help"),
        page("/help/{page}"),
        page("/settings"),
        page("/settings/{*page}"),
    ]
}
