//! Puts tiles on a canvas. The same inputs make the same bytes: frames are reproducible, and a
//! tile without a new frame is not touched.

use crate::font;
use crate::layout::Rect;
use crate::picture::{Picture, Plane, Yuv};
use std::collections::HashMap;

/// Height of a label relative to its tile, and the bounds in pixels.
const LABEL_SHARE: u32 = 14;
const LABEL_MIN: u32 = 18;
const LABEL_MAX: u32 = 40;
const BACKGROUND: (u8, u8, u8) = (0x10, 0x14, 0x18);

/// What is in a tile now.
pub enum Content<'a> {
    /// A frame; `id` changes with it.
    Frame { picture: &'a Picture, id: u64 },
    /// No picture: the person's initials.
    Avatar,
}

/// One tile of a frame.
pub struct TileView<'a> {
    pub rect: Rect,
    pub name: &'a str,
    pub label: bool,
    /// Cut off what does not fit (cameras) instead of leaving bars (screens).
    pub fill: bool,
    pub content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq, Clone)]
struct Drawn {
    rect: Rect,
    name: String,
    label: bool,
    frame: Option<u64>,
}

/// A canvas that remembers what is on it.
pub struct Compositor {
    canvas: Picture,
    drawn: Vec<Drawn>,
    labels: HashMap<(String, u32, u32), font::Text>,
    /// Tiles that were drawn, of those that were asked for.
    pub drawn_tiles: u64,
}

impl Compositor {
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            canvas: Picture::filled(width, height, background()),
            drawn: Vec::new(),
            labels: HashMap::new(),
            drawn_tiles: 0,
        }
    }

    /// Draws a frame and shows the canvas.
    pub fn draw(&mut self, tiles: &[TileView<'_>]) -> &Picture {
        let same_places = self.drawn.len() == tiles.len()
            && self.drawn.iter().zip(tiles).all(|(drawn, tile)| drawn.rect == tile.rect);
        if !same_places {
            self.canvas = Picture::filled(self.canvas.width, self.canvas.height, background());
            self.drawn.clear();
        }
        for (n, tile) in tiles.iter().enumerate() {
            let now = Drawn {
                rect: tile.rect,
                name: tile.name.to_owned(),
                label: tile.label,
                frame: match tile.content {
                    Content::Frame { id, .. } => Some(id),
                    Content::Avatar => None,
                },
            };
            if self.drawn.get(n) == Some(&now) {
                continue;
            }
            self.tile(tile);
            self.drawn_tiles += 1;
            match self.drawn.get_mut(n) {
                Some(drawn) => *drawn = now,
                None => self.drawn.push(now),
            }
        }
        &self.canvas
    }

    fn tile(&mut self, tile: &TileView<'_>) {
        match tile.content {
            Content::Frame { picture, .. } => blit(&mut self.canvas, picture, tile.rect, tile.fill),
            Content::Avatar => self.avatar(tile),
        }
        if tile.label && !tile.name.is_empty() {
            let size = (tile.rect.height / LABEL_SHARE).clamp(LABEL_MIN, LABEL_MAX);
            let room = tile.rect.width.saturating_sub(2 * size);
            let key = (tile.name.to_owned(), size, room);
            let text = self.labels.entry(key).or_insert_with(|| font::line(tile.name, size, room));
            let box_height = (size * 3 / 2) & !1;
            let box_width = ((text.width + size) & !1).min(tile.rect.width);
            let place = Rect {
                x: tile.rect.x,
                y: tile.rect.y + tile.rect.height - box_height,
                width: box_width,
                height: box_height,
            };
            shade(&mut self.canvas, place);
            print(&mut self.canvas, text, place.x + size / 2, place.y + size / 4);
        }
    }

    fn avatar(&mut self, tile: &TileView<'_>) {
        let (r, g, b) = colour_of(tile.name);
        fill(&mut self.canvas, tile.rect, Yuv::rgb(r, g, b));
        let size = (tile.rect.height / 4).max(LABEL_MIN);
        let text = font::line(&initials(tile.name), size, tile.rect.width);
        let x = tile.rect.x + tile.rect.width.saturating_sub(text.width) / 2;
        let y = tile.rect.y + tile.rect.height.saturating_sub(text.height) / 2;
        print(&mut self.canvas, &text, x, y);
    }
}

fn background() -> Yuv {
    Yuv::rgb(BACKGROUND.0, BACKGROUND.1, BACKGROUND.2)
}

/// First letters of the first and last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A calm colour that is a person's own: the same in every film.
fn colour_of(name: &str) -> (u8, u8, u8) {
    const COLOURS: [(u8, u8, u8); 6] = [
        (0x2f, 0x4f, 0x6f),
        (0x4f, 0x3f, 0x6a),
        (0x2e, 0x5d, 0x50),
        (0x6a, 0x45, 0x3f),
        (0x56, 0x56, 0x3a),
        (0x3d, 0x4a, 0x5c),
    ];
    let sum = name.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    COLOURS[sum as usize % COLOURS.len()]
}

