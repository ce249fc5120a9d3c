//! Samples that lie in several files: where, and one reader over all of them. Nothing is copied before it is
//! written to its place.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const BUFFER: usize = 256 * 1024;

/// Bytes in a row.
#[derive(Debug, Clone)]
pub enum Extent {
    InFile {
        file: Arc<File>,
        at: u64,
        bytes: u64,
    },
    /// These.
    Plain(Arc<[u8]>),
}

/// Adds what follows; what lies beside the last one in the same file becomes one with it.
pub fn push(extents: &mut Vec<Extent>, file: &Arc<File>, at: u64, bytes: u64) {
    if let Some(Extent::InFile { file: last, at: begun, bytes: length }) = extents.last_mut()
        && Arc::ptr_eq(last, file)
        && *begun + *length == at
    {
        *length += bytes;
        return;
    }
    extents.push(Extent::InFile { file: file.clone(), at, bytes });
}

/// All of them, one after the other.
pub fn reader(extents: &[Extent]) -> impl Read + use<> {
    let rest: VecDeque<Extent> = extents.iter().cloned().collect();
    BufReader::with_capacity(BUFFER, ExtentReader { rest, done: 0 })
}

struct ExtentReader {
    rest: VecDeque<Extent>,
    /// Bytes of the first one that were read.
    done: u64,
}

impl Read for ExtentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(extent) = self.rest.front() {
            let got = match extent {
                Extent::InFile { file, at, bytes } => {
                    let most = (*bytes - self.done).min(buffer.len() as u64) as usize;
                    let got = file.read_at(&mut buffer[..most], at + self.done)?;
                    if got == 0 && most > 0 {
                        let what = "a film is shorter than its head says";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                    }
                    got
                }
                Extent::Plain(bytes) => {
                    let rest = bytes.get(self.done as usize..).unwrap_or_default();
                    let most = rest.len().min(buffer.len());
                    buffer[..most].copy_from_slice(&rest[..most]);
                    most
                }
            };
            if got > 0 || buffer.is_empty() {
                self.done += got as u64;
                return Ok(got);
            }
            self.rest.pop_front();
            self.done = 0;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn pieces_of_files_are_read_in_their_order_and_neighbours_at_once() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let file = Arc::new(file);
        let mut extents = Vec::new();
        for (at, bytes) in [(5, 2), (7, 1), (0, 3)] {
            push(&mut extents, &file, at, bytes);
        }
        extents.push(Extent::Plain(b"--".as_slice().into()));
        push(&mut extents, &file, 9, 1);
        assert_eq!(extents.len(), 4);
        let mut text = String::new();
        reader(&extents).read_to_string(&mut text).unwrap();
        assert_eq!(text, "567012--9");
        push(&mut extents, &file, 10, 1);
        assert!(reader(&extents).read_to_string(&mut text).is_err(), "it is not there");
    }
}
