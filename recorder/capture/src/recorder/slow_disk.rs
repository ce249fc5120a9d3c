//! A disk that stands still: nobody waits for it, and what it costs is counted.

use super::{OpenRecording, QUEUE, Recorder, RecorderConfig, RecorderEvent};
use crate::manifest::{EndReason, Manifest};
use crate::read_manifest;
use crate::storage::{LocalDisk, Storage, StoredFile};
use roombox_sfu::tap::{TapEvent, TapItem};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Instant;

#[derive(Default)]
struct Gate {
    open: bool,
    /// The writer stands before it.
    reached: bool,
}

/// The box's disk behind a gate: no file can be opened until it is.
#[derive(Default)]
struct StandingDisk {
    gate: Mutex<Gate>,
    changed: Condvar,
}

impl StandingDisk {
    fn pass(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.reached = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(gate, |gate| !gate.open).unwrap());
    }

    fn until_reached(&self) {
        let gate = self.gate.lock().unwrap();
        drop(self.changed.wait_while(gate, |gate| !gate.reached).unwrap());
    }

    fn open(&self) {
        self.gate.lock().unwrap().open = true;
        self.changed.notify_all();
    }
}

impl Storage for StandingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.pass();
        LocalDisk.create(path)
    }

    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)> {
        self.pass();
        LocalDisk.extend(path)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        LocalDisk.replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.sync_folder(path)
    }
}

fn recorder(root: &Path, disk: Arc<StandingDisk>) -> (Recorder, mpsc::Receiver<Manifest>) {
    let (ended, endings) = mpsc::channel();
    let config = RecorderConfig { storage: disk, ..RecorderConfig::new(root, 0) };
    let recorder = Recorder::start(config, move |event| {
        if let RecorderEvent::Ended { manifest, .. } = event {
            ended.send(*manifest).unwrap();
        }
    });
    (recorder.unwrap(), endings)
}

fn open(resume: Option<Manifest>) -> OpenRecording {
    let (recording, room) = ("rec_1".to_owned(), "r".to_owned());
    OpenRecording { recording, room, resume: resume.map(Box::new) }
}

#[test]
fn what_a_standing_disk_costs_is_counted_to_the_last_and_kept() {
    const TOO_MANY: u64 = 1234;
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    let (recorder, endings) = recorder(folder.path(), disk.clone());
    let sink = recorder.open(open(None)).unwrap();
    disk.until_reached();
    for _ in 0..QUEUE as u64 + TOO_MANY {
        sink.push(TapItem { at: Instant::now(), event: TapEvent::Speakers(Vec::new()) });
    }
    assert_eq!(recorder.dropped(), TOO_MANY, "known while the disk stands");
    disk.open();
    // Nothing follows that could tell of the losses.
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    let manifest = endings.recv().unwrap();
    assert_eq!(manifest.dropped, TOO_MANY);
    assert_eq!(read_manifest(&folder.path().join("rec_1")).unwrap(), manifest);
}

#[test]
fn a_recording_that_goes_on_keeps_its_count() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    disk.open();
    let (recorder, endings) = recorder(folder.path(), disk);
    let end = |request| {
        drop(recorder.open(request).unwrap());
        recorder.stop("rec_1", EndReason::Stopped).unwrap();
        endings.recv().unwrap()
    };
    let before = Manifest { dropped: 7, ended: None, ..end(open(None)) };
    assert_eq!(end(open(Some(before))).dropped, 7);
    assert_eq!(recorder.dropped(), 0, "that was another time");
}
