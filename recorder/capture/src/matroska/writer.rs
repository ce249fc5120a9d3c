//! Writes one part: playable at any moment, whole to its last cluster.

use super::ebml::{self, id};
use super::head::{Head, TRACK};
use super::kept::{Kept, KeptFile};
use super::reader::PartInfo;
use crate::error::CaptureError;
use crate::manifest::{Codec, Part};
use crate::storage::{Storage, StoredFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cluster may not span more: what is not yet in a cluster is lost at a power cut.
pub const LONGEST_CLUSTER_US: i64 = 500_000;
/// At most one cue in this time.
const CUE_US: i64 = 2_000_000;
const KEYFRAME: u8 = 0x80;
/// No frame is taken to be shown longer, whatever the distance of the last two.
const LONGEST_FRAME_US: i64 = 100_000;
/// Bytes of the checksum at a cluster's beginning.
const CRC_ELEMENT: usize = 6;

/// What the track's entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFormat {
    pub codec: Codec,
    /// `avcC` for H.264, empty for others.
    pub codec_private: Vec<u8>,
    /// Pixels; 0 for audio.
    pub width: u32,
    pub height: u32,
}

impl From<&Part> for PartFormat {
    fn from(part: &Part) -> Self {
        let (codec, codec_private) = (part.codec, part.codec_private.clone());
        Self { codec, codec_private, width: part.width, height: part.height }
    }
}

impl From<&PartInfo> for PartFormat {
    fn from(info: &PartInfo) -> Self {
        let (codec, codec_private) = (info.codec, info.codec_private.clone());
        Self { codec, codec_private, width: info.width, height: info.height }
    }
}

/// An open part.
pub struct PartWriter {
    file: Arc<dyn StoredFile>,
    kept: Kept,
    path: PathBuf,
    head: Head,
    longest_us: i64,
    at: u64,
    blocks: Vec<u8>,
    cluster_us: i64,
    cluster_open: bool,
    cluster_has_key: bool,
    last_us: i64,
    /// Distance of the last two frames: how long the last one is shown.
    frame_us: i64,
    cues: Vec<(u64, u64)>,
    last_cue_us: i64,
}

impl PartWriter {
    /// Creates the file and writes its head. Clusters span at most `cluster_us`, which is itself
    /// at most [`LONGEST_CLUSTER_US`].
    ///
    /// # Errors
    /// The file exists, or cannot be written: then it is taken away again.
    pub fn create(
        storage: &dyn Storage,
        path: &Path,
        format: &PartFormat,
        cluster_us: i64,
    ) -> Result<Self, CaptureError> {
        let open_error = |source| CaptureError::OpenPart { path: path.to_owned(), source };
        let file = storage.create(path).map_err(open_error)?;
        let head = Head::new(format);
        if let Err(source) = file.write_at(&[head.bytes()], 0) {
            drop(file);
            match storage.remove(path) {
                Ok(()) => tracing::warn!(part = %path.display(), "half a head was taken away"),
                Err(error) => {
                    tracing::warn!(part = %path.display(), %error, "half a head stays behind");
                }
            }
            return Err(open_error(source));
        }
        let kept = Kept::default();
        Ok(Self {
            file: Arc::new(KeptFile { file, kept: kept.clone() }),
            kept,
            path: path.to_owned(),
            longest_us: cluster_us.clamp(1_000, LONGEST_CLUSTER_US),
            at: head.length(),
            head,
            blocks: Vec::new(),
            cluster_us: 0,
            cluster_open: false,
            cluster_has_key: false,
            last_us: 0,
            frame_us: 0,
            cues: Vec::new(),
            last_cue_us: i64::MIN,
        })
    }

    /// The file, for whoever makes it durable.
    pub fn file(&self) -> Arc<dyn StoredFile> {
        self.file.clone()
    }

    pub fn bytes(&self) -> u64 {
        self.at
    }

    /// Time of the last frame, microseconds since the part's start.
    pub fn last_us(&self) -> i64 {
        self.last_us
    }

    /// When the last frame ends, microseconds since the part's start.
    pub fn end_us(&self) -> i64 {
        self.last_us + self.frame_us
    }

    /// Bytes that no cluster on the disk holds yet.
    #[cfg(test)]
    pub(crate) fn pending_bytes(&self) -> usize {
        self.blocks.len()
    }

    /// Whether the disk has kept all of it so far.
    pub(crate) fn kept_mark(&self) -> Kept {
        self.kept.clone()
    }

    /// # Errors
    /// The disk has refused to make durable what it had taken: there may be a hole in the part.
    pub fn kept(&self) -> Result<(), CaptureError> {
        match self.kept.holds() {
            true => Ok(()),
            false => Err(self.write_error(io::Error::other("the disk did not keep what it took"))),
        }
    }

