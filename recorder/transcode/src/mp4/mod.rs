//! MP4 files (ISO/IEC 14496-12, -14, -15), moov first: players start before the file has come.
//!
//! All sizes are known when the film is laid out, so one pass writes it: head, then the samples in
//! chunks of about a second, tracks in turn.

mod chapters;
mod entries;
pub mod fragments;
pub mod reader;
pub mod segmented;

use crate::picture::Colour;
use crate::plan::Chapter;
use std::io::{self, Read, Write};

/// Units a second of the movie's clock.
const MOVIE_SCALE: u32 = 1000;
/// Samples of about so much time lie together.
const CHUNK_S: u64 = 1;
/// Seconds from 1904 to 1970: MP4 counts from there.
const EPOCH_1904: u64 = 2_082_844_800;

/// One coded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub bytes: u32,
    /// In units of the track's timescale.
    pub duration: u32,
    pub keyframe: bool,
}

/// What a track holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackFormat {
    /// `avcC`, size, and what the colours mean where that is known.
    Avc { avcc: Vec<u8>, width: u32, height: u32, colour: Option<Colour> },
    /// `av1C` (AV1 in ISOBMFF §2.3) and size.
    Av1 { av1c: Vec<u8>, width: u32, height: u32 },
    /// AudioSpecificConfig (ISO/IEC 14496-3) and channels.
    Aac { config: Vec<u8>, channels: u32, rate: u32, bps: u32 },
    /// Titles of chapters; [`write_mp4`] makes it.
    Chapters,
}

/// One track: what it is and where its samples end up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    pub format: TrackFormat,
    /// Units a second.
    pub timescale: u32,
    pub samples: Vec<Sample>,
    /// Units at the beginning that decoders produce and players must not play (AAC priming).
    pub skip: u32,
    /// Milliseconds of the movie in which there is nothing of it yet.
    pub delay_ms: u64,
}

impl Track {
    /// All samples together, in units of its timescale.
    pub fn duration(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }

    fn in_movie_units(&self) -> u64 {
        let played = self.duration().saturating_sub(u64::from(self.skip));
        played * u64::from(MOVIE_SCALE) / u64::from(self.timescale)
    }

    /// When it ends, in units of the movie's clock.
    fn ends(&self) -> u64 {
        self.delay_ms * u64::from(MOVIE_SCALE) / 1000 + self.in_movie_units()
    }
}

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    pub title: String,
    /// Seconds since the Unix epoch.
    pub created_unix_s: u64,
    /// In order, the first one at the beginning; may be empty.
    pub chapters: Vec<Chapter>,
}

/// Samples of one track that lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunk {
    track: usize,
    samples: u32,
    bytes: u64,
}

fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 8);
    out.extend_from_slice(&(body.len() as u32 + 8).to_be_bytes());
    out.extend_from_slice(kind);
    out.extend_from_slice(body);
    out
}

