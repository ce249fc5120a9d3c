//! The box's link: sends what waits, says that the box is alive, and hears what its hub wants.
//!
//! It speaks with a server on this machine alone, which has the way to the hub. It runs until it is
//! dropped; what it had in flight then is sent again, and the hub's stream takes each number once.

use crate::Identity;
use crate::envelope::{Event, LONGEST, VERSION};
use crate::order;
use crate::outbox::{Outbox, PATIENCE, Step, WINDOW};
use crate::subjects::{self, BoxId, STREAM, Subject, Verb};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ContextBuilder};
use async_nats::{Client, ConnectOptions, Message};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use roombox_control::clock::UnixMs;
use roombox_control::fleet::{
    BoxOffer, BoxPulse, ClockGap, OrderPulse, Ordered, Place, Power, Twin, TwinPulse, Whereabouts,
};
use roombox_control::store::{FleetEventRow, FleetRow, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, sleep_until};

/// A box says so often that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// Whether it has something to say before that it looks so often.
const GLANCE: Duration = Duration::from_secs(1);
/// The store is asked so often whether something happened.
const IDLE: Duration = Duration::from_millis(250);
/// What was sent is kept so long: a hub that comes from an old copy asks for it again.
const KEPT_MS: u64 = 30 * 24 * 3600 * 1000;
const CLEAR_UP: Duration = Duration::from_secs(3600);
/// After something that ended the link: the store refused, or the server went away.
const AGAIN: Duration = Duration::from_secs(1);
/// An alarm stays so long after the hub raised it last.
const ALARM_FOR: Duration = Duration::from_secs(120);

/// A command: send these numbers once more, `until` not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resend {
    pub epoch: String,
    pub from: u64,
    pub until: u64,
}

/// A job of another box that the hub wants this one to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The order as it came, which is the proof.
    pub order: Vec<u8>,
    /// What it says.
    pub body: Vec<u8>,
}

/// What the hub warns a box of, for as long as it goes on doing so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warned {
    /// Another box has this one's key.
    pub cloned: bool,
    /// This box's clock differs from the hub's.
    pub clock: Option<ClockGap>,
}

/// What is so until it was not said again for a while.
#[derive(Default)]
struct Alarms {
    cloned: Option<Instant>,
    clock: Option<(Instant, ClockGap)>,
}

impl Alarms {
    fn now(&self) -> Warned {
        let lately = |at: Instant| at.elapsed() < ALARM_FOR;
        let clock = self.clock.filter(|(at, _)| lately(*at)).map(|(_, gap)| gap);
        Warned { cloned: self.cloned.is_some_and(lately), clock }
    }
}

