//! Files that people of a meeting hand to each other.
//!
//! The box keeps them while the meeting lasts and has no opinion of what is in them: nothing is looked for
//! viruses. What a browser is given is always saved, never opened; pictures alone are shown, by what they
//! begin with and not by what they are called.

use super::ToolsError;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::path::Path;
use utoipa::ToSchema;

/// Of one meeting.
pub(super) const MOST: usize = 200;
/// All files of a meeting, as multiples of the largest that one may be.
pub(super) const ALL_TOGETHER: u64 = 20;
const LONGEST_NAME: usize = 120;
/// What pictures begin with.
const PICTURES: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];
/// Of a file so much says what it is.
pub(super) const HEAD: usize = 12;

/// A file that somebody handed to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Handout {
    pub name: String,
    pub bytes: u64,
    /// Where everybody of the meeting gets it, without signing in: the page's own origin, and this.
    pub path: String,
    /// It can be shown as a picture.
    pub picture: bool,
    pub by: String,
    pub at: UnixMs,
}

/// What may be handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HandoutRules {
    /// Somebody with the owner's leave may: the owner has not switched it off, and nobody took the right to
    /// write from this person.
    pub allowed: bool,
    /// Of one file.
    pub most_bytes: u64,
    /// Endings; none: all.
    pub types: Vec<String>,
}

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFile {
    /// 160 random bits: who has it may have the file.
    pub secret: String,
    pub name: String,
    pub bytes: u64,
    /// Media type of a picture.
    pub picture: Option<String>,
    pub by: String,
    pub at: UnixMs,
}

impl KeptFile {
    pub(super) fn handout(&self) -> Handout {
        Handout {
            name: self.name.clone(),
            bytes: self.bytes,
            path: format!("/f/{}", self.secret),
            picture: self.picture.is_some(),
            by: self.by.clone(),
            at: self.at,
        }
    }
}

/// A name without folders and without what turns writing round, with an ending that the owner allows.
pub(super) fn checked(name: &str, types: &[String]) -> Result<String, ToolsError> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    // U+202A to U+202E and U+2066 to U+2069 (UAX #9): "gpj.exe" would read as "exe.jpg".
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || turns(c))
        && !name.chars().all(|c| c == '.');
    if !fits {
        return Err(ToolsError::FileName { most: LONGEST_NAME });
    }
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if !types.is_empty() && !ending.is_some_and(|ending| types.contains(&ending)) {
        return Err(ToolsError::FileType { types: types.join(", ") });
    }
    Ok(name.to_owned())
}

/// Media type of the picture that begins like this.
pub(super) fn picture(head: &[u8]) -> Option<&'static str> {
    let (_, kind) = PICTURES.into_iter().find(|(magic, _)| head.starts_with(magic))?;
    // RIFF is a family; a WebP says so behind its length.
    (kind != "image/webp" || head.get(8..12) == Some(b"WEBP")).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders_and_nothing_else() {
        let types = ["pdf".to_owned()];
        assert_eq!(checked("C:\\Users\\ada\\Plan Büro.PDF", &types).unwrap(), "Plan Büro.PDF");
        assert_eq!(checked("../../etc/plan.pdf", &types).unwrap(), "plan.pdf");
        for wrong in ["", "..", "a/", "a\u{202e}fdp.pdf", "a\n.pdf", &"x".repeat(121)] {
            assert!(matches!(checked(wrong, &[]), Err(ToolsError::FileName { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn the_owner_says_which_endings_may_be() {
        let types = ["pdf".to_owned(), "png".to_owned()];
        for wrong in ["run.exe", "pdf", "plan.pdf.exe", ".pdf"] {
            let refused = checked(wrong, &types).unwrap_err();
            assert!(refused.to_string().contains("pdf, png"), "{wrong}: {refused}");
        }
        assert_eq!(checked("run.exe", &[]).unwrap(), "run.exe", "no list: all");
    }

    #[test]
    fn pictures_are_known_by_what_they_begin_with() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(picture(b"RIFF....WEBP"), Some("image/webp"));
        assert_eq!(picture(b"RIFF....WAVE"), None);
        assert_eq!(picture(b"<svg onload="), None);
        assert_eq!(picture(b""), None);
    }
}
