//! The layers of a published track as they arrive: what is of which, what each takes, which a
//! subscriber should get, and when the sender of one may be asked for a keyframe.

use crate::allocate::{LayerCost, RateMeter};
use crate::command::TrackSettings;
use crate::forward::Belongs;
use crate::peer::{IngressPacket, Rid};
use crate::scalable::{Cadence, EVERY_FRAME, Reader};
use crate::track::MediaKind;
use crate::view::LayerInfo;
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
/// Streams that one track can have; more come from nobody.
const MOST_LAYERS: usize = 16;
/// Bits per second of audio until it is measured: Opus as browsers send speech, with headers.
const ASSUMED_AUDIO: u64 = 60_000;

/// One layer as it arrives.
#[derive(Debug, Default)]
struct Layer {
    rid: Option<Rid>,
    height: u32,
    /// What its publisher said that it takes, in bits per second; 0: it said nothing.
    announced: u32,
    rate: RateMeter,
    cadence: Cadence,
    /// Of the stream that carries this layer, or this one as its best.
    reader: Reader,
    last_packet: Option<Instant>,
    active: bool,
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

/// All layers of a track, smallest first.
#[derive(Debug)]
pub(crate) struct Layers {
    kind: MediaKind,
    all: Vec<Layer>,
    /// One stream carries them all.
    one_stream: bool,
}

impl Layers {
    /// As their publisher announced them.
    pub(crate) fn new(kind: MediaKind, announced: &[LayerInfo]) -> Self {
        let all = announced.iter().map(|layer| Layer {
            rid: (!layer.rid.is_empty()).then(|| Rid::from(layer.rid.as_str())),
            height: layer.height,
            announced: layer.bitrate,
            ..Layer::default()
        });
        Self { kind, all: all.collect(), one_stream: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The best there is, sent or not.
    pub(crate) fn top(&self) -> usize {
        self.all.len().saturating_sub(1)
    }

    pub(crate) fn one_stream(&self) -> bool {
        self.one_stream
    }

    /// The rid by which the sender of this layer's stream is asked for a keyframe.
    pub(crate) fn rid(&self, layer: usize) -> Option<Rid> {
        self.all.get(layer)?.rid
    }

    /// The layers as they would be announced.
    pub(crate) fn announced(&self) -> Vec<LayerInfo> {
        let all = self.all.iter().map(|layer| LayerInfo {
            rid: layer.rid.map(|rid| rid.to_string()).unwrap_or_default(),
            width: 0,
            height: layer.height,
            bitrate: layer.announced,
        });
        all.collect()
    }

    /// The stream of this layer goes by this rid.
    pub(crate) fn call(&mut self, layer: usize, rid: Option<Rid>) {
        // Of strangers' numbers no more than a publisher can have.
        if layer >= self.all.len() && layer < MOST_LAYERS {
            self.all.resize_with(layer + 1, Layer::default);
        }
        if let Some(found) = self.all.get_mut(layer) {
            found.rid = rid;
        }
    }

    /// Whether a layer comes along where those up to `best` are wanted: also the smallest that is
    /// sent, if none of these is, and all that come in one stream.
    pub(crate) fn is_among(&self, layer: usize, best: usize) -> bool {
        if layer <= best || self.one_stream {
            return true;
        }
        let sent = (0..self.all.len()).find(|layer| self.sends(*layer));
        sent == Some(layer)
    }

    /// The layer that a packet belongs to; and how many smaller ones the packet made known.
    pub(crate) fn belongs(&mut self, packet: &IngressPacket) -> (Belongs, usize) {
        let stream = self.layer_of(packet.rid);
        let reader = &mut self.all[stream].reader;
        let place = reader.place(packet);
        let sizes = usize::from(place.spatial_layers);
        let mut found = 0;
        if packet.rid.is_none() && sizes > 1 && !(self.one_stream && self.all.len() >= sizes) {
            let heights = self.all[stream].reader.heights().to_vec();
            found = self.carry_all_in_one(sizes, &heights);
        }
        let layer = if self.one_stream { usize::from(place.spatial) } else { stream };
        let belongs = Belongs { layer: layer.min(self.top()), one_stream: self.one_stream, place };
        (belongs, found)
    }

    /// The track's one stream has so many layers, of these heights where it says them. Returns how
    /// many smaller ones that makes known.
    pub(crate) fn carry_all_in_one(&mut self, sizes: usize, heights: &[u32]) -> usize {
        let missing = sizes.saturating_sub(self.all.len());
        let best = self.all.last().map_or(0, |best| best.height);
        let smaller =
            (0..missing).map(|n| Layer { height: best >> (missing - n), ..Layer::default() });
        self.all.splice(0..0, smaller);
        for (layer, height) in self.all.iter_mut().zip(heights) {
            layer.height = *height;
        }
        for layer in &mut self.all {
            layer.rid = None;
        }
        self.one_stream = true;
        missing
    }

    /// Index of the layer with this rid. A stream without rid is the track's only layer, or its
    /// best: clients describe layers even when they end up sending one.
    fn layer_of(&mut self, rid: Option<Rid>) -> usize {
        let Some(rid) = rid else {
            if self.all.is_empty() {
                self.all.push(Layer::default());
            }
            let best = self.top();
            // The stream tells the truth: asked by the announced rid, str0m would find no stream
            // to request a keyframe of (VP9 and AV1 with scalable layers in one stream).
            self.all[best].rid = None;
            return best;
        };
        if let Some(found) = self.all.iter().position(|layer| layer.rid == Some(rid)) {
            return found;
        }
        // Clients that leave the rids out use q, h, f from the smallest up.
        let usual = ["q", "h", "f"].iter().position(|usual| Rid::from(*usual) == rid);
        match usual.filter(|n| self.all.get(*n).is_some_and(|l| l.rid.is_none())) {
            Some(n) => {
                self.all[n].rid = Some(rid);
                n
            }
            None => {
                self.all.push(Layer { rid: Some(rid), ..Layer::default() });
                self.all.len() - 1
            }
        }
    }

    /// Notes a packet; true if the layer has just come alive.
    pub(crate) fn heard(&mut self, layer: usize, now: Instant) -> bool {
        if self.one_stream && self.newest().is_some_and(|at| at + LAYER_SILENT < now) {
            // The others follow within the picture.
            self.all.iter_mut().filter(|l| l.active).for_each(|l| l.last_packet = Some(now));
        }
        let layer = &mut self.all[layer];
        layer.last_packet = Some(now);
        !std::mem::replace(&mut layer.active, true)
    }

    /// Counts a packet with so many bytes of payload.
    pub(crate) fn count(&mut self, belongs: &Belongs, now: Instant, payload: usize) {
        let layer = &mut self.all[belongs.layer];
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
        for layer in &mut self.all {
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
        self.all.iter().filter_map(|layer| layer.last_packet).max()
    }

    /// Whether this layer arrives.
    pub(crate) fn sends(&self, layer: usize) -> bool {
        self.all.get(layer).is_some_and(|layer| layer.active)
    }

    /// The layer that these settings ask for, whether it is sent or not.
    pub(crate) fn wanted(&self, settings: &TrackSettings) -> usize {
        let top = self.top();
        match settings.layer {
            Some(layer) => layer.min(top),
            None if settings.height == 0 => top,
            None => {
                self.all.iter().position(|layer| layer.height >= settings.height).unwrap_or(top)
            }
        }
    }

    /// The layer that these settings should get now: the wanted one, else the best active one
    /// below it, else the smallest active one.
    pub(crate) fn choose(&self, settings: &TrackSettings) -> usize {
        let top = self.top();
        let wanted = self.wanted(settings);
        let active = |n: &usize| self.sends(*n);
        (0..=wanted).rev().find(active).or_else(|| (wanted..=top).find(active)).unwrap_or(wanted)
    }

    /// The temporal layer up to which these settings should get frames of a layer.
    pub(crate) fn temporal(&self, layer: usize, settings: &TrackSettings) -> u8 {
        let cadence = self.all.get(layer).map(|layer| layer.cadence);
        cadence.and_then(|cadence| cadence.temporal(settings.fps)).unwrap_or(EVERY_FRAME)
    }

    /// The layers of which these settings could get one now, smallest first, with what they take.
    pub(crate) fn costs(&self, now: Instant, settings: &TrackSettings) -> Vec<LayerCost> {
        let all = self.all.iter().enumerate().take(self.choose(settings) + 1);
        let mut below = 0;
        all.filter(|(_, layer)| layer.active)
            .map(|(n, layer)| {
                let bps = layer.bps(now, self.kind);
                // In one stream a layer comes with all below it.
                below = if self.one_stream { below + bps } else { bps };
                LayerCost { layer: n, bps: below }
            })
            .collect()
    }

    /// Whether the sender of one layer has to send them all.
    pub(crate) fn sends_all_or_none(&self) -> bool {
        self.one_stream || self.all.iter().any(|layer| layer.active && layer.rid.is_none())
    }

    /// The layer whose stream brings this one.
    pub(crate) fn stream_of(&self, layer: usize) -> usize {
        if self.one_stream { self.top() } else { layer }
    }

    /// Whether the layer's sender may be asked for a keyframe now. If not, it will be due later.
    pub(crate) fn may_ask_keyframe(&mut self, layer: usize, now: Instant) -> bool {
        let layer = self.stream_of(layer);
        let Some(state) = self.all.get_mut(layer) else {
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

    /// Of those that arrive, the one whose height is nearest, among those below `top`.
    pub(crate) fn nearest(&self, height: u32, top: usize) -> Option<usize> {
        let sent = (0..top).filter(|n| self.sends(*n));
        sent.min_by_key(|n| self.all[*n].height.abs_diff(height))
    }

    /// Layers whose senders could not be asked for a keyframe yet.
    pub(crate) fn keyframes_due(&self) -> impl Iterator<Item = usize> {
        (0..self.all.len()).filter(|n| self.all[*n].keyframe_due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalable::Place;

    fn layers(rids: &[&str]) -> Layers {
        let announced = rids.iter().zip(1..).map(|(rid, n)| LayerInfo {
            rid: (*rid).to_owned(),
            width: 320 * n,
            height: 180 * n,
            bitrate: 0,
        });
        Layers::new(MediaKind::Video, &announced.collect::<Vec<_>>())
    }

    #[test]
    fn a_stream_without_rid_is_asked_for_keyframes_without_rid() {
        let mut track = layers(&["q", "h", "f"]);
        let layer = track.layer_of(None);
        assert_eq!((layer, track.rid(layer)), (2, None));
    }

    #[test]
    fn the_best_active_layer_that_is_not_larger_than_wanted_is_chosen() {
        let now = Instant::now();
        let mut track = layers(&["q", "h", "f"]);
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
        let mut track = layers(&[]);
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
    fn an_impatient_subscriber_gets_one_keyframe_a_pause() {
        let now = Instant::now();
        let mut track = layers(&["q", "h"]);
        let asked = |track: &mut Layers, layer| {
            let moments = (0..1000).map(|n| now + Duration::from_millis(10) * n);
            moments.filter(|at| track.may_ask_keyframe(layer, *at)).count()
        };
        assert_eq!(asked(&mut track, 0), 20 + 1, "ten seconds, each half, and one to begin with");
        assert_eq!(asked(&mut track, 1), 10 + 1);
    }
}
