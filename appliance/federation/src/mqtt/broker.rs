//! A broker, as the link needs it: to be reached, told, listened to and left. Whose library that is, is
//! known in `rumqtt` alone.

use roombox_control::conference::Later;
use roombox_control::mqtt::{MqttCause, MqttRow, Refusal};

/// Something to publish, at least once (QoS 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    /// The broker keeps it for those who come later; an empty one takes what it kept away.
    pub retain: bool,
}

/// Something that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub topic: String,
    pub payload: Vec<u8>,
    /// The broker had kept it before we listened.
    pub retained: bool,
}

/// Why there is no connection, or none any more. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Certificate(String),
    #[error("the broker refuses the user or the password")]
    Credentials,
    #[error("the broker takes no connection from this box: see its log")]
    NotTaken,
    #[error("the broker's rules (ACL) do not let this box {0}")]
    Topics(String),
    #[error("this is no MQTT 3.1.1 broker, or it broke off: {0}")]
    Protocol(String),
}

impl BrokerError {
    /// Whether the broker was there, and somebody has to change something.
    pub fn refused(&self) -> bool {
        !matches!(self, Self::Unreachable(_) | Self::Protocol(_))
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        let cause = match &error {
            BrokerError::Unreachable(_) => MqttCause::Unreachable,
            BrokerError::Certificate(_) => MqttCause::Certificate,
            BrokerError::Credentials | BrokerError::NotTaken => MqttCause::Credentials,
            BrokerError::Topics(_) => MqttCause::Topics,
            BrokerError::Protocol(_) => MqttCause::Protocol,
        };
        Self { cause, text: error.to_string() }
    }
}

/// Who reaches brokers.
pub trait Broker: Send + Sync {
    /// Connects as `client`, with a clean session. `will` is published by the broker when the connection
    /// ends without [`Wire::close`].
    fn connect<'a>(
        &'a self,
        row: &'a MqttRow,
        client: String,
        will: Option<Message>,
    ) -> Later<'a, Result<Box<dyn Wire>, BrokerError>>;
}

/// A connection that stands.
pub trait Wire: Send {
    /// Sends; returns when it is on its way, which may wait for the broker.
    fn publish(&mut self, message: Message) -> Later<'_, Result<(), BrokerError>>;

    /// Listens; returns when the broker has agreed.
    fn subscribe(&mut self, filters: Vec<String>) -> Later<'_, Result<(), BrokerError>>;

    /// The next thing that comes. May be dropped and called again without losing anything.
    fn next(&mut self) -> Later<'_, Result<Heard, BrokerError>>;

    /// Leaves in order, once what was published has arrived: the will is forgotten.
    fn close(self: Box<Self>) -> Later<'static, ()>;
}
