//! The box's way to its broker: connects, tells what is so, obeys what is allowed, and comes back.
//!
//! ```text
//! off ──settings──▶ connecting ──what we say comes back──▶ connected ──▶ scene by scene
//!  ▲                    ▲   │ refused, unreachable                         │
//!  │                    └───┴── a pause that doubles ◀── broker gone ◀─────┤
//!  └── everything taken away from the broker ◀── switched off, or moved ◀──┘
//! ```

use super::broker::{Broker, BrokerError, Heard, Message, Wire};
use super::command;
use super::discovery;
use super::mirror::{Mirror, Payloads};
use super::pace::Pace;
use super::state::{self, OFFLINE, ONLINE};
use super::topics::{Known, Topics};
use roombox_control::events::{Envelope, Happening};
use roombox_control::mqtt::{Mqtt, MqttRow, MqttState, Refusal, Scene};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// Slow numbers (processor, disk, warmth) are told this often.
const SLOW: Duration = Duration::from_secs(30);
/// What happens within this is told together.
const TOGETHER: Duration = Duration::from_millis(300);
/// What we say comes back to us within this, or the broker does not let it through.
const ECHO: Duration = Duration::from_secs(5);
/// Messages a turn, so that orders are heard between them.
const AT_ONCE: usize = 16;

/// What a link needs.
pub struct Link {
    pub mqtt: Arc<Mqtt>,
    pub broker: Arc<dyn Broker>,
    /// From 0 to 1, another one each time.
    pub chance: fn() -> f64,
}

/// Why a connection is over.
enum End {
    /// The settings are others.
    Changed,
    Lost(BrokerError),
}

impl From<BrokerError> for End {
    fn from(error: BrokerError) -> Self {
        Self::Lost(error)
    }
}

impl Link {
    /// Works for as long as it is polled.
    pub async fn run(self) {
        let mut rows = self.mqtt.watch();
        let (mut pace, mut mirror, mut last) = (Pace::default(), Mirror::default(), None);
        loop {
            let row = rows.borrow_and_update().clone();
            let topics = Topics::new(self.mqtt.box_id(), &row.settings.discovery_prefix);
            let Some(topics) = topics.filter(|_| row.settings.enabled) else {
                self.mqtt.link_is(MqttState::Off, None);
                if rows.changed().await.is_err() {
                    return;
                }
                continue;
            };
            // What another broker was told, or by other topics, says nothing of this one.
            if last.replace(place(&row)).is_some_and(|before| before != place(&row)) {
                mirror = Mirror::default();
            }
            mirror.lost();
            match self.once(&row, &topics, &mut rows, &mut pace, &mut mirror).await {
                End::Changed => pace = Pace::default(),
                End::Lost(error) => {
                    let refused = error.refused();
                    let state = if refused { MqttState::Refused } else { MqttState::Connecting };
                    self.mqtt.link_is(state, Some(error.into()));
                    let pause = pace.pause(refused, (self.chance)());
                    // Other settings are no reason to wait.
                    match timeout(pause, rows.changed()).await {
                        Ok(Ok(())) => pace = Pace::default(),
                        Ok(Err(_)) => return,
                        Err(_) => {}
                    }
                }
            }
        }
    }

    /// One connection.
    async fn once(
        &self,
        row: &MqttRow,
        topics: &Topics,
        rows: &mut watch::Receiver<Arc<MqttRow>>,
        pace: &mut Pace,
        mirror: &mut Mirror,
    ) -> End {
        self.mqtt.link_begins();
        let client = format!("roombox-{}", topics.id());
        let will = kept(topics.status(), OFFLINE.to_owned());
        let mut wire = tokio::select! {
            connected = self.broker.connect(row, client, Some(will)) => match connected {
                Ok(wire) => wire,
                Err(error) => return End::Lost(error),
            },
            _ = rows.changed() => return End::Changed,
        };
        let mut speaker = Speaker { link: self, topics, control: row.settings.control, mirror };
        let end = match speaker.greet(&mut *wire).await {
            Ok(()) => {
                pace.well();
                self.mqtt.link_is(MqttState::Connected, None);
                speaker.speak(&mut *wire, rows).await
            }
            Err(error) => Err(End::Lost(error)),
        };
        match end {
            Ok(never) => match never {},
            Err(End::Changed) => {
                let next = rows.borrow().clone();
                let stays = next.settings.enabled && place(&next) == place(row);
                speaker.part(&mut *wire, stays).await;
                wire.close().await;
                End::Changed
            }
            Err(lost) => lost,
        }
    }
}

