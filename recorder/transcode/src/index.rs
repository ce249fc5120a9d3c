//! What a film is, for whoever shows it: which moments of the recording it has, where its chapters
//! begin, what is on its sheet of small pictures.

use crate::mp4::{Track, TrackFormat};
use crate::plan::{Chapter, Plan};
use crate::sprite::Spot;
use roombox_jobs::spec::Merge;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The index beside a film, written as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FilmIndex {
    /// Schema version, 1.
    pub v: u32,
    pub duration_us: u64,
    /// Pieces of the recording that the film shows, one after another: `from_us` to `to_us` of the
    /// recording's time.
    pub pieces: Vec<Piece>,
    pub chapters: Vec<Chapter>,
    /// `None`: there is no sheet.
    pub sprite: Option<Sprite>,
    /// What its samples are: films that are the same can be merged without a loss.
    pub format: Option<FilmFormat>,
    /// The films of which it was made; `None`: of its recording's own media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
}

/// What the samples of a film are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilmFormat {
    /// Of all that a decoder of the picture must know: equal if that is.
    pub picture: String,
    pub width: u32,
    pub height: u32,
    /// GStreamer factory of whoever made the picture, or `copy`.
    pub encoder: String,
    /// The same of the sound; `None`: it has none.
    pub sound: Option<String>,
}

impl FilmFormat {
    /// Of a film of these tracks; `None` if the first one is no H.264.
    pub fn of(picture: &Track, sound: Option<&Track>, encoder: &str) -> Option<Self> {
        let TrackFormat::Avc { avcc, width, height, .. } = &picture.format else { return None };
        let sound = match sound.map(|sound| &sound.format) {
            Some(TrackFormat::Aac { config, channels, rate, .. }) => {
                Some(digest(config, (*channels, *rate)))
            }
            Some(_) => return None,
            None => None,
        };
        let (width, height) = (*width, *height);
        let picture = digest(avcc, (width, height));
        Some(Self { picture, width, height, encoder: encoder.to_owned(), sound })
    }
}

/// Of a decoder's configuration and two numbers, as hex.
fn digest(config: &[u8], (a, b): (u32, u32)) -> String {
    let hash = Sha256::new().chain_update(config).chain_update(a.to_be_bytes());
    let hash = hash.chain_update(b.to_be_bytes()).finalize();
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A stretch of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Piece {
    pub from_us: u64,
    pub to_us: u64,
}

/// The sheet of small pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sprite {
    /// The file, beside the index.
    pub file: String,
    pub width: u32,
    pub height: u32,
    pub spots: Vec<Spot>,
}

impl FilmIndex {
    pub fn new(plan: &Plan, chapters: Vec<Chapter>, sprite: Option<Sprite>) -> Self {
        let piece = |(from_us, to_us): &(u64, u64)| Piece { from_us: *from_us, to_us: *to_us };
        let pieces = plan.pieces.iter().map(piece).collect();
        let duration_us = plan.duration_us();
        Self { v: 1, duration_us, pieces, chapters, sprite, format: None, merge: None }
    }
}
