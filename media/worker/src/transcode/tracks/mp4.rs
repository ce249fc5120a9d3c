//! Files of each person's own that open everywhere: MP4. H.264 and AV1 are what was recorded; what players of MP4 do
//! not know (VP8, VP9), and what changes its size half way, is coded anew in its own size. Sound is AAC.

use super::super::codecs::FilmShape;
use super::super::copy::{Copied, TIMESCALE};
use super::super::encode;
use super::super::error::FilmError;
use super::super::files::{Made, Samples, movie};
use super::super::material::Material;
use super::super::output::DerivedFolder;
use super::super::reels::Reels;
use super::super::report::Work;
use super::super::video::{self, Scenery};
use super::super::{sound, tracks};
use super::{Joined, USUAL_PICTURE_US};
use roombox_capture::manifest::{Codec, Part};
use roombox_jobs::spec::{AudioPreset, FileKind, JobSpec, MadeFile, Output, VideoPreset};
use roombox_transcode::colour;
use roombox_transcode::layout::Rect;
use roombox_transcode::mp4::{FileInfo, Track, TrackFormat};
use roombox_transcode::plan::{Plan, Scene, Tile, VideoSource};
use roombox_transcode::tracks::{Container, TrackFile, track_files};

/// Pictures a second of what is coded anew.
const FPS: u32 = 30;
/// Initials are shown instead of a picture that has been still for so long.
const LONGEST_STILL_US: u64 = 1_500_000;
/// Pixels for which a job's bit rate is meant.
const USUAL_PIXELS: u64 = 1280 * 720;
const RATES: (u64, u64) = (400_000, 10_000_000);

/// How many times the film's length must be coded.
pub fn coded_anew(material: &Material) -> u64 {
    let files = track_files(&material.manifest, Container::Mp4).into_iter();
    let anew = |file: &TrackFile| {
        !file.picture.is_empty() && as_it_is(&parts_of(material, &file.picture)).is_none()
    };
    files.filter(anew).count() as u64
}

/// Makes the files of everybody. All of them begin with the film; sound alone is what it is beside files of other kinds.
///
/// # Errors
/// The disk refuses, an encoder is missing or fails, or the job was cancelled.
pub fn publish(
    (material, plan, job): (&Material, &Plan, &JobSpec),
    reels: &Reels,
    work: &Work,
) -> Result<Vec<MadeFile>, FilmError> {
    let folder =
        DerivedFolder::open(&material.folder, &format!("{}/tracks", job.job), work.pulse())?;
    let mut made = Vec::new();
    for file in track_files(&material.manifest, Container::Mp4) {
        let shown = if file.picture.is_empty() { &file.sound } else { &file.picture };
        let mut frames = Joined::new(material, plan, shown);
        if frames.next_us().is_none() {
            frames.all()?;
            continue;
        }
        match (file.picture.is_empty(), job.makes(Output::Tracks)) {
            // It is there already.
            (true, true) => {}
            (true, false) => {
                made.push(tracks::sound(&folder, (material, plan, job), &file, work)?);
            }
            (false, _) => {
                made.push(picture(&folder, (material, plan, job), &file, reels, work)?);
            }
        }
        work.beat()?;
    }
    Ok(made)
}

fn parts_of<'a>(material: &'a Material, parts: &[usize]) -> Vec<&'a Part> {
    parts.iter().filter_map(|n| material.manifest.parts.get(*n)).collect()
}

/// What all parts have in common, if an MP4 can have them as they are.
fn as_it_is<'a>(parts: &[&'a Part]) -> Option<&'a Part> {
    let first = *parts.first()?;
    let known = matches!(first.codec, Codec::H264 | Codec::Av1) && first.codec_private.len() > 6;
    let same = |part: &&Part| {
        (part.codec, &part.codec_private) == (first.codec, &first.codec_private)
            && (part.width, part.height) == (first.width, first.height)
    };
    (known && parts.iter().all(same)).then_some(first)
}

fn picture(
    folder: &DerivedFolder,
    (material, plan, job): (&Material, &Plan, &JobSpec),
    file: &TrackFile,
    reels: &Reels,
    work: &Work,
) -> Result<MadeFile, FilmError> {
    let mut picture = match as_it_is(&parts_of(material, &file.picture)) {
        Some(head) => copied(folder, (material, plan), file, head, work)?,
        None => coded((material, plan), &job.video, file, reels, work)?,
    };
    let mut sound = heard((material, plan), &job.audio, file, reels, work)?;
    let info = FileInfo {
        title: format!("{} · {}", job.title, file.person),
        created_unix_s: material.manifest.started_unix_ms / 1000,
        chapters: Vec::new(),
    };
    let tracks = std::iter::once(&mut picture).chain(&mut sound).collect();
    movie(folder, &file.name, FileKind::Track, &info, tracks, work)
}