/// What stops a link until it is begun again.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("cannot connect to nats-server: {0}")]
    Connect(#[from] async_nats::ConnectError),
    #[error("cannot listen for commands: {0}")]
    Listen(#[from] async_nats::SubscribeError),
    #[error("the server has closed the connection")]
    Closed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a link needs.
pub struct Link {
    pub store: Arc<Store>,
    pub identity: Arc<Identity>,
    /// Of the server on this machine.
    pub url: String,
    pub row: FleetRow,
    /// What the box says of itself.
    pub pulse: Arc<dyn Fn() -> BoxPulse + Send + Sync>,
    /// What the hub warns of.
    pub warned: watch::Sender<Warned>,
    /// Whether the server on this machine has its way to the hub.
    pub up: watch::Receiver<bool>,
    /// What the fleet wants of the box's settings, and what its owner refuses.
    pub twin: Arc<Twin>,
    /// Carries out updates of the fleet.
    pub ordered: Arc<Ordered>,
    /// Who does jobs of other boxes: who is busy misses an order, and the hub asks somebody else.
    pub errands: mpsc::Sender<Errand>,
}

type Answer = Pin<Box<dyn Future<Output = (u64, bool)> + Send>>;

/// Connects to the server on this machine as this box.
///
/// # Errors
/// It cannot.
pub async fn connect(
    url: &str,
    identity: &Identity,
    inbox: String,
) -> Result<Client, async_nats::ConnectError> {
    let options = ConnectOptions::with_nkey(identity.seed().to_owned());
    options.custom_inbox_prefix(inbox).name("roomboxd").connect(url).await
}

/// Of a heartbeat, what boxes do for each other, and what the hub waits for.
type Trade = (Vec<BoxOffer>, bool, Option<String>, Option<TwinPulse>, Option<OrderPulse>);

fn trade(pulse: &BoxPulse) -> Trade {
    let BoxPulse { offers, minute_ms, helps, twin, order, .. } = pulse.clone();
    (offers, minute_ms.is_some(), helps, twin, order)
}

impl Link {
    /// Keeps the link for as long as it is polled.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.once().await {
                tracing::warn!(%error, "the link to the fleet is begun again");
            }
            sleep(AGAIN).await;
        }
    }

    async fn once(&self) -> Result<(), LinkError> {
        let id = self.identity.id();
        let client = connect(&self.url, &self.identity, subjects::inbox(id)).await?;
        let mut commands = client.subscribe(subjects::commands(id)).await?;
        let mut up = self.up.clone();
        let jetstream = ContextBuilder::new().timeout(PATIENCE).build(client.clone());
        let (mut outbox, mut answers) = (Outbox::default(), FuturesUnordered::<Answer>::new());
        let (mut beats, mut clearing) = (interval(HEARTBEAT), interval(CLEAR_UP));
        let (begun, mut alarms) = (Instant::now(), Alarms::default());
        let (mut newest, mut glances, mut said) = (0, interval(GLANCE), Trade::default());
        loop {
            let until = match outbox.step(begun.elapsed(), IDLE) {
                Step::Wait { until } => begun + until,
                Step::Send { after, most } => {
                    let rows = self.store.fleet_unsent(after, most.min(WINDOW)).await?;
                    let nothing = rows.is_empty();
                    for row in rows {
                        self.send(&jetstream, &mut outbox, &mut answers, row, begun.elapsed())
                            .await;
                    }
                    Instant::now() + if nothing { IDLE } else { Duration::ZERO }
                }
            };
            tokio::select! {
                Some(first) = answers.next(), if !answers.is_empty() => {
                    self.settle(&mut outbox, &mut answers, first).await?;
                }
                command = commands.next() => {
                    let command = command.ok_or(LinkError::Closed)?;
                    self.obey(&command, &mut newest, &mut outbox, &mut alarms).await?;
                }
                _ = beats.tick() => {
                    self.warned.send_replace(alarms.now());
                    self.beat(&client, newest).await?;
                }
                Ok(()) = up.changed() => if *up.borrow_and_update() {
                    // The hub need not wait to see the box, or that there are two of it.
                    self.beat(&client, newest).await?;
                },
                _ = glances.tick() => {
                    // What others could do for it, or it for others, is told at once.
                    let now = trade(&(self.pulse)());
                    if now != said {
                        self.beat(&client, newest).await?;
                        said = now;
                    }
                }
                _ = clearing.tick() => {
                    self.store.fleet_forget(UnixMs::now().0.saturating_sub(KEPT_MS)).await?;
                }
                () = sleep_until(until) => {}
            }
        }
    }

    async fn send(
        &self,
        jetstream: &jetstream::Context,
        outbox: &mut Outbox,
        answers: &mut FuturesUnordered<Answer>,
        row: FleetEventRow,
        now: Duration,
    ) {
        let (seq, id) = (row.seq, self.identity.id());
        let subject = Subject::Event { of: id, kind: &row.kind }.to_string();
        // The hub hears that something happened, since it counts; and not what.
        let kept_back = row.kind.starts_with("recording.") && self.twin.refuses(Power::Recordings);
        let body = match kept_back {
            true => serde_json::json!({"withheld": true}),
            false => serde_json::from_str(&row.body).unwrap_or_default(),
        };
        let event = Event {
            version: VERSION,
            of: id.to_string(),
            epoch: self.row.epoch.clone(),
            // What waited when the epoch began has smaller numbers if it is asked for again.
            first: self.row.first.min(seq),
            seq,
            id: row.id.clone(),
            kind: row.kind,
            at: row.made_ms,
            body,
        };
        let mut payload = serde_json::to_vec(&event).unwrap_or_default();
        if payload.len() > LONGEST {
            tracing::warn!(seq, "an event is too long for the fleet: it goes without its details");
            let short = Event { body: serde_json::Value::Null, ..event };
            payload = serde_json::to_vec(&short).unwrap_or_default();
        }
        // What is asked for again is new to the stream, or it would swallow it.
        let round = if row.round == 0 { String::new() } else { format!(".{}", row.round) };
        let message = PublishMessage::build()
            .payload(payload.into())
            .message_id(format!("{id}.{}{round}", row.id))
            .expected_stream(STREAM);
        outbox.sent(seq, now);
        match jetstream.send_publish(subject, message).await {
            Ok(answer) => {
                let answered = answer.into_future();
                answers.push(Box::pin(async move { (seq, answered.await.is_ok()) }));
            }
            Err(error) => {
                tracing::debug!(seq, %error, "an event was not taken: it is sent again");
                outbox.failed(seq);
            }
        }
    }

    /// Keeps which events arrived: all answers that are there, in one transaction.
    async fn settle(
        &self,
        outbox: &mut Outbox,
        answers: &mut FuturesUnordered<Answer>,
        first: (u64, bool),
    ) -> Result<(), LinkError> {
        let (mut next, mut sent) = (Some(first), Vec::new());
        while let Some((seq, good)) = next {
            match good {
                true if outbox.answered(seq) => sent.push(seq),
                true => {}
                false => outbox.failed(seq),
            }
            next = answers.next().now_or_never().flatten();
        }
        if !sent.is_empty() {
            self.store.fleet_sent(sent, UnixMs::now().0).await?;
        }
        Ok(())
    }

    async fn obey(
        &self,
        command: &Message,
        newest: &mut u64,
        outbox: &mut Outbox,
        alarms: &mut Alarms,
    ) -> Result<(), LinkError> {
        let Some(hub) = self.hub() else { return Ok(()) };
        let Some(payload) = order::read(&hub, &command.subject, &command.payload, newest) else {
            tracing::warn!("a command was not signed by the hub, or is an old one: it is left out");
            return Ok(());
        };
        match Verb::of(&command.subject) {
            Some(Verb::Resend) => match serde_json::from_slice::<Resend>(&payload) {
                Ok(Resend { epoch, from, until }) => {
                    let events = self.store.fleet_again(epoch, from, until).await?;
                    tracing::info!(from, until, events, "the hub asks for events again");
                    outbox.again();
                }
                Err(error) => tracing::warn!(%error, "a command of the hub cannot be read"),
            },
            Some(Verb::Work) => {
                let errand = Errand { order: command.payload.to_vec(), body: payload };
                if self.errands.try_send(errand).is_err() {
                    tracing::debug!("an order is left out: this box is busy with another one");
                }
            }
            Some(Verb::Moved) => match serde_json::from_slice::<Whereabouts>(&payload) {
                Ok(to) => match to.checked() {
                    // Who keeps this link looks at the place, and begins it anew.
                    Ok(to) => {
                        tracing::info!(addresses = ?to.addresses, "the hub says where it is from now on");
                        self.store.fleet_moved(to).await?;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the hub names no place where it could be")
                    }
                },
                Err(error) => tracing::warn!(%error, "a command of the hub cannot be read"),
            },
            Some(Verb::Wish) => {
                if let Err(error) = self.twin.hear(&payload).await {
                    tracing::warn!(%error, "what the hub wants of the settings cannot be kept now");
                }
            }
            Some(Verb::Update) => {
                if let Err(error) = self.ordered.hear(&payload).await {
                    tracing::warn!(%error, "an update that the hub wants cannot be kept now");
                }
            }
            Some(Verb::Cloned) => {
                tracing::error!("another box has this one's key: its card or disk was copied");
                alarms.cloned = Some(Instant::now());
                self.warned.send_replace(alarms.now());
            }
            Some(Verb::Clock) => match serde_json::from_slice::<ClockGap>(&payload) {
                Ok(gap) => {
                    tracing::warn!(
                        ahead_ms = gap.ahead_ms,
                        gap.hub_is_odd,
                        "this box's clock and the hub's differ"
                    );
                    alarms.clock = Some((Instant::now(), gap));
                    self.warned.send_replace(alarms.now());
                }
                Err(error) => tracing::warn!(%error, "a command of the hub cannot be read"),
            },
            None => tracing::warn!("the hub wants something that this version does not know"),
        }
        Ok(())
    }

    /// Whose commands count.
    fn hub(&self) -> Option<BoxId> {
        BoxId::parse(self.row.place.hub(self.identity.id().as_str()))
    }

    /// `commanded`: the date of the newest command that was taken.
    async fn beat(&self, client: &Client, commanded: u64) -> Result<(), LinkError> {
        let (waiting, last) = self.store.fleet_progress().await?;
        let epoch = self.row.epoch.clone();
        let hub = match &self.row.place {
            // It joined with a version that was told nothing.
            Place::Member { mark, .. } if mark.is_empty() => "nothing".to_owned(),
            Place::Member { mark, .. } => mark.clone(),
            Place::Hub { .. } => String::new(),
        };
        let clock = Some(UnixMs::now());
        let pulse = BoxPulse { waiting, epoch, last, hub, clock, commanded, ..(self.pulse)() };
        let payload = serde_json::to_vec(&pulse).unwrap_or_default();
        let subject = Subject::Heartbeat { of: self.identity.id() }.to_string();
        if let Err(error) = client.publish(subject, payload.into()).await {
            tracing::debug!(%error, "a heartbeat was not sent");
        }
        Ok(())
    }
}
