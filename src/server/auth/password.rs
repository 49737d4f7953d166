//! Passwords: argon2id, a few at a time, and as slow for an account that does not exist.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::super::answer::ApiError;
use crate::base::id::fill_random;
use crate::base::problem::{Code, Problem};
use crate::base::secret::Secret;

/// Memory of one hash, in KiB: 19 MiB with two passes and one lane is the least that OWASP advises
/// (Password Storage Cheat Sheet), about 40 ms of one core.
const MEMORY_KIB: u32 = 19 * 1024;
/// See [`MEMORY_KIB`].
const PASSES: u32 = 2;
/// See [`MEMORY_KIB`].
const LANES: u32 = 1;

/// Salt of each hash, in bytes: 128 bits are never drawn twice.
const SALT_BYTES: usize = 16;

/// Hashes at the same time, so that sign-ins use at most 76 MiB and leave the processor to terminals.
const HASHES_AT_A_TIME: usize = 4;

/// Time a sign-in waits for its turn before it is told to come back.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// Length of a new password, in characters. NIST SP 800-63B asks for eight; what it opens is a shell.
pub(crate) const CHARS_MIN: usize = 10;
/// Bytes of any password: hashing must not be fed megabytes.
pub(crate) const BYTES_MAX: usize = 1024;

/// Verified against when an account has no password, so that the answer takes as long. It fits no password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Turns for hashing.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Semaphore::new(HASHES_AT_A_TIME) }
    }
}

impl Passwords {
    /// The hash to store of a new password, in PHC form; refuses one that is too short or too long.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String, ApiError> {
        if password.expose().chars().count() < CHARS_MIN || password.expose().len() > BYTES_MAX {
            let message = format!("choose a password of at least {CHARS_MIN} characters and at most {BYTES_MAX} bytes");
            return Err(ApiError::new(Code::BadRequest, message));
        }
        self.in_turn(move || {
            let argon2 = argon2().map_err(Problem::internal)?;
            let mut salt = [0u8; SALT_BYTES];
            fill_random(&mut salt);
            let hash: PasswordHash =
                argon2.hash_password_with_salt(password.expose().as_bytes(), &salt).map_err(Problem::internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one of `stored`. Takes as long when there is none stored.
    pub(crate) async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, ApiError> {
        let sensible = password.expose().len() <= BYTES_MAX;
        self.in_turn(move || {
            let known = stored.is_some() && sensible;
            let stored = stored.unwrap_or_else(|| NOBODY.to_owned());
            let stored = PasswordHash::new(&stored).map_err(Problem::internal)?;
            let tried = if sensible { password.expose().as_bytes() } else { b"" };
            let fits = argon2().map_err(Problem::internal)?.verify_password(tried, &stored).is_ok();
            Ok(fits && known)
        })
        .await
    }

    async fn in_turn<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Problem> + Send + 'static,
    {
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_WITHIN, self.turns.acquire()).await else {
            return Err(ApiError::later(TURN_WITHIN, "many people sign in right now; try again in a few seconds"));
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
        Ok(done?)
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::default();
        let stored = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(Secret::new("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("correct horsf"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("x".repeat(BYTES_MAX + 1)), Some(stored)).await.unwrap());
        assert!(!passwords.verify(Secret::new(""), None).await.unwrap());
    }

    #[tokio::test]
    async fn four_are_hashed_at_a_time_and_the_fifth_waits_for_its_turn() {
        let passwords = Passwords::default();
        let mut four: Vec<_> = (0..HASHES_AT_A_TIME).map(|_| passwords.turns.try_acquire().unwrap()).collect();
        let mut fifth = std::pin::pin!(passwords.hash(Secret::new("correct horse")));
        assert!(futures_util::poll!(&mut fifth).is_pending());
        let mut sixth = std::pin::pin!(passwords.verify(Secret::new("correct horse"), None));
        assert!(futures_util::poll!(&mut sixth).is_pending());
        drop(four.pop());
        fifth.await.unwrap();
        assert!(!sixth.await.unwrap(), "it has the turn of the fifth");
        assert_eq!((four.len(), passwords.turns.available_permits()), (HASHES_AT_A_TIME - 1, 1));
    }

    #[tokio::test]
    async fn too_short_and_too_long_are_refused() {
        for wrong in ["ninechars".to_owned(), "x".repeat(BYTES_MAX + 1)] {
            assert!(Passwords::default().hash(Secret::new(wrong)).await.is_err());
        }
    }

    #[test]
    fn the_hash_of_nobody_costs_what_a_real_one_costs() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(nobody.hash.unwrap().as_bytes().len(), 32);
    }
}
