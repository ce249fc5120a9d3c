//! Reads the head of a film back: the MP4 files that [`super::write_mp4`] writes, and no others.
//!
//! Films lie on a disk that somebody may have had elsewhere: every length is checked against what is
//! there, nothing is taken before it is, and a file that is built another way is refused and not guessed at.

use super::{Sample, Track, TrackFormat};
use crate::picture::{Colour, Matrix};
use std::io::{self, Read, Seek, SeekFrom};

/// A head of a film of days is shorter.
const LONGEST_HEAD: u64 = 256 << 20;
/// Boxes that stand before the head at most.
const MOST_BEFORE: usize = 16;
/// What a picture's entry has before its boxes (ISO/IEC 14496-12 §12.1.3), and a sound's (§12.2.3).
const PICTURE_ENTRY: usize = 78;
const SOUND_ENTRY: usize = 28;

/// Why a film cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the disk refuses")]
    Disk(#[source] io::Error),
    #[error("it is no film of a Roombox: {0}")]
    NotOurs(&'static str),
}

/// A track as it lies in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTrack {
    pub track: Track,
    /// Where each sample begins, bytes from the file's first.
    pub offsets: Vec<u64>,
}

/// Picture and sound of a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFilm {
    pub picture: ReadTrack,
    pub sound: Option<ReadTrack>,
}

type Parsed<T> = Result<T, ReadError>;

fn ours<T>(found: Option<T>, what: &'static str) -> Parsed<T> {
    found.ok_or(ReadError::NotOurs(what))
}

/// Reads a film's head; its samples are left where they are.
///
/// # Errors
/// The disk refuses, or it is no film of a Roombox.
pub fn read_film<R: Read + Seek>(input: &mut R) -> Parsed<ReadFilm> {
    let length = input.seek(SeekFrom::End(0)).map_err(ReadError::Disk)?;
    let mut at = 0;
    for _ in 0..MOST_BEFORE {
        input.seek(SeekFrom::Start(at)).map_err(ReadError::Disk)?;
        let mut head = [0; 16];
        let got = read_up_to(input, &mut head).map_err(ReadError::Disk)?;
        let (kind, head_bytes, size) = ours(header(&head[..got]), "it ends before its head")?;
        let size = if size == 0 { length - at } else { size };
        let end = at.checked_add(size).filter(|end| *end <= length && size >= head_bytes);
        let end = ours(end, "a box is longer than the file")?;
        if kind == *b"moov" {
            let bytes = size - head_bytes;
            ours((bytes <= LONGEST_HEAD).then_some(()), "its head is too long")?;
            input.seek(SeekFrom::Start(at + head_bytes)).map_err(ReadError::Disk)?;
            let mut moov = Vec::new();
            input.take(bytes).read_to_end(&mut moov).map_err(ReadError::Disk)?;
            return film_of(&moov, length);
        }
        at = end;
    }
    Err(ReadError::NotOurs("it has no head"))
}

fn read_up_to<R: Read>(input: &mut R, into: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < into.len() {
        match input.read(&mut into[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Kind, length of the header and of the whole box; a length of 0 is the rest of the file.
fn header(bytes: &[u8]) -> Option<([u8; 4], u64, u64)> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    Some(match u32::from_be_bytes(*size) {
        1 => (*kind, 16, u64::from_be_bytes(*rest.first_chunk::<8>()?)),
        size => (*kind, 8, size.into()),
    })
}

/// The boxes in a body. What is torn ends them.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, head, size) = header(rest)?;
        let size = if size == 0 { rest.len() as u64 } else { size };
        let size = usize::try_from(size).ok()?;
        let (whole, after) = rest.split_at_checked(size)?;
        rest = after;
        Some((kind, whole.get(head as usize..)?))
    })
}

/// The body of the first box of this kind.
fn inner<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(body).find(|(found, _)| found == kind).map(|(_, body)| body)
}

