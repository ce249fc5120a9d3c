//! Webhooks: who hears what happens in rooms, and the outbox between that and them.
//!
//! ```text
//! a room's news ─ note ─▶ outbox (SQLite) + Lanes (memory) ─ run ─▶ Courier ─▶ receiver
//!                              ▲          done, failed, given up        │
//!                              └──────────────── settle ◀───────────────┘
//! ```
//!
//! At least once, in order per receiver and room: a row leaves the outbox after the receiver has
//! answered, so who is killed in between sends it again. What goes when is [`lanes::Lanes`]' to say;
//! what an event looks like and how it is signed is the door's, sending it is the [`Courier`]'s.

mod alarms;
mod courier;
mod deliveries;
mod lanes;
mod receiver;
mod work;

pub use alarms::AlarmWriter;
pub use courier::{Courier, Parcel, Undelivered};
pub use deliveries::{Delivery, DeliveryState};
pub use receiver::{NewWebhook, RoomsHeard, Webhook, WebhookPatch, WebhookTrial};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::keys::LivekitKeys;
use crate::store::{NewOutboxRow, OutboxEntry, Settlement, Store, Tally, WebhookRow};
use lanes::{Lanes, Waiting};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Notify, mpsc};
use ulid::Ulid;

/// Each may have connections and rows of its own.
const MOST_WEBHOOKS: usize = 16;
/// An address is no place for documents.
const LONGEST_URL: usize = 2000;
/// Outcomes that may wait; attempts wait with theirs.
const OUTCOMES: usize = 64;

/// What happened, as receivers get it.
#[derive(Debug, Clone)]
pub struct News {
    /// The event's own id (`EV_…`).
    pub id: String,
    pub of: Origin,
    pub body: Vec<u8>,
}

/// Where it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Room {
        name: String,
        /// API key with which the room was opened.
        opened_with: String,
    },
    /// The box itself.
    Box,
}

impl Origin {
    /// What arrives in order: events of one room, or of the box. No room has an empty name.
    fn lane(&self) -> &str {
        match self {
            Self::Room { name, .. } => name,
            Self::Box => "",
        }
    }
}

/// How an attempt ended, and how long it took.
struct Outcome {
    webhook: String,
    seq: u64,
    ended: Result<u16, Undelivered>,
    took: Duration,
}

/// A receiver and what waits for it.
struct Line {
    row: WebhookRow,
    lanes: Lanes,
    /// The panel has not been told of the newest changes.
    untold: bool,
}

impl Line {
    fn hears(&self, news: &News) -> bool {
        let wanted = match &news.of {
            Origin::Room { opened_with, .. } => match RoomsHeard::read(&self.row.rooms) {
                RoomsHeard::OfKey => *opened_with == self.row.key,
                RoomsHeard::All => true,
                RoomsHeard::None => false,
            },
            Origin::Box => self.row.alarms,
        };
        self.row.enabled && wanted
    }

    fn waits(&mut self, entry: &OutboxEntry, since: Instant, older: Duration) {
        self.lanes.push(&entry.lane, Waiting::new(entry.seq, entry.bytes, since, older));
    }
}

/// Everything that changes, behind one lock that may be held while the store works.
#[derive(Default)]
struct Desk {
    /// Oldest first.
    lines: Vec<Line>,
    /// What the store does not know yet.
    unsettled: Settlement,
    outcomes: Option<mpsc::Receiver<Outcome>>,
}

impl Desk {
    fn line(&mut self, id: &str) -> Result<&mut Line, ControlError> {
        let found = self.lines.iter_mut().find(|line| line.row.id == id);
        found.ok_or(ControlError::NotFound("webhook"))
    }

    /// Adds to a receiver's tally, in memory and for the store.
    fn tally(&mut self, id: &str, since: Tally) {
        let Some(line) = self.lines.iter_mut().find(|line| line.row.id == id) else { return };
        line.row.tally.add(&since);
        line.untold = true;
        let known = self.unsettled.tallies.iter_mut().find(|(known, _)| known == id);
        match known {
            Some((_, so_far)) => so_far.add(&since),
            None => self.unsettled.tallies.push((id.to_owned(), since)),
        }
    }

    fn dropped(&mut self, id: &str, events: usize) {
        if events > 0 {
            self.tally(id, Tally { dropped: events as u64, ..Tally::default() });
        }
    }
}

