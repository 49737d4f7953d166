//! Words every layer uses: identifiers, offsets, bounds, secrets and problems. Imports nothing of ours.

pub mod allow_list;
pub mod api_key;
pub mod authority;
pub mod clock;
pub mod gap;
pub mod id;
pub mod limits;
pub mod offset;
pub mod percent;
pub mod private;
pub mod problem;
pub mod secret;
pub mod sid;
pub mod trust;
