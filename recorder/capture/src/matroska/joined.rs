//! Writes a file of several tracks, for people to take along: frames come in the order of their times,
//! and what it is made of is safe elsewhere.

use super::ebml::{self, id};
use super::head::{Head, TRACK};
use super::writer::{PartFormat, seal};
use crate::error::CaptureError;
use crate::storage::{Storage, StoredFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A cluster spans at most so much: a player that seeks reads one.
const LONGEST_CLUSTER_MS: u64 = 5_000;
/// At most one cue in this time.
const CUE_MS: u64 = 2_000;
const KEYFRAME: u8 = 0x80;

/// A file that is being written.
pub struct JoinedWriter {
    file: Arc<dyn StoredFile>,
    path: PathBuf,
    head: Head,
    at: u64,
    blocks: Vec<u8>,
    /// When the cluster begins; `None`: there is none yet.
    cluster_ms: Option<u64>,
    /// The cluster begins with a picture that needs no other.
    is_entry: bool,
    cues: Vec<(u64, u64)>,
    last_ms: u64,
}

impl JoinedWriter {
    /// Makes the file and writes its head. Players seek by the frames of the first track.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn create(
        storage: &dyn Storage,
        path: &Path,
        tracks: &[PartFormat],
    ) -> Result<Self, CaptureError> {
        let open_error = |source| CaptureError::OpenPart { path: path.to_owned(), source };
        let file = storage.create(path).map_err(open_error)?;
        let head = Head::of(tracks);
        file.write_at(&[head.bytes()], 0).map_err(open_error)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            at: head.length(),
            head,
            blocks: Vec::new(),
            cluster_ms: None,
            is_entry: false,
            cues: Vec::new(),
            last_ms: 0,
        })
    }

    /// Adds a frame of a track, by the track's place. One whose time falls is put right after the last.
    ///
    /// # Errors
    /// The disk refuses the cluster that ends here.
    pub fn frame(
        &mut self,
        track: usize,
        time_us: u64,
        keyframe: bool,
        data: &[u8],
    ) -> Result<(), CaptureError> {
        let ms = (time_us / 1000).max(self.last_ms);
        let entry = keyframe && track == 0;
        let ends = |begun: u64| ms - begun >= LONGEST_CLUSTER_MS || entry;
        if self.cluster_ms.is_some_and(ends) {
            self.flush()?;
        }
        let begun = *self.cluster_ms.get_or_insert_with(|| {
            self.is_entry = entry;
            ms
        });
        ebml::put_id(&mut self.blocks, id::SIMPLE_BLOCK);
        ebml::put_size(&mut self.blocks, data.len() as u64 + 4);
        self.blocks.push(0x80 | (TRACK + track as u8));
        self.blocks.extend_from_slice(&((ms - begun) as i16).to_be_bytes());
        self.blocks.push(if keyframe { KEYFRAME } else { 0 });
        self.blocks.extend_from_slice(data);
        self.last_ms = ms;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), CaptureError> {
        let Some(begun) = self.cluster_ms.take() else { return Ok(()) };
        let mut time = Vec::with_capacity(16);
        ebml::put_uint(&mut time, id::TIMESTAMP, begun);
        let mut head = Vec::with_capacity(32);
        ebml::put_id(&mut head, id::CLUSTER);
        ebml::put_size(&mut head, (time.len() + self.blocks.len()) as u64);
        head.extend_from_slice(&time);
        let written = self.file.write_at(&[&head, &self.blocks], self.at);
        written.map_err(|source| self.write_error(source))?;
        let recent = self.cues.last().is_some_and(|(last, _)| begun - last < CUE_MS);
        if self.is_entry && !recent {
            self.cues.push((begun, self.at - self.head.segment_body()));
        }
        self.at += (head.len() + self.blocks.len()) as u64;
        self.blocks.clear();
        Ok(())
    }

    fn write_error(&self, source: io::Error) -> CaptureError {
        CaptureError::WritePart { path: self.path.clone(), source }
    }

    /// Ends the file, which lasts until `end_us`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(mut self, end_us: u64) -> Result<(), CaptureError> {
        self.flush()?;
        let length_us = end_us.max(self.last_ms * 1000) as i64;
        seal(&*self.file, &self.head, self.at, length_us, &self.cues)
            .map_err(|source| self.write_error(source))?;
        Ok(())
    }
}
