//! What a recording has on the disk: parts, timeline, manifest, and which of it is not durable
//! yet. It waits for no disk: making durable is another thread's work (see [`Round`]).

use super::names::file_name;
use crate::depacketise::{CodedFrame, Configuration};
use crate::error::CaptureError;
use crate::folder::RecordingFolder;
use crate::manifest::{Codec, Manifest, Part, RecordedLayer, RecordedTrack};
use crate::matroska::{Kept, PartFormat, PartWriter};
use crate::storage::{Storage, StoredFile};
use crate::timeline::{GapReason, TimelineEvent};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one round of syncing must do for a recording, in this order: contents, names, manifest.
/// So the manifest never says that a part is whole before it is.
pub(crate) struct Round {
    pub storage: Arc<dyn Storage>,
    pub files: Vec<Arc<dyn StoredFile>>,
    /// The folder of the parts, if there are new ones.
    pub names: Option<PathBuf>,
    /// The recording's folder and its newest manifest, if it changed.
    pub manifest: Option<(PathBuf, Manifest)>,
    /// By their index, the parts that this manifest says are whole, and whether the disk kept them.
    pub sealed: Vec<(usize, Kept)>,
    /// Names or the manifest were refused before.
    pub again: bool,
}

impl Round {
    /// Nothing but a manifest.
    pub fn of_manifest(storage: Arc<dyn Storage>, folder: &Path, manifest: Manifest) -> Self {
        let manifest = Some((folder.to_owned(), manifest));
        let (files, names, sealed, again) = Default::default();
        Self { storage, files, names, manifest, sealed, again }
    }

    /// Adds what a later round must do.
    pub fn merge(&mut self, later: Round) {
        for file in later.files {
            if !self.files.iter().any(|known| Arc::ptr_eq(known, &file)) {
                self.files.push(file);
            }
        }
        self.names = later.names.or(self.names.take());
        if later.manifest.is_some() {
            (self.manifest, self.sealed) = (later.manifest, later.sealed);
        }
        self.again |= later.again;
    }
}

/// A part that is being written.
pub(super) struct OpenPart {
    pub writer: PartWriter,
    pub configuration: Configuration,
    /// Time of its first frame.
    pub start_us: u64,
    /// Index in the manifest.
    index: usize,
    /// Length at the last round.
    known_bytes: u64,
    /// When the first frame came that no cluster on the disk holds yet.
    pending_since_us: Option<u64>,
}

impl OpenPart {
    /// Adds a frame that came at `arrived_us`, recording time.
    pub fn write(
        &mut self,
        offset_us: i64,
        arrived_us: u64,
        frame: &CodedFrame,
    ) -> Result<(), CaptureError> {
        let before = self.writer.bytes();
        let written = self.writer.frame(offset_us, frame.keyframe, &frame.data);
        if self.writer.bytes() != before {
            self.pending_since_us = None;
        }
        self.pending_since_us.get_or_insert(arrived_us);
        written
    }

    /// Writes what has waited for `longest_us`, by when it came and not by what its timestamps say.
    ///
    /// # Errors
    /// The disk refuses, or has not kept what it had taken.
    pub fn care(&mut self, t: u64, longest_us: i64) -> Result<(), CaptureError> {
        self.writer.kept()?;
        let waits =
            self.pending_since_us.is_some_and(|at| t.saturating_sub(at) as i64 >= longest_us);
        if waits {
            self.writer.flush()?;
            self.pending_since_us = None;
        }
        Ok(())
    }

    /// For how long the oldest frame has waited that no cluster on the disk holds.
    #[cfg(test)]
    pub fn waits_us(&self, t: u64) -> u64 {
        self.pending_since_us.map_or(0, |at| t.saturating_sub(at))
    }
}

pub(super) struct Ledger {
    folder: RecordingFolder,
    pub manifest: Manifest,
    cluster_us: i64,
    next_part: HashMap<(String, RecordedLayer), u32>,
    unsynced: Vec<Arc<dyn StoredFile>>,
    new_names: bool,
    manifest_changed: bool,
    timeline_changed: bool,
    sealed_bytes: u64,
    sealed: Vec<(usize, Kept)>,
    pub gaps: u64,
}

