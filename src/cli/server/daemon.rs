//! `--daemon`: the server goes on in the background, and whoever started it learns first whether it could.
//!
//! The process that was started waits for word from the one in the background: what to print, or why it failed, with the
//! right exit code. So nothing is detached that does not listen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use daemonize::{Daemonize, Outcome};
use serde::{Deserialize, Serialize};

use crate::cli::failure::{Exit, Failure};
use crate::cli::output::Output;

/// The first word from the background: at most what a start prints.
const WORD_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It listens; what it has to say.
    Ready(String),
    /// It does not.
    Failed { sentence: String, hint: Option<String>, exit: u8 },
}

/// Which of the two processes this is.
pub(super) enum Side {
    /// The one that was started: all is said and done.
    Started,
    /// The one in the background.
    Background(Teller),
}

/// The way to the process that was started.
pub(super) struct Teller(File);

/// Forks. Nothing that has threads may have been started.
pub(super) fn detach(pid_file: &Path, working_directory: &Path, output: &mut Output) -> Result<Side, Failure> {
    let (reading, writing) = rustix::pipe::pipe().context("no pipe to the background")?;
    // The mask is ours to choose: what the server writes is its owner's alone.
    let daemon = Daemonize::new().pid_file(pid_file).working_directory(working_directory).umask(0o077);
    match daemon.execute() {
        Outcome::Parent(Err(error)) => {
            Err(Failure::new(Exit::Failed, format_args!("cannot go to the background: {error}"))
                .hint("without --daemon it runs in the foreground, under whatever starts programs here"))
        }
        Outcome::Parent(Ok(_)) => {
            drop(writing);
            heard(File::from(reading), output).map(|()| Side::Started)
        }
        Outcome::Child(done) => {
            drop(reading);
            let teller = Teller(File::from(writing));
            match done {
                Ok(_) => Ok(Side::Background(teller)),
                Err(error) => {
                    let failure = Failure::new(
                        Exit::InUse,
                        format_args!("the process id cannot be written to {} ({error})", pid_file.display()),
                    );
                    teller.failed(&failure.hint("a server may run there already; choose another with --pid-file"));
                    std::process::exit(Exit::InUse as i32)
                }
            }
        }
    }
}

fn heard(reading: File, output: &mut Output) -> Result<(), Failure> {
    let mut word = Vec::new();
    reading.take(WORD_BYTES_MAX).read_to_end(&mut word).context("no word from the background")?;
    match serde_json::from_slice(&word) {
        Ok(Word::Ready(said)) => {
            output.line(said.trim_end());
            Ok(())
        }
        Ok(Word::Failed { sentence, hint, exit }) => {
            let exit = [Exit::Usage, Exit::Refused, Exit::InUse].into_iter().find(|known| *known as u8 == exit);
            let failure = Failure::new(exit.unwrap_or(Exit::Failed), sentence);
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        Err(_) => Err(Failure::new(Exit::Failed, "the server ended in the background before it listened")
            .hint("its log may say why; without --daemon it says it here")),
    }
}

impl Teller {
    /// It listens: lets the process that was started print this and end.
    pub(super) fn ready(self, said: String) {
        self.tell(&Word::Ready(said));
    }

    /// It could not start.
    pub(super) fn failed(self, failure: &Failure) {
        let Failure { sentence, hint, exit } = failure;
        self.tell(&Word::Failed { sentence: sentence.clone(), hint: hint.clone(), exit: *exit as u8 });
    }

    fn tell(mut self, word: &Word) {
        // Nobody may be there any more to hear it; the server goes on or ends all the same.
        let _ = serde_json::to_vec(word).map(|word| self.0.write_all(&word));
    }
}
