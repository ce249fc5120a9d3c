//! Recordings whose end the disk or the store refuses: none of them is lost, recorded on, or in the way.

use super::*;
use crate::conference::quiet::Quiet;
use crate::events::Envelope;
use crate::jobs::{Attempt, DeskTask, JobsParts, Machine, Workers};
use crate::retention::Retention;
use crate::rooms::RoomRules;
use crate::store::RoomRow;
use roombox_capture::manifest::{Codec, Ended, Manifest, MediaKind, TrackSource};
use roombox_capture::matroska::{PartFormat, PartWriter};
use roombox_capture::read_manifest;
use roombox_capture::storage::LocalDisk;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::broadcast;

/// Nobody who makes films.
struct Nobody;

/// A recorder without disk: what was ended, and why.
#[derive(Default)]
pub(super) struct Ends {
    ends: Mutex<Vec<(String, EndReason)>>,
    /// Bytes of the disk that are not free.
    pub(super) taken: AtomicU64,
}

impl RoomRecorder for Ends {
    fn begin(
        &self,
        _: &RoomName,
        _: OpenRecording,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    fn stop(&self, _: &RoomName, recording: &str, reason: EndReason) {
        self.ends.lock().unwrap().push((recording.to_owned(), reason));
    }

    fn pause(&self, _: &str, _: bool) {}

    fn transcribed(&self, _: &str, _: Transcribed) {}

    fn marker(&self, _: &str, _: &str) {}

    fn figures(&self, _: &str) -> Option<RecordingFigures> {
        None
    }

    fn dropped(&self) -> u64 {
        0
    }

    fn space(&self) -> io::Result<(u64, u64)> {
        Ok(((1 << 40) - self.taken.load(Ordering::Relaxed), 0))
    }
}

impl Workers for Nobody {
    fn start(&self, _: Attempt, _: JobSpec) {}

    fn kill(&self, _: Attempt) {}

    fn clear(&self, _: &JobSpec) {}

    fn slow(&self, _: bool) {}
}

/// What comes next; where nothing does a test fails and does not wait for ever.
pub(crate) async fn soon<T>(next: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(20), next).await;
    waited.expect("nothing came for 20 s")
}

/// The next event that this takes.
pub(crate) async fn told<T>(
    live: &mut broadcast::Receiver<Arc<Envelope>>,
    take: impl Fn(&Envelope) -> Option<T>,
) -> T {
    soon(async {
        loop {
            if let Some(taken) = take(&live.recv().await.unwrap()) {
                return taken;
            }
        }
    })
    .await
}

/// What ends a recording in the store.
const END: &str = "UPDATE OF end_reason ON recordings";

pub(crate) struct Harness {
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) store: Arc<Store>,
    pub(super) ends: Arc<Ends>,
    folder: tempfile::TempDir,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(Nobody)).await.0
    }

    /// One whose jobs are done by these workers while the desk runs.
    pub(crate) async fn with(workers: Arc<dyn Workers>) -> (Self, DeskTask) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("recordings");
        fs::create_dir(&root).unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let events = Arc::<Events>::default();
        let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
        let (jobs, desk) = Jobs::new(JobsParts {
            store: store.clone(),
            events: events.clone(),
            settings: settings.clone(),
            workers,
            machine: Machine::idle(1),
        });
        let (conference, ends) = (Arc::<Quiet>::default(), Arc::<Ends>::default());
        let recorder = ends.clone();
        let parts = RecordingsParts {
            store: store.clone(),
            conference,
            recorder,
            jobs,
            settings,
            events,
            root,
        };
        let recordings = Arc::new(Recordings::new(parts));
        (Self { recordings, store, ends, folder }, desk)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// A recording of this state with a folder; `ended`: as its manifest says.
    async fn recording(&self, id: &str, state: RecordingState, ended: bool) -> Manifest {
        let row = RecordingRow {
            id: id.to_owned(),
            room_name: "r".to_owned(),
            ..RecordingRow::default()
        };
        self.store.recording_insert(row).await.unwrap();
        self.store.recording_set_state(id.to_owned(), state).await.unwrap();
        let ended = ended.then_some(Ended { reason: EndReason::Stopped, at_us: 0 });
        let manifest = Manifest { ended, ..Manifest::new(id, "r", 0, "b".to_owned()) };
        self.write(&manifest);
        manifest
    }

    pub(crate) async fn room(&self, id: &str, name: &str) {
        let room = RoomRow {
            id: id.to_owned(),
            name: name.to_owned(),
            invite: format!("invite of {id}"),
            kept: true,
            lobby: false,
            record_always: false,
            rules: RoomRules::default(),
            pin: String::new(),
            created_ms: 0,
        };
        assert!(self.store.room_insert(room).await.unwrap());
    }

    /// One that runs in room `r`.
    pub(crate) async fn runs(&self, id: &str) {
        self.recording(id, RecordingState::Recording, false).await;
        self.recordings.recover().await.unwrap();
        assert!(self.recordings.go_on_in("r").await.unwrap());
    }

    /// What deletes recordings by itself here.
    pub(crate) fn retention(&self) -> Retention {
        let Recordings { recorder, settings, .. } = &*self.recordings;
        let (recorder, settings) = (recorder.clone(), settings.clone());
        Retention::new(self.store.clone(), self.recordings.clone(), recorder, settings)
    }

    /// What was ended so far, and why.
    pub(crate) fn stops(&self) -> Vec<(String, EndReason)> {
        self.ends.ends.lock().unwrap().clone()
    }

    fn write(&self, manifest: &Manifest) {
        let folder = self.root().join(&manifest.recording);
        fs::create_dir_all(folder.join("tracks")).unwrap();
        let text = serde_json::to_vec(manifest).unwrap();
        fs::write(folder.join("manifest.json"), text).unwrap();
    }

    async fn state(&self, id: &str) -> RecordingState {
        self.store.recording_get(id.to_owned()).await.unwrap().unwrap().state
    }

    async fn minute(&self) {
        self.recordings.tick(Instant::now() + Duration::from_secs(61)).await;
    }
}

