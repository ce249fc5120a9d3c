//! Pictures in 8-bit 4:2:0, planes Y, U, V, limited range.

/// A picture that owns its bytes; width and height even, rows without padding. BT.709.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Y, then U, then V.
    pub data: Vec<u8>,
}

/// A colour in YUV (BT.709 limited range).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yuv(pub u8, pub u8, pub u8);

impl Yuv {
    /// From 8-bit RGB.
    pub fn rgb(r: u8, g: u8, b: u8) -> Self {
        let (r, g, b) = (f32::from(r), f32::from(g), f32::from(b));
        let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let y = 16.0 + luma * 219.0 / 255.0;
        let u = 128.0 + (b - luma) / 1.8556 * 224.0 / 255.0;
        let v = 128.0 + (r - luma) / 1.5748 * 224.0 / 255.0;
        Self(y.round() as u8, u.round() as u8, v.round() as u8)
    }
}

/// How a picture's numbers mean colours (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    pub matrix: Matrix,
    /// Luma from 0 to 255 instead of 16 to 235.
    pub full_range: bool,
}

/// Weights of red, green and blue in the luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// What WebRTC senders use unless they say otherwise; VP8 knows nothing else.
    Bt601,
    Bt709,
}

impl Colour {
    /// Of films.
    pub const FILM: Self = Self { matrix: Matrix::Bt709, full_range: false };
    /// Of a camera that does not say.
    pub const CAMERA: Self = Self { matrix: Matrix::Bt601, full_range: false };
}

/// One plane of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// Bytes from one row to the next.
    pub stride: usize,
    pub data: &'a [u8],
}

/// Somebody else's picture: a decoder's frame where it lies.
#[derive(Debug, Clone, Copy)]
pub struct PictureView<'a> {
    /// Even.
    pub width: u32,
    pub height: u32,
    pub planes: [Plane<'a>; 3],
    pub colour: Colour,
}

impl<'a> PictureView<'a> {
    /// A frame as decoders lay it out: rows padded to four bytes, planes one after another. An
    /// odd last row or column is left out. `None` if there are too few bytes.
    pub fn of_i420(width: u32, height: u32, colour: Colour, data: &'a [u8]) -> Option<Self> {
        let (w, h) = (width as usize, height as usize);
        let (stride, half_stride) = (w.next_multiple_of(4), w.div_ceil(2).next_multiple_of(4));
        let (rows, half_rows) = (h.next_multiple_of(2), h.div_ceil(2));
        let (luma, rest) = data.split_at_checked(stride * rows)?;
        let (u, rest) = rest.split_at_checked(half_stride * half_rows)?;
        let v = rest.get(..half_stride * half_rows)?;
        let planes = [
            Plane { stride, data: luma },
            Plane { stride: half_stride, data: u },
            Plane { stride: half_stride, data: v },
        ];
        (w >= 2 && h >= 2).then_some(Self {
            width: width & !1,
            height: height & !1,
            planes,
            colour,
        })
    }
}

impl Picture {
    /// A picture of one colour. Odd sizes are made even.
    pub fn filled(width: u32, height: u32, colour: Yuv) -> Self {
        let (width, height) = (width & !1, height & !1);
        let luma = (width * height) as usize;
        let mut data = vec![colour.0; luma];
        data.resize(luma + luma / 4, colour.1);
        data.resize(luma + luma / 2, colour.2);
        Self { width, height, data }
    }

    fn plane_range(&self, plane: usize) -> (usize, std::ops::Range<usize>) {
        let (width, height) = (self.width as usize, self.height as usize);
        let luma = width * height;
        match plane {
            0 => (width, 0..luma),
            1 => (width / 2, luma..luma + luma / 4),
            _ => (width / 2, luma + luma / 4..luma + luma / 2),
        }
    }

    /// Plane 0 (Y), 1 (U) or 2 (V).
    pub fn plane(&self, plane: usize) -> Plane<'_> {
        let (stride, range) = self.plane_range(plane);
        Plane { stride, data: &self.data[range] }
    }

    /// Width and bytes of a plane, to write to.
    pub fn plane_mut(&mut self, plane: usize) -> (usize, &mut [u8]) {
        let (width, range) = self.plane_range(plane);
        (width, &mut self.data[range])
    }

    pub fn view(&self) -> PictureView<'_> {
        PictureView {
            width: self.width,
            height: self.height,
            planes: [self.plane(0), self.plane(1), self.plane(2)],
            colour: Colour::FILM,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoders_odd_frame_is_seen_without_its_last_column() {
        // 5×3: rows of 8 and 4 bytes, 4 and 2 rows.
        let data: Vec<u8> = (0..8 * 4 + 4 * 2 * 2).map(|n| n as u8).collect();
        let view = PictureView::of_i420(5, 3, Colour::CAMERA, &data).unwrap();
        assert_eq!((view.width, view.height), (4, 2));
        assert_eq!((view.planes[0].stride, view.planes[1].stride), (8, 4));
        assert_eq!((view.planes[1].data[0], view.planes[2].data[0]), (32, 40));
        assert!(PictureView::of_i420(5, 3, Colour::CAMERA, &data[1..]).is_none());
        assert!(PictureView::of_i420(1, 1, Colour::CAMERA, &data).is_none());
    }
}
