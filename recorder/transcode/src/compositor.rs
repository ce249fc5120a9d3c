//! Puts tiles on a canvas. The same inputs make the same bytes: frames are reproducible, and a
//! tile without a new frame is not touched.

use crate::font;
use crate::icon;
use crate::layout::Rect;
use crate::picture::{Picture, PictureView, Yuv};
use crate::scale;
use std::collections::HashMap;

/// Height of a label relative to its tile, and the bounds in pixels.
const LABEL_SHARE: u32 = 14;
const LABEL_MIN: u32 = 18;
const LABEL_MAX: u32 = 40;
const BACKGROUND: (u8, u8, u8) = (0x10, 0x14, 0x18);

/// What is in a tile now.
pub enum Content<'a> {
    /// A frame; `id` changes with it.
    Frame { picture: PictureView<'a>, id: u64 },
    /// No picture: the person's initials.
    Avatar,
}

/// One tile of a frame.
pub struct TileView<'a> {
    pub rect: Rect,
    pub name: &'a str,
    pub label: bool,
    /// The label says that the microphone is off.
    pub muted: bool,
    /// Cut off what does not fit (cameras) instead of leaving bars (screens).
    pub fill: bool,
    pub content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq, Clone)]
struct Drawn {
    rect: Rect,
    name: String,
    label: bool,
    muted: bool,
    frame: Option<u64>,
}

/// A canvas that remembers what is on it.
pub struct Compositor {
    canvas: Picture,
    drawn: Vec<Drawn>,
    labels: HashMap<(String, u32, u32), font::Text>,
    /// By size.
    signs: HashMap<u32, font::Text>,
    /// Tiles that were drawn, of those that were asked for.
    pub drawn_tiles: u64,
}