/// Where the box is told of, and by which topics.
fn place(row: &MqttRow) -> (String, u16, String) {
    let settings = &row.settings;
    (settings.host.clone(), settings.port, settings.discovery_prefix.clone())
}

fn kept(topic: String, payload: String) -> Message {
    Message { topic, payload, retain: true }
}

/// One connection's conversation.
struct Speaker<'a> {
    link: &'a Link,
    topics: &'a Topics,
    control: bool,
    mirror: &'a mut Mirror,
}

enum Never {}

impl Speaker<'_> {
    /// Listens, says that the box is there, and waits until that comes back: a broker's rules are silent.
    async fn greet(&mut self, wire: &mut dyn Wire) -> Result<(), BrokerError> {
        let status = self.topics.status();
        wire.subscribe(vec![status.clone()]).await?;
        wire.publish(kept(status.clone(), ONLINE.to_owned())).await?;
        echo(wire, &status, ONLINE).await?;
        let mut filters = self.topics.kept().to_vec();
        filters.push(self.topics.home());
        if self.control {
            filters.push(self.topics.set_all());
        }
        wire.subscribe(filters).await
    }

    /// Tells and listens until something ends it.
    async fn speak(
        &mut self,
        wire: &mut dyn Wire,
        rows: &mut watch::Receiver<Arc<MqttRow>>,
    ) -> Result<Never, End> {
        let (_, _, mut events) = self.link.mqtt.events().listen(None);
        let mut told = self.scene(None).await;
        let (mut slow, mut look) = (Instant::now() + SLOW, None::<Instant>);
        loop {
            for _ in 0..AT_ONCE {
                let Some((topic, payload)) = self.mirror.next() else { break };
                wire.publish(kept(topic, payload)).await?;
            }
            let more = self.mirror.waits();
            tokio::select! {
                heard = wire.next() => self.hear(wire, heard?).await?,
                changed = rows.changed() => {
                    drop(changed);
                    return Err(End::Changed);
                }
                () = until_news(&mut events), if look.is_none() => {
                    look = Some((Instant::now() + TOGETHER).min(slow));
                }
                () = sleep_until(look.unwrap_or(slow)) => {
                    let all = Instant::now() >= slow;
                    told = self.scene(told.filter(|_| !all)).await;
                    (look, slow) = (None, if all { Instant::now() + SLOW } else { slow });
                }
                () = std::future::ready(()), if more => {}
            }
        }
    }

    /// Looks at the box; its slow numbers stay those of `steady`.
    async fn scene(&mut self, steady: Option<Scene>) -> Option<Scene> {
        let scene = match self.link.mqtt.scene().await {
            Ok(scene) => scene,
            Err(error) => {
                tracing::warn!(%error, "the box cannot be looked at for MQTT now");
                return steady;
            }
        };
        let scene = match &steady {
            Some(told) => {
                Scene { of_box: state::steadied(scene.of_box, &told.of_box), rooms: scene.rooms }
            }
            None => scene,
        };
        self.mirror.want(payloads(self.topics, &scene, self.control));
        Some(scene)
    }

    async fn hear(&mut self, wire: &mut dyn Wire, heard: Heard) -> Result<(), BrokerError> {
        let Heard { topic, payload, retained } = heard;
        match self.topics.know(&topic) {
            Known::Home if payload == ONLINE.as_bytes() => self.mirror.again(),
            // An old connection's will came late.
            Known::Status if payload == OFFLINE.as_bytes() => {
                wire.publish(kept(topic, ONLINE.to_owned())).await?;
            }
            Known::Config { .. } | Known::RoomState { .. } if retained => {
                self.mirror.heard(self.topics, &topic, &payload);
            }
            Known::Set => match command::read(self.topics, &topic, &payload, retained) {
                // What came of it is logged and counted there; nobody waits for an answer.
                Ok(order) => self.link.mqtt.obey(&order).await.unwrap_or_default(),
                Err(why) => self.link.mqtt.misread(&why),
            },
            _ => {}
        }
        Ok(())
    }

    /// Leaves. If the box does not come back here, the broker forgets it.
    async fn part(&mut self, wire: &mut dyn Wire, stays: bool) {
        let mut last = vec![kept(self.topics.status(), OFFLINE.to_owned())];
        if !stays {
            let gone = self.mirror.topics().cloned().chain([self.topics.status()]);
            last.extend(gone.map(|topic| kept(topic, String::new())));
        }
        for message in last {
            if let Err(error) = wire.publish(message).await {
                tracing::warn!(%error, "the broker keeps what it knew of this box");
                return;
            }
        }
    }
}

