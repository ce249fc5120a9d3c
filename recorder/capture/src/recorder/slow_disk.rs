//! A disk that stands still: nobody waits for it, and what it costs is counted.

use super::{Message, OpenRecording, QUEUE, Recorder, RecorderConfig, RecorderEvent, TapSink};
use crate::manifest::{EndReason, Manifest};
use crate::storage::{Opening, WatchedDisk};
use crate::timeline::{GapReason, TimelineEvent};
use crate::{read_manifest, read_timeline};
use roombox_sfu::tap::{TapEvent, TapItem, TapLayer, TapPacket, TapTrack};
use roombox_sfu::track;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Instant;

#[derive(Default)]
struct Gate {
    open: bool,
    /// The writer stands before it.
    reached: bool,
}

/// The box's disk behind a gate: no file can be opened until it is.
#[derive(Default)]
struct StandingDisk {
    gate: Mutex<Gate>,
    changed: Condvar,
}

impl StandingDisk {
    fn pass(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.reached = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(gate, |gate| !gate.open).unwrap());
    }

    fn until_reached(&self) {
        let gate = self.gate.lock().unwrap();
        drop(self.changed.wait_while(gate, |gate| !gate.reached).unwrap());
    }

    fn open(&self) {
        self.gate.lock().unwrap().open = true;
        self.changed.notify_all();
    }
}

impl Opening for StandingDisk {
    fn before(&self) {
        self.pass();
    }
}

fn recorder(root: &Path, disk: Arc<StandingDisk>) -> (Recorder, mpsc::Receiver<Manifest>) {
    let (ended, endings) = mpsc::channel();
    let config =
        RecorderConfig { storage: Arc::new(WatchedDisk(disk)), ..RecorderConfig::new(root, 0) };
    let recorder = Recorder::start(config, move |event| {
        if let RecorderEvent::Ended { manifest, .. } = event {
            ended.send(*manifest).unwrap();
        }
    });
    (recorder.unwrap(), endings)
}

fn open(resume: Option<Manifest>) -> OpenRecording {
    let (recording, room) = ("rec_1".to_owned(), "r".to_owned());
    OpenRecording { recording, room, resume: resume.map(Box::new) }
}

#[test]
fn what_a_standing_disk_costs_is_counted_to_the_last_and_kept() {
    const TOO_MANY: u64 = 1234;
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    let (recorder, endings) = recorder(folder.path(), disk.clone());
    let sink = recorder.open(open(None)).unwrap();
    disk.until_reached();
    for _ in 0..QUEUE as u64 + TOO_MANY {
        sink.push(TapItem { at: Instant::now(), event: TapEvent::Speakers(Vec::new()) });
    }
    assert_eq!(recorder.dropped(), TOO_MANY, "known while the disk stands");
    disk.open();
    // Nothing follows that could tell of the losses.
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    let manifest = endings.recv().unwrap();
    assert_eq!(manifest.dropped, TOO_MANY);
    assert_eq!(read_manifest(&folder.path().join("rec_1")).unwrap(), manifest);
}

#[test]
fn a_room_that_ends_while_the_disk_stands_ends_its_recording() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    let (recorder, endings) = recorder(folder.path(), disk.clone());
    let sink = recorder.open(open(None)).unwrap();
    disk.until_reached();
    for _ in 0..QUEUE {
        sink.push(TapItem { at: Instant::now(), event: TapEvent::Speakers(Vec::new()) });
    }
    sink.push(TapItem { at: Instant::now(), event: TapEvent::RoomEnded });
    // The media threads forget a tap whose room has ended.
    drop(sink);
    disk.open();
    let manifest = endings.recv().unwrap();
    assert_eq!(manifest.ended.map(|ended| ended.reason), Some(EndReason::RoomEnded));
}

#[test]
fn a_recording_that_goes_on_keeps_its_count() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    disk.open();
    let (recorder, endings) = recorder(folder.path(), disk);
    let end = |request| {
        drop(recorder.open(request).unwrap());
        recorder.stop("rec_1", EndReason::Stopped).unwrap();
        endings.recv().unwrap()
    };
    let before = Manifest { dropped: 7, ended: None, ..end(open(None)) };
    assert_eq!(end(open(Some(before))).dropped, 7);
    assert_eq!(recorder.dropped(), 0, "that was another time");
}

