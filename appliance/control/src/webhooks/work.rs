//! Sending what waits, for as long as the daemon lives.

use super::lanes::Fault;
use super::{Desk, Outcome, Parcel, Undelivered, WebhookTrial, Webhooks};
use crate::clock::UnixMs;
use crate::events::Happening;
use crate::store::{Attempt, Settlement, Tally, WebhookRow};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The panel is told of changes at most this often; what the store refused is tried again then.
const TELL_EACH: Duration = Duration::from_secs(1);
/// Outcomes that are kept in one transaction.
const BATCH: usize = 64;

impl Webhooks {
    /// Sends what waits; to be called once.
    pub async fn run(self: Arc<Self>) {
        let Some(mut outcomes) = self.desk.lock().await.outcomes.take() else {
            tracing::error!("webhooks are sent already");
            return;
        };
        let mut ended = Vec::new();
        let mut told = Instant::now();
        loop {
            let next = self.send_due().await;
            let anything = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                _ = outcomes.recv_many(&mut ended, BATCH) => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep_until(anything.into()) => {}
            }
            self.settle(ended.drain(..)).await;
            if told.elapsed() >= TELL_EACH {
                told = Instant::now();
                self.tell().await;
            }
        }
    }

    /// Begins every attempt that is due: when the next one is, or something else is to be done.
    async fn send_due(self: &Arc<Self>) -> Option<Instant> {
        let mut desk = self.desk.lock().await;
        let now = Instant::now();
        let mut due: Vec<(WebhookRow, u64)> = Vec::new();
        for line in desk.lines.iter_mut().filter(|line| line.row.enabled) {
            let rows = line.lanes.due(now);
            due.extend(rows.into_iter().map(|seq| (line.row.clone(), seq)));
        }
        let mut next = desk.lines.iter().filter_map(|line| line.lanes.next()).min();
        let untold = desk.lines.iter().any(|line| line.untold);
        if untold || desk.unsettled != Settlement::default() {
            let soon = now + TELL_EACH;
            next = Some(next.map_or(soon, |next| next.min(soon)));
        }
        drop(desk);
        if !due.is_empty() {
            self.begin(due).await;
        }
        next
    }

    async fn begin(self: &Arc<Self>, due: Vec<(WebhookRow, u64)>) {
        let rows = due.iter().map(|(_, seq)| *seq).collect();
        let mut bodies = match self.store.outbox_bodies(rows).await {
            Ok(bodies) => bodies,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read: its events are tried again");
                Default::default()
            }
        };
        for (row, seq) in due {
            let (webhooks, webhook, body) = (self.clone(), row.id.clone(), bodies.remove(&seq));
            tokio::spawn(async move {
                let begun = Instant::now();
                let ended = match body {
                    Some(body) => webhooks.attempt(row, body).await,
                    None => Err(not_sent("the event cannot be read from the box's database")),
                };
                let outcome = Outcome { webhook, seq, ended, took: begun.elapsed() };
                if webhooks.reports.send(outcome).await.is_err() {
                    tracing::debug!("nobody waits for the end of an attempt any more");
                }
            });
        }
    }

    /// One attempt, signed with the key's secret of now.
    pub(super) async fn attempt(&self, row: WebhookRow, body: Vec<u8>) -> Result<u16, Undelivered> {
        let WebhookRow { url, in_network, key, .. } = row;
        match self.keys.secret_of(&key) {
            Some(secret) => {
                self.courier.deliver(Parcel { url, in_network, key, secret, body }).await
            }
            None => Err(not_sent("its API key was revoked: choose another one for it")),
        }
    }

    /// Keeps what attempts have come to, with what could not be kept before.
    async fn settle(&self, ended: impl Iterator<Item = Outcome> + Send) {
        let mut desk = self.desk.lock().await;
        for outcome in ended {
            desk.ended(outcome);
        }
        if desk.unsettled == Settlement::default() {
            return;
        }
        let settlement = std::mem::take(&mut desk.unsettled);
        if let Err(error) = self.store.webhook_settle(settlement.clone()).await {
            // What was delivered stays in the outbox meanwhile: at worst it is sent twice.
            tracing::error!(%error, "what became of webhooks cannot be kept: it is tried again");
            desk.unsettled = settlement;
        }
    }

    async fn tell(&self) {
        let mut desk = self.desk.lock().await;
        for line in desk.lines.iter_mut().filter(|line| line.untold) {
            line.untold = false;
            let view = self.view(line);
            self.events.mention(&line.row.id, Happening::WebhookProgressed(Box::new(view)));
        }
    }
}

impl Desk {
    /// An attempt has ended; of a receiver that is gone, nobody need know how.
    fn ended(&mut self, Outcome { webhook, seq, ended, took }: Outcome) {
        let Self { lines, unsettled, .. } = self;
        let Some(line) = lines.iter_mut().find(|line| line.row.id == webhook) else { return };
        let at = Some(UnixMs::now().0);
        let trial = WebhookTrial::of(ended.clone(), took.as_millis() as u64);
        unsettled.attempts.push(Attempt { webhook: webhook.clone(), seq, ended: trial.ended() });
        let was_failing = line.row.tally.failed_ms > line.row.tally.delivered_ms;
        let since = match ended {
            Ok(_) => {
                if was_failing {
                    tracing::info!(webhook, "the receiver of a webhook is back");
                }
                line.lanes.delivered(seq);
                unsettled.done.push(seq);
                Tally { delivered: 1, delivered_ms: at, ..Tally::default() }
            }
            // Sent by hand meanwhile: this attempt need not be made up for.
            Err(_) if line.lanes.has_arrived(seq) => {
                line.lanes.delivered(seq);
                unsettled.done.push(seq);
                Tally { delivered: 1, delivered_ms: at, ..Tally::default() }
            }
            Err(Undelivered { status, why }) => {
                if !was_failing {
                    tracing::warn!(webhook, status, "a webhook is not taken: it is tried again");
                }
                let fault = if status.is_some() { Fault::Refused } else { Fault::Away };
                let given_up = line.lanes.failed(seq, fault, Instant::now());
                let events = given_up.len() as u64;
                if events > 0 {
                    tracing::warn!(webhook, events, "events were given up after a day");
                }
                unsettled.done.extend(given_up);
                Tally {
                    failed: 1,
                    given_up: events,
                    failed_ms: at,
                    error: Some(why),
                    ..Tally::default()
                }
            }
        };
        self.tally(&webhook, since);
    }
}

fn not_sent(why: &str) -> Undelivered {
    Undelivered { status: None, why: why.to_owned() }
}
