//! Raw capture: one Matroska file a track and layer, a timeline, recovery and the disk guard.
//!
//! Media enters by a [`TapSink`] and is on the disk within a second. No encoder, no GStreamer:
//! films are made later, by others, from what is written here.

pub mod captions;
pub mod clock;
pub mod depacketise;
pub mod disk;
mod error;
mod folder;
pub mod manifest;
pub mod matroska;
pub mod receiver;
mod recorder;
mod recording;
pub mod recovery;
pub mod storage;
pub mod timeline;

pub use error::CaptureError;
pub use folder::{read_manifest, read_timeline, write_manifest};
pub use recorder::{
    OpenRecording, Recorder, RecorderConfig, RecorderEvent, RecordingFigures, TapSink,
};
