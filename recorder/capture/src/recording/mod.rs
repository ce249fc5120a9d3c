//! One running recording: from what a tap saw to parts, timeline and manifest.
//!
//! Runs on the writer's thread. Times are microseconds since the recording's start and arguments.

mod captions;
#[cfg(test)]
mod faults;
mod ledger;
mod names;
mod stream;

use crate::captions::Captions;
use crate::clock::SenderClock;
use crate::folder::RecordingFolder;
use crate::manifest::{EndReason, Ended, Manifest, RecordedTrack};
use crate::timeline::TimelineEvent;
use ledger::Ledger;
pub(crate) use ledger::Round;
use names::{kind_of, source_of};
use roombox_sfu::ids::{ParticipantId, TrackId};
use roombox_sfu::tap::{TapEvent, TapLayer, TapPacket, TapTrack};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use stream::Stream;

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

struct Track {
    participant: ParticipantId,
    recorded: bool,
}

/// A running recording.
pub(crate) struct Recording {
    ledger: Ledger,
    tracks: HashMap<TrackId, Track>,
    streams: HashMap<(TrackId, TapLayer), Stream>,
    senders: HashMap<ParticipantId, SenderClock>,
    /// Who speaks now, loudest first.
    speaking: Vec<String>,
    captions: Captions,
    /// Pictures that were recorded when it was paused.
    pictures: Vec<(TrackId, TapLayer)>,
    /// Packets that were dropped before an interruption.
    dropped_before: u64,
    /// Counted by whoever fills the queue: also what is dropped last is in it.
    dropped: Arc<AtomicU64>,
}

impl Recording {
    pub(crate) fn new(
        folder: RecordingFolder,
        manifest: Manifest,
        cluster_us: i64,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        Self {
            dropped_before: manifest.dropped,
            dropped,
            ledger: Ledger::new(folder, manifest, cluster_us),
            tracks: HashMap::new(),
            streams: HashMap::new(),
            senders: HashMap::new(),
            speaking: Vec::new(),
            captions: Captions::default(),
            pictures: Vec::new(),
        }
    }

    /// Bytes in open and sealed parts.
    pub(crate) fn bytes(&self) -> u64 {
        self.ledger.sealed_bytes() + self.streams.values().map(Stream::bytes).sum::<u64>()
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn gaps(&self) -> u64 {
        self.ledger.gaps
    }

    /// Packets that were not written because the disk was too slow.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped_before + self.dropped.load(Ordering::Relaxed)
    }

    fn note_dropped(&mut self) {
        let dropped = self.dropped();
        if dropped != self.ledger.manifest.dropped {
            self.ledger.change_manifest(|manifest| manifest.dropped = dropped);
        }
    }

    pub(crate) fn log(&mut self, t: u64, event: TimelineEvent) {
        self.ledger.log(t, event);
    }

    /// Has the manifest written in the next round.
    pub(crate) fn touch_manifest(&mut self) {
        self.ledger.change_manifest(|_| {});
    }

    pub(crate) fn take_round(&mut self) -> Option<Round> {
        self.ledger.take_round()
    }

    pub(crate) fn item(&mut self, t: u64, event: TapEvent, wishes: &mut Vec<Wish>) {
        match event {
            TapEvent::Joined { participant, identity, name } => {
                let (participant, identity) = (participant.to_string(), identity.to_string());
                self.log(t, TimelineEvent::Join { participant, identity, name });
            }
            TapEvent::Left { participant } => {
                self.senders.remove(&participant);
                self.silenced(t, &participant);
                self.log(t, TimelineEvent::Leave { participant: participant.to_string() });
            }
            TapEvent::Published(track) => self.published(t, &track, wishes),
            TapEvent::Unpublished { track } => {
                for layer in [TapLayer::Audio, TapLayer::Top, TapLayer::Low, TapLayer::Screen] {
                    self.close_stream(t, &(track.clone(), layer));
                }
                self.tracks.remove(&track);
                self.log(t, TimelineEvent::Unpub { track: track.to_string() });
            }
            TapEvent::Muted { track, muted } => {
                let track = track.to_string();
                let event = match muted {
                    true => TimelineEvent::Mute { track },
                    false => TimelineEvent::Unmute { track },
                };
                self.log(t, event);
            }
            TapEvent::Speakers(ids) => {
                self.speaking = ids.iter().map(ToString::to_string).collect();
                if !self.ledger.manifest.paused {
                    let participants = self.speaking.clone();
                    self.log(t, TimelineEvent::Speaker { participants });
                }
            }
            TapEvent::Packet(packet) => self.packet(t, &packet, wishes),
            TapEvent::RoomEnded => wishes.push(Wish::End(EndReason::RoomEnded)),
        }
    }

