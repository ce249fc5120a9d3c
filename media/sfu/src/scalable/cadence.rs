//! How many frames a second each temporal layer brings.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);
/// Temporal layers that are told apart; no encoder in use makes more.
const LAYERS: usize = 4;
/// A layer is enough for a wish if it brings this share of it, in percent: encoders drop frames.
const ENOUGH_PERCENT: u64 = 85;

/// Frames of one stream in the newest whole second, by temporal layer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cadence {
    begun: Option<Instant>,
    counted: [u32; LAYERS],
    measured: Option<[u32; LAYERS]>,
}

impl Cadence {
    /// Counts a frame.
    pub(crate) fn count(&mut self, now: Instant, temporal: u8) {
        let begun = *self.begun.get_or_insert(now);
        let elapsed = now.saturating_duration_since(begun);
        if elapsed >= WINDOW {
            // A sender that paused has no rate.
            self.measured = (elapsed < WINDOW * 2).then_some(self.counted);
            self.counted = [0; LAYERS];
            self.begun = Some(now);
        }
        self.counted[usize::from(temporal).min(LAYERS - 1)] += 1;
    }

    /// The temporal layer up to which somebody follows who wants `fps` frames a second (0: all);
    /// `None`: all of them.
    pub(crate) fn temporal(&self, fps: u32) -> Option<u8> {
        let measured = self.measured.filter(|_| fps > 0)?;
        let mut frames = 0;
        let enough = measured.iter().position(|layer| {
            frames += u64::from(*layer);
            frames * 100 >= u64::from(fps) * ENOUGH_PERCENT
        })?;
        Some(enough as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_fewer_frames_gets_the_layers_that_bring_them() {
        let start = Instant::now();
        let mut cadence = Cadence::default();
        for n in 0..61u64 {
            let temporal = [0, 2, 1, 2][n as usize % 4];
            cadence.count(start + Duration::from_millis(n * 1000 / 30), temporal);
        }
        let wish = |fps| cadence.temporal(fps);
        assert_eq!((wish(0), wish(30), wish(60), wish(u32::MAX)), (None, Some(2), None, None));
        assert_eq!((wish(15), wish(10), wish(7), wish(1)), (Some(1), Some(1), Some(0), Some(0)));
    }

    #[test]
    fn nothing_is_left_out_before_it_is_measured_or_after_a_pause() {
        let start = Instant::now();
        let mut cadence = Cadence::default();
        cadence.count(start, 0);
        assert_eq!(cadence.temporal(1), None);
        cadence.count(start + Duration::from_secs(30), 0);
        assert_eq!(cadence.temporal(1), None);
    }
}
