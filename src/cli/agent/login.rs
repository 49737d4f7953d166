//! An agent that was installed for a person, as a service, before that person has logged in.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::credentials::Credentials;
use crate::cli::failure::{Exit, Failure};

/// Nothing tells us of the file, so it is looked for.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Waits until a server and a key are kept in the data directory; whether they are, or it is told to stop before.
pub(super) async fn wait(data_dir: &Path, every: Duration, stop: &CancellationToken) -> Result<bool, Failure> {
    let mut said = false;
    loop {
        if Credentials::read(data_dir).map_err(|error| Failure::new(Exit::Failed, error))?.is_some() {
            return Ok(true);
        }
        if !std::mem::replace(&mut said, true) {
            tracing::info!("nobody has logged this machine in yet: `sessionforge auth login` does, and connects it");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(every) => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    #[tokio::test]
    async fn an_agent_of_a_service_waits_for_the_login_and_no_longer_than_it_is_held() {
        let every = Duration::from_millis(1);
        let place = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let mut waiting = std::pin::pin!(wait(place.path(), every, &stop));
        assert!(futures_util::poll!(&mut waiting).is_pending(), "there is none yet");
        let login = Credentials::new("https://sf.example.org".to_owned(), Secret::new("key"));
        login.write(place.path()).unwrap();
        assert!(waiting.await.is_ok_and(|there| there));

        let empty = tempfile::tempdir().unwrap();
        stop.cancel();
        assert!(wait(empty.path(), every, &stop).await.is_ok_and(|there| !there));
    }
}
