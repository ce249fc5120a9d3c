//! Versions of images, and which of two is newer.

use std::cmp::Ordering;

/// Numbers with points between them, and maybe a pre-release behind a hyphen: `0.3`, `2026.11.2`,
/// `1.0.0-rc.2`. Missing numbers are zeros: 0.3 and 0.3.0 are the same. Build data behind a plus
/// counts for nothing (semver.org §10, §11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: Vec<u64>,
    pre: Vec<Part>,
}

/// Numbers are less than words (semver.org §11.4.3): the order of the variants says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Version {
    /// `None`: nobody can say whether it is older or newer than another.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.trim().split('+').next().unwrap_or_default();
        let (numbers, pre) = plain.split_once('-').map_or((plain, None), |(n, p)| (n, Some(p)));
        let mut numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<Vec<u64>>>()?;
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        let part = |part: &str| match number(part) {
            Some(number) => Some(Part::Number(number)),
            None => (!part.is_empty()).then(|| Part::Word(part.to_owned())),
        };
        let pre = pre.map_or(Some(Vec::new()), |pre| pre.split('.').map(part).collect());
        Some(Self { numbers, pre: pre? })
    }
}

/// Whether this can be compared with other versions.
pub fn is_version(text: &str) -> bool {
    Version::parse(text).is_some()
}

/// Whether two are one version, however they are written.
pub fn same_version(one: &str, other: &str) -> bool {
    let read = Version::parse(one);
    read.is_some() && read == Version::parse(other)
}

/// Digits and nothing else: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let pre = || match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            // 1.0.0-rc.1 comes before 1.0.0.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => self.pre.cmp(&other.pre),
        };
        self.numbers.cmp(&other.numbers).then_with(pre)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_and_not_by_letter() {
        for (less, more) in [
            ("0.9", "0.10"),
            ("0.3", "0.3.1"),
            ("0.3-rc.1", "0.3"),
            ("0.3-rc.2", "0.3-rc.10"),
            ("0.3-1", "0.3-rc"),
            ("0.99.99", "1"),
            ("2026.9.30", "2026.11.2"),
        ] {
            let (less_, more_) = (Version::parse(less).unwrap(), Version::parse(more).unwrap());
            assert!(less_ < more_, "{less} < {more}");
        }
        for (one, other) in [("0.3", "0.3.0"), ("1.2+git", "1.2"), (" 1.2\n", "1.2")] {
            assert_eq!(Version::parse(one), Version::parse(other), "{one} = {other}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_no_version() {
        for text in [
            "",
            "v1.2",
            "1..2",
            "1.2.",
            "latest",
            "1.-2",
            "+1",
            "1.2-",
            "1.2-a..b",
            "99999999999999999999",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