const KEY: [u8; 12] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0];

fn push(sink: &TapSink, event: TapEvent) {
    sink.push(TapItem { at: Instant::now(), event });
}

fn publish(sink: &TapSink, track: &str) {
    push(
        sink,
        TapEvent::Published(TapTrack {
            track: track.into(),
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

fn packet(sink: &TapSink, track: &str, seq: u64) {
    push(
        sink,
        TapEvent::Packet(TapPacket {
            track: track.into(),
            layer: TapLayer::Top,
            codec: track::Codec::Vp8,
            ssrc: 1,
            seq,
            rtp: seq * 3000,
            clock_rate: 90_000,
            marker: true,
            payload: KEY.into(),
            sender_report: None,
        }),
    );
}

#[test]
fn packets_without_a_place_are_missed_by_their_stream_alone_and_no_track_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::<StandingDisk>::default();
    let (recorder, endings) = recorder(folder.path(), disk.clone());
    let sink = recorder.open(open(None)).unwrap();
    disk.until_reached();
    for track in ["TR_a", "TR_b"] {
        publish(&sink, track);
        packet(&sink, track, 1);
    }
    for _ in 0..QUEUE {
        push(&sink, TapEvent::Speakers(Vec::new()));
    }
    let before = recorder.dropped();
    for seq in 2..5 {
        packet(&sink, "TR_a", seq);
    }
    publish(&sink, "TR_c");
    assert_eq!(recorder.dropped(), before + 3, "a track that comes is not dropped");
    disk.open();
    recorder.stop("rec_1", EndReason::Stopped).unwrap();
    let manifest = endings.recv().unwrap();
    let gaps = read_timeline(&folder.path().join("rec_1")).into_iter().filter_map(|line| {
        let TimelineEvent::Gap { track, lost, reason, .. } = line.event else { return None };
        Some((track, lost, reason))
    });
    assert_eq!(gaps.collect::<Vec<_>>(), [("TR_a".to_owned(), 3, GapReason::Overflow)]);
    let tracks: Vec<_> = manifest.tracks.iter().map(|track| track.track.as_str()).collect();
    assert_eq!(tracks, ["TR_a", "TR_b", "TR_c"]);
}

#[test]
fn losses_are_told_before_what_comes_after_them() {
    let (queue, inbox) = mpsc::sync_channel(2);
    let (losses, dropped) = (Arc::default(), Arc::default());
    let sink = TapSink { recording: "rec_1".into(), queue, losses, dropped };
    let heard = || -> Vec<String> {
        let told = inbox.try_iter().map(|message| match message {
            Message::Lost { lost, .. } => {
                let streams = lost.iter().map(|((track, _), lost)| format!("{track} lost {lost}"));
                streams.collect::<Vec<_>>().join(", ")
            }
            Message::Item { item: TapItem { event: TapEvent::Packet(packet), .. }, .. } => {
                format!("{} {}", packet.track, packet.seq)
            }
            Message::Item { item: TapItem { event: TapEvent::Published(track), .. }, .. } => {
                format!("{} comes", track.track)
            }
            _ => "something else".to_owned(),
        });
        told.collect()
    };
    for seq in 1..=3 {
        packet(&sink, "TR_a", seq);
    }
    packet(&sink, "TR_b", 1);
    publish(&sink, "TR_c");
    assert_eq!(heard(), ["TR_a 1", "TR_a 2"]);
    packet(&sink, "TR_a", 4);
    assert_eq!(heard(), ["TR_a lost 1, TR_b lost 1", "TR_c comes"]);
    packet(&sink, "TR_a", 5);
    packet(&sink, "TR_a", 6);
    assert_eq!(heard(), ["TR_a lost 1", "TR_a 5"]);
    packet(&sink, "TR_c", 1);
    assert_eq!(heard(), ["TR_a lost 1", "TR_c 1"]);
}