#[tokio::test]
async fn what_has_ended_is_never_recorded_on_though_its_manifest_does_not_say_so() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Ready, false).await;
    harness.recordings.recover().await.unwrap();
    let goes_on = harness.recordings.go_on_in("r").await.unwrap();
    assert!(!goes_on && harness.recordings.running_in("r").is_none());
    assert_eq!(harness.state("rec_1").await, RecordingState::Ready);
    let manifest = read_manifest(&harness.root().join("rec_1")).unwrap();
    assert!(manifest.ended.is_some(), "the next start would ask again");
}

#[tokio::test]
async fn what_is_being_recorded_is_not_deleted_whatever_its_row_says() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, false).await;
    harness.recordings.recover().await.unwrap();
    assert!(harness.recordings.go_on_in("r").await.unwrap());
    harness.store.recording_set_state("rec_1".to_owned(), RecordingState::Ready).await.unwrap();
    let deleted = harness.recordings.delete("rec_1").await;
    assert!(matches!(deleted, Err(ControlError::StillRecording)), "{deleted:?}");
    assert!(harness.root().join("rec_1").exists());
}

#[tokio::test]
async fn an_end_that_the_store_refuses_is_kept_a_minute_later() {
    let harness = Harness::new().await;
    let manifest = harness.recording("rec_1", RecordingState::Recording, true).await;
    harness.store.refuse(END).await;
    harness.recordings.ended(manifest).await.unwrap_err();
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
    harness.store.take_all().await;
    harness.recordings.tick(Instant::now()).await;
    assert_eq!(
        harness.state("rec_1").await,
        RecordingState::Recording,
        "it is not asked each time"
    );
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Empty);
}

#[tokio::test]
async fn one_recording_that_cannot_be_ended_keeps_no_box_from_starting() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, true).await;
    // Two of one room: the earlier is given up.
    harness.recording("rec_2", RecordingState::Recording, false).await;
    harness.recording("rec_3", RecordingState::Recording, false).await;
    harness.store.refuse(END).await;
    harness.recordings.recover().await.unwrap();
    assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
    harness.store.take_all().await;
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Empty);
    let left = [harness.state("rec_2").await, harness.state("rec_3").await];
    let waits = left.iter().filter(|state| **state == RecordingState::Recording).count();
    assert_eq!(waits, 1, "{left:?}: one waits for its room, the other one has ended");
}

#[tokio::test]
async fn a_folder_that_cannot_be_mended_at_the_start_is_mended_later() {
    let harness = Harness::new().await;
    let manifest = harness.recording("rec_1", RecordingState::Recording, true).await;
    let path = harness.root().join("rec_1/manifest.json");
    fs::remove_file(&path).unwrap();
    // What a disk that answers EIO looks like from here.
    fs::create_dir(&path).unwrap();
    harness.recordings.recover().await.unwrap();
    assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
    fs::remove_dir(&path).unwrap();
    harness.write(&manifest);
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Empty);
}

