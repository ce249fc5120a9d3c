//! A sheet of small pictures of the whole film: what is where in it shows before one goes there.

use crate::layout::Rect;
use crate::picture::{Picture, PictureView, Yuv};
use crate::scale;
use serde::Serialize;

/// Width of one small picture. Its rows and the sheet's are multiples of eight, as JPEG likes it.
const WIDTH: u32 = 160;
const COLUMNS: u32 = 10;
/// Most pictures on a sheet; a longer film has them further apart.
const MOST: u64 = 120;
/// Closer than this they would look alike.
const NEAREST_US: u64 = 2_000_000;

/// Where the picture of a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// In the film's time, until the next spot.
    pub from_us: u64,
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// A sheet in the making.
pub struct SpriteSheet {
    every_us: u64,
    height: u32,
    sheet: Picture,
    spots: Vec<Spot>,
}

impl SpriteSheet {
    /// For a film of this length and of pictures of this size.
    pub fn new(duration_us: u64, (width, height): (u32, u32)) -> Self {
        let every_us = duration_us.div_ceil(MOST).max(NEAREST_US);
        let count = duration_us.div_ceil(every_us).clamp(1, MOST) as u32;
        let height = (WIDTH * height / width.max(1)).clamp(16, 2 * WIDTH) & !7;
        let rows = count.div_ceil(COLUMNS);
        let black = Yuv(16, 128, 128);
        let sheet = Picture::filled(WIDTH * COLUMNS.min(count), height * rows, black);
        Self { every_us, height, sheet, spots: Vec::new() }
    }

    /// True if a picture of this moment is wanted.
    pub fn wants(&self, film_us: u64) -> bool {
        film_us >= self.spots.len() as u64 * self.every_us && self.next().is_some()
    }

    /// Draws the picture of a moment, if it is wanted.
    pub fn offer(&mut self, film_us: u64, picture: &PictureView<'_>) {
        let Some(rect) = self.next().filter(|_| self.wants(film_us)) else { return };
        let placed = scale::place(picture.width, picture.height, rect, false);
        scale::draw(&mut self.sheet, picture, placed);
        let Rect { x, y, width, height } = rect;
        // The first one stands for the beginning, whenever it came.
        let from_us = if self.spots.is_empty() { 0 } else { film_us };
        self.spots.push(Spot { from_us, x, y, width, height });
    }

    fn next(&self) -> Option<Rect> {
        let columns = self.sheet.width / WIDTH;
        let n = self.spots.len() as u32;
        let rect = Rect {
            x: n % columns * WIDTH,
            y: n / columns * self.height,
            width: WIDTH,
            height: self.height,
        };
        (rect.y + rect.height <= self.sheet.height).then_some(rect)
    }

    /// The sheet, as high as it is filled, and what is where on it; `None` if nothing was offered.
    pub fn finish(self) -> Option<(Picture, Vec<Spot>)> {
        let last = self.spots.last()?;
        let (width, height) = (self.sheet.width, last.y + last.height);
        let filled = (width * height) as usize;
        let plane = |n: usize, size: usize| &self.sheet.plane(n).data[..size];
        let data = [plane(0, filled), plane(1, filled / 4), plane(2, filled / 4)].concat();
        Some((Picture { width, height, data }, self.spots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn sheet_of(duration_us: u64, step_us: u64) -> (Picture, Vec<Spot>) {
        let mut sheet = SpriteSheet::new(duration_us, (1280, 720));
        for film_us in (0..duration_us).step_by(step_us as usize) {
            let picture = Picture::filled(64, 36, Yuv((film_us / SECOND % 200) as u8, 128, 128));
            sheet.offer(film_us, &picture.view());
        }
        sheet.finish().unwrap()
    }

    #[test]
    fn a_short_film_has_a_picture_every_two_seconds() {
        let (sheet, spots) = sheet_of(21 * SECOND, SECOND / 10);
        assert_eq!(spots.len(), 11);
        assert_eq!((sheet.width, sheet.height), (1600, 2 * 88));
        assert!(spots.windows(2).all(|pair| pair[1].from_us - pair[0].from_us == 2 * SECOND));
        let last = spots[10];
        assert_eq!((last.x, last.y), (0, 88));
        let middle = (last.y + 40) * sheet.width + last.x + 80;
        assert_eq!(sheet.data[middle as usize], 20, "it shows the moment that it stands for");
    }

    #[test]
    fn a_day_fits_on_one_sheet() {
        let (sheet, spots) = sheet_of(24 * 3600 * SECOND, 10 * SECOND);
        assert_eq!(spots.len(), 120);
        assert_eq!((sheet.width, sheet.height), (1600, 12 * 88));
    }

    #[test]
    fn what_comes_rarely_is_still_shown_in_order() {
        // Keyframes of a copied stream, 7 s apart.
        let (sheet, spots) = sheet_of(60 * SECOND, 7 * SECOND);
        assert_eq!(spots[0].from_us, 0);
        assert!(spots.windows(2).all(|pair| pair[0].from_us < pair[1].from_us));
        assert_eq!(spots.len(), 9);
        assert_eq!((sheet.width, sheet.height), (1600, 88), "empty rows are left out");
    }

    #[test]
    fn an_upright_film_has_upright_pictures() {
        let mut sheet = SpriteSheet::new(SECOND, (720, 1280));
        sheet.offer(0, &Picture::filled(72, 128, Yuv(200, 128, 128)).view());
        let (sheet, spots) = sheet.finish().unwrap();
        assert_eq!((sheet.width, sheet.height), (160, 280));
        assert_eq!(spots.len(), 1);
    }
}