fn full(kind: &[u8; 4], version: u8, flags: u32, body: &[u8]) -> Vec<u8> {
    let mut all = ((u32::from(version) << 24) | flags).to_be_bytes().to_vec();
    all.extend_from_slice(body);
    atom(kind, &all)
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn be(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

const IDENTITY: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// Writes a film. `data` holds each track's samples one after another, in order.
///
/// # Errors
/// Reading or writing fails, or `data` is shorter than the samples say.
pub fn write_mp4<R: Read, W: Write>(
    out: &mut W,
    info: &FileInfo,
    tracks: &[Track],
    data: &mut [R],
) -> io::Result<u64> {
    let mut tracks = tracks.to_vec();
    let mut titles: &[u8] = &[];
    let text;
    if !info.chapters.is_empty() {
        let longest = tracks.iter().map(Track::ends).max().unwrap_or(0);
        let (track, data) = chapters::track(&info.chapters, longest * 1000);
        tracks.push(track);
        text = data;
        titles = &text;
    }
    let chunks = chunks(&tracks);
    let media: u64 = chunks.iter().map(|chunk| chunk.bytes).sum();
    let large = media + (1 << 24) > u64::from(u32::MAX);
    let ftyp = atom(b"ftyp", &join(&[b"isom", &be(&[0x200]), b"isomiso2avc1mp41"]));
    // The head's length does not depend on the offsets in it.
    let length = ftyp.len() as u64 + moov(info, &tracks, &chunks, 0, large).len() as u64;
    let mdat_head = if large { 16 } else { 8 };
    let moov = moov(info, &tracks, &chunks, length + mdat_head, large);
    out.write_all(&ftyp)?;
    out.write_all(&moov)?;
    if large {
        out.write_all(&join(&[&be(&[1]), b"mdat", &(media + 16).to_be_bytes()]))?;
    } else {
        out.write_all(&join(&[&be(&[media as u32 + 8]), b"mdat"]))?;
    }
    for chunk in &chunks {
        let copied = match data.get_mut(chunk.track) {
            Some(data) => io::copy(&mut data.take(chunk.bytes), out)?,
            None => io::copy(&mut titles.by_ref().take(chunk.bytes), out)?,
        };
        if copied != chunk.bytes {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "samples are missing"));
        }
    }
    Ok(length + mdat_head + media)
}

/// Cuts each track into pieces of a second and puts them in the order of their time.
fn chunks(tracks: &[Track]) -> Vec<Chunk> {
    let mut timed: Vec<(u64, Chunk)> = Vec::new();
    for (track, content) in tracks.iter().enumerate() {
        let span = u64::from(content.timescale) * CHUNK_S;
        let (mut at, mut begun) = (0u64, 0u64);
        let mut chunk = Chunk { track, samples: 0, bytes: 0 };
        let ms = |begun: u64| content.delay_ms + begun * 1000 / u64::from(content.timescale);
        for sample in &content.samples {
            chunk.samples += 1;
            chunk.bytes += u64::from(sample.bytes);
            at += u64::from(sample.duration);
            if at - begun >= span {
                timed.push((ms(begun), chunk));
                begun = at;
                chunk = Chunk { track, samples: 0, bytes: 0 };
            }
        }
        if chunk.samples > 0 {
            timed.push((ms(begun), chunk));
        }
    }
    timed.sort_by_key(|(at, chunk)| (*at, chunk.track));
    timed.into_iter().map(|(_, chunk)| chunk).collect()
}

fn moov(info: &FileInfo, tracks: &[Track], chunks: &[Chunk], base: u64, large: bool) -> Vec<u8> {
    let created = info.created_unix_s + EPOCH_1904;
    let duration = tracks.iter().map(Track::ends).max().unwrap_or(0);
    let mvhd = full(
        b"mvhd",
        1,
        0,
        &join(&[
            &created.to_be_bytes(),
            &created.to_be_bytes(),
            &be(&[MOVIE_SCALE]),
            &duration.to_be_bytes(),
            &be(&[0x0001_0000]),
            &[1, 0, 0, 0],
            &be(&[0, 0]),
            &be(&IDENTITY),
            &be(&[0; 6]),
            &be(&[tracks.len() as u32 + 1]),
        ]),
    );
    let mut body = mvhd;
    for (n, track) in tracks.iter().enumerate() {
        let mut at = base;
        let mut offsets = Vec::new();
        let mut counts = Vec::new();
        for chunk in chunks {
            if chunk.track == n {
                offsets.push(at);
                counts.push(chunk.samples);
            }
            at += chunk.bytes;
        }
        let described = n == 0 && !info.chapters.is_empty();
        let chapters = described.then_some(tracks.len() as u32);
        let id = n as u32 + 1;
        body.extend(trak(id, track, chapters, created, (&offsets, &counts, large)));
    }
    body.extend(udta(info));
    atom(b"moov", &body)
}

