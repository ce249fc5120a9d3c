//! The captions of a film, beside it.

use super::error::FilmError;
use super::material::Material;
use super::output::DerivedFolder;
use roombox_jobs::spec::{FileKind, MadeFile};
use roombox_transcode::captions::captions;
use roombox_transcode::plan::Plan;
use roombox_transcode::vtt;
use std::io::Write;

/// Writes what was said; `None`: nobody transcribed anything.
///
/// # Errors
/// The disk refuses.
pub fn publish(
    folder: &DerivedFolder,
    material: &Material,
    plan: &Plan,
) -> Result<Option<MadeFile>, FilmError> {
    let cues = captions(&material.manifest, &material.timeline, plan);
    if cues.is_empty() {
        return Ok(None);
    }
    let text = vtt::of_captions(&cues);
    let write = |out: &mut super::output::Hashing| out.write_all(text.as_bytes());
    folder.publish("captions.vtt", FileKind::Captions, write).map(Some)
}
