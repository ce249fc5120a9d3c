//! The program itself, and what it says.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

pub fn roomflash() -> Command {
    Command::new(env!("CARGO_BIN_EXE_roomflash"))
}

/// Exit code and everything that was said.
pub struct Said {
    pub code: i32,
    pub text: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        Self { code: output.status.code().unwrap_or(-1), text }
    }
}

/// Says that something cannot be tried here, past cargo's capture.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

pub fn run(arguments: &[&str]) -> Said {
    roomflash().args(arguments).stdin(std::process::Stdio::null()).output().unwrap().into()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
