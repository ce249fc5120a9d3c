//! What can end a job without a film.

use crate::driven::ElementError;
use crate::encoders;
use roombox_capture::CaptureError;
use roombox_jobs::encoders::{Fault, FaultKind};
use std::io;
use std::path::PathBuf;

/// An operation of a transcoding job that failed.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    #[error("cannot read the job {path}")]
    ReadSpec { path: PathBuf, source: io::Error },
    #[error("the job {path} cannot be understood")]
    ParseSpec { path: PathBuf, source: serde_json::Error },
    #[error("the job cannot be done: {0}")]
    UnusableSpec(&'static str),
    /// By itself nothing gets better: whoever brings the film back tries it again.
    #[error("the film of the recording {recording} cannot be merged: {why}")]
    Unmergeable { recording: String, why: String },
    #[error("the recording cannot be read")]
    Recording(#[source] CaptureError),
    #[error("cannot start GStreamer: {0}")]
    Start(String),
    #[error(transparent)]
    Element(#[from] ElementError),
    /// Hardware that does not do its work: another encoder may.
    #[error("the encoder {encoder} failed: {why}")]
    Encoder { encoder: String, fault: FaultKind, why: String },
    #[error("the encoder {encoder} made {made} pictures of {given}")]
    LostPictures { encoder: &'static str, given: u64, made: u64 },
    /// Another version of a library, perhaps: they are made anew.
    #[error("the encoder {encoder} changed its parameters from one reel to the next")]
    Misfit { encoder: &'static str },
    #[error("the encoder of sound made {made} frames of {given}")]
    LostSound { given: u64, made: u64 },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("a worker thread panicked")]
    Panicked,
    #[error("cancelled")]
    Cancelled,
}

impl FilmError {
    /// True if another try ends the same way.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::ParseSpec { .. }
                | Self::UnusableSpec(_)
                | Self::Unmergeable { .. }
                | Self::Element(ElementError::Missing(_) | ElementError::Setup { .. })
                | Self::Recording(CaptureError::ParseManifest { .. })
        )
    }

    /// Whose fault it is, if that is hardware.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Encoder { encoder, fault, why } => {
                Some(Fault { encoder: encoder.clone(), fault: *fault, why: why.clone() })
            }
            Self::Misfit { encoder } | Self::LostPictures { encoder, .. } => {
                let known = encoders::candidate(encoder).ok();
                let (encoder, fault) = ((*encoder).to_owned(), FaultKind::Garbage);
                known.filter(|known| known.family.is_hardware()).map(|_| Fault {
                    encoder,
                    fault,
                    why: self.to_string(),
                })
            }
            _ => None,
        }
    }
}
