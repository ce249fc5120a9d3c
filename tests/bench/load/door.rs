//! The signalling of one load client: LiveKit's single-connection protocol over a WebSocket.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use livekit_protocol as pb;
use prost::Message as _;
use roombox_api::livekit::{Comer, join_token};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
use tungstenite::{Error, Message, WebSocket};

/// Key and secret of every `roomboxd --dev`.
pub const DEV: (&str, &str) = ("devkey", "secret");

/// A door that does not open in so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Door {
    websocket: WebSocket<TcpStream>,
}

impl Door {
    /// Knocks with everything the client wants: tracks and a first offer.
    pub fn knock(http: SocketAddr, room: &str, name: &str, join: &pb::JoinRequest) -> Result<Self> {
        let (token, _) = join_token(DEV, room, Comer { name, ..Comer::default() })
            .map_err(anyhow::Error::msg)
            .context("a token")?;
        let wrapped = pb::WrappedJoinRequest {
            join_request: join.encode_to_vec(),
            ..pb::WrappedJoinRequest::default()
        };
        let request = URL_SAFE.encode(wrapped.encode_to_vec());
        let url = format!("ws://{http}/rtc/v1?access_token={token}&join_request={request}");
        let stream = TcpStream::connect_timeout(&http, PATIENCE).context("the box's port")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (websocket, _) =
            tungstenite::client(url, stream).map_err(|e| anyhow::anyhow!("handshake: {e}"))?;
        websocket.get_ref().set_nonblocking(true)?;
        Ok(Self { websocket })
    }

    pub fn send(&mut self, message: pb::signal_request::Message) -> Result<()> {
        let request = pb::SignalRequest { message: Some(message) };
        self.websocket.send(Message::binary(request.encode_to_vec()))?;
        Ok(())
    }

    /// The next message, if one is there.
    pub fn read(&mut self) -> Result<Option<pb::signal_response::Message>> {
        loop {
            match self.websocket.read() {
                Ok(Message::Binary(bytes)) => {
                    let response = pb::SignalResponse::decode(&*bytes)?;
                    if response.message.is_some() {
                        return Ok(response.message);
                    }
                }
                Ok(Message::Close(frame)) => bail!("the box closed the door: {frame:?}"),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.websocket.get_ref().as_fd()
    }
}