/// The recorded frames. What comes first may come later than the film begins.
fn copied(
    folder: &DerivedFolder,
    (material, plan): (&Material, &Plan),
    file: &TrackFile,
    head: &Part,
    work: &Work,
) -> Result<Made, FilmError> {
    let mut frames = Joined::new(material, plan, &file.picture);
    let mut out = folder.sample_file("picture")?;
    // Whole milliseconds: the movie's clock has no others.
    let delay_ms = frames.next_us().unwrap_or(0) / 1000;
    let units = |us: u64| (us - delay_ms * 1000) * u64::from(TIMESCALE) / 1_000_000;
    let (mut copied, mut end_us) = (Copied::default(), 0);
    while let Some((at_us, frame)) = frames.take() {
        work.beat()?;
        out.write(&frame.data)?;
        end_us = at_us.max(end_us);
        copied.add(units(end_us), &frame);
        end_us += 1;
    }
    frames.all()?;
    copied.end(units(end_us + USUAL_PICTURE_US));
    let (width, height, config) = (head.width, head.height, head.codec_private.clone());
    let format = match head.codec {
        Codec::Av1 => TrackFormat::Av1 { av1c: config, width, height },
        _ => {
            let colour = colour::of_avcc(&config);
            TrackFormat::Avc { avcc: config, width, height, colour }
        }
    };
    let samples = copied.samples;
    let track = Track { format, timescale: TIMESCALE, samples, skip: 0, delay_ms };
    Ok(Made { track, samples: Samples::File(out) })
}

/// The pictures drawn on a canvas of the largest one's size, for as long as the film is.
fn coded(
    (material, plan): (&Material, &Plan),
    preset: &VideoPreset,
    file: &TrackFile,
    reels: &Reels,
    work: &Work,
) -> Result<Made, FilmError> {
    let parts = parts_of(material, &file.picture);
    let (width, height) = canvas(&parts);
    let preset = preset_for((width, height), preset);
    let shape = FilmShape { width, height, fps: FPS };
    let scenes = scenes(&parts, &file.person, (width, height));
    let scenery = Scenery { material, plan, scenes: &scenes, shape, preset: &preset };
    let encoder = encode::chosen(&preset)?.element;
    let made = video::compose(scenery, None, reels, work)?;
    let track = video::track(&made, shape, encoder)?;
    Ok(Made { track, samples: Samples::Reels(made) })
}

/// How pictures of this size are coded anew where a job's are coded like this.
pub fn preset_for((width, height): (u32, u32), preset: &VideoPreset) -> VideoPreset {
    let pixels = u64::from(width) * u64::from(height);
    let max_bps = (u64::from(preset.max_bps) * pixels / USUAL_PIXELS).clamp(RATES.0, RATES.1);
    // Hardware may not take any size that somebody's camera has.
    VideoPreset { max_bps: max_bps as u32, element: None, ..preset.clone() }
}

/// The size of the largest part, as encoders take it.
fn canvas(parts: &[&Part]) -> (u32, u32) {
    let sizes = parts.iter().map(|part| (part.width, part.height));
    fitted(sizes.max_by_key(|(w, h)| u64::from(*w) * u64::from(*h)).unwrap_or((0, 0)))
}

/// The size next to this one that encoders take.
pub fn fitted((width, height): (u32, u32)) -> (u32, u32) {
    let (width, height) = if width == 0 || height == 0 { (1280, 720) } else { (width, height) };
    let most = |size: u32, other: u32, most: u32| {
        u64::from(other) * u64::from(most.min(size)) / u64::from(size)
    };
    // Whatever is too large for encoders becomes smaller, and keeps its shape.
    let (width, height) = match (width > 3840, height > 2160) {
        (true, _) if most(width, height, 3840) <= 2160 => (3840, most(width, height, 3840) as u32),
        (_, true) => (most(height, width, 2160) as u32, 2160),
        _ => (width, height),
    };
    ((width & !7).clamp(160, 3840), (height & !1).clamp(90, 2160))
}

