//! A person's own service manager: a real `systemd --user`, started for one test and seen by nobody else.

use std::process::Command;

use super::process::Process;
use super::wait::poll;
use super::world::Place;

/// Where the one of this place listens, as `XDG_RUNTIME_DIR` says to a person's programs.
const RUNTIME_DIR: &str = "xdg";

/// It refuses to start on a machine that systemd has not booted, and looks for that in `/run`: this one sees a `/run` of
/// its own. A control group of its own keeps it from another test's units of the same names.
const START: &str = r#"
set -e
group=/sys/fs/cgroup; [ -d $group/systemd ] && group=$group/systemd
if mkdir "$group/$1" 2>/dev/null; then echo $$ > "$group/$1/cgroup.procs" || true; fi
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec "$2" --user --log-target=console --log-level=notice
"#;

/// The manager. Dropping it ends it; what it has started ends with its place.
pub struct UserSystemd {
    _process: Process,
}

impl UserSystemd {
    /// Starts one in this place, or says loudly why there is none.
    ///
    /// It takes root, which may give a process a `/run` of its own. Where that cannot be had, what is left of proof is the unit
    /// tests of `service::systemd`, against a `systemctl` that is played.
    pub async fn start(place: &Place) -> Option<Self> {
        let program = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
            .into_iter()
            .find(|it| std::path::Path::new(it).exists());
        if program.is_none() || !rustix::process::geteuid().is_root() {
            let required = std::env::var_os("SESSIONFORGE_REQUIRE_SYSTEMD").is_some();
            assert!(!required, "SESSIONFORGE_REQUIRE_SYSTEMD is set, but there is no systemd, or no root to start it");
            eprintln!("SKIPPED: no systemd --user can be started here");
            return None;
        }
        let runtime = place.path(RUNTIME_DIR);
        std::fs::create_dir(&runtime).unwrap();
        std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mut command = Command::new("unshare");
        let group = format!("{}-{}", place.path("").file_name().unwrap().to_str().unwrap(), std::process::id());
        command
            .args(["--mount", "sh", "-c", START, "sh", &group, program.expect("just found")])
            .env_clear()
            .env("HOME", place.path("home"))
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("XDG_RUNTIME_DIR", &runtime);
        let process = Process::start("systemd --user", command);
        poll("systemd --user listens", async || runtime.join("systemd/private").exists().then_some(())).await;
        Some(Self { _process: process })
    }
}

/// The program with arguments, as a person types it who has this place's service manager.
pub fn command(place: &Place, arguments: &[&str]) -> Command {
    with(place, place.command(arguments))
}

/// The command as that person types it.
pub fn with(place: &Place, mut command: Command) -> Command {
    command.env("XDG_RUNTIME_DIR", place.path(RUNTIME_DIR));
    command
}
