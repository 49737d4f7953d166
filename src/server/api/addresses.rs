//! From which addresses an organisation lets people, programs and machines in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::answer::{ApiError, Body};
use super::super::auth::Caller;
use super::super::auth::client::ClientAddress;
use crate::base::allow_list::AllowList;
use crate::base::problem::Code;
use crate::store::StoreError;
use crate::store::audit::Action;

/// From where an organisation lets people in.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(in crate::server) struct Addresses {
    /// Addresses and networks; empty lets everybody in.
    allowed: Vec<String>,
    /// Where the caller is, as the server sees it.
    yours: IpAddr,
}

impl Addresses {
    fn of(allowed: &AllowList, ClientAddress(yours): ClientAddress) -> Json<Self> {
        Json(Self { allowed: allowed.entries().collect(), yours })
    }
}

/// `GET /organisation/addresses`
pub(in crate::server) async fn show(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
) -> Result<Json<Addresses>, ApiError> {
    let row = shared.store.organisation(caller.organisation).await?;
    let row = row.ok_or(StoreError::NotFound { what: "organisation" })?;
    Ok(Addresses::of(&row.allowed, from))
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(in crate::server) struct Allow {
    /// Addresses and networks like `203.0.113.7`, `10.0.0.0/8` or `2001:db8::/32`, at most 64; empty lets everybody in.
    allowed: Vec<String>,
    /// Do it even if the caller is not let in any more.
    #[serde(default)]
    lock_me_out: bool,
}

/// `PUT /organisation/addresses`: what is connected from elsewhere is closed at once.
pub(in crate::server) async fn change(
    caller: Caller,
    State(shared): State<Arc<Shared>>,
    from: ClientAddress,
    Body(Allow { allowed, lock_me_out }): Body<Allow>,
) -> Result<Json<Addresses>, ApiError> {
    let allowed = AllowList::parse(&allowed).map_err(|error| ApiError::new(Code::BadRequest, error))?;
    if !allowed.admits(from.0) && !lock_me_out {
        let message = format!(
            "you are at {}, which is not in this list: it would lock you out. Add your address, or send \"lock_me_out\": \
             true to do it all the same",
            from.0
        );
        return Err(ApiError::new(Code::Conflict, message));
    }
    let event = caller.event(Action::Setting, from).fact("setting", "allowed addresses").fact("to", &allowed);
    shared.store.noting(event).set_allow_list(caller.organisation, allowed.clone()).await?;
    shared.relay.only_from(caller.organisation, &allowed).await?;
    tracing::info!(user = %caller.user, organisation = %caller.organisation, %allowed, "allowed addresses changed");
    Ok(Addresses::of(&allowed, from))
}
