//! Mixes sound: stereo at 48 kHz, in blocks of 20 ms. Where nothing was recorded there is silence.

/// Samples per second and channel.
pub const RATE: u32 = 48_000;
pub const CHANNELS: usize = 2;
/// Samples per channel in a block.
pub const BLOCK: usize = 960;

/// A source may be off its expected place by this much before it is moved: timestamps are
/// rounded to milliseconds and clocks drift.
const SLACK: i64 = RATE as i64 * 30 / 1000;

/// Where sound that belongs at `at` is put, if what came before it ended at `end`: right behind it,
/// unless that is too far off.
pub fn placed(at: i64, end: Option<i64>) -> i64 {
    end.filter(|end| (at - end).abs() <= SLACK).unwrap_or(at)
}

/// Decoded sound of one track, placed on the film's time.
#[derive(Debug, Default)]
pub struct MixSource {
    /// First sample frame of `samples` on the film's time.
    start: i64,
    /// Interleaved stereo.
    samples: Vec<i16>,
    gain: Gain,
}

/// How much louder a source is made: 1 is as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain(pub f64);

impl Default for Gain {
    fn default() -> Self {
        Self(1.0)
    }
}

impl MixSource {
    /// From the next block on.
    pub fn set_gain(&mut self, gain: Gain) {
        self.gain = gain;
    }

    /// Adds decoded sound whose first sample frame belongs at `at` of the film.
    pub fn push(&mut self, at: i64, samples: &[i16]) {
        let end = self.end();
        if self.samples.is_empty() {
            self.start = at;
        } else if at > end + SLACK {
            let gap = (at - end) as usize * CHANNELS;
            self.samples.resize(self.samples.len() + gap, 0);
        } else if at < end - SLACK {
            // Sound that is there already is not played twice.
            let skip = ((end - at) as usize * CHANNELS).min(samples.len());
            self.samples.extend_from_slice(&samples[skip..]);
            return;
        }
        self.samples.extend_from_slice(samples);
    }

    /// Sample frame after the last one.
    pub fn end(&self) -> i64 {
        self.start + (self.samples.len() / CHANNELS) as i64
    }

    /// Adds this source's part of the block at `at` and forgets what lies before its end.
    fn add_to(&mut self, at: i64, block: &mut [i32]) {
        let frames = block.len() / CHANNELS;
        // Where the block begins in the samples, and where the samples begin in the block.
        let offset = at - self.start;
        let from = offset.max(0) as usize * CHANNELS;
        let into = (-offset).max(0) as usize * CHANNELS;
        let samples = self.samples.get(from..).unwrap_or_default();
        let block = block.get_mut(into..).unwrap_or_default();
        // In 1/4096: a source that is not changed stays what it is, to the bit.
        let gain = (self.gain.0 * 4096.0) as i32;
        for (sum, sample) in block.iter_mut().zip(samples) {
            *sum += (i32::from(*sample) * gain) >> 12;
        }
        let done = (at + frames as i64 - self.start).max(0) as usize * CHANNELS;
        let done = done.min(self.samples.len());
        // Moving the rest down costs: once a second is often enough.
        if done > RATE as usize * CHANNELS || done == self.samples.len() {
            self.samples.drain(..done);
            self.start += (done / CHANNELS) as i64;
        }
    }
}

/// Sums sources into one block, with a limiter that acts before samples would clip.
#[derive(Debug)]
pub struct Mixer {
    gain: f32,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

/// Loudest sample: 1.5 dB below full scale, of which coding and the peaks between samples use up half a
/// decibel or more (EBU R 128 wants true peaks below -1 dBTP).
const CEILING: f32 = 27_570.0;
/// The limiter looks at a millisecond at a time, in sample frames.
const STEP: usize = RATE as usize / 1000;
const STEPS: usize = BLOCK / STEP;
/// How much its gain falls and rises in a step: down within some milliseconds, up within a second. Faster is
/// heard as a click, or as breath.
const FALL: f32 = 0.15;
const RISE: f32 = 0.001;

impl Mixer {
    /// The block of [`BLOCK`] sample frames that begins at sample frame `at`.
    pub fn block<'a>(
        &mut self,
        at: i64,
        sources: impl Iterator<Item = &'a mut MixSource>,
    ) -> Vec<i16> {
        let mut sum = vec![0i32; BLOCK * CHANNELS];
        for source in sources {
            source.add_to(at, &mut sum);
        }
        let gains = self.gains(&sum);
        let mut block = Vec::with_capacity(sum.len());
        for (n, samples) in sum.chunks(STEP * CHANNELS).enumerate() {
            let (from, to) = (gains[n], gains[n + 1]);
            block.extend(samples.iter().enumerate().map(|(n, sample)| {
                let along = (n / CHANNELS) as f32 / STEP as f32;
                // Only where a block begins with a bang is there anything left to cut.
                (*sample as f32 * (from + (to - from) * along)).clamp(-CEILING, CEILING) as i16
            }));
        }
        block
    }

