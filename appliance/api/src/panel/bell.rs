//! Tells everybody in a meeting that its polls, timer or files have changed.
//!
//! A message on the data channel without any content, of the topic [`TOPIC`]: whoever cares asks for
//! `/meeting`. Many changes in one second are one message more: votes come all at once.

use livekit_protocol as pb;
use prost::Message as _;
use roombox_control::conference::{Channel, Command, Conference, Recipients, RoomName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Topic of the messages.
pub(super) const TOPIC: &str = "roombox.meeting";
/// At most one a room in this time.
const APART: Duration = Duration::from_secs(1);

/// Rings in meetings.
pub(super) struct Bell {
    conference: Arc<dyn Conference>,
    /// Rooms in which it rang less than [`APART`] ago, and whether it has to again.
    rang: Mutex<HashMap<RoomName, bool>>,
}

impl Bell {
    pub(super) fn new(conference: Arc<dyn Conference>) -> Arc<Self> {
        Arc::new(Self { conference, rang: Mutex::default() })
    }

    /// Something has changed in this room.
    pub(super) fn ring(self: &Arc<Self>, room: &RoomName) {
        {
            let mut rang = self.rang.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(again) = rang.get_mut(room) {
                *again = true;
                return;
            }
            rang.insert(room.clone(), false);
        }
        self.send(room);
        let (me, room) = (self.clone(), room.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(APART).await;
                {
                    let mut rang = me.rang.lock().unwrap_or_else(PoisonError::into_inner);
                    match rang.get_mut(&room) {
                        Some(again) if *again => *again = false,
                        _ => {
                            rang.remove(&room);
                            return;
                        }
                    }
                }
                me.send(&room);
            }
        });
    }

    fn send(&self, room: &RoomName) {
        let user = pb::UserPacket { topic: Some(TOPIC.to_owned()), ..pb::UserPacket::default() };
        let value = Some(pb::data_packet::Value::User(user));
        let message = pb::DataPacket { value, ..pb::DataPacket::default() }.encode_to_vec();
        let send = Command::SendData {
            room: room.clone(),
            sender: None,
            channel: Channel::Reliable,
            message,
            to: Recipients::Everybody,
            sequence: 0,
        };
        if let Err(error) = self.conference.command(room, send) {
            tracing::warn!(%room, %error, "a meeting was not told of its polls and files");
        }
    }
}
