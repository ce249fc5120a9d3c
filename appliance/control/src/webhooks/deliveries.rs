//! What was sent to a receiver last, and sending it again.

use super::{WebhookTrial, Webhooks};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::store::{Attempt, Ended, LoggedRow, Tally};
use serde::Serialize;
use utoipa::ToSchema;

/// How far an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The receiver has it.
    Delivered,
    /// It will be tried again.
    Waiting,
    /// It will not be tried again by itself.
    GivenUp,
}

/// An event that was sent, or that could not be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Delivery {
    /// The event's own id.
    pub event: String,
    /// What happened: `room_started`, `alarm.raised`, …
    pub what: String,
    /// Name of the room; empty: of the box itself.
    pub room: String,
    pub state: DeliveryState,
    pub attempts: u64,
    /// When the newest attempt ended, and how long it took.
    pub at: UnixMs,
    pub took_ms: u64,
    /// HTTP status of its answer; `null`: none came.
    #[schema(required)]
    pub status: Option<u16>,
    /// Why it was not delivered, in English.
    #[schema(required)]
    pub error: Option<String>,
    /// It is small enough to be kept, and can be sent again.
    pub again: bool,
}

impl Delivery {
    fn of(row: LoggedRow) -> Self {
        let state = match (row.delivered, row.waits) {
            (true, _) => DeliveryState::Delivered,
            (false, true) => DeliveryState::Waiting,
            (false, false) => DeliveryState::GivenUp,
        };
        Self {
            event: row.event,
            what: row.what,
            room: row.room,
            state,
            attempts: row.attempts,
            at: UnixMs(row.at_ms),
            took_ms: row.took_ms,
            status: row.status,
            error: row.error,
            again: row.again,
        }
    }
}

impl WebhookTrial {
    /// As the log keeps it.
    pub(super) fn ended(&self) -> Ended {
        Ended {
            delivered: self.delivered,
            at_ms: UnixMs::now().0,
            took_ms: self.took_ms,
            status: self.status,
            error: self.error.clone(),
        }
    }
}

impl Webhooks {
    /// The last fifty events that were sent to a receiver, the newest attempt first.
    ///
    /// # Errors
    /// There is no such receiver, or the store refuses.
    pub async fn deliveries(&self, id: &str) -> Result<Vec<Delivery>, ControlError> {
        self.desk.lock().await.line(id)?;
        let rows = self.store.webhook_log(id.to_owned()).await?;
        Ok(rows.into_iter().map(Delivery::of).collect())
    }

    /// Sends an event once more now, as it was and past everything that waits, and tells what came of it.
    /// One that waited itself and has arrived so waits no longer.
    ///
    /// # Errors
    /// There is no such receiver, it was not sent that event lately or it is too large to be kept, or the
    /// store refuses.
    pub async fn send_again(&self, id: &str, event: &str) -> Result<WebhookTrial, ControlError> {
        let (webhook, event) = (id.to_owned(), event.to_owned());
        let found = self.store.webhook_log_body(webhook.clone(), event.clone()).await?;
        let (body, waits) = found.ok_or(ControlError::NotFound("delivery"))?;
        let trial = self.sent(id, body).await?;
        let mut desk = self.desk.lock().await;
        // Gone meanwhile, with its log.
        let Ok(line) = desk.line(id) else { return Ok(trial) };
        let waited = waits.filter(|seq| trial.delivered && line.lanes.withdraw(*seq));
        if trial.delivered {
            line.lanes.hurry();
            self.wake.notify_one();
        }
        let ended = trial.ended();
        let log = self.store.webhook_log_again(webhook.clone(), event, ended.clone(), waited);
        let kept = log.await;
        if let Some(seq) = waited {
            let delivered_ms = Some(ended.at_ms);
            desk.tally(id, Tally { delivered: 1, delivered_ms, ..Tally::default() });
            // It has arrived; what the store refused is kept with what else was not.
            if kept.is_err() {
                desk.unsettled.attempts.push(Attempt { webhook, seq, ended });
                desk.unsettled.done.push(seq);
            }
        } else {
            kept?;
        }
        self.events.publish(id, Happening::WebhookChanged);
        Ok(trial)
    }
}
