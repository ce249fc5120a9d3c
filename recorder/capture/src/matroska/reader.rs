//! Reads one part, frame by frame. Torn tails end the part; garbage is an error, never a panic. What
//! ends a part that is still being written may be whole later: it is asked for again.

use super::clusters::Cluster;
use super::ebml::{self, Header, id};
use crate::error::CaptureError;
use crate::manifest::Codec;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// No frame and no head element of ours is larger.
const MAX_ELEMENT: u64 = 32 * 1024 * 1024;

/// What a part's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    pub codec: Codec,
    /// `avcC` for H.264; empty for video of other codecs.
    pub codec_private: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// One coded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Microseconds since the part's start.
    pub pts_us: i64,
    pub keyframe: bool,
    pub data: Vec<u8>,
}

/// An open part.
pub struct PartReader {
    input: BufReader<File>,
    /// Byte from which is read next.
    at: u64,
    /// Byte at which the data of the last frame begins.
    frame_at: u64,
    path: PathBuf,
    info: PartInfo,
    cluster_ms: i64,
}

impl PartReader {
    /// Opens a part and reads its head.
    ///
    /// # Errors
    /// The file cannot be read or is not one of ours.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let mut reader = Self::unread(path)?;
        reader.read_head()?;
        Ok(reader)
    }

    /// Opens a part whose head may be torn.
    pub(super) fn unread(path: &Path) -> Result<Self, CaptureError> {
        let file = File::open(path)
            .map_err(|source| CaptureError::OpenPart { path: path.to_owned(), source })?;
        let info = PartInfo { codec: Codec::Opus, codec_private: Vec::new(), width: 0, height: 0 };
        let input = BufReader::with_capacity(256 * 1024, file);
        let (at, frame_at, cluster_ms) = (0, 0, 0);
        Ok(Self { input, at, frame_at, path: path.to_owned(), info, cluster_ms })
    }

    pub fn info(&self) -> &PartInfo {
        &self.info
    }

    pub(super) fn not_a_part(&self, what: &'static str) -> CaptureError {
        CaptureError::NotAPart { path: self.path.clone(), what }
    }

    fn read_error(&self, source: io::Error) -> CaptureError {
        CaptureError::ReadPart { path: self.path.clone(), source }
    }

    /// The next element's header; `None` at the end, torn or not.
    fn header(&mut self) -> Result<Option<Header>, CaptureError> {
        let mut bytes = [0u8; ebml::MAX_HEADER];
        let mut have = 0;
        // Byte by byte from the buffer: a header's length is known only as it is read.
        while have < bytes.len() {
            match self.input.read(&mut bytes[have..=have]) {
                Ok(0) => return Ok(None),
                Ok(_) => have += 1,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.read_error(source)),
            }
            if let Some(header) = ebml::header(&bytes[..have]) {
                self.at += have as u64;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// An element's body; `None` if the file ends in it.
    fn body(&mut self, size: u64) -> Result<Option<Vec<u8>>, CaptureError> {
        if size > MAX_ELEMENT {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(size as usize);
        let read = self.input.by_ref().take(size).read_to_end(&mut body);
        read.map_err(|source| self.read_error(source))?;
        self.at += body.len() as u64;
        Ok((body.len() as u64 == size).then_some(body))
    }

    fn skip(&mut self, size: u64) -> Result<(), CaptureError> {
        let size = i64::try_from(size).map_err(|_| self.not_a_part("an element has no end"))?;
        self.input.seek_relative(size).map_err(|source| self.read_error(source))?;
        self.at += size.unsigned_abs();
        Ok(())
    }

    pub(super) fn read_head(&mut self) -> Result<(), CaptureError> {
        let first = self.header()?.ok_or_else(|| self.not_a_part("it is empty"))?;
        if first.id != id::EBML {
            return Err(self.not_a_part("it does not begin with an EBML header"));
        }
        self.skip(first.size.unwrap_or(0))?;
        let segment = self.header()?.filter(|header| header.id == id::SEGMENT);
        if segment.is_none() {
            return Err(self.not_a_part("it has no segment"));
        }
        loop {
            let Some(header) = self.header()? else {
                return Err(self.not_a_part("it has no track"));
            };
            let size = header.size.ok_or_else(|| self.not_a_part("a head element has no end"))?;
            if header.id != id::TRACKS {
                self.skip(size)?;
                continue;
            }
            let tracks = self.body(size)?.ok_or_else(|| self.not_a_part("its track is torn"))?;
            self.info = track_info(&tracks).ok_or_else(|| self.not_a_part("unknown codec"))?;
            return Ok(());
        }
    }

    /// The next frame; `None` after the last whole one. Asked again, it looks whether more was
    /// written.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let from = self.at;
        let next = self.read_frame()?;
        if next.is_none() {
            self.seek(from)?;
        }
        Ok(next)
    }

    fn read_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            match (header.id, header.size) {
                // Its children follow.
                (id::CLUSTER, _) => {}
                (id::TIMESTAMP, Some(size)) => {
                    let Some(body) = self.body(size)? else { return Ok(None) };
                    self.cluster_ms = i64::try_from(ebml::uint(&body)).unwrap_or(i64::MAX / 2000);
                }
                (id::SIMPLE_BLOCK, Some(size)) => {
                    let Some(mut data) = self.body(size)? else { return Ok(None) };
                    // One byte of track number, as we write it.
                    let Some(&head) = data.first_chunk::<4>() else { continue };
                    data.drain(..4);
                    self.frame_at = self.at - data.len() as u64;
                    let relative = i64::from(i16::from_be_bytes([head[1], head[2]]));
                    return Ok(Some(Frame {
                        pts_us: self.cluster_ms.saturating_add(relative).saturating_mul(1000),
                        keyframe: head[3] & 0x80 != 0,
                        data,
                    }));
                }
                (_, Some(size)) => self.skip(size)?,
                (_, None) => return Ok(None),
            }
        }
    }

    /// Byte of the file at which the data of the frame begins that came last.
    pub fn frame_at(&self) -> u64 {
        self.frame_at
    }

    /// What the head's bytes are, up to `length`; shorter if the file is.
    pub(super) fn beginning(&mut self, length: u64) -> Result<Vec<u8>, CaptureError> {
        self.seek(0)?;
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length).read_to_end(&mut bytes);
        read.map_err(|source| self.read_error(source))?;
        self.at = bytes.len() as u64;
        Ok(bytes)
    }

    pub(super) fn seek(&mut self, to: u64) -> Result<(), CaptureError> {
        self.input.seek(SeekFrom::Start(to)).map_err(|source| self.read_error(source))?;
        self.at = to;
        Ok(())
    }

    /// Goes to a cluster of this part: its first frame is the next one.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn go_to(&mut self, cluster: &Cluster) -> Result<(), CaptureError> {
        self.seek(cluster.position)
    }

    /// Where, from this byte on, a cluster's id is; it need not be one.
    pub(super) fn find_cluster(&mut self, from: u64) -> Result<Option<u64>, CaptureError> {
        self.seek(from)?;
        let (mut last, mut at) = (0u32, from);
        loop {
            let buffered = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.read_error(source)),
                Ok([]) => return Ok(None),
                Ok(buffered) => buffered,
            };
            for byte in buffered {
                at += 1;
                last = (last << 8) | u32::from(*byte);
                if last == id::CLUSTER && at >= from + 4 {
                    return Ok(Some(at - 4));
                }
            }
            let read = buffered.len();
            self.input.consume(read);
        }
    }

    /// The next cluster's body and where it ends; `None` if there is none, or no end of it.
    pub(super) fn cluster(&mut self, at: u64) -> Result<Option<(Vec<u8>, u64)>, CaptureError> {
        let Some(Header { id: id::CLUSTER, size: Some(size), length }) = self.header()? else {
            return Ok(None);
        };
        let body = self.body(size)?;
        Ok(body.map(|body| (body, at + length as u64 + size)))
    }
}

fn track_info(tracks: &[u8]) -> Option<PartInfo> {
    let (_, entry) = ebml::children(tracks).find(|(id, _)| *id == id::TRACK_ENTRY)?;
    let mut codec = None;
    let (mut codec_private, mut width, mut height) = (Vec::new(), 0, 0);
    for (element, body) in ebml::children(entry) {
        match element {
            id::CODEC_ID => {
                let all = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];
                codec = all.into_iter().find(|codec| codec.matroska_id().as_bytes() == body);
            }
            id::CODEC_PRIVATE => codec_private = body.to_vec(),
            id::VIDEO => {
                for (element, body) in ebml::children(body) {
                    match element {
                        id::PIXEL_WIDTH => width = ebml::uint(body) as u32,
                        id::PIXEL_HEIGHT => height = ebml::uint(body) as u32,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(PartInfo { codec: codec?, codec_private, width, height })
}
