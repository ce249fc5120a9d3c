//! The local file as it goes out, and the target's copy as it comes back: both are hashed on the way.

use super::SendError;
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What is read at once: large enough for a disk, small beside a box's memory.
pub(super) const CHUNK: usize = 256 * 1024;

/// So much of what an interrupted transfer left is compared before it goes on: a power cut leaves a file
/// that is as long as it was and ends in nothing.
pub(super) const TAIL: usize = 1 << 20;

/// Where the bytes come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    File(&'a Path),
    /// What a check writes.
    Text(&'static [u8]),
}

/// What goes to a target.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub origin: Origin<'a>,
    pub name: &'a str,
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub resume: Option<String>,
    pub pace: Option<u64>,
}

impl Load<'_> {
    /// Reads on from byte `from`. What stands before is read and hashed too, for the digest is of
    /// the whole.
    pub async fn open(&self, from: u64) -> Result<Source, SendError> {
        let (file, path): (Box<dyn AsyncRead + Send + Sync + Unpin>, _) = match self.origin {
            Origin::Text(text) => (Box::new(text), PathBuf::from("(text)")),
            Origin::File(path) => {
                let failed = |source| SendError::Local { path: path.to_owned(), source };
                let file = File::open(path).await.map_err(failed)?;
                if file.metadata().await.map_err(failed)?.len() != self.bytes {
                    return Err(SendError::Changed(path.to_owned()));
                }
                (Box::new(file), path.to_owned())
            }
        };
        let mut source =
            Source { file, path, left: self.bytes, hash: Sha256::new(), wanted: self.sha256 };
        source.skip(from.min(self.bytes)).await?;
        Ok(source)
    }

    /// Reads on from byte `from`, if what stands before it ends with `tail`; else from the beginning. Says
    /// which.
    pub async fn open_after(&self, from: u64, tail: &[u8]) -> Result<(u64, Source), SendError> {
        if from == 0 || from > self.bytes || tail.is_empty() {
            return Ok((0, self.open(0).await?));
        }
        let mut source = self.open(from.saturating_sub(tail.len() as u64)).await?;
        match source.pieces(tail.len()).await?.concat() == tail {
            true => Ok((from, source)),
            false => Ok((0, self.open(0).await?)),
        }
    }

    /// Ready to compare with what the target has.
    pub fn proof(&self) -> Proof {
        Proof { hash: Sha256::new(), bytes: 0, wanted: (self.bytes, self.sha256) }
    }
}

/// The local file on its way out.
pub(super) struct Source {
    file: Box<dyn AsyncRead + Send + Sync + Unpin>,
    path: PathBuf,
    left: u64,
    hash: Sha256,
    wanted: [u8; 32],
}

impl Source {
    async fn skip(&mut self, mut bytes: u64) -> Result<(), SendError> {
        while bytes > 0 {
            let most = usize::try_from(bytes).map_or(CHUNK, |bytes| bytes.min(CHUNK));
            let Some(read) = self.next(most).await? else { break };
            bytes = bytes.saturating_sub(read.len() as u64);
        }
        Ok(())
    }

    /// The next bytes, `most` of them unless the file ends; None at its end.
    ///
    /// The last bytes are only given out once the digest of everything is right: no target gets
    /// a whole file that is not the one that was meant.
    pub async fn next(&mut self, most: usize) -> Result<Option<Bytes>, SendError> {
        let size = usize::try_from(self.left).map_or(most, |left| left.min(most));
        if size == 0 {
            // An empty file has no last bytes.
            return self.is_as_meant().await.map(|()| None);
        }
        let mut bytes = BytesMut::zeroed(size);
        self.file.read_exact(&mut bytes).await.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => SendError::Changed(self.path.clone()),
            _ => SendError::Local { path: self.path.clone(), source },
        })?;
        self.hash.update(&bytes);
        self.left -= size as u64;
        if self.left == 0 {
            self.is_as_meant().await?;
        }
        Ok(Some(bytes.freeze()))
    }

    /// The next `bytes` in pieces, fewer at the end.
    pub async fn pieces(&mut self, bytes: usize) -> Result<Vec<Bytes>, SendError> {
        let mut pieces = Vec::new();
        let mut left = bytes;
        while left > 0
            && let Some(piece) = self.next(left.min(CHUNK)).await?
        {
            left -= piece.len();
            pieces.push(piece);
        }
        Ok(pieces)
    }

    async fn is_as_meant(&mut self) -> Result<(), SendError> {
        let more = self.file.read(&mut [0]).await;
        let more = more.map_err(|source| SendError::Local { path: self.path.clone(), source })? > 0;
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        match more || digest != self.wanted {
            true => Err(SendError::Changed(self.path.clone())),
            false => Ok(()),
        }
    }
}

