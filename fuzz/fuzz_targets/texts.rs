//! Short texts that a person or a peer writes: API keys, ids, addresses of servers.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use sessionforge::agent::fuzzing;
use sessionforge::base::api_key;
use sessionforge::base::id::{KeyId, MachineId, OrganisationId, SessionId, UserId, ViewerId};
use sessionforge::server::PublicUrl;

fuzz_target!(|text: &str| {
    if api_key::is_well_formed(text) {
        assert!(text.len() == 40 && text.starts_with(api_key::PREFIX) && text.is_ascii());
    }
    is_itself::<SessionId>(text);
    is_itself::<MachineId>(text);
    is_itself::<OrganisationId>(text);
    is_itself::<UserId>(text);
    is_itself::<KeyId>(text);
    if let Ok(viewer) = text.parse::<ViewerId>() {
        assert_eq!(viewer.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(url) = text.parse::<PublicUrl>() {
        let origin = url.origin();
        assert_eq!(origin.parse::<PublicUrl>().map(|url| url.origin()), Ok(origin));
    }
    fuzzing::server_address(text);
});

fn is_itself<T: FromStr + Display>(text: &str)
where
    T::Err: Debug,
{
    if let Ok(id) = text.parse::<T>() {
        assert_eq!(id.to_string(), text);
    }
}
