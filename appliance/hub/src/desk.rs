//! The hub's desk: stream, consumer, and the questions to boxes, at its own server.

use crate::clocks::Clocks;
use crate::gaps::Gaps;
use crate::market::{Market, Pair};
use crate::moved::Moved;
use crate::pace::Pace;
use crate::roster::Roster;
use crate::silence::{Moment, Silence};
use crate::wishing::Wishing;
use async_nats::jetstream::consumer::pull::MessagesError;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, ContextBuilder, stream};
use async_nats::{Client, Message};
use futures_util::StreamExt as _;
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::fleet::{BoxOffer, BoxPulse, Fleet, HeardView, LEFT};
use roombox_control::loans::Order;
use roombox_control::store::{FleetMissing, HeardRow, OutageChanges, Store, StoreError};
use roombox_federation::Identity;
use roombox_federation::envelope::{self, Unread};
use roombox_federation::link::{self, Resend};
use roombox_federation::order;
use roombox_federation::subjects::{self, BoxId, STREAM, Subject, Verb};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{interval, sleep};

/// Events that are kept in one transaction.
const BATCH: usize = 256;
/// The stream takes a number once within this.
const DUPLICATES: Duration = Duration::from_secs(2 * 3600);
/// The stream forgets what nobody fetched after this: the boxes have it longer.
const STREAM_AGE: Duration = Duration::from_secs(14 * 24 * 3600);
const STREAM_BYTES: i64 = 2 << 30;
const LOOK: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(1);
/// Outages are kept for 90 days, and of each box so many.
const OUTAGES_KEPT_MS: u64 = 90 * 24 * 3600 * 1000;
const MOST_OUTAGES: u32 = 2000;
/// The longest heartbeat, bytes.
const LONGEST_PULSE: usize = 4096;

