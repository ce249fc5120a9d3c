//! The daemon as a box, and what clients and systemd see of it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use crate::running::{ROOMBOXD, Running};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Served {
    pub running: Running,
    pub folder: tempfile::TempDir,
    /// `127.0.0.1:port` of each.
    pub http: String,
    pub https: String,
    notified: UnixDatagram,
}

impl Served {
    pub fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    pub fn start_in(folder: tempfile::TempDir, more: &[&str]) -> Self {
        let socket = folder.path().join("notify");
        fs::remove_file(&socket).unwrap_or_default();
        let notified = UnixDatagram::bind(&socket).unwrap();
        notified.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = Command::new(ROOMBOXD);
        command.args(["--udp", "0", "--tcp", "0", "--shards", "1", "--http", "127.0.0.1:0"]);
        command.args(["--https", "127.0.0.1:0", "--log-json"]).args(more);
        command.arg("--data").arg(folder.path().join("data"));
        command.arg("--console").arg(folder.path().join("console.txt"));
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
        command.env("ROOMBOX_LOG", "debug").stdin(Stdio::null());
        let running = Running::start(&mut command);
        // Standard output is a log, and the claim code is not for logs.
        assert!(running.listens.contains("https://127.0.0.1:"), "{}", running.listens);
        assert!(!running.listens.contains('#'), "{}", running.listens);
        let mut served =
            Self { running, folder, http: String::new(), https: String::new(), notified };
        let text = served.console(|text| text.contains("Trust"));
        let after = |mark: &str| {
            let from = text.find(mark).unwrap() + mark.len();
            let address = text[from..].split(['/', '\n']).next().unwrap();
            address.to_owned()
        };
        (served.https, served.http) = (after("https://"), after("http://"));
        served
    }

    /// The screen's text, once it is as wanted.
    pub fn console(&self, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.folder.path().join("console.txt"));
            let text = text.unwrap_or_default();
            if wanted(&text) {
                return text;
            }
            assert!(begun.elapsed() < PATIENCE, "the screen still says: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn claim_code(&self) -> String {
        let text = self.console(|text| text.contains("claim#"));
        text.split("claim#").nth(1).unwrap()[..9].to_owned()
    }

    /// The authority's certificate, fetched as a person would.
    pub fn authority(&self) -> PathBuf {
        let path = self.folder.path().join("fetched-ca.crt");
        fs::write(&path, curl(&[&format!("http://{}/ca.crt", self.http)]).1).unwrap();
        path
    }

    /// curl over HTTPS, with trust in this box and nobody else.
    pub fn https(&self, path: &str, more: &[&str]) -> (String, String) {
        let authority = self.authority();
        let url = format!("https://{}{path}", self.https);
        let mut arguments = vec!["--cacert", authority.to_str().unwrap(), &url];
        arguments.extend(more);
        curl(&arguments)
    }

    /// What systemd hears next.
    pub fn told(&self) -> String {
        let mut heard = [0; 4096];
        let length = self.notified.recv(&mut heard).expect("systemd hears something");
        String::from_utf8(heard[..length].to_vec()).unwrap()
    }
}

/// Head and body of an answer.
pub fn curl(arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "30"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    let Some((head, body)) = said.split_once("\r\n\r\n") else { return (error.into(), said) };
    (head.to_owned(), body.to_owned())
}
