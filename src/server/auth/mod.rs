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
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use caller::{Caller, Via};
pub(super) use caller::{gate, not_from};

use super::answer::ApiError;
use super::metrics::Counter;
use super::relay::Relay;
use crate::base::clock::{millis, unix_millis};
use crate::base::secret::Secret;
use crate::store::{AttemptsRow, Note, StoreError};
use password::Passwords;
use throttle::{FORGOTTEN_AFTER, REMEMBERED_MAX, Subject, Throttle};

/// Passwords and the counters that guard them.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// Keeps the counters over a restart.
    relay: Arc<Relay>,
    passwords: Passwords,
    /// Passwords that fitted, and that did not.
    pub(super) fitted: Counter,
    pub(super) refused: Counter,
    throttle: Mutex<Throttle>,
    rates: Mutex<rates::Rates>,
}

impl SignIn {
    /// With what was counted before the server's last end.
    pub(super) async fn load(relay: Arc<Relay>) -> Result<Self, StoreError> {
        let (now, today) = (Instant::now(), unix_millis());
        let since = today.saturating_sub(millis(FORGOTTEN_AFTER));
        let mut throttle = Throttle::default();
        for (subject, row) in relay.store().take_attempts(since, REMEMBERED_MAX).await? {
            if let Ok(subject) = subject.parse() {
                throttle.remember(now, subject, row.count, Duration::from_millis(today.saturating_sub(row.last)));
            }
        }
        let (throttle, rates) = (Mutex::new(throttle), Mutex::default());
        let (passwords, fitted, refused) = Default::default();
        Ok(Self { relay, passwords, fitted, refused, throttle, rates })
    }

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
        let forgotten = admitted.map_err(|wait| {
            let seconds = wait.as_millis().div_ceil(1000);
            ApiError::later(wait, format!("too many attempts; try again in {seconds} s"))
        })?;
        let [account, address] = &subjects;
        // What somebody typed as the name of no account may be a password: it is not written down.
        let known = stored.is_some().then_some(account);
        self.keep(forgotten.iter().chain(known).chain([address]));
        let fits = self.passwords.verify(password, stored).await?;
        if fits { &self.fitted } else { &self.refused }.one();
        Ok(fits)
    }

    /// Everything that was asked for was right: what was counted for the account is forgotten. Not before a second factor
    /// was looked at, or its codes could be guessed without end by whoever has the password.
    pub(super) fn succeeded(&self, account: &str, address: IpAddr) {
        let subjects = [Subject::account(account), Subject::address(address)];
        self.throttle().succeeded(&subjects);
        self.keep(subjects.iter());
    }

    /// Has what is counted for `subjects` now written down, soon.
    fn keep<'s>(&self, subjects: impl Iterator<Item = &'s Subject>) {
        let (throttle, last) = (self.throttle(), unix_millis());
        for subject in subjects {
            let row = throttle.count(subject).filter(|count| *count > 0).map(|count| AttemptsRow { count, last });
            self.relay.note(Note::Attempts(subject.to_string(), row));
        }
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
