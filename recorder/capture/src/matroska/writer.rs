//! Writes one part: playable at any moment, whole to its last cluster.

use super::ebml::{self, id};
use crate::error::CaptureError;
use crate::manifest::Codec;
use crate::storage::{Storage, StoredFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cluster may not span more: what is not yet in a cluster is lost at a power cut.
pub const LONGEST_CLUSTER_US: i64 = 500_000;
/// Kept free at the head for a seek head with three entries.
const SEEK_HEAD_ROOM: usize = 96;
/// At most one cue in this time.
const CUE_US: i64 = 2_000_000;
const TRACK: u8 = 1;
/// Opus decoders need 80 ms to converge (RFC 7845 §4.2), in nanoseconds.
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;
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

/// Where things are in the file that sealing must patch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub segment_size_at: u64,
    /// Positions in a segment count from here.
    pub segment_body: u64,
    pub seek_head_at: u64,
    pub info_at: u64,
    pub duration_at: u64,
    pub tracks_at: u64,
    /// First byte after the header: where clusters begin.
    pub clusters_at: u64,
}

/// An open part.
pub struct PartWriter {
    file: Arc<dyn StoredFile>,
    path: PathBuf,
    layout: Layout,
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
    /// The file exists or cannot be written.
    pub fn create(
        storage: &dyn Storage,
        path: &Path,
        format: &PartFormat,
        cluster_us: i64,
    ) -> Result<Self, CaptureError> {
        let open_error = |source| CaptureError::OpenPart { path: path.to_owned(), source };
        let file = storage.create(path).map_err(open_error)?;
        let (head, layout) = head(format);
        file.write_at(&[&head], 0).map_err(open_error)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            layout,
            longest_us: cluster_us.clamp(1_000, LONGEST_CLUSTER_US),
            at: head.len() as u64,
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

    /// Time of the first frame that no cluster on the disk holds yet.
    pub fn pending_since_us(&self) -> Option<i64> {
        self.cluster_open.then_some(self.cluster_us)
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
            let position = self.at - self.layout.segment_body;
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
    /// The disk refuses; the part stays readable as it is.
    pub fn seal(mut self) -> Result<u64, CaptureError> {
        self.flush()?;
        seal(&*self.file, &self.layout, self.at, self.end_us(), &self.cues)
            .map_err(|source| self.write_error(source))
    }
}

/// Appends cues and patches the head; also for parts that a crash left open.
pub(super) fn seal(
    file: &dyn StoredFile,
    layout: &Layout,
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
    let mut seeks = Vec::new();
    let mut seek = |target: u32, at: u64| {
        let mut entry = Vec::new();
        let mut name = Vec::new();
        ebml::put_id(&mut name, target);
        ebml::put_bytes(&mut entry, id::SEEK_ID, &name);
        ebml::put_uint_8(&mut entry, id::SEEK_POSITION, at - layout.segment_body);
        ebml::put_bytes(&mut seeks, id::SEEK, &entry);
    };
    seek(id::INFO, layout.info_at);
    seek(id::TRACKS, layout.tracks_at);
    if !points.is_empty() {
        seek(id::CUES, end);
    }
    let mut head = Vec::new();
    ebml::put_bytes(&mut head, id::SEEK_HEAD, &seeks);
    let rest = SEEK_HEAD_ROOM - head.len();
    ebml::put_void(&mut head, rest);
    file.write_at(&[&head], layout.seek_head_at)?;
    let mut duration = Vec::new();
    ebml::put_float(&mut duration, id::DURATION, duration_us as f64 / 1000.0);
    file.write_at(&[&duration], layout.duration_at)?;
    let length = end + tail.len() as u64;
    let size = ebml::size_8(length - layout.segment_body);
    file.write_at(&[&size], layout.segment_size_at)?;
    file.set_len(length)?;
    Ok(length)
}

/// The bytes before the first cluster.
fn head(format: &PartFormat) -> (Vec<u8>, Layout) {
    let doc_type: &[u8] = match format.codec {
        Codec::H264 => b"matroska",
        _ => b"webm",
    };
    let mut ebml_body = Vec::new();
    ebml::put_uint(&mut ebml_body, id::EBML_VERSION, 1);
    ebml::put_uint(&mut ebml_body, id::EBML_READ_VERSION, 1);
    ebml::put_uint(&mut ebml_body, id::EBML_MAX_ID, 4);
    ebml::put_uint(&mut ebml_body, id::EBML_MAX_SIZE, 8);
    ebml::put_bytes(&mut ebml_body, id::DOC_TYPE, doc_type);
    ebml::put_uint(&mut ebml_body, id::DOC_TYPE_VERSION, 4);
    ebml::put_uint(&mut ebml_body, id::DOC_TYPE_READ_VERSION, 2);
    let mut out = Vec::new();
    ebml::put_bytes(&mut out, id::EBML, &ebml_body);
    ebml::put_id(&mut out, id::SEGMENT);
    let segment_size_at = out.len() as u64;
    out.extend_from_slice(&ebml::UNKNOWN_SIZE);
    let segment_body = out.len() as u64;
    let seek_head_at = segment_body;
    ebml::put_void(&mut out, SEEK_HEAD_ROOM);

    let info_at = out.len() as u64;
    let mut info = Vec::new();
    ebml::put_uint(&mut info, id::TIMESTAMP_SCALE, 1_000_000);
    ebml::put_bytes(&mut info, id::MUXING_APP, b"roombox");
    ebml::put_bytes(&mut info, id::WRITING_APP, b"roombox");
    // The duration's place is kept by a void of the same length.
    let duration_in_info = info.len() as u64;
    ebml::put_void(&mut info, 2 + 1 + 8);
    ebml::put_id(&mut out, id::INFO);
    ebml::put_size(&mut out, info.len() as u64);
    let duration_at = out.len() as u64 + duration_in_info;
    out.extend_from_slice(&info);

    let tracks_at = out.len() as u64;
    let mut entry = Vec::new();
    ebml::put_uint(&mut entry, id::TRACK_NUMBER, u64::from(TRACK));
    ebml::put_uint(&mut entry, id::TRACK_UID, u64::from(TRACK));
    ebml::put_uint(&mut entry, id::FLAG_LACING, 0);
    ebml::put_bytes(&mut entry, id::CODEC_ID, format.codec.matroska_id().as_bytes());
    if format.codec == Codec::Opus {
        ebml::put_uint(&mut entry, id::TRACK_TYPE, 2);
        ebml::put_uint(&mut entry, id::CODEC_DELAY, 0);
        ebml::put_uint(&mut entry, id::SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS);
        ebml::put_bytes(&mut entry, id::CODEC_PRIVATE, &opus_head());
        let mut audio = Vec::new();
        ebml::put_float(&mut audio, id::SAMPLING_FREQUENCY, 48_000.0);
        ebml::put_uint(&mut audio, id::CHANNELS, 2);
        ebml::put_bytes(&mut entry, id::AUDIO, &audio);
    } else {
        ebml::put_uint(&mut entry, id::TRACK_TYPE, 1);
        if !format.codec_private.is_empty() {
            ebml::put_bytes(&mut entry, id::CODEC_PRIVATE, &format.codec_private);
        }
        let mut video = Vec::new();
        ebml::put_uint(&mut video, id::PIXEL_WIDTH, u64::from(format.width));
        ebml::put_uint(&mut video, id::PIXEL_HEIGHT, u64::from(format.height));
        ebml::put_bytes(&mut entry, id::VIDEO, &video);
    }
    let mut tracks = Vec::new();
    ebml::put_bytes(&mut tracks, id::TRACK_ENTRY, &entry);
    ebml::put_bytes(&mut out, id::TRACKS, &tracks);
    let clusters_at = out.len() as u64;
    let layout = Layout {
        segment_size_at,
        segment_body,
        seek_head_at,
        info_at,
        duration_at,
        tracks_at,
        clusters_at,
    };
    (out, layout)
}

/// `OpusHead` (RFC 7845 §5.1): stereo decodes mono too; no pre-skip, a live stream has none.
fn opus_head() -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend_from_slice(&[1, 2]);
    head.extend_from_slice(&0u16.to_le_bytes());
    head.extend_from_slice(&48_000u32.to_le_bytes());
    head.extend_from_slice(&0u16.to_le_bytes());
    head.push(0);
    head
}
