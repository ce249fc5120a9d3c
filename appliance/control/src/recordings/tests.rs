//! Recordings whose end the disk or the store refuses: none of them is lost, recorded on, or in the way.

use super::*;
use crate::conference::quiet::Quiet;
use crate::jobs::{Attempt, JobsParts, Machine, Workers};
use roombox_capture::manifest::{Ended, Manifest};
use roombox_capture::read_manifest;
use std::fs;
use std::time::Instant;

/// A recorder without disk, and nobody who makes films.
struct Nobody;

impl RoomRecorder for Nobody {
    fn begin(
        &self,
        _: &RoomName,
        _: OpenRecording,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    fn stop(&self, _: &RoomName, _: &str, _: EndReason) {}

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
        Ok((1 << 40, 0))
    }
}

impl Workers for Nobody {
    fn start(&self, _: Attempt, _: JobSpec) {}

    fn kill(&self, _: Attempt) {}

    fn clear(&self, _: &JobSpec) {}

    fn slow(&self, _: bool) {}
}

/// What ends a recording in the store.
const END: &str = "UPDATE OF end_reason ON recordings";

pub(crate) struct Harness {
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) store: Arc<Store>,
    folder: tempfile::TempDir,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("recordings");
        fs::create_dir(&root).unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        let events = Arc::<Events>::default();
        let settings = Arc::new(SettingsDesk::load(store.clone(), events.clone()).await.unwrap());
        let (jobs, _) = Jobs::new(JobsParts {
            store: store.clone(),
            events: events.clone(),
            settings: settings.clone(),
            workers: Arc::new(Nobody),
            machine: Machine::idle(1),
        });
        let (conference, recorder) = (Arc::<Quiet>::default(), Arc::new(Nobody));
        let parts = RecordingsParts {
            store: store.clone(),
            conference,
            recorder,
            jobs,
            settings,
            events,
            root,
        };
        Self { recordings: Arc::new(Recordings::new(parts)), store, folder }
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