#[tokio::test]
async fn a_trash_that_cannot_be_emptied_keeps_no_box_from_starting() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, true).await;
    fs::create_dir_all(harness.root().join(".trash/rec_9")).unwrap();
    harness.recording("rec_9", RecordingState::Ready, true).await;
    harness.store.refuse("DELETE ON recordings").await;
    harness.recordings.recover().await.unwrap();
    assert_eq!(harness.state("rec_1").await, RecordingState::Empty);
    assert!(harness.root().join(".trash/rec_9").exists());
    harness.store.take_all().await;
    harness.minute().await;
    assert!(!harness.root().join(".trash").exists());
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_ends_its_recording_and_what_lies_there_can_be_fetched() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, false).await;
    let folder = harness.root().join("rec_1");
    // What a file system leaves after a power cut.
    fs::write(folder.join("manifest.json"), vec![0; 512]).unwrap();
    let published = TimelineEvent::Pub {
        track: "TR_1".to_owned(),
        participant: "PA_1".to_owned(),
        identity: "ada".to_owned(),
        kind: MediaKind::Video,
        source: TrackSource::Camera,
        muted: false,
    };
    let line = serde_json::to_string(&TimelineLine { t: 3_000_000, event: published }).unwrap();
    fs::write(folder.join("timeline.jsonl"), line + "\n").unwrap();
    let format =
        PartFormat { codec: Codec::Vp8, width: 640, height: 360, codec_private: Vec::new() };
    let path = folder.join("tracks/TR_1.top.0.mkv");
    let mut part = PartWriter::create(&LocalDisk, &path, &format, 400_000).unwrap();
    part.frame(0, true, &[7; 50]).unwrap();
    part.flush().unwrap();
    drop(part);
    let bytes = fs::metadata(&path).unwrap().len();
    harness.recordings.recover().await.unwrap();
    let over = harness.recordings.get("rec_1").await.unwrap();
    assert_eq!(over.state, RecordingState::Parked);
    assert_eq!(over.end_reason, Some(EndReason::Unreadable));
    assert_eq!((over.duration_ms, over.bytes), (3000, bytes));
    let track = &over.tracks.unwrap()[0];
    let file = &track.files[0];
    assert_eq!((track.participant.as_str(), file.bytes), ("ada", bytes));
    let (found, ..) = harness.recordings.file("rec_1", &file.name).await.unwrap();
    assert_eq!(found, path);
    assert_eq!(fs::read(folder.join("manifest.json")).unwrap(), vec![0; 512], "it stays");
    // Neither a later look nor a next start takes it up again.
    harness.minute().await;
    harness.recordings.recover().await.unwrap();
    assert_eq!(harness.state("rec_1").await, RecordingState::Parked);
}

#[tokio::test]
async fn a_disk_that_never_gives_a_manifest_back_keeps_no_recording_open_for_ever() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, false).await;
    let path = harness.root().join("rec_1/manifest.json");
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    harness.recordings.recover().await.unwrap();
    for _ in 0..9 {
        harness.minute().await;
        assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
    }
    harness.minute().await;
    assert_eq!(harness.state("rec_1").await, RecordingState::Parked);
    // Another disk gives it back.
    fs::remove_dir(&path).unwrap();
    fs::write(&path, kept).unwrap();
    harness.recordings.recover().await.unwrap();
    let back = harness.recordings.get("rec_1").await.unwrap();
    assert_eq!((back.state, back.end_reason), (RecordingState::Recording, None));
}

#[tokio::test]
async fn a_recording_of_a_newer_version_waits_for_it_however_long() {
    let harness = Harness::new().await;
    harness.recording("rec_1", RecordingState::Recording, false).await;
    let path = harness.root().join("rec_1/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["version"] = 99.into();
    fs::write(&path, manifest.to_string()).unwrap();
    harness.recordings.recover().await.unwrap();
    for _ in 0..15 {
        harness.minute().await;
    }
    assert_eq!(harness.state("rec_1").await, RecordingState::Recording);
}

#[tokio::test]
async fn a_person_who_stops_what_an_order_is_ending_has_ended_it() {
    for (by, why) in [(true, EndReason::Stopped), (false, EndReason::OrderEnded)] {
        let harness = Harness::new().await;
        harness.room("rm_1", "r").await;
        harness.runs("rec_1").await;
        harness.recordings.end("rec_1").await.unwrap();
        if by {
            harness.recordings.stop("rm_1").await.unwrap();
            // A second program that stops what it had ordered undoes nothing.
            harness.recordings.end("rec_1").await.unwrap();
        }
        // The recorder ends it once, and for the reason that it was given first.
        let folder = harness.root().join("rec_1");
        let ended = Some(Ended { reason: EndReason::OrderEnded, at_us: 0 });
        let manifest = Manifest { ended, ..read_manifest(&folder).unwrap() };
        harness.write(&manifest);
        harness.recordings.ended(manifest).await.unwrap();
        let row = harness.store.recording_get("rec_1".to_owned()).await.unwrap().unwrap();
        assert_eq!(row.end_reason, Some(why));
        let kept = read_manifest(&folder).unwrap().ended.map(|ended| ended.reason);
        assert_eq!(kept, Some(why), "its folder says the same");
    }
}
