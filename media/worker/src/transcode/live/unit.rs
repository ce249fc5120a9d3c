//! What all outputs of a broadcast get: coded pictures and sound.

use std::sync::Arc;

/// One coded picture, or one frame of sound.
pub struct Unit {
    pub picture: bool,
    /// Time of the recording.
    pub at_us: u64,
    /// Nothing before it is needed to decode it.
    pub keyframe: bool,
    /// A picture: slices, each after its length. Sound: a raw AAC frame.
    pub data: Vec<u8>,
    /// What decoders must know: `avcC` or AudioSpecificConfig.
    pub config: Arc<Vec<u8>>,
}

/// Where a connection begins: the first keyframe, once the sound's head is known too.
#[derive(Default)]
pub struct Beginning {
    sound: Option<Arc<Vec<u8>>>,
}

/// Heads of both tracks, and when it begins.
pub struct Heads {
    pub picture: Arc<Vec<u8>>,
    pub sound: Arc<Vec<u8>>,
    pub at_us: u64,
}

impl Beginning {
    /// Hears of a unit; the heads if it begins with this one.
    pub fn hear(&mut self, unit: &Unit) -> Option<Heads> {
        if !unit.picture {
            self.sound.get_or_insert_with(|| unit.config.clone());
            return None;
        }
        let sound = self.sound.clone().filter(|_| unit.keyframe)?;
        Some(Heads { picture: unit.config.clone(), sound, at_us: unit.at_us })
    }
}
