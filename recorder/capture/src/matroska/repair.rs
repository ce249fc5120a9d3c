//! Mends a part that a crash left open: cuts the torn tail, puts a torn head right, then seals it. A hole
//! in its middle, which a disk leaves that did not keep what it took, becomes an element that readers
//! leave out.

use super::ebml::{self, id};
use super::head::Head;
use super::reader::PartReader;
use super::writer::{PartFormat, seal};
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
    /// Bytes of holes between whole clusters.
    pub holes: u64,
    /// The head was torn and is written anew.
    pub rebuilt: bool,
}

/// Cuts a part after its last whole cluster, closes holes before it, and seals it. A sealed part comes out
/// the same.
///
/// A torn head is written anew if it is known from elsewhere: `listed` is the format that the
/// manifest says. Where the head is whole, the head rules.
///
/// # Errors
/// The file is not a part and is left as it is: its head is torn and nobody knows it, or it holds
/// no whole frame, which players refuse. Or the disk refuses.
pub fn repair_part(path: &Path, listed: Option<&PartFormat>) -> Result<Repaired, CaptureError> {
    let mut reader = PartReader::unread(path)?;
    let (head, rebuilt) = match (whole_head(&mut reader)?, listed) {
        (Some(head), _) => (head, false),
        (None, Some(listed)) => (Head::new(listed), true),
        (None, None) => return Err(reader.not_a_part("its head is torn")),
    };
    reader.seek(head.length())?;
    let mut found = Found { end: head.length(), ..Found::default() };
    while next_cluster(&mut reader, &mut found, head.segment_body())? {}
    if found.frames == 0 {
        return Err(reader.not_a_part("it holds no whole frame"));
    }
    let write_error = |source| CaptureError::WritePart { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(write_error)?;
    let before = file.metadata().map_err(write_error)?.len();
    let file = LocalFile(file);
    for (from, to) in &found.holes {
        file.write_at(&[&ebml::void_head(to - from)], *from).map_err(write_error)?;
    }
    let end_us = (found.last_ms + found.frame_ms).saturating_mul(1000);
    let bytes = seal(&file, &head, found.end, end_us, &found.cues).map_err(write_error)?;
    file.sync().map_err(write_error)?;
    let cut = before.saturating_sub(found.end);
    let holes = found.holes.iter().map(|(from, to)| to - from).sum();
    Ok(Repaired { end_us, frames: found.frames, bytes, cut, holes, rebuilt })
}

/// Takes the next whole cluster, wherever it begins; false: there is none any more.
fn next_cluster(
    reader: &mut PartReader,
    found: &mut Found,
    segment_body: u64,
) -> Result<bool, CaptureError> {
    let at = found.end;
    if let Some((body, end)) = reader.cluster(at)?
        && found.cluster(&body, at - segment_body, end)
    {
        return Ok(true);
    }
    // No element is shorter than its id and size.
    let mut from = at + 2;
    while let Some(begin) = reader.find_cluster(from)? {
        reader.seek(begin)?;
        if let Some((body, end)) = reader.cluster(begin)?
            && found.cluster(&body, begin - segment_body, end)
        {
            found.holes.push((at, begin));
            return Ok(true);
        }
        from = begin + 1;
    }
    Ok(false)
}

/// The head that the file begins with, if every byte of it is as we write it.
fn whole_head(reader: &mut PartReader) -> Result<Option<Head>, CaptureError> {
    match reader.read_head() {
        Ok(()) => {}
        Err(CaptureError::NotAPart { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let head = Head::new(&reader.info().into());
    let found = reader.beginning(head.length())?;
    Ok(head.is(&found).then_some(head))
}

/// What the whole clusters hold.
#[derive(Default)]
struct Found {
    end: u64,
    frames: u64,
    last_ms: i64,
    frame_ms: i64,
    cues: Vec<(u64, u64)>,
    /// Where there is nothing of ours between whole clusters: first byte, and the one behind the last.
    holes: Vec<(u64, u64)>,
}

impl Found {
    /// Takes a cluster; false if it is torn: where the file system left holes there are zeros, and
    /// a cluster's checksum tells. One without a checksum is none of ours.
    fn cluster(&mut self, body: &[u8], position: u64, end: u64) -> bool {
        let mut cluster_ms = 0;
        let (mut first_is_key, mut checked) = (None, false);
        let (mut blocks, mut read) = (Vec::new(), 0);
        for (element, content) in ebml::children(body) {
            // Where this element ends within the body.
            read = content.as_ptr() as usize - body.as_ptr() as usize + content.len();
            match element {
                id::CRC_32 => checked = ebml::crc(&[&body[read..]]) == content,
                _ if !checked => return false,
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
