//! Which files the tracks of a recording become: one for each camera, screen and microphone of each
//! person, over all of his or her connections. Nothing is coded anew, so a file has one codec; sound
//! goes with the picture that it belongs to, and alone where it can be heard alone.

use roombox_capture::manifest::{
    Codec, Manifest, MediaKind, Part, RecordedLayer, RecordedTrack, TrackSource,
};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of an identity in a file's name.
const LONGEST_NAME: usize = 60;

/// A file to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackFile {
    pub name: String,
    /// The person's name.
    pub person: String,
    /// Parts of its picture, in order; empty: it is sound alone. Indexes into the manifest's parts.
    pub picture: Vec<usize>,
    /// Parts of its sound, in order.
    pub sound: Vec<usize>,
}

/// What files with pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// WebM, or Matroska for H.264: whatever was sent goes into it.
    AsSent,
    /// MP4: what its players do not know is coded anew.
    Mp4,
}

/// What a file shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Camera,
    Screen,
}

impl Kind {
    fn of(source: TrackSource) -> Self {
        match source {
            TrackSource::ScreenShare | TrackSource::ScreenShareAudio => Self::Screen,
            TrackSource::Camera | TrackSource::Microphone | TrackSource::Unknown => Self::Camera,
        }
    }

    fn picture(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Screen => "screen",
        }
    }

    fn sound(self) -> &'static str {
        match self {
            Self::Camera => "microphone",
            Self::Screen => "screen-sound",
        }
    }
}

fn end_of(part: &Part) -> u64 {
    part.end_us.unwrap_or(part.start_us)
}

/// The files of everybody. Sound alone is Ogg in either case.
pub fn track_files(manifest: &Manifest, container: Container) -> Vec<TrackFile> {
    let mut people: BTreeMap<(&str, Kind), Vec<&RecordedTrack>> = BTreeMap::new();
    for track in &manifest.tracks {
        people.entry((&track.identity, Kind::of(track.source))).or_default().push(track);
    }
    let (mut files, mut taken) = (Vec::new(), BTreeSet::new());
    for ((identity, kind), tracks) in people {
        let person = tracks.last().map_or(identity, |track| &track.name).to_owned();
        let of = |media: MediaKind| {
            let these = tracks.iter().filter(move |track| track.kind == media);
            these.map(|track| parts_of(manifest, track)).filter(|parts| !parts.is_empty())
        };
        let sounds = joined(manifest, of(MediaKind::Audio).collect());
        let pictures = joined(manifest, of(MediaKind::Video).collect());
        let mut named = |what: &str, ending: &str| {
            let stem = format!("{}-{what}", safe(identity));
            let mut names = std::iter::once(format!("{stem}.{ending}"))
                .chain((2..).map(|n| format!("{stem}-{n}.{ending}")));
            // Letters that only differ in size are one name on some computers.
            let free = names.find(|name| taken.insert(name.to_lowercase()));
            free.unwrap_or(stem)
        };
        for (_, picture) in pictures {
            let h264 = picture.iter().any(|n| manifest.parts[*n].codec == Codec::H264);
            let ending = match container {
                Container::Mp4 => "mp4",
                Container::AsSent if h264 => "mkv",
                Container::AsSent => "webm",
            };
            let name = named(kind.picture(), ending);
            let sound = sounds.first().map(|(_, parts)| parts.clone()).unwrap_or_default();
            files.push(TrackFile { name, person: person.clone(), picture, sound });
        }
        for (_, sound) in sounds {
            let name = named(kind.sound(), "ogg");
            files.push(TrackFile { name, person: person.clone(), picture: Vec::new(), sound });
        }
    }
    files
}

/// The best layer of a track.
fn parts_of(manifest: &Manifest, track: &RecordedTrack) -> Vec<usize> {
    let best = |part: &Part| part.layer != RecordedLayer::Low && part.track == track.track;
    let mut parts: Vec<usize> =
        (0..manifest.parts.len()).filter(|n| best(&manifest.parts[*n])).collect();
    parts.sort_by_key(|n| manifest.parts[*n].start_us);
    parts
}

/// Joins what follows each other in one codec. What was sent at the same time is apart.
fn joined(manifest: &Manifest, tracks: Vec<Vec<usize>>) -> Vec<(Codec, Vec<usize>)> {
    let part = |n: &usize| &manifest.parts[*n];
    let mut runs: Vec<(Codec, Vec<usize>)> = Vec::new();
    for track in tracks {
        let mut of_track: Vec<(Codec, Vec<usize>)> = Vec::new();
        for n in track {
            let codec = part(&n).codec;
            match of_track.iter_mut().find(|(known, _)| *known == codec) {
                Some((_, parts)) => parts.push(n),
                None => of_track.push((codec, vec![n])),
            }
        }
        runs.extend(of_track);
    }
    runs.sort_by_key(|(_, parts)| parts.first().map(|n| part(n).start_us));
    let mut files: Vec<(Codec, Vec<usize>)> = Vec::new();
    for (codec, parts) in runs {
        let begins = parts.first().map_or(0, |n| part(n).start_us);
        let over = |before: &[usize]| before.last().is_none_or(|n| end_of(part(n)) <= begins);
        match files.iter_mut().find(|(known, before)| *known == codec && over(before)) {
            Some((_, before)) => before.extend(parts),
            None => files.push((codec, parts)),
        }
    }
    files
}