impl Compositor {
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            canvas: Picture::filled(width, height, background()),
            drawn: Vec::new(),
            labels: HashMap::new(),
            signs: HashMap::new(),
            drawn_tiles: 0,
        }
    }

    /// What was drawn last.
    pub fn canvas(&self) -> &Picture {
        &self.canvas
    }

    /// Draws a frame; `false` if the canvas stays as it was.
    pub fn draw(&mut self, tiles: &[TileView<'_>]) -> bool {
        let mut changed = false;
        let same_places = self.drawn.len() == tiles.len()
            && self.drawn.iter().zip(tiles).all(|(drawn, tile)| drawn.rect == tile.rect);
        if !same_places {
            self.canvas = Picture::filled(self.canvas.width, self.canvas.height, background());
            self.drawn.clear();
            changed = true;
        }
        for (n, tile) in tiles.iter().enumerate() {
            let now = Drawn {
                rect: tile.rect,
                name: tile.name.to_owned(),
                label: tile.label,
                muted: tile.muted,
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
            changed = true;
            match self.drawn.get_mut(n) {
                Some(drawn) => *drawn = now,
                None => self.drawn.push(now),
            }
        }
        changed
    }

    fn tile(&mut self, tile: &TileView<'_>) {
        match tile.content {
            Content::Frame { picture, .. } => {
                let placement = scale::place(picture.width, picture.height, tile.rect, tile.fill);
                if placement.rect != tile.rect {
                    fill(&mut self.canvas, tile.rect, background());
                }
                scale::draw(&mut self.canvas, &picture, placement);
            }
            Content::Avatar => self.avatar(tile),
        }
        if tile.label && !tile.name.is_empty() {
            self.label(tile);
        }
    }

    fn label(&mut self, tile: &TileView<'_>) {
        let size = (tile.rect.height / LABEL_SHARE).clamp(LABEL_MIN, LABEL_MAX);
        let sign_room = if tile.muted { size + size / 4 } else { 0 };
        let room = tile.rect.width.saturating_sub(2 * size + sign_room);
        let key = (tile.name.to_owned(), size, room);
        let text = self.labels.entry(key).or_insert_with(|| font::line(tile.name, size, room));
        let box_height = (size * 3 / 2) & !1;
        let box_width = ((text.width + size + sign_room) & !1).min(tile.rect.width);
        let place = Rect {
            x: tile.rect.x,
            y: tile.rect.y + tile.rect.height - box_height,
            width: box_width,
            height: box_height,
        };
        shade(&mut self.canvas, place);
        let (x, y) = (place.x + size / 2, place.y + size / 4);
        if tile.muted {
            let sign = self.signs.entry(size).or_insert_with(|| icon::microphone_off(size));
            print(&mut self.canvas, sign, x, y);
        }
        print(&mut self.canvas, text, x + sign_room, y);
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
    // FNV-1a; its low bits alone would give similar names one colour.
    let step = |sum: u32, byte: u8| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let sum = name.bytes().fold(0x811c_9dc5, step);
    COLOURS[(sum >> 16) as usize % COLOURS.len()]
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

/// White text by its coverage, at an even place.
fn print(canvas: &mut Picture, text: &font::Text, x: u32, y: u32) {
    const WHITE: u32 = 235;
    const GREY: u32 = 128;
    let (x, y) = (x & !1, y & !1);
    let width = text.width.min(canvas.width.saturating_sub(x)) as usize;
    let height = text.height.min(canvas.height.saturating_sub(y)) as usize;
    let blend = |value: u8, to: u32, cover: u32| {
        ((u32::from(value) * (255 - cover) + to * cover) / 255) as u8
    };
    let coverage = |row: usize| &text.coverage[row * text.width as usize..][..width];
    let (stride, data) = canvas.plane_mut(0);
    for row in 0..height {
        let at = (y as usize + row) * stride + x as usize;
        for (value, cover) in data[at..at + width].iter_mut().zip(coverage(row)) {
            *value = blend(*value, WHITE, u32::from(*cover));
        }
    }
    // A chroma sample is as white as the four pixels that it colours.
    for plane in [1, 2] {
        let (stride, data) = canvas.plane_mut(plane);
        for row in 0..height / 2 {
            let (above, below) = (coverage(row * 2), coverage(row * 2 + 1));
            let pairs = above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0);
            let at = (y as usize / 2 + row) * stride + x as usize / 2;
            for (value, (a, b)) in data[at..at + width / 2].iter_mut().zip(pairs) {
                let cover = a.iter().chain(b).map(|cover| u32::from(*cover)).sum::<u32>() / 4;
                *value = blend(*value, GREY, cover);
            }
        }
    }
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
        let content = Content::Frame { picture: picture.view(), id };
        TileView { rect, name: "Ada Lovelace", label: true, muted: false, fill: true, content }
    }

    const FULL: Rect = Rect { x: 0, y: 0, width: 320, height: 180 };

    #[test]
    fn a_tile_without_a_new_frame_is_not_drawn_again() {
        let picture = gradient(640, 360);
        let mut compositor = Compositor::new(320, 180);
        assert!(compositor.draw(&[view(FULL, &picture, 1)]));
        let first = compositor.canvas().clone();
        assert!(!compositor.draw(&[view(FULL, &picture, 1)]));
        assert_eq!(*compositor.canvas(), first);
        assert_eq!(compositor.drawn_tiles, 1);
        compositor.draw(&[view(FULL, &picture, 2)]);
        assert_eq!(compositor.drawn_tiles, 2);
    }

    #[test]
    fn a_label_is_white_on_dark_at_the_bottom_left() {
        let picture = Picture::filled(320, 180, Yuv(235, 128, 128));
        let mut compositor = Compositor::new(320, 180);
        compositor.draw(&[view(FULL, &picture, 1)]);
        let canvas = compositor.canvas();
        let luma = canvas.plane(0).data;
        let label = &luma[320 * 160..320 * 161];
        assert!(label[2] < 80, "the label's ground is dark");
        assert!(luma[320 * 153..].contains(&235), "its text is white");
        assert_eq!(luma[0], 235, "the rest is untouched");
    }

    #[test]
    fn initials_are_of_first_and_last_word() {
        assert_eq!(initials("ada king of lovelace"), "AL");
        assert_eq!(initials("Žofie"), "Ž");
        assert_eq!(initials(""), "");
    }
}
