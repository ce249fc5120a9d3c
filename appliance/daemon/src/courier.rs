//! Carries webhooks: the door signs them, delivery sends them.

use roombox_api::livekit::webhook;
use roombox_control::clock::UnixMs;
use roombox_control::conference::Later;
use roombox_control::webhooks::{Courier, Parcel, Undelivered};
use roombox_delivery::{Letter, PostError, Sender, Zone};
use std::time::Duration;

/// For everything from the name's look-up to the answer: a receiver that works longer than this on
/// an event should answer first.
const PATIENCE: Duration = Duration::from_secs(10);

/// The box's way to receivers.
#[derive(Debug)]
pub struct WebhookCourier {
    sender: Sender,
    development: bool,
}

impl WebhookCourier {
    /// In `development` receivers may be on this machine.
    pub fn new(development: bool) -> Self {
        Self { sender: Sender::default(), development }
    }

    async fn send(&self, parcel: Parcel) -> Result<u16, Undelivered> {
        let Parcel { url, in_network, key, secret, body } = parcel;
        let nearest = match in_network {
            _ if self.development => Zone::Machine,
            true => Zone::Network,
            false => Zone::Internet,
        };
        // Signed anew for each attempt: the signature lasts minutes, the attempts a day.
        let signed = webhook::authorization(&key, &secret, &body, UnixMs::now().0);
        let authorization =
            signed.map_err(|error| Undelivered { status: None, why: error.to_string() })?;
        let content_type = webhook::CONTENT_TYPE;
        let letter = Letter { content_type, authorization: &authorization, body };
        match self.sender.post(&url, letter, nearest, PATIENCE).await {
            Ok(status) => Ok(status.as_u16()),
            Err(error) => Err(Undelivered {
                status: match &error {
                    PostError::Status { status, .. } => Some(status.as_u16()),
                    _ => None,
                },
                why: error.to_string(),
            }),
        }
    }
}

impl Courier for WebhookCourier {
    fn is_address(&self, url: &str) -> bool {
        Sender::is_address(url)
    }

    fn deliver(&self, parcel: Parcel) -> Later<'_, Result<u16, Undelivered>> {
        Box::pin(self.send(parcel))
    }
}