fn rows(rect: Rect, half: bool) -> (usize, usize, usize, usize) {
    let shift = usize::from(half);
    (
        rect.x as usize >> shift,
        rect.y as usize >> shift,
        rect.width as usize >> shift,
        rect.height as usize >> shift,
    )
}

fn fill(canvas: &mut Picture, rect: Rect, colour: Yuv) {
    for (plane, value) in [(0, colour.0), (1, colour.1), (2, colour.2)] {
        let (x, y, width, height) = rows(rect, plane > 0);
        let (stride, data) = canvas.plane_mut(plane);
        for row in y..y + height {
            data[row * stride + x..row * stride + x + width].fill(value);
        }
    }
}

/// Darkens what is under a label, so that white text reads on any picture.
fn shade(canvas: &mut Picture, rect: Rect) {
    for plane in 0..3 {
        let (x, y, width, height) = rows(rect, plane > 0);
        let (stride, data) = canvas.plane_mut(plane);
        for row in y..y + height {
            for value in &mut data[row * stride + x..row * stride + x + width] {
                *value = match plane {
                    0 => 16 + (value.saturating_sub(16)) / 4,
                    _ => (u16::from(*value) / 2 + 64) as u8,
                };
            }
        }
    }
}

/// White text by its coverage.
fn print(canvas: &mut Picture, text: &font::Text, x: u32, y: u32) {
    const WHITE: u32 = 235;
    let (canvas_width, canvas_height) = (canvas.width, canvas.height);
    let (stride, data) = canvas.plane_mut(0);
    for row in 0..text.height.min(canvas_height.saturating_sub(y)) {
        let width = text.width.min(canvas_width.saturating_sub(x)) as usize;
        let from = (row * text.width) as usize;
        let at = (y + row) as usize * stride + x as usize;
        let coverage = &text.coverage[from..from + width];
        for (value, cover) in data[at..at + width].iter_mut().zip(coverage) {
            let cover = u32::from(*cover);
            *value = ((u32::from(*value) * (255 - cover) + WHITE * cover) / 255) as u8;
        }
    }
}

/// Scales a picture into a rectangle, keeping its shape.
fn blit(canvas: &mut Picture, picture: &Picture, rect: Rect, fill_tile: bool) {
    let (w, h) = (u64::from(picture.width), u64::from(picture.height));
    let (rw, rh) = (u64::from(rect.width), u64::from(rect.height));
    let wider = w * rh > rw * h;
    // A camera that is nearly the tile's shape is cut; one that is far from it (a phone held
    // upright) keeps its whole picture with bars.
    let (ratio_a, ratio_b) = (w * rh, rw * h);
    let near = ratio_a.max(ratio_b) * 2 <= ratio_a.min(ratio_b) * 3;
    if fill_tile && near {
        let (crop_w, crop_h) = match wider {
            true => (h * rw / rh, h),
            false => (w, w * rh / rw),
        };
        let (crop_w, crop_h) = (crop_w.max(2) & !1, crop_h.max(2) & !1);
        let (x, y) = (((w - crop_w) / 2) & !1, ((h - crop_h) / 2) & !1);
        let crop = (x as usize, y as usize, crop_w as usize, crop_h as usize);
        scale_into(canvas, picture, crop, rect);
        return;
    }
    let (inner_w, inner_h) = match wider {
        true => (rw, (rw * h / w).max(2)),
        false => ((rh * w / h).max(2), rh),
    };
    let (inner_w, inner_h) = (inner_w as u32 & !1, inner_h as u32 & !1);
    let inner = Rect {
        x: (rect.x + (rect.width - inner_w) / 2) & !1,
        y: (rect.y + (rect.height - inner_h) / 2) & !1,
        width: inner_w,
        height: inner_h,
    };
    if inner != rect {
        fill(canvas, rect, Yuv(16, 128, 128));
    }
    scale_into(canvas, picture, (0, 0, w as usize, h as usize), inner);
}

fn scale_into(
    canvas: &mut Picture,
    picture: &Picture,
    crop: (usize, usize, usize, usize),
    rect: Rect,
) {
    for plane in 0..3 {
        let half = usize::from(plane > 0);
        let crop = (crop.0 >> half, crop.1 >> half, crop.2 >> half, crop.3 >> half);
        let (x, y, width, height) = rows(rect, plane > 0);
        let source = picture.plane(plane);
        let (stride, data) = canvas.plane_mut(plane);
        scale_plane(source, crop, data, stride, (x, y, width, height));
    }
}

