//! How loud somebody is, and what must be done about it (ITU-R BS.1770, EBU R 128).

use crate::mix::{CHANNELS, Gain, RATE};
use ebur128::{Channel, EbuR128, Mode};

/// Quieter than this nobody spoke: what is heard is the room, and is left as it is.
const SPEECH_LUFS: f64 = -50.0;
/// Nobody is made louder by more than this: their room would be heard instead.
const MOST_DB: f64 = 18.0;

/// Blocks of 400 ms overlap by three quarters (BS.1770-5 §2.3).
const STEP: usize = RATE as usize / 10;
const WINDOW_STEPS: usize = 4;
/// Absolute gate; and the relative one, below the mean of what passes the first.
const GATE_LUFS: f64 = -70.0;
const BELOW_MEAN: f64 = 10.0;
/// Loudness from the gate up to +10 LUFS, in tenths.
const BINS: usize = 800;

/// Loudness of the blocks of a stretch of sound, in tenths of LUFS; silent ones are left out.
///
/// Adds nothing of a stretch shorter than a block.
#[must_use]
pub fn blocks<'a>(sound: impl Iterator<Item = &'a [i16]> + Clone) -> Vec<i16> {
    // Nearly all microphones are mono: what both channels have is measured once and counts twice, which is the same
    // to the bit.
    let is_mono = |samples: &[i16]| samples.as_chunks::<CHANNELS>().0.iter().all(|[l, r]| l == r);
    if !sound.clone().all(is_mono) {
        return measured(sound, CHANNELS);
    }
    let left = |samples: &[i16]| -> Vec<i16> {
        samples.as_chunks::<CHANNELS>().0.iter().map(|[left, _]| *left).collect()
    };
    measured(sound.map(left), 1)
}

/// The same of sound of one channel, which counts twice, or of two.
fn measured(sound: impl Iterator<Item: AsRef<[i16]>>, channels: usize) -> Vec<i16> {
    // Without memory it is not made, and nothing is measured.
    let Ok(mut meter) = EbuR128::new(channels as u32, RATE, Mode::M) else { return Vec::new() };
    if channels == 1 && meter.set_channel(0, Channel::DualMono).is_err() {
        return Vec::new();
    }
    let (mut found, mut step, mut steps) = (Vec::new(), 0, 0);
    for samples in sound {
        let mut samples = samples.as_ref();
        while !samples.is_empty() {
            let length = ((STEP - step) * channels).min(samples.len());
            let (now, later) = samples.split_at(length);
            if meter.add_frames_i16(now).is_err() {
                return found;
            }
            (samples, step) = (later, step + length / channels);
            if step < STEP {
                continue;
            }
            (step, steps) = (0, steps + 1);
            if steps >= WINDOW_STEPS
                && let Ok(lufs) = meter.loudness_momentary()
                && lufs > GATE_LUFS
            {
                found.push((lufs * 10.0).round() as i16);
            }
        }
    }
    found
}

/// How loud a source was until now.
#[derive(Debug, Clone)]
pub struct Loudness {
    /// How often each tenth of LUFS was heard.
    heard: Vec<u32>,
}

impl Default for Loudness {
    fn default() -> Self {
        Self { heard: vec![0; BINS] }
    }
}

fn lufs_of(bin: usize) -> f64 {
    GATE_LUFS + bin as f64 / 10.0
}