/// Everything that the broker is to keep.
pub fn payloads(topics: &Topics, scene: &Scene, control: bool) -> Payloads {
    let of_box =
        (topics.config(None), discovery::of_box(topics, &scene.of_box, control).to_string());
    let mut all: Payloads = state::box_states(topics, &scene.of_box).into_iter().collect();
    all.extend([of_box]);
    // A room whose id another version made otherwise cannot stand in a topic.
    for room in scene.rooms.iter().filter(|room| super::topics::is_level(&room.id)) {
        let config = discovery::of_room(topics, room, control).to_string();
        all.extend([(topics.config(Some(&room.id)), config), state::room_state(topics, room)]);
    }
    all
}

/// Waits until something happened that is told of.
async fn until_news(events: &mut broadcast::Receiver<Arc<Envelope>>) {
    loop {
        match events.recv().await {
            Ok(event) if !matters(&event.what) => {}
            // Who missed some looks at everything all the same.
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// What comes all the time says nothing that is told at once.
fn matters(what: &Happening) -> bool {
    use Happening as H;
    !matches!(
        what,
        H::StatusSampled(_)
            | H::JobProgressed(_)
            | H::OutputProgressed(_)
            | H::UpdateProgressed(_)
            | H::TrackPublished { .. }
            | H::TrackUnpublished { .. }
            | H::MqttChanged
    )
}

/// Waits until what was published comes back.
async fn echo(wire: &mut dyn Wire, topic: &str, payload: &str) -> Result<(), BrokerError> {
    let end = Instant::now() + ECHO;
    loop {
        match timeout_at(end, wire.next()).await {
            Ok(Ok(heard)) if heard.topic == topic && heard.payload == payload.as_bytes() => {
                // What was kept before proves nothing.
                if !heard.retained {
                    return Ok(());
                }
            }
            Ok(heard) => drop(heard?),
            Err(_) => return Err(BrokerError::Topics(format!("write {topic}"))),
        }
    }
}

/// Connects beside the connection that stands, and has something come back from both trees of topics.
///
/// # Errors
/// What is wrong.
pub async fn try_out(broker: &dyn Broker, row: &MqttRow, id: &str) -> Result<(), Refusal> {
    let topics = Topics::new(id, &row.settings.discovery_prefix);
    let topics = topics.ok_or_else(|| BrokerError::Topics("exist by this id".to_owned()))?;
    let client = format!("roombox-{id}-test");
    let mut wire = broker.connect(row, client, None).await?;
    // Home Assistant looks at topics that end in config alone.
    let discovery = topics.config(Some("probe")).replace("/config", "/probe");
    for topic in [topics.probe(), discovery] {
        wire.subscribe(vec![topic.clone()]).await?;
        let text = "This is a test".to_owned();
        wire.publish(Message { topic: topic.clone(), payload: text.clone(), retain: false })
            .await?;
        echo(&mut *wire, &topic, &text).await?;
    }
    wire.close().await;
    Ok(())
}
