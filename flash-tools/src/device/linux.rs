//! Disks and disk files of Linux: O_DIRECT, O_EXCL, and the block ioctls of `linux/fs.h`.

use super::{ALIGNMENT, BlockDev};
use crate::error::FlashError;
use rustix::fs::{Advice, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{self, Getter, NoArg, Opcode, Setter, opcode};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a disk is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing, with nobody else.
    Write,
}

/// `_IO(0x12, 95)`.
const BLKRRPART: Opcode = opcode::none(0x12, 95);
/// `_IO(0x12, 97)`.
const BLKFLSBUF: Opcode = opcode::none(0x12, 97);
/// `_IOR(0x12, 114, size_t)`.
const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
/// `_IO(0x12, 119)`, with a pointer to offset and length all the same.
const BLKDISCARD: Opcode = opcode::none(0x12, 119);

/// An open disk. While it is open for writing nobody else can claim it: neither can a partition of
/// it be mounted (the kernel's claim of the whole holds for its parts), so no automounter needs to
/// be told.
struct LinuxDev {
    fd: OwnedFd,
    name: String,
    size: u64,
    logical_block: u64,
    block_device: bool,
}

/// Opens a disk, or a file that stands for one.
///
/// # Errors
/// A target that is not there, is in use, or is neither.
pub fn open(path: &Path, access: Access) -> Result<Box<dyn BlockDev>, FlashError> {
    let name = path.display().to_string();
    let fault = |errno: Errno| FlashError::target(&name, explain(errno));
    let stat = rustix::fs::stat(path).map_err(fault)?;
    let block_device = FileType::from_raw_mode(stat.st_mode) == FileType::BlockDevice;
    if !block_device && FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FlashError::target(name, "it is neither a disk nor a file: name a disk"));
    }
    let mut flags = OFlags::CLOEXEC;
    flags |= match access {
        Access::Read => OFlags::RDONLY,
        Access::Write => OFlags::RDWR,
    };
    if block_device && access == Access::Write {
        flags |= OFlags::EXCL;
    }
    // A file system without O_DIRECT (tmpfs of old) is read through its cache instead.
    let fd = rustix::fs::open(path, flags | OFlags::DIRECT, Mode::empty())
        .or_else(|errno| match errno {
            Errno::INVAL => rustix::fs::open(path, flags, Mode::empty()),
            errno => Err(errno),
        })
        .map_err(fault)?;
    if !block_device && access == Access::Write {
        rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive).map_err(|errno| {
            let errno = if errno == Errno::WOULDBLOCK { Errno::BUSY } else { errno };
            fault(errno)
        })?;
    }
    let (size, logical_block) = if block_device {
        // SAFETY: the opcode gives a u64 into the place that the getter has for it.
        let size: u64 =
            unsafe { ioctl::ioctl(&fd, Getter::<BLKGETSIZE64, u64>::new()) }.map_err(fault)?;
        (size, u64::from(rustix::fs::ioctl_blksszget(&fd).map_err(fault)?))
    } else {
        (u64::try_from(stat.st_size).unwrap_or(0), 512)
    };
    Ok(Box::new(LinuxDev {
        fd,
        name,
        size: size / ALIGNMENT as u64 * ALIGNMENT as u64,
        logical_block,
        block_device,
    }))
}

/// Makes a file of `size` bytes to write an image into, or gives an old one that size.
///
/// # Errors
/// A file that cannot be made.
pub fn open_image(path: &Path, size: u64) -> Result<Box<dyn BlockDev>, FlashError> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(size));
    file.map_err(|source| FlashError::file(path, source))?;
    open(path, Access::Write)
}

fn explain(errno: Errno) -> String {
    match errno {
        Errno::BUSY => {
            "somebody uses it (mounted, swap, RAID, LVM, another writer): end that first"
        }
        Errno::ROFS => "it is read-only: look for the switch on the card or its adapter",
        Errno::ACCESS | Errno::PERM => "you may not open it: run this as root (sudo)",
        Errno::NOENT => "there is no such disk: `roomflash list` shows them",
        Errno::NXIO | Errno::NODEV | Errno::NOMEDIUM => "there is no medium in it",
        errno => return format!("it cannot be opened: {errno}"),
    }
    .to_owned()
}

impl BlockDev for LinuxDev {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn logical_block(&self) -> u64 {
        self.logical_block
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::pread(&self.fd, buffer, offset)?)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::pwrite(&self.fd, bytes, offset)?)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.fd)?)
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        if self.block_device {
            // SAFETY: the opcode takes no argument.
            return match unsafe { ioctl::ioctl(&self.fd, NoArg::<BLKFLSBUF>::new()) } {
                // Not root: O_DIRECT reads come from the disk all the same.
                Ok(()) | Err(Errno::ACCESS | Errno::PERM) => Ok(()),
                Err(errno) => Err(errno.into()),
            };
        }
        Ok(rustix::fs::fadvise(&self.fd, 0, None, Advice::DontNeed)?)
    }

    fn discard(&mut self, offset: u64, length: u64) -> io::Result<bool> {
        if !self.block_device {
            return Ok(false);
        }
        // SAFETY: the opcode reads two u64 from where the setter points.
        let done = unsafe {
            ioctl::ioctl(&self.fd, Setter::<BLKDISCARD, [u64; 2]>::new([offset, length]))
        };
        match done {
            Ok(()) => Ok(true),
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOTTY | Errno::IO) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn reread_table(&mut self) -> io::Result<()> {
        if !self.block_device {
            return Ok(());
        }
        // SAFETY: the opcode takes no argument.
        match unsafe { ioctl::ioctl(&self.fd, NoArg::<BLKRRPART>::new()) } {
            // Loop devices without partitions, and whoever is not root: the next open looks.
            Ok(()) | Err(Errno::INVAL | Errno::ACCESS | Errno::PERM) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
