//! What a row of the log says, and the chain of hashes that shows whether somebody changed it later.
//!
//! ```text
//! hash(n) = SHA-256(hash(n − 1) in hex, entry(n) as it is written)
//! ```
//! Pure. The entry is JSON text and hashed as text: nothing depends on how JSON could be written too.

use crate::clock::UnixMs;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::BufRead;
use utoipa::ToSchema;

/// Before the first row.
pub const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// A line of an export is shorter.
const LONGEST_LINE: usize = 64 * 1024;

/// One thing that somebody did, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Grows by one.
    pub seq: u64,
    pub at: UnixMs,
    #[serde(flatten)]
    pub what: Noted,
}

/// What is noted of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Noted {
    /// Id of the person; empty: nobody who is known.
    pub person: String,
    /// The person's name at that time. What is typed at the door is not kept: it may be a password.
    pub name: String,
    /// The API token that spoke for the person; empty: none.
    pub token: String,
    /// The address that it came from.
    pub from: String,
    /// Name of the operation, as the API's document has it.
    pub action: String,
    /// Ids of what it was done to, from the outer to the inner.
    pub subject: String,
    /// What became of it, in a few words; never a secret.
    pub detail: String,
    /// `ok`, or the code of the refusal.
    pub result: String,
    /// Refusals before this one that were too many to be written down.
    pub skipped: u64,
}

/// The hash of a row, in hex.
pub fn hash(previous: &str, entry: &str) -> String {
    let mut sha = Sha256::new();
    sha.update(previous.as_bytes());
    sha.update(entry.as_bytes());
    hex(&sha.finalize())
}

/// One line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What came before, which is not kept any more: the first line.
    Anchor {
        seq: u64,
        hash: String,
    },
    Row {
        entry: String,
        hash: String,
    },
}

/// Where the chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("line {0} is none of an export")]
    Line(u64),
    #[error("the first line is no anchor: the beginning is missing")]
    NoAnchor,
    #[error("row {0} was changed, or what came before it was")]
    Hash(u64),
    #[error("row {0} does not follow: rows are missing, doubled or in another order")]
    Order(u64),
    #[error("the file cannot be read")]
    Read,
}

/// Follows the chain row by row.
#[derive(Debug, Clone)]
pub struct Follower {
    seq: u64,
    hash: String,
}

impl Follower {
    /// Begins behind what is not kept any more.
    pub fn new(seq: u64, hash: String) -> Self {
        Self { seq, hash }
    }

    /// # Errors
    /// The row is not the next one of the chain.
    pub fn follow(&mut self, entry: &str, said: &str) -> Result<(), Broken> {
        let next = self.seq + 1;
        if hash(&self.hash, entry) != said {
            return Err(Broken::Hash(next));
        }
        let seq = serde_json::from_str::<AuditEntry>(entry).map(|entry| entry.seq);
        if seq.ok() != Some(next) {
            return Err(Broken::Order(next));
        }
        self.seq = next;
        said.clone_into(&mut self.hash);
        Ok(())
    }
}

/// Checks an export: how many rows it has, and the last one's number.
///
/// # Errors
/// Where the chain is broken first.
pub fn check(mut export: impl BufRead) -> Result<(u64, u64), Broken> {
    let mut follower: Option<Follower> = None;
    let (mut number, mut rows, mut text) = (0, 0, String::new());
    loop {
        text.clear();
        number += 1;
        let mut part = std::io::Read::take(&mut export, LONGEST_LINE as u64);
        if part.read_line(&mut text).map_err(|_| Broken::Read)? == 0 {
            break;
        }
        let line = serde_json::from_str(&text).map_err(|_| Broken::Line(number))?;
        match (line, &mut follower) {
            (Line::Anchor { seq, hash }, None) => follower = Some(Follower::new(seq, hash)),
            (Line::Row { entry, hash }, Some(follower)) => {
                follower.follow(&entry, &hash)?;
                rows += 1;
            }
            (Line::Row { .. }, None) => return Err(Broken::NoAnchor),
            (Line::Anchor { .. }, Some(_)) => return Err(Broken::Line(number)),
        }
    }
    let follower = follower.ok_or(Broken::NoAnchor)?;
    Ok((rows, follower.seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(rows: u64) -> Vec<String> {
        let mut previous = NOTHING.to_owned();
        let line = |line: &Line| serde_json::to_string(line).unwrap() + "\n";
        let mut lines = vec![line(&Line::Anchor { seq: 0, hash: previous.clone() })];
        for seq in 1..=rows {
            let what = Noted { action: "room_create".into(), ..Noted::default() };
            let entry = AuditEntry { seq, at: UnixMs(seq), what };
            let entry = serde_json::to_string(&entry).unwrap();
            previous = hash(&previous, &entry);
            lines.push(line(&Line::Row { entry, hash: previous.clone() }));
        }
        lines
    }

    fn checked(lines: &[String]) -> Result<(u64, u64), Broken> {
        check(lines.concat().as_bytes())
    }

    #[test]
    fn a_whole_export_is_whole() {
        assert_eq!(checked(&export(5)), Ok((5, 5)));
        assert_eq!(checked(&export(0)), Ok((0, 0)));
    }

    #[test]
    fn whatever_is_changed_taken_out_or_put_in_is_found() {
        let whole = export(5);
        for row in 1..=5_usize {
            let mut changed = whole.clone();
            changed[row] = changed[row].replace("room_create", "room_delete");
            assert_eq!(checked(&changed), Err(Broken::Hash(row as u64)));
            let mut doubled = whole.clone();
            doubled.insert(row, whole[row].clone());
            assert!(checked(&doubled).is_err(), "{row}");
            if row < 5 {
                let mut without = whole.clone();
                without.remove(row);
                assert_eq!(checked(&without), Err(Broken::Hash(row as u64)));
                let mut swapped = whole.clone();
                swapped.swap(row, row + 1);
                assert!(checked(&swapped).is_err(), "{row}");
            }
        }
        assert_eq!(checked(&whole[1..]), Err(Broken::NoAnchor));
        assert_eq!(checked(&["x\n".to_owned()]), Err(Broken::Line(1)));
        assert_eq!(checked(&["\"x".repeat(LONGEST_LINE)]), Err(Broken::Line(1)));
    }

    #[test]
    fn somebody_who_makes_the_hashes_anew_must_make_all_that_follow() {
        let mut lines = export(3);
        let entry =
            serde_json::to_string(&AuditEntry { seq: 2, at: UnixMs(9), what: Noted::default() });
        let Line::Row { hash: before, .. } = serde_json::from_str(&lines[1]).unwrap() else {
            panic!()
        };
        let (entry, made) = (entry.as_ref().unwrap(), hash(&before, entry.as_ref().unwrap()));
        lines[2] =
            serde_json::to_string(&Line::Row { entry: entry.clone(), hash: made }).unwrap() + "\n";
        assert_eq!(checked(&lines), Err(Broken::Hash(3)));
    }
}
