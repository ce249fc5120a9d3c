//! Chapters in an MP4, twice, as players want them: a text track that the first track refers to
//! (QuickTime File Format, "Chapter Lists"), and the list `chpl` that Nero began.

use super::{Sample, Track, TrackFormat, atom, be, full, join};
use crate::plan::Chapter;

/// Units a second of the text track.
const SCALE: u32 = 1000;
/// A text is UTF-8 (QuickTime File Format, "Text Sample Data").
const ENCODING_UTF8: u32 = 0x100;
/// Nero's list counts in one byte.
const MOST_LISTED: usize = 255;

/// The text track and its samples' bytes; each chapter lasts until the next one, the last one until
/// the film's end.
pub(super) fn track(chapters: &[Chapter], duration_us: u64) -> (Track, Vec<u8>) {
    let ms = |us: u64| us * u64::from(SCALE) / 1_000_000;
    let mut data = Vec::new();
    let mut samples = Vec::new();
    let ends = chapters.iter().skip(1).map(|next| next.from_us).chain([duration_us]);
    for (chapter, end) in chapters.iter().zip(ends) {
        let title = cut(&chapter.title, usize::from(u16::MAX));
        let encoding = atom(b"encd", &be(&[ENCODING_UTF8]));
        let sample = join(&[&(title.len() as u16).to_be_bytes(), title.as_bytes(), &encoding]);
        let duration = ms(end).saturating_sub(ms(chapter.from_us)) as u32;
        samples.push(Sample { bytes: sample.len() as u32, duration, keyframe: true });
        data.extend(sample);
    }
    (Track { format: TrackFormat::Chapters, timescale: SCALE, samples, skip: 0, delay_ms: 0 }, data)
}

/// The sample description of the text track: nothing of it is ever drawn.
pub(super) fn sample_entry() -> Vec<u8> {
    let head = join(&[&[0; 6], &1u16.to_be_bytes()]);
    // Display flags, justification, background, box, reserved, font number and face, reserved,
    // foreground, an empty font name.
    let description =
        join(&[&be(&[0, 0]), &[0; 6], &[0; 8], &[0; 8], &[0; 4], &[0; 3], &[0; 6], &[0]]);
    atom(b"text", &join(&[&head, &description]))
}

/// The media header of a track that is neither picture nor sound.
pub(super) fn media_header() -> Vec<u8> {
    // Graphics mode "copy" and its colour, balance, reserved.
    let colour = [0x8000u16; 3].map(u16::to_be_bytes).concat();
    let gmin = full(b"gmin", 0, 0, &join(&[&0x40u16.to_be_bytes(), &colour, &[0; 4]]));
    let text = atom(b"text", &be(&super::IDENTITY));
    atom(b"gmhd", &join(&[&gmin, &text]))
}

/// What points from a track to its chapters.
pub(super) fn reference(text_track: u32) -> Vec<u8> {
    atom(b"tref", &atom(b"chap", &be(&[text_track])))
}

/// Nero's list: at most 255 chapters of at most 255 bytes, in units of 100 ns.
pub(super) fn list(chapters: &[Chapter]) -> Vec<u8> {
    let shown = &chapters[..chapters.len().min(MOST_LISTED)];
    let mut body = join(&[&be(&[0]), &[shown.len() as u8]]);
    for chapter in shown {
        let title = cut(&chapter.title, usize::from(u8::MAX));
        body.extend((chapter.from_us * 10).to_be_bytes());
        body.push(title.len() as u8);
        body.extend_from_slice(title.as_bytes());
    }
    full(b"chpl", 1, 0, &body)
}

/// As much of a text as fits, without half a letter.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ChapterKind;

    fn chapters(titles: &[&str]) -> Vec<Chapter> {
        let chapter = |(n, title): (u64, &&str)| Chapter {
            from_us: n * 1_500_500,
            kind: ChapterKind::Marker,
            title: (*title).to_owned(),
        };
        (0..).zip(titles).map(chapter).collect()
    }

    #[test]
    fn chapters_fill_the_film_without_a_gap() {
        let (track, data) = track(&chapters(&["a", "bc", "d"]), 9_000_400);
        let lengths: Vec<u32> = track.samples.iter().map(|sample| sample.duration).collect();
        assert_eq!(lengths, [1500, 1501, 5999]);
        assert_eq!(data.len(), track.samples.iter().map(|s| s.bytes as usize).sum::<usize>());
        assert_eq!(&data[..3], b"\0\x01a");
    }

    #[test]
    fn a_long_title_is_cut_between_letters() {
        let long = "ß".repeat(200);
        let list = list(&chapters(&[&long]));
        let title = &list[list.len() - 254..];
        assert_eq!(str::from_utf8(title).unwrap(), "ß".repeat(127));
    }
}
