//! Signs that a tile can carry, drawn by distance: sharp at every size, without a file.

use crate::font::Text;

/// The grid that shapes are given on.
const GRID: f32 = 24.0;
/// Samples a pixel, each way.
const FINE: u32 = 4;

fn to_segment((x, y): (f32, f32), (ax, ay): (f32, f32), (bx, by): (f32, f32)) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - ax - along * dx).hypot(y - ay - along * dy)
}

/// A microphone, crossed out.
fn is_in_microphone_off(at: (f32, f32)) -> bool {
    let stroke = to_segment(at, (4.0, 3.5), (20.0, 20.5));
    let capsule = to_segment(at, (12.0, 6.0), (12.0, 11.0)) <= 3.2;
    let ring = ((at.0 - 12.0).hypot(at.1 - 11.0) - 6.3).abs() <= 1.0;
    let cradle = ring && at.1 >= 11.0;
    let stem = to_segment(at, (12.0, 17.3), (12.0, 21.0)) <= 1.0;
    let foot = to_segment(at, (8.5, 21.0), (15.5, 21.0)) <= 1.0;
    // Some room on both sides of the stroke, or it would not be seen on the capsule.
    stroke <= 1.1 || (stroke > 2.4 && (capsule || cradle || stem || foot))
}

/// The sign of a microphone that is off, `size` pixels high and wide.
pub(crate) fn microphone_off(size: u32) -> Text {
    let step = GRID / (size.max(1) * FINE) as f32;
    let middle = |n: u32| (n as f32 + 0.5) * step;
    let cover = |x: u32, y: u32| {
        let fine = (0..FINE).flat_map(|dy| (0..FINE).map(move |dx| (dx, dy)));
        let inside = fine.filter(|(dx, dy)| {
            is_in_microphone_off((middle(x * FINE + dx), middle(y * FINE + dy)))
        });
        (inside.count() as u32 * 255 / (FINE * FINE)) as u8
    };
    let rows = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
    Text { width: size, height: size, coverage: rows.map(|(x, y)| cover(x, y)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_crosses_the_microphone_with_room_on_both_sides() {
        let sign = microphone_off(24);
        let at = |x: u32, y: u32| sign.coverage[(y * 24 + x) as usize];
        assert!(at(12, 12) > 200, "the stroke");
        assert!(at(12, 21) > 150, "the foot");
        assert_eq!((at(10, 13), at(23, 0)), (0, 0), "room beside the stroke, and around");
        assert!(at(13, 7) > 200, "the capsule above it");
    }
}
