//! The recorder under paced synthetic media, with real files and real syncs.

use roombox_capture::manifest::EndReason;
use roombox_capture::{OpenRecording, Recorder, RecorderConfig, RecorderEvent, TapSink};
use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapEvent, TapItem, TapLayer, TapPacket, TapTrack};
use roombox_sfu::track::{Codec, MediaKind, TrackSource};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

pub struct Cost {
    /// CPU time of the whole process.
    pub spent: Duration,
    pub elapsed: Duration,
    pub longest_sync: Duration,
    pub bytes: u64,
    pub gaps: u64,
}

/// Packets of a video frame: 30 a second of 5 packets make 1.32 Mbit/s.
const PACKETS: u64 = 5;
const VIDEO_EVERY: Duration = Duration::from_micros(33_333);
const AUDIO_EVERY: Duration = Duration::from_millis(20);

fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct Pair {
    sink: TapSink,
    number: usize,
    video: u64,
    audio: u64,
    frame: Arc<[u8]>,
    keyframe: Arc<[u8]>,
    voice: Arc<[u8]>,
}

impl Pair {
    fn track(&self, video: bool) -> TrackId {
        let kind = if video { 'v' } else { 'a' };
        TrackId::from(format!("TR_{kind}{}", self.number))
    }

    fn push(&self, at: Instant, event: TapEvent) {
        self.sink.push(TapItem { at, event });
    }

    fn publish(&self, at: Instant) {
        for video in [true, false] {
            self.push(
                at,
                TapEvent::Published(TapTrack {
                    track: self.track(video),
                    participant: "PA_1".into(),
                    identity: "one".into(),
                    name: "One".to_owned(),
                    kind: if video { MediaKind::Video } else { MediaKind::Audio },
                    source: if video { TrackSource::Camera } else { TrackSource::Microphone },
                    muted: false,
                    encrypted: false,
                }),
            );
        }
    }

    fn packet(
        &self,
        video: bool,
        seq: u64,
        rtp: u64,
        marker: bool,
        payload: &Arc<[u8]>,
    ) -> TapEvent {
        TapEvent::Packet(TapPacket {
            track: self.track(video),
            layer: if video { TapLayer::Top } else { TapLayer::Audio },
            codec: if video { Codec::Vp8 } else { Codec::Opus },
            ssrc: self.number as u32 * 2 + u32::from(video),
            seq,
            rtp,
            clock_rate: if video { 90_000 } else { 48_000 },
            marker,
            payload: payload.clone(),
            sender_report: None,
        })
    }

    fn video(&mut self, at: Instant) {
        for n in 0..PACKETS {
            let first = match self.video.is_multiple_of(300) {
                true => &self.keyframe,
                false => &self.frame,
            };
            let payload = if n == 0 { first } else { &self.voice };
            let seq = 1000 + self.video * PACKETS + n;
            self.push(at, self.packet(true, seq, self.video * 3000, n + 1 == PACKETS, payload));
        }
        self.video += 1;
    }

    fn audio(&mut self, at: Instant) {
        let event =
            self.packet(false, 1000 + self.audio, self.audio * 960, true, &self.voice[..80].into());
        self.push(at, event);
        self.audio += 1;
    }
}

/// The first packet of a VP8 frame of 1280 × 720 (RFC 7741 §4.2, RFC 6386 §9.1).
fn vp8(keyframe: bool) -> Arc<[u8]> {
    let mut payload = vec![0x5a; 1100];
    let head: [u8; 11] = [0x10, !u8::from(keyframe) & 1, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2];
    payload[..11].copy_from_slice(&head);
    payload.into()
}

/// So many pairs, a recording for each four of them, for so long.
pub fn cost(pairs: usize, length: Duration) -> Cost {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ended, endings) = mpsc::channel();
    let recorder = Recorder::start(RecorderConfig::new(folder.path(), 0), move |event| {
        if let RecorderEvent::Ended { manifest, .. } = event {
            ended.send(*manifest).unwrap_or_default();
        }
    })
    .expect("the recorder starts");
    let rooms = pairs.div_ceil(4);
    let open = |room: usize| OpenRecording {
        recording: format!("rec_{room}"),
        room: format!("room {room}"),
        resume: None,
    };
    let sinks: Vec<TapSink> =
        (0..rooms).map(|room| recorder.open(open(room)).expect("a recording begins")).collect();
    let mut voice = vec![0x0f; 1100];
    // The packets of a frame after the first do not begin a partition.
    voice[0] = 0;
    let voice: Arc<[u8]> = voice.into();
    let mut all: Vec<Pair> = (0..pairs)
        .map(|number| Pair {
            sink: sinks[number / 4].clone(),
            number,
            video: 0,
            audio: 0,
            frame: vp8(false),
            keyframe: vp8(true),
            voice: voice.clone(),
        })
        .collect();
    let start = Instant::now();
    all.iter().for_each(|pair| pair.publish(start));
    let before = process_cpu();
    let (mut next_video, mut next_audio) = (start, start);
    while start.elapsed() < length {
        let next = next_video.min(next_audio);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        if now >= next_video {
            all.iter_mut().for_each(|pair| pair.video(now));
            next_video += VIDEO_EVERY;
        }
        if now >= next_audio {
            all.iter_mut().for_each(|pair| pair.audio(now));
            next_audio += AUDIO_EVERY;
        }
    }
    let (spent, elapsed) = (process_cpu().saturating_sub(before), start.elapsed());
    let gaps = (0..rooms)
        .filter_map(|room| recorder.figures(&format!("rec_{room}")))
        .map(|figures| figures.gaps)
        .sum();
    for room in 0..rooms {
        recorder.stop(&format!("rec_{room}"), EndReason::Stopped).expect("the recorder runs");
    }
    let bytes = endings
        .iter()
        .take(rooms)
        .flat_map(|manifest| manifest.parts)
        .filter_map(|part| part.bytes)
        .sum();
    let longest_sync = recorder.longest_sync();
    recorder.shutdown();
    Cost { spent, elapsed, longest_sync, bytes, gaps }
}
