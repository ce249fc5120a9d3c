//! Descriptors that are written bit by bit, as the specification has them.

use super::*;

/// Writes bits, most significant first.
#[derive(Default)]
struct Pen {
    bytes: Vec<u8>,
    used: usize,
}

impl Pen {
    fn write(mut self, count: u32, value: u32) -> Self {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
        self
    }

    fn each(self, count: u32, values: &[u32]) -> Self {
        values.iter().fold(self, |pen, value| pen.write(count, *value))
    }
}

const OFFSET: u32 = 62;

/// The mandatory fields: begins, ends, template, frame number.
fn head(begins: bool, ends: bool, template: u32) -> Pen {
    let template = (OFFSET + template) % 64;
    Pen::default().each(1, &[begins.into(), ends.into()]).write(6, template).write(16, 7)
}

/// Two sizes and two rates: templates S0T0, S0T1, S1T0, S1T1; targets S0T0, S0T1, S1T0, S1T1.
fn keyframe() -> Vec<u8> {
    const NONE: u32 = 0;
    const DISCARDABLE: u32 = 1;
    const SWITCH: u32 = 2;
    const REQUIRED: u32 = 3;
    head(true, false, 0)
        // A structure, and nothing else of one's own.
        .each(1, &[1, 0, 0, 0, 0])
        .write(6, OFFSET)
        .write(5, 3)
        .each(2, &[1, 2, 1, 3])
        .each(2, &[SWITCH, SWITCH, REQUIRED, REQUIRED])
        .each(2, &[NONE, DISCARDABLE, NONE, REQUIRED])
        .each(2, &[NONE, NONE, SWITCH, SWITCH])
        .each(2, &[NONE, NONE, NONE, DISCARDABLE])
        // One reference each but for the first, four back.
        .write(1, 0)
        .each(6, &[0b10_0110; 3])
        // Two chains, of numbers below five.
        .write(2, 2)
        .each(1, &[0, 0, 1, 1])
        .each(4, &[0; 8])
        .write(1, 1)
        .each(16, &[319, 179, 639, 359])
        .bytes
}

#[test]
fn a_structure_tells_the_place_of_the_frames_that_follow_it() {
    let mut known = None;
    let place = read(&keyframe(), &mut known).unwrap();
    assert_eq!((place.spatial, place.temporal, place.spatial_layers), (0, 0, 2));
    assert!(place.begins && !place.ends);
    assert_eq!(place.climb, Some(Climb { from: 0, to: 1 }));
    let structure = known.as_ref().unwrap();
    assert_eq!(structure.heights, [180, 360]);
    assert_eq!(structure.targets, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    let places: Vec<(u8, u8, bool)> = (0..4)
        .map(|template| read(&head(true, true, template).bytes, &mut known).unwrap())
        .map(|place| (place.spatial, place.temporal, place.climb.is_some()))
        .collect();
    assert_eq!(places, [(0, 0, true), (0, 1, false), (1, 0, true), (1, 1, false)]);
}

#[test]
fn a_frames_own_indications_count() {
    let mut known = None;
    read(&keyframe(), &mut known).unwrap();
    // Its own list of active targets, then its own indications: S1T0 that nobody can start with.
    let own = head(true, true, 2).each(1, &[0, 1, 1, 0, 0]).write(4, 0b1111);
    let own = own.each(2, &[0, 0, 3, 3]).bytes;
    assert_eq!(read(&own, &mut known).unwrap().climb, None);
}

#[test]
fn what_names_no_known_template_has_no_place() {
    let mut known = None;
    assert!(read(&head(true, true, 0).bytes, &mut known).is_none(), "no structure came yet");
    read(&keyframe(), &mut known).unwrap();
    assert!(read(&head(true, true, 4).bytes, &mut known).is_none());
    assert!(read(&head(true, true, 63).bytes, &mut known).is_none());
}

#[test]
fn a_structure_that_is_cut_off_leaves_the_known_one() {
    let whole = keyframe();
    let mut known = None;
    read(&whole, &mut known).unwrap();
    for length in 0..whole.len() {
        let place = read(&whole[..length], &mut known);
        assert_eq!(place.is_some(), length == MANDATORY, "{length}");
    }
    assert!(read(&head(true, true, 3).bytes, &mut known).is_some());
}