impl Loudness {
    /// Hears what [`blocks`] measured.
    pub fn add(&mut self, blocks: &[i16]) {
        for block in blocks {
            let bin = (f64::from(*block) - GATE_LUFS * 10.0).clamp(0.0, BINS as f64 - 1.0);
            self.heard[bin as usize] += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.heard.iter().all(|count| *count == 0)
    }

    /// Integrated loudness (BS.1770-5 §2.3); `None` where nothing was heard.
    pub fn lufs(&self) -> Option<f64> {
        let mean_above = |from: usize| {
            let bins = self.heard.iter().enumerate().skip(from);
            let (count, energy) = bins.fold((0.0, 0.0), |(count, energy), (bin, heard)| {
                let heard = f64::from(*heard);
                (count + heard, energy + heard * 10f64.powf(lufs_of(bin) / 10.0))
            });
            (count > 0.0).then(|| 10.0 * (energy / count).log10())
        };
        let gate = mean_above(0)? - BELOW_MEAN;
        mean_above(((gate - GATE_LUFS) * 10.0).ceil().max(0.0) as usize)
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

    fn loudness_of(sound: &[i16]) -> Loudness {
        let mut loudness = Loudness::default();
        loudness.add(&blocks(sound.chunks(960 * CHANNELS)));
        loudness
    }

    #[test]
    fn a_tone_measures_what_ebu_tech_3341_says() {
        // EBU Tech 3341, test signals 1 and 2: a 1 kHz sine on both channels measures its level.
        for db in [-23.0, -33.0] {
            let lufs = loudness_of(&tone(db)).lufs().unwrap();
            assert!((lufs - db).abs() < 0.1, "{lufs}");
        }
    }

    #[test]
    fn silence_between_words_does_not_count() {
        let sound = [tone(-23.0), vec![0; RATE as usize * CHANNELS * 20], tone(-23.0)].concat();
        let lufs = loudness_of(&sound).lufs().unwrap();
        assert!((lufs + 23.0).abs() < 0.3, "{lufs}");
    }

    #[test]
    fn what_is_much_quieter_than_the_rest_does_not_count() {
        // EBU Tech 3341, test signal 3.
        let sound = [tone(-36.0), tone(-23.0), tone(-23.0), tone(-23.0), tone(-36.0)].concat();
        let lufs = loudness_of(&sound).lufs().unwrap();
        assert!((lufs + 23.0).abs() < 0.3, "{lufs}");
    }

    #[test]
    fn what_both_channels_have_measures_what_two_channels_do() {
        let mut noise = 7u32;
        let mut random = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 17) as i16 - 8192
        };
        let mono: Vec<i16> =
            (0..RATE * 8).flat_map(|n| [random() / (1 + (n >> 15) as i16); 2]).collect();
        let once = blocks(mono.chunks(960 * CHANNELS));
        assert_eq!(once, measured(mono.chunks(960 * CHANNELS), CHANNELS));
        assert!(once.len() > 70 && once.iter().max() > once.iter().min());
        // One sample that differs is heard in its channel.
        let mut one_side = mono;
        one_side.iter_mut().skip(1).step_by(CHANNELS).for_each(|right| *right = 0);
        let half = blocks(one_side.chunks(960 * CHANNELS));
        assert!(half.iter().zip(&once).all(|(half, once)| (once - half - 30).abs() <= 1));
    }

    #[test]
    fn stretches_measured_apart_measure_what_the_whole_does() {
        let sound = [tone(-30.0), tone(-20.0), tone(-26.0)].concat();
        let mut apart = Loudness::default();
        for stretch in sound.chunks(RATE as usize * CHANNELS) {
            apart.add(&blocks(stretch.chunks(960 * CHANNELS)));
        }
        let (apart, whole) = (apart.lufs().unwrap(), loudness_of(&sound).lufs().unwrap());
        assert!((apart - whole).abs() < 0.3, "{apart} {whole}");
    }

    #[test]
    fn loud_is_lowered_quiet_is_raised_and_a_rooms_noise_is_left() {
        let gain_db = |db: f64| 20.0 * loudness_of(&tone(db)).gain_to(-16.0).0.log10();
        assert!((gain_db(-10.0) + 6.0).abs() < 0.2);
        assert!((gain_db(-26.0) - 10.0).abs() < 0.2);
        assert!((gain_db(-45.0) - MOST_DB).abs() < 0.01);
        assert!(gain_db(-60.0).abs() < 0.01);
        assert_eq!(Loudness::default().gain_to(-16.0), Gain(1.0));
    }
}
