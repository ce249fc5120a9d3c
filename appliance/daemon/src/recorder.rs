//! The recorder joined with the media plane: a recording is a tap on its room's shard.

use roombox_capture::disk::Reserve;
use roombox_capture::manifest::{EndReason, Manifest};
use roombox_capture::{OpenRecording, Recorder, RecorderConfig, RecorderEvent, RecordingFigures};
use roombox_control::conference::{Command, RoomName};
use roombox_control::recordings::{RoomRecorder, Transcribed};
use roombox_net::{Plane, PlaneBusy, TapSink};
use roombox_sfu::tap::{TapId, TapItem};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// What the recorder tells the rest of the box.
#[derive(Debug)]
pub enum RecorderNews {
    Ended(Box<Manifest>),
    DiskWarning { free: u64, reserve: u64 },
}

/// Endings that may wait: they are as many as recordings, and rare.
const NEWS: usize = 4096;

#[derive(Clone)]
struct Tapped {
    room: RoomName,
    tap: TapId,
    /// Its recording is over: it is there only because the media plane could not be told yet.
    over: bool,
}

impl Tapped {
    fn new(room: &RoomName, tap: TapId) -> Self {
        Self { room: room.clone(), tap, over: false }
    }
}

type Taps = Arc<Mutex<HashMap<String, Tapped>>>;

/// The box's recorder.
pub struct BoxRecorder {
    plane: Arc<Plane>,
    recorder: Recorder,
    taps: Taps,
    next_tap: AtomicU64,
    root: PathBuf,
    reserve: Reserve,
}

struct Sink(roombox_capture::TapSink);

impl TapSink for Sink {
    fn offer(&mut self, item: TapItem) {
        self.0.push(item);
    }
}

fn locked(taps: &Taps) -> MutexGuard<'_, HashMap<String, Tapped>> {
    taps.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the recorder says becomes news, or a request to the media plane. What ended by itself, on a full disk, lets go
/// of its tap here: else its room's packets were copied for nobody until the meeting is over.
fn heard(
    event: RecorderEvent,
    taps: &Taps,
    command: impl Fn(&RoomName, Command) -> Result<(), PlaneBusy>,
) -> Option<RecorderNews> {
    match event {
        RecorderEvent::KeyframeWanted { recording, track, layer } => {
            let known = locked(taps).get(&recording).cloned();
            let Tapped { room, tap, .. } = known.filter(|tapped| !tapped.over)?;
            let wanted = Command::TapKeyframe { room: room.clone(), tap, track, layer };
            if command(&room, wanted).is_err() {
                tracing::debug!(%recording, "a keyframe will be asked for later");
            }
            None
        }
        RecorderEvent::TrackRefused { .. } => None,
        RecorderEvent::Ended { recording, manifest } => {
            close(&recording, taps, command);
            Some(RecorderNews::Ended(manifest))
        }
        RecorderEvent::DiskWarning { free, reserve } => {
            Some(RecorderNews::DiskWarning { free, reserve })
        }
    }
}

/// Closes a recording's tap, unless that was done. What the media plane is too busy for waits for [`close_again`].
fn close(
    recording: &str,
    taps: &Taps,
    command: impl Fn(&RoomName, Command) -> Result<(), PlaneBusy>,
) {
    let known = locked(taps).get_mut(recording).map(|tapped| {
        let said = std::mem::replace(&mut tapped.over, true);
        (tapped.clone(), said)
    });
    let Some((Tapped { room, tap, .. }, said)) = known else { return };
    match command(&room, Command::CloseTap { room: room.clone(), tap }) {
        Ok(()) => drop(locked(taps).remove(recording)),
        Err(PlaneBusy) if said => {}
        Err(PlaneBusy) => {
            tracing::warn!(recording, "the media plane is too busy to close a tap: tried again");
        }
    }
}

/// Tries again what the media plane was too busy for.
fn close_again(taps: &Taps, command: impl Fn(&RoomName, Command) -> Result<(), PlaneBusy>) {
    let over: Vec<String> = {
        let all = locked(taps);
        let over = all.iter().filter(|(_, tapped)| tapped.over);
        over.map(|(recording, _)| recording.clone()).collect()
    };
    for recording in over {
        close(&recording, taps, &command);
    }
}

impl BoxRecorder {
    /// Starts the recorder's threads; news come by the receiver.
    ///
    /// # Errors
    /// The folder cannot be made or a thread not be started.
    pub fn start(
        plane: Arc<Plane>,
        root: &Path,
        reserve: Reserve,
    ) -> Result<(Arc<Self>, mpsc::Receiver<RecorderNews>), roombox_capture::CaptureError> {
        let (news, receiver) = mpsc::channel(NEWS);
        let taps = Taps::default();
        let (of_events, asked) = (taps.clone(), plane.clone());
        let config = RecorderConfig { reserve: reserve.clone(), ..RecorderConfig::new(root, 0) };
        let recorder = Recorder::start(config, move |event| {
            let command = |room: &RoomName, command| asked.command_if_open(room, command);
            let Some(told) = heard(event, &of_events, command) else { return };
            if let Err(error) = news.try_send(told) {
                // Nothing is lost: the manifest is on the disk and the next start reads it.
                tracing::error!(%error, "the box does not hear its recorder");
            }
        })?;
        let recorder = Self {
            plane,
            recorder,
            taps,
            next_tap: AtomicU64::new(1),
            root: root.to_owned(),
            reserve,
        };
        Ok((Arc::new(recorder), receiver))
    }

