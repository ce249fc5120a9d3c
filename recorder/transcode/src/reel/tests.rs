//! Reels cover the film once, and what is made of one during the meeting is what the film needs.

use super::*;
use crate::plan::{VideoPlan, plan, until};
use proptest::prelude::*;
use roombox_capture::manifest::{Codec, MediaKind, RecordedTrack, TrackSource};
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_jobs::spec::{JobSpec, Layout, LayoutName, Relayout};

const SECOND: u64 = 1_000_000;
const DELAY: u32 = 1600;

/// Something that happens in a meeting.
#[derive(Debug, Clone)]
enum Deed {
    Join(usize),
    Leave(usize),
    /// Until so much later.
    Send(usize, TrackSource, u64),
    Mute(usize),
    Unmute(usize),
    Speak(usize),
    Pause,
    Resume,
    Outage(u64),
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let sources = prop_oneof![
        3 => Just(TrackSource::Camera),
        3 => Just(TrackSource::Microphone),
        1 => Just(TrackSource::ScreenShare),
    ];
    let who = 0..4usize;
    let deed = prop_oneof![
        3 => who.clone().prop_map(Deed::Join),
        1 => who.clone().prop_map(Deed::Leave),
        6 => (who.clone(), sources, SECOND..60 * SECOND).prop_map(|(w, s, t)| Deed::Send(w, s, t)),
        1 => who.clone().prop_map(Deed::Mute),
        1 => who.clone().prop_map(Deed::Unmute),
        4 => who.prop_map(Deed::Speak),
        1 => Just(Deed::Pause),
        1 => Just(Deed::Resume),
        1 => (1..20 * SECOND).prop_map(Deed::Outage),
    ];
    let timed = (0..90 * SECOND, deed);
    proptest::collection::vec(timed, 4..40).prop_map(|mut deeds| {
        deeds.sort_by_key(|(time, _)| *time);
        deeds
    })
}

fn recorded_as(deeds: &[(u64, Deed)]) -> (Manifest, Vec<TimelineLine>) {
    let mut manifest = Manifest::new("rec_1", "room", 0, String::new());
    let mut lines = Vec::new();
    for (n, (t, deed)) in deeds.iter().enumerate() {
        let participant = |who: &usize| format!("PA_{who}");
        let identity = |who: &usize| format!("p{who}");
        let camera = |who: &usize| {
            let of = |track: &&RecordedTrack| track.identity == identity(who);
            manifest.tracks.iter().rev().find(of).map(|track| track.track.clone())
        };
        let event = match deed {
            Deed::Join(who) => TimelineEvent::Join {
                participant: participant(who),
                identity: identity(who),
                // Whoever comes back may be called otherwise.
                name: format!("{} {}", identity(who), n % 2),
            },
            Deed::Leave(who) => TimelineEvent::Leave { participant: participant(who) },
            Deed::Mute(who) => match camera(who) {
                Some(track) => TimelineEvent::Mute { track },
                None => continue,
            },
            Deed::Unmute(who) => match camera(who) {
                Some(track) => TimelineEvent::Unmute { track },
                None => continue,
            },
            Deed::Speak(who) => TimelineEvent::Speaker { participants: vec![participant(who)] },
            Deed::Pause => TimelineEvent::Pause,
            Deed::Resume => TimelineEvent::Resume,
            // Told when the box is back.
            Deed::Outage(for_us) => {
                let (from, to) = (*t, *t + for_us);
                lines.push(TimelineLine { t: to, event: TimelineEvent::PowerLoss { from, to } });
                continue;
            }
            Deed::Send(who, source, for_us) => {
                let track = format!("TR_{n}");
                let kind = match source {
                    TrackSource::Microphone => MediaKind::Audio,
                    _ => MediaKind::Video,
                };
                let layers: &[(RecordedLayer, u32, u32)] = match source {
                    TrackSource::Microphone => &[(RecordedLayer::Audio, 0, 0)],
                    TrackSource::ScreenShare => &[(RecordedLayer::Screen, 1920, 1080)],
                    _ => &[(RecordedLayer::Top, 1280, 720), (RecordedLayer::Low, 640, 360)],
                };
                for (layer, width, height) in layers {
                    manifest.parts.push(Part {
                        file: format!("tracks/{track}.{}.0.mkv", layer.file_stem()),
                        track: track.clone(),
                        layer: *layer,
                        codec: if kind == MediaKind::Audio { Codec::Opus } else { Codec::Vp8 },
                        number: 0,
                        start_us: *t,
                        end_us: Some(*t + for_us),
                        bytes: None,
                        width: *width,
                        height: *height,
                        codec_private: Vec::new(),
                    });
                }
                let (participant, identity) = (participant(who), identity(who));
                manifest.tracks.push(RecordedTrack {
                    track: track.clone(),
                    participant: participant.clone(),
                    name: format!("{identity} {}", n % 2),
                    identity: identity.clone(),
                    kind,
                    source: *source,
                });
                let (source, muted) = (*source, false);
                TimelineEvent::Pub { track, participant, identity, kind, source, muted }
            }
        };
        lines.push(TimelineLine { t: *t, event });
    }
    lines.sort_by_key(|line| line.t);
    (manifest, lines)
}

fn job(name: LayoutName) -> JobSpec {
    let layout = Layout { name, ..Layout::default() };
    let later = Relayout { from_us: 25 * SECOND, layout: LayoutName::Speaker };
    let relayouts = if name == LayoutName::Single { vec![later] } else { Vec::new() };
    JobSpec { layout, relayouts, ..JobSpec::new("job_1".into(), "rec_1".into(), "t".into()) }
}

