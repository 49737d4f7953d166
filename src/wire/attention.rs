//! What a session wants of a person, what a program says of its own state, and what a person answers.

use serde::{Deserialize, Serialize};

/// The text of a need, in bytes: enough for a command or the beginning of a plan, too little to carry a file.
pub const NEED_TEXT_BYTES_MAX: usize = 2 * 1024;

/// Name of a tool, a model or a branch, in bytes.
pub const WORD_BYTES_MAX: usize = 200;

/// Why a session needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A tool may not run without leave.
    Permission,
    /// A question with choices.
    Question,
    /// A plan waits for approval.
    Plan,
    /// The program could not go on.
    Error,
    /// The program called: a bell, or a notification of its own.
    #[default]
    #[serde(other)]
    Notice,
}

/// What a session wants of a person now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Need {
    /// Its number in the session, from 1. What an answer names.
    pub id: u64,
    /// Why.
    pub reason: Reason,
    /// The tool that asks, like `Bash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What it asks: a command, a file, a question, a plan's beginning. At most 2,048 bytes.
    #[serde(default)]
    pub text: String,
    /// Since when, in milliseconds since 1970 by the machine's clock.
    pub since: u64,
    /// Whether it can be answered from elsewhere than the terminal.
    #[serde(default)]
    pub answerable: bool,
    /// Whether "always" is among the answers.
    #[serde(default)]
    pub always: bool,
}

impl Need {
    /// For whoever is not to know what is asked: that it is, of which kind, and since when.
    #[must_use]
    pub fn kind(self) -> Self {
        Self { tool: None, text: String::new(), answerable: false, always: false, ..self }
    }
}

/// How the need before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Settled {
    /// Its number.
    pub id: u64,
    /// The token of the answer from elsewhere that ended it; none if it ended in the terminal, or by the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<u64>,
}

/// An answer to a need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// This once.
    Allow,
    /// This, and what is like it from now on, as the program itself proposes.
    AllowAlways,
    /// Not this.
    Deny {
        /// What the program is told about it.
        #[serde(default)]
        message: String,
    },
}

/// One of Claude Code's hooks fired. Only what the state of the session is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hook {
    /// Name of the event, as Claude Code has it.
    pub event: String,
    /// A subagent's, not the conversation's own.
    #[serde(default)]
    pub subagent: bool,
    /// Id of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The tool it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What the tool is to do, or why something failed; of a start, what kind of start.
    #[serde(default)]
    pub text: String,
    /// Digest of tool and input: the same in every event of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The model, where the event says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The branch that is checked out where Claude Code works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whoever tells waits for an answer.
    #[serde(default)]
    pub waits: bool,
    /// An answer may be "always".
    #[serde(default)]
    pub always: bool,
}