fn trak(
    id: u32,
    track: &Track,
    chapters: Option<u32>,
    created: u64,
    (offsets, counts, large): (&[u64], &[u32], bool),
) -> Vec<u8> {
    // In the movie, and shown unless it only names chapters.
    let (width, height, volume, flags) = match &track.format {
        TrackFormat::Avc { width, height, .. } | TrackFormat::Av1 { width, height, .. } => {
            (width << 16, height << 16, 0u16, 3)
        }
        TrackFormat::Aac { .. } => (0, 0, 0x0100, 3),
        TrackFormat::Chapters => (0, 0, 0, 2),
    };
    let tkhd = full(
        b"tkhd",
        1,
        flags,
        &join(&[
            &created.to_be_bytes(),
            &created.to_be_bytes(),
            &be(&[id, 0]),
            &track.ends().to_be_bytes(),
            &be(&[0, 0]),
            &[0; 4],
            &volume.to_be_bytes(),
            &[0; 2],
            &be(&IDENTITY),
            &be(&[width, height]),
        ]),
    );
    let edit = edits(track);
    let edts = atom(b"edts", &edit);
    let mdhd = full(
        b"mdhd",
        1,
        0,
        &join(&[
            &created.to_be_bytes(),
            &created.to_be_bytes(),
            &be(&[track.timescale]),
            &track.duration().to_be_bytes(),
            // "und", undetermined language
            &[0x55, 0xc4, 0, 0],
        ]),
    );
    let (handler, name, header): (&[u8; 4], &[u8], Vec<u8>) = match track.format {
        TrackFormat::Avc { .. } | TrackFormat::Av1 { .. } => {
            (b"vide", b"Picture\0", full(b"vmhd", 0, 1, &[0; 8]))
        }
        TrackFormat::Aac { .. } => (b"soun", b"Sound\0", full(b"smhd", 0, 0, &[0; 4])),
        TrackFormat::Chapters => (b"text", b"Chapters\0", chapters::media_header()),
    };
    let hdlr = full(b"hdlr", 0, 0, &join(&[&[0; 4], handler, &[0; 12], name]));
    let dref = full(b"dref", 0, 0, &join(&[&be(&[1]), &full(b"url ", 0, 1, &[])]));
    let dinf = atom(b"dinf", &dref);
    let stbl = sample_tables(track, offsets, counts, large);
    let minf = atom(b"minf", &join(&[&header, &dinf, &stbl]));
    let mdia = atom(b"mdia", &join(&[&mdhd, &hdlr, &minf]));
    let tref = chapters.map_or_else(Vec::new, chapters::reference);
    atom(b"trak", &join(&[&tkhd, &edts, &tref, &mdia]))
}

/// What is played of a track, and when: nothing at first where it begins later (ISO/IEC 14496-12 §8.6.6).
fn edits(track: &Track) -> Vec<u8> {
    const NORMAL_RATE: u32 = 0x0001_0000;
    let edit = |length: u64, from: i64| {
        join(&[&length.to_be_bytes(), &from.to_be_bytes(), &be(&[NORMAL_RATE])])
    };
    let played = edit(track.in_movie_units(), i64::from(track.skip));
    match track.ends() - track.in_movie_units() {
        0 => full(b"elst", 1, 0, &join(&[&be(&[1]), &played])),
        empty => full(b"elst", 1, 0, &join(&[&be(&[2]), &edit(empty, -1), &played])),
    }
}

/// Lengths of runs of equal values.
fn runs(values: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, same)) if *same == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}

