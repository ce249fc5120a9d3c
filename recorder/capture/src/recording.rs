//! One running recording: from what a tap saw to parts, timeline and manifest.
//!
//! Runs on the writer thread. Times are microseconds since the recording's start and arguments.

use crate::clock::{SenderClock, StreamClock};
use crate::depacketise::Configuration;
use crate::error::CaptureError;
use crate::folder::{RecordingFolder, sync_parent};
use crate::manifest::{
    Codec, EndReason, Ended, Manifest, MediaKind, Part, RecordedLayer, RecordedTrack, TrackSource,
};
use crate::matroska::{PartFormat, PartWriter};
use crate::receiver::{Missing, ReceivedFrame, Receiver};
use crate::timeline::{GapReason, TimelineEvent};
use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapEvent, TapLayer, TapPacket, TapTrack};
use roombox_sfu::track as sfu;
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

/// A part is not longer than this: short parts upload, resume and fail in small pieces.
const PART_US: u64 = 300_000_000;
/// A stream that was away for longer goes on in a new part.
const PART_GAP_US: i64 = 10_000_000;
/// Reports that are logged: the first ones, then one in this time.
const REPORT_US: u64 = 5_000_000;

/// What the recording wants of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Keyframe {
        track: TrackId,
        layer: TapLayer,
    },
    /// A track is not recorded.
    Refused {
        track: TrackId,
        why: &'static str,
    },
    /// The room is over.
    End(EndReason),
}

struct OpenPart {
    writer: PartWriter,
    /// Index in the manifest.
    index: usize,
    configuration: Configuration,
    start_us: u64,
}

struct Stream {
    ssrc: u32,
    codec: Codec,
    receiver: Receiver,
    clock: StreamClock,
    part: Option<OpenPart>,
    last_report: Option<(u64, u64)>,
    gap_since_us: Option<(u64, u64)>,
}

struct Track {
    participant: String,
    recorded: bool,
}

/// A running recording.
pub(crate) struct Recording {
    folder: RecordingFolder,
    manifest: Manifest,
    tracks: HashMap<TrackId, Track>,
    streams: HashMap<(TrackId, TapLayer), Stream>,
    senders: HashMap<String, SenderClock>,
    next_part: HashMap<(String, RecordedLayer), u32>,
    manifest_stale: bool,
    pub(crate) gaps: u64,
}

impl Recording {
    pub(crate) fn new(folder: RecordingFolder, manifest: Manifest) -> Result<Self, CaptureError> {
        let mut next_part = HashMap::new();
        for part in &manifest.parts {
            let next = next_part.entry((part.track.clone(), part.layer)).or_insert(0);
            *next = (*next).max(part.number + 1);
        }
        folder.write_manifest(&manifest)?;
        Ok(Self {
            folder,
            manifest,
            tracks: HashMap::new(),
            streams: HashMap::new(),
            senders: HashMap::new(),
            next_part,
            manifest_stale: false,
            gaps: 0,
        })
    }

    /// Files that may hold data that is not durable.
    pub(crate) fn files(&self) -> Vec<Arc<File>> {
        let parts = self.streams.values().filter_map(|stream| stream.part.as_ref());
        parts.map(|part| part.writer.file()).chain([self.folder.timeline_file()]).collect()
    }

    /// Bytes in open and sealed parts.
    pub(crate) fn bytes(&self) -> u64 {
        let sealed: u64 = self.manifest.parts.iter().filter_map(|part| part.bytes).sum();
        let open = self.streams.values().filter_map(|stream| stream.part.as_ref());
        sealed + open.map(|part| part.writer.bytes()).sum::<u64>()
    }

    pub(crate) fn tracks(&self) -> usize {
        self.streams.len()
    }

    /// Logs an event; a timeline that cannot be written does not stop the media.
    pub(crate) fn log(&self, t: u64, event: TimelineEvent) {
        if let Err(error) = self.folder.log(t, event) {
            tracing::warn!(recording = %self.manifest.recording, %error, "an event is lost");
        }
    }

