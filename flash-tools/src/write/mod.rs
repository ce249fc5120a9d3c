//! Writing an image to a disk so that at every moment it is either whole and verified or has no
//! partition table:
//!
//! 1. the table goes, at both ends, and a mark says which image is on its way;
//! 2. what matters is written from 1 MiB on, hashed as it passes, made lasting in steps;
//! 3. it is read back from the disk and compared;
//! 4. the provisioning file goes into the boot FAT, and is read back;
//! 5. the table, fitted to the disk, is written last and read back.
//!
//! A second run with the same image finds the mark, compares what is there and goes on behind it.

mod blocks;
mod pipeline;
mod readback;
mod table;

pub use readback::{compare, compare_table};

use crate::device::{ALIGNMENT, AlignedBuf, BlockDev, Doing, failed, read_exact, sync, write_all};
use crate::error::FlashError;
use crate::fat::{self, FatFile};
use crate::gpt::{HEAD, TAIL};
use crate::manifest::Manifest;
use crate::progress::{Phase, Progress};
use crate::stream::Source;
use blocks::BlockSums;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which of the first MiB's marks is asked for a resumed write: behind everything that a loader or a
/// system looks at, for blocks of 512 and of 4096.
const MARK_AT: u64 = 16384;

/// What is to be written.
pub struct Order<'a> {
    /// The image's description, already trusted.
    pub manifest: &'a Manifest,
    /// SHA-256 of the manifest: a write is resumed only if it was of this image.
    pub digest: &'a str,
    /// The image.
    pub source: &'a dyn Source,
    /// Read everything back; the result says so if not.
    pub verify: bool,
    /// Files for the boot FAT.
    pub files: &'a [FatFile],
    /// Who is told.
    pub progress: &'a dyn Progress,
    /// Set by whoever wants it to stop.
    pub cancel: &'a AtomicBool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Everything was read back and compared.
    pub verified: bool,
    /// Bytes written.
    pub written: u64,
    /// Bytes that an interrupted write had left and that were right.
    pub kept: u64,
}

/// Writes it. The disk is the caller's alone.
///
/// # Errors
/// Whatever keeps it from being whole; the disk has no partition table then, unless nothing was
/// touched.
pub fn write(dev: &mut dyn BlockDev, order: &Order<'_>) -> Result<Outcome, FlashError> {
    let manifest = order.manifest;
    manifest.fits(dev.size()).map_err(|why| FlashError::target(dev.name(), why))?;
    if !order.files.is_empty() && manifest.boot_partition().is_none() {
        let why = "the image has no boot FAT that a provisioning file could go to";
        return Err(FlashError::Provisioning(why.to_owned()));
    }
    let resumed = wipe(dev, order)?;
    let mut sums = BlockSums::new(&manifest.ranges);
    let (first_new, kept) = match resumed {
        true => pipeline::kept(dev, order, &mut sums)?,
        false => (0, 0),
    };
    let head = pipeline::stream(dev, order, first_new, kept, &mut sums)?;
    if order.verify {
        readback::verify(dev, order, &sums)?;
    }
    check_ends(dev, order)?;
    if let Some(boot) = manifest.boot_partition().filter(|_| !order.files.is_empty()) {
        order.progress.at(Phase::Provision, 0, 0);
        fat::put(dev, boot.offset, boot.size, order.files)?;
    }
    cancelled(dev, order)?;
    order.progress.at(Phase::Table, 0, 0);
    table::finish(dev, &head)?;
    Ok(Outcome { verified: order.verify, written: manifest.mapped() - kept, kept })
}

/// What lies at an end while the write is not finished: a text in each block, so that whatever
/// overwrites any of it is seen.
fn marks(word: &str, digest: &str) -> AlignedBuf {
    let mut all = AlignedBuf::new(HEAD as usize);
    for (n, block) in all.chunks_exact_mut(ALIGNMENT).enumerate() {
        let text = format!("ROOMFLASH {word}\n{digest}\n{n}\n");
        block[..text.len()].copy_from_slice(text.as_bytes());
    }
    all
}

/// Both ends, and what is to lie there.
fn ends(dev: &dyn BlockDev, digest: &str) -> [(u64, AlignedBuf); 2] {
    [(0, marks("UNFINISHED", digest)), (dev.size() - TAIL, marks("END", digest))]
}

/// Removes both tables and leaves marks; `true` if an interrupted write of the same image is met.
fn wipe(dev: &mut dyn BlockDev, order: &Order<'_>) -> Result<bool, FlashError> {
    order.progress.at(Phase::Wipe, 0, 0);
    let ends = ends(dev, order.digest);
    let mut found = AlignedBuf::new(ALIGNMENT);
    read_exact(dev, Doing::Read, MARK_AT, &mut found)?;
    let at = MARK_AT as usize;
    let resumed = found[..] == ends[0].1[at..at + ALIGNMENT];
    for (place, marks) in &ends {
        write_all(dev, Doing::Wipe, *place, marks)?;
    }
    sync(dev, 0)?;
    // A disk that only says so would keep its old table over new contents.
    check_ends(dev, order)?;
    dev.reread_table().map_err(|error| failed(dev, Doing::Wipe, 0, error))?;
    if !resumed {
        discard_gaps(dev, order.manifest)?;
    }
    Ok(resumed)
}

/// What the image says nothing about, nobody needs.
fn discard_gaps(dev: &mut dyn BlockDev, manifest: &Manifest) -> Result<(), FlashError> {
    const WORTH_IT: u64 = 1 << 20;
    let mut at = HEAD;
    let end = dev.size() - TAIL;
    let starts = manifest.ranges.iter().map(|range| (range.offset, range.offset + range.length));
    for (begin, next) in starts.chain(std::iter::once((end, end))) {
        let from = at.next_multiple_of(WORTH_IT);
        if begin > from && begin - from >= WORTH_IT {
            let length = (begin - from) / WORTH_IT * WORTH_IT;
            let wanted =
                dev.discard(from, length).map_err(|error| failed(dev, Doing::Wipe, from, error))?;
            if !wanted {
                break;
            }
        }
        at = at.max(next);
    }
    Ok(())
}

/// The marks at both ends must have outlived everything that was written since: on a disk that claims
/// more than it has, something lies over them, and the table would come to lie over it.
fn check_ends(dev: &mut dyn BlockDev, order: &Order<'_>) -> Result<(), FlashError> {
    dev.drop_caches().map_err(|error| failed(dev, Doing::Verify, 0, error))?;
    let mut found = AlignedBuf::new(HEAD as usize);
    for (place, marks) in ends(dev, order.digest) {
        read_exact(dev, Doing::Verify, place, &mut found)?;
        if found[..] != marks[..] {
            return Err(FlashError::Mismatch {
                target: dev.name().to_owned(),
                found: format!("it does not keep what is written at byte {place}"),
                next: "it is broken, or has less space than it claims: `roomflash probe` tells"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

fn cancelled(dev: &dyn BlockDev, order: &Order<'_>) -> Result<(), FlashError> {
    match order.cancel.load(Ordering::Relaxed) {
        true => Err(FlashError::Cancelled { target: dev.name().to_owned() }),
        false => Ok(()),
    }
}
