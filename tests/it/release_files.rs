//! What `packaging/release` makes is what servers look for, and `packaging/inspect` lets nothing pass that breaks a promise.

use std::path::Path;
use std::process::{Command, Output};

use sessionforge::update::target::Target;

fn packaging(command: &str, arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Command::new(root.join("packaging").join(command)).args(arguments).current_dir(root).output().unwrap()
}

#[test]
fn the_files_of_a_release_are_the_ones_that_a_server_finds() {
    let output = packaging("release", &["--files"]);
    assert!(output.status.success(), "{output:?}");
    let version = env!("CARGO_PKG_VERSION").parse().unwrap();
    let found = Target::ALL.map(|target| target.file_name(&version));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), found);
    let unknown = packaging("release", &["plan9-riscv"]);
    assert_eq!(unknown.status.code(), Some(2));
    for target in Target::ALL {
        assert!(String::from_utf8_lossy(&unknown.stderr).contains(target.name()), "{unknown:?}");
    }
}

#[test]
fn a_program_that_only_newer_systems_load_is_no_release_file() {
    let dir = tempfile::tempdir().unwrap();
    // This machine's own `true`: nobody built it for an old glibc, and it is for one kind of machine only.
    for (name, complaint) in [
        ("sessionforge-0.1.0-linux-x86_64", "is to load on glibc 2.17"),
        ("sessionforge-0.1.0-linux-x86_64-static", "is not static"),
        ("sessionforge-0.1.0-linux-arm64", "is not for AArch64"),
        ("sessionforge-0.1.0-windows-x86_64.exe", "is no Windows program"),
        ("sessionforge-0.1.0-macos-arm64", "is no macOS program for arm64"),
        ("sessionforge", "names no kind of machine"),
    ] {
        let file = dir.path().join(name);
        std::fs::copy("/bin/true", &file).unwrap();
        let output = packaging("inspect", &[file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(complaint), "{name}: {said}");
    }
}

#[test]
fn a_file_of_more_than_20_mib_is_no_release_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sessionforge-0.1.0-linux-x86_64");
    std::fs::File::create(&file).unwrap().set_len(20 * 1024 * 1024 + 1).unwrap();
    let output = packaging("inspect", &[file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("has 20971521 bytes"), "{said}");
}
