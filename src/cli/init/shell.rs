//! What each shell is told: where it reads it, and in its own words.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::block::{BEGIN, END};
use crate::cli::paths::shell_word;

/// A shell that `init` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shell {
    /// Bourne again.
    Bash,
    /// Z.
    Zsh,
    /// Friendly interactive.
    Fish,
}

/// How the two programs are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) sessionforge: String,
    pub(super) claude: String,
}

impl Shell {
    /// By the program's path, as SHELL has it.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        match path.rsplit('/').next()? {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    /// The file that interactive shells read. `variable` looks into the environment.
    pub(super) fn start_file(self, home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
        let directory = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        match self {
            // The terminals of macOS start login shells, which read that one.
            Self::Bash if cfg!(target_os = "macos") => home.join(".bash_profile"),
            Self::Bash => home.join(".bashrc"),
            Self::Zsh => directory("ZDOTDIR").unwrap_or_else(|| home.to_owned()).join(".zshrc"),
            Self::Fish => directory("XDG_CONFIG_HOME")
                .unwrap_or_else(|| home.join(".config"))
                .join("fish/conf.d/sessionforge.fish"),
        }
    }

    /// What is put into the start file, with its marks. Not for what runs inside of a session or of Claude Code, and not
    /// once this program is gone: `claude` must never be lost with it.
    pub(super) fn block(self, Words { sessionforge, claude }: &Words) -> String {
        let code = match self {
            Self::Bash | Self::Zsh => {
                let program = shell_word(sessionforge);
                let alias = shell_word(&format!("{program} run {}", shell_word(claude)));
                format!(
                    "if [ -z \"${{SESSIONFORGE_SESSION-}}${{CLAUDECODE-}}\" ] && command -v {program} >/dev/null 2>&1; \
                     then\n  alias claude={alias}\nfi\n"
                )
            }
            Self::Fish => {
                let (program, claude) = (fish_word(sessionforge), fish_word(claude));
                format!(
                    "if status is-interactive; and test -z \"$SESSIONFORGE_SESSION$CLAUDECODE\"; and command -q {program}\n  \
                     function claude --wraps claude --description 'Claude Code, in a session'\n    \
                     {program} run {claude} $argv\n  end\nend\n"
                )
            }
        };
        format!("{BEGIN}\n{code}{END}\n")
    }
}

/// A word that fish reads as it stands.
fn fish_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_known_by_its_program_and_its_file_by_the_environment() {
        assert_eq!(Shell::of_path("/usr/bin/zsh"), Some(Shell::Zsh));
        assert_eq!(Shell::of_path("/bin/dash"), None);
        let home = Path::new("/home/ada");
        let z = std::path::absolute("/z").unwrap_or_default(); // On Windows it has a drive.
        let zdotdir = |name: &str| (name == "ZDOTDIR").then(|| z.clone().into_os_string());
        assert_eq!(Shell::Zsh.start_file(home, zdotdir), z.join(".zshrc"));
        assert_eq!(Shell::Zsh.start_file(home, |_| None), Path::new("/home/ada/.zshrc"));
        let fish = Shell::Fish.start_file(home, |_| Some(OsString::from("relative")));
        assert_eq!(fish, Path::new("/home/ada/.config/fish/conf.d/sessionforge.fish"));
    }

    #[test]
    fn names_that_are_no_plain_words_are_quoted_twice_where_a_shell_reads_them_twice() {
        let words = Words { sessionforge: "/a b/it's".to_owned(), claude: "claude".to_owned() };
        let bash = Shell::Bash.block(&words);
        assert!(bash.contains(r"command -v '/a b/it'\''s' >"), "{bash}");
        assert!(bash.contains(r"alias claude=''\''/a b/it'\''\'\'''\''s'\'' run claude'"), "{bash}");
        let fish = Shell::Fish.block(&words);
        assert!(fish.contains(r"'/a b/it\'s' run claude $argv"), "{fish}");
    }
}
