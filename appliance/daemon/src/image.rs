//! The system image that the daemon runs in, as its files say it.
//!
//! Outside an image (there is no board file) the daemon's own version is the version: whatever
//! Linux it runs on has another.

use roombox_control::encoders::{self, Listed};
use roombox_control::updates::Image;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What the board's own file says; written by boardgen.
const BOARD: &str = "usr/share/roombox/board.json";
const RELEASE: &str = "etc/os-release";
/// One line: the oldest version that may be installed.
const FLOOR: &str = "usr/lib/roombox/floor";
const COMMAND_LINE: &str = "proc/cmdline";
const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";

/// Reads what is below `root`.
pub fn look(root: &Path) -> Image {
    let line = |name: &str| {
        let text = fs::read_to_string(root.join(name)).ok()?;
        Some(text.trim().to_owned()).filter(|line| !line.is_empty())
    };
    let board = fs::read(root.join(BOARD)).ok();
    // Another Linux has a version and an end of its own.
    let release = board.as_ref().and_then(|_| line(RELEASE)).unwrap_or_default();
    Image {
        version: said(&release, "VERSION_ID").unwrap_or(env!("CARGO_PKG_VERSION")).to_owned(),
        support_end: said(&release, "SUPPORT_END").filter(|day| is_day(day)).map(str::to_owned),
        floor: line(FLOOR),
        compatible: board.and_then(|board| compatible(&board)),
        slot: line(COMMAND_LINE).and_then(|words| slot(&words)),
        boot_id: line(BOOT_ID).unwrap_or_default(),
    }
}

/// The encoders that the board's file lists; none outside an image.
pub fn encoders(root: &Path) -> Vec<Listed> {
    fs::read(root.join(BOARD)).map_or_else(|_| Vec::new(), |board| encoders::listed(&board))
}

fn compatible(board: &[u8]) -> Option<String> {
    let board: Value = serde_json::from_slice(board).ok()?;
    Some(board.get("compatible")?.as_str()?.to_owned())
}

/// A value of os-release(5), with or without quotes.
fn said<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = release.lines().filter_map(|line| line.trim().split_once('='));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// Whether a text looks like `2031-12-31`.
fn is_day(text: &str) -> bool {
    let at =
        |n: usize, byte: u8| if n == 4 || n == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(|(n, byte)| at(n, byte))
}

/// The side that the boot loader chose: `rauc.slot=A`.
fn slot(command_line: &str) -> Option<String> {
    let told = command_line.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot="));
    told.filter(|slot| !slot.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_it_is_and_another_linux_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        write(RELEASE, "ID=x\nVERSION_ID=\"0.3.1\"\nVERSION=9\nSUPPORT_END=2031-12-31\n");
        write(COMMAND_LINE, "console=tty1 rauc.slot=B quiet\n");
        let other = look(folder.path());
        assert_eq!((other.version.as_str(), other.compatible), (env!("CARGO_PKG_VERSION"), None));
        assert_eq!(other.support_end, None, "that is another Linux's");
        write(BOARD, r#"{"id": "x", "compatible": "roombox-x"}"#);
        write(FLOOR, "0.2\n");
        write(BOOT_ID, "b-1\n");
        let image = look(folder.path());
        assert_eq!(image.version, "0.3.1");
        assert_eq!(image.support_end.as_deref(), Some("2031-12-31"));
        assert_eq!(image.compatible.as_deref(), Some("roombox-x"));
        assert_eq!((image.floor.as_deref(), image.slot.as_deref()), (Some("0.2"), Some("B")));
        assert_eq!(image.boot_id, "b-1");
        for wrong in ["soon", "2031-12-31T00:00Z", "31.12.2031", ""] {
            write(RELEASE, &format!("VERSION_ID=1\nSUPPORT_END=\"{wrong}\"\n"));
            assert_eq!(look(folder.path()).support_end, None, "{wrong}");
        }
    }
}
