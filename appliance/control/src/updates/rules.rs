//! What may be installed, and when. Pure: everything that is known comes as an argument.

use super::UpdateError;
use super::updater::Bundle;
use super::version::Version;

/// Bundles are smaller; the updater's own limit for what it streams is 1 GiB.
pub const LARGEST_BUNDLE: u64 = 4 << 30;

/// What is known of the box when a bundle is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The board.
    pub compatible: &'a str,
    /// The version that runs.
    pub version: &'a str,
    /// The oldest versions that may be installed: the image's, and the highest that was ever good.
    pub floors: [Option<&'a str>; 2],
}

/// What may be done with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// This version runs already: the owner is asked.
    Same,
}

/// Looks at a bundle before anything is written.
///
/// # Errors
/// It is for another board, too old, or its version cannot be compared.
pub fn judge(bundle: &Bundle, facts: Facts<'_>) -> Result<Verdict, UpdateError> {
    if bundle.compatible != facts.compatible {
        let (bundle, board) = (bundle.compatible.clone(), facts.compatible.to_owned());
        return Err(UpdateError::OtherBoard { bundle, board });
    }
    let unreadable = || UpdateError::Unreadable { version: bundle.version.clone() };
    let version = Version::parse(&bundle.version).ok_or_else(unreadable)?;
    let floor = facts.floors.into_iter().flatten();
    let floor = floor.filter_map(|text| Some((Version::parse(text)?, text))).max();
    if let Some((floor, text)) = floor
        && version < floor
    {
        let (version, floor) = (bundle.version.clone(), text.to_owned());
        return Err(UpdateError::TooOld { version, floor });
    }
    match Version::parse(facts.version) == Some(version) {
        true => Ok(Verdict::Same),
        false => Ok(Verdict::Fine),
    }
}

/// Whether an upload of so many bytes fits.
///
/// # Errors
/// It is too large at all, or for the disk.
pub fn fits(bytes: u64, free: u64, reserve: u64) -> Result<(), UpdateError> {
    if bytes > LARGEST_BUNDLE {
        return Err(UpdateError::TooLarge { most: LARGEST_BUNDLE });
    }
    // The reserve is what running recordings live from.
    let needed = bytes.saturating_add(reserve);
    if free < needed { Err(UpdateError::NoSpace { free, needed }) } else { Ok(()) }
}

/// Whether a minute of the day is in a window, which may go over midnight. One that is as long as
/// nothing is the whole day.
pub fn in_window(minute: u16, from: u16, to: u16) -> bool {
    match from < to {
        true => (from..to).contains(&minute),
        false => minute >= from || minute < to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_judged_before_anything_is_written() {
        let bundle = |compatible: &str, version: &str| Bundle {
            compatible: compatible.to_owned(),
            version: version.to_owned(),
            manifest_hash: None,
        };
        let facts =
            |image, kept| Facts { compatible: "roombox-x", version: "0.2", floors: [image, kept] };
        let none = facts(None, None);
        // Bundle, what is known; the verdict, or the refusal's code.
        for (bundle, facts, said) in [
            (bundle("roombox-x", "0.3"), none, Ok(Verdict::Fine)),
            (bundle("roombox-x", "0.1"), none, Ok(Verdict::Fine)),
            (bundle("roombox-x", "0.2.0"), none, Ok(Verdict::Same)),
            (bundle("roombox-y", "0.3"), none, Err("update_other_board")),
            (bundle("", "0.3"), none, Err("update_other_board")),
            (bundle("roombox-x", "new"), none, Err("update_unreadable")),
            (bundle("roombox-x", "0.1"), facts(Some("0.1"), None), Ok(Verdict::Fine)),
            (bundle("roombox-x", "0.1"), facts(Some("0.1.1"), None), Err("update_too_old")),
            (bundle("roombox-x", "0.1"), facts(None, Some("0.2")), Err("update_too_old")),
            (bundle("roombox-x", "0.1"), facts(Some("0.2"), Some("0.1")), Err("update_too_old")),
            (bundle("roombox-x", "0.1"), facts(Some("0.1"), Some("0.2")), Err("update_too_old")),
            // An older floor of a newer version does not open what was closed, and nonsense is none.
            (bundle("roombox-x", "0.3"), facts(Some("new"), Some("0.3")), Ok(Verdict::Fine)),
            (bundle("roombox-x", "0.2-rc.1"), facts(Some("0.2"), None), Err("update_too_old")),
        ] {
            let judged = judge(&bundle, facts).map_err(|error| error.code());
            assert_eq!(judged, said, "{bundle:?} {facts:?}");
        }
    }

    #[test]
    fn an_upload_leaves_the_reserve_alone() {
        for (bytes, free, reserve, code) in [
            (10, 30, 20, None),
            (11, 30, 20, Some("update_no_space")),
            (LARGEST_BUNDLE + 1, u64::MAX, 0, Some("update_too_large")),
            (1, u64::MAX, u64::MAX, None),
        ] {
            let refused = fits(bytes, free, reserve).err().map(|error| error.code());
            assert_eq!(refused, code, "{bytes} of {free} with {reserve}");
        }
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        for (minute, from, to, inside) in [
            (120, 120, 300, true),
            (299, 120, 300, true),
            (300, 120, 300, false),
            (1439, 1380, 60, true),
            (59, 1380, 60, true),
            (60, 1380, 60, false),
            (0, 90, 90, true),
        ] {
            assert_eq!(in_window(minute, from, to), inside, "{minute} in {from}–{to}");
        }
    }
}
