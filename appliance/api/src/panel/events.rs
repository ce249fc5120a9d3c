//! The event socket: everything that happens on the box, as it happens.

use super::PanelDoor;
use super::access::Visitor;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use roombox_control::events::{Envelope, Missed};
use serde::{Deserialize, Serialize};
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
    _: Visitor,
    Query(query): Query<ListenQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(4096).on_upgrade(move |socket| async move {
        if serve(door, query.after, socket).await.is_none() {
            tracing::debug!("an event listener has gone");
        }
    })
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
async fn serve(door: PanelDoor, after: Option<u64>, mut socket: WebSocket) -> Option<()> {
    let (newest, missed, mut live) = door.events.listen(after);
    greet(&mut socket, Greeting::Hello { seq: newest }).await?;
    match missed {
        Missed::Reset => greet(&mut socket, Greeting::Reset).await?,
        Missed::Events(missed) => {
            for one in &missed {
                event(&mut socket, one).await?;
            }
        }
    }
    loop {
        tokio::select! {
            next = live.recv() => match next {
                Ok(one) => event(&mut socket, &one).await?,
                Err(RecvError::Lagged(_)) => greet(&mut socket, Greeting::Reset).await?,
                Err(RecvError::Closed) => return None,
            },
            // What a listener says is of no interest, only that it is there.
            heard = socket.recv() => { heard?.ok()?; }
            () = tokio::time::sleep(PING) => send(&mut socket, Message::Ping("".into())).await?,
        }
    }
}