fn sample_tables(track: &Track, offsets: &[u64], counts: &[u32], large: bool) -> Vec<u8> {
    let samples = &track.samples;
    let stsd = full(b"stsd", 0, 0, &join(&[&be(&[1]), &entries::sample_entry(&track.format)]));
    let durations = runs(samples.iter().map(|sample| sample.duration));
    let mut stts = be(&[durations.len() as u32]);
    durations.iter().for_each(|(count, duration)| stts.extend(be(&[*count, *duration])));
    let mut first_chunks = Vec::new();
    let mut at = 1;
    for (chunks, samples) in runs(counts.iter().copied()) {
        first_chunks.push([at, samples, 1]);
        at += chunks;
    }
    let mut stsc = be(&[first_chunks.len() as u32]);
    first_chunks.iter().for_each(|entry| stsc.extend(be(entry)));
    let mut stsz = be(&[0, samples.len() as u32]);
    samples.iter().for_each(|sample| stsz.extend(be(&[sample.bytes])));
    let mut places = be(&[offsets.len() as u32]);
    for offset in offsets {
        match large {
            true => places.extend(offset.to_be_bytes()),
            false => places.extend((*offset as u32).to_be_bytes()),
        }
    }
    let mut body = join(&[
        &stsd,
        &full(b"stts", 0, 0, &stts),
        &full(b"stsc", 0, 0, &stsc),
        &full(b"stsz", 0, 0, &stsz),
        &full(if large { b"co64" } else { b"stco" }, 0, 0, &places),
    ]);
    if samples.iter().any(|sample| !sample.keyframe) {
        let keys: Vec<u32> =
            (1..).zip(samples).filter(|(_, s)| s.keyframe).map(|(n, _)| n).collect();
        let mut stss = be(&[keys.len() as u32]);
        stss.extend(be(&keys));
        body.extend(full(b"stss", 0, 0, &stss));
    }
    atom(b"stbl", &body)
}

