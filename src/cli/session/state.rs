//! How a session is: asked of its PTY host, or read from what was written down when there is none.

use std::time::Duration;

use crate::host::client::{ConnectError, HostClient};
use crate::host::framed::FramedError;
use crate::host::runtime_dir::Facts;
use crate::wire::Frame;
use crate::wire::hello::Role;
use crate::wire::message::{SessionSays, from_json};
use crate::wire::session::{SessionInfo, SessionState};

/// Time a host has to say how its session is.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What is known of the session now.
pub(in crate::cli) async fn now(facts: &Facts) -> SessionInfo {
    let asked = async {
        let mut host = HostClient::connect(&facts.socket, Role::Viewer).await?;
        Ok::<_, ConnectError>(next_info(&mut host).await?)
    };
    let mut info = facts.info.clone();
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(Some(now))) => info = now,
        Ok(Err(ConnectError::Gone)) if info.state != SessionState::Exited => info.state = SessionState::Lost,
        _ => {}
    }
    info
}

/// The next that a host says of its session; nothing when it closes the connection.
pub(in crate::cli) async fn next_info(host: &mut HostClient) -> Result<Option<SessionInfo>, FramedError> {
    while let Some(frame) = host.next().await? {
        let Frame::Control(json) = frame else { continue };
        if let Ok(SessionSays::Info { info }) = from_json(&json) {
            return Ok(Some(info));
        }
    }
    Ok(None)
}