/// An identity as a file's name: no folders, no surprises on anybody's computer.
fn safe(identity: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = identity.chars().take(LONGEST_NAME).map(plain).collect();
    if name.is_empty() { "nobody".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn add(
        manifest: &mut Manifest,
        track: &str,
        who: &str,
        source: TrackSource,
        parts: &[(Codec, u64, u64)],
    ) {
        let kind = match source {
            TrackSource::Microphone | TrackSource::ScreenShareAudio => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        manifest.tracks.push(RecordedTrack {
            track: track.to_owned(),
            participant: String::new(),
            identity: who.to_owned(),
            name: who.to_uppercase(),
            kind,
            source,
        });
        for (number, (codec, from, to)) in (0..).zip(parts) {
            let layer = match kind {
                MediaKind::Audio => RecordedLayer::Audio,
                MediaKind::Video => RecordedLayer::Top,
            };
            manifest.parts.push(Part {
                file: String::new(),
                track: track.to_owned(),
                layer,
                codec: *codec,
                number,
                start_us: *from,
                end_us: Some(*to),
                bytes: None,
                width: 0,
                height: 0,
                codec_private: Vec::new(),
            });
        }
    }

    fn made(manifest: &Manifest) -> Vec<(String, Vec<usize>, Vec<usize>)> {
        let files = track_files(manifest, Container::AsSent).into_iter();
        files.map(|file| (file.name, file.picture, file.sound)).collect()
    }

    #[test]
    fn a_person_is_one_over_all_connections_and_sound_is_there_twice() {
        let mut manifest = Manifest::new("rec_1", "weekly", 0, String::new());
        let (camera, microphone) = (TrackSource::Camera, TrackSource::Microphone);
        add(&mut manifest, "1", "ada", camera, &[(Codec::Vp8, 0, 5), (Codec::Vp8, 7, 9)]);
        add(&mut manifest, "2", "ada", microphone, &[(Codec::Opus, 1, 9)]);
        add(&mut manifest, "3", "ada", camera, &[(Codec::Vp8, 12, 20), (Codec::H264, 20, 30)]);
        add(&mut manifest, "4", "ada", microphone, &[(Codec::Opus, 12, 30)]);
        add(&mut manifest, "5", "ada", TrackSource::ScreenShare, &[(Codec::Av1, 15, 18)]);
        let wanted = [
            ("ada-camera.webm", vec![0, 1, 3], vec![2, 5]),
            ("ada-camera.mkv", vec![4], vec![2, 5]),
            ("ada-microphone.ogg", vec![], vec![2, 5]),
            ("ada-screen.webm", vec![6], vec![]),
        ];
        assert_eq!(made(&manifest), wanted.map(|(name, a, b)| (name.to_owned(), a, b)));
        let files = track_files(&manifest, Container::Mp4).into_iter();
        let names: Vec<String> = files.map(|file| file.name).collect();
        let wanted = ["ada-camera.mp4", "ada-camera-2.mp4", "ada-microphone.ogg", "ada-screen.mp4"];
        assert_eq!(names, wanted);
    }

    #[test]
    fn what_is_sent_at_the_same_time_is_apart_and_names_are_harmless() {
        let mut manifest = Manifest::new("rec_1", "weekly", 0, String::new());
        let camera = TrackSource::Camera;
        add(&mut manifest, "1", "../Ädä", camera, &[(Codec::Vp8, 0, 5)]);
        add(&mut manifest, "2", "../Ädä", camera, &[(Codec::Vp8, 3, 9)]);
        add(&mut manifest, "3", "__/_d_", camera, &[(Codec::Vp8, 3, 9)]);
        add(&mut manifest, "4", "", camera, &[]);
        let names: Vec<String> = made(&manifest).into_iter().map(|(name, ..)| name).collect();
        let wanted = ["____d_-camera.webm", "____d_-camera-2.webm", "____d_-camera-3.webm"];
        assert_eq!(names, wanted);
    }

    proptest! {
        #[test]
        fn every_part_is_in_a_file_and_no_two_of_a_file_overlap(
            takes in prop::collection::vec((".{0,8}", 0..4u8, 0..100u64, 0..50u64, 0..3u8), 0..20),
        ) {
            let mut manifest = Manifest::new("rec_1", "weekly", 0, String::new());
            let sources = [
                TrackSource::Camera,
                TrackSource::Microphone,
                TrackSource::ScreenShare,
                TrackSource::ScreenShareAudio,
            ];
            for (n, (who, source, from, length, codec)) in takes.iter().enumerate() {
                let codecs = [Codec::Vp8, Codec::H264, Codec::Av1];
                let source = sources[usize::from(*source)];
                let codec = match source {
                    TrackSource::Microphone | TrackSource::ScreenShareAudio => Codec::Opus,
                    _ => codecs[usize::from(*codec)],
                };
                add(&mut manifest, &n.to_string(), who, source, &[(codec, *from, from + length)]);
            }
            let files = track_files(&manifest, Container::Mp4);
            let names: BTreeSet<String> = files.iter().map(|file| file.name.to_lowercase()).collect();
            prop_assert_eq!(names.len(), files.len());
            let mut seen = BTreeSet::new();
            for file in &files {
                prop_assert!(file.name.len() < 100 && !file.name.contains(['/', '\\']));
                prop_assert!(!file.name.starts_with('.'));
                for parts in [&file.picture, &file.sound] {
                    for pair in parts.windows(2) {
                        let (a, b) = (&manifest.parts[pair[0]], &manifest.parts[pair[1]]);
                        prop_assert!(end_of(a) <= b.start_us && a.codec == b.codec);
                    }
                    seen.extend(parts.iter().copied());
                }
            }
            prop_assert_eq!(seen.len(), manifest.parts.len());
        }
    }
}
