//! A published track: its layers, who gets it, and when its sender was asked for a keyframe.

use crate::allocate::{LayerCost, RateMeter};
use crate::command::TrackSettings;
use crate::dynacast::Demand;
use crate::forward::{Belongs, Forward};
use crate::peer::{IngressPacket, Mid, Rid};
use crate::scalable::{Cadence, EVERY_FRAME, Reader};
use crate::speakers::Loudness;
use crate::tap::{TapId, TapLayer};
use crate::track::{Codec, MediaKind, TrackSource};
use crate::view::TrackInfo;
use std::time::{Duration, Instant};

/// A layer without packets for this long is not being sent.
const LAYER_SILENT: Duration = Duration::from_millis(1500);
/// Keyframe requests: one in this time on average, for the smallest layer and for the others. Large
/// keyframes cost the sender's bandwidth.
const KEYFRAME_PAUSE_LOW: Duration = Duration::from_millis(500);
const KEYFRAME_PAUSE: Duration = Duration::from_millis(1000);
/// A second one may follow the first so soon: a keyframe that overtakes the answer is lost on a new
/// subscriber, and a second without a picture is what people notice.
const KEYFRAME_AGAIN: Duration = Duration::from_millis(250);
/// Bits per second of audio until it is measured: Opus as browsers send speech, with headers.
const ASSUMED_AUDIO: u64 = 60_000;
/// Height that the recorder's small layer should have.
const LOW_HEIGHT: u32 = 360;

/// One layer as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub rid: Option<Rid>,
    pub height: u32,
    /// What its publisher said that it takes, in bits per second; 0: it said nothing.
    announced: u32,
    rate: RateMeter,
    cadence: Cadence,
    /// Of the stream that carries this layer, or this one as its best.
    reader: Reader,
    last_packet: Option<Instant>,
    pub active: bool,
    keyframe_asked: Option<Instant>,
    /// When the requests so far would be paid for at the average rate.
    keyframes_paid: Option<Instant>,
    /// Somebody waits for a keyframe that could not be asked for yet.
    keyframe_due: bool,
}