    pub(crate) fn item(&mut self, t: u64, event: TapEvent, wishes: &mut Vec<Wish>) {
        match event {
            TapEvent::Joined { participant, identity, name } => {
                let (participant, identity) = (participant.to_string(), identity.to_string());
                self.log(t, TimelineEvent::Join { participant, identity, name });
            }
            TapEvent::Left { participant } => {
                self.senders.remove(participant.as_str());
                self.log(t, TimelineEvent::Leave { participant: participant.to_string() });
            }
            TapEvent::Published(track) => self.published(t, &track, wishes),
            TapEvent::Unpublished { track } => {
                let layers: Vec<_> =
                    self.streams.keys().filter(|(id, _)| *id == track).cloned().collect();
                for key in layers {
                    self.close_stream(t, &key);
                }
                self.tracks.remove(&track);
                self.log(t, TimelineEvent::Unpub { track: track.to_string() });
            }
            TapEvent::Muted { track, muted } => {
                let track = track.to_string();
                self.log(
                    t,
                    match muted {
                        true => TimelineEvent::Mute { track },
                        false => TimelineEvent::Unmute { track },
                    },
                );
            }
            TapEvent::Speakers(ids) => {
                let participants = ids.iter().map(ToString::to_string).collect();
                self.log(t, TimelineEvent::Speaker { participants });
            }
            TapEvent::Packet(packet) => self.packet(t, &packet),
            TapEvent::Dropped(count) => {
                tracing::warn!(recording = %self.manifest.recording, count,
                    "the recorder is too slow: packets were dropped");
                for stream in self.streams.values_mut() {
                    stream.receiver.overflow();
                    stream.gap_since_us.get_or_insert((t, count));
                }
            }
            TapEvent::RoomEnded => wishes.push(Wish::End(EndReason::RoomEnded)),
        }
    }

    fn published(&mut self, t: u64, track: &TapTrack, wishes: &mut Vec<Wish>) {
        let recorded = !track.encrypted;
        if !recorded {
            let why = "it is encrypted end to end";
            wishes.push(Wish::Refused { track: track.track.clone(), why });
        }
        let participant = track.participant.to_string();
        let (kind, source) = (kind_of(track.kind), source_of(track.source));
        self.log(
            t,
            TimelineEvent::Pub {
                track: track.track.to_string(),
                participant: participant.clone(),
                identity: track.identity.to_string(),
                kind,
                source,
                muted: track.muted,
            },
        );
        if recorded && !self.manifest.tracks.iter().any(|t| t.track == track.track.as_str()) {
            self.manifest.tracks.push(RecordedTrack {
                track: track.track.to_string(),
                participant: participant.clone(),
                identity: track.identity.to_string(),
                name: track.name.clone(),
                kind,
                source,
            });
            self.manifest_stale = true;
        }
        self.tracks.insert(track.track.clone(), Track { participant, recorded });
    }

