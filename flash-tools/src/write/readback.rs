//! Reading back: what is on the disk, against what the manifest says.

use super::blocks::BlockSums;
use super::pipeline::CHUNK;
use super::{Order, cancelled};
use crate::device::{ALIGNMENT, AlignedBuf, BlockDev, Doing, failed, read_exact};
use crate::error::FlashError;
use crate::gpt::{Gpt, HEAD, TAIL};
use crate::manifest::{Manifest, Range, hex};
use crate::progress::{Phase, Progress};
use aws_lc_rs::digest::{Context, SHA256};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;

const BUFFERS: usize = 8;

struct Piece {
    range: usize,
    at: u64,
    last: bool,
    buffer: AlignedBuf,
}

/// A range that is not what it should be.
struct Bad {
    range: usize,
    /// Its first wrong block, if the blocks' checksums are known.
    block: Option<u64>,
}

/// Everything behind the first MiB, right after the write.
pub fn verify(
    dev: &mut dyn BlockDev,
    order: &Order<'_>,
    sums: &BlockSums,
) -> Result<(), FlashError> {
    let ranges = order.manifest.ranges.as_slice();
    let chosen: Vec<usize> = (0..ranges.len()).filter(|n| ranges[*n].offset >= HEAD).collect();
    let bad =
        read_all(dev, ranges, &chosen, Some(sums), order.progress, &|dev| cancelled(dev, order))?;
    let Some(first) = bad.first() else { return Ok(()) };
    let same = stays_wrong(dev, &ranges[first.range])?;
    let offset = first.block.unwrap_or(ranges[first.range].offset);
    let (again, next) = match same {
        true => (
            "a second read says the same",
            "the disk does not keep what is written: use another one",
        ),
        false => (
            "a second read says something else",
            "reader, cable or port are at fault rather than the disk: try another one",
        ),
    };
    Err(FlashError::Mismatch {
        target: dev.name().to_owned(),
        found: format!(
            "what was read back differs from byte {offset} on ({} of {} ranges are wrong; {again})",
            bad.len(),
            chosen.len()
        ),
        next: next.to_owned(),
    })
}

/// A disk that was written some time ago, against a manifest. `leave_out` skips what a running or
/// provisioned box changes: its boot FAT and its data.
///
/// # Errors
/// The first difference, or a disk that cannot be read.
pub fn compare(
    dev: &mut dyn BlockDev,
    manifest: &Manifest,
    leave_out: bool,
    progress: &dyn Progress,
) -> Result<u64, FlashError> {
    compare_table(dev, manifest)?;
    let changing = |range: &Range| {
        leave_out
            && manifest.boot_partition().into_iter().chain(manifest.partition("data")).any(|part| {
                range.offset < part.offset + part.size && part.offset < range.offset + range.length
            })
    };
    let ranges = manifest.ranges.as_slice();
    let chosen: Vec<usize> =
        (0..ranges.len()).filter(|n| ranges[*n].offset >= HEAD && !changing(&ranges[*n])).collect();
    let bad = read_all(dev, ranges, &chosen, None, progress, &|_| Ok(()))?;
    if let Some(first) = bad.first() {
        let offset = ranges[first.range].offset;
        let place = manifest
            .partitions
            .iter()
            .find(|part| offset >= part.offset && offset < part.offset + part.size)
            .map_or("before the partitions", |part| part.label.as_str());
        return Err(FlashError::NotThis {
            target: dev.name().to_owned(),
            found: format!(
                "{} of {} ranges differ from the image, first the one at byte {offset} ({place}). A box \
                 that was provisioned or has run changes its boot FAT and data: --used leaves them out",
                bad.len(),
                chosen.len()
            ),
        });
    }
    Ok(chosen.iter().map(|n| ranges[*n].length).sum())
}

/// That both copies of the disk's table are sound, and name the manifest's partitions.
///
/// # Errors
/// How they differ, or a disk that cannot be read.
pub fn compare_table(dev: &mut dyn BlockDev, manifest: &Manifest) -> Result<Gpt, FlashError> {
    let block = dev.logical_block();
    let mut head = AlignedBuf::new(64 << 10);
    read_exact(dev, Doing::Verify, 0, &mut head)?;
    let mut tail = AlignedBuf::new(64 << 10);
    let tail_at = dev.size() - tail.len() as u64;
    read_exact(dev, Doing::Verify, tail_at, &mut tail)?;
    let not_this = |found: String| FlashError::NotThis { target: dev.name().to_owned(), found };
    let first = Gpt::read_head(&head).map_err(|error| not_this(error.to_string()))?;
    let second = Gpt::read_tail(&tail, block)
        .map_err(|error| not_this(format!("at the disk's end, {error}")))?;
    if (&first.disk, &first.entries) != (&second.disk, &second.entries) {
        return Err(not_this("both copies of its partition table differ".to_owned()));
    }
    for part in &manifest.partitions {
        let found = first.labelled(&part.label);
        // The box lets data grow to the disk's end.
        let size =
            |size: u64| if part.label == "data" { size >= part.size } else { size == part.size };
        if !found.is_some_and(|found| found.offset == part.offset && size(found.size)) {
            return Err(not_this(format!(
                "it has no partition {:?} where the image has it",
                part.label
            )));
        }
    }
    Ok(first)
}