/// What comes back, hashed and counted.
pub(super) struct Proof {
    hash: Sha256,
    bytes: u64,
    wanted: (u64, [u8; 32]),
}

impl Proof {
    pub fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// More came than the file has: no need to read on.
    pub fn is_too_long(&self) -> bool {
        self.bytes > self.wanted.0
    }

    /// Whether all that came is the file.
    pub fn holds(self) -> bool {
        (self.bytes, self.hash.finalize().into()) == self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(path: &Path, bytes: &[u8]) -> Load<'static> {
        Load {
            origin: Origin::File(Box::leak(path.to_owned().into_boxed_path())),
            name: "a",
            bytes: bytes.len() as u64,
            sha256: Sha256::digest(bytes).into(),
            resume: None,
            pace: None,
        }
    }

    #[tokio::test]
    async fn the_last_bytes_are_held_back_until_the_whole_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        let bytes = vec![7; CHUNK + 10];
        std::fs::write(&path, &bytes).unwrap();
        let right = load(&path, &bytes);
        let mut source = right.open(0).await.unwrap();
        assert_eq!(source.next(CHUNK).await.unwrap().unwrap().len(), CHUNK);
        assert_eq!(source.next(CHUNK).await.unwrap().unwrap().len(), 10);
        assert!(source.next(CHUNK).await.unwrap().is_none());
        let mut source = right.open(CHUNK as u64 + 3).await.unwrap();
        assert_eq!(source.pieces(99).await.unwrap().concat(), [7; 7]);

        let wrong = Load { sha256: [0; 32], ..load(&path, &bytes) };
        let mut source = wrong.open(0).await.unwrap();
        assert!(source.next(CHUNK).await.is_ok());
        assert!(matches!(source.next(CHUNK).await, Err(SendError::Changed(_))));

        // It grew, before and after it was opened.
        let mut source = right.open(0).await.unwrap();
        std::fs::write(&path, vec![7; CHUNK + 11]).unwrap();
        assert!(matches!(source.pieces(CHUNK * 2).await, Err(SendError::Changed(_))));
        assert!(matches!(right.open(0).await, Err(SendError::Changed(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(right.open(0).await, Err(SendError::Local { .. })));
    }

    #[tokio::test]
    async fn it_goes_on_only_after_what_is_the_beginning_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        let bytes: Vec<u8> = (0..3 * TAIL).map(|at| (at / 7) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let load = load(&path, &bytes);
        let half = TAIL + 99;
        let open = async |from: usize, tail: &[u8]| {
            let (from, mut source) = load.open_after(from as u64, tail).await.unwrap();
            assert_eq!(source.next(1).await.unwrap().unwrap()[0], bytes[from as usize]);
            from as usize
        };
        assert_eq!(open(half, &bytes[99..half]).await, half);
        assert_eq!(open(10, &bytes[..10]).await, 10);
        // Of another file, or what a power cut left of this one.
        assert_eq!(open(half, &bytes[98..half - 1]).await, 0);
        assert_eq!(open(half, &vec![0; TAIL]).await, 0);
        assert_eq!(open(0, &[]).await, 0);
        assert_eq!(open(bytes.len() + 1, &[1]).await, 0);
    }

    #[tokio::test]
    async fn an_empty_file_is_compared_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        std::fs::write(&path, b"").unwrap();
        assert!(load(&path, b"").open(0).await.unwrap().next(9).await.unwrap().is_none());
        let wrong = Load { sha256: [0; 32], ..load(&path, b"") };
        assert!(wrong.open(0).await.unwrap().next(9).await.is_err());
    }

    #[test]
    fn a_proof_is_of_every_byte() {
        let load = load(Path::new("film"), b"abc");
        for (pieces, holds) in
            [(&["ab", "c"][..], true), (&["ab"], false), (&["abc", "d"], false), (&["abd"], false)]
        {
            let mut proof = load.proof();
            pieces.iter().for_each(|piece| proof.add(piece.as_bytes()));
            assert_eq!(proof.holds(), holds, "{pieces:?}");
        }
    }
}
