//! A broadcast as HLS: fMP4 segments and a playlist over the newest of them, each written beside its
//! name and renamed.

use super::unit::{Heads, Unit};
use roombox_transcode::hls::{HEAD, PLAYLIST, Playlist, segment};
use roombox_transcode::mix::RATE;
use roombox_transcode::mp4::fragments::{Stretch, fragment, head};
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::picture::Colour;
use roombox_transcode::reel::AAC_FRAME;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Units a second of the pictures' clock.
const PICTURES: u32 = 90_000;
/// Segments are not shorter: they end where keyframes are.
const SHORTEST_US: u64 = 1_900_000;

/// Segments that are being written.
pub struct Segments {
    folder: PathBuf,
    playlist: Playlist,
    number: u64,
    fragments: u32,
    pictures: Vec<(u64, Vec<u8>, bool)>,
    sounds: Vec<(u64, Vec<u8>)>,
    base_us: u64,
    pub bytes: u64,
    /// A player finds something.
    pub listed: bool,
}

impl Segments {
    /// Segments of a broadcast that begins here; what one before it left goes.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn begin(folder: &Path, heads: &Heads, shape: (u32, u32), bps: u32) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            fs::remove_file(entry.path())?;
        }
        let (width, height) = shape;
        let channels = heads.sound.get(1).map_or(2, |byte| u32::from(byte >> 3 & 15));
        let avcc = heads.picture.to_vec();
        let colour = Some(Colour::FILM);
        let track = |format, timescale| Track {
            format,
            timescale,
            samples: Vec::new(),
            skip: 0,
            delay_ms: 0,
        };
        let tracks = [
            track(TrackFormat::Avc { avcc, width, height, colour }, PICTURES),
            track(
                TrackFormat::Aac { config: heads.sound.to_vec(), channels, rate: RATE, bps },
                RATE,
            ),
        ];
        put(folder, HEAD, &head(&tracks))?;
        // Players that know an earlier one must not see numbers again. A segment is longer than a
        // second.
        let number = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        Ok(Self {
            folder: folder.to_owned(),
            playlist: Playlist::default(),
            number,
            fragments: 0,
            pictures: Vec::new(),
            sounds: Vec::new(),
            base_us: heads.at_us,
            bytes: 0,
            listed: false,
        })
    }

    /// Takes a unit; `latency_us`: how long ago it was so.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn push(&mut self, unit: &Unit, latency_us: u64) -> io::Result<()> {
        if unit.at_us < self.base_us {
            return Ok(());
        }
        if !unit.picture {
            self.sounds.push((unit.at_us, unit.data.clone()));
            return Ok(());
        }
        let first = self.pictures.first().map(|(at, ..)| *at);
        if let Some(first) =
            first.filter(|first| unit.keyframe && unit.at_us - first >= SHORTEST_US)
        {
            self.close(first, unit.at_us, latency_us)?;
        }
        self.pictures.push((unit.at_us, unit.data.clone(), unit.keyframe));
        Ok(())
    }

    fn close(&mut self, first_us: u64, end_us: u64, latency_us: u64) -> io::Result<()> {
        let ticks = |us: u64| us * u64::from(PICTURES) / 1_000_000;
        let pictures = std::mem::take(&mut self.pictures);
        let ends = pictures.iter().skip(1).map(|(at, ..)| *at).chain([end_us]);
        let (mut samples, mut data) = (Vec::new(), Vec::new());
        for ((at, bytes, keyframe), end) in pictures.iter().zip(ends) {
            let duration = (ticks(end) - ticks(*at)) as u32;
            samples.push(Sample { bytes: bytes.len() as u32, duration, keyframe: *keyframe });
            data.extend_from_slice(bytes);
        }
        let within = self.sounds.partition_point(|(at, _)| *at < end_us);
        let later = self.sounds.split_off(within);
        let sounds = std::mem::replace(&mut self.sounds, later);
        let heard: Vec<u8> = sounds.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let frame = |(_, bytes): &(u64, Vec<u8>)| Sample {
            bytes: bytes.len() as u32,
            duration: AAC_FRAME as u32,
            keyframe: true,
        };
        let frames: Vec<Sample> = sounds.iter().map(frame).collect();
        let sounds_at = sounds.first().map_or(first_us, |(at, _)| *at);
        self.fragments += 1;
        let made = fragment(
            self.fragments,
            &[
                Stretch { track: 1, at: ticks(first_us), samples: &samples, data: &data },
                Stretch {
                    track: 2,
                    at: (sounds_at * u64::from(RATE) + 500_000) / 1_000_000,
                    samples: &frames,
                    data: &heard,
                },
            ],
        );
        put(&self.folder, &segment(self.number), &made)?;
        self.bytes += made.len() as u64;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let ago = (latency_us + (end_us - first_us)) / 1000;
        let unix_ms = u64::try_from(now).unwrap_or(0).saturating_sub(ago);
        let gone = self.playlist.add(self.number, end_us - first_us, unix_ms);
        self.number += 1;
        put(&self.folder, PLAYLIST, self.playlist.text(false).as_bytes())?;
        self.listed = true;
        match gone {
            Some(gone) => fs::remove_file(self.folder.join(segment(gone))),
            None => Ok(()),
        }
    }

    /// No segment follows: players end instead of waiting.
    pub fn end(&self) {
        if let Err(error) = put(&self.folder, PLAYLIST, self.playlist.text(true).as_bytes()) {
            tracing::warn!(%error, "the end of a broadcast cannot be listed");
        }
    }
}

/// Whole or not at all.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = folder.join(format!(".{name}"));
    fs::write(&partial, bytes)?;
    fs::rename(partial, folder.join(name))
}