    /// Pauses or goes on. Who comes and goes is still told; what they send, and who speaks, is not
    /// kept.
    pub(crate) fn pause(&mut self, t: u64, paused: bool, wishes: &mut Vec<Wish>) {
        if self.ledger.manifest.paused == paused {
            return;
        }
        self.ledger.change_manifest(|manifest| manifest.paused = paused);
        let speak = |participants| TimelineEvent::Speaker { participants };
        if paused {
            // A picture that stands still may not send again for long.
            self.pictures = self
                .streams
                .keys()
                .filter(|(_, layer)| *layer != TapLayer::Audio)
                .cloned()
                .collect();
            self.close_streams(t);
            self.cut_captions(t);
            self.log(t, TimelineEvent::Pause);
            self.log(t, speak(Vec::new()));
            return;
        }
        self.log(t, TimelineEvent::Resume);
        self.log(t, speak(self.speaking.clone()));
        let known = std::mem::take(&mut self.pictures).into_iter();
        let still_there = known.filter(|(track, _)| self.tracks.contains_key(track));
        wishes.extend(still_there.map(|(track, layer)| Wish::Keyframe { track, layer }));
    }

    fn close_streams(&mut self, t: u64) {
        let keys: Vec<_> = self.streams.keys().cloned().collect();
        for key in keys {
            self.close_stream(t, &key);
        }
    }

    /// Packets that found the queue full.
    pub(crate) fn lost(&mut self, lost: &BTreeMap<(TrackId, TapLayer), u64>) {
        if lost.is_empty() {
            return;
        }
        tracing::warn!(recording = %self.ledger.manifest.recording,
            packets = lost.values().sum::<u64>(), streams = lost.len(),
            "the recorder is too slow: packets were dropped");
        for (stream, packets) in lost {
            if let Some(stream) = self.streams.get_mut(stream) {
                stream.overflow(*packets);
            }
        }
    }

    fn published(&mut self, t: u64, track: &TapTrack, wishes: &mut Vec<Wish>) {
        let recorded = !track.encrypted;
        if !recorded {
            let why = "it is encrypted end to end";
            wishes.push(Wish::Refused { track: track.track.clone(), why });
        }
        let (kind, source) = (kind_of(track.kind), source_of(track.source));
        let participant = track.participant.to_string();
        let (identity, name) = (track.identity.to_string(), track.name.clone());
        if recorded {
            self.ledger.add_track(RecordedTrack {
                track: track.track.to_string(),
                participant: participant.clone(),
                identity: identity.clone(),
                name,
                kind,
                source,
            });
        }
        let (muted, id) = (track.muted, track.track.to_string());
        self.log(t, TimelineEvent::Pub { track: id, participant, identity, kind, source, muted });
        let participant = track.participant.clone();
        self.tracks.insert(track.track.clone(), Track { participant, recorded });
    }

    fn packet(&mut self, t: u64, packet: &TapPacket, wishes: &mut Vec<Wish>) {
        if self.ledger.manifest.paused {
            return;
        }
        let Some(track) = self.tracks.get(&packet.track).filter(|track| track.recorded) else {
            return;
        };
        let participant = track.participant.clone();
        let key = (packet.track.clone(), packet.layer);
        if self.streams.get(&key).is_some_and(|stream| !stream.owns(packet)) {
            self.close_stream(t, &key);
        }
        let sender = self.senders.entry(participant).or_default();
        let stream = self.streams.entry(key).or_insert_with(|| Stream::new(t, packet));
        stream.packet(t, packet, sender, &mut self.ledger);
        if stream.receiver.keyframe_needed(t) {
            wishes.push(Wish::Keyframe { track: packet.track.clone(), layer: packet.layer });
        }
    }

    fn close_stream(&mut self, t: u64, key: &(TrackId, TapLayer)) {
        let Some(stream) = self.streams.remove(key) else { return };
        let mut unknown = SenderClock::default();
        let track = self.tracks.get(&key.0);
        let sender = track.and_then(|track| self.senders.get_mut(&track.participant));
        stream.close(t, sender.unwrap_or(&mut unknown), &mut self.ledger);
    }

    /// Regular care of all streams.
    pub(crate) fn tick(&mut self, t: u64, wishes: &mut Vec<Wish>) {
        self.note_dropped();
        self.settle_captions(t);
        for ((track, layer), stream) in &mut self.streams {
            let Some(known) = self.tracks.get(track) else { continue };
            let sender = self.senders.entry(known.participant.clone()).or_default();
            stream.tick(t, sender, &mut self.ledger);
            if stream.receiver.keyframe_needed(t) {
                wishes.push(Wish::Keyframe { track: track.clone(), layer: *layer });
            }
        }
    }

    /// Seals everything. The round makes it durable, and with it the manifest that says the reason.
    pub(crate) fn end(mut self, t: u64, reason: EndReason) -> (Option<Round>, Manifest) {
        self.close_streams(t);
        self.cut_captions(t);
        self.log(t, TimelineEvent::End { reason });
        self.note_dropped();
        self.ledger.change_manifest(|manifest| manifest.ended = Some(Ended { reason, at_us: t }));
        (self.ledger.take_round(), self.ledger.manifest)
    }
}
