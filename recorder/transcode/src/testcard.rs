//! Pictures with which encoders are tried, and how like two pictures are.

use crate::picture::{Picture, PictureView};

/// Side of the blocks of which a [`Gist`] keeps the mean.
const BLOCK: usize = 16;
/// As like as can be said.
const SAME_DB: f64 = 99.0;

/// A test picture: a slope that drifts, bars of colour, and a block that moves over them. No picture of
/// a second is like another.
pub fn card(number: u32, width: u32, height: u32) -> Picture {
    let (w, h) = (width as usize, height as usize);
    let n = number as usize;
    let mut data = Vec::with_capacity(w * h * 3 / 2);
    let side = (h / 4).max(2);
    let (left, top) = (n * 7 % (w - side), n * 3 % (h - side));
    for y in 0..h {
        for x in 0..w {
            let inside = (left..left + side).contains(&x) && (top..top + side).contains(&y);
            let slope = 32 + (x * 96 / w + y * 64 / h + n * 2) % 160;
            data.push(if inside { 220 } else { slope as u8 });
        }
    }
    for plane in 0..2 {
        for y in 0..h / 2 {
            for x in 0..w / 2 {
                let bar = (x * 8 / (w / 2) + n / 10) % 8;
                let (a, b) = (64 + bar * 16, 64 + y * 128 / (h / 2));
                data.push(if plane == 0 { a } else { b } as u8);
            }
        }
    }
    Picture { width, height, data }
}

/// Peak signal-to-noise ratio of the worst plane, decibels, at most 99; `None` if the sizes differ.
pub fn psnr_db(wanted: &PictureView<'_>, made: &PictureView<'_>) -> Option<f64> {
    if (wanted.width, wanted.height) != (made.width, made.height) {
        return None;
    }
    let (w, h) = (wanted.width as usize, wanted.height as usize);
    let sizes = [(w, h), (w / 2, h / 2), (w / 2, h / 2)];
    let planes = wanted.planes.iter().zip(&made.planes).zip(sizes);
    let worst = planes.map(|((a, b), (w, h))| {
        let rows = a.data.chunks(a.stride).zip(b.data.chunks(b.stride)).take(h);
        let squares: u64 = rows.map(|(a, b)| squares(&a[..w], &b[..w])).sum();
        decibels(squares, w * h)
    });
    worst.min_by(f64::total_cmp)
}

fn squares(a: &[u8], b: &[u8]) -> u64 {
    let square = |(a, b): (&u8, &u8)| u64::from(u32::from(a.abs_diff(*b)).pow(2));
    a.iter().zip(b).map(square).sum()
}

fn decibels(squares: u64, count: usize) -> f64 {
    if squares == 0 {
        return SAME_DB;
    }
    let mean = squares as f64 / count.max(1) as f64;
    (10.0 * (255.0f64.powi(2) / mean).log10()).min(SAME_DB)
}

/// What a picture roughly looks like: the mean of each block of 16×16 pixels in each plane. Coding changes
/// it hardly at all; another picture, a smear or a wrong row length changes it a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gist {
    size: (u32, u32),
    means: Vec<u8>,
}

impl Gist {
    pub fn of(picture: &PictureView<'_>) -> Self {
        let (w, h) = (picture.width as usize, picture.height as usize);
        let sizes = [(w, h, BLOCK), (w / 2, h / 2, BLOCK / 2), (w / 2, h / 2, BLOCK / 2)];
        let mut means = Vec::new();
        for (plane, (w, h, block)) in picture.planes.iter().zip(sizes) {
            let columns = w.div_ceil(block);
            let rows = plane.data.chunks(plane.stride).take(h).collect::<Vec<_>>();
            for band in rows.chunks(block) {
                let mut sums = vec![0u32; columns];
                for row in band {
                    for (sum, pixels) in sums.iter_mut().zip(row[..w].chunks(block)) {
                        *sum += pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
                    }
                }
                means.extend(sums.iter().enumerate().map(|(column, sum)| {
                    let wide = block.min(w - column * block);
                    (sum / (wide * band.len()) as u32) as u8
                }));
            }
        }
        Self { size: (picture.width, picture.height), means }
    }

    /// How like another picture is, decibels, at most 99; 0 if it has another size.
    pub fn likeness_db(&self, other: &Self) -> f64 {
        if self.size != other.size {
            return 0.0;
        }
        decibels(squares(&self.means, &other.means), self.means.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Colour, Plane};

    fn view(picture: &Picture) -> PictureView<'_> {
        PictureView::of_i420(picture.width, picture.height, Colour::FILM, &picture.data).unwrap()
    }

    #[test]
    fn pictures_of_a_second_differ_and_each_is_itself() {
        let cards: Vec<Picture> = (0..30).map(|n| card(n, 640, 360)).collect();
        for (n, one) in cards.iter().enumerate() {
            assert_eq!(psnr_db(&view(one), &view(&cards[n])), Some(SAME_DB));
            for other in &cards[n + 1..] {
                assert!(psnr_db(&view(one), &view(other)).unwrap() < 30.0);
            }
        }
        assert_eq!(psnr_db(&view(&cards[0]), &view(&card(0, 640, 368))), None);
    }

    #[test]
    fn the_worst_plane_counts() {
        let wanted = card(3, 64, 32);
        let mut made = wanted.clone();
        // U and V changed places: luma alone would not notice.
        let (u, v) = made.data[64 * 32..].split_at_mut(32 * 16);
        u.swap_with_slice(v);
        assert!(psnr_db(&view(&wanted), &view(&made)).unwrap() < 20.0);
        assert!(Gist::of(&view(&wanted)).likeness_db(&Gist::of(&view(&made))) < 20.0);
    }

    #[test]
    fn coding_noise_keeps_the_gist_and_other_pictures_do_not() {
        let wanted = card(0, 200, 120);
        let gist = Gist::of(&view(&wanted));
        let mut noisy = wanted.clone();
        let mut state = 7u32;
        for pixel in &mut noisy.data {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = pixel.wrapping_add((state >> 28) as u8).wrapping_sub(8);
        }
        assert!(gist.likeness_db(&Gist::of(&view(&noisy))) > 40.0);
        let green = Picture { data: vec![0; wanted.data.len()], ..wanted.clone() };
        assert!(gist.likeness_db(&Gist::of(&view(&green))) < 15.0);
        // Rows that are read with another length.
        let stride = 208;
        let planes = view(&wanted).planes;
        let skewed = PictureView {
            height: 96,
            planes: [Plane { stride, ..planes[0] }, planes[1], planes[2]],
            ..view(&wanted)
        };
        let as_high = PictureView { height: 96, ..view(&wanted) };
        assert!(Gist::of(&as_high).likeness_db(&Gist::of(&skewed)) < 30.0);
        assert_eq!(gist.likeness_db(&Gist::of(&as_high)), 0.0);
    }
}
