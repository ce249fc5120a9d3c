//! Mends a part that a crash left open: cuts the torn tail, then seals it.

use super::ebml::{self, id};
use super::reader::PartReader;
use super::writer::{Layout, seal};
use crate::error::CaptureError;
use crate::storage::{LocalFile, StoredFile};
use std::fs::OpenOptions;
use std::path::Path;

/// What a repaired part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// End of the last frame, microseconds since the part's start.
    pub end_us: i64,
    pub frames: u64,
    pub bytes: u64,
    /// Bytes of torn tail that were cut.
    pub cut: u64,
}

/// Cuts a part after its last whole cluster and seals it. A sealed part comes out the same.
///
/// # Errors
/// The file is not a part (not even its head is whole) or the disk refuses.
pub fn repair_part(path: &Path) -> Result<Repaired, CaptureError> {
    let mut reader = PartReader::open(path)?;
    let not_a_part = |what| CaptureError::NotAPart { path: path.to_owned(), what };
    let layout = layout(&mut reader)?.ok_or_else(|| not_a_part("its head is torn"))?;
    reader.seek(layout.clusters_at)?;
    let mut found = Found { end: layout.clusters_at, ..Found::default() };
    while let Some((header, at)) = reader.element()? {
        let (id::CLUSTER, Some(size)) = (header.id, header.size) else { break };
        let Some(body) = reader.element_body(size)? else { break };
        let end = at + header.length as u64 + size;
        if !found.cluster(&body, at - layout.segment_body, end) {
            break;
        }
    }
    let write_error = |source| CaptureError::WritePart { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(write_error)?;
    let before = file.metadata().map_err(write_error)?.len();
    let file = LocalFile(file);
    let end_us = (found.last_ms + found.frame_ms).saturating_mul(1000);
    let bytes = seal(&file, &layout, found.end, end_us, &found.cues).map_err(write_error)?;
    file.sync().map_err(write_error)?;
    let cut = before.saturating_sub(found.end);
    Ok(Repaired { end_us, frames: found.frames, bytes, cut })
}

/// What the whole clusters hold.
#[derive(Default)]
struct Found {
    end: u64,
    frames: u64,
    last_ms: i64,
    frame_ms: i64,
    cues: Vec<(u64, u64)>,
}

impl Found {
    /// Takes a cluster; false if it is torn: where the file system left holes there are zeros, and
    /// a cluster's checksum tells.
    fn cluster(&mut self, body: &[u8], position: u64, end: u64) -> bool {
        let mut cluster_ms = 0;
        let mut first_is_key = None;
        let (mut blocks, mut read) = (Vec::new(), 0);
        for (element, content) in ebml::children(body) {
            // Where this element ends within the body.
            read = content.as_ptr() as usize - body.as_ptr() as usize + content.len();
            match element {
                id::CRC_32 if ebml::crc(&[&body[read..]]) != content => return false,
                id::TIMESTAMP => cluster_ms = ebml::uint(content).min(1 << 50) as i64,
                id::SIMPLE_BLOCK if content.len() >= 4 => {
                    let relative = i64::from(i16::from_be_bytes([content[1], content[2]]));
                    first_is_key.get_or_insert(content[3] & 0x80 != 0);
                    blocks.push(relative);
                }
                _ => {}
            }
        }
        if blocks.is_empty() || read != body.len() {
            return false;
        }
        self.end = end;
        self.frames += blocks.len() as u64;
        for relative in blocks {
            let ms = cluster_ms.saturating_add(relative).max(self.last_ms);
            self.frame_ms = (ms - self.last_ms).min(100);
            self.last_ms = ms;
        }
        let time = cluster_ms as u64;
        let due = self.cues.last().is_none_or(|(last, _)| time >= last + 2000);
        if first_is_key == Some(true) && due {
            self.cues.push((time, position));
        }
        true
    }
}

/// Finds the places in a head that [`super::PartWriter`] wrote; `None` if it is torn.
fn layout(reader: &mut PartReader) -> Result<Option<Layout>, CaptureError> {
    reader.seek(0)?;
    let Some((ebml, _)) = reader.element()? else { return Ok(None) };
    reader.seek(ebml.length as u64 + ebml.size.unwrap_or(0))?;
    let Some((segment, segment_at)) = reader.element()? else { return Ok(None) };
    let segment_body = segment_at + segment.length as u64;
    let segment_size_at = segment_body - 8;
    let (mut info_at, mut duration_at) = (None, None);
    while let Some((header, at)) = reader.element()? {
        let Some(size) = header.size else { return Ok(None) };
        let body_at = at + header.length as u64;
        match header.id {
            id::INFO => {
                info_at = Some(at);
                let Some(body) = reader.element_body(size)? else { return Ok(None) };
                // The duration or the void that keeps its place is the last element.
                let mut offset = 0;
                while let Some(child) = ebml::header(&body[offset..]) {
                    if matches!(child.id, id::DURATION | id::VOID) {
                        duration_at = Some(body_at + offset as u64);
                    }
                    let length = child.length + child.size.unwrap_or(0) as usize;
                    offset = (offset + length.max(1)).min(body.len());
                }
            }
            id::TRACKS => {
                let (Some(info_at), Some(duration_at)) = (info_at, duration_at) else {
                    return Ok(None);
                };
                let clusters_at = body_at + size;
                return Ok(Some(Layout {
                    segment_size_at,
                    segment_body,
                    seek_head_at: segment_body,
                    info_at,
                    duration_at,
                    tracks_at: at,
                    clusters_at,
                }));
            }
            _ => {}
        }
        reader.seek(body_at + size)?;
    }
    Ok(None)
}
