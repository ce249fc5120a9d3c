//! A disk that refuses at its n-th request, for every n: what was recorded before stays, what comes after
//! is recorded again, and whatever is left can be read.

use super::{Recording, Round, Wish};
use crate::folder::RecordingFolder;
use crate::manifest::{EndReason, Manifest, RecordedLayer};
use crate::matroska::PartReader;
use crate::recorder::make_durable;
use crate::recovery::scan;
use crate::storage::{LocalDisk, Storage, StoredFile};
use roombox_sfu::tap::{TapEvent, TapLayer, TapPacket, TapTrack};
use roombox_sfu::track;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const LENGTH_US: u64 = 9_000_000;
const STEP_US: u64 = 20_000;
/// Pictures: ten a second, every tenth a keyframe.
const PICTURE_US: u64 = 100_000;
const KEYFRAME_US: u64 = 1_000_000;
const CLUSTER_US: i64 = 400_000;
/// One refusal costs a stream the cluster that was refused, a second until the disk is tried again, and
/// the time to the next keyframe.
const MOST_LOST_US: u64 = 400_000 + 1_000_000 + KEYFRAME_US + 100_000;

/// Refuses the `first` request and all others until `for_us` later, as a full disk or a broken one does.
struct Refusals {
    kind: io::ErrorKind,
    /// A refused sync loses what it was for, as Linux and a power cut do.
    forgets: bool,
    first: u64,
    for_us: u64,
    seen: AtomicU64,
    /// The recording's time, and that of the first refusal.
    now_us: AtomicU64,
    refused_us: AtomicU64,
}

impl Refusals {
    fn pass(&self) -> io::Result<()> {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        let now = self.now_us.load(Ordering::Relaxed);
        if number == self.first {
            self.refused_us.store(now, Ordering::Relaxed);
        } else if number < self.first
            || now >= self.refused_us.load(Ordering::Relaxed) + self.for_us
        {
            return Ok(());
        }
        Err(self.kind.into())
    }
}

#[derive(Clone)]
struct FailingDisk(Arc<Refusals>);

struct FailingFile {
    file: Arc<dyn StoredFile>,
    disk: FailingDisk,
    /// What was written since the last sync: from where, and how much.
    unsynced: Mutex<Vec<(u64, usize)>>,
}

impl StoredFile for FailingFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        if let Err(error) = self.disk.0.pass() {
            // Some of it is there, as a full disk leaves it.
            let all = pieces.concat();
            self.file.write_at(&[&all[..all.len() / 2]], offset)?;
            return Err(error);
        }
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.unsynced.lock().unwrap().push((offset, length));
        self.file.write_at(pieces, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.0.pass()?;
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        let passed = self.disk.0.pass();
        // What a refused sync was for is never written again, and gone when the power is.
        let lost = std::mem::take(&mut *self.unsynced.lock().unwrap());
        if passed.is_err() && self.disk.0.forgets {
            for (offset, length) in lost {
                self.file.write_at(&[&vec![0; length]], offset)?;
            }
        }
        passed?;
        self.file.sync()
    }
}

impl FailingDisk {
    fn file(&self, file: Arc<dyn StoredFile>) -> Arc<dyn StoredFile> {
        Arc::new(FailingFile { file, disk: self.clone(), unsynced: Mutex::default() })
    }
}

impl Storage for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.0.pass()?;
        Ok(self.file(LocalDisk.create(path)?))
    }

    fn extend(&self, path: &Path) -> io::Result<(Arc<dyn StoredFile>, u64)> {
        self.0.pass()?;
        let (file, length) = LocalDisk.extend(path)?;
        Ok((self.file(file), length))
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.0.pass()?;
        LocalDisk.replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.pass()?;
        LocalDisk.remove(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.0.pass()?;
        LocalDisk.make_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.pass()?;
        LocalDisk.sync_folder(path)
    }
}

/// In memory where that can be had: a run syncs a hundred times.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn published(id: &str, kind: track::MediaKind, source: track::TrackSource) -> TapEvent {
    TapEvent::Published(TapTrack {
        track: id.into(),
        participant: "PA_1".into(),
        identity: "one".into(),
        name: "One".to_owned(),
        kind,
        source,
        muted: false,
        encrypted: false,
    })
}

