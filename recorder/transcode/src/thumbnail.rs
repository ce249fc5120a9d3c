//! A small picture, in the colours that JPEG means.

use crate::layout::Rect;
use crate::picture::{Picture, PictureView, Yuv};
use crate::scale;

/// The longer side.
const SIDE: u32 = 640;

/// A small copy in the film's colours. Rows are a multiple of eight pixels wide: JPEG encoders
/// take planes whose rows are padded to four bytes, and these have no padding.
pub fn shrink(picture: &PictureView<'_>) -> Picture {
    let longer = picture.width.max(picture.height).max(1);
    let side = SIDE.min(longer);
    let width = (picture.width * side / longer).max(8) & !7;
    let height = (picture.height * side / longer).max(2) & !1;
    let mut small = Picture::filled(width, height, Yuv(16, 128, 128));
    let rect = Rect { x: 0, y: 0, width, height };
    scale::draw(&mut small, picture, scale::place(picture.width, picture.height, rect, true));
    small
}

/// From the film's colours to those of JFIF: BT.601 weights, full range.
pub fn spread_for_jpeg(picture: &mut Picture) {
    let luma_size = (picture.width * picture.height) as usize;
    let half = picture.width as usize / 2;
    let (luma, chroma) = picture.data.split_at_mut(luma_size);
    let (us, vs) = chroma.split_at_mut(luma_size / 4);
    for (n, value) in luma.iter_mut().enumerate() {
        let (x, y) = (n % (half * 2), n / (half * 2));
        let at = y / 2 * half + x / 2;
        let (u, v) = (f32::from(us[at]) - 128.0, f32::from(vs[at]) - 128.0);
        // The inverse of what cameras go through, then 219 steps become 255.
        let bt601 = f32::from(*value) - 16.0 + (0.1016 * u + 0.1961 * v) * 219.0 / 224.0;
        *value = (bt601 * 255.0 / 219.0).round().clamp(0.0, 255.0) as u8;
    }
    for (u, v) in us.iter_mut().zip(vs) {
        let (du, dv) = (f32::from(*u) - 128.0, f32::from(*v) - 128.0);
        let spread = |value: f32| (128.0 + value * 255.0 / 224.0).round().clamp(0.0, 255.0) as u8;
        *u = spread(0.9899 * du - 0.1107 * dv);
        *v = spread(0.9834 * dv - 0.0725 * du);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_its_shape() {
        let sizes =
            [((1280, 720), (640, 360)), ((720, 1280), (360, 640)), ((320, 180), (320, 180))];
        for ((width, height), small) in sizes {
            let picture = Picture::filled(width, height, Yuv(100, 90, 140));
            let made = shrink(&picture.view());
            assert_eq!((made.width, made.height), small);
            assert_eq!(made.data[made.data.len() - 1], 140);
        }
    }

    #[test]
    fn colours_survive_the_jpeg() {
        for (r, g, b) in
            [(255u8, 255u8, 255u8), (0, 0, 0), (200, 40, 30), (30, 200, 60), (20, 40, 220)]
        {
            let mut picture = Picture::filled(16, 16, Yuv::rgb(r, g, b));
            spread_for_jpeg(&mut picture);
            let [y, u, v] = [0, 1, 2].map(|plane| f32::from(picture.plane(plane).data[0]));
            // JFIF §"Conversion to and from RGB"
            let back = [
                y + 1.402 * (v - 128.0),
                y - 0.34414 * (u - 128.0) - 0.71414 * (v - 128.0),
                y + 1.772 * (u - 128.0),
            ];
            for (wanted, got) in [r, g, b].into_iter().zip(back) {
                assert!((f32::from(wanted) - got).abs() <= 5.0, "{r} {g} {b}: {back:?}");
            }
        }
    }
}
