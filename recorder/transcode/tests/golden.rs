//! Whole canvases against pictures that were looked at once. A change of a pixel by more than
//! rounding fails; `ROOMBOX_BLESS=1` writes the pictures anew, to be looked at again.

#![allow(clippy::disallowed_methods, reason = "the library has no files; its golden pictures do")]
#![allow(clippy::unwrap_used, reason = "a test that cannot read its pictures has failed")]

use roombox_transcode::compositor::{Compositor, Content, TileView};
use roombox_transcode::layout::{grid, stage};
use roombox_transcode::picture::{Colour, Picture, Yuv};
use std::fs;
use std::path::Path;

const CANVAS: (u32, u32) = (640, 360);
const NAMES: [&str; 9] =
    ["Ada", "Žofie Ř", "Юлия П", "Ελένη", "Jörg Größe", "F", "", "Very long name of a person", "I"];

/// A picture with an edge in every direction, so that shifts and mirrored planes show.
fn card(width: u32, height: u32, hue: u8) -> Picture {
    let mut picture = Picture::filled(width, height, Yuv(60, 128, 128));
    for plane in 0..3 {
        let (stride, data) = picture.plane_mut(plane);
        let rows = data.len() / stride;
        for (n, value) in data.iter_mut().enumerate() {
            let (x, y) = (n % stride * 16 / stride, n / stride * 9 / rows);
            *value = match (plane, x, y) {
                (0, _, 0) | (0, 0, _) => 235,
                (0, ..) => (40 + x * 10 + y * 4) as u8,
                (1, ..) => hue.wrapping_add((x * 4) as u8),
                _ => 200u8.wrapping_sub((y * 8) as u8),
            };
        }
    }
    picture
}

/// Compares the canvas with the golden picture, kept as a binary PGM of its three planes.
fn assert_golden(name: &str, canvas: &Picture) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let rows = canvas.height * 3 / 2;
    let head = format!("P5\n{} {rows}\n255\n", canvas.width);
    if std::env::var_os("ROOMBOX_BLESS").is_some() {
        fs::write(&path, [head.as_bytes(), &canvas.data].concat()).unwrap();
        return;
    }
    let golden = fs::read(&path).unwrap();
    let golden = golden.strip_prefix(head.as_bytes()).expect("the golden picture has another size");
    let differs = golden.iter().zip(&canvas.data).filter(|(a, b)| a.abs_diff(**b) > 2).count();
    assert_eq!(golden.len(), canvas.data.len());
    assert_eq!(differs, 0, "{differs} pixels of {name} are others");
}

#[test]
fn a_grid_of_nine_cameras_looks_as_it_did() {
    let sizes = [(640, 360), (1280, 720), (320, 180), (180, 320), (400, 300)];
    let cards: Vec<Picture> =
        (0..9).map(|n| card(sizes[n % 5].0, sizes[n % 5].1, 60 + 12 * n as u8)).collect();
    let mut compositor = Compositor::new(CANVAS.0, CANVAS.1);
    let rects = grid(CANVAS, 9);
    let tiles: Vec<TileView<'_>> = (0..9)
        .map(|n| {
            let mut picture = cards[n].view();
            if n % 2 == 0 {
                picture.colour = Colour::CAMERA;
            }
            let content = match n {
                5 | 8 => Content::Avatar,
                _ => Content::Frame { picture, id: n as u64 },
            };
            TileView {
                rect: rects[n],
                name: NAMES[n],
                label: true,
                muted: false,
                fill: true,
                content,
            }
        })
        .collect();
    compositor.draw(&tiles);
    assert_golden("grid-9.pgm", compositor.canvas());
}

#[test]
fn a_stage_with_its_strip_looks_as_it_did() {
    let (screen, camera) = (card(1920, 1080, 90), card(640, 360, 128));
    let mut compositor = Compositor::new(CANVAS.0, CANVAS.1);
    let rects = stage(CANVAS, 3);
    let tiles: Vec<TileView<'_>> = (0..4)
        .map(|n| {
            let content = match n {
                0 => Content::Frame { picture: screen.view(), id: 0 },
                3 => Content::Avatar,
                _ => Content::Frame { picture: camera.view(), id: 1 },
            };
            let (label, muted, fill) = (n > 0, n > 1, n > 0);
            TileView { rect: rects[n], name: NAMES[n], label, muted, fill, content }
        })
        .collect();
    compositor.draw(&tiles);
    assert_golden("stage-3.pgm", compositor.canvas());
}

#[test]
fn what_was_drawn_before_leaves_no_trace() {
    let (old, new) = (card(640, 360, 60), card(360, 640, 100));
    fn tiles<'a>(picture: &'a Picture, id: u64, count: usize) -> Vec<TileView<'a>> {
        let rects = grid(CANVAS, count).into_iter();
        rects
            .map(|rect| {
                let content = Content::Frame { picture: picture.view(), id };
                TileView { rect, name: "Ada", label: true, muted: false, fill: true, content }
            })
            .collect()
    }
    let mut used = Compositor::new(CANVAS.0, CANVAS.1);
    used.draw(&tiles(&old, 1, 9));
    used.draw(&tiles(&old, 2, 4));
    used.draw(&tiles(&new, 3, 4));
    let mut fresh = Compositor::new(CANVAS.0, CANVAS.1);
    fresh.draw(&tiles(&new, 3, 4));
    assert!(used.canvas() == fresh.canvas());
}
