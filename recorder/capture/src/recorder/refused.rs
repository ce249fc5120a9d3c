//! A disk that refuses the one request that says that a recording has ended.

use super::{OpenRecording, Recorder, RecorderConfig, RecorderEvent};
use crate::folder::write_manifest;
use crate::manifest::{EndReason, Manifest};
use crate::recovery::scan;
use crate::storage::{LocalDisk, Storage, StoredFile};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The box's disk, but for one refusal.
#[derive(Default)]
struct RefusesOnce {
    /// The first manifest that says an end.
    end: AtomicBool,
    /// The timeline.
    timeline: AtomicBool,
}

fn refuse(due: &AtomicBool) -> io::Result<()> {
    match due.swap(false, Ordering::Relaxed) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    }
}

impl Storage for RefusesOnce {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        LocalDisk.create(path)
    }

    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)> {
        refuse(&self.timeline)?;
        LocalDisk.extend(path)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if String::from_utf8_lossy(content).contains("\"reason\"") {
            refuse(&self.end)?;
        }
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

/// Records until its end is told and the recorder is shut down; what the next start finds: how many have
/// ended, and how many were cut short.
fn found_after(root: &Path, disk: RefusesOnce, resume: Option<Manifest>) -> (usize, usize) {
    let (told, ends) = mpsc::channel();
    let config = RecorderConfig { storage: Arc::new(disk), ..RecorderConfig::new(root, 0) };
    let recorder = Recorder::start(config, move |event| {
        if let RecorderEvent::Ended { manifest, .. } = event {
            let _ = told.send(manifest);
        }
    })
    .unwrap();
    let (recording, room) = ("rec_1".to_owned(), "r".to_owned());
    recorder.open(OpenRecording { recording, room, resume: resume.map(Box::new) }).unwrap();
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    let manifest = ends.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(manifest.ended.is_some(), "an end is told that is none");
    recorder.shutdown();
    let scan = scan(root).unwrap();
    assert_eq!(scan.unreadable, []);
    (scan.whole.len(), scan.interrupted.len())
}

#[test]
fn an_end_that_the_disk_refused_once_is_on_it_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let disk = RefusesOnce { end: true.into(), ..RefusesOnce::default() };
    assert_eq!(found_after(root.path(), disk, None), (1, 0));
}

#[test]
fn what_cannot_go_on_has_ended_for_the_next_start_too() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("rec_1");
    fs::create_dir_all(folder.join("tracks")).unwrap();
    let cut = Manifest::new("rec_1", "r", 0, "b".to_owned());
    write_manifest(&LocalDisk, &folder, &cut).unwrap();
    let disk = RefusesOnce { timeline: true.into(), ..RefusesOnce::default() };
    assert_eq!(found_after(root.path(), disk, Some(cut)), (1, 0));
}