    /// Adds a frame. `pts_us` counts from the part's start; one that falls is put right after the
    /// last.
    ///
    /// # Errors
    /// The disk refuses the cluster that ends here.
    pub fn frame(&mut self, pts_us: i64, keyframe: bool, data: &[u8]) -> Result<(), CaptureError> {
        let pts_us = pts_us.max(self.last_us);
        // A video cluster begins with its keyframe: that is where players seek to.
        let ends = self.cluster_open
            && (pts_us - self.cluster_us >= self.longest_us || (keyframe && !self.cluster_has_key));
        if ends {
            self.flush()?;
        }
        if !self.cluster_open {
            self.cluster_open = true;
            self.cluster_us = pts_us - pts_us.rem_euclid(1000);
            self.cluster_has_key = keyframe;
        }
        let relative = ((pts_us - self.cluster_us) / 1000) as i16;
        ebml::put_id(&mut self.blocks, id::SIMPLE_BLOCK);
        ebml::put_size(&mut self.blocks, data.len() as u64 + 4);
        self.blocks.push(0x80 | TRACK);
        self.blocks.extend_from_slice(&relative.to_be_bytes());
        self.blocks.push(if keyframe { KEYFRAME } else { 0 });
        self.blocks.extend_from_slice(data);
        self.frame_us = (pts_us - self.last_us).min(LONGEST_FRAME_US);
        self.last_us = pts_us;
        Ok(())
    }

    /// Writes what waits as one cluster, in one call.
    ///
    /// # Errors
    /// The disk refuses it; the cluster is kept and the next flush tries again.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        if !self.cluster_open {
            return Ok(());
        }
        let mut time = Vec::with_capacity(16);
        ebml::put_uint(&mut time, id::TIMESTAMP, (self.cluster_us / 1000) as u64);
        let mut head = Vec::with_capacity(48);
        ebml::put_id(&mut head, id::CLUSTER);
        ebml::put_size(&mut head, (CRC_ELEMENT + time.len() + self.blocks.len()) as u64);
        ebml::put_crc(&mut head, &[&time, &self.blocks]);
        head.extend_from_slice(&time);
        // Always at the same place: a write that failed half way is written over.
        let written = self.file.write_at(&[&head, &self.blocks], self.at);
        written.map_err(|source| self.write_error(source))?;
        if self.cluster_has_key && self.cluster_us - self.last_cue_us.max(-CUE_US) >= CUE_US {
            let position = self.at - self.head.segment_body();
            self.cues.push(((self.cluster_us / 1000) as u64, position));
            self.last_cue_us = self.cluster_us;
        }
        self.at += (head.len() + self.blocks.len()) as u64;
        self.blocks.clear();
        self.cluster_open = false;
        Ok(())
    }

    fn write_error(&self, source: io::Error) -> CaptureError {
        CaptureError::WritePart { path: self.path.clone(), source }
    }

    /// Ends the part: cues, seek head, duration, segment size. Returns the file's length.
    ///
    /// # Errors
    /// The disk refuses, or has not kept all of it; the part stays readable as it is.
    pub fn seal(mut self) -> Result<u64, CaptureError> {
        self.flush()?;
        self.kept()?;
        seal(&*self.file, &self.head, self.at, self.end_us(), &self.cues)
            .map_err(|source| self.write_error(source))
    }
}

/// Appends cues and writes the head anew; also for parts that a crash left open.
pub(super) fn seal(
    file: &dyn StoredFile,
    head: &Head,
    end: u64,
    duration_us: i64,
    cues: &[(u64, u64)],
) -> io::Result<u64> {
    let mut points = Vec::new();
    for (time_ms, position) in cues {
        let mut place = Vec::new();
        ebml::put_uint(&mut place, id::CUE_TRACK, u64::from(TRACK));
        ebml::put_uint(&mut place, id::CUE_CLUSTER_POSITION, *position);
        let mut point = Vec::new();
        ebml::put_uint(&mut point, id::CUE_TIME, *time_ms);
        ebml::put_bytes(&mut point, id::CUE_TRACK_POSITIONS, &place);
        ebml::put_bytes(&mut points, id::CUE_POINT, &point);
    }
    let mut tail = Vec::new();
    if !points.is_empty() {
        ebml::put_bytes(&mut tail, id::CUES, &points);
    }
    file.write_at(&[&tail], end)?;
    let length = end + tail.len() as u64;
    let cues_at = (!tail.is_empty()).then_some(end);
    file.write_at(&[&head.sealed(length, duration_us, cues_at)], 0)?;
    file.set_len(length)?;
    Ok(length)
}
