//! Whatever happened in a meeting, the plan of its film has no holes.

use proptest::prelude::*;
use roombox_capture::manifest::{
    Codec, Manifest, MediaKind, Part, RecordedLayer, RecordedTrack, TrackSource,
};
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_jobs::spec::{JobSpec, Layout, LayoutName, Range, Relayout};
use roombox_transcode::plan::{Chapter, Plan, VideoPlan, chapters, plan};

const CANVAS: (u32, u32) = (1280, 720);
const LAYOUTS: [LayoutName; 5] = [
    LayoutName::Auto,
    LayoutName::Grid,
    LayoutName::Speaker,
    LayoutName::Screen,
    LayoutName::Single,
];

/// One track of one person: who, what, when, and whether it has parts.
#[derive(Debug, Clone)]
struct Take {
    who: u8,
    source: TrackSource,
    from: u64,
    length: u64,
    layers: u8,
}

fn take() -> impl Strategy<Value = Take> {
    let sources = prop_oneof![
        3 => Just(TrackSource::Camera),
        3 => Just(TrackSource::Microphone),
        1 => Just(TrackSource::ScreenShare),
    ];
    (0..12u8, sources, 0..60_000_000u64, 0..60_000_000u64, 0..3u8)
        .prop_map(|(who, source, from, length, layers)| Take { who, source, from, length, layers })
}

#[derive(Debug, Clone)]
enum Happening {
    Join(u8),
    Leave(u8),
    Mute(u8),
    Unmute(u8),
    Speak(u8),
    Mark,
    Pause,
    Resume,
    PowerLoss(u64),
}

fn happening() -> impl Strategy<Value = (u64, Happening)> {
    let what = prop_oneof![
        (0..12u8).prop_map(Happening::Join),
        (0..12u8).prop_map(Happening::Leave),
        (0..20u8).prop_map(Happening::Mute),
        (0..20u8).prop_map(Happening::Unmute),
        (0..12u8).prop_map(Happening::Speak),
        Just(Happening::Mark),
        Just(Happening::Pause),
        Just(Happening::Resume),
        (0..20_000_000u64).prop_map(Happening::PowerLoss),
    ];
    (0..120_000_000u64, what)
}

