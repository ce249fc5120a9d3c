//! Where the clusters of a part are, without reading their frames: for going to a moment of it, and
//! for knowing how far a part has come that is still being written.

use super::ebml::{self, id};
use crate::error::CaptureError;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes from a cluster's beginning to the end of its first frame's head, at most.
const CLUSTER_HEAD: usize = 64;

/// One cluster of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// Byte at which it begins.
    pub position: u64,
    /// Time of its first frame, microseconds since the part's start.
    pub start_us: i64,
    /// Its first frame can be decoded without any before it.
    pub keyframe: bool,
}

/// Walks over a part's clusters, one after another. At the end of a part that still grows it can
/// be asked again later.
pub struct Clusters {
    file: File,
    path: PathBuf,
    at: u64,
}

impl Clusters {
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let file = File::open(path)
            .map_err(|source| CaptureError::OpenPart { path: path.to_owned(), source })?;
        Ok(Self { file, path: path.to_owned(), at: 0 })
    }

    /// The next whole cluster; `None` if there is none (yet), or what follows is none of ours.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn next_whole(&mut self) -> Result<Option<Cluster>, CaptureError> {
        let refused = |source| CaptureError::ReadPart { path: self.path.clone(), source };
        let length = self.file.metadata().map_err(refused)?.len();
        while self.at < length {
            let bytes = self.peek().map_err(refused)?;
            let Some(header) = ebml::header(&bytes) else { return Ok(None) };
            let body = self.at + header.length as u64;
            let end = header.size.and_then(|size| body.checked_add(size));
            match (header.id, end) {
                // Its children follow.
                (id::SEGMENT, _) => self.at = body,
                (_, Some(end)) if end <= length => {
                    let position = std::mem::replace(&mut self.at, end);
                    if header.id == id::CLUSTER
                        && let Some((start_us, keyframe)) = first_frame(&bytes[header.length..])
                    {
                        return Ok(Some(Cluster { position, start_us, keyframe }));
                    }
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn peek(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; CLUSTER_HEAD];
        let mut have = 0;
        while have < bytes.len() {
            match self.file.read_at(&mut bytes[have..], self.at + have as u64) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(have);
        Ok(bytes)
    }
}

/// Time and kind of the first frame of a cluster whose body begins so.
fn first_frame(mut body: &[u8]) -> Option<(i64, bool)> {
    let mut cluster_ms = None;
    loop {
        let header = ebml::header(body)?;
        let rest = &body[header.length..];
        let size = usize::try_from(header.size?).ok()?;
        match header.id {
            id::TIMESTAMP => {
                cluster_ms = Some(i64::try_from(ebml::uint(rest.get(..size)?)).ok()?);
            }
            id::SIMPLE_BLOCK => {
                // One byte of track number, as we write it.
                let [_, high, low, flags] = *rest.first_chunk::<4>()?;
                let ms = cluster_ms?.checked_add(i16::from_be_bytes([high, low]).into())?;
                return Some((ms.checked_mul(1000)?, flags & 0x80 != 0));
            }
            _ => {}
        }
        body = rest.get(size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Codec;
    use crate::matroska::{Frame, LONGEST_CLUSTER_US, PartFormat, PartReader, PartWriter};
    use crate::storage::LocalDisk;
    use std::fs::OpenOptions;
    use std::io::Write;

    /// A part of `frames` frames, 40 ms apart, every tenth a keyframe.
    fn part(path: &Path, frames: i64) -> PartWriter {
        let (codec, codec_private) = (Codec::Vp8, Vec::new());
        let format = PartFormat { codec, codec_private, width: 64, height: 36 };
        let mut writer = PartWriter::create(&LocalDisk, path, &format, LONGEST_CLUSTER_US).unwrap();
        for n in 0..frames {
            let data = vec![n as u8; 40 + n as usize];
            writer.frame(n * 40_000, n % 10 == 0, &data).unwrap();
        }
        writer
    }

    fn all(clusters: &mut Clusters) -> Vec<Cluster> {
        std::iter::from_fn(|| clusters.next_whole().unwrap()).collect()
    }

    #[test]
    fn clusters_are_found_with_their_times_and_a_reader_can_go_to_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.mkv");
        part(&path, 100).seal().unwrap();
        let found = all(&mut Clusters::open(&path).unwrap());
        assert!(found.len() >= 4, "{found:?}");
        assert_eq!(found[0].start_us, 0);
        for cluster in found {
            let mut reader = PartReader::open(&path).unwrap();
            reader.go_to(&cluster).unwrap();
            let Some(Frame { pts_us, keyframe, .. }) = reader.next_frame().unwrap() else {
                panic!("nothing is at {cluster:?}");
            };
            assert_eq!((pts_us, keyframe), (cluster.start_us, cluster.keyframe));
        }
    }

    #[test]
    fn a_part_that_grows_is_read_on_whatever_byte_it_had_come_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, growing) = (folder.path().join("part.mkv"), folder.path().join("growing.mkv"));
        part(&path, 60).flush().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut reader = PartReader::open(&path).unwrap();
        let wanted: Vec<Frame> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
        let clusters = all(&mut Clusters::open(&path).unwrap());
        assert_eq!(wanted.len(), 60);
        let head = clusters[0].position as usize;
        for step in [1, 7, 100] {
            std::fs::write(&growing, &whole[..head]).unwrap();
            let mut to = OpenOptions::new().append(true).open(&growing).unwrap();
            let mut reader = PartReader::open(&growing).unwrap();
            let mut walker = Clusters::open(&growing).unwrap();
            let (mut frames, mut seen) = (Vec::new(), Vec::new());
            for bytes in whole[head..].chunks(step) {
                to.write_all(bytes).unwrap();
                frames.extend(std::iter::from_fn(|| reader.next_frame().unwrap()));
                seen.extend(all(&mut walker));
            }
            assert_eq!(frames, wanted, "in steps of {step}");
            assert_eq!(seen, clusters, "in steps of {step}");
        }
    }
}
