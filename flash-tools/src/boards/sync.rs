//! Generated files on the disk beside those that the boards make now.

use super::GeneratedFile;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A difference between the folder and the boards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The boards make a file that is not there.
    Missing(String),
    /// The file says something else, first in this line (from 1).
    Differs {
        /// Path below the folder.
        path: String,
        /// The first line that differs.
        line: usize,
    },
    /// No board makes this file any more.
    Leftover(String),
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{path} is missing"),
            Self::Differs { path, line } => write!(f, "{path} differs from line {line} on"),
            Self::Leftover(path) => write!(f, "{path} belongs to no board"),
        }
    }
}

/// What [`write`] would change below `folder`.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn changes(folder: &Path, files: &[GeneratedFile]) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut left: BTreeSet<String> = found(folder)?;
    for file in files {
        left.remove(&file.path);
        let path = file.path.clone();
        match fs::read_to_string(folder.join(&file.path)) {
            Ok(text) if text == file.text => {}
            Ok(text) => {
                changes.push(Change::Differs { path, line: first_difference(&text, &file.text) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                changes.push(Change::Missing(path));
            }
            Err(error) => return Err(error),
        }
    }
    changes.extend(left.into_iter().map(Change::Leftover));
    Ok(changes)
}

/// Makes `folder` hold exactly `files`, and says what it changed.
///
/// # Errors
/// A file or folder that cannot be read, written or removed.
pub fn write(folder: &Path, files: &[GeneratedFile]) -> io::Result<Vec<Change>> {
    let changes = changes(folder, files)?;
    for change in &changes {
        if let Change::Leftover(path) = change {
            fs::remove_file(folder.join(path))?;
        }
    }
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &file.text)?;
    }
    Ok(changes)
}

fn first_difference(one: &str, other: &str) -> usize {
    let same = one.lines().zip(other.lines()).take_while(|(one, other)| one == other).count();
    same + 1
}

/// Every file below `folder`, with slashes; none if it is not there.
fn found(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let mut waiting: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if let Ok(below) = path.strip_prefix(folder) {
                paths.insert(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(paths)
}
