//! What machine this is.

use sysinfo::{CpuRefreshKind, Disk, DiskRefreshKind, Disks, System};

use super::config::AgentConfig;
use crate::base::limits::NAME_BYTES_MAX;
use crate::update::target::Target;
use crate::wire::session::{Hardware, MachineFacts};

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
        hardware: hardware(),
        terminal: config.tier.to_string(),
        target: Target::own().map(Target::name).unwrap_or_default().to_owned(),
        update_way: config.update_way,
    }
}

/// Read anew at each connection: cheap, and a disk fills.
fn hardware() -> Hardware {
    // A system that says nothing of itself is no reason to stay away.
    let Ok(mut system) = System::new() else { return Hardware::default() };
    system.refresh_memory();
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    let processor = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    let disk = disk_of_home();
    Hardware {
        processor,
        cpus: u16::try_from(system.cpus().len()).unwrap_or(u16::MAX),
        memory_bytes: system.total_memory(),
        disk_bytes: disk.as_ref().map_or(0, Disk::total_space),
        disk_free_bytes: disk.as_ref().map_or(0, Disk::available_space),
    }
}

/// The one mounted nearest above the home directory.
pub(super) fn disk_of_home() -> Option<Disk> {
    let home = std::env::home_dir().unwrap_or_default();
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok()?;
    let disks = Vec::from(disks).into_iter().filter(|disk: &Disk| home.starts_with(disk.mount_point()));
    disks.max_by_key(|disk| disk.mount_point().components().count())
}
