//! What happened on the box, for everybody who follows it.
//!
//! One envelope for all listeners. Numbers grow by one per event and never repeat, not even over
//! restarts; a listener that lost the connection asks for what came after the last number it saw,
//! as long as the ring remembers. Volatile events have no number and are never repeated.

use crate::clock::UnixMs;
use crate::conference;
use crate::encoders::BoardEncoder;
use crate::health::Alarm;
use crate::jobs::Job;
use crate::outputs::LiveOutput;
use crate::permissions::Action;
use crate::recordings::Recording;
use crate::rooms::Room;
use crate::settings::Settings;
use crate::status::Sample;
use crate::updates::{Offer, PastUpdate, UpdateState};
use crate::webhooks::Webhook;
use crate::words;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use ulid::Ulid;
use utoipa::ToSchema;

/// Events that are kept for listeners that come back.
const RING: usize = 4096;
/// Events that may wait for one listener; one that is further behind is told to begin anew.
const QUEUE: usize = 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Envelope {
    /// `evt_` and a ULID.
    pub id: String,
    pub at: UnixMs,
    /// Id of what it happened to.
    pub subject: String,
    /// Absent: the event is not repeated to those who missed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seq: Option<u64>,
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened: `noun.verb` in the past tense, and what is so now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Happening {
    #[serde(rename = "room.created")]
    RoomCreated(Room),
    #[serde(rename = "room.changed")]
    RoomChanged(Room),
    #[serde(rename = "room.deleted")]
    RoomDeleted,
    /// A template for rooms was kept, changed or deleted.
    #[serde(rename = "room_template.changed")]
    RoomTemplateChanged,
    /// Its meeting began.
    #[serde(rename = "room.opened")]
    RoomOpened { name: String },
    /// Its meeting is over.
    #[serde(rename = "room.ended")]
    RoomEnded { name: String },
    /// A guest waits to be let in.
    #[serde(rename = "participant.knocked")]
    ParticipantKnocked { room: String, name: String },
    #[serde(rename = "participant.joined")]
    ParticipantJoined { room: String, name: String },
    #[serde(rename = "participant.left")]
    ParticipantLeft { room: String, name: String },
    #[serde(rename = "track.published")]
    TrackPublished {
        room: String,
        #[schema(value_type = words::TrackSource)]
        source: conference::TrackSource,
    },
    #[serde(rename = "track.unpublished")]
    TrackUnpublished {
        room: String,
        #[schema(value_type = words::TrackSource)]
        source: conference::TrackSource,
    },
    #[serde(rename = "recording.started")]
    RecordingStarted(Box<Recording>),
    /// After an interruption.
    #[serde(rename = "recording.continued")]
    RecordingContinued(Box<Recording>),
    #[serde(rename = "recording.changed")]
    RecordingChanged(Box<Recording>),
    /// It has ended and is whole.
    #[serde(rename = "recording.captured")]
    RecordingCaptured(Box<Recording>),
    /// This job made a film of it.
    #[serde(rename = "recording.ready")]
    RecordingReady { job: String },
    /// This job could not make a film of it.
    #[serde(rename = "recording.parked")]
    RecordingParked { job: String },
    #[serde(rename = "recording.deleted")]
    RecordingDeleted,
    /// A target has everything of it that it should have.
    #[serde(rename = "recording.copied")]
    RecordingCopied { target: String },
    /// A link with which anybody watches this recording.
    #[serde(rename = "share.created")]
    ShareCreated { recording: String },
    /// Somebody came by the link: once a visit.
    #[serde(rename = "share.opened")]
    ShareOpened { recording: String },
    #[serde(rename = "share.revoked")]
    ShareRevoked { recording: String },
    /// What is planned, how it goes, or a calendar that is followed.
    #[serde(rename = "schedule.changed")]
    ScheduleChanged,
    /// A live output was ordered, or stands elsewhere.
    #[serde(rename = "output.changed")]
    OutputChanged(Box<LiveOutput>),
    /// Never repeated, about one a second.
    #[serde(rename = "output.progressed")]
    OutputProgressed(Box<LiveOutput>),
    /// It was stopped, or its recording is over.
    #[serde(rename = "output.ended")]
    OutputEnded {
        room: String,
        /// The order of a program that it belonged to (`EG_…`).
        #[schema(required)]
        egress: Option<String>,
    },
    /// A target, or what waits for it or is there.
    #[serde(rename = "target.changed")]
    TargetChanged,
    #[serde(rename = "job.queued")]
    JobQueued(Job),
    #[serde(rename = "job.started")]
    JobStarted(Job),
    #[serde(rename = "job.finished")]
    JobFinished(Job),
    #[serde(rename = "job.parked")]
    JobParked(Job),
    #[serde(rename = "job.cancelled")]
    JobCancelled(Job),
    /// Never repeated.
    #[serde(rename = "job.progressed")]
    JobProgressed(Job),
    /// An encoder was tried, failed a film, or was switched off.
    #[serde(rename = "encoder.changed")]
    EncoderChanged(Box<BoardEncoder>),
    #[serde(rename = "settings.changed")]
    SettingsChanged(Settings),
    /// An update stands somewhere else.
    #[serde(rename = "update.changed")]
    UpdateChanged(UpdateState),
    /// Never repeated.
    #[serde(rename = "update.progressed")]
    UpdateProgressed(UpdateState),
    /// The channel has something newer.
    #[serde(rename = "update.offered")]
    UpdateOffered(Offer),
    /// Something was installed, confirmed, rolled back, or failed.
    #[serde(rename = "update.noted")]
    UpdateNoted(PastUpdate),
    /// A person, or an invitation: somebody is new, may more or less, or is gone.
    #[serde(rename = "person.changed")]
    PersonChanged,
    /// A receiver was added, changed or deleted.
    #[serde(rename = "webhook.changed")]
    WebhookChanged,
    /// Never repeated, at most one a second of each receiver: how sending to it goes.
    #[serde(rename = "webhook.progressed")]
    WebhookProgressed(Box<Webhook>),
    /// The broker, or how the box's way to it is.
    #[serde(rename = "mqtt.changed")]
    MqttChanged,
    /// Mails about alarms: their settings, or how they go.
    #[serde(rename = "mail.changed")]
    MailChanged,
    /// The syslog server, or how the way there is.
    #[serde(rename = "syslog.changed")]
    SyslogChanged,
    /// Something is wrong with the box.
    #[serde(rename = "alarm.raised")]
    AlarmRaised(Box<Alarm>),
    /// It is well again.
    #[serde(rename = "alarm.cleared")]
    AlarmCleared(Box<Alarm>),
    /// Somebody has seen it and takes care.
    #[serde(rename = "alarm.acknowledged")]
    AlarmAcknowledged(Box<Alarm>),
    /// Which certificate is served, how it stands, or a request for one.
    #[serde(rename = "certificate.changed")]
    CertificateChanged,
    /// Never repeated: the disk nears its reserve.
    #[serde(rename = "storage.warned")]
    StorageWarned { free_bytes: u64, reserve_bytes: u64 },
    /// Never repeated.
    #[serde(rename = "status.sampled")]
    StatusSampled(Box<Sample>),
}

impl Happening {
    /// What somebody must be permitted to hear of it.
    pub fn needs(&self) -> Action {
        match self {
            Self::SettingsChanged(_)
            | Self::EncoderChanged(_)
            | Self::WebhookChanged
            | Self::WebhookProgressed(_)
            | Self::MqttChanged
            | Self::MailChanged
            | Self::SyslogChanged
            // What others say of their servers is not for everybody.
            | Self::AlarmRaised(_)
            | Self::AlarmCleared(_)
            | Self::AlarmAcknowledged(_)
            | Self::CertificateChanged => Action::Configure,
            Self::UpdateChanged(_)
            | Self::UpdateProgressed(_)
            | Self::UpdateOffered(_)
            | Self::UpdateNoted(_) => Action::Update,
            // An address may be a secret.
            Self::OutputChanged(_) | Self::OutputProgressed(_) | Self::OutputEnded { .. } => {
                Action::Record
            }
            Self::ShareCreated { .. }
            | Self::ShareOpened { .. }
            | Self::ShareRevoked { .. }
            | Self::TargetChanged => Action::EditLibrary,
            Self::RoomTemplateChanged => Action::RunRooms,
            Self::RoomCreated(_)
            | Self::RoomChanged(_)
            | Self::RoomDeleted
            | Self::RoomOpened { .. }
            | Self::RoomEnded { .. }
            | Self::ParticipantKnocked { .. }
            | Self::ParticipantJoined { .. }
            | Self::ParticipantLeft { .. }
            | Self::TrackPublished { .. }
            | Self::TrackUnpublished { .. }
            | Self::RecordingStarted(_)
            | Self::RecordingContinued(_)
            | Self::RecordingChanged(_)
            | Self::RecordingCaptured(_)
            | Self::RecordingReady { .. }
            | Self::RecordingParked { .. }
            | Self::RecordingDeleted
            | Self::RecordingCopied { .. }
            | Self::ScheduleChanged
            | Self::JobQueued(_)
            | Self::JobStarted(_)
            | Self::JobFinished(_)
            | Self::JobParked(_)
            | Self::JobCancelled(_)
            | Self::JobProgressed(_)
            // Whoever it concerns must hear it, and it says no more than an id.
            | Self::PersonChanged
            | Self::StorageWarned { .. }
            | Self::StatusSampled(_) => Action::See,
        }
    }
}

struct Ring {
    next: u64,
    events: VecDeque<Arc<Envelope>>,
}

/// What a new listener gets first.
#[derive(Debug)]
pub enum Missed {
    /// Everything since, oldest first.
    Events(Vec<Arc<Envelope>>),
    /// The ring does not reach back that far: fetch everything anew.
    Reset,
}

/// The box's events.
pub struct Events {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Envelope>>,
}

impl Default for Events {
    fn default() -> Self {
        // A million numbers a second of uptime: they grow over restarts without being kept, and
        // stay exact in JavaScript.
        let next = UnixMs::now().0 / 1000 * 1_000_000;
        let ring = Mutex::new(Ring { next, events: VecDeque::new() });
        Self { ring, live: broadcast::channel(QUEUE).0 }
    }
}

impl Events {
    /// Something happened.
    pub fn publish(&self, subject: &str, what: Happening) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Arc::new(envelope(subject, what, Some(ring.next)));
        ring.next += 1;
        if ring.events.len() == RING {
            ring.events.pop_front();
        }
        ring.events.push_back(event.clone());
        // Under the lock, so that nobody sees events out of order. No listener is no error.
        self.live.send(event).map_or_else(drop, drop);
    }

    /// Something is so at the moment; whoever misses it misses nothing.
    pub fn mention(&self, subject: &str, what: Happening) {
        if self.live.receiver_count() > 0 {
            let event = Arc::new(envelope(subject, what, None));
            self.live.send(event).map_or_else(drop, drop);
        }
    }

    /// Begins listening: the newest number, what was missed since `after`, and what comes.
    pub fn listen(&self, after: Option<u64>) -> (u64, Missed, broadcast::Receiver<Arc<Envelope>>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ring.next - 1;
        let first = ring.events.front().and_then(|event| event.seq).unwrap_or(ring.next);
        let missed = match after {
            None => Missed::Events(Vec::new()),
            Some(after) if after + 1 < first || after > newest => Missed::Reset,
            Some(after) => {
                let later = |event: &&Arc<Envelope>| event.seq.is_some_and(|seq| seq > after);
                Missed::Events(ring.events.iter().filter(later).cloned().collect())
            }
        };
        (newest, missed, self.live.subscribe())
    }
}

