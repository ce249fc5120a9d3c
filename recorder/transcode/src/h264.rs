//! H.264 between its two spellings: start codes (Annex B of ITU-T H.264) and lengths (`avc1`,
//! ISO/IEC 14496-15).

const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_DELIMITER: u8 = 9;
const NAL_FILLER: u8 = 12;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// An access unit as an MP4 sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvcUnit {
    /// Slices, each after its length in four bytes.
    pub data: Vec<u8>,
    pub keyframe: bool,
    /// Parameter sets that came with it: they belong into the file's head.
    pub sps: Option<Vec<u8>>,
    pub pps: Option<Vec<u8>>,
}

/// Units between start codes.
fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &bytes[next_start(bytes).map_or(bytes.len(), |(_, body)| body)..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (end, next) = next_start(rest).unwrap_or((rest.len(), rest.len()));
        let unit = &rest[..end];
        rest = &rest[next..];
        Some(unit)
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the next start code begins (zeros before it count to it) and where it ends.
fn next_start(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = bytes.windows(3).position(|window| window == [0, 0, 1])?;
    let begin = bytes[..at].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Some((begin, at + 3))
}

/// From start codes to lengths. Parameter sets, delimiters, fillers and remarks (SEI) are left
/// out of the sample.
pub fn to_avc(access_unit: &[u8]) -> AvcUnit {
    let mut made =
        AvcUnit { data: Vec::with_capacity(access_unit.len() + 16), ..AvcUnit::default() };
    for unit in units(access_unit) {
        match unit[0] & 0x1f {
            NAL_SPS => made.sps = Some(unit.to_vec()),
            NAL_PPS => made.pps = Some(unit.to_vec()),
            NAL_SEI | NAL_DELIMITER | NAL_FILLER => {}
            kind => {
                made.keyframe |= kind == NAL_IDR;
                made.data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                made.data.extend_from_slice(unit);
            }
        }
    }
    made
}

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) of one pair of parameter sets;
/// `None` if the first is too short to be one.
pub fn avcc(sps: &[u8], pps: &[u8]) -> Option<Vec<u8>> {
    let profile = sps.get(1..4)?;
    let mut out = vec![1, profile[0], profile[1], profile[2], 0xff, 0xe1];
    out.extend_from_slice(&(sps.len() as u16).to_be_bytes());
    out.extend_from_slice(sps);
    out.push(1);
    out.extend_from_slice(&(pps.len() as u16).to_be_bytes());
    out.extend_from_slice(pps);
    // High profiles say their sample format once more; ours is 4:2:0 with 8 bits.
    if matches!(profile[0], 100 | 110 | 122 | 144) {
        out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]);
    }
    Some(out)
}

/// The parameter sets of an `avcC`, with start codes.
pub fn parameter_sets(avcc: &[u8]) -> Option<Vec<u8>> {
    let sets = sets_of(avcc)?;
    Some(sets.into_iter().flat_map(|set| [&START_CODE[..], set].concat()).collect())
}

/// The parameter sets of an `avcC`, each after its length in four bytes: as a sample has them.
pub fn parameter_samples(avcc: &[u8]) -> Option<Vec<u8>> {
    let sets = sets_of(avcc)?.into_iter();
    let sample = |set: &[u8]| [&(set.len() as u32).to_be_bytes()[..], set].concat();
    Some(sets.flat_map(sample).collect())
}

fn sets_of(avcc: &[u8]) -> Option<Vec<&[u8]>> {
    let mut sets = Vec::new();
    let mut rest = avcc.get(5..)?;
    for mask in [0x1f, 0xff] {
        let (count, after) = rest.split_first()?;
        rest = after;
        for _ in 0..count & mask {
            let (length, after) = rest.split_first_chunk()?;
            let (set, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            sets.push(set);
            rest = after;
        }
    }
    Some(sets)
}

/// Appends a sample with start codes instead of lengths; `false` if its lengths are wrong.
pub fn append_annex_b(mut sample: &[u8], out: &mut Vec<u8>) -> bool {
    while let Some((length, rest)) = sample.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((unit, rest)) = rest.split_at_checked(length) else { return false };
        out.extend_from_slice(&START_CODE);
        out.extend_from_slice(unit);
        sample = rest;
    }
    sample.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: [u8; 5] = [0x67, 66, 0xc0, 31, 0xaa];
    const PPS: [u8; 3] = [0x68, 0xce, 0x3c];

    #[test]
    fn parameter_sets_go_to_the_head_and_slices_to_the_sample() {
        let mut unit = vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1];
        unit.extend(SPS);
        unit.extend([0, 0, 1]);
        unit.extend(PPS);
        unit.extend([0, 0, 1, 6, 5, 1, 0x80, 0, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 1, 0x65, 4]);
        let made = to_avc(&unit);
        assert!(made.keyframe);
        assert_eq!((made.sps.as_deref(), made.pps.as_deref()), (Some(&SPS[..]), Some(&PPS[..])));
        assert_eq!(made.data, [0, 0, 0, 4, 0x65, 1, 2, 3, 0, 0, 0, 2, 0x65, 4]);
    }

    #[test]
    fn both_spellings_say_the_same() {
        let unit = [0, 0, 0, 1, 0x41, 9, 8, 7, 0, 0, 0, 1, 0x41, 6];
        let made = to_avc(&unit);
        assert!(!made.keyframe);
        let mut back = Vec::new();
        assert!(append_annex_b(&made.data, &mut back));
        assert_eq!(back, unit);
        assert!(!append_annex_b(&made.data[..made.data.len() - 1], &mut back));
    }

    #[test]
    fn the_head_gives_its_parameter_sets_back() {
        let head = avcc(&SPS, &PPS).unwrap();
        let sets = parameter_sets(&head).unwrap();
        assert_eq!(sets, [&START_CODE[..], &SPS, &START_CODE, &PPS].concat());
        let lengths = [&[0, 0, 0, SPS.len() as u8][..], &SPS, &[0, 0, 0, PPS.len() as u8], &PPS];
        assert_eq!(parameter_samples(&head).unwrap(), lengths.concat());
        assert_eq!(parameter_sets(&head[..9]), None);
        assert_eq!(avcc(&[0x67], &PPS), None);
    }

    #[test]
    fn bytes_without_a_start_code_make_no_sample() {
        assert_eq!(to_avc(&[1, 2, 3]).data, [0u8; 0]);
        assert_eq!(to_avc(&[]).data, [0u8; 0]);
    }
}
