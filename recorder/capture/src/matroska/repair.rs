//! Mends a part that a crash left open: cuts the torn tail, then seals it.

use super::ebml::{self, id};
use super::reader::PartReader;
use super::writer::{Layout, seal};
use crate::error::CaptureError;
use std::fs::OpenOptions;
use std::path::Path;

/// What a repaired part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Time of the last frame, microseconds since the part's start.
    pub last_us: i64,
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
    let mut end = layout.clusters_at;
    let (mut last_ms, mut frames) = (0i64, 0);
    let (mut cues, mut last_cue): (Vec<(u64, u64)>, Option<u64>) = (Vec::new(), None);
    while let Some((header, at)) = reader.element()? {
        let (id::CLUSTER, Some(size)) = (header.id, header.size) else { break };
        let Some(body) = reader.element_body(size)? else { break };
        let mut cluster_ms = 0;
        let mut first_is_key = None;
        // A hole that the file system filled with zeros has no blocks: the rest is torn too.
        let mut blocks = 0;
        for (element, body) in ebml::children(&body) {
            match element {
                id::TIMESTAMP => cluster_ms = ebml::uint(body) as i64,
                id::SIMPLE_BLOCK if body.len() >= 4 => {
                    let relative = i64::from(i16::from_be_bytes([body[1], body[2]]));
                    last_ms = last_ms.max(cluster_ms.saturating_add(relative));
                    first_is_key.get_or_insert(body[3] & 0x80 != 0);
                    blocks += 1;
                }
                _ => {}
            }
        }
        if blocks == 0 {
            break;
        }
        frames += blocks;
        end = at + header.length as u64 + size;
        let time = cluster_ms.max(0) as u64;
        if first_is_key == Some(true) && last_cue.is_none_or(|last| time >= last + 2000) {
            cues.push((time, at - layout.segment_body));
            last_cue = Some(time);
        }
    }
    let write_error = |source| CaptureError::WritePart { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(write_error)?;
    let before = file.metadata().map_err(write_error)?.len();
    let last_us = last_ms.saturating_mul(1000);
    let bytes = seal(&file, &layout, end, last_us, &cues).map_err(write_error)?;
    file.sync_all().map_err(write_error)?;
    Ok(Repaired { last_us, frames, bytes, cut: before.saturating_sub(end) })
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
