//! A checksum of every 4 KiB that was written, so that verification can name the block that is wrong
//! and not only its range. 1 MiB of them for each 4 GiB.

use crate::manifest::Range;

/// Bytes that one checksum covers.
pub const BLOCK: u64 = 4096;

/// Checksums of the blocks of all ranges, in order.
pub struct BlockSums {
    /// Of each range, the number of blocks before it.
    before: Vec<usize>,
    sums: Vec<u32>,
}

impl BlockSums {
    pub fn new(ranges: &[Range]) -> Self {
        let mut before = Vec::with_capacity(ranges.len());
        let mut blocks = 0;
        for range in ranges {
            before.push(blocks);
            blocks += (range.length / BLOCK) as usize;
        }
        Self { before, sums: vec![0; blocks] }
    }

    /// Remembers `bytes`, which begin `at` bytes into the range.
    pub fn note(&mut self, range: usize, at: u64, bytes: &[u8]) {
        let first = self.before[range] + (at / BLOCK) as usize;
        for (sum, block) in self.sums[first..].iter_mut().zip(bytes.chunks(BLOCK as usize)) {
            *sum = crc32fast::hash(block);
        }
    }

    /// The first block of `bytes` that is not the one that was noted: its offset in them.
    pub fn first_wrong(&self, range: usize, at: u64, bytes: &[u8]) -> Option<u64> {
        let first = self.before[range] + (at / BLOCK) as usize;
        self.sums[first..]
            .iter()
            .zip(bytes.chunks(BLOCK as usize))
            .position(|(sum, block)| *sum != crc32fast::hash(block))
            .map(|n| n as u64 * BLOCK)
    }
}
