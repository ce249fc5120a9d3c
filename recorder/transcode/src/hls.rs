//! Playlists (RFC 8216): of a broadcast, a window over its newest segments; of a film, all of it.

use crate::mp4::segmented::{Segment, Segmented};
use std::collections::VecDeque;
use std::fmt::Write;

/// What the playlist's folder holds beside the segments.
pub const PLAYLIST: &str = "index.m3u8";
pub const HEAD: &str = "init.mp4";
/// Segments that are listed, and that stay for players that are a little behind.
const LISTED: usize = 6;
const KEPT: usize = 6;

/// A segment's file.
pub fn segment(number: u64) -> String {
    format!("{number}.m4s")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listed {
    number: u64,
    duration_us: u64,
    /// Wall clock of its first picture, milliseconds since the Unix epoch.
    unix_ms: u64,
}

/// A broadcast's newest segments.
#[derive(Debug, Default)]
pub struct Playlist {
    listed: VecDeque<Listed>,
    kept: VecDeque<u64>,
    longest_us: u64,
}

impl Playlist {
    /// Lists another segment; the number of one whose file is not needed any more. Numbers grow by one.
    pub fn add(&mut self, number: u64, duration_us: u64, unix_ms: u64) -> Option<u64> {
        self.longest_us = self.longest_us.max(duration_us);
        self.listed.push_back(Listed { number, duration_us, unix_ms });
        if self.listed.len() > LISTED
            && let Some(old) = self.listed.pop_front()
        {
            self.kept.push_back(old.number);
        }
        if self.kept.len() > KEPT { self.kept.pop_front() } else { None }
    }

    /// The playlist; `ended`: no segment follows.
    pub fn text(&self, ended: bool) -> String {
        // A segment may be half a second longer than its target, rounded (RFC 8216 §4.3.3.1).
        let target = self.longest_us.div_ceil(1_000_000).max(1);
        let first = self.listed.front().map_or(0, |segment| segment.number);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n\
             #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MAP:URI=\"{HEAD}\"\n"
        );
        for Listed { number, duration_us, unix_ms } in &self.listed {
            let seconds = *duration_us as f64 / 1e6;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:{seconds:.3},\n{}\n",
                date(*unix_ms),
                segment(*number)
            );
        }
        if ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }
}

/// The playlist of a film that lies beside it as one file, `media`.
pub fn of_film(media: &str, made: &Segmented) -> String {
    // As above: rounded, no segment may be longer.
    let longest_us = made.segments.iter().map(|segment| segment.duration_us).max().unwrap_or(0);
    let target = longest_us.div_ceil(1_000_000).max(1);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MAP:URI=\"{media}\",BYTERANGE=\"{}@0\"\n",
        made.head
    );
    let mut at = made.head;
    for Segment { bytes, duration_us } in &made.segments {
        let seconds = *duration_us as f64 / 1e6;
        let _ = write!(text, "#EXTINF:{seconds:.6},\n#EXT-X-BYTERANGE:{bytes}@{at}\n{media}\n");
        at += bytes;
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// RFC 3339, UTC (Howard Hinnant's civil_from_days).
fn date(unix_ms: u64) -> String {
    let (days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, milli) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_old_segments_stay_a_little_longer() {
        let mut playlist = Playlist::default();
        let gone: Vec<u64> =
            (100..120).filter_map(|n| playlist.add(n, 2_000_000, 1_000 * n)).collect();
        assert_eq!(gone, (100..108).collect::<Vec<_>>());
        let text = playlist.text(false);
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:114\n"), "{text}");
        assert_eq!(text.matches("#EXTINF:2.000,").count(), LISTED);
        assert!(text.ends_with("119.m4s\n"), "{text}");
        assert!(playlist.text(true).ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn no_segment_is_longer_than_the_playlist_says() {
        let mut playlist = Playlist::default();
        playlist.add(1, 2_000_000, 0);
        playlist.add(2, 3_400_000, 2_000);
        assert!(playlist.text(false).contains("#EXT-X-TARGETDURATION:4\n"));
    }

    #[test]
    fn a_film_s_playlist_says_where_each_segment_is() {
        let segment = |bytes, duration_us| Segment { bytes, duration_us };
        let segments = vec![segment(500, 6_000_000), segment(70, 2_033_333)];
        let text = of_film("hls.m4s", &Segmented { head: 30, segments });
        assert!(text.contains("#EXT-X-TARGETDURATION:6\n"), "{text}");
        assert!(text.contains("#EXT-X-MAP:URI=\"hls.m4s\",BYTERANGE=\"30@0\"\n"), "{text}");
        assert!(text.contains("#EXTINF:2.033333,\n#EXT-X-BYTERANGE:70@530\nhls.m4s\n"), "{text}");
        assert!(text.ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(date(1_798_761_599_999), "2026-12-31T23:59:59.999Z");
    }
}
