//! Layers within one stream: which picture size (spatial layer) and which frame rate (temporal
//! layer) a packet belongs to, whatever the codec says it with.
//!
//! The dependency descriptor says it for every codec and also of encrypted frames; where a sender has
//! none, the payload descriptors of VP8 and VP9 do. Other streams have one layer.

mod cadence;
mod dependency;
mod vp9;

pub(crate) use cadence::Cadence;

use crate::forward::Vp8Indexes;
use crate::peer::{IngressPacket, dependency_descriptor, starts_decoding};
use crate::track::Codec;
use dependency::Structure;

/// More temporal layers than any stream has.
pub(crate) const EVERY_FRAME: u8 = u8::MAX;

/// Where a packet's frame stands among the layers of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub spatial: u8,
    pub temporal: u8,
    /// Spatial layers that the stream has; 1: all pictures are of one size.
    pub spatial_layers: u8,
    /// The first packet of the frame. Each spatial layer of a picture is a frame of its own.
    pub begins: bool,
    /// The last packet of the frame.
    pub ends: bool,
    pub climb: Option<Climb>,
}

/// A frame at which more temporal layers can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Climb {
    /// Who followed the temporal layers up to this one …
    pub from: u8,
    /// … can follow those up to this one, from this frame on.
    pub to: u8,
}

impl Place {
    /// A packet of a stream that says nothing of layers.
    fn plain(packet: &IngressPacket) -> Self {
        Self {
            spatial: 0,
            temporal: 0,
            spatial_layers: 1,
            begins: false,
            ends: packet.marker,
            climb: None,
        }
    }

    fn of_vp8(packet: &IngressPacket) -> Self {
        let found = Vp8Indexes::parse(&packet.payload);
        let mut place = Self { begins: found.begins, ..Self::plain(packet) };
        if starts_decoding(packet.codec, &packet.payload) {
            place.climb = Some(Climb { from: 0, to: EVERY_FRAME });
        } else if let Some((temporal, synchronous)) = found.temporal {
            place.temporal = temporal;
            // It depends on the lowest layer alone (RFC 7741 §4.2, "Y").
            place.climb = synchronous.then_some(Climb { from: 0, to: temporal });
        }
        place
    }
}

/// Reads the places of one stream's packets.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    structure: Option<Structure>,
    /// Spatial layers of the newest VP9 keyframe.
    vp9_layers: Option<u8>,
}

impl Reader {
    /// Where a packet stands. Descriptors that do not parse count as absent.
    pub(crate) fn place(&mut self, packet: &IngressPacket) -> Place {
        if let Some(bytes) = dependency_descriptor(&packet.extensions)
            && let Some(place) = dependency::read(bytes, &mut self.structure)
        {
            return place;
        }
        match packet.codec {
            Codec::Vp8 => Place::of_vp8(packet),
            Codec::Vp9 => match vp9::read(&packet.payload) {
                Some(found) => {
                    if let Some(layers) = found.spatial_layers {
                        self.vp9_layers = Some(layers);
                    }
                    // One that is lost leaves at least what was seen.
                    let layers = self.vp9_layers.unwrap_or(1).max(found.spatial + 1);
                    self.vp9_layers = Some(layers);
                    found.place(layers)
                }
                None => Place::plain(packet),
            },
            // Of a frame that the known structure does not name nothing is left out.
            Codec::Opus | Codec::Av1 | Codec::H264 => Place {
                spatial_layers: self.structure.as_ref().map_or(1, Structure::spatial_layers),
                ..Place::plain(packet)
            },
        }
    }

    /// Heights of the spatial layers in pixels, smallest first, where the stream says them.
    pub(crate) fn heights(&self) -> &[u32] {
        self.structure.as_ref().map_or(&[], |structure| &structure.heights)
    }
}

/// Reads strangers' bytes as a dependency descriptor and as a VP9 payload; for fuzzing.
pub fn fuzz_scalable(bytes: &[u8]) {
    let mut structure = None;
    let (descriptors, payload) = bytes.split_at(bytes.len() / 2);
    for descriptor in descriptors.chunks(40) {
        if let Some(place) = dependency::read(descriptor, &mut structure) {
            assert!(place.spatial < place.spatial_layers);
        }
    }
    if let Some(found) = vp9::read(payload) {
        found.place(found.spatial + 1);
    }
}