/// The box's webhooks.
pub struct Webhooks {
    store: Arc<Store>,
    keys: Arc<LivekitKeys>,
    events: Arc<Events>,
    courier: Arc<dyn Courier>,
    desk: Mutex<Desk>,
    /// Something may be due earlier than was thought.
    wake: Notify,
    reports: mpsc::Sender<Outcome>,
    /// Somebody listens: most boxes have no receiver, and then nothing need be written.
    wanted: AtomicBool,
}

impl Webhooks {
    /// Receivers and what was left to be sent.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        keys: Arc<LivekitKeys>,
        events: Arc<Events>,
        courier: Arc<dyn Courier>,
    ) -> Result<Arc<Self>, ControlError> {
        let rows = store.webhook_list().await?;
        let line = |row| Line { row, lanes: Lanes::default(), untold: false };
        let mut lines: Vec<Line> = rows.into_iter().map(line).collect();
        let (since, now) = (Instant::now(), UnixMs::now().0);
        for entry in store.outbox_list().await? {
            // Rows of other consumers are theirs.
            if let Some(line) = lines.iter_mut().find(|line| line.row.id == entry.consumer) {
                let older = Duration::from_millis(now.saturating_sub(entry.made_ms));
                line.waits(&entry, since, older);
            }
        }
        let (reports, outcomes) = mpsc::channel(OUTCOMES);
        let desk = Desk { lines, outcomes: Some(outcomes), ..Desk::default() };
        let webhooks = Self {
            store,
            keys,
            events,
            courier,
            wanted: AtomicBool::new(false),
            desk: Mutex::new(desk),
            wake: Notify::new(),
            reports,
        };
        webhooks.look_who_listens(&*webhooks.desk.lock().await);
        Ok(Arc::new(webhooks))
    }

    fn look_who_listens(&self, desk: &Desk) {
        let wanted = desk.lines.iter().any(|line| line.row.enabled);
        self.wanted.store(wanted, Ordering::Release);
    }

    /// Whether anybody wants to hear of anything.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    fn view(&self, line: &Line) -> Webhook {
        let revoked = self.keys.secret_of(&line.row.key).is_none();
        Webhook::of(&line.row, line.lanes.len(), revoked)
    }

    /// All receivers, oldest first.
    pub async fn list(&self) -> Vec<Webhook> {
        self.desk.lock().await.lines.iter().map(|line| self.view(line)).collect()
    }

    fn check(&self, url: &str, key: &str) -> Result<(), ControlError> {
        let refused = |field, why| Err(ControlError::InvalidWebhook { field, why });
        if url.len() > LONGEST_URL || !self.courier.is_address(url) {
            return refused(
                "url",
                "begins with http:// or https://, names a server, and has no name and password in it",
            );
        }
        // The box's own key is nobody's to check signatures with.
        if key == self.keys.own().0 || self.keys.secret_of(key).is_none() {
            return refused("key", "is one of the box's LiveKit keys: make one in the settings");
        }
        Ok(())
    }

    /// # Errors
    /// The address or the key will not do, there are too many, or the store refuses.
    pub async fn create(&self, new: NewWebhook) -> Result<Webhook, ControlError> {
        self.check(&new.url, &new.key)?;
        let mut desk = self.desk.lock().await;
        if desk.lines.len() >= MOST_WEBHOOKS {
            return Err(ControlError::TooManyWebhooks { most: MOST_WEBHOOKS });
        }
        let row = WebhookRow {
            id: format!("wh_{}", Ulid::new()),
            url: new.url,
            key: new.key,
            rooms: new.rooms.word().to_owned(),
            alarms: new.alarms,
            in_network: new.in_network,
            enabled: new.enabled,
            created_ms: UnixMs::now().0,
            tally: Tally::default(),
        };
        self.store.webhook_insert(row.clone()).await?;
        let line = Line { row, lanes: Lanes::default(), untold: false };
        let view = self.view(&line);
        desk.lines.push(line);
        self.look_who_listens(&desk);
        self.events.publish(&view.id, Happening::WebhookChanged);
        Ok(view)
    }

    /// Changes a receiver. What waits goes to the new address, signed with the new key, at once; of
    /// one that is switched off nothing waits any more.
    ///
    /// # Errors
    /// There is no such receiver, the address or the key will not do, or the store refuses.
    pub async fn change(&self, id: &str, patch: WebhookPatch) -> Result<Webhook, ControlError> {
        let mut desk = self.desk.lock().await;
        let line = desk.line(id)?;
        let mut row = line.row.clone();
        // What was allowed of one address is not of another.
        let moves = patch.url.as_ref().is_some_and(|url| *url != row.url);
        row.in_network = patch.in_network.unwrap_or(row.in_network && !moves);
        row.url = patch.url.unwrap_or(row.url);
        row.key = patch.key.unwrap_or(row.key);
        row.enabled = patch.enabled.unwrap_or(row.enabled);
        row.alarms = patch.alarms.unwrap_or(row.alarms);
        if let Some(rooms) = patch.rooms {
            rooms.word().clone_into(&mut row.rooms);
        }
        // Whoever only switches one off need not find another key for it first.
        if row.enabled {
            self.check(&row.url, &row.key)?;
        }
        self.store.webhook_update(row.clone()).await?;
        line.row = row;
        let thrown_away = match line.row.enabled {
            true => 0,
            false => std::mem::take(&mut line.lanes).len(),
        };
        line.lanes.hurry();
        desk.dropped(id, thrown_away);
        self.look_who_listens(&desk);
        self.wake.notify_one();
        self.events.publish(id, Happening::WebhookChanged);
        Ok(self.view(desk.line(id)?))
    }

    /// Forgets a receiver and what waits for it.
    ///
    /// # Errors
    /// There is no such receiver, or the store refuses.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        let mut desk = self.desk.lock().await;
        desk.line(id)?;
        self.store.webhook_delete(id.to_owned()).await?;
        desk.lines.retain(|line| line.row.id != id);
        self.look_who_listens(&desk);
        self.events.publish(id, Happening::WebhookChanged);
        Ok(())
    }

    /// Sends one event now, past everything that waits, and tells what came of it.
    ///
    /// # Errors
    /// There is no such receiver.
    pub async fn test(&self, id: &str, body: Vec<u8>) -> Result<WebhookTrial, ControlError> {
        let trial = self.sent(id, body).await?;
        if trial.delivered
            && let Ok(line) = self.desk.lock().await.line(id)
        {
            line.lanes.hurry();
            self.wake.notify_one();
        }
        Ok(trial)
    }

    /// What came of sending this now.
    async fn sent(&self, id: &str, body: Vec<u8>) -> Result<WebhookTrial, ControlError> {
        let row = self.desk.lock().await.line(id)?.row.clone();
        let begun = Instant::now();
        let ended = self.attempt(row, body).await;
        Ok(WebhookTrial::of(ended, begun.elapsed().as_millis() as u64))
    }

    /// Keeps news for everybody who is to hear of them, in this order.
    ///
    /// # Errors
    /// The store refuses: then nobody hears of them, and they count as dropped.
    pub async fn note(&self, news: &[News]) -> Result<(), ControlError> {
        let mut desk = self.desk.lock().await;
        let made_ms = UnixMs::now().0;
        let (mut rows, mut dropped) = (Vec::new(), Vec::new());
        for n in 0..desk.lines.len() {
            let line = &mut desk.lines[n];
            let heard: Vec<&News> = news.iter().filter(|one| line.hears(one)).collect();
            let bytes = heard.iter().map(|one| one.body.len() as u64).sum();
            let gone = line.lanes.make_room(heard.len(), bytes);
            let id = line.row.id.clone();
            rows.extend(heard.into_iter().map(|one| NewOutboxRow {
                consumer: id.clone(),
                lane: one.of.lane().to_owned(),
                event: one.id.clone(),
                body: one.body.clone(),
                made_ms,
            }));
            desk.dropped(&id, gone.len());
            dropped.extend(gone);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let entries: Vec<OutboxEntry> = rows
            .iter()
            .map(|row| OutboxEntry {
                seq: 0,
                consumer: row.consumer.clone(),
                lane: row.lane.clone(),
                bytes: row.body.len() as u64,
                made_ms,
            })
            .collect();
        let numbers = self.store.outbox_insert(rows, dropped.clone()).await;
        if numbers.is_err() {
            desk.unsettled.done.extend(dropped);
            for entry in &entries {
                desk.dropped(&entry.consumer, 1);
            }
        }
        let since = Instant::now();
        for (entry, seq) in entries.into_iter().zip(numbers?) {
            if let Ok(line) = desk.line(&entry.consumer) {
                line.waits(&OutboxEntry { seq, ..entry }, since, Duration::ZERO);
                line.untold = true;
            }
        }
        self.wake.notify_one();
        Ok(())
    }
}
