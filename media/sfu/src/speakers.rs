//! Who speaks, from the audio levels that packets carry (RFC 6464).
//!
//! A window of 400 ms counts as speech if 40 % of it were louder than −35 dBov; the level is
//! smoothed over two windows, as LiveKit does, so that clients see what they are used to.

use std::time::Duration;

/// How often windows are closed.
pub(crate) const WINDOW: Duration = Duration::from_millis(400);
/// Louder than this counts, in −dBov.
const THRESHOLD: i8 = -35;
/// Louder than this, in −dBov, is more than the noise of a room; and so many packets of a window make
/// it a sound that somebody makes.
const SOUND: i8 = -45;
const SOUND_PACKETS: u32 = 4;
/// Packets of 20 ms that make 40 % of a window.
const ACTIVE_PACKETS: u32 = 8;
const SMOOTHING: f32 = 0.5;
/// A change of level below this is not worth a message.
const STEP: f32 = 0.05;

/// One track's loudness.
#[derive(Debug, Default, Clone)]
pub(crate) struct Loudness {
    loud_packets: u32,
    /// Packets of the window that are more than noise.
    sounds: u32,
    sum: f32,
    smoothed: f32,
    /// Level that was last reported; 0 silent.
    reported: f32,
}

/// What one closed window says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heard {
    /// 0 silent to 1 loudest.
    pub level: f32,
    /// Differs enough from the last report.
    pub changed: bool,
}

impl Loudness {
    /// Takes one packet's level in dBov, 0 to −127. True once in a window, when there is a sound. Of a
    /// sender that tells no levels every packet may be one.
    pub(crate) fn hear(&mut self, level: Option<i8>) -> bool {
        if let Some(level) = level.filter(|level| *level > THRESHOLD) {
            self.loud_packets += 1;
            self.sum += 10f32.powf(f32::from(level) / 20.0);
        }
        let sound = level.is_none_or(|level| level > SOUND);
        self.sounds += u32::from(sound);
        sound && self.sounds == SOUND_PACKETS
    }

    /// The level that others were told last.
    pub(crate) fn told(&self) -> f32 {
        self.reported
    }

    /// It was measured elsewhere.
    pub(crate) fn tell(&mut self, level: f32) {
        self.reported = level;
    }

    /// True if others were told that this one speaks.
    pub(crate) fn is_heard(&self) -> bool {
        self.reported > 0.0
    }

    /// Ends a window.
    pub(crate) fn close_window(&mut self) -> Heard {
        let now = if self.loud_packets >= ACTIVE_PACKETS {
            (self.sum / self.loud_packets as f32).min(1.0)
        } else {
            0.0
        };
        self.loud_packets = 0;
        self.sounds = 0;
        self.sum = 0.0;
        self.smoothed += (now - self.smoothed) * SMOOTHING;
        let floor = 10f32.powf(f32::from(THRESHOLD) / 20.0) * SMOOTHING;
        if self.smoothed < floor {
            self.smoothed = 0.0;
        }
        let changed = (self.smoothed == 0.0) != (self.reported == 0.0)
            || (self.smoothed - self.reported).abs() > STEP;
        if changed {
            self.reported = self.smoothed;
        }
        Heard { level: self.reported, changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(loudness: &mut Loudness, packets: u32, level: i8) -> Heard {
        for _ in 0..packets {
            loudness.hear(Some(level));
        }
        loudness.close_window()
    }

    #[test]
    fn speech_begins_within_a_window_and_ends_by_itself() {
        let mut l = Loudness::default();
        let heard = window(&mut l, 20, -10);
        assert!(heard.changed && heard.level > 0.1);
        let silent = (0..10).map(|_| window(&mut l, 20, -60)).find(|h| h.level == 0.0);
        assert!(silent.is_some_and(|h| h.changed));
        assert!(!window(&mut l, 20, -60).changed);
    }

    #[test]
    fn a_sound_is_told_once_a_window_and_before_it_is_speech() {
        let mut l = Loudness::default();
        for level in [Some(-40), None] {
            let told: Vec<usize> = (0..20).filter(|_| l.hear(level)).collect();
            assert_eq!((told, l.close_window().level), (vec![3], 0.0), "{level:?}");
        }
        assert!((0..20).all(|_| !l.hear(Some(-50))), "the noise of a room");
    }

    #[test]
    fn a_click_is_not_speech() {
        let mut l = Loudness::default();
        assert_eq!(window(&mut l, 3, -5), Heard { level: 0.0, changed: false });
    }
}
