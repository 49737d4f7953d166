//! Why the store could not be opened, and why it could not do what was asked.

use std::path::PathBuf;

use crate::base::problem::{Code, Problem};

/// Why a data directory cannot be used. In each case nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error("a server already uses this data directory: {}; stop it or give another one with --data-dir", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The file is not a database, or is damaged.
    #[error("the database {} is damaged ({detail}); restore it from a backup, or move it away to begin anew", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the database engine found.
        detail: String,
    },
    /// A newer build wrote it.
    #[error(
        "the database {} was written by a newer SessionForge (schema {found}, this build knows up to {known}); update this program",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Schema version in the file.
        found: u32,
        /// Newest schema version of this build.
        known: u32,
    },
    /// The file to restore from is no whole backup.
    #[error("{} is no backup that can be put back ({detail})", path.display())]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The system refuses access.
    #[error("{} cannot be used: {detail}", path.display())]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
}

/// Why the store did not do what was asked. Unless it is [`StoreError::Failed`], nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such row, or one of another organisation.
    #[error("there is no such {what}")]
    NotFound {
        /// `machine`, `session`, …
        what: &'static str,
    },
    /// A machine id that belongs to another organisation, or to another member of it.
    #[error("this machine id belongs to somebody else; remove the agent's saved machine id to register anew")]
    ForeignMachine,
    /// A session id that is known under another machine.
    #[error("this session id belongs to another machine")]
    ForeignSession,
    /// A link that was used, has expired, or never was.
    #[error("this link was used before or has expired; ask for a new one")]
    LinkInvalid,
    /// The first account exists already.
    #[error("this server is set up already; sign in instead")]
    SetUpAlready,
    /// Somebody has this e-mail address.
    #[error("this e-mail address has an account already")]
    EmailTaken,
    /// Without them nobody could act for the organisation.
    #[error("an organisation needs an owner: hand it over to somebody first")]
    LastOwner,
    /// They belong to the organisation already.
    #[error("you belong to this organisation already")]
    MemberAlready,
    /// The invitation names another address.
    #[error("this invitation is for another e-mail address; ask for one to yours")]
    InvitedOther,
    /// One second factor at a time.
    #[error("a second factor is set up already; remove it first")]
    SecondFactorAlready,
    /// It was asked for before under the same `Idempotency-Key`, and made.
    #[error(
        "a request with this Idempotency-Key made the {what} {id} already, and its secret is in that answer alone; if it never \
         reached you, revoke {id} and ask again with another Idempotency-Key"
    )]
    MadeAlready {
        /// `API key`, `invitation`.
        what: &'static str,
        /// Which it is.
        id: String,
    },
    /// A link was asked for before under the same `Idempotency-Key`, and made.
    #[error(
        "a request with this Idempotency-Key made a link already, and it is in that answer alone; if it never reached you, ask \
         again with another Idempotency-Key: the first is void as soon as either is used, and after a day"
    )]
    LinkAlready,
    /// A bound was reached.
    #[error("there are {max} {what} already, the limit; remove some first")]
    TooMany {
        /// `machines`, `API keys`, …
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// The disk or the database engine failed; the text is for the log.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NotFound { .. } => Code::NotFound,
            StoreError::ForeignMachine | StoreError::InvitedOther => Code::NotAllowed,
            StoreError::ForeignSession
            | StoreError::SetUpAlready
            | StoreError::EmailTaken
            | StoreError::LastOwner
            | StoreError::MemberAlready
            | StoreError::MadeAlready { .. }
            | StoreError::LinkAlready
            | StoreError::SecondFactorAlready => Code::Conflict,
            StoreError::LinkInvalid => Code::LinkInvalid,
            StoreError::TooMany { .. } => Code::TooMany,
            StoreError::Failed(cause) => {
                tracing::error!(%cause, "the database failed");
                return Self::new(
                    Code::Internal,
                    "the server's database does not take this right now, for example because its disk is full; the \
                     server's log has the cause",
                );
            }
        };
        Self::new(code, error)
    }
}
