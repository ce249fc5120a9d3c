//! What the flash tool knows of every board, as `boardgen` wrote it: names, sizes, ways of recovery.

use crate::boards::RecoveryKind;
use serde::Deserialize;

const TABLE: &str = include_str!("../../yocto/generated/roomflash-boards.json");

/// A board.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownBoard {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// RAUC's compatible.
    pub compatible: String,
    /// Smallest disk, in bytes.
    pub smallest_disk: u64,
    /// How it is reached when it does not boot.
    pub recovery: KnownRecovery,
}

/// How a board is reached.
#[derive(Debug, Clone, Deserialize)]
pub struct KnownRecovery {
    /// The way.
    pub kind: RecoveryKind,
    /// USB ids that it shows then.
    pub usb: Vec<String>,
    /// What a person has to do.
    pub how: String,
}

/// All boards.
pub fn all() -> Vec<KnownBoard> {
    // A test reads it; boardgen's own test compares it with the boards.
    serde_json::from_str(TABLE).unwrap_or_default()
}

/// The board with this id.
pub fn named(id: &str) -> Option<KnownBoard> {
    all().into_iter().find(|board| board.id == id)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_that_is_built_in_can_be_read() {
        let rock = super::named("rock-5b").expect("it is there");
        assert_eq!(rock.recovery.usb, ["2207:350b"]);
        assert!(super::all().len() >= 7);
    }
}
