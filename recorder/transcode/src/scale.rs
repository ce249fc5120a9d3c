//! From a decoder's frame to a rectangle of the canvas: what is cut off, how it is scaled, and
//! how its colours become the film's.

use crate::layout::Rect;
use crate::picture::{Colour, Matrix, Picture, PictureView, Plane};

/// A part of a frame, in luma pixels; all numbers even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crop {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// Which part of a frame goes where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    crop: Crop,
    pub rect: Rect,
}

/// True if a frame fills a tile by losing no more than a third. One that is far from the tile's
/// shape (a phone held upright) keeps its whole picture, with bars.
fn is_near(width: u32, height: u32, rect: Rect) -> bool {
    let a = u64::from(width) * u64::from(rect.height);
    let b = u64::from(height) * u64::from(rect.width);
    a.max(b) * 2 <= a.min(b) * 3
}

/// How large a frame's pixels become in a tile, in 1/1000.
pub(crate) fn magnification(width: u32, height: u32, rect: Rect, fill: bool) -> u64 {
    let across = u64::from(rect.width) * 1000 / u64::from(width.max(1));
    let down = u64::from(rect.height) * 1000 / u64::from(height.max(1));
    match fill && is_near(width, height, rect) {
        true => across.max(down),
        false => across.min(down),
    }
}

/// Places a frame in a tile, its shape kept: cut (`fill`) or with bars.
pub(crate) fn place(width: u32, height: u32, rect: Rect, fill: bool) -> Placement {
    let (w, h) = (u64::from(width), u64::from(height));
    let (rw, rh) = (u64::from(rect.width), u64::from(rect.height));
    let wider = w * rh > rw * h;
    if fill && is_near(width, height, rect) {
        let (crop_w, crop_h) = match wider {
            true => ((h * rw / rh) as u32, height),
            false => (width, (w * rh / rw) as u32),
        };
        let (crop_w, crop_h) = whole_ratio(crop_w, crop_h, rect).unwrap_or((crop_w, crop_h));
        let (crop_w, crop_h) = (crop_w.max(2) & !1, crop_h.max(2) & !1);
        let (x, y) = (((width - crop_w) / 2) & !1, ((height - crop_h) / 2) & !1);
        return Placement { crop: Crop { x, y, width: crop_w, height: crop_h }, rect };
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
    Placement { crop: Crop { x: 0, y: 0, width, height }, rect: inner }
}

/// A slightly smaller cut that is a whole multiple of the tile: copied or averaged instead of
/// interpolated, which is sharper and several times cheaper.
fn whole_ratio(crop_w: u32, crop_h: u32, rect: Rect) -> Option<(u32, u32)> {
    (1..=4).rev().find_map(|ratio| {
        let (w, h) = (rect.width * ratio, rect.height * ratio);
        let loses_little = crop_w * 10 <= w * 11 && crop_h * 10 <= h * 11;
        (w <= crop_w && h <= crop_h && loses_little).then_some((w, h))
    })
}

/// Draws a placed frame.
pub(crate) fn draw(canvas: &mut Picture, picture: &PictureView<'_>, placement: Placement) {
    let Placement { crop, rect } = placement;
    for plane in 0..3 {
        let half = u32::from(plane > 0);
        let source = cut(picture.planes[plane], crop, half);
        let (stride, data) = canvas.plane_mut(plane);
        let at = (rect.y >> half) as usize * stride + (rect.x >> half) as usize;
        let size = ((rect.width >> half) as usize, (rect.height >> half) as usize);
        scale(source, &mut data[at..], stride, size);
    }
    if picture.colour != Colour::FILM {
        convert(canvas, rect, picture.colour);
    }
}

/// Rows of a plane, `width` bytes each.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Rows<'a> {
    fn row(&self, row: usize) -> &'a [u8] {
        let at = row.min(self.height - 1) * self.stride;
        &self.data[at..at + self.width]
    }
}