/// The reels of a recording as it was known at `now`, as far as they are certain: pictures, sound.
fn reels_at(
    deeds: &[(u64, Deed)],
    layout: LayoutName,
    now: Option<u64>,
) -> Vec<(Option<Recipe>, Recipe)> {
    let (mut manifest, mut lines) = recorded_as(deeds);
    if let Some(now) = now {
        // What is told later is not known, and what began has no end yet.
        until(&mut manifest, &mut lines, now);
    }
    let plan = plan(&manifest, &lines, &job(layout));
    let duration = plan.duration_us();
    (0..count(duration))
        .filter(|n| now.is_none_or(|now| is_certain(*n, &plan, now)))
        .map(|n| {
            let pictures = match &plan.video {
                VideoPlan::Compose { scenes } => {
                    Some(of_pictures(&manifest, &plan, scenes, (n, 30), "openh264"))
                }
                _ => None,
            };
            let sound = SoundReel::new(n, duration, DELAY);
            (pictures, of_sound(&manifest, &plan, &sound, "aac"))
        })
        .collect()
}

proptest! {
    /// The promise on which making films ahead rests: nothing that comes later changes a reel.
    #[test]
    fn what_was_made_during_the_meeting_is_what_the_film_needs(
        deeds in deeds(),
        now in 12 * SECOND..100 * SECOND,
        layout in prop_oneof![
            Just(LayoutName::Grid), Just(LayoutName::Speaker), Just(LayoutName::Single),
            Just(LayoutName::Screen),
        ],
    ) {
        // An outage is told afterwards: nobody makes films without power.
        let told = |(time, deed): &(u64, Deed)| match deed {
            Deed::Outage(for_us) => *time > now || time + for_us <= now,
            _ => true,
        };
        let deeds: Vec<(u64, Deed)> = deeds.into_iter().filter(told).collect();
        let (during, after) = (reels_at(&deeds, layout, Some(now)), reels_at(&deeds, layout, None));
        prop_assert!(during.len() <= after.len());
        for (n, (made, needed)) in during.iter().zip(&after).enumerate() {
            // A film that turns out to be copied needs none.
            if needed.0.is_some() {
                prop_assert_eq!(&made.0, &needed.0, "pictures of reel {}", n);
            }
            prop_assert_eq!(&made.1, &needed.1, "sound of reel {}", n);
        }
    }

    #[test]
    fn reels_cover_pictures_and_sound_once(duration_us in 1..400 * SECOND, fps in 1..60u32) {
        let plan = Plan {
            pieces: vec![(SECOND, SECOND + duration_us)],
            video: VideoPlan::Nothing,
            audio: Vec::new(),
        };
        let (mut frame, mut aac) = (0, 0);
        for n in 0..count(duration_us) {
            let of_reel = frames(n, &plan, fps);
            prop_assert_eq!(of_reel.start, frame);
            frame = of_reel.end;
            let sound = SoundReel::new(n, duration_us, DELAY);
            prop_assert_eq!(sound.frames.start, aac);
            prop_assert!(sound.lead <= aac);
            aac = sound.frames.end;
        }
        prop_assert_eq!(frame, plan.frames(fps));
        let whole = (samples(duration_us) + u64::from(DELAY)).div_ceil(AAC_FRAME);
        prop_assert_eq!(aac, whole);
    }
}

/// Found by the property above, once in a million meetings.
#[test]
fn what_follows_an_outage_is_not_known_before_something_is_recorded_again() {
    let deeds = [
        (0, Deed::Join(1)),
        (11_813_795, Deed::Send(1, TrackSource::Camera, 49_499_327)),
        (48_796_256, Deed::Send(0, TrackSource::Camera, 13_316_865)),
        (62_113_121, Deed::Outage(1)),
        (68_139_532, Deed::Send(0, TrackSource::Camera, SECOND)),
    ];
    let during = reels_at(&deeds, LayoutName::Grid, Some(63_399_128));
    let after = reels_at(&deeds, LayoutName::Grid, None);
    assert!(during.len() < after.len());
    assert_eq!(during, after[..during.len()]);
}

fn four_people() -> Vec<(u64, Deed)> {
    let send = |who| (SECOND, Deed::Send(who, TrackSource::Camera, 60 * SECOND));
    (0..4).flat_map(|who| [(SECOND, Deed::Join(who)), send(who)]).collect()
}

#[test]
fn another_name_another_encoder_or_another_end_is_another_reel() {
    let (manifest, lines) = recorded_as(&four_people());
    let recipe = |manifest: &Manifest, lines: &[TimelineLine], n, maker: &str| {
        let plan = plan(manifest, lines, &job(LayoutName::Grid));
        let VideoPlan::Compose { scenes } = &plan.video else { panic!("{:?}", plan.video) };
        of_pictures(manifest, &plan, scenes, (n, 30), maker)
    };
    let made = recipe(&manifest, &lines, 1, "openh264");
    assert_eq!(made, recipe(&manifest, &lines, 1, "openh264"));
    assert_ne!(made, recipe(&manifest, &lines, 2, "openh264"));
    assert_ne!(made, recipe(&manifest, &lines, 1, "x264"));
    let mut renamed = manifest.clone();
    renamed.tracks.iter_mut().for_each(|track| track.name.push('!'));
    assert_ne!(made, recipe(&renamed, &lines, 1, "openh264"));
    let mut shorter = manifest.clone();
    for part in &mut shorter.parts {
        part.end_us = Some(15 * SECOND);
    }
    assert_ne!(made, recipe(&shorter, &lines, 1, "openh264"));
}
