//! Conditions and ranges of requests for files (RFC 9110 §13 and §14), where the file server below
//! does less, or something else.
//!
//! It knows the file's hash, so that its entity tag is a strong one; the file server has only the
//! time of the last change.

use axum::http::{HeaderMap, Method, header};

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Serve it; a range only if one is left in the headers.
    Serve,
    /// 304: the client has it already.
    Unchanged,
    /// 412: it is not what the client wants to go on with.
    Changed,
}

/// Judges the conditions that `etag` can answer and takes them out, and with them ranges that are
/// not to be served. Conditions of time stay, unless one of these goes before them (§13.2.2).
pub(super) fn judge(method: &Method, headers: &mut HeaderMap, etag: Option<&str>) -> Outcome {
    let if_match = headers.remove(header::IF_MATCH);
    if let Some(wanted) = &if_match {
        headers.remove(header::IF_UNMODIFIED_SINCE);
        if !names(wanted.as_bytes(), etag, false) {
            return Outcome::Changed;
        }
    }
    let if_none_match = headers.remove(header::IF_NONE_MATCH);
    if let Some(known) = &if_none_match {
        headers.remove(header::IF_MODIFIED_SINCE);
        if names(known.as_bytes(), etag, true) {
            return Outcome::Unchanged;
        }
    }
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Of several ranges the whole is made, which §14.2 allows: no player asks for them.
    let one = range.is_some_and(is_one);
    let same = headers.get(header::IF_RANGE).is_none_or(|known| {
        // A date would do only if the file had no tag, and dates of files that grow are no proof.
        etag.is_some() && names(known.as_bytes(), etag, false) && known != "*"
    });
    if !(one && same && method == Method::GET) {
        headers.remove(header::RANGE);
    }
    headers.remove(header::IF_RANGE);
    Outcome::Serve
}

/// Takes out the wish for the last bytes of a file that has no more than these: all of it is meant
/// (§14.1.2), which the file server takes for a range that cannot be.
pub(super) fn widen(headers: &mut HeaderMap, length: u64) {
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let last = range.and_then(|range| range.split_once("=-")?.1.parse::<u64>().ok());
    if last.is_some_and(|last| last >= length) {
        headers.remove(header::RANGE);
    }
}

/// Whether a list of entity tags has this one, or is `*`. `weakly`: `W/` makes no difference.
fn names(list: &[u8], etag: Option<&str>, weakly: bool) -> bool {
    let Ok(list) = std::str::from_utf8(list) else { return false };
    if list.trim() == "*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    // Our tags have neither commas nor quotes within: whatever falls apart here is not ours.
    list.split(',').map(str::trim).any(|one| {
        let one = if weakly { one.strip_prefix("W/").unwrap_or(one) } else { one };
        one == etag
    })
}

/// Whether this is one range of bytes. What is no valid range, or has another unit, is ignored as
/// if it was not there (§14.2).
fn is_one(range: &str) -> bool {
    let Some((unit, set)) = range.split_once('=') else { return false };
    let Some((first, last)) = set.split_once('-') else { return false };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() < 19;
    let ordered = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => first <= last,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => true,
        (Err(_), Err(_)) => false,
    };
    unit.eq_ignore_ascii_case("bytes") && number(first) && number(last) && ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_one_valid_range_of_bytes_is_served() {
        for (range, served) in [
            ("bytes=0-99", true),
            ("BYTES=5-", true),
            ("bytes=-5", true),
            ("bytes=7-7", true),
            ("bytes=0-1,5-6", false),
            ("bytes=0-1, -5", false),
            ("pages=1-2", false),
            ("bytes= 0-5", false),
            ("bytes =0-5", false),
            ("bytes", false),
            ("bytes=", false),
            ("bytes=-", false),
            ("bytes=a-b", false),
            ("bytes=+1-2", false),
            ("bytes=9-5", false),
            ("bytes=0-99999999999999999999", false),
        ] {
            for (method, may) in [(Method::GET, true), (Method::HEAD, false)] {
                let mut headers = headers(&[("range", range)]);
                assert_eq!(judge(&method, &mut headers, Some(TAG)), Outcome::Serve);
                assert_eq!(headers.contains_key("range"), served && may, "{method} {range}");
            }
        }
    }

    #[test]
    fn more_last_bytes_than_there_are_mean_all() {
        for (range, kept) in
            [("bytes=-9", true), ("bytes=-10", false), ("bytes=-99", false), ("bytes=10-", true)]
        {
            let mut headers = headers(&[("range", range)]);
            widen(&mut headers, 10);
            assert_eq!(headers.contains_key("range"), kept, "{range}");
        }
    }

    #[test]
    fn a_range_goes_on_only_with_the_very_file_that_it_began_with() {
        for (known, etag, same) in [
            (TAG, Some(TAG), true),
            ("\"other\"", Some(TAG), false),
            ("W/\"abc\"", Some(TAG), false),
            ("*", Some(TAG), false),
            ("Wed, 25 Nov 2026 12:00:00 GMT", Some(TAG), false),
            (TAG, None, false),
            ("Wed, 25 Nov 2026 12:00:00 GMT", None, false),
        ] {
            let mut headers = headers(&[("range", "bytes=0-9"), ("if-range", known)]);
            assert_eq!(judge(&Method::GET, &mut headers, etag), Outcome::Serve);
            assert_eq!(headers.contains_key("range"), same, "{known} {etag:?}");
            assert!(!headers.contains_key("if-range"));
        }
    }

    #[test]
    fn conditions_are_judged_in_their_order() {
        let date = "Wed, 25 Nov 2026 12:00:00 GMT";
        for (asked, etag, outcome, left) in [
            (&[("if-none-match", TAG)][..], Some(TAG), Outcome::Unchanged, 0),
            (&[("if-none-match", "\"x\", W/\"abc\"")], Some(TAG), Outcome::Unchanged, 0),
            (&[("if-none-match", "*")], None, Outcome::Unchanged, 0),
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", date)],
                Some(TAG),
                Outcome::Serve,
                0,
            ),
            (&[("if-modified-since", date)], Some(TAG), Outcome::Serve, 1),
            (&[("if-match", TAG), ("if-unmodified-since", date)], Some(TAG), Outcome::Serve, 0),
            (&[("if-match", "*")], None, Outcome::Serve, 0),
            (&[("if-match", "W/\"abc\"")], Some(TAG), Outcome::Changed, 0),
            (&[("if-match", "\"x\""), ("if-none-match", TAG)], Some(TAG), Outcome::Changed, 1),
        ] {
            let mut headers = headers(asked);
            assert_eq!(judge(&Method::GET, &mut headers, etag), outcome, "{asked:?}");
            assert_eq!(headers.len(), left, "{asked:?}: {headers:?}");
        }
    }
}
