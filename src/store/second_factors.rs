//! Second factors: what an authenticator app shares with us, and the codes for the day it is lost.

use super::schema::SECOND_FACTORS;
use super::{SecondFactorRow, Store, StoreError};
use crate::base::id::UserId;
use crate::base::secret::{Secret, SecretHash};

impl Store {
    /// A person's second factor, also one that is not confirmed yet.
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactorRow>, StoreError> {
        self.read(move |t| SECOND_FACTORS.get(t, &user.to_string())).await
    }

    /// Begins one: not asked for at sign-in before it is confirmed. One that is confirmed stays as it is.
    pub async fn begin_second_factor(&self, user: UserId, secret: Secret) -> Result<(), StoreError> {
        self.write(move |t| {
            if SECOND_FACTORS.get(t, &user.to_string())?.is_some_and(|row| row.confirmed_at.is_some()) {
                return Err(StoreError::SecondFactorAlready.into());
            }
            let row = SecondFactorRow { secret, confirmed_at: None, last_step: 0, recovery: Vec::new() };
            SECOND_FACTORS.put(t, &user.to_string(), &row)
        })
        .await
    }

    /// From now on it is asked for. `step` is that of the code the app has shown.
    pub async fn confirm_second_factor(
        &self,
        user: UserId,
        step: u64,
        recovery: Vec<SecretHash>,
        now: u64,
    ) -> Result<(), StoreError> {
        self.write(move |t| match SECOND_FACTORS.get(t, &user.to_string())? {
            Some(row) if row.confirmed_at.is_none() => {
                let row = SecondFactorRow { confirmed_at: Some(now), last_step: step, recovery, ..row };
                SECOND_FACTORS.put(t, &user.to_string(), &row)
            }
            Some(_) => Err(StoreError::SecondFactorAlready.into()),
            None => Err(StoreError::NotFound { what: "second factor" }.into()),
        })
        .await
    }

    /// Uses the code of a time step up. Whether it was still good: a code that was seen on the way is worth nothing.
    pub async fn use_code(&self, user: UserId, step: u64) -> Result<bool, StoreError> {
        self.write(move |t| match SECOND_FACTORS.get(t, &user.to_string())? {
            Some(row) if row.last_step < step => {
                SECOND_FACTORS.put(t, &user.to_string(), &SecondFactorRow { last_step: step, ..row })?;
                Ok(true)
            }
            _ => Ok(false),
        })
        .await
    }

    /// Uses a recovery code up. How many are left, if it was one.
    pub async fn use_recovery_code(&self, user: UserId, code: &Secret) -> Result<Option<usize>, StoreError> {
        let hash = code.hash();
        self.write(move |t| {
            let Some(mut row) = SECOND_FACTORS.get(t, &user.to_string())? else { return Ok(None) };
            let before = row.recovery.len();
            row.recovery.retain(|other| *other != hash);
            if row.recovery.len() == before {
                return Ok(None);
            }
            let left = row.recovery.len();
            SECOND_FACTORS.put(t, &user.to_string(), &row)?;
            Ok(Some(left))
        })
        .await
    }

    /// Signing in needs the password alone from now on.
    pub async fn remove_second_factor(&self, user: UserId) -> Result<(), StoreError> {
        self.write(move |t| SECOND_FACTORS.remove(t, &user.to_string())).await
    }
}
