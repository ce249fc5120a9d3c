//! The real daemon, started by tests.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub const ROOMBOXD: &str = env!("CARGO_BIN_EXE_roomboxd");

/// A daemon that is up; killed when dropped.
pub struct Running {
    pub process: Child,
    /// Its first line.
    pub listens: String,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut listens = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut listens).unwrap();
        Self { process, listens }
    }

    /// Kills it, and says what it had logged.
    pub fn kill(mut self) -> String {
        let mut log = String::new();
        self.process.kill().unwrap();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.process.wait().unwrap();
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