/// Version and body of a full box.
fn full(body: &[u8]) -> Option<(u8, &[u8])> {
    let (head, rest) = body.split_first_chunk::<4>()?;
    Some((head[0], rest))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The entries of a table: their count, and they are all there.
fn table<const N: usize>(body: &[u8]) -> Option<&[[u8; N]]> {
    let (_, rest) = full(body)?;
    let count = u32_at(rest, 0)? as usize;
    rest.get(4..)?.as_chunks::<N>().0.get(..count)
}

fn film_of(moov: &[u8], length: u64) -> Parsed<ReadFilm> {
    let clock = inner(moov, b"mvhd").and_then(full).and_then(|(version, body)| match version {
        1 => u32_at(body, 16),
        _ => u32_at(body, 8),
    });
    let clock = ours(clock.filter(|scale| *scale > 0), "its clock")?;
    let (mut picture, mut sound) = (None, None);
    for (_, trak) in boxes(moov).filter(|(kind, _)| kind == b"trak") {
        let mdia = ours(inner(trak, b"mdia"), "a track without media")?;
        let handler = inner(mdia, b"hdlr").and_then(full);
        let handler = handler.and_then(|(_, body)| body.get(4..8));
        let place = match ours(handler, "a track of no kind")? {
            b"vide" => &mut picture,
            b"soun" => &mut sound,
            _ => continue,
        };
        let track = track_of(trak, mdia, clock)?;
        let mut samples = track.offsets.iter().zip(&track.track.samples);
        let within =
            |(at, sample): (&u64, &Sample)| at.saturating_add(sample.bytes.into()) <= length;
        ours(samples.all(within).then_some(()), "samples lie outside the file")?;
        ours(place.replace(track).is_none().then_some(()), "it has several pictures or sounds")?;
    }
    Ok(ReadFilm { picture: ours(picture, "it has no picture")?, sound })
}

fn track_of(trak: &[u8], mdia: &[u8], clock: u32) -> Parsed<ReadTrack> {
    let timescale = inner(mdia, b"mdhd").and_then(full).and_then(|(version, body)| match version {
        1 => u32_at(body, 16),
        _ => u32_at(body, 8),
    });
    let timescale = ours(timescale.filter(|scale| *scale > 0), "a track without a clock")?;
    let stbl = inner(mdia, b"minf").and_then(|minf| inner(minf, b"stbl"));
    let stbl = ours(stbl, "a track without samples")?;
    ours(inner(stbl, b"ctts").is_none().then_some(()), "its pictures are not in order")?;
    let format = ours(inner(stbl, b"stsd").and_then(format_of), "a format that films do not have")?;
    let samples = ours(samples_of(stbl), "its tables of samples")?;
    let offsets = ours(offsets_of(stbl, &samples), "its tables of places")?;
    let edits = inner(trak, b"edts").and_then(|edts| inner(edts, b"elst"));
    let (delay, skip) = match edits {
        Some(list) => ours(edits_of(list), "what is played of a track")?,
        None => (0, 0),
    };
    let delay_ms = delay.saturating_mul(1000) / u64::from(clock);
    Ok(ReadTrack { track: Track { format, timescale, samples, skip, delay_ms }, offsets })
}

/// How long nothing is played, in the movie's units, and what is skipped then.
fn edits_of(list: &[u8]) -> Option<(u64, u32)> {
    let (version, _) = full(list)?;
    let edit = |entry: &[u8]| match version {
        1 => Some((u64_at(entry, 0)?, u64_at(entry, 8)?.cast_signed())),
        _ => Some((u32_at(entry, 0)?.into(), i64::from(u32_at(entry, 4)?.cast_signed()))),
    };
    let entries: Vec<(u64, i64)> = match version {
        1 => table::<20>(list)?.iter().map(|entry| edit(entry)).collect::<Option<_>>()?,
        _ => table::<12>(list)?.iter().map(|entry| edit(entry)).collect::<Option<_>>()?,
    };
    match entries[..] {
        [(_, from)] => Some((0, u32::try_from(from).ok()?)),
        [(empty, -1), (_, from)] => Some((empty, u32::try_from(from).ok()?)),
        _ => None,
    }
}

fn samples_of(stbl: &[u8]) -> Option<Vec<Sample>> {
    let (_, sizes) = full(inner(stbl, b"stsz")?)?;
    // One size for all is not how films are written, and its count would have nothing behind it.
    if u32_at(sizes, 0)? != 0 {
        return None;
    }
    let count = u32_at(sizes, 4)? as usize;
    let sizes = sizes.get(8..)?.as_chunks::<4>().0.get(..count)?;
    let sample =
        |size: &[u8; 4]| Sample { bytes: u32::from_be_bytes(*size), duration: 0, keyframe: true };
    let mut samples: Vec<Sample> = sizes.iter().map(sample).collect();
    let mut rest = samples.as_mut_slice();
    for run in table::<8>(inner(stbl, b"stts")?)? {
        let (count, duration) = (u32_at(run, 0)? as usize, u32_at(run, 4)?);
        let (these, after) = rest.split_at_mut_checked(count)?;
        these.iter_mut().for_each(|sample| sample.duration = duration);
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    if let Some(keys) = inner(stbl, b"stss") {
        samples.iter_mut().for_each(|sample| sample.keyframe = false);
        for key in table::<4>(keys)? {
            let number = u32::from_be_bytes(*key) as usize;
            samples.get_mut(number.checked_sub(1)?)?.keyframe = true;
        }
    }
    Some(samples)
}

fn offsets_of(stbl: &[u8], samples: &[Sample]) -> Option<Vec<u64>> {
    let chunks: Vec<u64> = match (inner(stbl, b"stco"), inner(stbl, b"co64")) {
        (Some(places), _) => {
            table::<4>(places)?.iter().map(|at| u32::from_be_bytes(*at).into()).collect()
        }
        (None, places) => table::<8>(places?)?.iter().map(|at| u64::from_be_bytes(*at)).collect(),
    };
    let runs = table::<12>(inner(stbl, b"stsc")?)?;
    let first = |run: &[u8; 12]| u32_at(run, 0).map(|first| first as usize);
    let mut offsets = Vec::with_capacity(samples.len());
    for (n, run) in runs.iter().enumerate() {
        let from = first(run)?.checked_sub(1)?;
        let to = match runs.get(n + 1) {
            Some(next) => first(next)?.checked_sub(1)?,
            None => chunks.len(),
        };
        // One format a track: all samples are described by the first entry.
        let (each, described) = (u32_at(run, 4)? as usize, u32_at(run, 8)?);
        if described != 1 || each == 0 {
            return None;
        }
        for chunk in chunks.get(from..to)? {
            let here = samples.get(offsets.len()..)?.get(..each)?;
            let mut at = *chunk;
            for sample in here {
                offsets.push(at);
                at = at.checked_add(sample.bytes.into())?;
            }
        }
    }
    (offsets.len() == samples.len()).then_some(offsets)
}

fn format_of(stsd: &[u8]) -> Option<TrackFormat> {
    let (_, rest) = full(stsd)?;
    if u32_at(rest, 0)? != 1 {
        return None;
    }
    let (kind, entry) = boxes(rest.get(4..)?).next()?;
    match &kind {
        b"avc1" => {
            let (width, height) = (u16_at(entry, 24)?.into(), u16_at(entry, 26)?.into());
            let known = entry.get(PICTURE_ENTRY..)?;
            let avcc = inner(known, b"avcC")?.to_vec();
            let colour = inner(known, b"colr").and_then(colour_of);
            Some(TrackFormat::Avc { avcc, width, height, colour })
        }
        b"mp4a" => {
            let (channels, rate) = (u16_at(entry, 16)?.into(), u32_at(entry, 24)? >> 16);
            let (_, descriptors) = full(inner(entry.get(SOUND_ENTRY..)?, b"esds")?)?;
            let (config, bps) = aac_of(descriptors)?;
            Some(TrackFormat::Aac { config, channels, rate, bps })
        }
        _ => None,
    }
}

fn colour_of(colr: &[u8]) -> Option<Colour> {
    let rest = colr.strip_prefix(b"nclx")?;
    let matrix = match u16_at(rest, 4)? {
        6 => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    Some(Colour { matrix, full_range: rest.get(6)? & 0x80 != 0 })
}

/// The AudioSpecificConfig in its descriptors (ISO/IEC 14496-1 §7.2.6), and the bit rate.
fn aac_of(descriptors: &[u8]) -> Option<(Vec<u8>, u32)> {
    let stream = descriptor(descriptors, 3)?;
    let decoder = descriptor(stream.get(3..)?, 4)?;
    let bps = u32_at(decoder, 5)?;
    Some((descriptor(decoder.get(13..)?, 5)?.to_vec(), bps))
}

/// The body of the descriptor that stands first, if it has this tag. Its length has seven bits a byte.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, mut rest) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let mut length = 0;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return rest.get(..length);
        }
    }
    None
}

/// Fuzz target: whatever it is given, it is refused, or all of its samples lie in it.
#[doc(hidden)]
pub fn fuzz_film(bytes: &[u8]) {
    let Ok(film) = read_film(&mut io::Cursor::new(bytes)) else { return };
    for read in std::iter::once(&film.picture).chain(&film.sound) {
        assert_eq!(read.offsets.len(), read.track.samples.len());
        for (at, sample) in read.offsets.iter().zip(&read.track.samples) {
            assert!(at + u64::from(sample.bytes) <= bytes.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests;