    fn packet(&mut self, t: u64, packet: &TapPacket) {
        let Some(track) = self.tracks.get(&packet.track).filter(|track| track.recorded) else {
            return;
        };
        let participant = track.participant.clone();
        let key = (packet.track.clone(), packet.layer);
        if self.streams.get(&key).is_some_and(|stream| stream.ssrc != packet.ssrc) {
            self.close_stream(t, &key);
        }
        if !self.streams.contains_key(&key) {
            let codec = codec_of(packet.codec);
            let Some(receiver) = Receiver::new(codec) else {
                if let Some(track) = self.tracks.get_mut(&packet.track) {
                    track.recorded = false;
                    tracing::warn!(track = %packet.track, ?codec, "this codec is not recorded");
                }
                return;
            };
            let stream = Stream {
                ssrc: packet.ssrc,
                codec,
                receiver,
                clock: StreamClock::new(packet.clock_rate),
                part: None,
                last_report: None,
                gap_since_us: None,
            };
            self.streams.insert(key.clone(), stream);
        }
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if let Some(report) = packet.sender_report {
            let known = stream.last_report.map(|(ntp, _)| ntp);
            if known != Some(report.ntp_us) {
                let logged = stream.last_report.map(|(_, at)| at);
                let due = logged.is_none_or(|at| t >= at + REPORT_US);
                stream.last_report =
                    Some((report.ntp_us, if due { t } else { logged.unwrap_or(t) }));
                self.senders.entry(participant).or_default().report(t, report.ntp_us);
                stream.clock.report(packet.rtp, report.rtp, report.ntp_us);
                if due {
                    self.log(
                        t,
                        TimelineEvent::Sr {
                            track: packet.track.to_string(),
                            layer: layer_of(packet.layer),
                            ntp: ntp_64(report.ntp_us),
                            rtp: report.rtp,
                        },
                    );
                }
            }
        }
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.receiver.packet(t, packet);
        }
        self.drain(t, &key);
    }

    /// Writes what is complete in one stream.
    fn drain(&mut self, t: u64, key: &(TrackId, TapLayer)) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let (mut frames, mut losses) = (Vec::new(), Vec::new());
        stream.receiver.poll(t, |frame| frames.push(frame), |missing| losses.push(missing));
        for Missing { at_us, packets } in losses {
            let since = stream.gap_since_us.get_or_insert((at_us, 0));
            since.1 += packets;
        }
        for frame in frames {
            if let Err(error) = self.frame(key, frame) {
                tracing::error!(recording = %self.manifest.recording, track = %key.0, %error,
                    "a part cannot be written: it ends here");
                self.close_stream(t, key);
                return;
            }
        }
    }

    fn frame(
        &mut self,
        key: &(TrackId, TapLayer),
        received: ReceivedFrame,
    ) -> Result<(), CaptureError> {
        let default = SenderClock::default();
        let sender = self
            .tracks
            .get(&key.0)
            .and_then(|track| self.senders.get(&track.participant))
            .unwrap_or(&default);
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        let ReceivedFrame { frame, rtp, arrived_us } = received;
        let time = stream.clock.time(sender, rtp, arrived_us).max(0) as u64;
        if let Some((from, lost)) = stream.gap_since_us.take() {
            let (track, layer) = (key.0.to_string(), layer_of(key.1));
            let reason = GapReason::Loss;
            self.gaps += 1;
            self.log(time, TimelineEvent::Gap { track, layer, from, to: time, lost, reason });
        }
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        let ends = stream.part.as_ref().is_some_and(|part| {
            let offset = time as i64 - part.start_us as i64;
            let changed = frame.configuration.as_ref().is_some_and(|c| *c != part.configuration);
            let away = offset - part.writer.last_us() > PART_GAP_US;
            let long = frame.keyframe && offset > PART_US as i64;
            changed || away || long
        });
        if ends {
            self.seal_part(key, time);
        }
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        if stream.part.is_none() {
            if !frame.keyframe {
                return Ok(());
            }
            self.open_part(key, time, frame.configuration.clone().unwrap_or_default())?;
        }
        let part = self.streams.get_mut(key).and_then(|stream| stream.part.as_mut());
        let Some(part) = part else { return Ok(()) };
        let offset = time as i64 - part.start_us as i64;
        part.writer.frame(offset.max(0), frame.keyframe, &frame.data)
    }

    fn open_part(
        &mut self,
        key: &(TrackId, TapLayer),
        start_us: u64,
        configuration: Configuration,
    ) -> Result<(), CaptureError> {
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        let (track, layer) = (key.0.to_string(), layer_of(key.1));
        let next = self.next_part.entry((track.clone(), layer)).or_insert(0);
        let number = *next;
        *next += 1;
        let name = format!("{}.{}.{number}.mkv", file_name(&track), layer.file_stem());
        let path = self.folder.tracks().join(&name);
        let format = PartFormat {
            codec: stream.codec,
            codec_private: configuration.codec_private.clone(),
            width: configuration.width,
            height: configuration.height,
        };
        let file = format!("tracks/{name}");
        self.manifest.parts.push(Part {
            file: file.clone(),
            track: track.clone(),
            layer,
            codec: stream.codec,
            number,
            start_us,
            end_us: None,
            bytes: None,
            width: configuration.width,
            height: configuration.height,
        });
        let writer = PartWriter::create(&path, &format);
        let synced = sync_parent(&path);
        let index = self.manifest.parts.len() - 1;
        let writer = match (writer, synced) {
            (Ok(writer), Ok(())) => writer,
            (Err(error), _) => {
                self.manifest.parts.pop();
                return Err(error);
            }
            (_, Err(source)) => return Err(CaptureError::OpenPart { path, source }),
        };
        stream.part = Some(OpenPart { writer, index, configuration, start_us });
        self.folder.write_manifest(&self.manifest)?;
        self.manifest_stale = false;
        self.log(start_us, TimelineEvent::Part { track, layer, file });
        Ok(())
    }

    fn seal_part(&mut self, key: &(TrackId, TapLayer), at_us: u64) {
        let Some(part) = self.streams.get_mut(key).and_then(|stream| stream.part.take()) else {
            return;
        };
        let entry = &mut self.manifest.parts[part.index];
        let last_us = part.start_us + part.writer.last_us().max(0) as u64;
        entry.end_us = Some(last_us.max(entry.start_us));
        let file = part.writer.file();
        match part.writer.seal() {
            Ok(bytes) => entry.bytes = Some(bytes),
            Err(error) => {
                tracing::error!(recording = %self.manifest.recording, %error,
                    "a part could not be sealed: repair will mend it");
                entry.end_us = None;
            }
        }
        if let Err(error) = file.sync_all() {
            tracing::warn!(recording = %self.manifest.recording, %error, "a part is not durable");
        }
        tracing::debug!(recording = %self.manifest.recording, at_us, "part sealed");
        self.manifest_stale = true;
    }

    fn close_stream(&mut self, t: u64, key: &(TrackId, TapLayer)) {
        self.drain_rest(t, key);
        self.seal_part(key, t);
        self.streams.remove(key);
    }

    /// Everything that waits behind a gap is let go, as if the wait were over.
    fn drain_rest(&mut self, t: u64, key: &(TrackId, TapLayer)) {
        const FOREVER_US: u64 = 60_000_000;
        self.drain(t + FOREVER_US, key);
    }

    /// Regular care: deadlines, clusters that are due, keyframes, the manifest.
    pub(crate) fn tick(&mut self, t: u64, wishes: &mut Vec<Wish>) {
        let keys: Vec<_> = self.streams.keys().cloned().collect();
        for key in keys {
            self.drain(t, &key);
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            if stream.receiver.keyframe_needed(t) {
                wishes.push(Wish::Keyframe { track: key.0.clone(), layer: key.1 });
            }
            let due = stream.part.as_ref().is_some_and(|part| {
                let since = part.writer.pending_since_us();
                since.is_some_and(|since| {
                    t.saturating_sub(part.start_us) as i64 - since >= crate::matroska::CLUSTER_US
                })
            });
            if due
                && let Some(part) = &mut stream.part
                && let Err(error) = part.writer.flush()
            {
                tracing::error!(recording = %self.manifest.recording, track = %key.0, %error,
                    "a part cannot be written: it ends here");
                self.close_stream(t, &key);
            }
        }
        if self.manifest_stale {
            match self.folder.write_manifest(&self.manifest) {
                Ok(()) => self.manifest_stale = false,
                Err(error) => {
                    tracing::warn!(recording = %self.manifest.recording, %error,
                        "the manifest is not up to date");
                }
            }
        }
    }

    /// Seals everything. The manifest says the reason.
    pub(crate) fn end(mut self, t: u64, reason: EndReason) -> Manifest {
        let keys: Vec<_> = self.streams.keys().cloned().collect();
        for key in keys {
            self.close_stream(t, &key);
        }
        self.log(t, TimelineEvent::End { reason });
        self.manifest.ended = Some(Ended { reason, at_us: t });
        if let Err(error) = self.folder.timeline_file().sync_all() {
            tracing::warn!(recording = %self.manifest.recording, %error, "timeline not durable");
        }
        if let Err(error) = self.folder.write_manifest(&self.manifest) {
            tracing::error!(recording = %self.manifest.recording, %error,
                "the manifest could not be ended: the next start will do it");
        }
        self.manifest
    }
}

