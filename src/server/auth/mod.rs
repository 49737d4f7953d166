//! Who asks: decided in one place, by extractors a handler cannot forget.

mod caller;
pub(super) mod client;
pub(super) mod cookie;
pub(super) mod origin;
mod password;
pub mod permissions;
mod rates;
mod throttle;
pub(super) mod totp;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub use caller::{Caller, Via};
pub(super) use caller::{gate, not_from};

use super::answer::ApiError;
use super::metrics::Counter;
use crate::base::secret::Secret;
use password::Passwords;
use throttle::{Subject, Throttle};

/// Passwords and the counters that guard them.
#[derive(Debug, Default)]
pub(crate) struct SignIn {
    passwords: Passwords,
    /// Passwords that fitted, and that did not.
    pub(super) fitted: Counter,
    pub(super) refused: Counter,
    throttle: Mutex<Throttle>,
    rates: Mutex<rates::Rates>,
}

impl SignIn {
    /// The hash to store of a new password.
    pub(super) async fn hash(&self, password: Secret) -> Result<String, ApiError> {
        self.passwords.hash(password).await
    }

    /// Whether `password` fits; refuses to look after too many tries on `account` or from `address`. Each counts until
    /// [`Self::succeeded`].
    pub(super) async fn verify(
        &self,
        account: &str,
        address: IpAddr,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, ApiError> {
        let subjects = [Subject::account(account), Subject::address(address)];
        let admitted = self.throttle().admit(Instant::now(), &subjects);
        admitted.map_err(|wait| {
            let seconds = wait.as_millis().div_ceil(1000);
            ApiError::later(wait, format!("too many attempts; try again in {seconds} s"))
        })?;
        let fits = self.passwords.verify(password, stored).await?;
        if fits { &self.fitted } else { &self.refused }.one();
        Ok(fits)
    }

    /// Everything that was asked for was right: what was counted for the account is forgotten. Not before a second factor
    /// was looked at, or its codes could be guessed without end by whoever has the password.
    pub(super) fn succeeded(&self, account: &str, address: IpAddr) {
        self.throttle().succeeded(&[Subject::account(account), Subject::address(address)]);
    }

    /// Counts a request of somebody who may come; refuses it when they have made too many.
    fn count(&self, caller: &Caller) -> Result<rates::Left, ApiError> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.admit(Instant::now(), caller).map_err(|wait| {
            ApiError::later(wait, "too many requests with this key or by this person; the headers say when to go on")
        })
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        // Counters stay usable whatever happened to the thread that held them.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
