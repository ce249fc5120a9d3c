//! Boards as data: one folder each under `board-configs/`, on a layout that families share.
//!
//! Reading is strict: an unknown key, a label that the updater needs and does not find, or a
//! partition that does not fit is refused with the file's name, before anything is generated.

mod board;
mod crates;
mod generate;
mod layout;
mod size;
mod sync;

pub use board::{
    Api, Arch, Board, Codec, CodecName, Direction, Led, Recovery, RecoveryKind, Watchdog, Yocto,
};
pub use crates::crates;
pub use generate::{GeneratedFile, generate};
pub use layout::{Filesystem, Layout, Loader, Partition, Place, Raw};
pub use size::Size;
pub use sync::{Change, changes, write};

use std::fs;
use std::path::{Path, PathBuf};

/// A board that cannot be read, or that contradicts itself.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// A file or folder that is not there or cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        source: std::io::Error,
    },
    /// TOML that is no TOML, a key that does not exist, a value of another type: with its line.
    #[error("{}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: Box<toml::de::Error>,
    },
    /// A rule of `board-configs/schema.md` that the board breaks.
    #[error("{}: {broken}", path.display())]
    Rule {
        /// The file.
        path: PathBuf,
        /// The rule, and what to do.
        broken: String,
    },
}

/// A board together with the layout that it names.
#[derive(Debug, Clone)]
pub struct LaidOut {
    /// The board's own facts.
    pub board: Board,
    /// Its disk.
    pub layout: Layout,
}

/// Every board below `board_configs`, by id.
///
/// # Errors
/// The first board or layout that cannot be read or breaks a rule.
pub fn read_all(board_configs: &Path) -> Result<Vec<LaidOut>, BoardError> {
    let mut folders = Vec::new();
    let entries =
        fs::read_dir(board_configs).map_err(|source| unreadable(board_configs, source))?;
    for entry in entries {
        let path = entry.map_err(|source| unreadable(board_configs, source))?.path();
        if path.join(Board::FILE).is_file() {
            folders.push(path);
        } else if path.is_dir() && !path.ends_with("layouts") {
            let broken = "there is none in this folder: write it, or remove the folder".to_owned();
            return Err(BoardError::Rule { path: path.join(Board::FILE), broken });
        }
    }
    folders.sort();
    let boards: Vec<LaidOut> =
        folders.iter().map(|folder| read(board_configs, folder)).collect::<Result<_, _>>()?;
    unique(board_configs, &boards, "RAUC compatible", |board| &board.compatible)?;
    unique(board_configs, &boards, "Yocto machine", |board| &board.yocto.machine)?;
    Ok(boards)
}

fn read(board_configs: &Path, folder: &Path) -> Result<LaidOut, BoardError> {
    let path = folder.join(Board::FILE);
    let board: Board = parse(&path)?;
    let rule = |broken: String| BoardError::Rule { path: path.clone(), broken };
    if folder.file_name().and_then(|name| name.to_str()) != Some(&board.id) {
        return Err(rule(format!("id is {:?}: it must be the name of the folder", board.id)));
    }
    let layout_path = board_configs.join("layouts").join(format!("{}.toml", board.layout));
    if !layout_path.is_file() {
        return Err(rule(format!(
            "layout is {:?}: there is no {}",
            board.layout,
            layout_path.display()
        )));
    }
    let layout: Layout = parse(&layout_path)?;
    layout.check().map_err(|broken| BoardError::Rule { path: layout_path.clone(), broken })?;
    board.check(&layout).map_err(rule)?;
    Ok(LaidOut { board, layout })
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, BoardError> {
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    toml::from_str(&text)
        .map_err(|source| BoardError::Parse { path: path.to_owned(), source: Box::new(source) })
}

fn unreadable(path: &Path, source: std::io::Error) -> BoardError {
    BoardError::Read { path: path.to_owned(), source }
}

fn unique(
    board_configs: &Path,
    boards: &[LaidOut],
    what: &str,
    key: impl Fn(&Board) -> &String,
) -> Result<(), BoardError> {
    for (n, one) in boards.iter().enumerate() {
        if let Some(other) = boards[..n].iter().find(|other| key(&other.board) == key(&one.board)) {
            let broken = format!(
                "{what} {:?} is also that of {}: an update would be taken for the other board's",
                key(&one.board),
                other.board.id
            );
            let path = board_configs.join(&one.board.id).join(Board::FILE);
            return Err(BoardError::Rule { path, broken });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