/// Reads the chosen ranges in order and says which are wrong; hashing goes on beside the reading.
fn read_all(
    dev: &mut dyn BlockDev,
    ranges: &[Range],
    chosen: &[usize],
    sums: Option<&BlockSums>,
    progress: &dyn Progress,
    stop: &dyn Fn(&dyn BlockDev) -> Result<(), FlashError>,
) -> Result<Vec<Bad>, FlashError> {
    dev.drop_caches().map_err(|error| failed(dev, Doing::Verify, 0, error))?;
    let total: u64 = chosen.iter().map(|n| ranges[*n].length).sum();
    let (free, next_free) = channel();
    for _ in 0..BUFFERS {
        let _ = free.send(AlignedBuf::new(CHUNK));
    }
    let (read, to_check) = sync_channel(BUFFERS);
    thread::scope(|threads| {
        let checker = threads.spawn(move || {
            check(ranges, sums, &to_check, &|buffer| {
                let _ = free.send(buffer);
            })
        });
        let mut done = 0;
        let mut outcome = Ok(());
        'ranges: for n in chosen {
            let range = &ranges[*n];
            let mut at = 0;
            while at < range.length {
                let Ok(mut buffer) = next_free.recv() else { break 'ranges };
                buffer.resize((range.length - at).min(CHUNK as u64) as usize);
                let result = stop(dev)
                    .and_then(|()| read_exact(dev, Doing::Verify, range.offset + at, &mut buffer));
                if result.is_err() {
                    outcome = result;
                    break 'ranges;
                }
                let length = buffer.len() as u64;
                let piece = Piece { range: *n, at, last: at + length == range.length, buffer };
                if read.send(piece).is_err() {
                    break 'ranges;
                }
                at += length;
                done += length;
            }
            progress.at(Phase::Verify, done, total);
        }
        drop(read);
        let bad = checker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.map(|()| bad)
    })
}

fn check(
    ranges: &[Range],
    sums: Option<&BlockSums>,
    from: &Receiver<Piece>,
    done_with: &dyn Fn(AlignedBuf),
) -> Vec<Bad> {
    let mut bad = Vec::new();
    let mut hash = Context::new(&SHA256);
    let mut block = None;
    while let Ok(piece) = from.recv() {
        let range = &ranges[piece.range];
        let known = sums.filter(|sums| sums.covers(piece.range));
        match known {
            Some(sums) if block.is_none() => {
                let wrong = sums.first_wrong(piece.range, piece.at, &piece.buffer);
                block = wrong.map(|at| range.offset + piece.at + at);
            }
            Some(_) => {}
            None => hash.update(&piece.buffer),
        }
        if piece.last {
            let whole = std::mem::replace(&mut hash, Context::new(&SHA256));
            let is_bad = match known {
                Some(_) => block.is_some(),
                None => hex(whole.finish().as_ref()) != range.sha256,
            };
            if is_bad {
                bad.push(Bad { range: piece.range, block: block.take() });
            }
        }
        done_with(piece.buffer);
    }
    bad
}

/// Whether a range that was wrong is wrong in the same way as often as it is read.
fn stays_wrong(dev: &mut dyn BlockDev, range: &Range) -> Result<bool, FlashError> {
    let mut buffer = AlignedBuf::new(range.length as usize);
    let mut read = || {
        dev.drop_caches().map_err(|error| failed(dev, Doing::Verify, range.offset, error))?;
        read_exact(dev, Doing::Verify, range.offset, &mut buffer)?;
        Ok(hex(aws_lc_rs::digest::digest(&SHA256, &buffer).as_ref()))
    };
    let (second, third) = (read()?, read()?);
    Ok(second == third && second != range.sha256)
}

/// That the last and first MiB are what was written last.
pub fn table_is(dev: &mut dyn BlockDev, head: &[u8], tail: &[u8]) -> Result<(), FlashError> {
    debug_assert!(head.len().is_multiple_of(ALIGNMENT));
    dev.drop_caches().map_err(|error| failed(dev, Doing::Verify, 0, error))?;
    let end = dev.size() - TAIL;
    for (offset, wanted) in [(0, head), (end, tail)] {
        let mut found = AlignedBuf::new(wanted.len());
        read_exact(dev, Doing::Verify, offset, &mut found)?;
        if found[..] != *wanted {
            let at = found.iter().zip(wanted).position(|(one, other)| one != other).unwrap_or(0);
            return Err(FlashError::Mismatch {
                target: dev.name().to_owned(),
                found: format!(
                    "the partition table reads back wrong at byte {}",
                    offset + at as u64
                ),
                next: "run the same command again, on another port or reader".to_owned(),
            });
        }
    }
    Ok(())
}
