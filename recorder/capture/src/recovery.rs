//! After a crash or a power cut: what was cut short is mended, what is unknown is imported, and
//! nothing is ever deleted.

use crate::depacketise::Configuration;
use crate::error::CaptureError;
use crate::folder::{RecordingFolder, read_manifest, read_timeline, write_manifest};
use crate::manifest::{
    Codec, EndReason, Ended, Manifest, MediaKind, Part, RecordedLayer, RecordedTrack,
};
use crate::matroska::{PartFormat, PartReader, repair_part};
use crate::storage::LocalDisk;
use crate::timeline::{TimelineEvent, TimelineLine};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A recording that had not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// Every readable part sealed, `ended` still open.
    pub manifest: Manifest,
    /// Where its media ended, microseconds since its start.
    pub last_us: u64,
    /// Files that could not be read; they stay where they are.
    pub unreadable: Vec<String>,
}

/// What a scan of all recordings found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Cut short: to be continued or ended.
    pub interrupted: Vec<Recovered>,
    /// Ended properly; what the disk had refused to seal is mended.
    pub whole: Vec<Manifest>,
    /// Folders that nothing can be made of. They stay as they are.
    pub unreadable: Vec<Unreadable>,
}

/// A folder that nothing can be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub folder: String,
    pub why: String,
    pub cause: Cause,
}

/// Why nothing can be made of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its manifest is damaged: the next look finds the same.
    Damaged,
    /// The disk does not read it out.
    Disk,
    /// All is there, and waits: for a disk that can be written again, or for the newer version that wrote it.
    Waits,
}

impl Unreadable {
    fn of(folder: String, error: &CaptureError) -> Self {
        let cause = match error {
            CaptureError::ParseManifest { .. } => Cause::Damaged,
            CaptureError::ReadManifest { source, .. } if source.raw_os_error().is_some() => {
                Cause::Disk
            }
            _ => Cause::Waits,
        };
        Self { folder, why: error.to_string(), cause }
    }
}

/// Scans the folder of all recordings and mends those that were cut short.
///
/// # Errors
/// The folder itself cannot be read; one bad recording is reported in the scan.
pub fn scan(root: &Path) -> Result<Scan, CaptureError> {
    let mut scan = Scan::default();
    if !root.exists() {
        return Ok(scan);
    }
    let read = |source| CaptureError::PrepareFolder { path: root.to_owned(), source };
    for entry in fs::read_dir(root).map_err(read)? {
        match entry {
            Ok(entry) => look(&entry.path(), &mut scan),
            Err(error) => {
                let (folder, why) = (String::new(), error.to_string());
                scan.unreadable.push(Unreadable { folder, why, cause: Cause::Disk });
            }
        }
    }
    Ok(scan)
}

/// The same of one recording, which nobody is writing.
pub fn scan_one(root: &Path, recording: &str) -> Scan {
    let mut scan = Scan::default();
    look(&root.join(recording), &mut scan);
    scan
}

