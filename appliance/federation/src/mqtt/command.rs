//! Orders, as they come by topic and payload. Pure.

use super::topics::Topics;
use roombox_control::mqtt::Order;

/// Of a payload that means something.
const LONGEST: usize = 16;
/// What a button sends.
pub const PRESS: &str = "PRESS";
pub const ON: &str = "ON";
pub const OFF: &str = "OFF";

/// Why a message is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoOrder {
    /// The broker kept it: it would come after each reconnect.
    #[error("an order that the broker keeps would be given again and again: send it unretained")]
    Retained,
    #[error("there is nothing to order at this topic")]
    Topic,
    #[error("the payload is ON or OFF for a switch and PRESS for a button")]
    Payload,
}

/// Where an order is given.
pub fn topic(topics: &Topics, order: &Order) -> String {
    match order {
        Order::Record { room, .. } => topics.set_room(room, "record"),
        Order::Mute { room } => topics.set_room(room, "mute"),
        Order::Restart => topics.set_restart(),
    }
}

/// The order that a message is.
///
/// # Errors
/// It is none.
pub fn read(
    topics: &Topics,
    topic: &str,
    payload: &[u8],
    retained: bool,
) -> Result<Order, NoOrder> {
    if retained {
        return Err(NoOrder::Retained);
    }
    let payload = std::str::from_utf8(payload).ok().filter(|text| text.len() <= LONGEST);
    let payload = payload.ok_or(NoOrder::Payload)?;
    let pressed = || (payload == PRESS).then_some(()).ok_or(NoOrder::Payload);
    if topic == topics.set_restart() {
        return pressed().map(|()| Order::Restart);
    }
    let (room, what) = topics.room_of(topic).ok_or(NoOrder::Topic)?;
    let room = room.to_owned();
    match what {
        "record" => match payload {
            ON => Ok(Order::Record { room, on: true }),
            OFF => Ok(Order::Record { room, on: false }),
            _ => Err(NoOrder::Payload),
        },
        "mute" => pressed().map(|()| Order::Mute { room }),
        _ => Err(NoOrder::Topic),
    }
}
