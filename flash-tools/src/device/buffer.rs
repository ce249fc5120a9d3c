//! Memory that O_DIRECT accepts.

use super::ALIGNMENT;
use std::ops::{Deref, DerefMut};

/// Bytes whose address is a multiple of [`ALIGNMENT`].
#[derive(Debug)]
pub struct AlignedBuf {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuf {
    /// `length` zeroes.
    pub fn new(length: usize) -> Self {
        let memory = vec![0; length + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Self { memory, start, length }
    }

    /// A copy of `bytes`, filled with zeroes to whole blocks.
    pub fn of(bytes: &[u8]) -> Self {
        let mut buffer = Self::new(bytes.len().next_multiple_of(ALIGNMENT));
        buffer[..bytes.len()].copy_from_slice(bytes);
        buffer
    }

    /// Cuts or grows it within what was asked for at first.
    pub fn resize(&mut self, length: usize) {
        assert!(self.start + length <= self.memory.len(), "a buffer does not grow");
        self.length = length;
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}
