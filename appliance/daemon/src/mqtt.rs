//! The way to the owner's MQTT broker: delivery dials, federation speaks.

use roombox_control::conference::Later;
use roombox_control::mqtt::{Caller, MqttRow, MqttTls, Refusal};
use roombox_delivery::{ReachError, Security, SecurityError, line};
use roombox_federation::mqtt::{BrokerError, Dial, Rumqtt, Stream, try_out};
use std::sync::Arc;

/// Dials with the trust that the owner chose.
#[derive(Debug)]
struct Lines;

/// Whom the owner trusts.
pub fn security(tls: &MqttTls) -> Result<Security, SecurityError> {
    match tls {
        MqttTls::Off => Ok(Security::plain()),
        MqttTls::System => Ok(Security::system()),
        MqttTls::Authority { pem } => Security::authority(pem),
        MqttTls::Pinned { fingerprint } => Security::pinned(fingerprint),
    }
}

/// Whether a handshake failed because of whom the broker is, and not of what it speaks.
fn of_certificate(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

impl Dial for Lines {
    fn dial<'a>(&'a self, row: &'a MqttRow) -> Later<'a, Result<Box<dyn Stream>, BrokerError>> {
        Box::pin(async move {
            let settings = &row.settings;
            let security = security(&settings.tls);
            let security = security.map_err(|error| BrokerError::Certificate(error.to_string()))?;
            match line(&settings.host, settings.port, &security).await {
                Ok(line) => Ok(Box::new(line) as Box<dyn Stream>),
                Err(error @ (ReachError::Connect { .. } | ReachError::Itself { .. })) => {
                    Err(BrokerError::Unreachable(error.to_string()))
                }
                Err(ReachError::Handshake { host, source }) if !of_certificate(&source) => {
                    Err(BrokerError::Protocol(format!("{host} does not speak TLS: {source}")))
                }
                Err(error) => Err(BrokerError::Certificate(error.to_string())),
            }
        })
    }
}

/// Brokers, as this box reaches them.
pub fn broker() -> Rumqtt {
    Rumqtt { dial: Arc::new(Lines) }
}

/// Tries brokers out.
pub struct BoxCaller {
    /// Of the box.
    pub id: String,
}

impl Caller for BoxCaller {
    fn check(&self, tls: &MqttTls) -> Result<(), String> {
        security(tls).map(drop).map_err(|error| error.to_string())
    }

    fn try_out<'a>(&'a self, row: &'a MqttRow) -> Later<'a, Result<(), Refusal>> {
        Box::pin(async move { try_out(&broker(), row, &self.id).await })
    }
}

/// A number from 0 to 1, so that boxes do not come back all at once.
pub fn chance() -> f64 {
    let mut bytes = [0; 2];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 1.0,
    }
}