impl Layer {
    /// Bits per second: as measured; until then as announced, or as much as libwebrtc gives to
    /// layers of this height.
    fn bps(&self, now: Instant, kind: MediaKind) -> u64 {
        let lines = if self.height == 0 { u32::MAX } else { self.height };
        self.rate.bps(now).unwrap_or_else(|| match kind {
            MediaKind::Audio => ASSUMED_AUDIO,
            MediaKind::Video if self.announced > 0 => u64::from(self.announced),
            MediaKind::Video if lines <= 180 => 150_000,
            MediaKind::Video if lines <= 360 => 500_000,
            MediaKind::Video => 1_700_000,
        })
    }
}

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
    pub no_red: bool,
    pub announced: bool,
    pub had_subscriber: bool,
    pub layers: Vec<Layer>,
    /// One stream carries all layers.
    one_stream: bool,
    pub forwards: Vec<Forward>,
    pub taps: Vec<Tapped>,
    pub loudness: Loudness,
    pub demand: Demand,
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
        let layers: Vec<Layer> = info
            .layers
            .iter()
            .map(|layer| Layer {
                rid: (!layer.rid.is_empty()).then(|| Rid::from(layer.rid.as_str())),
                height: layer.height,
                announced: layer.bitrate,
                ..Layer::default()
            })
            .collect();
        Self {
            info,
            participant,
            room,
            mid,
            wanted_codec,
            no_red,
            announced: false,
            had_subscriber: false,
            one_stream: false,
            demand: Demand::of(layers.len()),
            layers,
            forwards: Vec::new(),
            taps: Vec::new(),
            loudness: Loudness::default(),
        }
    }

    /// The layer that a packet belongs to.
    pub(crate) fn belongs(&mut self, packet: &IngressPacket) -> Belongs {
        let stream = self.layer_of(packet.rid);
        let reader = &mut self.layers[stream].reader;
        let place = reader.place(packet);
        let sizes = usize::from(place.spatial_layers);
        if packet.rid.is_none() && sizes > 1 && !(self.one_stream && self.layers.len() >= sizes) {
            let heights = self.layers[stream].reader.heights().to_vec();
            self.carry_all_in_one(sizes, &heights);
        }
        let layer = if self.one_stream { usize::from(place.spatial) } else { stream };
        Belongs { layer: layer.min(self.layers.len() - 1), one_stream: self.one_stream, place }
    }

    /// The track's one stream has so many layers, of these heights where it says them.
    fn carry_all_in_one(&mut self, sizes: usize, heights: &[u32]) {
        let missing = sizes.saturating_sub(self.layers.len());
        let best = self.layers.last().map_or(0, |best| best.height);
        let smaller =
            (0..missing).map(|n| Layer { height: best >> (missing - n), ..Layer::default() });
        self.layers.splice(0..0, smaller);
        for (layer, height) in self.layers.iter_mut().zip(heights) {
            layer.height = *height;
        }
        for layer in &mut self.layers {
            layer.rid = None;
        }
        for forward in &mut self.forwards {
            forward.wanted += missing;
            forward.current = forward.current.map(|current| current + missing);
        }
        if missing > 0 {
            self.demand = Demand::of(self.layers.len());
        }
        self.one_stream = true;
    }

    /// The layer whose stream's sender is asked for a keyframe of this one.
    fn stream_of(&self, layer: usize) -> usize {
        if self.one_stream { self.layers.len() - 1 } else { layer }
    }

    /// Index of the layer with this rid. A stream without rid is the track's only layer, or its
    /// best: clients describe layers even when they end up sending one.
    fn layer_of(&mut self, rid: Option<Rid>) -> usize {
        let Some(rid) = rid else {
            if self.layers.is_empty() {
                self.layers.push(Layer::default());
            }
            let best = self.layers.len() - 1;
            // The stream tells the truth: asked by the announced rid, str0m would find no stream
            // to request a keyframe of (VP9 and AV1 with scalable layers in one stream).
            self.layers[best].rid = None;
            return best;
        };
        if let Some(found) = self.layers.iter().position(|layer| layer.rid == Some(rid)) {
            return found;
        }
        // Clients that leave the rids out use q, h, f from the smallest up.
        let usual = ["q", "h", "f"].iter().position(|usual| Rid::from(*usual) == rid);
        match usual.filter(|n| self.layers.get(*n).is_some_and(|l| l.rid.is_none())) {
            Some(n) => {
                self.layers[n].rid = Some(rid);
                n
            }
            None => {
                self.layers.push(Layer { rid: Some(rid), ..Layer::default() });
                self.layers.len() - 1
            }
        }
    }

    /// Notes a packet; true if the layer has just come alive.
    pub(crate) fn heard(&mut self, layer: usize, now: Instant) -> bool {
        if self.one_stream && self.newest().is_some_and(|at| at + LAYER_SILENT < now) {
            // The others follow within the picture.
            self.layers.iter_mut().filter(|l| l.active).for_each(|l| l.last_packet = Some(now));
        }
        let layer = &mut self.layers[layer];
        layer.last_packet = Some(now);
        !std::mem::replace(&mut layer.active, true)
    }

    /// Counts a packet with so many bytes of payload.
    pub(crate) fn count(&mut self, belongs: &Belongs, now: Instant, payload: usize) {
        let layer = &mut self.layers[belongs.layer];
        layer.rate.count(now, payload);
        if belongs.place.ends {
            layer.cadence.count(now, belongs.place.temporal);
        }
    }

    /// Notices layers that went silent; true if one did. Where all come in one stream, those that the
    /// others leave behind: a picture that stands still brings none of them.
    pub(crate) fn check_silence(&mut self, now: Instant) -> bool {
        let now = self.newest().filter(|_| self.one_stream).unwrap_or(now);
        let mut changed = false;
        for layer in &mut self.layers {
            let silent = layer
                .last_packet
                .is_none_or(|last| now.saturating_duration_since(last) > LAYER_SILENT);
            if layer.active && silent {
                layer.active = false;
                changed = true;
            }
        }
        changed
    }

    /// When the newest packet of any layer came.
    fn newest(&self) -> Option<Instant> {
        self.layers.iter().filter_map(|layer| layer.last_packet).max()
    }

    /// Whether this layer arrives.
    pub(crate) fn sends(&self, layer: usize) -> bool {
        self.layers.get(layer).is_some_and(|layer| layer.active)
    }

    /// The layer that these settings ask for, whether it is sent or not.
    pub(crate) fn wanted(&self, settings: &TrackSettings) -> usize {
        let top = self.layers.len().saturating_sub(1);
        match settings.layer {
            Some(layer) => layer.min(top),
            None if settings.height == 0 => top,
            None => {
                self.layers.iter().position(|layer| layer.height >= settings.height).unwrap_or(top)
            }
        }
    }

    /// The layer that these settings should get now: the wanted one, else the best active one
    /// below it, else the smallest active one.
    pub(crate) fn choose(&self, settings: &TrackSettings) -> usize {
        let top = self.layers.len().saturating_sub(1);
        let wanted = self.wanted(settings);
        let active = |n: &usize| self.layers.get(*n).is_some_and(|layer| layer.active);
        (0..=wanted).rev().find(active).or_else(|| (wanted..=top).find(active)).unwrap_or(wanted)
    }

    /// The temporal layer up to which these settings should get frames of a layer.
    pub(crate) fn temporal(&self, layer: usize, settings: &TrackSettings) -> u8 {
        let cadence = self.layers.get(layer).map(|layer| layer.cadence);
        cadence.and_then(|cadence| cadence.temporal(settings.fps)).unwrap_or(EVERY_FRAME)
    }

    /// The layers of which these settings could get one now, smallest first, with what they take.
    pub(crate) fn costs(&self, now: Instant, settings: &TrackSettings) -> Vec<LayerCost> {
        let all = self.layers.iter().enumerate().take(self.choose(settings) + 1);
        let mut below = 0;
        all.filter(|(_, layer)| layer.active)
            .map(|(n, layer)| {
                let bps = layer.bps(now, self.info.kind);
                // In one stream a layer comes with all below it.
                below = if self.one_stream { below + bps } else { bps };
                LayerCost { layer: n, bps: below }
            })
            .collect()
    }

    /// Whether the layer's sender may be asked for a keyframe now. If not, it will be due later.
    pub(crate) fn may_ask_keyframe(&mut self, layer: usize, now: Instant) -> bool {
        let layer = self.stream_of(layer);
        let Some(state) = self.layers.get_mut(layer) else {
            return false;
        };
        let pause = if layer == 0 { KEYFRAME_PAUSE_LOW } else { KEYFRAME_PAUSE };
        let too_soon = state
            .keyframe_asked
            .is_some_and(|asked| now.saturating_duration_since(asked) < KEYFRAME_AGAIN);
        let paid = state.keyframes_paid.map_or(now, |paid| paid.max(now));
        if too_soon || paid > now + pause {
            state.keyframe_due = true;
            return false;
        }
        state.keyframe_asked = Some(now);
        state.keyframes_paid = Some(paid + pause);
        state.keyframe_due = false;
        true
    }

    /// Layers for which somebody still waits.
    pub(crate) fn keyframes_due(&self) -> Vec<usize> {
        let mut due: Vec<usize> = (0..self.layers.len())
            .filter(|n| self.layers[*n].keyframe_due)
            .chain(self.forwards.iter().filter(|f| f.needs_keyframe()).map(|f| f.wanted))
            .filter(|n| self.layers.get(*n).is_some_and(|l| l.active))
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
        let top = self.choose(&TrackSettings::default());
        if self.one_stream {
            return (self.stream_of(top), None);
        }
        if self.info.kind == MediaKind::Audio || self.info.source == TrackSource::ScreenShare {
            return (top, None);
        }
        let low = (0..top)
            .filter(|n| self.layers[*n].active)
            .min_by_key(|n| self.layers[*n].height.abs_diff(LOW_HEIGHT));
        (top, low)
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
        let layer = self.stream_of(layer);
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
                let alive = current.is_some_and(|n| layers.get(n).is_some_and(|l| l.active));
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

    /// Whether the sender of one layer has to send them all.
    pub(crate) fn sends_all_or_none(&self) -> bool {
        self.one_stream || self.layers.iter().any(|layer| layer.active && layer.rid.is_none())
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
    use crate::scalable::Place;
    use crate::view::LayerInfo;

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
    fn a_stream_without_rid_is_asked_for_keyframes_without_rid() {
        let mut track = published(&["q", "h", "f"]);
        let layer = track.layer_of(None);
        assert_eq!((layer, track.layers[layer].rid), (2, None));
    }

    #[test]
    fn the_best_active_layer_that_is_not_larger_than_wanted_is_chosen() {
        let now = Instant::now();
        let mut track = published(&["q", "h", "f"]);
        let settings = |layer| TrackSettings { layer: Some(layer), ..TrackSettings::default() };
        assert_eq!(track.choose(&settings(2)), 2, "nothing is active yet: wait for the wanted one");
        track.heard(0, now);
        assert_eq!(track.choose(&settings(2)), 0);
        track.heard(1, now);
        assert_eq!(track.choose(&settings(2)), 1);
        let tile = TrackSettings { width: 640, height: 200, ..TrackSettings::default() };
        assert_eq!(track.choose(&tile), 1, "the smallest layer that covers the tile");
        assert!(track.check_silence(now + LAYER_SILENT * 2));
        assert_eq!(track.choose(&settings(1)), 1);
    }

    #[test]
    fn layers_of_one_stream_cost_what_comes_with_them_and_are_silent_only_alone() {
        let now = Instant::now();
        let later = |ms| now + Duration::from_millis(ms);
        let mut track = published(&[]);
        track.layer_of(None);
        track.carry_all_in_one(3, &[90, 180, 360]);
        let place = |spatial| Place {
            spatial,
            temporal: 0,
            spatial_layers: 3,
            begins: true,
            ends: true,
            climb: None,
        };
        for ms in (0..1100).step_by(10) {
            for spatial in 0..3u8 {
                let layer = usize::from(spatial);
                let belongs = Belongs { layer, one_stream: true, place: place(spatial) };
                track.heard(layer, later(ms));
                track.count(&belongs, later(ms), 100 * (layer + 1));
            }
        }
        let costs = track.costs(later(1100), &TrackSettings::default());
        let bps: Vec<u64> = costs.iter().map(|cost| cost.bps).collect();
        assert!(bps[1] > bps[0] * 2 && bps[2] > bps[1] + bps[0] * 2, "{bps:?}");
        let small = TrackSettings { height: 100, ..TrackSettings::default() };
        assert_eq!((track.choose(&small), track.costs(later(1100), &small).len()), (1, 2));
        // A picture that stands still is no picture that lost its layers.
        assert!(!track.check_silence(later(60_000)));
        assert_eq!(track.choose(&TrackSettings::default()), 2);
        for ms in (60_000..62_000).step_by(100) {
            track.heard(0, later(ms));
            assert_eq!(track.check_silence(later(ms)), ms == 61_600, "{ms}");
        }
        assert_eq!(track.choose(&TrackSettings::default()), 0);
    }

    #[test]
    fn a_tap_gets_one_stream_whole_whatever_layers_it_has_at_the_moment() {
        let now = Instant::now();
        let mut track = published(&["q", "h", "f"]);
        track.layer_of(None);
        track.carry_all_in_one(3, &[]);
        track.open_tap(TapId(1));
        let mut delivered = Vec::new();
        for (layers, starts) in [(3, true), (1, false), (3, false)] {
            for layer in 0..layers {
                track.heard(layer, now);
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
        let mut track = published(&["q"]);
        track.heard(0, now);
        assert!(track.may_ask_keyframe(0, now));
        assert!(!track.may_ask_keyframe(0, now + KEYFRAME_AGAIN / 2));
        assert_eq!(track.keyframes_due(), [0]);
        assert!(track.may_ask_keyframe(0, now + KEYFRAME_AGAIN), "the first may have been lost");
        assert!(track.keyframes_due().is_empty());
    }

    #[test]
    fn an_impatient_subscriber_gets_one_keyframe_a_pause() {
        let now = Instant::now();
        let mut track = published(&["q", "h"]);
        let asked = |track: &mut Published, layer| {
            let moments = (0..1000).map(|n| now + Duration::from_millis(10) * n);
            moments.filter(|at| track.may_ask_keyframe(layer, *at)).count()
        };
        assert_eq!(asked(&mut track, 0), 20 + 1, "ten seconds, each half, and one to begin with");
        assert_eq!(asked(&mut track, 1), 10 + 1);
    }
}
