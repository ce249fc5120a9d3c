//! A published track: who gets it, and which of its layers a recording gets.

use crate::command::TrackSettings;
use crate::dynacast::Demand;
use crate::forward::{Belongs, Forward};
use crate::layers::Layers;
use crate::peer::{IngressPacket, Mid};
use crate::relay::{Early, RelayTo};
use crate::speakers::Loudness;
use crate::tap::{TapId, TapLayer};
use crate::track::{Codec, MediaKind, TrackSource, VideoCodecs};
use crate::view::TrackInfo;
use std::time::Instant;

/// Height that the recorder's small layer should have.
const LOW_HEIGHT: u32 = 360;

/// What one tap takes of a track.
#[derive(Debug)]
pub(crate) struct Tapped {
    pub tap: TapId,
    /// Layer that is delivered as [`TapLayer::Top`] (or audio, or screen).
    top: Option<usize>,
    low: Option<usize>,
}

pub(crate) struct Published {
    pub info: TrackInfo,
    /// Slab keys.
    pub participant: usize,
    pub room: usize,
    pub mid: Mid,
    pub wanted_codec: Option<Codec>,
    /// In which it may come: those of its room when it began.
    pub codecs: VideoCodecs,
    pub no_red: bool,
    pub announced: bool,
    pub had_subscriber: bool,
    pub layers: Layers,
    pub forwards: Vec<Forward>,
    pub taps: Vec<Tapped>,
    /// Other shards that get it.
    pub relays: Vec<RelayTo>,
    /// What other shards want of it in rooms to which it has not been moved yet, as far as this one knows.
    pub early: Vec<Early>,
    /// What its shard was told last of what is wanted here, where that is another one: the best layer,
    /// and whether a subscriber wants it.
    pub wanted_far: Option<(Option<usize>, bool)>,
    pub loudness: Loudness,
    /// When a voice, or any other sound, was last to be heard.
    pub heard_at: Option<Instant>,
    pub demand: Demand,
    /// Slab key of its second encoding, or of the track that this is the second of.
    pub backup: Option<usize>,
    pub backup_of: Option<usize>,
}

impl Published {
    pub(crate) fn new(
        info: TrackInfo,
        wanted_codec: Option<Codec>,
        no_red: bool,
        participant: usize,
        room: usize,
        mid: Mid,
    ) -> Self {
        let layers = Layers::new(info.kind, &info.layers);
        Self {
            info,
            participant,
            room,
            mid,
            wanted_codec,
            codecs: VideoCodecs::default(),
            no_red,
            announced: false,
            had_subscriber: false,
            demand: Demand::of(layers.len()),
            layers,
            forwards: Vec::new(),
            taps: Vec::new(),
            relays: Vec::new(),
            early: Vec::new(),
            wanted_far: None,
            loudness: Loudness::default(),
            heard_at: None,
            backup: None,
            backup_of: None,
        }
    }

    /// The layer that a packet from another shard belongs to, which counts it as `stream`.
    pub(crate) fn belongs_far(&mut self, packet: &IngressPacket, stream: usize) -> Belongs {
        if packet.rid.is_some() && !self.layers.one_stream() {
            self.layers.call(stream, packet.rid);
        }
        self.belongs(packet)
    }

    /// Packets of the stream that carries a layer are missing: who follows it begins anew.
    pub(crate) fn start_stream_anew(&mut self, layer: usize) {
        let stream = self.layers.stream_of(layer);
        for forward in &mut self.forwards {
            if forward.current.is_some_and(|current| self.layers.stream_of(current) == stream) {
                forward.start_anew();
            }
        }
    }

    /// The layer that a packet belongs to.
    pub(crate) fn belongs(&mut self, packet: &IngressPacket) -> Belongs {
        let (belongs, found) = self.layers.belongs(packet);
        if found > 0 {
            self.forwards.iter_mut().for_each(|forward| forward.layers_were_found_below(found));
            self.demand = Demand::of(self.layers.len());
        }
        belongs
    }

    /// Layers of which somebody still waits for a keyframe.
    pub(crate) fn keyframes_due(&self) -> Vec<usize> {
        let waiting = self.forwards.iter().filter(|f| f.needs_keyframe()).map(|f| f.wanted());
        let mut due: Vec<usize> = self
            .layers
            .keyframes_due()
            .chain(waiting)
            .filter(|layer| self.layers.sends(*layer))
            .collect();
        due.sort_unstable();
        due.dedup();
        due
    }