/// Title and date where players look for them (iTunes metadata).
fn udta(info: &FileInfo) -> Vec<u8> {
    let text = |name: &[u8; 4], value: &str| {
        let data = atom(b"data", &join(&[&be(&[1, 0]), value.as_bytes()]));
        atom(name, &data)
    };
    let title = text(b"\xa9nam", &info.title);
    let tool = text(b"\xa9too", "Roombox");
    let hdlr = full(b"hdlr", 0, 0, &join(&[&[0; 4], b"mdirappl", &[0; 9]]));
    let meta = full(b"meta", 0, 0, &join(&[&hdlr, &atom(b"ilst", &join(&[&title, &tool]))]));
    let list = match &info.chapters[..] {
        [] => Vec::new(),
        some => chapters::list(some),
    };
    atom(b"udta", &join(&[&meta, &list]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ChapterKind;

    fn film() -> (Vec<Track>, Vec<Vec<u8>>) {
        let video = Track {
            format: TrackFormat::Avc {
                avcc: vec![1, 66, 0, 31],
                width: 1280,
                height: 720,
                colour: Some(Colour::FILM),
            },
            timescale: 30_000,
            samples: (0..90u32)
                .map(|n| Sample { bytes: 100 + n, duration: 1000, keyframe: n % 60 == 0 })
                .collect(),
            skip: 0,
            delay_ms: 0,
        };
        let audio = Track {
            format: TrackFormat::Aac {
                config: vec![0x11, 0x90],
                channels: 2,
                rate: 48_000,
                bps: 1,
            },
            timescale: 48_000,
            samples: vec![Sample { bytes: 10, duration: 1024, keyframe: true }; 140],
            skip: 1024,
            delay_ms: 0,
        };
        let bytes = |track: &Track, fill: u8| {
            vec![fill; track.samples.iter().map(|s| s.bytes as usize).sum()]
        };
        let data = vec![bytes(&video, 0xaa), bytes(&audio, 0xbb)];
        (vec![video, audio], data)
    }

    fn written() -> Vec<u8> {
        let (tracks, data) = film();
        let mut readers: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
        let mut out = Vec::new();
        let chapter = |from_us, title: &str| Chapter {
            from_us,
            kind: ChapterKind::Turn,
            title: title.to_owned(),
        };
        let chapters = vec![chapter(0, "Ada"), chapter(1_500_000, "Žofie")];
        let info = FileInfo { title: "Größe".into(), created_unix_s: 1_700_000_000, chapters };
        let length = write_mp4(&mut out, &info, &tracks, &mut readers).unwrap();
        assert_eq!(length, out.len() as u64);
        out
    }

    fn atoms(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
        let mut found = Vec::new();
        while bytes.len() >= 8 {
            let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            found.push((String::from_utf8_lossy(&bytes[4..8]).into_owned(), &bytes[8..size]));
            bytes = &bytes[size..];
        }
        assert!(bytes.is_empty());
        found
    }

    fn inside<'a>(bytes: &'a [u8], path: &[&str]) -> &'a [u8] {
        path.iter().fold(bytes, |bytes, name| {
            atoms(bytes).into_iter().find(|(kind, _)| kind == name).expect("atom").1
        })
    }

    #[test]
    fn the_head_comes_first_and_every_chunk_is_where_it_says() {
        let out = written();
        let kinds: Vec<String> = atoms(&out).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["ftyp", "moov", "mdat"]);
        let moov = inside(&out, &["moov"]);
        // Pictures, sound, and the length of the first title.
        let fills = [0xaau8, 0xbb, 0];
        let traks = atoms(moov).into_iter().filter(|(kind, _)| kind == "trak");
        for ((_, trak), fill) in traks.zip(fills) {
            let stco = inside(trak, &["mdia", "minf", "stbl", "stco"]);
            for offset in stco[8..].chunks(4) {
                let at = u32::from_be_bytes(offset.try_into().unwrap()) as usize;
                assert_eq!(out[at], fill);
            }
        }
    }

    #[test]
    fn the_first_track_refers_to_its_chapters_and_both_lists_name_them() {
        let out = written();
        let moov = inside(&out, &["moov"]);
        let tracks: Vec<&[u8]> = atoms(moov)
            .into_iter()
            .filter(|(kind, _)| kind == "trak")
            .map(|(_, body)| body)
            .collect();
        assert_eq!(inside(tracks[0], &["tref", "chap"]), [0, 0, 0, 3]);
        assert_eq!(&inside(tracks[2], &["mdia", "hdlr"])[8..12], b"text");
        let list = inside(moov, &["udta", "chpl"]);
        assert_eq!(list[8], 2);
        let found =
            |text: &str| out.windows(text.len()).filter(|part| *part == text.as_bytes()).count();
        assert_eq!(found("Žofie"), 2);
    }

    #[test]
    fn missing_samples_are_an_error_not_a_short_file() {
        let (tracks, data) = film();
        let mut readers: Vec<&[u8]> = vec![&data[0][..50], &data[1]];
        let info = FileInfo { title: String::new(), created_unix_s: 0, chapters: Vec::new() };
        assert!(write_mp4(&mut Vec::new(), &info, &tracks, &mut readers).is_err());
    }

    #[test]
    fn a_track_that_begins_later_has_an_empty_edit_and_ends_later() {
        let (mut tracks, data) = film();
        tracks[0].delay_ms = 2500;
        let mut readers: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
        let info = FileInfo { title: String::new(), created_unix_s: 0, chapters: Vec::new() };
        let mut out = Vec::new();
        write_mp4(&mut out, &info, &tracks, &mut readers).unwrap();
        let edits = inside(&out, &["moov", "trak", "edts", "elst"]);
        let number = |at: usize| i64::from_be_bytes(edits[at..at + 8].try_into().unwrap());
        assert_eq!(edits[4..8], [0, 0, 0, 2]);
        assert_eq!((number(8), number(16)), (2500, -1), "nothing for two seconds and a half");
        assert_eq!((number(28), number(36)), (3000, 0), "then three seconds, from the first on");
        // Its clock goes to the end of both.
        let length = &inside(&out, &["moov", "mvhd"])[24..32];
        assert_eq!(u64::from_be_bytes(length.try_into().unwrap()), 5500);
    }
}
