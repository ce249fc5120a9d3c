//! Pictures in I420 (8-bit 4:2:0, planes Y, U, V).

/// A picture; width and height even. Rows have no padding.
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

/// One plane of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    pub width: usize,
    pub height: usize,
    pub data: &'a [u8],
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

    /// Wraps decoded bytes; `None` if there are too few for the size.
    pub fn from_i420(width: u32, height: u32, data: Vec<u8>) -> Option<Self> {
        let need = (width as usize * height as usize) * 3 / 2;
        (width.is_multiple_of(2) && height.is_multiple_of(2) && data.len() >= need)
            .then_some(Self { width, height, data })
    }

    fn plane_range(&self, plane: usize) -> (usize, usize, std::ops::Range<usize>) {
        let (width, height) = (self.width as usize, self.height as usize);
        let luma = width * height;
        match plane {
            0 => (width, height, 0..luma),
            1 => (width / 2, height / 2, luma..luma + luma / 4),
            _ => (width / 2, height / 2, luma + luma / 4..luma + luma / 2),
        }
    }

    /// Plane 0 (Y), 1 (U) or 2 (V).
    pub fn plane(&self, plane: usize) -> Plane<'_> {
        let (width, height, range) = self.plane_range(plane);
        Plane { width, height, data: &self.data[range] }
    }

    /// Width and bytes of a plane, to write to.
    pub fn plane_mut(&mut self, plane: usize) -> (usize, &mut [u8]) {
        let (width, _, range) = self.plane_range(plane);
        (width, &mut self.data[range])
    }
}
