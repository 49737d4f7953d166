//! The kinds of machine that there is a release file for, by the names that stand in file names and addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One kind of machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Linux on amd64, with a C library of its own from glibc 2.17 on.
    #[serde(rename = "linux-x86_64")]
    LinuxX86,
    /// Linux on amd64 whatever its C library: all of it is in the file.
    #[serde(rename = "linux-x86_64-static")]
    LinuxX86Static,
    /// Linux on arm64, from glibc 2.17 on.
    #[serde(rename = "linux-arm64")]
    LinuxArm,
    /// macOS on Intel, from 10.15 on.
    #[serde(rename = "macos-x86_64")]
    MacX86,
    /// macOS on Apple silicon, from 11 on.
    #[serde(rename = "macos-arm64")]
    MacArm,
    /// Windows on amd64, from 10 1809 on.
    #[serde(rename = "windows-x86_64")]
    WindowsX86,
}

/// A text that names no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no such target: write one of linux-x86_64, linux-x86_64-static, linux-arm64, macos-x86_64, macos-arm64, windows-x86_64"
)]
pub struct NoTarget;

impl Target {
    /// Every target.
    pub const ALL: [Self; 6] =
        [Self::LinuxX86, Self::LinuxX86Static, Self::LinuxArm, Self::MacX86, Self::MacArm, Self::WindowsX86];

    /// As it stands in file names and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinuxX86 => "linux-x86_64",
            Self::LinuxX86Static => "linux-x86_64-static",
            Self::LinuxArm => "linux-arm64",
            Self::MacX86 => "macos-x86_64",
            Self::MacArm => "macos-arm64",
            Self::WindowsX86 => "windows-x86_64",
        }
    }

    /// What this very program was built for; `None` where nobody makes release files for.
    pub fn own() -> Option<Self> {
        let is_static = cfg!(any(target_env = "musl", all(target_env = "gnu", target_feature = "crt-static")));
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") if is_static => Some(Self::LinuxX86Static),
            ("linux", "x86_64") => Some(Self::LinuxX86),
            ("linux", "aarch64") => Some(Self::LinuxArm),
            ("macos", "x86_64") => Some(Self::MacX86),
            ("macos", "aarch64") => Some(Self::MacArm),
            ("windows", "x86_64") => Some(Self::WindowsX86),
            _ => None,
        }
    }

    /// What its file names end with.
    pub fn suffix(self) -> &'static str {
        if self == Self::WindowsX86 { ".exe" } else { "" }
    }

    /// The name of its release file of `version`: `sessionforge-0.2.0-linux-x86_64`.
    pub fn file_name(self, version: &semver::Version) -> String {
        format!("sessionforge-{version}-{self}{}", self.suffix())
    }

    /// Reads such a name.
    pub fn of_file_name(name: &str) -> Option<(semver::Version, Self)> {
        let rest = name.strip_prefix("sessionforge-")?;
        // A version may hold hyphens itself (`0.2.0-rc.1`), so the target is found from the end.
        Self::ALL.into_iter().find_map(|target| {
            let version = rest.strip_suffix(target.suffix())?.strip_suffix(target.name())?.strip_suffix('-')?;
            Some((version.parse().ok()?, target))
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(name: &str) -> Result<Self, NoTarget> {
        Self::ALL.into_iter().find(|target| target.name() == name).ok_or(NoTarget)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_name_and_nothing_else_passes_for_one() {
        for target in Target::ALL {
            for version in ["0.2.0", "1.0.0-rc.1", "1.0.0-linux-arm64"] {
                let version: semver::Version = version.parse().unwrap();
                assert_eq!(Target::of_file_name(&target.file_name(&version)), Some((version, target)));
            }
            assert_eq!(target.name().parse(), Ok(target));
            assert_eq!(serde_json::to_value(target).unwrap(), target.name());
        }
        for name in [
            "sessionforge",
            "sessionforge-0.2.0",
            "sessionforge-x-linux-arm64",
            "sessionforge-0.2.0-linux-arm64.exe",
            "sessionforge-0.2.0-windows-x86_64",
            "sessionforge-0.2.0-linux-arm64.minisig",
            "../sessionforge-0.2.0-linux-arm64",
        ] {
            assert_eq!(Target::of_file_name(name), None, "{name}");
        }
        assert_eq!("linux".parse::<Target>(), Err(NoTarget));
    }
}
