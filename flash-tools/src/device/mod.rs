//! A disk as the writer sees it: [`BlockDev`]. Linux is a backend of it, a board in recovery mode is
//! one, and tests put faults into one.

mod buffer;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

pub use buffer::AlignedBuf;
#[cfg(target_os = "linux")]
pub use linux::{Access, open, open_image};
#[cfg(not(target_os = "linux"))]
pub use other::{Access, open, open_image};

use crate::error::FlashError;
use std::io;

/// Offsets, lengths and buffers of [`BlockDev`] are multiples of this; no disk has larger blocks.
pub const ALIGNMENT: usize = 4096;

/// A disk: whole, never a partition.
///
/// Offsets and lengths are bytes and multiples of [`ALIGNMENT`], and so are the buffers' addresses:
/// [`AlignedBuf`] sees to it. Writes may be short, as those of the system; what they wrote is lasting
/// after [`BlockDev::sync`].
pub trait BlockDev: Send {
    /// What people call it, for messages.
    fn name(&self) -> &str;

    /// Bytes.
    fn size(&self) -> u64;

    /// Bytes of a logical block, which the partition table counts in.
    fn logical_block(&self) -> u64;

    /// Fills `buffer` from `offset` on; returns fewer bytes only at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `bytes` at `offset` and says how many.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when everything written is on the disk.
    ///
    /// # Errors
    /// What the system says; what was written since the last one may be lost.
    fn sync(&mut self) -> io::Result<()>;

    /// Makes the next reads come from the disk.
    ///
    /// # Errors
    /// What the system says.
    fn drop_caches(&mut self) -> io::Result<()>;

    /// Tells the disk that nobody needs these bytes any more; `false` where it does not want to know.
    ///
    /// # Errors
    /// What the system says.
    fn discard(&mut self, offset: u64, length: u64) -> io::Result<bool>;

    /// Makes the system look at the partition table again.
    ///
    /// # Errors
    /// What the system says.
    fn reread_table(&mut self) -> io::Result<()>;
}

/// What a disk was asked for when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Removing the old partition table.
    Wipe,
    /// Writing the image.
    Write,
    /// Making it lasting.
    Sync,
    /// Reading it back.
    Verify,
    /// Writing the provisioning file.
    Provision,
    /// Writing the partition table.
    Table,
    /// Looking for fake capacity.
    Probe,
    /// Reading.
    Read,
}

impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wipe => "removing the old partition table",
            Self::Write => "writing",
            Self::Sync => "making it lasting",
            Self::Verify => "reading back",
            Self::Provision => "writing the provisioning file",
            Self::Table => "writing the partition table",
            Self::Probe => "probing",
            Self::Read => "reading",
        })
    }
}

/// Reads exactly `buffer`.
///
/// # Errors
/// With the disk, the offset and what was attempted.
pub fn read_exact(
    dev: &mut dyn BlockDev,
    doing: Doing,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), FlashError> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset + done as u64;
        match dev.read_at(at, &mut buffer[done..]) {
            Ok(0) => return Err(failed(dev, doing, at, io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(dev, doing, at, error)),
        }
    }
    Ok(())
}

/// Writes all of `bytes`, going on after short writes.
///
/// # Errors
/// With the disk, the offset and what was attempted.
pub fn write_all(
    dev: &mut dyn BlockDev,
    doing: Doing,
    offset: u64,
    bytes: &[u8],
) -> Result<(), FlashError> {
    let (mut done, mut stuck) = (0, 0);
    while done < bytes.len() {
        let at = offset + done as u64;
        match dev.write_at(at, &bytes[done..]) {
            Ok(written) if done + written == bytes.len() => done += written,
            // A disk that stops within a block: that block is written again, but not for ever.
            Ok(written) => {
                let before = done;
                done = (done + written) / ALIGNMENT * ALIGNMENT;
                stuck = if done == before { stuck + 1 } else { 0 };
                if stuck > 8 {
                    return Err(failed(dev, doing, at, io::ErrorKind::WriteZero.into()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(dev, doing, at, error)),
        }
    }
    Ok(())
}

/// [`BlockDev::sync`], with the disk's name in its error.
///
/// # Errors
/// As the disk says.
pub fn sync(dev: &mut dyn BlockDev, at: u64) -> Result<(), FlashError> {
    dev.sync().map_err(|error| failed(dev, Doing::Sync, at, error))
}

/// The error of a disk; a disk that is gone is told apart.
pub fn failed(dev: &dyn BlockDev, doing: Doing, offset: u64, source: io::Error) -> FlashError {
    // ENXIO, ENODEV, ESHUTDOWN, ENOMEDIUM of Linux.
    const GONE: [i32; 4] = [6, 19, 108, 123];
    let target = dev.name().to_owned();
    match source.raw_os_error() {
        Some(code) if GONE.contains(&code) => FlashError::Vanished { target, doing, offset },
        _ => FlashError::Io { target, doing, offset, source },
    }
}
