//! Sizes on a disk: whole MiB or KiB, as they are written in TOML.

use serde::Deserialize;
use std::fmt;

/// A number of bytes; in TOML `"128 MiB"`, `"64 KiB"` or `"8 GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// So many bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// So many KiB; sizes are never finer.
    pub const fn kib(self) -> u64 {
        self.0 >> 10
    }

    /// So many MiB, the rest cut.
    pub const fn mib(self) -> u64 {
        self.0 >> 20
    }

    /// `bytes`, which must be whole KiB.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib << 10)
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size: write a whole number and KiB, MiB or GiB");
        let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        number.checked_mul(*scale).filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) =
            UNITS.iter().find(|(_, scale)| self.0.is_multiple_of(*scale)).unwrap_or(&UNITS[2]);
        write!(f, "{} {unit}", self.0 / scale)
    }
}
