//! What plans must be like, by example and by property.

use super::*;
use roombox_capture::manifest::{EndReason, Ended, RecordedTrack};
use roombox_jobs::spec::{Layout, Relayout};

const SECOND: u64 = 1_000_000;

fn job(name: LayoutName) -> JobSpec {
    let layout = Layout { name, ..Layout::default() };
    JobSpec { layout, ..JobSpec::new("job_1".into(), "rec_1".into(), "t".into()) }
}

#[derive(Default)]
struct Story {
    tracks: Vec<RecordedTrack>,
    parts: Vec<Part>,
    lines: Vec<TimelineLine>,
    /// In seconds.
    ended: Option<u64>,
}

impl Story {
    fn at(&mut self, t: u64, event: TimelineEvent) -> &mut Self {
        self.lines.push(TimelineLine { t: t * SECOND, event });
        self
    }

    fn join(&mut self, t: u64, who: &str) -> &mut Self {
        let (participant, identity) = (format!("PA_{who}"), who.to_owned());
        self.at(t, TimelineEvent::Join { participant, identity, name: who.to_uppercase() })
    }

    fn video(&mut self, t: u64, who: &str, to: u64, codec: Codec) -> &mut Self {
        self.source(t, who, to, codec, TrackSource::Camera)
    }

    fn source(
        &mut self,
        t: u64,
        who: &str,
        to: u64,
        codec: Codec,
        source: TrackSource,
    ) -> &mut Self {
        let track = format!("TR_{who}_{source:?}");
        let (participant, identity) = (format!("PA_{who}"), who.to_owned());
        self.tracks.push(RecordedTrack {
            track: track.clone(),
            participant: participant.clone(),
            identity: identity.clone(),
            name: who.to_uppercase(),
            kind: MediaKind::Video,
            source,
        });
        let layers: &[(RecordedLayer, u32, u32)] = match source {
            TrackSource::ScreenShare => &[(RecordedLayer::Screen, 1920, 1080)],
            _ => &[(RecordedLayer::Top, 1280, 720), (RecordedLayer::Low, 640, 360)],
        };
        for (layer, width, height) in layers {
            self.parts.push(Part {
                file: format!("tracks/{track}.{}.0.mkv", layer.file_stem()),
                track: track.clone(),
                layer: *layer,
                codec,
                number: 0,
                start_us: t * SECOND,
                end_us: Some(to * SECOND),
                bytes: Some(1),
                width: *width,
                height: *height,
                codec_private: Vec::new(),
            });
        }
        let kind = MediaKind::Video;
        let muted = false;
        self.at(t, TimelineEvent::Pub { track, participant, identity, kind, source, muted })
    }

    fn plan(&self, name: LayoutName) -> Plan {
        self.plan_of(&job(name))
    }

    fn plan_of(&self, job: &JobSpec) -> Plan {
        let mut manifest = Manifest {
            version: 1,
            recording: "rec_1".into(),
            room: "r".into(),
            started_unix_ms: 0,
            boot_id: String::new(),
            ended: self.ended.map(|at| Ended { reason: EndReason::Stopped, at_us: at * SECOND }),
            parts: self.parts.clone(),
            tracks: self.tracks.clone(),
            dropped: 0,
            paused: false,
        };
        let mut lines = self.lines.clone();
        lines.sort_by_key(|line| line.t);
        narrow(&mut manifest, &mut lines, &job.only);
        plan(&manifest, &lines, job)
    }
}