/// Track ids come from a door: only harmless characters may reach the disk.
fn file_name(track: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = track.chars().filter(|c| harmless(*c)).take(64).collect();
    if name.is_empty() { "track".to_owned() } else { name }
}

/// Microseconds since 1900 as a 64-bit NTP timestamp (RFC 5905 §6).
fn ntp_64(us: u64) -> u64 {
    let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
    (seconds << 32) | ((rest << 32) / 1_000_000)
}

fn layer_of(layer: TapLayer) -> RecordedLayer {
    match layer {
        TapLayer::Audio => RecordedLayer::Audio,
        TapLayer::Top => RecordedLayer::Top,
        TapLayer::Low => RecordedLayer::Low,
        TapLayer::Screen => RecordedLayer::Screen,
    }
}

fn codec_of(codec: sfu::Codec) -> Codec {
    match codec {
        sfu::Codec::Opus => Codec::Opus,
        sfu::Codec::Vp8 => Codec::Vp8,
        sfu::Codec::Vp9 => Codec::Vp9,
        sfu::Codec::Av1 => Codec::Av1,
        sfu::Codec::H264 => Codec::H264,
    }
}

fn kind_of(kind: sfu::MediaKind) -> MediaKind {
    match kind {
        sfu::MediaKind::Audio => MediaKind::Audio,
        sfu::MediaKind::Video => MediaKind::Video,
    }
}

fn source_of(source: sfu::TrackSource) -> TrackSource {
    match source {
        sfu::TrackSource::Camera => TrackSource::Camera,
        sfu::TrackSource::Microphone => TrackSource::Microphone,
        sfu::TrackSource::ScreenShare => TrackSource::ScreenShare,
        sfu::TrackSource::ScreenShareAudio => TrackSource::ScreenShareAudio,
        sfu::TrackSource::Unknown => TrackSource::Unknown,
    }
}
