//! Speaking with the programs that a system's service manager is told by.

use std::io;
use std::process::{Command, Stdio};

use super::ServiceError;

/// Longest part of what a program said that is repeated to a person, in characters.
const SAID_CHARS_MAX: usize = 600;

/// What a program answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says it succeeded.
    pub success: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program of the system's to its end.
pub trait Run {
    /// What it answered; an error if it could not be run at all.
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Answer, ServiceError>;

    /// The same, where only success will do.
    fn must(&self, program: &'static str, arguments: &[&str]) -> Result<Answer, ServiceError> {
        let answer = self.run(program, arguments)?;
        if answer.success { Ok(answer) } else { Err(refused(program, arguments, &answer)) }
    }
}

/// The refusal of a program, in its own words.
pub(super) fn refused(program: &str, arguments: &[&str], answer: &Answer) -> ServiceError {
    let said = if answer.err.trim().is_empty() { answer.out.trim() } else { answer.err.trim() };
    // Both ask for a password where there is nobody to ask, which helps nobody.
    if ["authentication required", "Access denied", "Operation not permitted"].iter().any(|it| said.contains(it)) {
        return ServiceError::NeedsRoot;
    }
    let said: String = said.replace('\n', "; ").chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
    let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
    ServiceError::Refused { command: [&[program], arguments].concat().join(" "), said }
}

/// The system this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Run for System {
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Answer, ServiceError> {
        // English, since what is said is looked into.
        let ran = Command::new(program).args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).output();
        let output = ran.map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => ServiceError::NoManager(program),
            _ => ServiceError::Io { path: program.into(), cause },
        })?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { success: output.status.success(), out: text(output.stdout), err: text(output.stderr) })
    }
}

/// A system that is played: it answers by a script and remembers what it was told.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Played {
    /// What a command line that begins so is answered. The first that fits is used up, unless it is the last of its kind.
    pub(super) answers: std::cell::RefCell<Vec<(&'static str, Answer)>>,
    /// Every command line so far.
    pub(super) told: std::cell::RefCell<Vec<String>>,
}

#[cfg(test)]
impl Played {
    /// A further answer.
    pub(super) fn answering(self, begins: &'static str, success: bool, out: &str, err: &str) -> Self {
        self.answers.borrow_mut().push((begins, Answer { success, out: out.to_owned(), err: err.to_owned() }));
        self
    }

    /// What it was told since this was last asked.
    pub(super) fn told(&self) -> Vec<String> {
        self.told.take()
    }
}

#[cfg(test)]
impl Run for &Played {
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<Answer, ServiceError> {
        let line = [&[program], arguments].concat().join(" ");
        self.told.borrow_mut().push(line.clone());
        let mut answers = self.answers.borrow_mut();
        let Some(at) = answers.iter().position(|(begins, _)| line.starts_with(begins)) else {
            return Ok(Answer { success: true, ..Answer::default() });
        };
        let again = answers.iter().skip(at + 1).any(|(begins, _)| line.starts_with(begins));
        Ok(if again { answers.remove(at).1 } else { answers[at].1.clone() })
    }
}
