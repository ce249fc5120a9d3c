//! The box in a fleet: what it tells its hub, and the NATS server that carries it.
//!
//! Beside it, [`mqtt`]: the box at its owner's broker, and in Home Assistant.
//!
//! SQLite is the truth and NATS is transport: nothing here is the only copy of anything, and the box
//! meets and records without it. This is the only home of NATS, with `roombox-hub` beside it, and of MQTT.

pub mod conf;
mod cut;
pub mod envelope;
mod identity;
pub mod link;
pub mod mqtt;
pub mod order;
pub mod outbox;
pub mod server;
pub mod subjects;
pub mod via;
pub mod watch;

pub use identity::Identity;
