//! Text as coverage: DejaVu Sans, cut down to Latin, Greek and Cyrillic.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

static DEJAVU_SANS: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");

/// A line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub width: u32,
    pub height: u32,
    /// 0 nothing to 255 full, row by row.
    pub coverage: Vec<u8>,
}

/// Renders one line, `size` pixels high, at most `room` pixels wide; what does not fit is cut
/// with an ellipsis.
pub(crate) fn line(text: &str, size: u32, room: u32) -> Text {
    let Ok(font) = FontRef::try_from_slice(DEJAVU_SANS) else {
        // The bytes are part of the program; a test renders them.
        return Text { width: 0, height: 0, coverage: Vec::new() };
    };
    let scaled = font.as_scaled(PxScale::from(size as f32));
    let advance = |c: char| scaled.h_advance(scaled.glyph_id(c));
    let total: f32 = text.chars().map(advance).sum();
    let mut shown: Vec<char> = text.chars().collect();
    if total > room as f32 {
        let mut used = advance('…');
        shown = text
            .chars()
            .take_while(|c| {
                used += advance(*c);
                used <= room as f32
            })
            .collect();
        shown.push('…');
    }
    let width = shown.iter().map(|c| advance(*c)).sum::<f32>().ceil() as u32;
    let height = size;
    let mut coverage = vec![0; (width * height) as usize];
    let mut x = 0.0;
    for c in shown {
        let mut glyph = scaled.scaled_glyph(c);
        glyph.position = point(x, scaled.ascent());
        x += advance(c);
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        outline.draw(|gx, gy, cover| {
            let px = gx as i32 + bounds.min.x as i32;
            let py = gy as i32 + bounds.min.y as i32;
            if px >= 0 && py >= 0 && (px as u32) < width && (py as u32) < height {
                let value = &mut coverage[(py as u32 * width + px as u32) as usize];
                *value = (*value).max((cover * 255.0) as u8);
            }
        });
    }
    Text { width, height, coverage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_alphabets_have_glyphs() {
        for name in ["Ada", "Žofie Łukasz", "Ελένη", "Юлия"] {
            let text = line(name, 24, 1000);
            assert!(text.coverage.iter().any(|cover| *cover > 200), "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_to_its_room() {
        let text = line(&"Wolfeschlegelsteinhausen".repeat(9), 20, 120);
        assert!(text.width <= 121);
    }
}
