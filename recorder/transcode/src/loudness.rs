//! How loud somebody is, and what must be done about it (ITU-R BS.1770, EBU R 128).

use crate::mix::{CHANNELS, Gain, RATE};
use ebur128::{EbuR128, Mode};

/// Quieter than this nobody spoke: what is heard is the room, and is left as it is.
const SPEECH_LUFS: f64 = -50.0;
/// Nobody is made louder by more than this: their room would be heard instead.
const MOST_DB: f64 = 18.0;

/// Measures the loudness of one source; silence does not count.
pub struct Meter {
    // Without memory it is not made, and nothing is measured.
    meter: Option<EbuR128>,
}

impl Default for Meter {
    fn default() -> Self {
        // A histogram: memory does not grow with the recording's length.
        let mode = Mode::I | Mode::HISTOGRAM;
        Self { meter: EbuR128::new(CHANNELS as u32, RATE, mode).ok() }
    }
}

impl Meter {
    /// Adds interleaved stereo.
    pub fn push(&mut self, samples: &[i16]) {
        if let Some(meter) = &mut self.meter
            && meter.add_frames_i16(samples).is_err()
        {
            self.meter = None;
        }
    }

    /// Integrated loudness; `None` where nothing was heard.
    pub fn lufs(&self) -> Option<f64> {
        let lufs = self.meter.as_ref()?.loudness_global().ok()?;
        lufs.is_finite().then_some(lufs)
    }

    /// What brings the source to `target` LUFS.
    pub fn gain_to(&self, target: f64) -> Gain {
        match self.lufs() {
            Some(lufs) if lufs >= SPEECH_LUFS => {
                Gain(10f64.powf((target - lufs).min(MOST_DB) / 20.0))
            }
            _ => Gain::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of so many dB below full scale on both channels, three seconds of it.
    fn tone(db: f64) -> Vec<i16> {
        let level = 32_767.0 * 10f64.powf(db / 20.0);
        let wave = |n: u32| {
            let phase = f64::from(n) / f64::from(RATE) * 1000.0 * std::f64::consts::TAU;
            (phase.sin() * level) as i16
        };
        (0..RATE * 3).flat_map(|n| [wave(n); CHANNELS]).collect()
    }

    fn meter_of(sound: &[i16]) -> Meter {
        let mut meter = Meter::default();
        sound.chunks(960 * CHANNELS).for_each(|block| meter.push(block));
        meter
    }

    #[test]
    fn a_tone_measures_what_ebu_tech_3341_says() {
        // EBU Tech 3341, test signals 1 and 2: a 1 kHz sine on both channels measures its level.
        for db in [-23.0, -33.0] {
            let lufs = meter_of(&tone(db)).lufs().unwrap();
            assert!((lufs - db).abs() < 0.1, "{lufs}");
        }
    }

    #[test]
    fn silence_between_words_does_not_count() {
        let sound = [tone(-23.0), vec![0; RATE as usize * CHANNELS * 20], tone(-23.0)].concat();
        let lufs = meter_of(&sound).lufs().unwrap();
        assert!((lufs + 23.0).abs() < 0.3, "{lufs}");
    }

    #[test]
    fn loud_is_lowered_quiet_is_raised_and_a_rooms_noise_is_left() {
        let gain_db = |db: f64| 20.0 * meter_of(&tone(db)).gain_to(-16.0).0.log10();
        assert!((gain_db(-10.0) + 6.0).abs() < 0.2);
        assert!((gain_db(-26.0) - 10.0).abs() < 0.2);
        assert!((gain_db(-45.0) - MOST_DB).abs() < 0.01);
        assert!(gain_db(-60.0).abs() < 0.01);
        assert_eq!(Meter::default().gain_to(-16.0), Gain(1.0));
    }
}
