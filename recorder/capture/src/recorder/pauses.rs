//! A recording that somebody paused: what it must not keep, and what it must.

use super::{OpenRecording, Recorder, RecorderConfig, RecorderEvent, TapSink};
use crate::captions::{About, Piece, Transcribed};
use crate::manifest::{EndReason, Manifest};
use crate::matroska::PartReader;
use crate::recovery;
use crate::timeline::TimelineEvent;
use crate::{read_manifest, read_timeline};
use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapEvent, TapItem, TapLayer, TapPacket, TapTrack};
use roombox_sfu::track;
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

/// A VP8 keyframe; its last byte says when it was sent.
fn key(mark: u8) -> [u8; 13] {
    [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0, mark]
}

fn until_ended(told: &mpsc::Receiver<Told>) -> Manifest {
    let ended = told.iter().find_map(|told| match told {
        Told::Ended(manifest) => Some(*manifest),
        Told::Keyframe(_) => None,
    });
    ended.expect("an end")
}

enum Told {
    Keyframe(TrackId),
    Ended(Box<Manifest>),
}

fn recorder(root: &Path) -> (Recorder, mpsc::Receiver<Told>) {
    let (news, told) = mpsc::channel();
    let recorder = Recorder::start(RecorderConfig::new(root, 0), move |event| match event {
        RecorderEvent::KeyframeWanted { track, .. } => {
            news.send(Told::Keyframe(track)).unwrap_or_default();
        }
        RecorderEvent::Ended { manifest, .. } => {
            news.send(Told::Ended(manifest)).unwrap_or_default();
        }
        _ => {}
    });
    (recorder.unwrap(), told)
}

fn push(sink: &TapSink, event: TapEvent) {
    sink.push(TapItem { at: Instant::now(), event });
}

fn send(sink: &TapSink, seq: u64, mark: u8) {
    push(
        sink,
        TapEvent::Packet(TapPacket {
            track: "TR_1".into(),
            layer: TapLayer::Top,
            codec: track::Codec::Vp8,
            ssrc: 1,
            seq,
            rtp: seq * 3000,
            clock_rate: 90_000,
            marker: true,
            payload: key(mark).into(),
            sender_report: None,
        }),
    );
}

fn publish(sink: &TapSink) {
    push(
        sink,
        TapEvent::Published(TapTrack {
            track: "TR_1".into(),
            participant: "PA_1".into(),
            identity: "one".into(),
            name: "One".to_owned(),
            kind: track::MediaKind::Video,
            source: track::TrackSource::Camera,
            muted: false,
            encrypted: false,
        }),
    );
}

fn open(resume: Option<Manifest>) -> OpenRecording {
    let (recording, room) = ("rec_1".to_owned(), "r".to_owned());
    OpenRecording { recording, room, resume: resume.map(Box::new) }
}

/// Last bytes of all frames that were kept.
fn marks(folder: &Path, manifest: &Manifest) -> Vec<u8> {
    let mut marks = Vec::new();
    for part in &manifest.parts {
        let mut reader = PartReader::open(&folder.join(&part.file)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            marks.extend(frame.data.last());
        }
    }
    marks
}

#[test]
fn nothing_that_is_sent_or_said_in_a_pause_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (recorder, told) = recorder(folder.path());
    let sink = recorder.open(open(None)).unwrap();
    let speak = |who: &str| push(&sink, TapEvent::Speakers(vec![who.into()]));
    publish(&sink);
    speak("PA_1");
    send(&sink, 1, 1);
    recorder.pause("rec_1", true).unwrap();
    speak("PA_2");
    send(&sink, 2, 2);
    recorder.pause("rec_1", true).unwrap();
    speak("PA_3");
    recorder.pause("rec_1", false).unwrap();
    let Ok(Told::Keyframe(asked)) = told.recv() else { panic!("no keyframe was asked for") };
    assert_eq!(asked.as_str(), "TR_1", "a still picture would not come back by itself");
    send(&sink, 3, 3);
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    let manifest = until_ended(&told);
    let folder = folder.path().join("rec_1");
    assert_eq!(marks(&folder, &manifest), [1, 3]);
    let story: Vec<String> = read_timeline(&folder)
        .into_iter()
        .filter_map(|line| match line.event {
            TimelineEvent::Pause => Some("pause".to_owned()),
            TimelineEvent::Resume => Some("resume".to_owned()),
            TimelineEvent::Speaker { participants } => Some(participants.concat()),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["PA_1", "pause", "", "resume", "PA_3"]);
}

#[test]
fn captions_are_in_the_timeline_but_for_what_is_said_in_a_pause() {
    let root = tempfile::tempdir().unwrap();
    let (recorder, told) = recorder(root.path());
    let sink = recorder.open(open(None)).unwrap();
    publish(&sink);
    let say = |segment: &str, text: &str, last: bool| {
        let track = Some("TR_1".to_owned());
        let about = About { segment: segment.into(), track, last, ..About::default() };
        let piece = Piece::Whole { about, text: text.into() };
        let (sender, identity) = ("PA_agent".to_owned(), "agent".to_owned());
        assert!(recorder.transcribed("rec_1", Transcribed { sender, identity, piece }));
    };
    say("a", "hello", true);
    say("b", "so far", false);
    recorder.pause("rec_1", true).unwrap();
    say("b", "so far secret", true);
    say("c", "secret", false);
    recorder.pause("rec_1", false).unwrap();
    say("c", "secret", true);
    say("d", "unfinished", false);
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    until_ended(&told);
    let said = read_timeline(&root.path().join("rec_1")).into_iter().filter_map(|line| {
        let TimelineEvent::Caption { identity, by, text, .. } = line.event else { return None };
        Some((identity, by.unwrap_or_default(), text))
    });
    let of_one = |text: &str| ("one".to_owned(), "agent".to_owned(), text.to_owned());
    assert_eq!(said.collect::<Vec<_>>(), ["hello", "so far", "unfinished"].map(of_one));
}

#[test]
fn a_pause_outlives_a_crash_whichever_of_its_two_traces_reached_the_disk() {
    let root = tempfile::tempdir().unwrap();
    let (recorder, told) = recorder(root.path());
    let sink = recorder.open(open(None)).unwrap();
    publish(&sink);
    send(&sink, 1, 1);
    recorder.pause("rec_1", true).unwrap();
    recorder.stop("rec_1", EndReason::Shutdown).unwrap();
    until_ended(&told);
    let folder = root.path().join("rec_1");
    let whole = read_manifest(&folder).unwrap();
    assert!(whole.paused);
    // As the daemon's death leaves it: the line is there, the manifest is a round old.
    let torn = Manifest { paused: false, ended: None, ..whole.clone() };
    assert!(recovery::recover(&folder, torn).unwrap().manifest.paused);
    // As a power cut may leave it: the manifest is there, the line is not.
    std::fs::write(folder.join("timeline.jsonl"), b"").unwrap();
    let torn = Manifest { ended: None, ..whole };
    let manifest = recovery::recover(&folder, torn).unwrap().manifest;
    assert!(manifest.paused);
    let (again, told) = self::recorder(root.path());
    let sink = again.open(open(Some(manifest))).unwrap();
    publish(&sink);
    send(&sink, 2, 2);
    again.stop("rec_1", EndReason::Stopped).unwrap();
    assert_eq!(marks(&folder, &until_ended(&told)), [1]);
}
