//! Where tiles go on the canvas.

use serde::Serialize;

/// A rectangle in pixels; all numbers even, as 4:2:0 pictures want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Most tiles on one canvas.
pub const MAX_TILES: usize = 9;

/// Most small tiles beside a large one.
pub const LONGEST_STRIP: usize = 4;

/// Pixels between tiles.
const GAP: u32 = 8;

fn even(value: u32) -> u32 {
    value & !1
}

/// Rows and columns for so many equal tiles.
fn shape(count: usize) -> (u32, u32) {
    match count {
        0 | 1 => (1, 1),
        2 => (1, 2),
        3 | 4 => (2, 2),
        5 | 6 => (2, 3),
        _ => (3, 3),
    }
}

/// Equal tiles; the last row is centred.
pub fn grid(canvas: (u32, u32), count: usize) -> Vec<Rect> {
    let count = count.min(MAX_TILES);
    let (rows, columns) = shape(count);
    if count <= 1 {
        let (width, height) = canvas;
        return (0..count).map(|_| Rect { x: 0, y: 0, width, height }).collect();
    }
    let width = even((canvas.0 - GAP * (columns + 1)) / columns);
    let height = even((canvas.1 - GAP * (rows + 1)) / rows);
    (0..count as u32)
        .map(|n| {
            let (row, column) = (n / columns, n % columns);
            let in_row = (count as u32 - row * columns).min(columns);
            let used = in_row * width + (in_row - 1) * GAP;
            let all_rows = rows * height + (rows - 1) * GAP;
            Rect {
                x: even((canvas.0 - used) / 2 + column * (width + GAP)),
                y: even((canvas.1 - all_rows) / 2 + row * (height + GAP)),
                width,
                height,
            }
        })
        .collect()
}

/// A stage and a strip of so many small tiles to its right. The first rectangle is the stage.
pub fn stage(canvas: (u32, u32), strip: usize) -> Vec<Rect> {
    let strip = strip.min(LONGEST_STRIP);
    if strip == 0 {
        return grid(canvas, 1);
    }
    let small_width = even(canvas.0 / 5);
    // As many as there are must fit, however wide the canvas is.
    let fits = (canvas.1 - (strip as u32 - 1) * GAP) / strip as u32;
    let small_height = even((small_width * 9 / 16).min(fits));
    let mut tiles = vec![Rect {
        x: 0,
        y: 0,
        width: even(canvas.0 - small_width - GAP),
        height: even(canvas.1),
    }];
    let used = strip as u32 * small_height + (strip as u32 - 1) * GAP;
    for n in 0..strip as u32 {
        tiles.push(Rect {
            x: even(canvas.0 - small_width),
            y: even((canvas.1 - used) / 2 + n * (small_height + GAP)),
            width: small_width,
            height: small_height,
        });
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disjoint_and_inside(tiles: &[Rect], canvas: (u32, u32)) {
        for (n, a) in tiles.iter().enumerate() {
            assert!(a.x + a.width <= canvas.0 && a.y + a.height <= canvas.1, "{a:?}");
            assert!([a.x, a.y, a.width, a.height].iter().all(|v| v % 2 == 0), "{a:?}");
            for b in &tiles[n + 1..] {
                let apart = a.x + a.width <= b.x
                    || b.x + b.width <= a.x
                    || a.y + a.height <= b.y
                    || b.y + b.height <= a.y;
                assert!(apart, "{a:?} and {b:?} overlap");
            }
        }
    }

    #[test]
    fn tiles_are_even_inside_and_do_not_overlap() {
        for canvas in
            [(1280, 720), (1920, 1080), (640, 360), (1920, 360), (3840, 90), (160, 90), (720, 1280)]
        {
            for count in 0..=MAX_TILES {
                let tiles = grid(canvas, count);
                assert_eq!(tiles.len(), count);
                disjoint_and_inside(&tiles, canvas);
                disjoint_and_inside(&stage(canvas, count), canvas);
            }
        }
    }
}