/// Copies at 1:1, averages 2×2 at 2:1, interpolates linearly at every other ratio.
fn scale_plane(
    source: Plane<'_>,
    (cx, cy, cw, ch): (usize, usize, usize, usize),
    out: &mut [u8],
    stride: usize,
    (x, y, width, height): (usize, usize, usize, usize),
) {
    if width == 0 || height == 0 || cw == 0 || ch == 0 {
        return;
    }
    let row_of = |row: usize| {
        let at = (cy + row.min(ch - 1)) * source.width + cx;
        &source.data[at..at + cw]
    };
    if cw == width && ch == height {
        for row in 0..height {
            let at = (y + row) * stride + x;
            out[at..at + width].copy_from_slice(row_of(row));
        }
        return;
    }
    if cw == width * 2 && ch == height * 2 {
        for row in 0..height {
            let (a, b) = (row_of(row * 2), row_of(row * 2 + 1));
            let at = (y + row) * stride + x;
            let pairs = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
            for (value, (a, b)) in out[at..at + width].iter_mut().zip(pairs) {
                let sum = u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]);
                *value = ((sum + 2) / 4) as u8;
            }
        }
        return;
    }
    // Source columns and weights are the same for every row.
    let columns: Vec<(usize, usize, u32)> = (0..width)
        .map(|column| {
            let (at, weight) = position(column, width, cw);
            (at, (at + 1).min(cw - 1), weight)
        })
        .collect();
    let mut blended = vec![0u8; cw];
    for row in 0..height {
        let (at_row, weight) = position(row, height, ch);
        let (a, b) = (row_of(at_row), row_of(at_row + 1));
        for ((value, a), b) in blended.iter_mut().zip(a).zip(b) {
            *value = ((u32::from(*a) * (256 - weight) + u32::from(*b) * weight + 128) >> 8) as u8;
        }
        let at = (y + row) * stride + x;
        for (value, (left, right, weight)) in out[at..at + width].iter_mut().zip(&columns) {
            let (left, right) = (u32::from(blended[*left]), u32::from(blended[*right]));
            *value = ((left * (256 - weight) + right * weight + 128) >> 8) as u8;
        }
    }
}

/// Where output pixel `n` of `size` samples a line of `from` pixels: index and weight/256 of the
/// next one. Pixel centres are matched.
fn position(n: usize, size: usize, from: usize) -> (usize, u32) {
    let centre = ((2 * n + 1) * from * 128) / size;
    let fixed = centre.saturating_sub(128);
    let at = (fixed / 256).min(from - 1);
    (at, (fixed % 256) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Picture {
        let mut picture = Picture::filled(width, height, Yuv(0, 128, 128));
        let (stride, data) = picture.plane_mut(0);
        for (n, value) in data.iter_mut().enumerate() {
            *value = ((n % stride) * 255 / stride) as u8;
        }
        picture
    }

    fn view(rect: Rect, picture: &Picture, id: u64) -> TileView<'_> {
        let content = Content::Frame { picture, id };
        TileView { rect, name: "Ada Lovelace", label: true, fill: true, content }
    }

    const FULL: Rect = Rect { x: 0, y: 0, width: 320, height: 180 };

    #[test]
    fn scaling_keeps_a_gradient_a_gradient() {
        for (width, height) in [(320, 180), (640, 360), (1280, 720), (960, 540), (160, 90)] {
            let picture = gradient(width, height & !1);
            let mut canvas = Picture::filled(320, 180, Yuv(0, 128, 128));
            let crop = (0, 0, width as usize, (height & !1) as usize);
            scale_into(&mut canvas, &picture, crop, FULL);
            let row = &canvas.plane(0).data[320 * 90..320 * 91];
            for (n, value) in row.iter().enumerate().skip(4).take(312) {
                let wanted = (n * 255 / 320) as i32;
                assert!((i32::from(*value) - wanted).abs() <= 3, "{width}: {n} {value} {wanted}");
            }
        }
    }

    #[test]
    fn a_tile_without_a_new_frame_is_not_drawn_again() {
        let picture = gradient(640, 360);
        let mut compositor = Compositor::new(320, 180);
        let first = compositor.draw(&[view(FULL, &picture, 1)]).clone();
        assert_eq!(*compositor.draw(&[view(FULL, &picture, 1)]), first);
        assert_eq!(compositor.drawn_tiles, 1);
        compositor.draw(&[view(FULL, &picture, 2)]);
        assert_eq!(compositor.drawn_tiles, 2);
    }

    #[test]
    fn a_label_is_white_on_dark_at_the_bottom_left() {
        let picture = Picture::filled(320, 180, Yuv(235, 128, 128));
        let mut compositor = Compositor::new(320, 180);
        let canvas = compositor.draw(&[view(FULL, &picture, 1)]);
        let luma = canvas.plane(0).data;
        let label = &luma[320 * 160..320 * 161];
        assert!(label[2] < 80, "the label's ground is dark");
        assert!(luma[320 * 153..].contains(&235), "its text is white");
        assert_eq!(luma[0], 235, "the rest is untouched");
    }

    #[test]
    fn an_upright_phone_keeps_its_whole_picture() {
        let picture = Picture::filled(180, 320, Yuv(200, 128, 128));
        let mut canvas = Picture::filled(320, 180, Yuv(90, 128, 128));
        blit(&mut canvas, &picture, FULL, true);
        let middle = &canvas.plane(0).data[320 * 90..320 * 91];
        assert_eq!((middle[2], middle[160], middle[317]), (16, 200, 16));
    }

    #[test]
    fn initials_are_of_first_and_last_word() {
        assert_eq!(initials("ada king of lovelace"), "AL");
        assert_eq!(initials("Žofie"), "Ž");
        assert_eq!(initials(""), "");
    }
}