fn envelope(subject: &str, what: Happening, seq: Option<u64>) -> Envelope {
    let id = format!("evt_{}", Ulid::new());
    Envelope { id, at: UnixMs::now(), subject: subject.to_owned(), seq, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Happening {
        Happening::RoomOpened { name: "Library".to_owned() }
    }

    #[test]
    fn an_event_is_one_flat_object() {
        let events = Events::default();
        let (newest, _, mut live) = events.listen(None);
        events.publish("rm_1", opened());
        events.mention("box", Happening::StorageWarned { free_bytes: 1, reserve_bytes: 2 });
        let mut next = || serde_json::to_value(&*live.try_recv().unwrap()).unwrap();
        let first = next();
        assert_eq!(first["type"], "room.opened");
        assert_eq!(first["subject"], "rm_1");
        assert_eq!(first["seq"], newest + 1);
        assert_eq!(first["data"], serde_json::json!({ "name": "Library" }));
        let second = next();
        assert_eq!(second["type"], "storage.warned");
        assert_eq!(second["data"]["free_bytes"], 1);
        assert!(second.get("seq").is_none(), "{second}");
    }

    #[test]
    fn a_listener_gets_what_it_missed_and_nothing_twice() {
        let events = Events::default();
        let (start, _, _live) = events.listen(None);
        events.publish("rm_1", opened());
        events.publish("rm_1", Happening::RoomDeleted);
        let (newest, missed, mut live) = events.listen(Some(start + 1));
        assert_eq!(newest, start + 2);
        let Missed::Events(missed) = missed else { panic!("reset") };
        assert_eq!(missed.len(), 1);
        assert_eq!(missed[0].what, Happening::RoomDeleted);
        events.publish("rm_2", opened());
        assert_eq!(live.try_recv().unwrap().seq, Some(start + 3));
    }

    #[test]
    fn a_number_of_another_life_means_begin_anew() {
        let events = Events::default();
        let (start, _, _live) = events.listen(None);
        for _ in 0..RING + 10 {
            events.publish("rm_1", opened());
        }
        assert!(matches!(events.listen(Some(start)).1, Missed::Reset));
        assert!(matches!(events.listen(Some(start + 1_000_000)).1, Missed::Reset));
    }

    #[test]
    fn volatile_events_are_not_remembered() {
        let events = Events::default();
        let (start, _, mut live) = events.listen(None);
        events.mention("box", Happening::StatusSampled(Box::default()));
        assert_eq!(live.try_recv().unwrap().seq, None);
        assert!(
            matches!(events.listen(Some(start)).1, Missed::Events(missed) if missed.is_empty())
        );
    }
}