fn sound(n: u64) -> TapEvent {
    packet(("TR_a", TapLayer::Audio, track::Codec::Opus), n, (n * 960, 48_000), vec![0xfc; 60])
}

fn picture(n: u64) -> TapEvent {
    let key = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0];
    let mut payload = if n.is_multiple_of(10) { key.to_vec() } else { vec![0x10, 0x11, 0, 0] };
    payload.resize(400, 7);
    packet(("TR_v", TapLayer::Top, track::Codec::Vp8), n, (n * 9000, 90_000), payload)
}

fn packet(
    (id, layer, codec): (&str, TapLayer, track::Codec),
    seq: u64,
    (rtp, clock_rate): (u64, u32),
    payload: Vec<u8>,
) -> TapEvent {
    TapEvent::Packet(TapPacket {
        track: id.into(),
        layer,
        codec,
        ssrc: 1,
        seq,
        rtp,
        clock_rate,
        marker: true,
        payload: payload.into(),
        sender_report: None,
    })
}

fn merged(again: Option<Round>, new: Option<Round>) -> Option<Round> {
    match (again, new) {
        (Some(mut again), Some(new)) => {
            again.merge(new);
            Some(again)
        }
        (again, new) => again.or(new),
    }
}

/// Records nine seconds of one person; `None`: the disk had refused the folder, and nothing began.
fn record(root: &Path, disk: &FailingDisk) -> Option<Manifest> {
    let manifest = Manifest::new("rec_1", "r", 0, "b".to_owned());
    let folder = RecordingFolder::open(Arc::new(disk.clone()), &root.join("rec_1")).ok()?;
    let mut recording = Recording::new(folder, manifest, CLUSTER_US, Arc::default());
    recording.touch_manifest();
    let (mut wishes, mut again): (Vec<Wish>, Option<Round>) = Default::default();
    let (audio, video) = (track::MediaKind::Audio, track::MediaKind::Video);
    recording.item(0, published("TR_a", audio, track::TrackSource::Microphone), &mut wishes);
    recording.item(0, published("TR_v", video, track::TrackSource::Camera), &mut wishes);
    for t in (0..LENGTH_US).step_by(STEP_US as usize) {
        disk.0.now_us.store(t, Ordering::Relaxed);
        recording.item(t, sound(t / STEP_US), &mut wishes);
        if t % PICTURE_US == 0 {
            recording.item(t, picture(t / PICTURE_US), &mut wishes);
        }
        recording.tick(t, &mut wishes);
        if t % 1_000_000 == 0 {
            again = merged(again, recording.take_round())
                .and_then(|round| make_durable("rec_1", round));
        }
    }
    let (round, manifest) = recording.end(LENGTH_US, EndReason::Stopped);
    let last = merged(again, round).and_then(|round| make_durable("rec_1", round));
    last.and_then(|round| make_durable("rec_1", round));
    Some(manifest)
}

/// Moments of all frames that a start afterwards finds, by layer.
fn found(root: &Path) -> BTreeMap<RecordedLayer, Vec<u64>> {
    let scan = scan(root).unwrap();
    assert_eq!(scan.unreadable, [], "a recording that nothing can be made of");
    let mended = scan.interrupted.into_iter().map(|one| {
        assert_eq!(one.unreadable, Vec::<String>::new(), "parts that cannot be read");
        one.manifest
    });
    let mut found: BTreeMap<RecordedLayer, Vec<u64>> = BTreeMap::new();
    for manifest in scan.whole.into_iter().chain(mended) {
        for part in &manifest.parts {
            let path = root.join("rec_1").join(&part.file);
            let mut reader = PartReader::open(&path).unwrap();
            let moments = found.entry(part.layer).or_default();
            while let Some(frame) = reader.next_frame().unwrap() {
                moments.push(part.start_us + frame.pts_us.unsigned_abs());
            }
        }
    }
    found
}

