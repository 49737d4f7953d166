//! The first words on an uplink: hello both ways, who this machine is, and the id the server knows it by.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::config::AgentConfig;
use super::connect::Socket;
use super::credentials;
use super::error::UplinkError;
use super::facts::facts;
use crate::base::id::MachineId;
use crate::base::limits::HELLO_WITHIN;
use crate::wire::Frame;
use crate::wire::hello::{Hello, Role};
use crate::wire::message::{self, FromAgent, ToAgent};

/// Who the server says this machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id there.
    pub machine: MachineId,
    /// Name of the organisation it belongs to.
    pub organisation: String,
    /// Version of the server.
    pub server_build: String,
}

/// Greets, registers, and remembers the machine's id.
pub(super) async fn register(socket: &mut Socket, config: &AgentConfig) -> Result<Registered, UplinkError> {
    tokio::time::timeout(HELLO_WITHIN, exchange(socket, config)).await.map_err(|_| UplinkError::NoAnswer)?
}

async fn exchange(socket: &mut Socket, config: &AgentConfig) -> Result<Registered, UplinkError> {
    let machine = credentials::machine(&config.data_dir, &config.identity)?;
    let register = FromAgent::Register { machine, facts: facts(config) };
    socket.feed(Message::Binary(Hello::of(Role::Agent).to_frame().encode())).await?;
    socket.send(Message::Binary(message::to_frame(&register).encode())).await?;

    let server_build = Hello::expect(&next_frame(socket).await?)?.build;
    loop {
        let Frame::Control(json) = next_frame(socket).await? else { continue };
        if let ToAgent::Registered { machine, organisation } = message::from_json(&json)? {
            credentials::remember_machine(&config.data_dir, &config.identity, machine)?;
            return Ok(Registered { machine, organisation, server_build });
        }
    }
}

async fn next_frame(socket: &mut Socket) -> Result<Frame, UplinkError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(frame))) => return Ok(Frame::decode(frame)?),
            Some(Ok(Message::Close(close))) => {
                let (code, reason) =
                    close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.as_str().to_owned()));
                return Err(UplinkError::closed(code, &reason));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(UplinkError::closed(1006, "without a word")),
        }
    }
}
