//! Samples that a film takes as the recorder wrote them: they stay where they are until the film is written.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const BUFFER: usize = 256 * 1024;

/// Where the samples lie, part after part.
#[derive(Debug, Default)]
pub struct Recorded {
    parts: Vec<RecordedPart>,
}

#[derive(Debug)]
struct RecordedPart {
    path: PathBuf,
    /// Byte at which each begins, and its length.
    samples: Vec<(u64, u32)>,
}

impl Recorded {
    /// What is added from now on lies in this part.
    pub fn part(&mut self, path: PathBuf) {
        self.parts.push(RecordedPart { path, samples: Vec::new() });
    }

    /// Adds a sample of the part; they follow each other in it.
    pub fn add(&mut self, at: u64, bytes: u32) {
        if let Some(part) = self.parts.last_mut() {
            part.samples.push((at, bytes));
        }
    }

    /// All of them, one after the other.
    pub fn reader(&self) -> impl Read + use<'_> {
        RecordedReader { parts: self.parts.iter(), open: None }
    }
}

struct RecordedReader<'a> {
    parts: std::slice::Iter<'a, RecordedPart>,
    open: Option<OpenPart<'a>>,
}

struct OpenPart<'a> {
    path: &'a Path,
    input: BufReader<File>,
    /// Byte of the file that is read next.
    at: u64,
    samples: std::slice::Iter<'a, (u64, u32)>,
    /// Bytes of the sample that are still to come.
    left: u64,
}

impl OpenPart<'_> {
    /// Reads on; 0: it has no more samples.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some((at, bytes)) = self.samples.next() else { return Ok(0) };
            self.input.seek_relative(at.wrapping_sub(self.at).cast_signed())?;
            (self.at, self.left) = (*at, u64::from(*bytes));
        }
        let got = (&mut self.input).take(self.left).read(buffer)?;
        if got == 0 && !buffer.is_empty() {
            let what = format!("{} is shorter than it was", self.path.display());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

impl Read for RecordedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                let got = open.read(buffer)?;
                if got > 0 || buffer.is_empty() {
                    return Ok(got);
                }
            }
            let Some(RecordedPart { path, samples }) = self.parts.next() else { return Ok(0) };
            let input = BufReader::with_capacity(BUFFER, File::open(path)?);
            self.open = Some(OpenPart { path, input, at: 0, samples: samples.iter(), left: 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_from_their_places_in_all_parts_and_a_shorter_part_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a"), b"..one...two").unwrap();
        let long = vec![7; 3 * BUFFER];
        std::fs::write(path("b"), [b"--", &long[..]].concat()).unwrap();
        let mut recorded = Recorded::default();
        recorded.part(path("a"));
        recorded.add(2, 3);
        recorded.add(5, 0);
        recorded.add(8, 3);
        recorded.part(path("nothing is taken of it"));
        recorded.part(path("b"));
        recorded.add(2, long.len() as u32);
        let read = |recorded: &Recorded| {
            let mut read = Vec::new();
            recorded.reader().read_to_end(&mut read).map(|_| read)
        };
        std::fs::write(path("nothing is taken of it"), b"").unwrap();
        let all = read(&recorded).unwrap();
        assert!(all == [b"onetwo", &long[..]].concat(), "{} bytes", all.len());
        recorded.add(long.len() as u64, 3);
        let error = read(&recorded).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
