//! The layer indices of a VP9 payload descriptor (RFC 9628 §4.2).

use super::{Climb, EVERY_FRAME, Place};

/// What a payload descriptor says of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vp9Layers {
    pub spatial: u8,
    pub temporal: u8,
    /// Of a scalability structure, where it has one.
    pub spatial_layers: Option<u8>,
    begins: bool,
    ends: bool,
    /// Later frames of higher temporal layers depend on none before this one ("U").
    switching_point: bool,
    /// A frame that depends on no earlier picture.
    independent: bool,
}

impl Vp9Layers {
    pub(super) fn place(&self, spatial_layers: u8) -> Place {
        Place {
            spatial: self.spatial,
            temporal: self.temporal,
            spatial_layers,
            begins: self.begins,
            ends: self.ends,
            climb: (self.switching_point || self.independent)
                .then_some(Climb { from: self.temporal, to: EVERY_FRAME }),
        }
    }
}

/// `None`: the descriptor is cut off.
pub(super) fn read(payload: &[u8]) -> Option<Vp9Layers> {
    let mut at = 0;
    let mut next = || {
        at += 1;
        payload.get(at - 1).copied()
    };
    // I P L F B E V Z
    let flags = next()?;
    let has = |bit: u8| flags & bit != 0;
    let (with_picture_id, inter, with_layers, flexible) =
        (has(0x80), has(0x40), has(0x20), has(0x10));
    if with_picture_id && next()? & 0x80 != 0 {
        next()?;
    }
    let mut found = Vp9Layers {
        spatial: 0,
        temporal: 0,
        spatial_layers: None,
        begins: has(0x08),
        ends: has(0x04),
        switching_point: false,
        independent: !inter,
    };
    if with_layers {
        // T T T U S S S D
        let layers = next()?;
        found.temporal = layers >> 5;
        found.switching_point = layers & 0x10 != 0;
        found.spatial = layers >> 1 & 7;
        if !flexible {
            let _tl0 = next()?;
        }
    }
    if flexible && inter {
        // At most three reference differences.
        for _ in 0..3 {
            if next()? & 1 == 0 {
                break;
            }
        }
    }
    if has(0x02) {
        // N_S N_S N_S Y G - - -
        found.spatial_layers = Some((next()? >> 5) + 1);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_read_behind_either_width_of_picture_id() {
        // Temporal 2, a switching point, spatial 1; non-flexible, with its TL0 index.
        for head in [&[0b1110_1000, 0x12][..], &[0b1110_1000, 0x92, 0x34], &[0b0110_1000]] {
            let found = read(&[head, &[0b0101_0010, 7, 0xff]].concat()).unwrap();
            assert_eq!((found.spatial, found.temporal), (1, 2));
            assert!(found.begins && !found.ends && found.switching_point && !found.independent);
        }
    }

    #[test]
    fn a_structure_says_how_many_sizes_there_are_also_behind_references() {
        // Flexible, inter, with two reference differences, then the structure of three layers.
        let found = read(&[0b0111_1010, 0b0000_0000, 3, 4, 0b0100_0000]).unwrap();
        assert_eq!(found.spatial_layers, Some(3));
        let found = read(&[0b0011_1110, 0b0000_0100, 0b0010_0000]).unwrap();
        assert_eq!((found.spatial, found.spatial_layers), (2, Some(2)));
    }

    #[test]
    fn cut_off_descriptors_say_nothing() {
        for payload in [&[][..], &[0x80], &[0x80, 0x80], &[0x20], &[0x20, 0], &[0x50, 1], &[0x02]] {
            assert_eq!(read(payload), None, "{payload:?}");
        }
    }
}
