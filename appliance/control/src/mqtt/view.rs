//! MQTT as the panel shows it.

use super::MqttSettings;
use crate::clock::UnixMs;
use serde::Serialize;
use utoipa::ToSchema;

/// How the way to the broker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MqttState {
    #[default]
    Off,
    /// Not there yet; the cause says why it takes long.
    Connecting,
    /// What the box publishes comes back.
    Connected,
    /// The broker is there and does not want the box: see the cause. It goes on trying.
    Refused,
}

/// Why the box is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MqttCause {
    /// Nothing answers there.
    Unreachable,
    /// The box does not trust its certificate.
    Certificate,
    /// User or password are wrong.
    Credentials,
    /// The broker lets this box log in, and not read or write its topics.
    Topics,
    /// What answers is no broker that speaks MQTT 3.1.1, or it broke off.
    Protocol,
}

/// The way to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct MqttLink {
    pub state: MqttState,
    pub since: UnixMs,
    #[schema(required)]
    pub cause: Option<MqttCause>,
    /// The cause in more words, in English.
    #[schema(required)]
    pub error: Option<String>,
}

/// What came of orders since the box started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct MqttOrders {
    pub obeyed: u64,
    /// Control is not allowed, or the box could not.
    pub refused: u64,
    /// Were no orders, or old ones that the broker had kept: left out.
    pub unreadable: u64,
}

/// The box at the owner's broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MqttView {
    pub settings: MqttSettings,
    /// There is a password; which, is told to nobody.
    pub has_password: bool,
    /// Everything that the box says of itself is below this topic.
    pub topic: String,
    pub link: MqttLink,
    pub orders: MqttOrders,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MqttTrial {
    pub works: bool,
    pub took_ms: u64,
    #[schema(required)]
    pub cause: Option<MqttCause>,
    /// The cause in more words, in English.
    #[schema(required)]
    pub error: Option<String>,
}
