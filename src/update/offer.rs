//! Which of two versions is the newer one, and whose business the file is.

use std::path::Path;

use semver::Version;

/// How a version that could be had compares with the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is newer.
    Newer,
    /// It is the same.
    Same,
    /// It is older: going back is not done unasked.
    Older,
}

/// Compares version numbers as such (semver.org): `0.1.20` is newer than `0.1.9`, and than `0.1.20-rc.1`.
/// `None` if either is no version.
pub fn compare(running: &str, offered: &str) -> Option<Offer> {
    let (running, offered) = (Version::parse(running).ok()?, Version::parse(offered).ok()?);
    // Build metadata says nothing about which is newer.
    Some(match offered.cmp_precedence(&running) {
        std::cmp::Ordering::Greater => Offer::Newer,
        std::cmp::Ordering::Equal => Offer::Same,
        std::cmp::Ordering::Less => Offer::Older,
    })
}

/// The version in what `sessionforge version` prints.
pub fn version_said(out: &str) -> Option<&str> {
    let version = out.lines().next()?.strip_prefix("sessionforge ")?.split_whitespace().next()?;
    Version::parse(version).is_ok().then_some(version)
}

/// Who else keeps the file at `path` up to date: replaced behind its back, it would be put back or found damaged.
pub fn kept_by(path: &Path) -> Option<&'static str> {
    let below = |root: &str| path.starts_with(root);
    if below("/nix/store") {
        Some("Nix")
    } else if path.components().any(|part| part.as_os_str() == "Cellar") {
        Some("Homebrew")
    } else if below("/usr/bin") || below("/usr/lib") {
        Some("this system's package manager")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_not_text() {
        for (running, offered, expected) in [
            ("0.1.9", "0.1.20", Some(Offer::Newer)),
            ("0.1.20", "0.1.9", Some(Offer::Older)),
            ("0.2.0-rc.1", "0.2.0", Some(Offer::Newer)),
            ("0.2.0", "0.2.0+other", Some(Offer::Same)),
            ("0.2.0", "latest", None),
        ] {
            assert_eq!(compare(running, offered), expected, "{running} → {offered}");
        }
    }

    #[test]
    fn only_what_says_that_it_is_this_program_is_one() {
        assert_eq!(version_said("sessionforge 0.1.9\n"), Some("0.1.9"));
        for said in ["", "sessionforge\n", "sessionforge latest\n", "bash 5.2.15\n", "hello\nsessionforge 0.1.9\n"] {
            assert_eq!(version_said(said), None, "{said:?}");
        }
    }

    #[test]
    fn a_file_of_a_package_is_left_to_its_manager() {
        assert_eq!(kept_by(Path::new("/usr/local/bin/sessionforge")), None);
        assert_eq!(kept_by(Path::new("/home/ada/.local/bin/sessionforge")), None);
        assert!(kept_by(Path::new("/usr/bin/sessionforge")).is_some());
        assert_eq!(kept_by(Path::new("/opt/homebrew/Cellar/sessionforge/0.1.0/bin/sessionforge")), Some("Homebrew"));
        assert_eq!(kept_by(Path::new("/nix/store/x-sessionforge/bin/sessionforge")), Some("Nix"));
    }
}
