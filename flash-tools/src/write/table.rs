//! The partition table, fitted to the disk, as the last thing that is written.

use super::readback;
use crate::device::{ALIGNMENT, AlignedBuf, BlockDev, Doing, failed, sync, write_all};
use crate::error::FlashError;
use crate::gpt::{Gpt, HEAD, TAIL};

/// Writes the end's copy, then the first MiB, its first block last of all; reads both back. If that
/// fails, what can be removed of it is removed.
pub fn finish(dev: &mut dyn BlockDev, image_head: &[u8]) -> Result<(), FlashError> {
    let unfit = |why: String| FlashError::target(dev.name(), why);
    let gpt = Gpt::read_head(image_head).map_err(|error| unfit(error.to_string()))?;
    let (first, last) =
        gpt.fitted(dev.size(), dev.logical_block()).map_err(|error| unfit(error.to_string()))?;
    let mut head = AlignedBuf::of(image_head);
    head[..first.len()].copy_from_slice(&first);
    let mut tail = AlignedBuf::new(TAIL as usize);
    let at = tail.len() - last.len();
    tail[at..].copy_from_slice(&last);
    let done = write(dev, &head, &tail).and_then(|()| readback::table_is(dev, &head, &tail));
    if done.is_err() {
        remove(dev);
        return done;
    }
    dev.reread_table().map_err(|error| failed(dev, Doing::Table, 0, error))
}

fn write(dev: &mut dyn BlockDev, head: &AlignedBuf, tail: &AlignedBuf) -> Result<(), FlashError> {
    let end = dev.size() - TAIL;
    write_all(dev, Doing::Table, end, tail)?;
    write_all(dev, Doing::Table, ALIGNMENT as u64, &head[ALIGNMENT..])?;
    sync(dev, end)?;
    // MBR and header in one block: with it the disk is whole, without it there is no disk.
    write_all(dev, Doing::Table, 0, &head[..ALIGNMENT])?;
    sync(dev, 0)
}

/// As well as it goes: the disk has failed already.
fn remove(dev: &mut dyn BlockDev) {
    let nothing = AlignedBuf::new(HEAD as usize);
    let end = dev.size() - TAIL;
    let _ = write_all(dev, Doing::Wipe, 0, &nothing);
    let _ = write_all(dev, Doing::Wipe, end, &nothing);
    let _ = dev.sync();
    let _ = dev.reread_table();
}
