//! The event socket: everything that happens on the box, as it happens.

use super::PanelDoor;
use super::access::{Credential, Visitor};
use crate::error::ApiError;
use crate::server::{Encrypted, Peer};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use roombox_control::clock::UnixMs;
use roombox_control::events::{Envelope, Missed};
use roombox_control::people::Asker;
use roombox_control::permissions::Action;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

/// Silence after which the listener is asked whether it is there.
const PING: Duration = Duration::from_secs(15);
/// A listener that takes longer for one message is gone.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListenQuery {
    /// `seq` of the last event that was seen: what came after it is sent first.
    after: Option<u64>,
}

/// What the socket says of itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Greeting {
    /// The first word: the newest event has this number.
    Hello { seq: u64 },
    /// Events were missed: fetch everything anew.
    Reset,
}

/// One message of the socket.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum EventMessage<'a> {
    Greeting(Greeting),
    Event(&'a Envelope),
}

/// A WebSocket of events, each an `EventMessage` as JSON text; the first is `hello`.
#[utoipa::path(get, path = "/events", tag = "events", params(ListenQuery),
    responses((status = 101, description = "event messages as JSON text", body = EventMessage)))]
pub(super) async fn listen(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Query(query): Query<ListenQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let listener = Listener { credential: Credential::of(&headers, encrypted)?, asker, from };
    Ok(upgrade.max_message_size(4096).on_upgrade(move |mut socket| async move {
        match serve(door, query.after, listener, &mut socket).await {
            Some(Ended) => {
                let reason = "the session has ended: sign in again".into();
                let close = CloseFrame { code: close_code::POLICY, reason };
                send(&mut socket, Message::Close(Some(close))).await.unwrap_or_default();
            }
            None => tracing::debug!("an event listener has gone"),
        }
    }))
}

/// The listener may listen no more.
struct Ended;

/// Who listens, and by what they are known.
struct Listener {
    credential: Credential,
    asker: Asker,
    from: IpAddr,
}

impl Listener {
    /// Asks anew who this is: they may be less than they were, or nobody.
    async fn look_again(&mut self, door: &PanelDoor) -> Result<(), Ended> {
        match self.credential.asker(door, self.from).await {
            Ok(asker) if asker.may(Action::See) => {
                self.asker = asker;
                Ok(())
            }
            // Also if the store is too busy to say: the listener comes back by itself.
            _ => Err(Ended),
        }
    }

    fn has_run_out(&self) -> bool {
        self.asker.until.is_some_and(|until| until <= UnixMs::now())
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(PATIENCE, socket.send(message)).await.ok()?.ok()
}

async fn say(socket: &mut WebSocket, message: EventMessage<'_>) -> Option<()> {
    send(socket, Message::text(serde_json::to_string(&message).ok()?)).await
}

async fn event(socket: &mut WebSocket, event: &Arc<Envelope>) -> Option<()> {
    say(socket, EventMessage::Event(event)).await
}

async fn greet(socket: &mut WebSocket, greeting: Greeting) -> Option<()> {
    say(socket, EventMessage::Greeting(greeting)).await
}

/// `None`: the listener has gone.
async fn serve(
    door: PanelDoor,
    after: Option<u64>,
    mut listener: Listener,
    socket: &mut WebSocket,
) -> Option<Ended> {
    let mut standing = door.standing.follow();
    let (newest, missed, mut live) = door.events.listen(after);
    greet(socket, Greeting::Hello { seq: newest }).await?;
    match missed {
        Missed::Reset => greet(socket, Greeting::Reset).await?,
        Missed::Events(missed) => {
            for one in missed.iter().filter(|one| listener.asker.may(one.what.needs())) {
                event(socket, one).await?;
            }
        }
    }
    loop {
        if listener.has_run_out() {
            return Some(Ended);
        }
        tokio::select! {
            // Before the event that tells of it, and before any that they may not hear any more.
            biased;
            _ = standing.changed() => {
                if let Err(ended) = listener.look_again(&door).await {
                    return Some(ended);
                }
            }
            next = live.recv() => match next {
                Ok(one) if listener.asker.may(one.what.needs()) => event(socket, &one).await?,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => greet(socket, Greeting::Reset).await?,
                Err(RecvError::Closed) => return None,
            },
            // What a listener says is of no interest, only that it is there.
            heard = socket.recv() => { heard?.ok()?; }
            () = tokio::time::sleep(PING) => send(socket, Message::Ping("".into())).await?,
        }
    }
}
