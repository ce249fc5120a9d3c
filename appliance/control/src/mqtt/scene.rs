//! What a broker is told of the box, before anybody spells it as topics.

use super::Mqtt;
use crate::error::ControlError;

/// Rooms that are told of: a home's list should still be one that people read.
const MOST_ROOMS: usize = 200;

/// Something that wants somebody's attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name.
    pub code: &'static str,
    /// What is wrong, in English.
    pub text: String,
}

/// The box.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoxScene {
    pub name: String,
    pub version: String,
    /// What the channel offers, or what is installed and waits for a restart.
    pub newer: Option<String>,
    /// In percent of all cores.
    pub cpu_percent: f64,
    pub free_bytes: u64,
    /// At the present rate the disk's reserve is reached then.
    pub full_in_s: Option<u64>,
    /// The warmest sensor of the processor, if there is one.
    pub temperature_c: Option<f64>,
    pub people: u64,
    pub meetings: u64,
    pub recordings: u64,
    pub jobs_waiting: u64,
    pub problems: Vec<Problem>,
}

/// A room that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomScene {
    pub id: String,
    pub name: String,
    pub meeting: bool,
    pub people: u64,
    /// Paused ones count: they are switched on.
    pub recording: bool,
}

/// The box and its rooms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scene {
    pub of_box: BoxScene,
    /// By id.
    pub rooms: Vec<RoomScene>,
}

impl Mqtt {
    /// What is so now.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn scene(&self) -> Result<Scene, ControlError> {
        let parts = &self.parts;
        let now = parts.status.now();
        let jobs_waiting = parts.store.job_counts().await?.queued;
        let updates = parts.updates.view().await;
        let installed = match updates.now {
            crate::updates::UpdateState::Installed { version } => Some(version),
            _ => None,
        };
        let newer = installed.or_else(|| Some(updates.channel.offer.as_ref()?.version.clone()));
        // Rooms that are forgotten with their meeting would leave a device behind each.
        let all = parts.rooms.list().await?.into_iter();
        let mut rooms: Vec<RoomScene> = all
            .filter(|room| room.invite.is_some())
            .take(MOST_ROOMS)
            .map(|room| RoomScene {
                id: room.id,
                name: room.name,
                meeting: room.meeting.is_some(),
                people: room.meeting.as_ref().map_or(0, |open| u64::from(open.participants)),
                recording: room.meeting.is_some_and(|open| open.recording.is_some()),
            })
            .collect();
        rooms.sort_by(|a, b| a.id.cmp(&b.id));
        let of_box = BoxScene {
            name: parts.identity.name(),
            version: updates.version,
            newer,
            cpu_percent: now.cpu_percent,
            free_bytes: now.disk.free_bytes,
            full_in_s: now.disk.full_in_s,
            temperature_c: now.temperature_c,
            people: now.participants,
            meetings: now.rooms,
            recordings: parts.recordings.running_count() as u64,
            jobs_waiting,
            problems: self.problems(),
        };
        Ok(Scene { of_box, rooms })
    }

    /// Alarms that stand.
    fn problems(&self) -> Vec<Problem> {
        let open = self.parts.health.open().into_iter();
        open.map(|alarm| Problem { code: alarm.kind.name(), text: alarm.what }).collect()
    }
}
