//! What the schedule's conduct says is done: recordings begin and end, and notes are kept of them.

use super::conduct::{self, Fate, Planned, RecordedNow, RoomNow, Run, Step};
use super::{DAY, REST, Schedule};
use crate::error::ControlError;
use crate::events::Happening;
use crate::rooms::Room;
use std::time::Instant;

impl Schedule {
    /// After the clock was ahead: what was recorded in a wrong hour is recorded in its own.
    pub(super) async fn forget_too_early(&self, now_ms: u64) -> Result<(), ControlError> {
        let Some(was_ms) = self.state().ahead_ms else { return Ok(()) };
        for run in self.store.schedule_runs(now_ms.saturating_sub(DAY), Vec::new()).await? {
            if conduct::was_too_early(&run, now_ms, was_ms) {
                tracing::warn!(
                    key = run.planned.key,
                    "the clock was ahead when this was recorded: it is again"
                );
                self.store.schedule_run_delete(run.planned.key).await?;
            }
        }
        self.state().ahead_ms = None;
        Ok(())
    }

    pub(super) async fn conduct(
        &self,
        now_ms: u64,
        room: &Room,
        planned: &[Planned],
        runs: &[Run],
    ) -> Result<(), ControlError> {
        let on = conduct::on(now_ms, planned, runs);
        let run = on.and_then(|on| runs.iter().find(|run| run.planned.key == on.key));
        let fate = match run.and_then(|run| run.recording.as_deref()) {
            Some(recording) => self.recordings.fate(recording).await?,
            None => Fate::Deleted,
        };
        let recorded = self.recordings.recorded_in(&room.name);
        let open = room.meeting.as_ref().is_some_and(|meeting| meeting.participants > 0);
        let now = RoomNow {
            id: room.id.clone(),
            open,
            recorded: recorded.map(|(recording, ending)| RecordedNow { recording, ending }),
        };
        match conduct::next(now_ms, &now, planned, runs, |_| fate) {
            None => Ok(()),
            Some(Step::Begin(run)) => self.begin(room, run, runs).await,
            Some(Step::End) => {
                tracing::info!(room = %room.id, "what was planned is over: its recording ends");
                match self.recordings.stop(&room.id).await {
                    // Somebody was faster.
                    Ok(_) | Err(ControlError::NotRecording) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Some(Step::Adopt(run) | Step::Found(run) | Step::Follow(run) | Step::Leave(run)) => {
                self.store.schedule_run_put(run).await?;
                self.events.publish("schedule", Happening::ScheduleChanged);
                Ok(())
            }
        }
    }

    async fn begin(&self, room: &Room, mut run: Run, runs: &[Run]) -> Result<(), ControlError> {
        let key = run.planned.key.clone();
        {
            let mut state = self.state();
            state.resting.retain(|_, until| *until > Instant::now());
            if state.resting.contains_key(&key) {
                return Ok(());
            }
        }
        // First the note, then the recording: a crash in between leaves something that is found again.
        self.store.schedule_run_put(run.clone()).await?;
        match self.recordings.start_or_go_on(&room.id, None).await {
            Ok((recording, new)) => {
                // What was cut short and goes on is whose it was.
                let owned = |run: &Run| run.ours && run.recording.as_ref() == Some(&recording.id);
                run.ours = new || runs.iter().any(owned);
                run.recording = Some(recording.id.clone());
                tracing::info!(room = %room.id, recording = %recording.id,
                    "what is planned is being recorded");
                let title = run.planned.title.clone();
                self.store.schedule_run_put(run).await?;
                self.events.publish("schedule", Happening::ScheduleChanged);
                if new && !title.is_empty() {
                    self.recordings.set_title(&recording.id, &title).await?;
                }
                Ok(())
            }
            Err(error) => {
                // Taken back: somebody may press the button now, and then it is theirs.
                match runs.iter().find(|known| known.planned.key == key) {
                    Some(known) => self.store.schedule_run_put(known.clone()).await?,
                    None => self.store.schedule_run_delete(key.clone()).await?,
                }
                // They left, or somebody was faster: the next look says what is to be done.
                if !matches!(error, ControlError::NoMeeting | ControlError::AlreadyRecording) {
                    tracing::error!(room = %room.id, %error, "what is planned cannot be recorded: tried again");
                    self.state().resting.insert(key, Instant::now() + REST);
                }
                Ok(())
            }
        }
    }
}
