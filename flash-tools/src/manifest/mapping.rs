//! Which bytes of an image matter. A hole of a sparse image is no free pass: a file system takes what
//! was never written for zeroes (a FAT's free clusters, ext4's tables), while a disk has old bytes
//! there. So a partition with a file system is mapped whole, up to where a squashfs ends; an empty
//! one only at its beginning, where signatures of old file systems would be found; and of what lies
//! between partitions everything before the first, where boot ROMs look for loaders.

use super::PartitionFacts;
use crate::gpt::{Gpt, HEAD};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

const BLOCK: u64 = 4096;
/// Of an empty partition so much is written, and the rest left as it is.
const EMPTY_HEAD: u64 = 1 << 20;

/// What the image's table says, and what lies in each partition.
///
/// # Errors
/// An image that cannot be read, or has no table.
pub fn partitions_of<R: Read + Seek>(image: &mut R) -> io::Result<(Gpt, Vec<PartitionFacts>)> {
    let mut head = vec![0; HEAD as usize];
    image.seek(SeekFrom::Start(0))?;
    image.read_exact(&mut head)?;
    let gpt = Gpt::read_head(&head).map_err(|error| io::Error::other(error.to_string()))?;
    let mut facts = Vec::new();
    let mut entries: Vec<_> = gpt.entries.iter().collect();
    entries.sort_by_key(|entry| entry.offset);
    for entry in entries {
        let fs = match file_system(image, entry.offset, entry.size)? {
            Found::Vfat => "vfat",
            Found::Ext4 => "ext4",
            Found::Squashfs(_) => "squashfs",
            Found::Empty => "empty",
            Found::Other => "other",
        };
        facts.push(PartitionFacts {
            number: entry.number,
            label: entry.label.clone(),
            offset: entry.offset,
            size: entry.size,
            fs: fs.to_owned(),
        });
    }
    Ok((gpt, facts))
}

/// Bytes that matter, in order, on whole blocks of 4096 and each range within one partition; `also` adds
/// those of a block map.
///
/// # Errors
/// An image that cannot be read.
pub fn mapped<R: Read + Seek>(
    image: &mut R,
    size: u64,
    partitions: &[PartitionFacts],
    also: &[Range<u64>],
) -> io::Result<Vec<Range<u64>>> {
    let end = size.next_multiple_of(BLOCK);
    let first = partitions.first().map_or(HEAD, |partition| partition.offset);
    let mut all: Vec<Range<u64>> = std::iter::once(0..first.min(end)).collect();
    for partition in partitions {
        let length = match file_system(image, partition.offset, partition.size)? {
            Found::Squashfs(used) => used,
            Found::Empty => EMPTY_HEAD,
            _ => partition.size,
        };
        let length = length.min(partition.size).next_multiple_of(BLOCK);
        all.push(partition.offset..(partition.offset + length).min(end));
    }
    // The image's second table lies behind its last partition; the disk gets one of its own.
    let last = partitions.last().map_or(end, |last| last.offset + last.size);
    for range in also {
        let begin = range.start / BLOCK * BLOCK;
        let range = begin..range.end.next_multiple_of(BLOCK).min(last);
        if range.start < range.end {
            all.push(range);
        }
    }
    all.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in all {
        match merged.last_mut() {
            Some(before) if range.start <= before.end => before.end = before.end.max(range.end),
            _ => merged.push(range),
        }
    }
    Ok(split(merged, partitions))
}

/// No range belongs to two partitions: what a running box changes can be left out of a comparison.
fn split(ranges: Vec<Range<u64>>, partitions: &[PartitionFacts]) -> Vec<Range<u64>> {
    let mut pieces = Vec::new();
    for mut range in ranges {
        for at in partitions.iter().flat_map(|part| [part.offset, part.offset + part.size]) {
            if range.start < at && at < range.end {
                pieces.push(range.start..at);
                range.start = at;
            }
        }
        pieces.push(range);
    }
    pieces
}

enum Found {
    Vfat,
    Ext4,
    /// So many bytes of it are used (squashfs 4.0, superblock).
    Squashfs(u64),
    Empty,
    Other,
}

fn file_system<R: Read + Seek>(image: &mut R, offset: u64, size: u64) -> io::Result<Found> {
    let mut head = vec![0; size.min(4096) as usize];
    image.seek(SeekFrom::Start(offset))?;
    image.read_exact(&mut head)?;
    if head.len() >= 2048 {
        if &head[..4] == b"hsqs" {
            let mut used = [0; 8];
            used.copy_from_slice(&head[40..48]);
            return Ok(Found::Squashfs(u64::from_le_bytes(used)));
        }
        if head[1024 + 56..1024 + 58] == [0x53, 0xef] {
            return Ok(Found::Ext4);
        }
        let fat = &head[54..57] == b"FAT" || &head[82..85] == b"FAT";
        if fat && head[510..512] == [0x55, 0xaa] {
            return Ok(Found::Vfat);
        }
    }
    Ok(if head.iter().any(|byte| *byte != 0) || has_bytes(image, offset, size)? {
        Found::Other
    } else {
        Found::Empty
    })
}

fn has_bytes<R: Read + Seek>(image: &mut R, offset: u64, size: u64) -> io::Result<bool> {
    image.seek(SeekFrom::Start(offset))?;
    let mut buffer = vec![0; 1 << 20];
    let mut left = size;
    while left > 0 {
        let now = left.min(buffer.len() as u64) as usize;
        image.read_exact(&mut buffer[..now])?;
        if buffer[..now].iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
        left -= now as u64;
    }
    Ok(false)
}