fn scenes(plan: &Plan) -> &[Scene] {
    match &plan.video {
        VideoPlan::Compose { scenes } => scenes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn four_people_in_a_grid_use_the_small_layer() {
    let mut story = Story::default();
    for who in ["a", "b", "c", "d"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    let plan = story.plan(LayoutName::Auto);
    let last = scenes(&plan).last().unwrap();
    assert_eq!(last.tiles.len(), 4);
    for tile in &last.tiles {
        assert_eq!(tile.source.as_ref().unwrap().layer, RecordedLayer::Low);
    }
    assert_eq!(plan.duration_us(), 59 * SECOND);
}

#[test]
fn one_h264_sender_is_copied_and_a_second_person_ends_that() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::H264);
    assert_eq!(story.plan(LayoutName::Auto).video, VideoPlan::Copy { parts: vec![0] });
    assert!(matches!(story.plan(LayoutName::Grid).video, VideoPlan::Compose { .. }));
    story.join(5, "b").video(5, "b", 60, Codec::H264);
    assert!(matches!(story.plan(LayoutName::Auto).video, VideoPlan::Compose { .. }));
}

#[test]
fn a_camera_that_is_off_leaves_the_name_not_a_hole() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::Vp8).join(1, "b").video(1, "b", 60, Codec::Vp8);
    let track = "TR_a_Camera".to_owned();
    story.at(10, TimelineEvent::Mute { track: track.clone() });
    story.at(20, TimelineEvent::Unmute { track });
    let plan = story.plan(LayoutName::Auto);
    let at = |t: u64| {
        let scene = scenes(&plan).iter().rev().find(|scene| scene.from_us <= t * SECOND).unwrap();
        scene.tiles.iter().map(|tile| tile.source.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(at(5), [true, true]);
    assert_eq!(at(15), [false, true]);
    assert_eq!(at(25), [true, true]);
}

#[test]
fn a_screen_takes_the_stage_and_gives_it_back() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::Vp8).join(1, "b").video(1, "b", 60, Codec::Vp8);
    story.source(10, "a", 20, Codec::Vp8, TrackSource::ScreenShare);
    story.at(20, TimelineEvent::Unpub { track: "TR_a_ScreenShare".into() });
    let plan = story.plan(LayoutName::Auto);
    let screen = scenes(&plan).iter().find(|scene| scene.tiles.len() == 3).expect("a stage");
    assert_eq!(screen.from_us, 10 * SECOND);
    assert_eq!(screen.tiles[0].source.as_ref().unwrap().layer, RecordedLayer::Screen);
    assert_eq!(scenes(&plan).last().unwrap().tiles.len(), 2);
}

#[test]
fn the_time_without_power_is_cut() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 10, Codec::Vp8);
    story.at(40, TimelineEvent::PowerLoss { from: 10 * SECOND, to: 40 * SECOND });
    story.join(41, "a").source(41, "a", 60, Codec::Vp8, TrackSource::Unknown);
    let plan = story.plan(LayoutName::Grid);
    assert_eq!(plan.pieces, [(SECOND, 10 * SECOND), (40 * SECOND, 60 * SECOND)]);
    assert_eq!(plan.recording_us(9 * SECOND), 40 * SECOND);
    assert_eq!(plan.film_us(41 * SECOND), Some(10 * SECOND));
    assert_eq!(plan.film_us(20 * SECOND), None);
}

#[test]
fn the_single_layout_follows_the_speaker_who_holds() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::Vp8).join(1, "b").video(1, "b", 60, Codec::Vp8);
    story.at(5, speaks("a")).at(6, speaks("b")).at(20, speaks("b"));
    let plan = story.plan(LayoutName::Single);
    let names: Vec<&str> = scenes(&plan).iter().map(|s| s.tiles[0].name.as_str()).collect();
    assert_eq!(names, ["A", "B"]);
    assert_eq!(scenes(&plan)[1].from_us, 20 * SECOND);
}

fn speaks(who: &str) -> TimelineEvent {
    TimelineEvent::Speaker { participants: vec![format!("PA_{who}")] }
}

/// Names on the tiles at a second, the large one first; a screen has none.
fn names_at(plan: &Plan, t: u64) -> Vec<&str> {
    let scene = scenes(plan).iter().rev().find(|scene| scene.from_us <= t * SECOND).unwrap();
    scene.tiles.iter().map(|tile| tile.name.as_str()).collect()
}