impl Ledger {
    pub fn new(folder: RecordingFolder, manifest: Manifest, cluster_us: i64) -> Self {
        let mut next_part = HashMap::new();
        for part in &manifest.parts {
            let next = next_part.entry((part.track.clone(), part.layer)).or_insert(0);
            *next = (*next).max(part.number + 1);
        }
        let sealed_bytes = manifest.parts.iter().filter_map(|part| part.bytes).sum();
        Self {
            folder,
            manifest,
            cluster_us,
            next_part,
            unsynced: Vec::new(),
            new_names: false,
            manifest_changed: false,
            timeline_changed: true,
            sealed_bytes,
            sealed: Vec::new(),
            gaps: 0,
        }
    }

    pub fn cluster_us(&self) -> i64 {
        self.cluster_us
    }

    /// Bytes of sealed parts.
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes
    }

    /// Logs an event; a timeline that cannot be written does not stop the media.
    pub fn log(&mut self, t: u64, event: TimelineEvent) {
        self.timeline_changed = true;
        if let Err(error) = self.folder.log(t, event) {
            tracing::warn!(recording = %self.manifest.recording, %error, "an event is lost");
        }
    }

    pub fn log_gap(
        &mut self,
        (track, layer): (&str, RecordedLayer),
        (from, to): (u64, u64),
        lost: u64,
        reason: GapReason,
    ) {
        if reason != GapReason::Silence {
            self.gaps += 1;
        }
        let track = track.to_owned();
        let (t, from) = (to, from.min(to));
        self.log(t, TimelineEvent::Gap { track, layer, from, to, lost, reason });
    }

    pub fn add_track(&mut self, track: RecordedTrack) {
        if !self.manifest.tracks.iter().any(|known| known.track == track.track) {
            self.manifest.tracks.push(track);
            self.manifest_changed = true;
        }
    }

    pub fn change_manifest(&mut self, change: impl FnOnce(&mut Manifest)) {
        change(&mut self.manifest);
        self.manifest_changed = true;
    }

    /// Opens the next part of a track's layer. Its number is the first that no file has: what was
    /// refused or never listed leaves files behind, and nothing is written over.
    pub fn open_part(
        &mut self,
        (track, layer): (&str, RecordedLayer),
        codec: Codec,
        start_us: u64,
        configuration: Configuration,
    ) -> Result<OpenPart, CaptureError> {
        let next = self.next_part.entry((track.to_owned(), layer)).or_insert(0);
        let Configuration { codec_private, width, height } = configuration.clone();
        let format = PartFormat { codec, codec_private, width, height };
        let (storage, tracks) = (self.folder.storage(), self.folder.tracks());
        let (name, writer) = loop {
            let name = format!("{}.{}.{next}.mkv", file_name(track), layer.file_stem());
            let path = tracks.join(&name);
            match PartWriter::create(&**storage, &path, &format, self.cluster_us) {
                Ok(writer) => break (name, writer),
                Err(CaptureError::OpenPart { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists =>
                {
                    tracing::info!(recording = %self.manifest.recording, file = name,
                        "a part's number is taken by a file that is no part");
                    *next += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let number = *next;
        *next += 1;
        self.unsynced.push(writer.file());
        self.new_names = true;
        let part = Part::open(&name, (track, layer, number), codec, &configuration, start_us);
        let file = part.file.clone();
        self.change_manifest(|manifest| manifest.parts.push(part));
        self.log(start_us, TimelineEvent::Part { track: track.to_owned(), layer, file });
        let (index, known_bytes) = (self.manifest.parts.len() - 1, writer.bytes());
        let pending_since_us = None;
        Ok(OpenPart { writer, configuration, start_us, index, known_bytes, pending_since_us })
    }

    /// Ends a part. One that the disk refuses to seal, or has not kept, stays open in the manifest:
    /// repair mends it.
    pub fn seal_part(&mut self, part: OpenPart) {
        let OpenPart { writer, start_us, index, .. } = part;
        self.unsynced.push(writer.file());
        let end_us = start_us + writer.end_us().max(0) as u64;
        let kept = writer.kept_mark();
        match writer.seal() {
            Ok(bytes) => {
                self.sealed_bytes += bytes;
                self.sealed.push((index, kept));
                self.change_manifest(|manifest| {
                    manifest.parts[index].end_us = Some(end_us);
                    manifest.parts[index].bytes = Some(bytes);
                });
            }
            Err(error) => {
                tracing::error!(recording = %self.manifest.recording, %error,
                    "a part is not sealed: the next start will mend it");
            }
        }
    }

    /// Notes what a part has got since the last round.
    pub fn note_written(&mut self, part: &mut OpenPart) {
        if part.writer.bytes() != part.known_bytes {
            part.known_bytes = part.writer.bytes();
            self.unsynced.push(part.writer.file());
        }
    }

    /// Everything that is not durable; `None` if all is.
    pub fn take_round(&mut self) -> Option<Round> {
        if std::mem::take(&mut self.timeline_changed) {
            self.unsynced.push(self.folder.timeline_file());
        }
        if self.unsynced.is_empty() && !self.manifest_changed {
            return None;
        }
        let names = std::mem::take(&mut self.new_names).then(|| self.folder.tracks());
        let manifest = std::mem::take(&mut self.manifest_changed)
            .then(|| (self.folder.path().to_owned(), self.manifest.clone()));
        let files = std::mem::take(&mut self.unsynced);
        let sealed = if manifest.is_some() { self.sealed.clone() } else { Vec::new() };
        let storage = self.folder.storage().clone();
        Some(Round { storage, files, names, manifest, sealed, again: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Opening, WatchedDisk};
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The box's disk, full for so many files: they can be made, and not written to.
    struct FullDisk(AtomicU32);

    struct FullFile;

    impl StoredFile for FullFile {
        fn write_at(&self, _: &[&[u8]], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn sync(&self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    impl Opening for FullDisk {
        fn created(&self, file: Arc<dyn StoredFile>) -> Arc<dyn StoredFile> {
            let left = |left: u32| left.checked_sub(1);
            match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) {
                Ok(_) => Arc::new(FullFile),
                Err(_) => file,
            }
        }
    }

    /// A recording with one part, number 0, on a disk that is full for `full` files.
    fn ledger(path: &Path, full: u32) -> Ledger {
        let disk = Arc::new(WatchedDisk(Arc::new(FullDisk(AtomicU32::new(full)))));
        let part = Part::open("TR_1.a0.0.mkv", AUDIO_0, Codec::Opus, &Configuration::default(), 0);
        let begun = Manifest::new("rec_1", "r", 0, "b".to_owned());
        let manifest = Manifest { parts: vec![part], ..begun };
        Ledger::new(RecordingFolder::open(disk, path).unwrap(), manifest, 400_000)
    }

    const AUDIO_0: (&str, RecordedLayer, u32) = ("TR_1", RecordedLayer::Audio, 0);

    fn open(ledger: &mut Ledger) -> Result<u32, CaptureError> {
        let (track, layer, _) = AUDIO_0;
        let part = ledger.open_part((track, layer), Codec::Opus, 0, Configuration::default())?;
        Ok(ledger.manifest.parts[part.index].number)
    }

    fn files(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path.join("tracks")).unwrap();
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_part_that_cannot_be_opened_costs_no_number_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path(), 3);
        for _ in 0..3 {
            open(&mut ledger).unwrap_err();
        }
        assert_eq!((files(folder.path()).len(), ledger.manifest.parts.len()), (0, 1));
        assert_eq!((open(&mut ledger).unwrap(), open(&mut ledger).unwrap()), (1, 2));
        assert_eq!(files(folder.path()), ["TR_1.a0.1.mkv", "TR_1.a0.2.mkv"]);
    }

    #[test]
    fn a_number_whose_file_is_there_is_left_out_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = ledger(folder.path(), 0);
        for number in [1, 2, 4] {
            fs::write(folder.path().join(format!("tracks/TR_1.a0.{number}.mkv")), b"not ours")
                .unwrap();
        }
        assert_eq!((open(&mut ledger).unwrap(), open(&mut ledger).unwrap()), (3, 5));
        let left = fs::read(folder.path().join("tracks/TR_1.a0.4.mkv")).unwrap();
        assert_eq!(left, b"not ours");
    }
}
