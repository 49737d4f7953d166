//! A server that is asked to start itself again: by `server update`, from the file that is in its program's place then.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Whether it can, and whether it was asked.
#[derive(Debug, Default)]
pub struct Restart {
    /// Cancelled when it is asked; nothing as long as nobody waits for that.
    asked: Mutex<Option<CancellationToken>>,
    copy_to: Mutex<Option<PathBuf>>,
}

impl Restart {
    /// Whoever runs the server will start it again: the token is cancelled when that is asked for.
    pub fn enable(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        token
    }

    /// Where the state is to be copied once it is closed, if it was asked for.
    pub fn copy_to(&self) -> Option<PathBuf> {
        self.copy_to.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_possible(&self) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// `false` if it cannot.
    pub(super) fn ask(&self, copy_to: PathBuf) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = &*asked else { return false };
        *self.copy_to.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy_to);
        token.cancel();
        true
    }
}
