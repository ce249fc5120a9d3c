//! The indexes in a VP8 payload descriptor (RFC 7741 §4.2) that must stay continuous.

/// How wide a picture id is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureIdWidth {
    Seven,
    Fifteen,
}

impl PictureIdWidth {
    pub(crate) fn wrap(self, id: u16) -> u16 {
        match self {
            Self::Seven => id & 0x7f,
            Self::Fifteen => id & 0x7fff,
        }
    }
}

/// Picture id, TL0 index and temporal layer of one packet, where it has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Vp8Indexes {
    /// The first packet of a picture.
    pub begins: bool,
    pub picture_id: Option<(u16, PictureIdWidth)>,
    pub tl0: Option<u8>,
    /// The layer, and whether the picture depends on the lowest layer alone.
    pub temporal: Option<(u8, bool)>,
}

impl Vp8Indexes {
    /// Reads a payload's descriptor; a truncated one has no indexes.
    pub(crate) fn parse(payload: &[u8]) -> Self {
        Self::parse_some(payload).unwrap_or_default()
    }

    fn parse_some(payload: &[u8]) -> Option<Self> {
        const EXTENDED: u8 = 0x80;
        const HAS_PICTURE_ID: u8 = 0x80;
        const HAS_TL0: u8 = 0x40;
        const HAS_LAYER: u8 = 0x20;
        const HAS_KEY_INDEX: u8 = 0x10;
        // S, and partition index 0.
        let begins = payload.first()? & 0x17 == 0x10;
        let mut found = Self { begins, ..Self::default() };
        if payload.first()? & EXTENDED == 0 {
            return Some(found);
        }
        let flags = *payload.get(1)?;
        let mut at = 2;
        if flags & HAS_PICTURE_ID != 0 {
            let first = *payload.get(at)?;
            if first & 0x80 == 0 {
                found.picture_id = Some((u16::from(first), PictureIdWidth::Seven));
                at += 1;
            } else {
                let id = u16::from_be_bytes([first & 0x7f, *payload.get(at + 1)?]);
                found.picture_id = Some((id, PictureIdWidth::Fifteen));
                at += 2;
            }
        }
        if flags & HAS_TL0 != 0 {
            found.tl0 = Some(*payload.get(at)?);
            at += 1;
        }
        if flags & (HAS_LAYER | HAS_KEY_INDEX) != 0 {
            // T T Y K K K K K
            let layer = *payload.get(at)?;
            found.temporal = (flags & HAS_LAYER != 0).then_some((layer >> 6, layer & 0x20 != 0));
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_widths_of_picture_id() {
        let wide = Vp8Indexes::parse(&[0x90, 0xc0, 0x92, 0x34, 7, 0]);
        assert_eq!(wide.picture_id, Some((0x1234, PictureIdWidth::Fifteen)));
        assert_eq!(wide.tl0, Some(7));
        let narrow = Vp8Indexes::parse(&[0x90, 0x80, 0x12, 0]);
        assert_eq!(narrow.picture_id, Some((0x12, PictureIdWidth::Seven)));
        assert_eq!(narrow.tl0, None);
    }

    #[test]
    fn truncated_descriptors_have_no_indexes() {
        for payload in [&[][..], &[0x80], &[0x80, 0x80], &[0x80, 0xc0, 0x81], &[0x80, 0x20]] {
            assert_eq!(Vp8Indexes::parse(payload), Vp8Indexes::default());
        }
        let short = Vp8Indexes { begins: true, ..Vp8Indexes::default() };
        assert_eq!(Vp8Indexes::parse(&[0x10, 0xff]), short);
    }

    #[test]
    fn reads_the_temporal_layer_behind_whatever_comes_first() {
        let wide = Vp8Indexes::parse(&[0x90, 0xe0, 0x92, 0x34, 7, 0b0110_0000]);
        assert_eq!((wide.temporal, wide.begins), (Some((1, true)), true));
        let alone = Vp8Indexes::parse(&[0x81, 0x20, 0b1000_0000]);
        assert_eq!((alone.temporal, alone.begins), (Some((2, false)), false));
        let key_index = Vp8Indexes::parse(&[0x90, 0x10, 0b1010_0011]);
        assert_eq!((key_index.temporal, key_index.tl0), (None, None));
    }
}