    /// Has the media plane forget what it was too busy to forget before. To be called every second.
    pub fn tick(&self) {
        close_again(&self.taps, |room, command| self.plane.command_if_open(room, command));
    }

    /// Ends all recordings and waits until they are durable.
    pub fn stop_all(&self) {
        self.recorder.shutdown();
    }
}

impl RoomRecorder for BoxRecorder {
    fn begin(
        &self,
        room: &RoomName,
        recording: OpenRecording,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let id = recording.recording.clone();
        let tap = TapId(self.next_tap.fetch_add(1, Ordering::Relaxed));
        locked(&self.taps).insert(id.clone(), Tapped::new(room, tap));
        let sink = match self.recorder.open(recording) {
            Ok(sink) => sink,
            Err(stopped) => {
                locked(&self.taps).remove(&id);
                return Err(stopped.into());
            }
        };
        if let Err(busy) = self.plane.open_tap(room, tap, Box::new(Sink(sink))) {
            self.recorder.stop(&id, EndReason::Interrupted)?;
            return Err(Box::new(busy));
        }
        // It may have ended at once, on a disk that is full, before there was a tap to close.
        if !locked(&self.taps).contains_key(&id) {
            locked(&self.taps).insert(id.clone(), Tapped::new(room, tap));
            close(&id, &self.taps, |room, command| self.plane.command_if_open(room, command));
        }
        Ok(())
    }

    fn stop(&self, _: &RoomName, recording: &str, reason: EndReason) {
        close(recording, &self.taps, |room, command| self.plane.command_if_open(room, command));
        if let Err(error) = self.recorder.stop(recording, reason) {
            tracing::error!(recording, %error, "a recording cannot be stopped");
        }
    }

    fn pause(&self, recording: &str, paused: bool) {
        if let Err(error) = self.recorder.pause(recording, paused) {
            tracing::error!(recording, %error, "a recording cannot be paused");
        }
    }

    fn transcribed(&self, recording: &str, said: Transcribed) {
        if !self.recorder.transcribed(recording, said) {
            tracing::debug!(recording, "a caption is lost: the recorder is behind");
        }
    }

    fn marker(&self, recording: &str, text: &str) {
        if let Err(error) = self.recorder.marker(recording, text) {
            tracing::error!(recording, %error, "a marker is lost");
        }
    }

    fn figures(&self, recording: &str) -> Option<RecordingFigures> {
        self.recorder.figures(recording)
    }

    fn dropped(&self) -> u64 {
        self.recorder.dropped()
    }

    fn space(&self) -> io::Result<(u64, u64)> {
        Ok((roombox_capture::disk::free_space()(&self.root)?, (self.reserve)()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_ends_by_itself_lets_go_of_its_tap_once() {
        let taps = Taps::default();
        let tapped = Tapped::new(&RoomName::from("Hall"), TapId(7));
        locked(&taps).insert("rec_1".to_owned(), tapped);
        let asked = RefCell::new(Vec::new());
        let command = |room: &RoomName, command: Command| {
            let Command::CloseTap { tap, .. } = command else { panic!("{command:?}") };
            asked.borrow_mut().push((room.clone(), tap));
            Ok(())
        };
        let ended = || RecorderEvent::Ended {
            recording: "rec_1".to_owned(),
            manifest: Box::new(Manifest::new("rec_1", "Hall", 0, String::new())),
        };
        assert!(matches!(heard(ended(), &taps, command), Some(RecorderNews::Ended(_))));
        assert_eq!(*asked.borrow(), [(RoomName::from("Hall"), TapId(7))]);
        // Somebody has stopped it: there is nothing left to close, and its end is news all the same.
        assert!(matches!(heard(ended(), &taps, command), Some(RecorderNews::Ended(_))));
        assert_eq!(asked.borrow().len(), 1);
    }

    #[test]
    fn a_tap_that_the_plane_was_too_busy_to_close_is_closed_later_and_once() {
        let taps = Taps::default();
        locked(&taps).insert("rec_1".to_owned(), Tapped::new(&RoomName::from("Hall"), TapId(7)));
        locked(&taps).insert("rec_2".to_owned(), Tapped::new(&RoomName::from("Hall"), TapId(8)));
        let (busy, asked) = (RefCell::new(true), RefCell::new(Vec::new()));
        let command = |_: &RoomName, command: Command| {
            if *busy.borrow() {
                return Err(PlaneBusy);
            }
            asked.borrow_mut().push(command);
            Ok(())
        };
        close("rec_1", &taps, command);
        close_again(&taps, command);
        let keyframe = RecorderEvent::KeyframeWanted {
            recording: "rec_1".to_owned(),
            track: "TR_1".into(),
            layer: roombox_sfu::tap::TapLayer::Top,
        };
        *busy.borrow_mut() = false;
        assert!(heard(keyframe, &taps, command).is_none());
        assert!(asked.borrow().is_empty(), "nobody wants a picture of what is over");
        close_again(&taps, command);
        close_again(&taps, command);
        let asked = asked.into_inner();
        assert!(matches!(asked[..], [Command::CloseTap { tap: TapId(7), .. }]), "{asked:?}");
        assert!(locked(&taps).contains_key("rec_2") && locked(&taps).len() == 1);
    }
}
