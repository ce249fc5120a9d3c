//! What can go wrong while recording.

use std::io;
use std::path::PathBuf;

/// An operation of the recorder that failed.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("cannot open the part {path}")]
    OpenPart { path: PathBuf, source: io::Error },
    #[error("cannot write the part {path}")]
    WritePart { path: PathBuf, source: io::Error },
    #[error("cannot read the part {path}")]
    ReadPart { path: PathBuf, source: io::Error },
    #[error("{path} is not a part of a recording: {what}")]
    NotAPart { path: PathBuf, what: &'static str },
    #[error("cannot write the manifest {path}")]
    WriteManifest { path: PathBuf, source: io::Error },
    #[error("cannot read the manifest {path}")]
    ReadManifest { path: PathBuf, source: io::Error },
    #[error("the manifest {path} cannot be understood")]
    ParseManifest { path: PathBuf, source: serde_json::Error },
    #[error("cannot write the timeline {path}")]
    WriteTimeline { path: PathBuf, source: io::Error },
    #[error("cannot prepare the folder {path}")]
    PrepareFolder { path: PathBuf, source: io::Error },
    #[error("cannot start a recorder thread")]
    StartThread(#[source] io::Error),
    #[error("the disk has {free} bytes left, less than the reserve of {reserve}")]
    DiskLow { free: u64, reserve: u64 },
    #[error("the recorder has stopped")]
    Stopped,
}