/// The longest time of which nothing is there, as far as it lies within a stretch.
fn longest_hole(moments: &[u64], (from, to): (u64, u64)) -> u64 {
    let mut sorted = moments.to_vec();
    sorted.sort_unstable();
    let all: Vec<u64> = std::iter::once(0).chain(sorted).chain([LENGTH_US]).collect();
    let within = all.windows(2).map(|pair| pair[1].min(to).saturating_sub(pair[0].max(from)));
    within.max().unwrap_or(LENGTH_US)
}

const ALL: (u64, u64) = (0, LENGTH_US);

fn requests() -> u64 {
    let (folder, disk) = (scratch(), disk(io::ErrorKind::Other, u64::MAX, 0));
    record(folder.path(), &disk).unwrap();
    assert!(found(folder.path()).values().all(|moments| longest_hole(moments, ALL) <= PICTURE_US));
    disk.0.seen.load(Ordering::Relaxed)
}

fn disk(kind: io::ErrorKind, first: u64, for_us: u64) -> FailingDisk {
    let [seen, now_us, refused_us] = [0; 3].map(AtomicU64::new);
    let forgets = false;
    FailingDisk(Arc::new(Refusals { kind, forgets, first, for_us, seen, now_us, refused_us }))
}

#[test]
fn a_disk_that_refuses_once_costs_little_whenever_it_does() {
    let all = requests();
    assert!(all > 100, "{all} requests");
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut not_begun = 0;
        for first in 0..all {
            let folder = scratch();
            if record(folder.path(), &disk(kind, first, 0)).is_none() {
                not_begun += 1;
                continue;
            }
            let cut_short = scan(folder.path()).unwrap().interrupted.len();
            assert_eq!(cut_short, 0, "{kind:?} at request {first}: its end is not on the disk");
            let found = found(folder.path());
            for layer in [RecordedLayer::Audio, RecordedLayer::Top] {
                let moments = found.get(&layer).map(Vec::as_slice).unwrap_or_default();
                let hole = longest_hole(moments, ALL);
                assert!(hole <= MOST_LOST_US, "{kind:?} at request {first}: {layer:?}, {hole} µs");
            }
        }
        // The folder, the timeline, and their names.
        assert_eq!(not_begun, 4);
    }
}

#[test]
fn a_disk_that_refuses_for_a_while_is_recorded_on_again_and_loses_nothing_of_before() {
    const WHILE_US: u64 = 3_000_000;
    // From the first request of a recording that has begun.
    for first in (4..requests()).step_by(2) {
        let (folder, disk) = (scratch(), disk(io::ErrorKind::StorageFull, first, WHILE_US));
        record(folder.path(), &disk).unwrap();
        let from = disk.0.refused_us.load(Ordering::Relaxed);
        if from + WHILE_US > LENGTH_US {
            // It had not come back when the recording ended: whatever is there is read at the next start.
            continue;
        }
        let found = found(folder.path());
        // What was not written yet, and until it is tried again and a keyframe comes.
        let stretches =
            [(0, from.saturating_sub(600_000)), (from + WHILE_US + MOST_LOST_US, LENGTH_US)];
        for layer in [RecordedLayer::Audio, RecordedLayer::Top] {
            let moments = found.get(&layer).map(Vec::as_slice).unwrap_or_default();
            for stretch in stretches.into_iter().filter(|(from, to)| from < to) {
                let hole = longest_hole(moments, stretch);
                assert!(
                    hole <= PICTURE_US,
                    "from request {first}: {layer:?}, {hole} µs in {stretch:?}"
                );
            }
        }
    }
}

#[test]
fn what_a_refused_sync_was_for_is_all_that_a_power_cut_takes() {
    // Rounds are a second apart here.
    const MOST_US: u64 = MOST_LOST_US + 1_000_000;
    for first in 4..requests() {
        let (folder, mut disk) = (scratch(), disk(io::ErrorKind::Other, first, 0));
        Arc::get_mut(&mut disk.0).unwrap().forgets = true;
        record(folder.path(), &disk).unwrap();
        let found = found(folder.path());
        for layer in [RecordedLayer::Audio, RecordedLayer::Top] {
            let moments = found.get(&layer).map(Vec::as_slice).unwrap_or_default();
            let hole = longest_hole(moments, ALL);
            assert!(hole <= MOST_US, "at request {first}: {layer:?}, {hole} µs");
        }
    }
}
