//! Shell completions and man pages, made from the one definition of all commands.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Args;
use super::failure::Failure;

/// See [`complete`].
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_HELP)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  sessionforge completions bash > ~/.local/share/bash-completion/completions/sessionforge
  sessionforge completions zsh > ~/.zfunc/_sessionforge      with ~/.zfunc in fpath, before compinit
  sessionforge completions fish > ~/.config/fish/completions/sessionforge.fish
  sessionforge completions powershell >> $PROFILE";

/// See [`man`].
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_HELP)]
pub(super) struct Man {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

const MAN_HELP: &str = "\
Examples:
  sessionforge man | man -l -
  sessionforge man --directory ~/.local/share/man/man1";

/// Prints a shell's completions.
pub(super) fn complete(args: &Completions) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "sessionforge", &mut text);
    print(&text)
}

/// Prints the page of the program, or writes those of all its commands.
pub(super) fn man(args: Man) -> Result<(), Failure> {
    let command = Args::command();
    if let Some(directory) = args.directory {
        std::fs::create_dir_all(&directory)
            .and_then(|()| clap_mangen::generate_to(command, &directory))
            .with_context(|| format!("the man pages cannot be written to {}", directory.display()))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("the man page cannot be made")?;
    print(&page)
}

/// As it is: it is no text for a terminal.
fn print(text: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().write_all(text) {
        // Who has read enough is content.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome.context("it cannot be written")?),
    }
}
