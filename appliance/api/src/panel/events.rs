//! The event socket: everything that happens on the box, as it happens.

use super::PanelDoor;
use super::access::Visitor;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use roombox_control::events::{Envelope, Missed};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;

/// Silence after which the listener is asked whether it is there.
const PING: Duration = Duration::from_secs(15);
/// A listener that takes longer for one message is gone.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ListenQuery {
    /// `seq` of the last event that was seen: what came after it is sent first.
    after: Option<u64>,
}

/// A WebSocket of events. First `{"type":"hello","seq":…}`; `{"type":"reset"}` means that events
/// were missed and everything should be fetched anew.
#[utoipa::path(get, path = "/events", tag = "events", params(ListenQuery),
    responses((status = 101, description = "event envelopes as JSON text", body = Envelope)))]
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

async fn event(socket: &mut WebSocket, event: &Arc<Envelope>) -> Option<()> {
    send(socket, Message::text(serde_json::to_string(&**event).ok()?)).await
}

/// `None`: the listener has gone.
async fn serve(door: PanelDoor, after: Option<u64>, mut socket: WebSocket) -> Option<()> {
    let (newest, missed, mut live) = door.events.listen(after);
    let hello = json!({ "type": "hello", "seq": newest }).to_string();
    send(&mut socket, Message::text(hello)).await?;
    let reset = || Message::text(json!({ "type": "reset" }).to_string());
    match missed {
        Missed::Reset => send(&mut socket, reset()).await?,
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
                Err(RecvError::Lagged(_)) => send(&mut socket, reset()).await?,
                Err(RecvError::Closed) => return None,
            },
            // What a listener says is of no interest, only that it is there.
            heard = socket.recv() => { heard?.ok()?; }
            () = tokio::time::sleep(PING) => send(&mut socket, Message::Ping("".into())).await?,
        }
    }
}