#[test]
fn the_speaker_is_large_and_the_others_stand_beside() {
    let mut story = Story::default();
    for who in ["a", "b", "c"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    story.at(5, speaks("b")).at(20, speaks("c"));
    story.source(30, "a", 40, Codec::Vp8, TrackSource::ScreenShare);
    story.at(40, TimelineEvent::Unpub { track: "TR_a_ScreenShare".into() });
    let plan = story.plan(LayoutName::Speaker);
    assert_eq!(names_at(&plan, 2), ["A", "B", "C"], "whoever came first, until somebody speaks");
    assert_eq!(names_at(&plan, 10), ["B", "A", "C"]);
    assert_eq!(names_at(&plan, 25), ["C", "A", "B"]);
    assert_eq!(names_at(&plan, 35), ["", "A", "B", "C"], "a screen takes the stage");
    assert_eq!(names_at(&plan, 50), ["C", "A", "B"]);
    let large = &scenes(&plan).last().unwrap().tiles[0];
    assert!(large.rect.width > 1000 && large.rect.height == 720);
}

#[test]
fn a_lecture_shows_the_speaker_alone_until_a_screen_is_shared() {
    let mut story = Story::default();
    for who in ["a", "b"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    story.at(5, speaks("b"));
    story.source(30, "b", 40, Codec::Vp8, TrackSource::ScreenShare);
    story.at(40, TimelineEvent::Unpub { track: "TR_b_ScreenShare".into() });
    let plan = story.plan(LayoutName::Screen);
    assert_eq!(names_at(&plan, 10), ["B"]);
    assert_eq!(names_at(&plan, 35), ["", "A", "B"]);
    assert_eq!(names_at(&plan, 50), ["B"]);
}

#[test]
fn a_grid_has_a_tile_for_a_shared_screen() {
    let mut story = Story::default();
    for who in ["a", "b", "c"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    story.source(30, "b", 60, Codec::Vp8, TrackSource::ScreenShare);
    let plan = story.plan(LayoutName::Grid);
    assert_eq!(names_at(&plan, 40), ["", "A", "B", "C"]);
    let tiles = &scenes(&plan).last().unwrap().tiles;
    assert!(tiles.iter().all(|tile| tile.rect.width == tiles[0].rect.width));
}

#[test]
fn a_tile_says_whose_microphone_is_off() {
    let mut story = Story::default();
    for who in ["a", "b"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    let track = "TR_mic".to_owned();
    let (participant, identity) = ("PA_a".to_owned(), "a".to_owned());
    let (kind, source, muted) = (MediaKind::Audio, TrackSource::Microphone, false);
    let id = track.clone();
    story.at(1, TimelineEvent::Pub { track: id, participant, identity, kind, source, muted });
    story.at(20, TimelineEvent::Mute { track });
    let plan = story.plan(LayoutName::Grid);
    let muted_at = |t: u64| {
        let scene = scenes(&plan).iter().rev().find(|scene| scene.from_us <= t * SECOND).unwrap();
        scene.tiles.iter().map(|tile| tile.muted).collect::<Vec<_>>()
    };
    assert_eq!(muted_at(10), [false, true], "Bob has no microphone");
    assert_eq!(muted_at(30), [true, true]);
}

#[test]
fn a_range_is_all_that_is_shown_and_is_never_copied() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::H264);
    story.at(40, TimelineEvent::PowerLoss { from: 30 * SECOND, to: 40 * SECOND });
    story.join(40, "a");
    let ranged = |from: u64, to: Option<u64>| {
        let range = Some(Range { from_us: from * SECOND, to_us: to.map(|to| to * SECOND) });
        story.plan_of(&JobSpec { range, ..job(LayoutName::Auto) })
    };
    let plan = ranged(10, Some(50));
    assert_eq!(plan.pieces, [(10 * SECOND, 30 * SECOND), (40 * SECOND, 50 * SECOND)]);
    assert_eq!(scenes(&plan)[0].from_us, 10 * SECOND);
    assert_eq!(ranged(45, None).pieces, [(45 * SECOND, 60 * SECOND)]);
    assert_eq!(ranged(35, None).pieces, [(40 * SECOND, 60 * SECOND)], "it begins in the outage");
    assert_eq!(ranged(0, Some(35)).pieces, [(SECOND, 30 * SECOND)], "it ends in the outage");
    assert_eq!(ranged(70, None).video, VideoPlan::Nothing);
}

#[test]
fn a_film_of_one_person_or_track_has_nobody_else() {
    let mut story = Story::default();
    for who in ["a", "b", "c"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    let of = |identities: &[&str], tracks: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        let only = Only { identities: owned(identities), tracks: owned(tracks) };
        story.plan_of(&JobSpec { only, ..job(LayoutName::Grid) })
    };
    assert_eq!(names_at(&of(&["b"], &[]), 30), ["B"]);
    assert_eq!(names_at(&of(&[], &["TR_a_Camera", "TR_c_Camera"]), 30), ["A", "C"]);
    assert_eq!(of(&["nobody"], &[]).video, VideoPlan::Nothing);
}

#[test]
fn the_layout_changes_when_somebody_changed_it() {
    let mut story = Story::default();
    for who in ["a", "b", "c"] {
        story.join(1, who).video(1, who, 60, Codec::Vp8);
    }
    story.at(5, speaks("b"));
    let change = |at: u64, layout| Relayout { from_us: at * SECOND, layout };
    let relayouts = vec![change(20, LayoutName::Single), change(40, LayoutName::Speaker)];
    let plan = story.plan_of(&JobSpec { relayouts, ..job(LayoutName::Grid) });
    assert_eq!(names_at(&plan, 10), ["A", "B", "C"]);
    assert_eq!(names_at(&plan, 30), ["B"]);
    assert_eq!(names_at(&plan, 50), ["B", "A", "C"]);
}

#[test]
fn what_was_paused_is_cut_and_the_film_goes_on_after_it() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 60, Codec::H264);
    story.at(20, TimelineEvent::Pause).at(30, TimelineEvent::Resume);
    // The box died while it was paused, and nobody went on until the end.
    story.at(50, TimelineEvent::Pause);
    story.at(55, TimelineEvent::PowerLoss { from: 52 * SECOND, to: 55 * SECOND });
    let plan = story.plan(LayoutName::Auto);
    assert_eq!(plan.pieces, [(SECOND, 20 * SECOND), (30 * SECOND, 50 * SECOND)]);
    assert!(matches!(plan.video, VideoPlan::Compose { .. }));
    let mut manifest = Manifest::new("rec_1", "weekly", 0, String::new());
    manifest.parts.clone_from(&story.parts);
    let chapters = chapters(&manifest, &story.lines, &plan);
    let shown: Vec<(u64, ChapterKind)> =
        chapters.iter().map(|chapter| (chapter.from_us / SECOND, chapter.kind)).collect();
    assert_eq!(shown, [(0, ChapterKind::Start), (19, ChapterKind::Resumed)]);
}

