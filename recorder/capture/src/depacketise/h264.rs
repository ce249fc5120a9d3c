//! H.264 (RFC 6184) into length-prefixed NAL units with the parameter sets apart (`avcC`,
//! ISO/IEC 14496-15 §5.3.3.1).

use super::bits::{Bits, rbsp};
use super::{CodedFrame, Configuration, Malformed};

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Newest parameter sets of a stream.
#[derive(Debug, Default)]
pub struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

/// Collects the NAL units of one frame.
#[derive(Default)]
struct Units {
    data: Vec<u8>,
    idr: bool,
    /// Where the unit begins that fragments add to.
    fragment_at: Option<usize>,
}

impl Units {
    fn whole(&mut self, sets: &mut ParameterSets, unit: &[u8]) {
        let Some(first) = unit.first() else { return };
        match first & 0x1f {
            SPS => sets.sps = unit.to_vec(),
            PPS => sets.pps = unit.to_vec(),
            DELIMITER | FILLER => {}
            kind => {
                self.idr |= kind == IDR;
                self.data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                self.data.extend_from_slice(unit);
            }
        }
    }

    fn fragment(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let (&[indicator, header], body) =
            payload.split_first_chunk().ok_or(Malformed::Truncated)?;
        let (start, end, kind) = (header & 0x80 != 0, header & 0x40 != 0, header & 0x1f);
        if start {
            self.fragment_at = Some(self.data.len());
            self.data.extend_from_slice(&[0; 4]);
            self.data.push((indicator & 0xe0) | kind);
            self.idr |= kind == IDR;
        }
        let at = self.fragment_at.ok_or(Malformed::NotAStart)?;
        self.data.extend_from_slice(body);
        if end {
            let length = (self.data.len() - at - 4) as u32;
            self.data[at..at + 4].copy_from_slice(&length.to_be_bytes());
            self.fragment_at = None;
        }
        Ok(())
    }
}

/// Parameter sets and delimiters come before a frame's slices. Of other units nobody can tell.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    let kind = |byte: Option<&u8>| byte.map_or(0, |byte| byte & 0x1f);
    let first = match kind(payload.first()) {
        STAP_A => kind(payload.get(3)),
        kind => kind,
    };
    matches!(first, SPS | DELIMITER)
}

pub(super) fn frame(sets: &mut ParameterSets, payloads: &[&[u8]]) -> Result<CodedFrame, Malformed> {
    let mut units = Units::default();
    for payload in payloads {
        let first = payload.first().ok_or(Malformed::Truncated)?;
        match first & 0x1f {
            1..=23 => units.whole(sets, payload),
            STAP_A => {
                let mut rest = &payload[1..];
                while let Some((length, after)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let unit = after.get(..length).ok_or(Malformed::Truncated)?;
                    units.whole(sets, unit);
                    rest = &after[length..];
                }
            }
            FU_A => units.fragment(payload)?,
            _ => return Err(Malformed::UnknownForm),
        }
    }
    if units.data.is_empty() || units.fragment_at.is_some() {
        return Err(Malformed::Truncated);
    }
    let configuration = match units.idr {
        true => Some(sets.configuration().ok_or(Malformed::NotAStart)?),
        false => None,
    };
    Ok(CodedFrame { data: units.data, keyframe: units.idr, configuration })
}

impl ParameterSets {
    fn configuration(&self) -> Option<Configuration> {
        let (width, height) = picture_size(&self.sps)?;
        if self.pps.is_empty() {
            return None;
        }
        let mut avcc = vec![1, *self.sps.get(1)?, *self.sps.get(2)?, *self.sps.get(3)?, 0xff, 0xe1];
        avcc.extend_from_slice(&(self.sps.len() as u16).to_be_bytes());
        avcc.extend_from_slice(&self.sps);
        avcc.push(1);
        avcc.extend_from_slice(&(self.pps.len() as u16).to_be_bytes());
        avcc.extend_from_slice(&self.pps);
        Some(Configuration { codec_private: avcc, width, height })
    }
}