fn cut(plane: Plane<'_>, crop: Crop, half: u32) -> Rows<'_> {
    let at = (crop.y >> half) as usize * plane.stride + (crop.x >> half) as usize;
    Rows {
        data: &plane.data[at..],
        stride: plane.stride,
        width: (crop.width >> half) as usize,
        height: (crop.height >> half) as usize,
    }
}

/// Copies at 1:1, averages at whole ratios, interpolates linearly at every other.
fn scale(source: Rows<'_>, out: &mut [u8], stride: usize, (width, height): (usize, usize)) {
    if width == 0 || height == 0 || source.width == 0 || source.height == 0 {
        return;
    }
    let ratio = source.width / width;
    if source.width == width * ratio && source.height == height * ratio {
        match ratio {
            1 => {
                for (row, out) in out.chunks_mut(stride).take(height).enumerate() {
                    out[..width].copy_from_slice(source.row(row));
                }
                return;
            }
            2 => return halve(source, out, stride, (width, height)),
            3 => return average::<3>(source, out, stride, (width, height)),
            4 => return average::<4>(source, out, stride, (width, height)),
            _ => {}
        }
    }
    if source.width >= width * 2 && source.height >= height * 2 {
        // Interpolation looks at two pixels: what would be skipped is averaged first.
        let (half_w, half_h) = (source.width / 2, source.height / 2);
        let mut smaller = vec![0; half_w * half_h];
        halve(source, &mut smaller, half_w, (half_w, half_h));
        let smaller = Rows { data: &smaller, stride: half_w, width: half_w, height: half_h };
        return scale(smaller, out, stride, (width, height));
    }
    interpolate(source, out, stride, (width, height));
}

/// Averages 2×2 pixels.
fn halve(source: Rows<'_>, out: &mut [u8], stride: usize, (width, height): (usize, usize)) {
    // Both pixels of a pair in one word: that is what processors add in parallel.
    let pair = |pair: &[u8; 2]| {
        let word = u16::from_le_bytes(*pair);
        (word & 0xff) + (word >> 8)
    };
    for (row, out) in out.chunks_mut(stride).take(height).enumerate() {
        let (a, b) = (source.row(row * 2), source.row(row * 2 + 1));
        let pairs = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
        for (value, (a, b)) in out[..width].iter_mut().zip(pairs) {
            *value = ((pair(a) + pair(b) + 2) >> 2) as u8;
        }
    }
}

/// Averages `N`×`N` pixels.
fn average<const N: usize>(
    source: Rows<'_>,
    out: &mut [u8],
    stride: usize,
    (width, height): (usize, usize),
) {
    let mut sums = vec![0u16; width * N];
    let share = 65_536 / (N * N) as u32;
    for (row, out) in out.chunks_mut(stride).take(height).enumerate() {
        sums.fill(0);
        for line in 0..N {
            for (sum, value) in sums.iter_mut().zip(source.row(row * N + line)) {
                *sum += u16::from(*value);
            }
        }
        for (value, sums) in out[..width].iter_mut().zip(sums.as_chunks::<N>().0) {
            let sum: u32 = sums.iter().map(|sum| u32::from(*sum)).sum();
            *value = ((sum * share + 32_768) >> 16) as u8;
        }
    }
}

fn interpolate(source: Rows<'_>, out: &mut [u8], stride: usize, (width, height): (usize, usize)) {
    // Source columns and weights are the same for every row.
    let columns: Vec<(u32, u32)> = (0..width)
        .map(|column| position(column, width, source.width))
        .map(|(at, weight)| (at as u32, weight))
        .collect();
    // One pixel more than there is: the last one has a right neighbour, itself.
    let mut blended = vec![0u8; source.width + 1];
    for (row, out) in out.chunks_mut(stride).take(height).enumerate() {
        let (at, weight) = position(row, height, source.height);
        let (a, b) = (source.row(at), source.row(at + 1));
        let weight = weight as u16;
        for ((value, a), b) in blended.iter_mut().zip(a).zip(b) {
            let sum = u16::from(*a) * (256 - weight) + u16::from(*b) * weight;
            *value = (sum.saturating_add(128) >> 8) as u8;
        }
        blended[source.width] = blended[source.width - 1];
        for (value, (at, weight)) in out[..width].iter_mut().zip(&columns) {
            let pair = &blended[*at as usize..][..2];
            let sum = u32::from(pair[0]) * (256 - weight) + u32::from(pair[1]) * weight;
            *value = ((sum + 128) >> 8) as u8;
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

/// Turns a rectangle's colours into the film's.
fn convert(canvas: &mut Picture, rect: Rect, from: Colour) {
    if from.full_range {
        limit_range(canvas, rect);
    }
    if from.matrix == Matrix::Bt601 {
        bt601_to_bt709(canvas, rect);
    }
}

fn limit_range(canvas: &mut Picture, rect: Rect) {
    let luma: [u8; 256] = std::array::from_fn(|n| (16 + (n * 219 + 127) / 255) as u8);
    let chroma: [u8; 256] = std::array::from_fn(|n| {
        (128 + ((n as i32 - 128) * 224).div_euclid(255)).clamp(16, 240) as u8
    });
    for plane in 0..3 {
        let half = u32::from(plane > 0);
        let table = if plane == 0 { &luma } else { &chroma };
        let (stride, data) = canvas.plane_mut(plane);
        let at = (rect.y >> half) as usize * stride + (rect.x >> half) as usize;
        let rows = data[at..].chunks_mut(stride).take((rect.height >> half) as usize);
        for row in rows {
            for value in &mut row[..(rect.width >> half) as usize] {
                *value = table[usize::from(*value)];
            }
        }
    }
}

/// The two matrices differ by a linear map of the chroma that also leans on the luma. One chroma
/// sample serves four luma samples.
fn bt601_to_bt709(canvas: &mut Picture, rect: Rect) {
    let stride = canvas.width as usize;
    let half = stride / 2;
    let luma_size = stride * canvas.height as usize;
    let (luma, chroma) = canvas.data.split_at_mut(luma_size);
    let (us, vs) = chroma.split_at_mut(luma_size / 4);
    let (x, width) = (rect.x as usize / 2, rect.width as usize / 2);
    // What to add to the luma, by column of the chroma and of the luma.
    let mut leans = vec![0i16; width];
    let mut doubled = vec![0i16; width * 2];
    for row in rect.y as usize / 2..(rect.y + rect.height) as usize / 2 {
        let at = row * half + x;
        turn_chroma(&mut us[at..at + width], &mut vs[at..at + width], &mut leans);
        for (pair, lean) in doubled.as_chunks_mut::<2>().0.iter_mut().zip(&leans) {
            *pair = [*lean; 2];
        }
        for line in [row * 2, row * 2 + 1] {
            let at = line * stride + x * 2;
            for (value, lean) in luma[at..at + width * 2].iter_mut().zip(&doubled) {
                *value = clamped(i16::from(*value) + lean);
            }
        }
    }
}

fn clamped(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

/// Weights are in 1/256. Plain loops over whole rows: the compiler makes vectors of them.
fn turn_chroma(us: &mut [u8], vs: &mut [u8], leans: &mut [i16]) {
    const LUMA_U: i16 = -30;
    const LUMA_V: i16 = -53;
    const U_U: i16 = 5;
    const U_V: i16 = 29;
    const V_U: i16 = 19;
    const V_V: i16 = 6;
    for ((u, v), lean) in us.iter_mut().zip(vs.iter_mut()).zip(leans.iter_mut()) {
        let (du, dv) = (i16::from(*u) - 128, i16::from(*v) - 128);
        *lean = (LUMA_U * du + LUMA_V * dv + 128) >> 8;
        *u = clamped(i16::from(*u) + ((U_U * du + U_V * dv + 128) >> 8));
        *v = clamped(i16::from(*v) + ((V_U * du + V_V * dv + 128) >> 8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Yuv;

    const FULL: Rect = Rect { x: 0, y: 0, width: 320, height: 180 };

    fn gradient(width: u32, height: u32) -> Picture {
        let mut picture = Picture::filled(width, height, Yuv(0, 128, 128));
        let (stride, data) = picture.plane_mut(0);
        for (n, value) in data.iter_mut().enumerate() {
            *value = ((n % stride) * 255 / stride) as u8;
        }
        picture
    }

    #[test]
    fn scaling_keeps_a_gradient_a_gradient() {
        let sizes =
            [(320, 180), (640, 360), (1280, 720), (960, 540), (160, 90), (800, 450), (400, 226)];
        for (width, height) in sizes {
            let picture = gradient(width, height);
            let mut canvas = Picture::filled(320, 180, Yuv(0, 128, 128));
            let crop = Crop { x: 0, y: 0, width, height };
            draw(&mut canvas, &picture.view(), Placement { crop, rect: FULL });
            let row = &canvas.plane(0).data[320 * 90..320 * 91];
            for (n, value) in row.iter().enumerate().skip(4).take(312) {
                let wanted = (n * 255 / 320) as i32;
                assert!((i32::from(*value) - wanted).abs() <= 3, "{width}: {n} {value} {wanted}");
            }
        }
    }

    #[test]
    fn a_small_cut_avoids_interpolation() {
        let rect = Rect { x: 0, y: 0, width: 628, height: 348 };
        for (width, height, ratio) in [(640, 360, 1), (1280, 720, 2), (1920, 1080, 3)] {
            let crop = place(width, height, rect, true).crop;
            assert_eq!((crop.width, crop.height), (628 * ratio, 348 * ratio));
            assert_eq!((crop.x * 2 + crop.width, crop.y * 2 + crop.height), (width, height));
        }
        let crop = place(800, 450, rect, true).crop;
        assert_eq!(crop.height, 442, "no whole ratio is near: only the shape is cut");
    }

    #[test]
    fn screens_and_upright_phones_are_not_cut() {
        let screen = place(1920, 1080, Rect { x: 0, y: 0, width: 1016, height: 720 }, false);
        assert_eq!(screen.rect, Rect { x: 0, y: 74, width: 1016, height: 570 });
        let phone = place(180, 320, FULL, true);
        assert_eq!((phone.crop.width, phone.crop.height), (180, 320));
        assert_eq!((phone.rect.width, phone.rect.height), (100, 180));
    }

    /// RGB of a YUV colour, by the book.
    fn rgb(colour: Yuv, kr: f64, kb: f64) -> [f64; 3] {
        let y = (f64::from(colour.0) - 16.0) / 219.0;
        let (pb, pr) =
            ((f64::from(colour.1) - 128.0) / 224.0, (f64::from(colour.2) - 128.0) / 224.0);
        let (r, b) = (y + 2.0 * (1.0 - kr) * pr, y + 2.0 * (1.0 - kb) * pb);
        [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
    }

    #[test]
    fn a_cameras_colours_look_the_same_in_the_film() {
        let tests =
            [(180, 110, 150), (81, 90, 200), (145, 54, 90), (60, 200, 110), (126, 128, 128)];
        for (y, u, v) in tests {
            let mut canvas = Picture::filled(320, 180, Yuv(y, u, v));
            convert(&mut canvas, FULL, Colour::CAMERA);
            let [ny, nu, nv] = [0, 1, 2].map(|plane| canvas.plane(plane).data[0]);
            let before = rgb(Yuv(y, u, v), 0.299, 0.114);
            let after = rgb(Yuv(ny, nu, nv), 0.2126, 0.0722);
            for (before, after) in before.iter().zip(after) {
                assert!((before - after).abs() < 0.012, "{y} {u} {v}: {before} {after}");
            }
        }
    }

    #[test]
    fn full_range_is_brought_into_limits() {
        let mut canvas = Picture::filled(320, 180, Yuv(255, 255, 0));
        convert(&mut canvas, FULL, Colour { matrix: Matrix::Bt709, full_range: true });
        assert_eq!([0, 1, 2].map(|plane| canvas.plane(plane).data[7]), [235, 239, 16]);
    }
}
