//! What a film is, for whoever shows it: which moments of the recording it has, where its chapters
//! begin, what is on its sheet of small pictures.

use crate::plan::{Chapter, Plan};
use crate::sprite::Spot;
use serde::Serialize;

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
        Self { v: 1, duration_us: plan.duration_us(), pieces, chapters, sprite }
    }
}
