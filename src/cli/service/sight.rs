//! What `doctor` looks at: whether there is a service, of which data directory, and whether it does its work.

use std::path::{Path, PathBuf};

use super::place::Place;
use crate::service::Activity;

/// What there is.
pub(in crate::cli) enum Sight {
    /// None.
    None,
    /// One that runs an agent of another data directory.
    Other {
        /// That one.
        data_dir: PathBuf,
    },
    /// One of this data directory.
    Installed {
        /// Whether its agent has a process.
        runs: bool,
        /// Whether it runs while its person is not signed in; only of an own systemd unit.
        lingers: Option<bool>,
    },
    /// It cannot be told here.
    Unknown,
}

/// The service as far as it concerns `data_dir`.
pub(in crate::cli) fn look(data_dir: &Path) -> Sight {
    let Ok(place) = Place::installed(false) else { return Sight::Unknown };
    if !place.manager.is_installed() {
        return Sight::None;
    }
    if let Some(other) = place.data_dir().filter(|other| other != data_dir) {
        return Sight::Other { data_dir: other };
    }
    let Ok(state) = place.manager.state() else { return Sight::Unknown };
    let lingers = place.own_systemd.as_ref().map(crate::service::systemd::Systemd::lingers);
    Sight::Installed { runs: state.activity == Activity::Running, lingers }
}