fn look(folder: &Path, scan: &mut Scan) {
    if !folder.is_dir() {
        return;
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let manifest = match read_manifest(folder) {
        Ok(manifest) => manifest,
        Err(error) => {
            scan.unreadable.push(Unreadable::of(name, &error));
            return;
        }
    };
    // The disk may have refused to seal a part of one that ended.
    let sealed = manifest.parts.iter().all(|part| part.bytes.is_some());
    if manifest.ended.is_some() && sealed {
        scan.whole.push(manifest);
        return;
    }
    match recover(folder, manifest) {
        Ok(recovered) if recovered.manifest.ended.is_some() => {
            scan.whole.push(recovered.manifest);
        }
        Ok(recovered) => scan.interrupted.push(recovered),
        Err(error) => scan.unreadable.push(Unreadable::of(name, &error)),
    }
}

/// What lies in a folder whose manifest cannot be read: the tracks that can be played, for people to take away.
/// `timeline`: its own. Nothing is written.
pub fn found_in(folder: &Path, recording: &str, room: &str, timeline: &[TimelineLine]) -> Manifest {
    let mut manifest = Manifest::new(recording, room, 0, String::new());
    import_unlisted(folder, timeline, &mut manifest);
    manifest.parts.sort_by(|a, b| (a.start_us, &a.file).cmp(&(b.start_us, &b.file)));
    for part in &mut manifest.parts {
        part.bytes = fs::metadata(folder.join(&part.file)).ok().map(|found| found.len());
    }
    import_tracks(timeline, &mut manifest);
    manifest
}

/// Mends one recording: torn tails are cut, torn heads put right, parts sealed, unlisted parts
/// imported. What holds no frame is no part: its file stays and is not listed.
///
/// # Errors
/// The manifest cannot be written.
pub fn recover(folder: &Path, mut manifest: Manifest) -> Result<Recovered, CaptureError> {
    let mut unreadable = Vec::new();
    let timeline = read_timeline(folder);
    let listed = manifest.parts.len();
    import_unlisted(folder, &timeline, &mut manifest);
    for (number, part) in manifest.parts.iter_mut().enumerate() {
        if part.end_us.is_some() && part.bytes.is_some() {
            continue;
        }
        let format = (number < listed).then(|| PartFormat::from(&*part));
        match repair_part(&folder.join(&part.file), format.as_ref()) {
            Ok(repaired) => {
                part.end_us = Some(part.start_us + repaired.end_us.max(0) as u64);
                part.bytes = Some(repaired.bytes);
                tracing::info!(recording = %manifest.recording, part = %part.file,
                    imported = number >= listed, frames = repaired.frames, cut = repaired.cut,
                    holes = repaired.holes, head_rebuilt = repaired.rebuilt, "part mended");
            }
            // One that was cut before a cluster was on the disk holds no frame yet.
            Err(error @ CaptureError::NotAPart { .. }) => {
                tracing::warn!(recording = %manifest.recording, part = %part.file, %error,
                    "part left as it is");
                unreadable.push(part.file.clone());
            }
            // The disk's fault and not the part's: the next start tries again, or finds it again.
            Err(error) => {
                tracing::error!(recording = %manifest.recording, part = %part.file, %error,
                    "part not mended yet");
                if number >= listed {
                    unreadable.push(part.file.clone());
                }
            }
        }
    }
    manifest.parts.retain(|part| !unreadable.contains(&part.file));
    import_tracks(&timeline, &mut manifest);
    manifest.paused = was_paused(&timeline, manifest.paused);
    let last_us = manifest.parts.iter().filter_map(|part| part.end_us).max().unwrap_or(0);
    // It was cut off where the parts ended that could be mended then.
    if let Some(ended) = &mut manifest.ended
        && ended.reason == EndReason::Interrupted
    {
        ended.at_us = ended.at_us.max(last_us);
    }
    write_manifest(&LocalDisk, folder, &manifest)?;
    Ok(Recovered { manifest, last_us, unreadable })
}

/// Whether somebody had paused it: the timeline is written at once, the manifest a round later.
fn was_paused(timeline: &[TimelineLine], known: bool) -> bool {
    let told = timeline.iter().rev().find_map(|line| match line.event {
        TimelineEvent::Pause => Some(true),
        TimelineEvent::Resume => Some(false),
        _ => None,
    });
    told.unwrap_or(known)
}

/// Ends a recovered recording that does not go on.
///
/// # Errors
/// The manifest cannot be written.
pub fn end_interrupted(root: &Path, recovered: Recovered) -> Result<Manifest, CaptureError> {
    let mut manifest = recovered.manifest;
    let folder = root.join(&manifest.recording);
    let (reason, at_us) = (EndReason::Interrupted, recovered.last_us);
    manifest.ended = Some(Ended { reason, at_us });
    let mut recording = RecordingFolder::open(Arc::new(LocalDisk), &folder)?;
    recording.log(at_us, TimelineEvent::End { reason })?;
    write_manifest(&LocalDisk, &folder, &manifest)?;
    Ok(manifest)
}

/// Adds parts that are on the disk and not in the manifest: it is written after them.
fn import_unlisted(folder: &Path, timeline: &[TimelineLine], manifest: &mut Manifest) {
    let Ok(entries) = fs::read_dir(folder.join("tracks")) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = format!("tracks/{name}");
        if manifest.parts.iter().any(|part| part.file == file) {
            continue;
        }
        let mut pieces = name.rsplit('.');
        let (Some("mkv"), Some(number), Some(layer), Some(track)) =
            (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        else {
            continue;
        };
        let layers =
            [RecordedLayer::Audio, RecordedLayer::Top, RecordedLayer::Low, RecordedLayer::Screen];
        let layer = layers.into_iter().find(|known| known.file_stem() == layer);
        let (Some(layer), Ok(number)) = (layer, number.parse()) else { continue };
        let Ok(reader) = PartReader::open(&path) else { continue };
        let info = reader.info();
        let opened = timeline.iter().find_map(|line| match &line.event {
            TimelineEvent::Part { file: of, .. } if *of == file => Some(line.t),
            _ => None,
        });
        // If not even the timeline has it: after everything else of its track and layer.
        let before = manifest.parts.iter().filter(|p| p.track == track && p.layer == layer);
        let after = before.filter_map(|part| part.end_us).max().unwrap_or(0);
        let start_us = opened.unwrap_or(after);
        let codec_private = match info.codec {
            Codec::Opus => Vec::new(),
            _ => info.codec_private.clone(),
        };
        let (width, height) = (info.width, info.height);
        let configuration = Configuration { codec_private, width, height };
        let of = (track, layer, number);
        manifest.parts.push(Part::open(&name, of, info.codec, &configuration, start_us));
    }
}

/// Adds tracks that have parts and are not in the manifest, from what the timeline says of them.
fn import_tracks(timeline: &[TimelineLine], manifest: &mut Manifest) {
    let known = |manifest: &Manifest, id: &str| manifest.tracks.iter().any(|t| t.track == id);
    let orphans: Vec<(String, Codec)> = manifest
        .parts
        .iter()
        .filter(|part| !known(manifest, &part.track))
        .map(|part| (part.track.clone(), part.codec))
        .collect();
    for (id, codec) in orphans {
        if known(manifest, &id) {
            continue;
        }
        let published = timeline.iter().find_map(|line| match &line.event {
            TimelineEvent::Pub { track, participant, identity, kind, source, .. }
                if *track == id =>
            {
                Some((participant.clone(), identity.clone(), *kind, *source))
            }
            _ => None,
        });
        let kind = if codec == Codec::Opus { MediaKind::Audio } else { MediaKind::Video };
        let nobody = (String::new(), String::new(), kind, crate::manifest::TrackSource::Unknown);
        let (participant, identity, kind, source) = published.unwrap_or(nobody);
        let name = timeline.iter().rev().find_map(|line| match &line.event {
            TimelineEvent::Join { participant: of, name, .. } if *of == participant => {
                Some(name.clone())
            }
            _ => None,
        });
        let name = name.unwrap_or_else(|| identity.clone());
        manifest.tracks.push(RecordedTrack {
            track: id,
            participant,
            identity,
            name,
            kind,
            source,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Ended;
    use crate::matroska::PartWriter;
    use std::io::{Seek, Write};

    /// Opens a part of the recording in `folder` and writes so many frames, 100 ms apart.
    fn part(folder: &Path, number: u32, codec: Codec, frames: i64) -> Part {
        let codec_private = if codec == Codec::H264 { vec![1, 66, 0, 30] } else { Vec::new() };
        let configuration = Configuration { codec_private, width: 640, height: 360 };
        let name = format!("TR_1.top.{number}.mkv");
        let of = ("TR_1", RecordedLayer::Top, number);
        let part = Part::open(&name, of, codec, &configuration, u64::from(number) * 1_000_000);
        let path = folder.join(&part.file);
        let mut writer =
            PartWriter::create(&LocalDisk, &path, &PartFormat::from(&part), 400_000).unwrap();
        for n in 0..frames {
            writer.frame(n * 100_000, n == 0, &[n as u8; 50]).unwrap();
        }
        writer.flush().unwrap();
        part
    }

    fn manifest(parts: Vec<Part>) -> Manifest {
        Manifest { parts, ..Manifest::new("rec_1", "r", 0, "b".to_owned()) }
    }

    #[test]
    fn what_holds_no_frame_is_not_listed_and_what_does_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tracks")).unwrap();
        let listed = vec![
            part(folder.path(), 0, Codec::Vp8, 9),
            part(folder.path(), 1, Codec::Vp8, 0),
            part(folder.path(), 2, Codec::H264, 5),
        ];
        part(folder.path(), 3, Codec::Vp8, 7);
        part(folder.path(), 4, Codec::Vp8, 0);
        // A head that the manifest knows, and one that nobody does.
        part(folder.path(), 5, Codec::H264, 5);
        for number in [2, 5] {
            let path = folder.path().join(format!("tracks/TR_1.top.{number}.mkv"));
            let mut torn = fs::OpenOptions::new().write(true).open(path).unwrap();
            torn.seek(std::io::SeekFrom::Start(20)).unwrap();
            torn.write_all(&[0; 200]).unwrap();
        }
        let before = fs::read_dir(folder.path().join("tracks")).unwrap().count();
        let manifest = serde_json::to_string(&manifest(listed)).unwrap();
        assert!(manifest.contains("0142001e"), "what decoders need is in the manifest");
        let recovered = recover(folder.path(), serde_json::from_str(&manifest).unwrap()).unwrap();
        let parts = recovered.manifest.parts.iter();
        let kept: Vec<_> = parts.map(|part| (part.number, part.end_us)).collect();
        assert_eq!(kept, [(0, Some(900_000)), (2, Some(2_500_000)), (3, Some(700_000))]);
        let left = fs::read_dir(folder.path().join("tracks")).unwrap().count();
        assert_eq!(left, before, "nothing is deleted");
        let read = read_manifest(folder.path()).unwrap();
        assert_eq!(read, recovered.manifest);
        let mut reader = PartReader::open(&folder.path().join(&read.parts[1].file)).unwrap();
        assert_eq!(reader.info().codec_private, [1, 66, 0, 30]);
        assert_eq!(std::iter::from_fn(|| reader.next_frame().unwrap()).count(), 5);
    }

    #[test]
    fn a_disk_that_fails_at_a_start_takes_no_part_out_of_what_has_ended() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("rec_1");
        fs::create_dir_all(folder.join("tracks")).unwrap();
        let mut ended = manifest(vec![part(&folder, 0, Codec::Vp8, 9)]);
        ended.ended = Some(Ended { reason: EndReason::Stopped, at_us: 900_000 });
        write_manifest(&LocalDisk, &folder, &ended).unwrap();
        let (file, aside) = (folder.join(&ended.parts[0].file), root.path().join("aside"));
        fs::rename(&file, &aside).unwrap();
        // It cannot be read as a file: what a disk that answers EIO looks like from here.
        fs::create_dir(&file).unwrap();
        let sealed = || -> Vec<Option<u64>> {
            let parts = &scan(root.path()).unwrap().whole[0].parts;
            parts.iter().map(|part| part.end_us).collect()
        };
        assert_eq!(sealed(), [None], "it stays listed");
        fs::remove_dir(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
        assert_eq!(sealed(), [Some(900_000)]);
    }
}
