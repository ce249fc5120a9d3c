//! A checksum of every 4 KiB that was written: what is read back need not be hashed again, and the block
//! that is wrong has a name. 2 MiB of them for each 4 GiB.
//!
//! Nobody who could forge one sits between the writer and the disk: what came from strangers was held
//! against the signed SHA-256 before it was noted here.

use crate::manifest::Range;

/// Bytes that one checksum covers.
pub const BLOCK: u64 = 4096;

/// Checksums of the blocks of all ranges, in order.
pub struct BlockSums {
    /// Of each range, the number of blocks before it.
    before: Vec<usize>,
    sums: Vec<u64>,
    /// Of each range, whether it was noted: what an interrupted write left was not.
    noted: Vec<bool>,
}

impl BlockSums {
    pub fn new(ranges: &[Range]) -> Self {
        let mut before = Vec::with_capacity(ranges.len());
        let mut blocks = 0;
        for range in ranges {
            before.push(blocks);
            blocks += (range.length / BLOCK) as usize;
        }
        Self { before, sums: vec![0; blocks], noted: vec![false; ranges.len()] }
    }

    /// Remembers `bytes`, which begin `at` bytes into the range.
    pub fn note(&mut self, range: usize, at: u64, bytes: &[u8]) {
        self.noted[range] = true;
        let first = self.before[range] + (at / BLOCK) as usize;
        for (sum, block) in self.sums[first..].iter_mut().zip(bytes.chunks(BLOCK as usize)) {
            *sum = sum_of(block);
        }
    }

    /// Whether the range was noted.
    pub fn covers(&self, range: usize) -> bool {
        self.noted[range]
    }

    /// The first block of `bytes` that is not the one that was noted: its offset in them.
    pub fn first_wrong(&self, range: usize, at: u64, bytes: &[u8]) -> Option<u64> {
        let first = self.before[range] + (at / BLOCK) as usize;
        self.sums[first..]
            .iter()
            .zip(bytes.chunks(BLOCK as usize))
            .position(|(sum, block)| *sum != sum_of(block))
            .map(|n| n as u64 * BLOCK)
    }
}

/// CRC-32 of both halves.
fn sum_of(block: &[u8]) -> u64 {
    let (one, other) = block.split_at(block.len() / 2);
    u64::from(crc32fast::hash(one)) << 32 | u64::from(crc32fast::hash(other))
}
