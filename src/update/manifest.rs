//! The list of release files that a server has, as its agents read it: `/downloads/manifest.json`.
//!
//! Whoever reads one must have checked its signature first ([`super::signature`]).

use semver::Version;
use serde::{Deserialize, Serialize};

use super::target::Target;

/// Release files that one manifest lists at most; a server leaves out the oldest.
pub const FILES_MAX: usize = 128;

/// A manifest with its signature's text, in bytes. 128 files take some 40 KiB.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024;

/// One release file, in bytes: a release build has some 20 MiB, one with everything that a debugger wants some 100.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Newest first, at most [`FILES_MAX`].
    pub files: Vec<ReleaseFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// Which version of the program it is.
    pub version: Version,
    /// What kind of machine it is for; of a kind that this build does not know, nothing can be chosen.
    pub target: String,
    /// Its name below `/downloads/`.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of it, in lower case hexadecimal.
    pub sha256: String,
}

/// Which versions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Channel {
    /// Finished versions.
    #[default]
    Stable,
    /// Those, and the ones before them, like 0.2.0-rc.1.
    Preview,
}

/// Which one is wanted.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The newest of a channel.
    Newest(Channel),
    /// This one.
    Exactly(Version),
}

impl Manifest {
    /// The file for `target`, if there is one.
    pub fn choose(&self, target: Target, wanted: &Wanted) -> Option<&ReleaseFile> {
        let fits = |file: &&ReleaseFile| {
            file.target == target.name()
                && match wanted {
                    Wanted::Newest(Channel::Stable) => file.version.pre.is_empty(),
                    Wanted::Newest(Channel::Preview) => true,
                    Wanted::Exactly(version) => file.version.cmp_precedence(version).is_eq(),
                }
        };
        self.files.iter().filter(fits).max_by(|a, b| a.version.cmp_precedence(&b.version))
    }

    /// The versions that there are for `target`, newest first.
    pub fn versions(&self, target: Target) -> Vec<&Version> {
        let mut versions: Vec<_> =
            self.files.iter().filter(|file| file.target == target.name()).map(|file| &file.version).collect();
        versions.sort_by(|a, b| b.cmp_precedence(a));
        versions
    }

    /// As `sha256sum -c` reads it.
    pub fn checksums(&self) -> String {
        self.files.iter().flat_map(|file| [&file.sha256, "  ", &file.name, "\n"]).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |version: &str, target: Target| {
            let version: Version = version.parse().unwrap();
            ReleaseFile {
                name: target.file_name(&version),
                version,
                target: target.name().to_owned(),
                size: 1,
                sha256: "0".repeat(64),
            }
        };
        let linux = ["0.1.9", "0.1.20", "0.2.0-rc.1"].map(|version| file(version, Target::LinuxX86));
        Manifest { files: linux.into_iter().chain([file("0.3.0", Target::LinuxArm)]).collect() }
    }

    #[test]
    fn the_newest_is_of_the_channel_and_of_the_machine() {
        let manifest = manifest();
        let choose = |target, wanted| manifest.choose(target, &wanted).map(|file| file.version.to_string());
        assert_eq!(choose(Target::LinuxX86, Wanted::Newest(Channel::Stable)).as_deref(), Some("0.1.20"));
        assert_eq!(choose(Target::LinuxX86, Wanted::Newest(Channel::Preview)).as_deref(), Some("0.2.0-rc.1"));
        let exactly = |version: &str| Wanted::Exactly(version.parse().unwrap());
        assert_eq!(choose(Target::LinuxX86, exactly("0.1.9")).as_deref(), Some("0.1.9"));
        assert_eq!(choose(Target::LinuxX86, exactly("0.3.0")), None);
        assert_eq!(choose(Target::MacArm, Wanted::Newest(Channel::Preview)), None);
        assert_eq!(manifest.versions(Target::LinuxX86).len(), 3);
    }

    #[test]
    fn a_target_of_a_later_build_does_not_hide_the_others() {
        let mut json = serde_json::to_value(manifest()).unwrap();
        json["files"][0]["target"] = "plan9-riscv".into();
        let manifest: Manifest = serde_json::from_value(json).unwrap();
        assert_eq!(manifest.versions(Target::LinuxX86).len(), 2);
    }
}
