//! The relay: who is connected, what runs where, and the way of every byte between viewers and agents.
//!
//! Memory only, rebuilt from the store and from what agents say when they connect. Nothing here assumes that an
//! organisation's viewers and agents are on this server alone beyond [`Relay`] itself.

mod answering;
mod bounds;
mod commands;
mod face;
mod fleet;
mod give_back;
mod handing;
mod line;
mod memory;
mod page;
mod saver;
mod session_hub;
mod uplink;

pub use face::Relay;
pub(in crate::server) use fleet::Sight;
pub(crate) use fleet::Tour;
pub use fleet::{Census, Organisation};
pub(in crate::server) use handing::By;
pub use line::Line;
pub use page::{Focus, Page};
pub use session_hub::{Arrival, Once, Pulled, Rights, SessionHub, Slot, Violation, heard_on};
pub use uplink::{Answer, Full, Uplink};
