//! An update that cannot be: each way in which a disk or a directory refuses it is one sentence, and the version before is there.

use std::path::Path;

use super::support::other_build::{OTHER_VERSION, install};
use super::support::process::{Ran, run};
use super::support::systemd::with;
use super::support::world::{Place, World};
use sessionforge::update::target::Target;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs `script` where the directory of the program is a filesystem of its own, with `$bin` and `$room` (how large both builds
/// are, in KiB) set. It takes root; without it there is nothing to see.
async fn on_a_disk_of_its_own(place: &Place, script: &str) -> Option<Ran> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount");
        return None;
    }
    let (bin, program) = (place.path("bin"), place.path("first"));
    install(&program, false);
    let kib = std::fs::metadata(&program).unwrap().len() / 1024;
    let script = format!("set -e; bin='{}'; first='{}'; one={kib}\n{script}", bin.display(), program.display());
    Some(run(with(place, place.command_of(Path::new("unshare"), &["--mount", "sh", "-c", &script]))).await)
}

/// The world's own machine is logged in, and its server has a newer version.
async fn logged_in() -> World {
    let mut world = World::start().await;
    let releases = world.place().path("server/releases");
    std::fs::create_dir_all(&releases).unwrap();
    let name = Target::own().expect("there are release files").file_name(&OTHER_VERSION.parse().unwrap());
    install(&releases.join(name), true);
    let (server, key) = (format!("http://{}", world.http.address), world.make_key("update").await);
    let data_dir = world.place().path("agent").display().to_string();
    let login = ["auth", "login", "--server", &server, "--key", &key, "--data-dir", &data_dir];
    let ran = run(world.place().command(&login)).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    world
}

fn update(world: &World) -> String {
    format!("\"$bin/sessionforge\" update --data-dir '{}'", world.place().path("agent").display())
}

/// What the script ended with: exit code of the update, version after it, and the names that are left.
fn left(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap_or_else(|| panic!("{ran:?}"))
}

const LOOK: &str =
    "; code=$?; echo \"$code $(\"$bin/sessionforge\" version | head -n1) $(ls \"$bin\" | tr '\\n' ' ')\"";

#[tokio::test]
async fn on_a_full_disk_the_version_before_stays_and_nothing_is_left() {
    let world = logged_in().await;
    // Room for one build and a half.
    let script = format!(
        "mount -t tmpfs -o size=$((one * 3 / 2))k tmpfs \"$bin\"; cp \"$first\" \"$bin/sessionforge\"; set +e; {}{LOOK}",
        update(&world)
    );
    let Some(ran) = on_a_disk_of_its_own(world.place(), &script).await else { return };
    assert!(ran.err.contains("cannot be written") && ran.err.contains("No space left"), "{ran:?}");
    assert!(ran.err.contains("make room"), "{ran:?}");
    assert_eq!(left(&ran).trim(), format!("1 sessionforge {VERSION} sessionforge"), "{ran:?}");
}

#[tokio::test]
async fn a_disk_that_is_full_only_at_the_second_copy_changes_nothing_either() {
    let world = logged_in().await;
    // Room for the download, and not for the copy beside the program.
    let script = format!(
        "mount -t tmpfs -o size=$((one * 5 / 2))k tmpfs \"$bin\"; cp \"$first\" \"$bin/sessionforge\"; set +e; {}{LOOK}",
        update(&world)
    );
    let Some(ran) = on_a_disk_of_its_own(world.place(), &script).await else { return };
    assert!(ran.err.contains("sessionforge.new cannot be written") && ran.err.contains("No space left"), "{ran:?}");
    assert_eq!(left(&ran).trim(), format!("1 sessionforge {VERSION} sessionforge"), "{ran:?}");
}

#[tokio::test]
async fn where_nothing_may_be_written_it_says_so_before_anything_is_downloaded() {
    let world = logged_in().await;
    let script = format!(
        "mount -t tmpfs tmpfs \"$bin\"; cp \"$first\" \"$bin/sessionforge\"; mount -o remount,ro \"$bin\"; set +e; {}{LOOK}",
        update(&world)
    );
    let Some(ran) = on_a_disk_of_its_own(world.place(), &script).await else { return };
    assert!(ran.err.contains("cannot be written") && ran.err.contains("Read-only"), "{ran:?}");
    assert_eq!(left(&ran).trim(), format!("1 sessionforge {VERSION} sessionforge"), "{ran:?}");
}

#[tokio::test]
async fn a_second_update_at_the_same_time_is_told_so() {
    let world = logged_in().await;
    let lock = sessionforge::agent::updating::lock(&world.place().path("agent")).unwrap();
    assert!(lock.is_some());
    let program = world.place().path("bin/sessionforge");
    install(&program, false);
    let data_dir = world.place().path("agent").display().to_string();
    let ran = run(world.place().command_of(&program, &["update", "--data-dir", &data_dir])).await;
    assert!(ran.code == 1 && ran.err.contains("another update of this machine is under way"), "{ran:?}");
    drop(lock);
    let ran = run(world.place().command_of(&program, &["update", "--data-dir", &data_dir])).await;
    assert!(ran.code == 0 && ran.out.contains("Updated"), "{ran:?}");
}
