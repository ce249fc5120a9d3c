//! Chapters of films in a row.

use crate::plan::{Chapter, ChapterKind};

/// A chapter so soon after a film's beginning is that beginning.
const TOGETHER_US: u64 = 1_000_000;

/// A film of the row: its name, when it begins in the row, how long it is, its own chapters.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    pub title: &'a str,
    pub from_us: u64,
    pub duration_us: u64,
    pub chapters: &'a [Chapter],
}

/// One chapter for each film, and its own ones where they are in the row.
pub fn chapters(parts: &[Part<'_>]) -> Vec<Chapter> {
    let mut all = Vec::new();
    for Part { title, from_us, duration_us, chapters } in parts {
        let title = (*title).to_owned();
        all.push(Chapter { from_us: *from_us, kind: ChapterKind::Start, title });
        let own = chapters.iter().filter(|own| (TOGETHER_US..*duration_us).contains(&own.from_us));
        all.extend(own.map(|own| Chapter { from_us: from_us + own.from_us, ..own.clone() }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_film_has_its_name_and_keeps_its_chapters() {
        const SECOND: u64 = 1_000_000;
        let chapter = |from_us, title: &str| Chapter {
            from_us,
            kind: ChapterKind::Marker,
            title: title.to_owned(),
        };
        let morning = [chapter(0, "Garden"), chapter(7 * SECOND, "Budget")];
        // The last one lies behind what is shown of it.
        let later = [chapter(0, "Garden"), chapter(3 * SECOND, "Vote"), chapter(20 * SECOND, "x")];
        let part =
            |title, from_us, duration_us, chapters| Part { title, from_us, duration_us, chapters };
        let all = chapters(&[
            part("Morning", 0, 10 * SECOND, &morning[..]),
            part("Afternoon", 10 * SECOND, 15 * SECOND, &later[..]),
            part("Empty", 25 * SECOND, 1, &[]),
        ]);
        let told: Vec<(u64, &str)> =
            all.iter().map(|one| (one.from_us / SECOND, one.title.as_str())).collect();
        let wanted =
            [(0, "Morning"), (7, "Budget"), (10, "Afternoon"), (13, "Vote"), (25, "Empty")];
        assert_eq!(told, wanted);
        assert_eq!(all[2].kind, ChapterKind::Start);
    }
}
