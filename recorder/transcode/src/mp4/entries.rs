//! What decoders must know before the first sample: sample entries.

use super::{TrackFormat, atom, be, chapters, full, join};
use crate::picture::{Colour, Matrix};

pub(super) fn sample_entry(format: &TrackFormat) -> Vec<u8> {
    match format {
        TrackFormat::Avc { avcc, width, height, colour } => {
            let colour = colour.map_or_else(Vec::new, colr);
            picture(b"avc1", (*width, *height), &join(&[&atom(b"avcC", avcc), &colour]))
        }
        TrackFormat::Av1 { av1c, width, height } => {
            picture(b"av01", (*width, *height), &atom(b"av1C", av1c))
        }
        TrackFormat::Aac { config, channels, rate, bps } => {
            let descriptor = |tag: u8, body: &[u8]| join(&[&[tag, body.len() as u8], body]);
            let specific = descriptor(0x05, config);
            let decoder =
                descriptor(0x04, &join(&[&[0x40, 0x15, 0, 0, 0], &be(&[*bps, *bps]), &specific]));
            let stream = descriptor(0x03, &join(&[&[0, 1, 0], &decoder, &descriptor(0x06, &[2])]));
            let body = join(&[
                &head(),
                &[0; 8],
                &(*channels as u16).to_be_bytes(),
                &16u16.to_be_bytes(),
                &[0; 4],
                &(rate << 16).to_be_bytes(),
                &full(b"esds", 0, 0, &stream),
            ]);
            atom(b"mp4a", &body)
        }
        TrackFormat::Chapters => chapters::sample_entry(),
    }
}

/// What all entries begin with.
fn head() -> Vec<u8> {
    join(&[&[0; 6], &1u16.to_be_bytes()])
}

/// A VisualSampleEntry (ISO/IEC 14496-12 §12.1.3) with what decoders must know.
fn picture(kind: &[u8; 4], (width, height): (u32, u32), known: &[u8]) -> Vec<u8> {
    let body = join(&[
        &head(),
        &[0; 16],
        &(width as u16).to_be_bytes(),
        &(height as u16).to_be_bytes(),
        &be(&[0x0048_0000, 0x0048_0000, 0]),
        &1u16.to_be_bytes(),
        &[0; 32],
        &0x18u16.to_be_bytes(),
        &0xffffu16.to_be_bytes(),
        known,
    ]);
    atom(kind, &body)
}

/// Colours as code points of ISO/IEC 23091-2.
fn colr(colour: Colour) -> Vec<u8> {
    let matrix = match colour.matrix {
        Matrix::Bt709 => 1,
        Matrix::Bt601 => 6,
    };
    let full = u8::from(colour.full_range) << 7;
    atom(b"colr", &join(&[b"nclx", &[0, 1, 0, 1, 0, matrix, full]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av1_is_named_with_its_size_and_its_sequence_header() {
        let entry = sample_entry(&TrackFormat::Av1 {
            av1c: vec![0x81, 0x08, 0x0c, 0, 0x0a, 1, 2],
            width: 1280,
            height: 720,
        });
        assert_eq!(&entry[4..8], b"av01");
        assert_eq!(entry[32..36], [5, 0, 2, 208]);
        assert_eq!(&entry[86..], b"\0\0\0\x0fav1C\x81\x08\x0c\0\x0a\x01\x02");
    }
}