fn recorded(takes: &[Take], happenings: &[(u64, Happening)]) -> (Manifest, Vec<TimelineLine>) {
    let (mut tracks, mut parts, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for (n, take) in takes.iter().enumerate() {
        let (track, identity) = (format!("TR_{n}"), format!("user{}", take.who));
        let participant = format!("PA_{}", take.who);
        let kind = match take.source {
            TrackSource::Microphone => MediaKind::Audio,
            _ => MediaKind::Video,
        };
        let (source, muted) = (take.source, false);
        tracks.push(RecordedTrack {
            track: track.clone(),
            participant: participant.clone(),
            identity: identity.clone(),
            name: identity.clone(),
            kind,
            source,
        });
        let id = track.clone();
        let event = TimelineEvent::Pub { track: id, participant, identity, kind, source, muted };
        lines.push(TimelineLine { t: take.from, event });
        let layers: &[(RecordedLayer, u32, u32)] = match source {
            TrackSource::Microphone => &[(RecordedLayer::Audio, 0, 0)],
            TrackSource::ScreenShare => &[(RecordedLayer::Screen, 1920, 1080)],
            _ => &[(RecordedLayer::Top, 1280, 720), (RecordedLayer::Low, 640, 360)],
        };
        for (layer, width, height) in layers.iter().take(usize::from(take.layers)) {
            parts.push(Part {
                file: format!("tracks/{track}.{}.0.mkv", layer.file_stem()),
                track: track.clone(),
                layer: *layer,
                codec: if n % 2 == 0 { Codec::Vp8 } else { Codec::H264 },
                number: 0,
                start_us: take.from,
                end_us: Some(take.from + take.length),
                bytes: None,
                width: *width,
                height: *height,
                codec_private: Vec::new(),
            });
        }
    }
    for (t, happening) in happenings {
        let (participant, identity) = (|n: &u8| format!("PA_{n}"), |n: &u8| format!("user{n}"));
        let event = match happening {
            Happening::Join(n) => TimelineEvent::Join {
                participant: participant(n),
                identity: identity(n),
                name: String::new(),
            },
            Happening::Leave(n) => TimelineEvent::Leave { participant: participant(n) },
            Happening::Mute(n) => TimelineEvent::Mute { track: format!("TR_{n}") },
            Happening::Unmute(n) => TimelineEvent::Unmute { track: format!("TR_{n}") },
            Happening::Speak(n) => TimelineEvent::Speaker { participants: vec![participant(n)] },
            Happening::Mark => TimelineEvent::Marker { text: " ".into() },
            Happening::Pause => TimelineEvent::Pause,
            Happening::Resume => TimelineEvent::Resume,
            Happening::PowerLoss(length) => {
                TimelineEvent::PowerLoss { from: t.saturating_sub(*length), to: *t }
            }
        };
        lines.push(TimelineLine { t: *t, event });
    }
    lines.sort_by_key(|line| line.t);
    let manifest = Manifest {
        version: 1,
        recording: "rec_1".into(),
        room: "r".into(),
        started_unix_ms: 0,
        boot_id: String::new(),
        ended: None,
        parts,
        tracks,
        dropped: 0,
        paused: false,
    };
    (manifest, lines)
}

fn job(name: LayoutName) -> JobSpec {
    let layout = Layout { name, canvas: CANVAS, ..Layout::default() };
    JobSpec { layout, ..JobSpec::new("job_1".into(), "rec_1".into(), "t".into()) }
}

fn check(manifest: &Manifest, plan: &Plan) -> Result<(), TestCaseError> {
    let Some(first) = manifest.parts.iter().map(|part| part.start_us).min() else {
        prop_assert_eq!(&plan.video, &VideoPlan::Nothing);
        prop_assert_eq!(plan.duration_us(), 0);
        return Ok(());
    };
    // Pieces rise, do not overlap, and begin with the recording.
    let mut before = first;
    for (from, to) in &plan.pieces {
        prop_assert!(*from >= before && to > from, "{:?}", plan.pieces);
        before = *to;
    }
    prop_assert!(plan.pieces.first().is_none_or(|(from, _)| *from >= first));
    // Film time and recording time are each other's inverse: no moment twice, none missing.
    let steps = plan.duration_us() / 97_001;
    for film_us in (0..steps).map(|n| n * 97_001) {
        prop_assert_eq!(plan.film_us(plan.recording_us(film_us)), Some(film_us));
    }
    if let VideoPlan::Compose { scenes } = &plan.video {
        let begins = plan.pieces.first().map(|(from, _)| *from);
        prop_assert_eq!(scenes.first().map(|scene| scene.from_us), begins);
        prop_assert!(scenes.windows(2).all(|pair| pair[0].from_us < pair[1].from_us));
        for scene in scenes {
            prop_assert!(scene.tiles.len() <= 9);
            for (n, tile) in scene.tiles.iter().enumerate() {
                let rect = tile.rect;
                prop_assert!(rect.width > 0 && rect.height > 0);
                prop_assert!(rect.x + rect.width <= CANVAS.0);
                prop_assert!(rect.y + rect.height <= CANVAS.1);
                for other in scene.tiles[n + 1..].iter().map(|tile| tile.rect) {
                    prop_assert!(
                        rect.x + rect.width <= other.x
                            || other.x + other.width <= rect.x
                            || rect.y + rect.height <= other.y
                            || other.y + other.height <= rect.y
                    );
                }
                if let Some(source) = &tile.source {
                    prop_assert!(
                        manifest
                            .parts
                            .iter()
                            .any(|part| part.track == source.track && part.layer == source.layer),
                        "a tile shows what was not recorded"
                    );
                }
            }
        }
    }
    if let VideoPlan::Copy { parts } = &plan.video {
        prop_assert!(parts.iter().all(|n| manifest.parts[*n].codec == Codec::H264));
    }
    Ok(())
}

/// Players want chapters that begin with the film, rise, and end before it does.
fn check_chapters(chapters: &[Chapter], plan: &Plan) -> Result<(), TestCaseError> {
    prop_assert_eq!(chapters.is_empty(), plan.duration_us() == 0);
    prop_assert!(chapters.first().is_none_or(|first| first.from_us == 0));
    prop_assert!(chapters.windows(2).all(|pair| pair[0].from_us < pair[1].from_us));
    prop_assert!(chapters.iter().all(|chapter| chapter.from_us < plan.duration_us()));
    prop_assert!(chapters.iter().all(|chapter| !chapter.title.is_empty()));
    Ok(())
}

/// A film of a part is that part of the film, and can be drawn as well.
fn check_part(
    manifest: &Manifest,
    lines: &[TimelineLine],
    whole: &Plan,
    job: &JobSpec,
) -> Result<(), TestCaseError> {
    let part = plan(manifest, lines, job);
    let range = job.range.unwrap_or(Range { from_us: 0, to_us: None });
    let inside = |us: u64| us >= range.from_us && range.to_us.is_none_or(|to| us < to);
    let seen = |plan: &Plan| -> Vec<u64> {
        let steps = 90_000_000 / 97_001;
        (0..steps).map(|n| n * 97_001).filter(|us| plan.film_us(*us).is_some()).collect()
    };
    let wanted: Vec<u64> = seen(whole).into_iter().filter(|us| inside(*us)).collect();
    prop_assert_eq!(seen(&part), wanted);
    if let VideoPlan::Compose { scenes } = &part.video {
        let first = part.pieces.first().map(|(from, _)| *from);
        prop_assert_eq!(scenes.first().map(|scene| scene.from_us), first);
    }
    check_chapters(&chapters(manifest, lines, &part), &part)
}

proptest! {
    #[test]
    fn plans_have_no_holes(
        takes in prop::collection::vec(take(), 0..16),
        happenings in prop::collection::vec(happening(), 0..24),
        range in prop::option::of((0..90_000_000u64, prop::option::of(0..90_000_000u64))),
        relayouts in prop::collection::vec((0..90_000_000u64, 0..LAYOUTS.len()), 0..3),
    ) {
        let (manifest, lines) = recorded(&takes, &happenings);
        for name in LAYOUTS {
            let plan = plan(&manifest, &lines, &job(name));
            check(&manifest, &plan)?;
            check_chapters(&chapters(&manifest, &lines, &plan), &plan)?;
            let mut part = job(name);
            part.range = range.map(|(from_us, to_us)| Range { from_us, to_us });
            let changed = relayouts.iter().map(|(from_us, layout)| {
                Relayout { from_us: *from_us, layout: LAYOUTS[*layout] }
            });
            part.relayouts = changed.collect();
            check_part(&manifest, &lines, &plan, &part)?;
        }
    }
}