    /// The gain at the edges of each step of a block: it has come down when a peak comes.
    fn gains(&mut self, sum: &[i32]) -> [f32; STEPS + 1] {
        let mut needed = [1.0f32; STEPS + 1];
        for (needed, step) in needed.iter_mut().zip(sum.chunks(STEP * CHANNELS)) {
            let peak = step.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0) as f32;
            *needed = if peak > CEILING { CEILING / peak } else { 1.0 };
        }
        let mut gains = [self.gain; STEPS + 1];
        for n in 1..=STEPS {
            gains[n] = needed[n - 1].min(needed[n]).min(gains[n - 1] + RISE);
        }
        for n in (2..=STEPS).rev() {
            gains[n - 1] = gains[n - 1].min(gains[n] + FALL);
        }
        self.gain = gains[STEPS];
        gains
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frames: usize, level: i16) -> Vec<i16> {
        vec![level; frames * CHANNELS]
    }

    #[test]
    fn gaps_are_silent_and_small_errors_are_not_heard() {
        let mut source = MixSource::default();
        source.push(0, &tone(960, 100));
        source.push(960 + 20, &tone(960, 100));
        source.push(9_600, &tone(960, 200));
        let mut mixer = Mixer::default();
        let blocks: Vec<Vec<i16>> =
            (0..11).map(|n| mixer.block(n * BLOCK as i64, std::iter::once(&mut source))).collect();
        assert!(blocks[0].iter().chain(&blocks[1]).all(|s| *s == 100));
        assert!(blocks[4].iter().all(|s| *s == 0));
        assert!(blocks[10].iter().all(|s| *s == 200));
    }

    #[test]
    fn loud_sources_together_do_not_clip() {
        let mut sources: Vec<MixSource> = (0..4)
            .map(|_| {
                let mut source = MixSource::default();
                source.push(0, &tone(BLOCK * 3, 30_000));
                source
            })
            .collect();
        let mut mixer = Mixer::default();
        for n in 0..3 {
            let block = mixer.block(n * BLOCK as i64, sources.iter_mut());
            assert!(block.iter().all(|s| *s > 25_000 && *s <= 27_570), "{:?}", block[0]);
        }
    }

    #[test]
    fn a_quiet_source_is_made_louder_and_its_peaks_do_not_clip() {
        let mut source = MixSource::default();
        source.set_gain(Gain(8.0));
        source.push(0, &[tone(BLOCK, 1000), tone(BLOCK, 20_000)].concat());
        let mut mixer = Mixer::default();
        let quiet = mixer.block(0, std::iter::once(&mut source));
        assert!(quiet.iter().all(|sample| *sample == 8000));
        let loud = mixer.block(BLOCK as i64, std::iter::once(&mut source));
        assert!(loud.iter().all(|sample| (25_000..=32_100).contains(sample)), "{}", loud[0]);
    }

    #[test]
    fn the_limiter_is_down_before_a_peak_and_comes_back_slowly() {
        // Quiet, a bang in the middle of the second block, quiet again.
        let mut sound = tone(BLOCK * 60, 1000);
        let bang = (BLOCK + BLOCK / 2) * CHANNELS;
        sound[bang..bang + 4800 * CHANNELS].fill(30_000);
        let mut sources: Vec<MixSource> = (0..3).map(|_| MixSource::default()).collect();
        for source in &mut sources {
            source.push(0, &sound);
        }
        let mut mixer = Mixer::default();
        let mixed: Vec<i16> =
            (0..60).flat_map(|n| mixer.block(n * BLOCK as i64, sources.iter_mut())).collect();
        assert!(mixed.iter().all(|sample| *sample <= 27_570));
        let gains: Vec<f32> = mixed
            .chunks(CHANNELS)
            .zip(sound.chunks(CHANNELS))
            .map(|(out, of)| f32::from(out[0]) / (3.0 * f32::from(of[0])))
            .collect();
        // No click: from one sample to the next it changes by less than a hundredth.
        let steepest = gains.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.01, "{steepest}");
        let frame = BLOCK + BLOCK / 2;
        assert!(gains[frame - 480] > 0.99 && gains[frame - 1] < 0.36, "{}", gains[frame - 1]);
        let after = frame + 4800;
        assert!(gains[after + 960] < 0.4 && gains[after + 48_000 - 960] > 0.99);
    }

    #[test]
    fn what_is_not_too_loud_stays_what_it_is_to_the_bit() {
        let mut source = MixSource::default();
        let sound: Vec<i16> =
            (0..BLOCK * CHANNELS).map(|n| (n as i16).wrapping_mul(13) / 2).collect();
        source.push(0, &sound);
        assert_eq!(Mixer::default().block(0, std::iter::once(&mut source)), sound);
    }

    #[test]
    fn sound_that_comes_twice_is_played_once() {
        let mut source = MixSource::default();
        source.push(0, &tone(4800, 10));
        source.push(0, &tone(4800, 20));
        assert_eq!(source.end(), 4800);
    }
}
