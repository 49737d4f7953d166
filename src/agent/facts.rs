//! What machine this is.

use sysinfo::System;

use super::config::AgentConfig;
use crate::base::limits::NAME_BYTES_MAX;
use crate::wire::session::MachineFacts;

/// Says it to the server, right after hello.
pub(super) fn facts(config: &AgentConfig) -> MachineFacts {
    let hostname = System::host_name().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "unnamed".to_owned());
    let mut name = config.name.clone().unwrap_or_else(|| hostname.clone());
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    MachineFacts {
        name,
        hostname,
        os: std::env::consts::OS.to_owned(),
        os_version: System::long_os_version().unwrap_or_default(),
        arch: std::env::consts::ARCH.to_owned(),
        build: crate::wire::build::version().to_owned(),
        allow: config.allow.clone(),
        home: std::env::home_dir().map(|home| home.display().to_string()).unwrap_or_default(),
    }
}
