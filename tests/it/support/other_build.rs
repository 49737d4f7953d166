//! Another build of the program: a copy of the file whose stamp has another version and another protocol minor.
//!
//! To every peer it is another build, one minor version apart, from a file of its own with other bytes. Its behaviour is
//! the same, which is what a minor version promises: it only adds. The alternative, compiling an older commit in a test,
//! would take minutes and need the network; frames and files of older builds are frozen as fixtures instead.

use std::path::Path;
use std::process::Command;

use super::world::PROGRAM;

/// The stamp as `src/wire/build.rs` writes it, and what takes its place: of the same length.
const STAMP: &str = concat!("sessionforge-build ", env!("CARGO_PKG_VERSION"), " protocol 1.0");

/// Version of the other build.
pub const OTHER_VERSION: &str = "0.1.9";

/// Puts a build at `path`, in one step: whoever starts it finds the old file or the new one. The `other` one, or ours.
pub fn install(path: &Path, other: bool) {
    let (from, to) = if other { (STAMP, other_stamp()) } else { (STAMP, STAMP.to_owned()) };
    assert_eq!(from.len(), to.len(), "nothing in the file moves");
    let next = path.with_extension("next");
    // By processes of their own: had this one the file open for writing, a test that forks meanwhile would hand the
    // descriptor to its child, and the system refuses to run a file that somebody may write to.
    let copied = Command::new("sh")
        .args(["-c", "sed \"s/$1/$2/\" \"$3\" > \"$4\" && chmod 755 \"$4\"", "copy", from, &to, PROGRAM])
        .arg(&next)
        .env("LC_ALL", "C")
        .status();
    assert!(copied.unwrap().success(), "{PROGRAM} can be copied");
    let said = Command::new(&next).arg("version").output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = if other { OTHER_VERSION } else { env!("CARGO_PKG_VERSION") };
    assert!(said.contains(version), "the copy says {said:?}: has {PROGRAM} its stamp {STAMP:?}?");
    std::fs::rename(next, path).unwrap();
}

fn other_stamp() -> String {
    format!("sessionforge-build {OTHER_VERSION} protocol 1.1")
}