/// What stops the desk until it begins again.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("cannot connect to nats-server: {0}")]
    Connect(#[from] async_nats::ConnectError),
    #[error("cannot listen: {0}")]
    Listen(#[from] async_nats::SubscribeError),
    #[error("the stream of the fleet cannot be had: {0}")]
    Stream(String),
    #[error("the server has closed the connection")]
    Closed,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Control(ControlError),
}

/// What a hub's desk needs.
pub struct HubDesk {
    pub store: Arc<Store>,
    pub identity: Arc<Identity>,
    /// Of the hub's server.
    pub url: String,
    pub fleet: Arc<Fleet>,
}

/// What the desk has in hand.
#[derive(Default)]
struct Hand {
    roster: Roster,
    gaps: Gaps,
    market: Market,
    silence: Silence,
    moved: Moved,
    wishing: Wishing,
    heard: HeardView,
    /// Whose alarm was said.
    cloned: HashSet<BoxId>,
    /// Since when boxes are heard, without a break.
    listens: UnixMs,
    clocks: Clocks,
    pace: Pace,
    /// How much of what each box said was not taken, or not kept.
    refused: HashMap<BoxId, u64>,
    /// The date of what each box was commanded last.
    commanded: HashMap<BoxId, u64>,
}

impl HubDesk {
    /// Hears for as long as it is polled.
    pub async fn run(self) {
        let (mut hand, begun) = (Hand::default(), Instant::now());
        loop {
            if let Err(error) = self.once(&mut hand, begun).await {
                tracing::warn!(%error, "the hub's desk begins again");
            }
            sleep(AGAIN).await;
        }
    }

    async fn once(&self, hand: &mut Hand, begun: Instant) -> Result<(), HubError> {
        let inbox = subjects::HUB_INBOX.to_owned();
        let client = link::connect(&self.url, &self.identity, inbox).await?;
        let jetstream = ContextBuilder::new().domain(subjects::HUB_DOMAIN).build(client.clone());
        let consumer = consumer(&jetstream).await.map_err(HubError::Stream)?;
        let events = consumer.messages().await;
        let events = events.map_err(|error| HubError::Stream(error.to_string()))?;
        let mut events = events.ready_chunks(BATCH);
        let mut beats = client.subscribe(subjects::ALL_HEARTBEATS).await?;
        let mut looks = interval(LOOK);
        hand.listens = UnixMs::now();
        hand.silence.listens(Moment { now: begun.elapsed(), at: hand.listens });
        loop {
            tokio::select! {
                some = events.next() => {
                    let some = some.ok_or(HubError::Closed)?;
                    let broken = |error: MessagesError| HubError::Stream(error.to_string());
                    let some: Result<Vec<_>, _> = some.into_iter().collect();
                    self.hear(hand, some.map_err(broken)?).await?;
                }
                beat = beats.next() => {
                    let beat = beat.ok_or(HubError::Closed)?;
                    self.beat(hand, begun.elapsed(), &client, &beat).await;
                }
                _ = looks.tick() => self.look(hand, begun.elapsed(), &client).await?,
            }
        }
    }

    /// Keeps a batch, then lets the stream forget it.
    async fn hear(
        &self,
        hand: &mut Hand,
        messages: Vec<jetstream::Message>,
    ) -> Result<(), HubError> {
        let (mut rows, mut gone) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in &messages {
            match envelope::read(&message.subject, &message.payload) {
                Ok((of, event, spoofed)) => {
                    if spoofed {
                        let says = "an event names another box than its sender";
                        once(&mut hand.heard.spoofed, says, &of);
                        *hand.refused.entry(of.clone()).or_default() += 1;
                    }
                    if event.kind == LEFT {
                        gone.push((of.clone(), published_ms(message)));
                    }
                    rows.push(HeardRow {
                        of: of.to_string(),
                        id: event.id,
                        epoch: event.epoch,
                        first: event.first,
                        seq: event.seq,
                        kind: event.kind,
                        at_ms: event.at,
                        body: event.body.to_string(),
                    });
                }
                Err(Unread::Malformed) => {
                    once(&mut hand.heard.malformed, "an event cannot be read", &message.subject);
                    if let Some((of, _)) = subjects::sender(&message.subject) {
                        *hand.refused.entry(of).or_default() += 1;
                    }
                }
                Err(Unread::Newer) => {
                    let says = "an event is of a newer version: update this hub";
                    once(&mut hand.heard.newer, says, &message.subject);
                }
            }
        }
        if !rows.is_empty() {
            let hearing = self.store.fleet_hear(rows, UnixMs::now().0).await?;
            hand.heard.events += hearing.new;
            hand.heard.again += hearing.again;
            hand.heard.strangers += hearing.strangers;
            let too_much = [
                (
                    hearing.forgotten,
                    &mut hand.heard.forgotten,
                    "a box tells more than is kept of it",
                ),
                (
                    hearing.unlisted,
                    &mut hand.heard.unlisted,
                    "a box has more recordings than are listed",
                ),
            ];
            for (counts, sum, says) in too_much {
                for (of, count) in counts {
                    if *sum == 0 {
                        tracing::warn!(id = of, "{says}: it is counted, and not said again");
                    }
                    *sum += count;
                    if let Some(of) = BoxId::parse(&of) {
                        *hand.refused.entry(of).or_default() += count;
                    }
                }
            }
        }
        for (of, told_ms) in gone {
            self.fleet.as_hub().left(of.as_str(), told_ms).await.map_err(HubError::Control)?;
        }
        for message in &messages {
            if let Err(error) = message.ack_with(AckKind::Ack).await {
                // It comes again, and is known then.
                tracing::debug!(%error, "the stream was not told that an event is kept");
            }
        }
        Ok(())
    }

    async fn beat(&self, hand: &mut Hand, now: Duration, client: &Client, beat: &Message) {
        let sender = subjects::sender(&beat.subject).map(|(of, _)| of);
        if let Some(of) = sender.as_ref().filter(|of| !hand.pace.may(now, of)) {
            once(&mut hand.heard.hurried, "a box says too often that it is alive", of);
            *hand.refused.entry(of.clone()).or_default() += 1;
            return;
        }
        let short = beat.payload.len() <= LONGEST_PULSE;
        let pulse = short.then(|| serde_json::from_slice::<BoxPulse>(&beat.payload).ok()).flatten();
        // serde takes an empty list for one without fields; taken for a heartbeat, it would be a clone's.
        // A number that no event has would be asked for again and again.
        let pulse = pulse.filter(|pulse| !pulse.nonce.is_empty() && pulse.last <= i64::MAX as u64);
        let (Some(of), Some(pulse)) = (sender, pulse) else {
            once(&mut hand.heard.malformed, "a heartbeat cannot be read", &beat.subject);
            if let Some((of, _)) = subjects::sender(&beat.subject) {
                *hand.refused.entry(of).or_default() += 1;
            }
            return;
        };
        if !hand.roster.heard(now, UnixMs::now(), of.clone(), pulse) {
            hand.cloned.remove(&of);
        } else {
            if hand.cloned.insert(of.clone()) {
                tracing::error!(id = %of, "two boxes are alive under one key: a card or disk was copied");
            }
            self.command(hand, client, &of, Verb::Cloned, String::new()).await;
        }
    }

    /// Tells who is there, and asks for what is missing.
    async fn look(&self, hand: &mut Hand, now: Duration, client: &Client) -> Result<(), HubError> {
        let boxes = self.store.fleet_box_list().await?;
        let ids: Vec<_> = boxes.iter().filter_map(|row| BoxId::parse(&row.id)).collect();
        hand.roster.keep(&ids);
        hand.commanded.retain(|id, _| ids.contains(id));
        hand.refused.retain(|id, _| ids.contains(id));
        hand.pace.keep(&ids);
        self.note(hand, now, &ids).await?;
        let mut missing = self.store.fleet_missing(hand.roster.told()).await?;
        // Who cannot be asked has not forgotten it.
        let alive = hand.roster.alive(now);
        missing.retain(|gap| alive.iter().any(|(id, _)| id.as_str() == gap.of));
        let due = hand.gaps.look(now, missing);
        for FleetMissing { of, epoch, from, until } in due.ask {
            let Some(of) = BoxId::parse(&of) else { continue };
            tracing::info!(id = %of, from, until, "events are missing: the box is asked for them");
            let resend = serde_json::to_string(&Resend { epoch, from, until }).unwrap_or_default();
            self.command(hand, client, &of, Verb::Resend, resend).await;
        }
        for missing in due.give_up {
            let events = missing.until - missing.from;
            tracing::error!(id = missing.of, from = missing.from, events, "events never came");
            hand.heard.lost = hand.heard.lost.saturating_add(events);
            self.store.fleet_skip(missing).await?;
        }
        self.compare_clocks(hand, now, client).await;
        self.tell_where(hand, now, client).await?;
        self.wish(hand, now, client).await?;
        self.update(hand, client).await?;
        for Pair { to, origin, offer } in hand.market.look(now, &hand.roster.alive(now)) {
            self.order(hand, client, &to, &origin, offer).await;
        }
        let mut roster = hand.roster.entries(now);
        for entry in &mut roster {
            let refused = hand.refused.iter().find(|(of, _)| of.as_str() == entry.id);
            entry.refused = refused.map_or(0, |(_, count)| *count);
        }
        self.fleet.roster_is(roster, hand.heard);
        Ok(())
    }

    /// Tells boxes whose clocks differ from this one's.
    async fn compare_clocks(&self, hand: &mut Hand, now: Duration, client: &Client) {
        let own = self.identity.id();
        let others = hand.roster.clocks(now).into_iter().filter(|(id, _)| id != own);
        let found = hand.clocks.look(now, &others.collect::<Vec<_>>());
        if found.own.is_some() && hand.heard.clock.is_none() {
            tracing::error!(?found.own, "this hub's clock differs from those of most of its boxes");
        }
        hand.heard.clock = found.own;
        for (to, gap) in found.tell {
            tracing::warn!(id = %to, ahead_ms = gap.ahead_ms, "a box's clock differs from the hub's");
            let body = serde_json::to_string(&gap).unwrap_or_default();
            self.command(hand, client, &to, Verb::Clock, body).await;
        }
    }

    /// Tells boxes that know another place where the hub is.
    async fn tell_where(
        &self,
        hand: &mut Hand,
        now: Duration,
        client: &Client,
    ) -> Result<(), HubError> {
        let here = self.fleet.as_hub().whereabouts().await.map_err(HubError::Control)?;
        let mark = here.mark();
        let alive = hand.roster.alive(now);
        let due = hand.moved.look(now, &mark, &alive);
        let said = serde_json::to_string(&here).unwrap_or_default();
        for to in due {
            tracing::info!(id = %to, "the box is told where its hub is");
            self.command(hand, client, &to, Verb::Moved, said.clone()).await;
        }
        Ok(())
    }

    /// Tells boxes which settings are wanted of them.
    async fn wish(&self, hand: &mut Hand, now: Duration, client: &Client) -> Result<(), HubError> {
        let wishes = self.fleet.wishes().current().await.map_err(HubError::Control)?;
        let alive = hand.roster.alive(now);
        for (to, wish) in hand.wishing.look(now, &wishes, &alive) {
            tracing::info!(id = %to, revision = wish.revision, "the box is told which settings are wanted");
            let body = serde_json::to_string(wish).unwrap_or_default();
            self.command(hand, client, &to, Verb::Wish, body).await;
        }
        Ok(())
    }

    /// Tells boxes which version they are to install, or not any more.
    async fn update(&self, hand: &mut Hand, client: &Client) -> Result<(), HubError> {
        for (to, order) in self.fleet.waves().look(UnixMs::now(), hand.listens).await? {
            let Some(to) = BoxId::parse(&to) else { continue };
            tracing::info!(id = %to, wave = order.wave, recall = order.recall, "the box is told of a wave");
            let body = serde_json::to_string(&order).unwrap_or_default();
            self.command(hand, client, &to, Verb::Update, body).await;
        }
        Ok(())
    }

    /// Keeps who fell silent, and who is back.
    async fn note(&self, hand: &mut Hand, now: Duration, ids: &[BoxId]) -> Result<(), HubError> {
        hand.silence.keep(ids);
        let now = Moment { now, at: UnixMs::now() };
        let boxes: Vec<_> = ids.iter().map(|id| (id.clone(), hand.roster.last(id))).collect();
        let changes = hand.silence.look(now, &boxes);
        if changes != OutageChanges::default() {
            let before = now.at.0.saturating_sub(OUTAGES_KEPT_MS);
            self.store.fleet_outages_keep(changes.clone(), before, MOST_OUTAGES).await?;
            hand.silence.kept(&changes);
        }
        Ok(())
    }

    /// Has one box do a job of another.
    async fn order(
        &self,
        hand: &mut Hand,
        client: &Client,
        to: &BoxId,
        origin: &BoxId,
        BoxOffer { job, number, .. }: BoxOffer,
    ) {
        let Some(BoxPulse { name, at, fingerprint, .. }) = hand.roster.pulse(origin).cloned()
        else {
            return;
        };
        tracing::info!(%to, %origin, job, number, "a box is asked to do a job of another one");
        let (at_ms, origin) = (UnixMs::now().0, origin.to_string());
        let order = Order { at_ms, origin, name, at, fingerprint, job, number };
        let body = serde_json::to_string(&order).unwrap_or_default();
        self.command(hand, client, to, Verb::Work, body).await;
    }

    async fn command(
        &self,
        hand: &mut Hand,
        client: &Client,
        to: &BoxId,
        verb: Verb,
        body: String,
    ) {
        let subject = Subject::Command { to, verb }.to_string();
        let taken = hand.roster.pulse(to).map_or(0, |pulse| pulse.commanded);
        let before = hand.commanded.get(to).copied().unwrap_or_default();
        let at = order::date(UnixMs::now(), taken, before);
        hand.commanded.insert(to.clone(), at);
        let Some(payload) = order::write(&self.identity, &subject, at, body) else {
            return;
        };
        if let Err(error) = client.publish(subject, payload.into()).await {
            tracing::debug!(%error, "a command was not sent: it is sent again while it matters");
        }
    }
}

/// When the stream took it, by this machine's clock; 0: it does not say.
fn published_ms(message: &jetstream::Message) -> u64 {
    let at = message.info().map(|info| info.published.unix_timestamp_nanos() / 1_000_000);
    at.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or_default()
}

/// Counts it, and says it the first time.
fn once(count: &mut u64, says: &str, of: &dyn std::fmt::Display) {
    if *count == 0 {
        tracing::warn!(%of, "{says}: it is counted, and not said again");
    }
    *count += 1;
}

/// The stream and its consumer, made if they are not there.
async fn consumer(jetstream: &jetstream::Context) -> Result<PullConsumer, String> {
    let stream = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![subjects::ALL_EVENTS.to_owned()],
        storage: stream::StorageType::File,
        duplicate_window: DUPLICATES,
        max_age: STREAM_AGE,
        max_bytes: STREAM_BYTES,
        // Full, the oldest go, most of them read long since; of the others the numbers are missing, and boxes are
        // asked for them. It must not refuse: what was read stays until it is old, so one loud box would silence all.
        discard: stream::DiscardPolicy::Old,
        max_message_size: 2 * envelope::LONGEST as i32,
        ..stream::Config::default()
    };
    jetstream.create_or_update_stream(stream).await.map_err(|error| error.to_string())?;
    let stream = jetstream.get_stream(STREAM).await.map_err(|error| error.to_string())?;
    let consumer = pull::Config {
        durable_name: Some("hub".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 4 * BATCH as i64,
        ..pull::Config::default()
    };
    stream.get_or_create_consumer("hub", consumer).await.map_err(|error| error.to_string())
}