/// The person's picture, and initials while there is none.
fn scenes(parts: &[&Part], person: &str, (width, height): (u32, u32)) -> Vec<Scene> {
    let rect = Rect { x: 0, y: 0, width, height };
    let tile = |source: Option<VideoSource>| Tile {
        rect,
        name: person.to_owned(),
        label: false,
        muted: false,
        fill: false,
        source,
    };
    let mut scenes = vec![Scene { from_us: 0, tiles: vec![tile(None)] }];
    let ends = parts.iter().map(|part| part.end_us.unwrap_or(part.start_us));
    let next = parts.iter().skip(1).map(|part| part.start_us).chain([u64::MAX]);
    for ((part, end), next) in parts.iter().zip(ends).zip(next) {
        let source = VideoSource { track: part.track.clone(), layer: part.layer };
        scenes.push(Scene { from_us: part.start_us, tiles: vec![tile(Some(source))] });
        if next > end.saturating_add(LONGEST_STILL_US) {
            scenes.push(Scene { from_us: end + LONGEST_STILL_US, tiles: vec![tile(None)] });
        }
    }
    scenes.dedup_by(|b, a| a.tiles == b.tiles);
    scenes
}

/// What the person says, as loud as it was.
fn heard(
    (material, plan): (&Material, &Plan),
    preset: &AudioPreset,
    file: &TrackFile,
    reels: &Reels,
    work: &Work,
) -> Result<Option<Made>, FilmError> {
    if !file.sound.iter().any(|n| plan.audio.contains(n)) {
        return Ok(None);
    }
    // Whatever lies there is mixed.
    let material = &material.only(&file.sound);
    let preset = AudioPreset { loudness_lufs: None, ..preset.clone() };
    let score = sound::Score { material, plan, preset: &preset };
    let made = sound::mix(score, reels, None, work)?;
    let track = sound::track(&made, &preset, plan.duration_us())?;
    Ok(Some(Made { track, samples: Samples::Reels(made) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_capture::manifest::RecordedLayer;

    fn part(codec: Codec, size: (u32, u32), config: u8, (start_us, end_us): (u64, u64)) -> Part {
        Part {
            file: String::new(),
            track: "TR_1".to_owned(),
            layer: RecordedLayer::Top,
            codec,
            number: 0,
            start_us,
            end_us: Some(end_us),
            bytes: None,
            width: size.0,
            height: size.1,
            codec_private: vec![config; 12],
        }
    }

    #[test]
    fn what_players_know_and_never_changes_stays_as_it_is() {
        let of = |codec, config| part(codec, (1280, 720), config, (0, 1));
        for (codec, stays) in
            [(Codec::H264, true), (Codec::Av1, true), (Codec::Vp8, false), (Codec::Vp9, false)]
        {
            let (a, b, c) = (of(codec, 1), of(codec, 1), of(codec, 2));
            assert_eq!(as_it_is(&[&a, &b]).is_some(), stays, "{codec:?}");
            assert!(as_it_is(&[&a, &c]).is_none(), "its parameters change");
            let small = part(codec, (640, 360), 1, (1, 2));
            assert!(as_it_is(&[&a, &small]).is_none(), "its size changes");
        }
        assert!(as_it_is(&[]).is_none());
    }

    #[test]
    fn a_canvas_is_as_large_as_the_largest_picture_and_no_larger_than_encoders_take() {
        let of = |sizes: &[(u32, u32)]| {
            let parts: Vec<Part> =
                sizes.iter().map(|size| part(Codec::Vp8, *size, 0, (0, 1))).collect();
            canvas(&parts.iter().collect::<Vec<_>>())
        };
        assert_eq!(of(&[(320, 180), (1280, 720), (640, 360)]), (1280, 720));
        assert_eq!(of(&[(854, 481)]), (848, 480));
        assert_eq!(of(&[(7680, 4320)]), (3840, 2160));
        assert_eq!(of(&[(2160, 3840)]), (1208, 2160));
        assert_eq!(of(&[(16, 16)]), (160, 90));
        assert_eq!(of(&[(0, 0)]), (1280, 720));
    }

    #[test]
    fn initials_stand_where_nothing_was_sent_for_long() {
        let second = 1_000_000;
        let at = |from: u64, to: u64| part(Codec::Vp8, (640, 360), 0, (from * second, to * second));
        let parts = [at(2, 5), at(6, 9), at(20, 30)];
        let scenes = scenes(&parts.iter().collect::<Vec<_>>(), "Ada", (640, 360));
        let told: Vec<(u64, bool)> = scenes
            .iter()
            .map(|scene| (scene.from_us / 100_000, scene.tiles[0].source.is_some()))
            .collect();
        assert_eq!(told, [(0, false), (20, true), (105, false), (200, true), (315, false)]);
    }
}
