//! A part's head: everything before its first cluster.
//!
//! Its bytes follow from the part's format alone, but for three places that sealing fills. So a
//! torn head is told by comparison, byte by byte, and written anew.

use super::ebml::{self, id};
use super::writer::PartFormat;
use crate::manifest::Codec;
use std::ops::Range;

/// Kept free for a seek head with three entries.
const SEEK_HEAD_ROOM: usize = 96;
/// Bytes of the element that holds the duration.
const DURATION_ELEMENT: usize = 2 + 1 + 8;
pub(super) const TRACK: u8 = 1;
/// Opus decoders need 80 ms to converge (RFC 7845 §4.2), in nanoseconds.
const OPUS_PRE_ROLL_NS: u64 = 80_000_000;

/// The head of a part in one format, as it is before the part is sealed.
#[derive(Debug, Clone)]
pub(super) struct Head {
    bytes: Vec<u8>,
    segment_size: Range<usize>,
    seek_head: Range<usize>,
    info_at: usize,
    duration: Range<usize>,
    tracks_at: usize,
}

impl Head {
    pub fn new(format: &PartFormat) -> Self {
        Self::of(std::slice::from_ref(format))
    }

    /// The head of a file with several tracks, numbered from [`TRACK`] on.
    pub fn of(formats: &[PartFormat]) -> Self {
        let mut out = Vec::new();
        ebml::put_bytes(&mut out, id::EBML, &ebml_header(formats));
        ebml::put_id(&mut out, id::SEGMENT);
        let segment_size = grown(&mut out, |out| out.extend_from_slice(&ebml::UNKNOWN_SIZE));
        let seek_head = grown(&mut out, |out| ebml::put_void(out, SEEK_HEAD_ROOM));

        let info_at = out.len();
        let mut info = Vec::new();
        ebml::put_uint(&mut info, id::TIMESTAMP_SCALE, 1_000_000);
        ebml::put_bytes(&mut info, id::MUXING_APP, b"roombox");
        ebml::put_bytes(&mut info, id::WRITING_APP, b"roombox");
        // The duration's place is kept by a void of the same length.
        ebml::put_void(&mut info, DURATION_ELEMENT);
        ebml::put_bytes(&mut out, id::INFO, &info);
        let duration = out.len() - DURATION_ELEMENT..out.len();

        let tracks_at = out.len();
        let mut entry = Vec::new();
        for (number, format) in (TRACK..).zip(formats) {
            ebml::put_bytes(&mut entry, id::TRACK_ENTRY, &track_entry(number, format));
        }
        // What no other byte vouches for: a picture's size, a decoder's configuration.
        let mut tracks = Vec::new();
        ebml::put_crc(&mut tracks, &[&entry]);
        tracks.extend_from_slice(&entry);
        ebml::put_bytes(&mut out, id::TRACKS, &tracks);
        Self { bytes: out, segment_size, seek_head, info_at, duration, tracks_at }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the first cluster begins.
    pub fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Positions in a segment count from here.
    pub fn segment_body(&self) -> u64 {
        self.segment_size.end as u64
    }

    /// True if `found` is this head, sealed or not. What sealing fills is not looked at: whoever
    /// asks seals anew.
    pub fn is(&self, found: &[u8]) -> bool {
        let filled = [&self.segment_size, &self.seek_head, &self.duration];
        found.len() == self.bytes.len()
            && (0..found.len())
                .filter(|at| !filled.iter().any(|range| range.contains(at)))
                .all(|at| found[at] == self.bytes[at])
    }

    /// The head of a sealed part of `length` bytes in all, with its cues at byte `cues_at`.
    pub fn sealed(&self, length: u64, duration_us: i64, cues_at: Option<u64>) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let size = ebml::size_8(length - self.segment_body());
        bytes[self.segment_size.clone()].copy_from_slice(&size);
        let mut seeks = Vec::new();
        let mut seek = |target: u32, at: u64| {
            let (mut entry, mut name) = (Vec::new(), Vec::new());
            ebml::put_id(&mut name, target);
            ebml::put_bytes(&mut entry, id::SEEK_ID, &name);
            ebml::put_uint_8(&mut entry, id::SEEK_POSITION, at - self.segment_body());
            ebml::put_bytes(&mut seeks, id::SEEK, &entry);
        };
        seek(id::INFO, self.info_at as u64);
        seek(id::TRACKS, self.tracks_at as u64);
        if let Some(at) = cues_at {
            seek(id::CUES, at);
        }
        let mut seek_head = Vec::with_capacity(SEEK_HEAD_ROOM);
        ebml::put_bytes(&mut seek_head, id::SEEK_HEAD, &seeks);
        let rest = SEEK_HEAD_ROOM - seek_head.len();
        ebml::put_void(&mut seek_head, rest);
        bytes[self.seek_head.clone()].copy_from_slice(&seek_head);
        let mut duration = Vec::with_capacity(DURATION_ELEMENT);
        ebml::put_float(&mut duration, id::DURATION, duration_us as f64 / 1000.0);
        bytes[self.duration.clone()].copy_from_slice(&duration);
        bytes
    }
}

/// Where in `out` that is what `put` puts.
fn grown(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let begin = out.len();
    put(out);
    begin..out.len()
}

fn ebml_header(formats: &[PartFormat]) -> Vec<u8> {
    let doc_type: &[u8] = match formats.iter().any(|format| format.codec == Codec::H264) {
        true => b"matroska",
        false => b"webm",
    };
    let mut body = Vec::new();
    ebml::put_uint(&mut body, id::EBML_VERSION, 1);
    ebml::put_uint(&mut body, id::EBML_READ_VERSION, 1);
    ebml::put_uint(&mut body, id::EBML_MAX_ID, 4);
    ebml::put_uint(&mut body, id::EBML_MAX_SIZE, 8);
    ebml::put_bytes(&mut body, id::DOC_TYPE, doc_type);
    ebml::put_uint(&mut body, id::DOC_TYPE_VERSION, 4);
    ebml::put_uint(&mut body, id::DOC_TYPE_READ_VERSION, 2);
    body
}

fn track_entry(number: u8, format: &PartFormat) -> Vec<u8> {
    let mut entry = Vec::new();
    ebml::put_uint(&mut entry, id::TRACK_NUMBER, u64::from(number));
    ebml::put_uint(&mut entry, id::TRACK_UID, u64::from(number));
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
    entry
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
