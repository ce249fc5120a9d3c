//! A disk in memory that checks how it is used, and that fails where a test wants it to.

use roombox_flash::device::{ALIGNMENT, BlockDev};
use std::io;

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The bit of this byte is written wrong, so often.
    WriteFlip {
        at: u64,
        times: u32,
    },
    /// The bit of this byte is read wrong, so often.
    ReadFlip {
        at: u64,
        times: u32,
    },
    /// No write that covers this byte works.
    WriteError {
        at: u64,
    },
    /// No read that covers this byte works.
    ReadError {
        at: u64,
    },
    /// Every write stops after so many bytes.
    Short {
        bytes: usize,
    },
    /// It has less than it claims.
    Wraps {
        capacity: u64,
    },
    /// It is unplugged at this operation.
    Gone {
        at: u64,
    },
    /// Writes that cover this byte are said to have worked.
    Ignores {
        at: u64,
    },
}

pub struct Memory {
    pub bytes: Vec<u8>,
    pub block: u64,
    pub fault: Fault,
    pub operations: u64,
    pub written: u64,
    pub discarded: Vec<(u64, u64)>,
}

impl Memory {
    pub fn new(bytes: Vec<u8>, fault: Fault) -> Self {
        Self { bytes, block: 512, fault, operations: 0, written: 0, discarded: vec![] }
    }

    fn used(&mut self, offset: u64, buffer: &[u8]) -> io::Result<()> {
        assert!(offset.is_multiple_of(ALIGNMENT as u64), "offset {offset}");
        assert!(buffer.len().is_multiple_of(ALIGNMENT), "length {}", buffer.len());
        assert!(buffer.is_empty() || buffer.as_ptr().addr().is_multiple_of(ALIGNMENT), "address");
        self.operations += 1;
        match self.fault {
            // ENODEV, from then on.
            Fault::Gone { at } if self.operations > at => Err(io::Error::from_raw_os_error(19)),
            _ => Ok(()),
        }
    }

    /// Where a block really is.
    fn place(&self, offset: u64) -> usize {
        match self.fault {
            Fault::Wraps { capacity } => (offset % capacity) as usize,
            _ => offset as usize,
        }
    }
}

fn covers(offset: u64, length: usize, at: u64) -> bool {
    at >= offset && at < offset + length as u64
}

impl BlockDev for Memory {
    fn name(&self) -> &str {
        "/dev/test"
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn logical_block(&self) -> u64 {
        self.block
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.used(offset, buffer)?;
        let length = buffer.len();
        if matches!(self.fault, Fault::ReadError { at } if covers(offset, length, at)) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let blocks = buffer.chunks_mut(ALIGNMENT).enumerate();
        for (n, block) in blocks {
            let from = self.place(offset + (n * ALIGNMENT) as u64);
            block.copy_from_slice(&self.bytes[from..from + ALIGNMENT]);
        }
        if let Fault::ReadFlip { at, times } = &mut self.fault
            && *times > 0
            && covers(offset, length, *at)
        {
            *times -= 1;
            buffer[(*at - offset) as usize] ^= 0x10;
        }
        Ok(length)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.used(offset, bytes)?;
        let mut length = bytes.len();
        match self.fault {
            Fault::WriteError { at } if covers(offset, length, at) => {
                return Err(io::Error::from_raw_os_error(5));
            }
            Fault::Ignores { at } if covers(offset, length, at) => return Ok(length),
            Fault::Short { bytes } => length = length.min(bytes),
            _ => {}
        }
        for at in (0..length).step_by(512) {
            let to = self.place(offset + at as u64);
            let end = (at + 512).min(length);
            self.bytes[to..to + (end - at)].copy_from_slice(&bytes[at..end]);
        }
        self.written += length as u64;
        if let Fault::WriteFlip { at, times } = &mut self.fault
            && *times > 0
            && covers(offset, length, *at)
        {
            *times -= 1;
            self.bytes[*at as usize] ^= 0x10;
        }
        Ok(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.used(0, &[])
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn discard(&mut self, offset: u64, length: u64) -> io::Result<bool> {
        self.discarded.push((offset, length));
        let place = offset as usize..(offset + length) as usize;
        if !matches!(self.fault, Fault::Wraps { .. }) {
            // Whatever a disk returns then: not zeroes, so that nobody relies on them.
            self.bytes[place].fill(0xee);
        }
        Ok(true)
    }

    fn reread_table(&mut self) -> io::Result<()> {
        Ok(())
    }
}
