//! The box at the owner's MQTT broker, and in Home Assistant.
//!
//! ```text
//! control's scene ─▶ discovery + state (pure: topics and payloads) ─▶ mirror (pure: what is new) ─┐
//!                                                                                                 ▼
//! control's obey  ◀─ command (pure) ◀──────────────────────────── link ◀──▶ broker (a trait) ◀──▶ wire
//! ```
//!
//! Nothing is kept for a broker that is away: when it comes back, it is told what is so then. This is the
//! only home of MQTT.

pub mod broker;
pub mod command;
pub mod discovery;
pub mod link;
mod mirror;
pub mod pace;
mod rumqtt;
pub mod state;
pub mod topics;

pub use broker::{Broker, BrokerError, Heard, Message, Wire};
pub use link::{Link, try_out};
pub use rumqtt::{Dial, Rumqtt, Stream};

/// What a broker may send as an order; for fuzzing.
pub fn fuzz_command(bytes: &[u8]) {
    let Some(topics) = topics::Topics::new("box_fuzz", "homeassistant") else { return };
    // A topic and a payload, as the first line end divides them.
    let cut = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (topic, payload) = (String::from_utf8_lossy(&bytes[..cut]), bytes.get(cut + 1..));
    let payload = payload.unwrap_or_default();
    if let Ok(order) = command::read(&topics, &topic, payload, false) {
        // What is understood is what we ourselves would have announced, and nothing else.
        assert_eq!(command::topic(&topics, &order), topic);
    }
    assert!(command::read(&topics, &topic, payload, true).is_err());
    let mut mirror = mirror::Mirror::default();
    mirror.heard(&topics, &topic, payload);
    mirror.heard(&topics, &topics.config(None), payload);
}

#[cfg(test)]
mod tests;