    pub(crate) fn open_tap(&mut self, tap: TapId) {
        if !self.taps.iter().any(|tapped| tapped.tap == tap) {
            self.taps.push(Tapped { tap, top: None, low: None });
        }
    }

    /// Layers that a tap would like best now: top, and low where that differs.
    fn tap_wishes(&self) -> (usize, Option<usize>) {
        let top = self.layers.choose(&TrackSettings::default());
        if self.layers.one_stream() {
            return (self.layers.stream_of(top), None);
        }
        if self.info.kind == MediaKind::Audio || self.info.source == TrackSource::ScreenShare {
            return (top, None);
        }
        (top, self.layers.nearest(LOW_HEIGHT, top))
    }

    /// As which layer each tap gets a packet of `layer`. `starts` says that decoding can start at
    /// it: taps change layers only there, or when their present layer is silent.
    pub(crate) fn tap_layers(
        &mut self,
        layer: usize,
        starts: bool,
        mut deliver: impl FnMut(TapId, TapLayer),
    ) {
        if self.taps.is_empty() {
            return;
        }
        let (top, low) = self.tap_wishes();
        // A stream is recorded whole.
        let layer = self.layers.stream_of(layer);
        let screen = self.info.source == TrackSource::ScreenShare;
        let top_name = match self.info.kind {
            MediaKind::Audio => TapLayer::Audio,
            MediaKind::Video if screen => TapLayer::Screen,
            MediaKind::Video => TapLayer::Top,
        };
        let Self { taps, layers, .. } = self;
        for tapped in taps {
            for (current, wanted, name) in
                [(&mut tapped.top, Some(top), top_name), (&mut tapped.low, low, TapLayer::Low)]
            {
                let alive = current.is_some_and(|n| layers.sends(n));
                if *current != wanted && wanted == Some(layer) && (starts || !alive) {
                    *current = wanted;
                } else if wanted.is_none() && !alive {
                    *current = None;
                }
                if *current == Some(layer) {
                    deliver(tapped.tap, name);
                }
            }
        }
    }

    /// The layer behind a tap's layer name.
    pub(crate) fn tapped_layer(&self, tap: TapId, name: TapLayer) -> Option<usize> {
        let (top, low) = self.tap_wishes();
        let tapped = self.taps.iter().find(|tapped| tapped.tap == tap)?;
        match name {
            TapLayer::Low => tapped.low.or(low),
            _ => tapped.top.or(Some(top)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::LayerInfo;
    use std::time::Duration;

    fn published(rids: &[&str]) -> Published {
        let layers = rids.iter().zip(1..).map(|(rid, n)| LayerInfo {
            rid: (*rid).to_owned(),
            width: 320 * n,
            height: 180 * n,
            bitrate: 0,
        });
        let info = TrackInfo {
            id: "TR_1".into(),
            name: String::new(),
            kind: MediaKind::Video,
            source: TrackSource::Camera,
            muted: false,
            width: 0,
            height: 0,
            encrypted: false,
            layers: layers.collect(),
            codec: None,
            red: false,
            mid: "0".to_owned(),
            note: [].into(),
        };
        Published::new(info, None, false, 0, 0, Mid::from("0"))
    }

    #[test]
    fn a_tap_gets_one_stream_whole_whatever_layers_it_has_at_the_moment() {
        let now = Instant::now();
        let mut track = published(&["q", "h", "f"]);
        track.layers.carry_all_in_one(3, &[]);
        track.open_tap(TapId(1));
        let mut delivered = Vec::new();
        for (layers, starts) in [(3, true), (1, false), (3, false)] {
            for layer in 0..layers {
                track.layers.heard(layer, now);
                track.tap_layers(layer, starts && layer == 0, |_, name| {
                    delivered.push((layer, name));
                });
            }
        }
        let top = |layer| (layer, TapLayer::Top);
        assert_eq!(delivered, [0, 1, 2, 0, 0, 1, 2].map(top));
    }

    #[test]
    fn keyframe_requests_are_spaced_and_not_forgotten() {
        let now = Instant::now();
        let soon = Duration::from_millis(125);
        let mut track = published(&["q"]);
        track.layers.heard(0, now);
        assert!(track.layers.may_ask_keyframe(0, now));
        assert!(!track.layers.may_ask_keyframe(0, now + soon));
        assert_eq!(track.keyframes_due(), [0]);
        assert!(track.layers.may_ask_keyframe(0, now + soon * 2), "the first may have been lost");
        assert!(track.keyframes_due().is_empty());
    }
}