/// Visible width and height from a sequence parameter set (H.264 §7.3.2.1.1).
fn picture_size(sps: &[u8]) -> Option<(u32, u32)> {
    let unit = rbsp(sps.get(1..)?);
    let mut bits = Bits::new(&unit);
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.ue()?;
    let mut chroma = 1;
    if [100, 110, 122, 244, 44, 83, 86, 118, 128].contains(&profile) {
        chroma = bits.ue()?;
        if chroma == 3 {
            bits.bit()?;
        }
        bits.ue()?;
        bits.ue()?;
        bits.bit()?;
        if bits.bit()? == 1 {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? == 1 {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.bit()?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.se()?;
            }
        }
        _ => {}
    }
    bits.ue()?;
    bits.bit()?;
    let width = (bits.ue()?.checked_add(1)?).checked_mul(16)?;
    let map_units = bits.ue()?.checked_add(1)?;
    let frame_only = bits.bit()?;
    if frame_only == 0 {
        bits.bit()?;
    }
    let height = map_units.checked_mul(16)?.checked_mul(2 - frame_only)?;
    bits.bit()?;
    let mut crop = [0; 4];
    if bits.bit()? == 1 {
        for side in &mut crop {
            *side = bits.ue()?;
        }
    }
    let (unit_x, unit_y) = match chroma {
        0 | 3 => (1, 2 - frame_only),
        1 => (2, 2 * (2 - frame_only)),
        _ => (2, 2 - frame_only),
    };
    let cropped = |size: u32, a: u32, b: u32, unit: u32| {
        size.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
    };
    let width = cropped(width, crop[0], crop[1], unit_x)?;
    let height = cropped(height, crop[2], crop[3], unit_y)?;
    (width > 0 && height > 0 && width <= 16_384 && height <= 16_384).then_some((width, height))
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = (last.wrapping_add(bits.se()?)).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1280×720 constrained baseline, as openh264 writes it.
    const SPS_720: [u8; 15] =
        [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 2, 0xdd, 0, 0xf0, 0x88, 0x46, 0xa0];
    const PPS_ANY: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

    #[test]
    fn the_size_comes_from_the_parameter_set() {
        assert_eq!(picture_size(&SPS_720), Some((1280, 720)));
        assert_eq!(picture_size(&[0x67]), None);
    }

    #[test]
    fn sets_aggregates_and_fragments_make_one_frame() {
        let mut stap = vec![0x78];
        for unit in [&SPS_720[..], &PPS_ANY] {
            stap.extend_from_slice(&(unit.len() as u16).to_be_bytes());
            stap.extend_from_slice(unit);
        }
        let mut sets = ParameterSets::default();
        let payloads: [&[u8]; 3] = [&stap, &[0x7c, 0x85, 1, 2], &[0x7c, 0x45, 3]];
        let frame = frame(&mut sets, &payloads).unwrap();
        assert!(frame.keyframe);
        assert_eq!(frame.data, [0, 0, 0, 4, 0x65, 1, 2, 3]);
        let configuration = frame.configuration.unwrap();
        assert_eq!(configuration.height, 720);
        assert_eq!(configuration.codec_private[..4], [1, 0x42, 0xc0, 0x1f]);
    }

    #[test]
    fn a_keyframe_without_parameter_sets_cannot_start() {
        let mut sets = ParameterSets::default();
        assert_eq!(frame(&mut sets, &[&[0x65, 1, 2]]), Err(Malformed::NotAStart));
        assert_eq!(frame(&mut sets, &[&[0x7c, 0x45, 3]]), Err(Malformed::NotAStart));
    }

    #[test]
    fn a_frame_surely_begins_with_its_parameter_sets_only() {
        assert!(begins_frame(&SPS_720));
        assert!(begins_frame(&[0x78, 0, 15, 0x67]));
        assert!(!begins_frame(&[0x65, 1, 2]));
        assert!(!begins_frame(&[]));
    }
}