#[test]
fn a_pause_that_is_shown_is_a_slate_as_long_as_it_was() {
    let mut story = Story::default();
    story.join(1, "a").video(1, "a", 20, Codec::H264).video(30, "a", 60, Codec::H264);
    story.at(20, TimelineEvent::Pause).at(30, TimelineEvent::Resume);
    story.at(40, TimelineEvent::PowerLoss { from: 38 * SECOND, to: 40 * SECOND });
    let plan = story.plan_of(&JobSpec { pauses: Pauses::Slate, ..job(LayoutName::Single) });
    // What nobody decided is cut all the same.
    assert_eq!(plan.pieces, [(SECOND, 38 * SECOND), (40 * SECOND, 60 * SECOND)]);
    assert_eq!(names_at(&plan, 19), ["A"]);
    assert_eq!(names_at(&plan, 25), [PAUSED]);
    assert_eq!(names_at(&plan, 31), ["A"]);
    let VideoPlan::Compose { scenes } = &plan.video else { panic!("{:?}", plan.video) };
    let slate = scenes.iter().find(|scene| scene.tiles[0].name == PAUSED).unwrap();
    assert_eq!((slate.from_us, slate.tiles[0].source.as_ref()), (20 * SECOND, None));
}

#[test]
fn what_comes_after_the_end_of_a_recording_makes_no_film_longer() {
    let mut story = Story { ended: Some(10), ..Story::default() };
    story.join(0, "ada").video(0, "ada", 3600, Codec::Vp8);
    story.at(12, TimelineEvent::Marker { text: "late".to_owned() });
    story.at(13, TimelineEvent::Resume);
    let late = Relayout { from_us: 11 * SECOND, layout: LayoutName::Grid };
    let range = Some(Range { from_us: 2 * SECOND, to_us: Some(60 * SECOND) });
    let job = JobSpec { relayouts: vec![late], ..job(LayoutName::Speaker) };
    let plan = story.plan_of(&job);
    assert_eq!(plan.pieces, [(0, 10 * SECOND)]);
    assert!(scenes(&plan).iter().all(|scene| scene.from_us < 10 * SECOND));
    assert_eq!(plan.film_us(12 * SECOND), None, "the marker is in no film");
    let plan = story.plan_of(&JobSpec { range, ..job });
    assert_eq!(plan.pieces, [(2 * SECOND, 10 * SECOND)]);
    // Nothing was there before the end.
    story.ended = Some(0);
    assert_eq!(story.plan(LayoutName::Auto).duration_us(), 0);
    // Nor when it is paused in what came too late.
    let mut story = Story { ended: Some(0), ..Story::default() };
    story.join(5, "ada").video(5, "ada", 30, Codec::Vp8);
    story.at(6, TimelineEvent::Pause);
    assert_eq!(story.plan(LayoutName::Auto).pieces, []);
}
