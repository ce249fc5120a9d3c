//! What the box is at, in a line for whoever stands in front of it: no names, for anybody may stand there.

use crate::loads::MOST;
use roombox_api::panel::PanelDoor;
use roombox_control::backup::Backups;
use roombox_control::health::{AlarmKind, Health, Severity};
use roombox_control::provisioning::ProvisioningDesk;
use roombox_control::recordings::Recordings;
use roombox_control::status::{Sample, Status};
use roombox_control::updates::{UpdateState, Updates};
use std::sync::Arc;

/// What the screen tells of the inside of the box.
pub struct Inside {
    pub provisioning: Arc<ProvisioningDesk>,
    status: Arc<Status>,
    recordings: Arc<Recordings>,
    updates: Arc<Updates>,
    backups: Arc<Backups>,
    health: Arc<Health>,
}

/// What the box is at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doing {
    pub meetings: u64,
    /// Rooms that are being recorded.
    pub recordings: u64,
    /// What may not be disturbed, or is about to happen.
    pub busy: Option<&'static str>,
    /// The worst of what is wrong and nobody has seen, and how many more there are.
    pub alarm: Option<(AlarmKind, usize)>,
}

impl Inside {
    /// Of the house that is about to open.
    pub fn of(panel: &PanelDoor) -> Self {
        Self {
            provisioning: panel.provisioning.clone(),
            status: panel.status.clone(),
            recordings: panel.recordings.clone(),
            updates: panel.updates.clone(),
            backups: panel.backups.clone(),
            health: panel.health.clone(),
        }
    }

    /// Now.
    pub fn doing(&self) -> Doing {
        let open = self.health.open().into_iter();
        let unseen: Vec<_> = open.filter(|alarm| alarm.acknowledged_at.is_none()).collect();
        // What wants attention some time is for the panel.
        let broken: Vec<_> =
            unseen.iter().filter(|alarm| alarm.severity == Severity::Broken).collect();
        Doing {
            meetings: meetings(&self.status.now()),
            recordings: self.recordings.running_count() as u64,
            busy: match self.backups.is_restoring() {
                true => Some("a backup is being restored: do not switch the box off"),
                false => busy(&self.updates.now()),
            },
            alarm: broken.first().map(|alarm| (alarm.kind, broken.len() - 1)),
        }
    }
}

/// Rooms that somebody is in: of the rooms that are open some may be empty, and some be on several media threads.
fn meetings(now: &Sample) -> u64 {
    match now.meetings.len() {
        _ if now.participants == 0 => 0,
        // All of them are listed.
        listed if listed < MOST => (listed as u64).max(1),
        _ => now.rooms,
    }
}

/// What an update asks of people in front of the box.
fn busy(update: &UpdateState) -> Option<&'static str> {
    match update {
        UpdateState::Installing { .. } => {
            Some("an update is being installed: do not switch the box off")
        }
        UpdateState::Draining { .. } => Some("restarts when the meetings have ended"),
        UpdateState::Restarting => Some("restarts"),
        UpdateState::Idle
        | UpdateState::Receiving { .. }
        | UpdateState::Checking
        | UpdateState::Confirming { .. }
        | UpdateState::Waiting { .. }
        | UpdateState::Installed { .. }
        | UpdateState::Failed { .. } => None,
    }
}

impl Doing {
    /// What it is at: `ready`, or what goes on.
    pub fn state(&self) -> String {
        let several = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let mut words = Vec::new();
        words.extend(self.busy.map(str::to_owned));
        if self.meetings > 0 {
            words.push(several(self.meetings, "meeting", "meetings"));
        }
        if self.recordings > 0 {
            words.push(several(self.recordings, "room is recorded", "rooms are recorded"));
        }
        match words.is_empty() {
            true => "ready".to_owned(),
            false => words.join(", "),
        }
    }

    /// What is wrong, if something is.
    pub fn alarm(&self) -> Option<String> {
        let (kind, more) = self.alarm?;
        let name = kind.name().replace('_', " ");
        let more = match more {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Some(format!("{name}{more}: the panel says what to do"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_control::status::MeetingSample;

    #[test]
    fn what_goes_on_is_said_and_what_may_not_be_disturbed_first() {
        let rest = Doing::default();
        assert_eq!((rest.state().as_str(), rest.alarm()), ("ready", None));
        let meets = Doing { meetings: 2, recordings: 1, ..rest.clone() };
        assert_eq!(meets.state(), "2 meetings, 1 room is recorded");
        let installing = UpdateState::Installing {
            version: None,
            percent: 40,
            step: String::new(),
            eta_s: None,
            since: roombox_control::clock::UnixMs(0),
        };
        let updates = Doing { busy: busy(&installing), meetings: 1, ..rest };
        assert_eq!(
            updates.state(),
            "an update is being installed: do not switch the box off, 1 meeting"
        );
        assert_eq!(busy(&UpdateState::Idle), None);
        assert_eq!(busy(&UpdateState::Restarting), Some("restarts"));
    }

    #[test]
    fn a_room_with_nobody_in_it_is_no_meeting() {
        let mut now = Sample { rooms: 2, ..Sample::default() };
        assert_eq!(meetings(&now), 0);
        now.participants = 3;
        now.meetings = vec![MeetingSample { participants: 3, ..MeetingSample::default() }];
        assert_eq!(meetings(&now), 1);
        // Of many the dearest are listed alone.
        (now.rooms, now.meetings) = (40, vec![MeetingSample::default(); MOST]);
        assert_eq!(meetings(&now), 40);
    }

    #[test]
    fn the_worst_alarm_is_named_without_what_it_is_about() {
        let full = Doing { alarm: Some((AlarmKind::DiskFull, 0)), ..Doing::default() };
        assert_eq!(full.alarm().unwrap(), "disk full: the panel says what to do");
        let more = Doing { alarm: Some((AlarmKind::TargetGivenUp, 2)), ..Doing::default() };
        assert_eq!(more.alarm().unwrap(), "target given up, and 2 more: the panel says what to do");
    }
}
