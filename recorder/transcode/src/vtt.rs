//! WebVTT (W3C): what players show beside a film.

use crate::captions::Cue;
use crate::plan::Chapter;
use crate::sprite::Spot;
use std::fmt::Write;

const HEAD: &str = "WEBVTT\n";

/// `hh:mm:ss.mmm`
fn time(us: u64) -> String {
    let ms = us / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// One line of a cue: `&`, `<` and `>` mean something there, and an empty line ends it.
fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn cue(out: &mut String, from_us: u64, to_us: u64, text: &str) {
    // Writing to a string does not fail.
    let _ = write!(out, "\n{} --> {}\n{text}\n", time(from_us), time(to_us));
}

/// Chapters until the film's end, as a `<track kind="chapters">` wants them.
pub fn of_chapters(chapters: &[Chapter], duration_us: u64) -> String {
    let mut out = HEAD.to_owned();
    let ends = chapters.iter().skip(1).map(|next| next.from_us).chain([duration_us]);
    for (chapter, end) in chapters.iter().zip(ends) {
        cue(&mut out, chapter.from_us, end, &line(&chapter.title));
    }
    out
}

/// What is said, with whoever says it (a voice span), as a `<track kind="captions">` wants it.
pub fn of_captions(cues: &[Cue]) -> String {
    let mut out = HEAD.to_owned();
    for Cue { from_us, to_us, name, text } in cues {
        let said = match line(name.trim()) {
            name if name.is_empty() => line(text),
            name => format!("<v {name}>{}</v>", line(text)),
        };
        cue(&mut out, *from_us, *to_us, &said);
    }
    out
}

/// Captions of films in a row: each text with when its film begins. What is no cue of ours is left out;
/// `None` if nothing is left.
pub fn joined(texts: &[(String, u64)]) -> Option<String> {
    let mut out = HEAD.to_owned();
    for (text, begins_us) in texts {
        for block in text.replace('\r', "").split("\n\n") {
            let mut lines = block.lines().skip_while(|line| !line.contains(" --> "));
            let times = lines.next().and_then(|line| line.split_once(" --> "));
            let times = times.and_then(|(from, to)| Some((time_of(from)?, time_of(to)?)));
            let Some((from_us, to_us)) = times else { continue };
            let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
            cue(&mut out, begins_us + from_us, begins_us + to_us, &said.join("\n"));
        }
    }
    (out != HEAD).then_some(out)
}

/// Microseconds of `hh:mm:ss.mmm`.
fn time_of(text: &str) -> Option<u64> {
    let (clock, ms) = text.trim().split_once('.')?;
    let mut fields = clock.splitn(3, ':').map(str::parse::<u64>);
    let mut field = || fields.next()?.ok().filter(|value| *value < 10_000);
    let (hours, minutes, seconds) = (field()?, field()?, field()?);
    let ms = ms.parse::<u64>().ok().filter(|ms| *ms < 1000)?;
    Some((((hours * 60 + minutes) * 60 + seconds) * 1000 + ms) * 1000)
}

/// Which moment is where on a sheet of small pictures: the address of the sheet with a media
/// fragment (W3C Media Fragments §4.2.2), as players of thumbnails want it.
pub fn of_sheet(sheet: &str, spots: &[Spot], duration_us: u64) -> String {
    let mut out = HEAD.to_owned();
    let ends = spots.iter().skip(1).map(|next| next.from_us).chain([duration_us]);
    for (spot, end) in spots.iter().zip(ends) {
        let Spot { x, y, width, height, .. } = spot;
        cue(&mut out, spot.from_us, end, &format!("{sheet}#xywh={x},{y},{width},{height}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ChapterKind;

    #[test]
    fn a_title_cannot_become_markup_or_another_cue() {
        let title = "a <b> & --> \n\nc".to_owned();
        let chapters = [Chapter { from_us: 0, kind: ChapterKind::Marker, title }];
        let text = of_chapters(&chapters, 3_723_004_000);
        let wanted = "WEBVTT\n\n00:00:00.000 --> 01:02:03.004\na &lt;b&gt; &amp; --&gt;   c\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_name_or_a_text_cannot_leave_its_voice_span() {
        let (name, text) = ("Ada > <v Bob>\n".to_owned(), "</v><b>&\n\n00:01 --> 00:02".to_owned());
        let nobody = Cue { from_us: 0, to_us: 1_000, name: " ".into(), text: "hm".into() };
        let text = of_captions(&[Cue { from_us: 0, to_us: 1_500_000, name, text }, nobody]);
        let wanted = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n\
            <v Ada &gt; &lt;v Bob&gt;>&lt;/v&gt;&lt;b&gt;&amp;  00:01 --&gt; 00:02</v>\n\n\
            00:00:00.000 --> 00:00:00.001\nhm\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn each_cue_ends_where_the_next_one_begins() {
        let spot = |from_us, x| Spot { from_us, x, y: 0, width: 160, height: 90 };
        let text = of_sheet("sprite.jpg", &[spot(0, 0), spot(5_000_000, 160)], 7_000_000);
        let cues: Vec<&str> = text.lines().filter(|line| line.contains("-->")).collect();
        assert_eq!(cues, ["00:00:00.000 --> 00:00:05.000", "00:00:05.000 --> 00:00:07.000"]);
        assert!(text.ends_with("sprite.jpg#xywh=160,0,160,90\n"));
    }

    #[test]
    fn captions_of_films_in_a_row_are_where_their_film_is() {
        let said = |from_us, text: &str| Cue {
            from_us,
            to_us: from_us + 1_500_000,
            name: "Ada".to_owned(),
            text: text.to_owned(),
        };
        let first = [said(0, "a < b"), said(3_600_000_000, "c")];
        let texts = [
            (of_captions(&first), 0),
            ("nonsense".to_owned(), 1),
            (of_captions(&[said(2_000_000, "d")]), 4_000_000_000),
        ];
        let wanted = of_captions(&[first[0].clone(), first[1].clone(), said(4_002_000_000, "d")]);
        assert_eq!(joined(&texts), Some(wanted));
        assert_eq!(joined(&[("WEBVTT\n\n00:0x --> 1\nx".to_owned(), 0)]), None);
    }
}
