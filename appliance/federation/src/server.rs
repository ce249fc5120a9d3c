//! nats-server as a child of this program.
//!
//! It listens on ports of its own choice on 127.0.0.1, beside a hub's door for leaves, and says which
//! in a file. A server that a killed daemon left is ended first: it has the folder.

use crate::cut;
use roombox_control::fleet::CutReason;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// The oldest version that is supported: it restores frozen streams in health, and ignores addresses
/// that it was not told.
pub const OLDEST: (u32, u32) = (2, 14);
/// A server with a large store needs a while.
const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(5);
const ASK: Duration = Duration::from_secs(2);
/// The monitor's longest answer that is read.
const ANSWER: u64 = 1 << 20;
/// So much of the end of the log is looked at for why there is no link, bytes.
const LOG_END: u64 = 64 * 1024;

/// What is wrong with the server. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{program} cannot be run: {source}")]
    Run { program: String, source: io::Error },
    #[error("{program} does not say which version it is: is it nats-server?")]
    Version { program: String },
    #[error(
        "nats-server {found} is too old: this box needs {}.{} or newer, name one with --nats-server",
        OLDEST.0, OLDEST.1
    )]
    Old { found: String },
    #[error("the server's folder {folder} cannot be used: {source}")]
    Folder { folder: String, source: io::Error },
    #[error("nats-server ended at once: {0}")]
    Ended(String),
    #[error("nats-server does not say where it listens")]
    Silent,
}

/// Whether a program is a nats-server that will do: its version.
///
/// # Errors
/// It is none, or too old.
pub async fn version(program: &Path) -> Result<String, ServerError> {
    let name = || program.display().to_string();
    let asked =
        Command::new(program).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let ran = timeout(START, asked).await.map_err(|_| ServerError::Version { program: name() })?;
    let ran = ran.map_err(|source| ServerError::Run { program: name(), source })?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let found = text.trim().strip_prefix("nats-server: v");
    let found = found.ok_or_else(|| ServerError::Version { program: name() })?;
    match supported(found) {
        Some(true) => Ok(found.to_owned()),
        Some(false) => Err(ServerError::Old { found: found.to_owned() }),
        None => Err(ServerError::Version { program: name() }),
    }
}

fn supported(version: &str) -> Option<bool> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some((major, minor) >= OLDEST)
}

#[derive(Deserialize)]
struct PortsFile {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Leafz {
    leafnodes: usize,
    #[serde(default)]
    leafs: Vec<Leaf>,
}

/// One link, as the monitor lists it: the other side's address.
#[derive(Deserialize)]
struct Leaf {
    /// With a zone where it is link-local: then nobody knows which of the addresses it is.
    ip: String,
    port: u16,
}

#[derive(Deserialize)]
struct Jsz {
    #[serde(default)]
    disabled: bool,
}

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// It serves, and JetStream is well.
    pub healthy: bool,
    /// Links to or from other servers.
    pub links: usize,
    /// With whom the first of them is.
    pub peer: Option<SocketAddr>,
}

/// A server that runs; it ends with this.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// For clients, `nats://…`.
    url: String,
    monitor: SocketAddr,
    /// How long the log was when there was a link last, or when the server started.
    linked_at: u64,
}

impl Server {
    /// Starts `program` with `conf`, which is kept in `folder`.
    ///
    /// # Errors
    /// The folder cannot be used, or the program does not come up.
    pub async fn start(program: &Path, folder: &Path, conf: &str) -> Result<Self, ServerError> {
        let refused = |source| {
            let folder = folder.display().to_string();
            ServerError::Folder { folder, source }
        };
        fs::create_dir_all(folder).map_err(refused)?;
        end_orphan(folder).await;
        forget_ports(folder).map_err(refused)?;
        write_conf(folder, conf).map_err(refused)?;
        let errors = fs::File::create(folder.join("nats.err")).map_err(refused)?;
        let linked_at = log_length(folder);
        let child = Command::new(program)
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn();
        let name = program.display().to_string();
        let mut child = child.map_err(|source| ServerError::Run { program: name, source })?;
        let listening = timeout(START, listening(&mut child, folder));
        let (url, monitor) = listening.await.map_err(|_| ServerError::Silent)??;
        Ok(Self { child, folder: folder.to_owned(), url, monitor, linked_at })
    }

    /// Where clients connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has it read another configuration. Who is not in it any more stays connected all the same, if
    /// it is a leaf [measured on 2.14.5]: to put somebody out, start the server again.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn reload(&self, conf: &str) -> Result<(), ServerError> {
        write_conf(&self.folder, conf).map_err(|source| {
            let folder = self.folder.display().to_string();
            ServerError::Folder { folder, source }
        })?;
        self.signal(Signal::HUP);
        Ok(())
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it, and waits for that.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        if timeout(STOP, self.child.wait()).await.is_err()
            && let Err(error) = self.child.kill().await
        {
            tracing::warn!(%error, "nats-server cannot be ended");
        }
    }

    /// Asks its monitor. A server that does not answer is not well.
    pub async fn health(&self) -> Health {
        let ask = |path| async move { timeout(ASK, get(self.monitor, path)).await.ok()?.ok() };
        let (health, jetstream, links) = (ask("/healthz"), ask("/jsz"), ask("/leafz"));
        let (health, jetstream, links) = tokio::join!(health, jetstream, links);
        let enabled = jetstream
            .and_then(|body| serde_json::from_slice::<Jsz>(&body).ok())
            .is_some_and(|jetstream| !jetstream.disabled);
        let links = links.and_then(|body| serde_json::from_slice::<Leafz>(&body).ok());
        let Leafz { leafnodes: links, leafs } = links.unwrap_or_default();
        let peer = leafs.first();
        let peer = peer.and_then(|leaf| Some(SocketAddr::new(leaf.ip.parse().ok()?, leaf.port)));
        Health { healthy: health.is_some() && enabled, links, peer }
    }

    /// There is a link: what the log says so far is of no interest any more.
    pub fn linked(&mut self) {
        self.linked_at = log_length(&self.folder);
    }

    /// Why there is no link, as far as the log says it.
    pub fn cut(&self) -> Option<CutReason> {
        match log_since(&self.folder, self.linked_at) {
            Ok(log) => cut::reason(&log),
            Err(error) => {
                tracing::debug!(%error, "nats-server's log cannot be read");
                None
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id as i32));
        if let Some(pid) = pid
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::debug!(%error, "nats-server has ended");
        }
    }
}

fn log_length(folder: &Path) -> u64 {
    fs::metadata(folder.join("nats.log")).map_or(0, |log| log.len())
}

/// What was written to the log after it was so long: the end of that. A log that is shorter was begun
/// anew.
fn log_since(folder: &Path, length: u64) -> io::Result<String> {
    let mut log = fs::File::open(folder.join("nats.log"))?;
    let now = log.metadata()?.len();
    let from = if now < length { 0 } else { length };
    log.seek(SeekFrom::Start(from.max(now.saturating_sub(LOG_END))))?;
    let mut text = Vec::new();
    log.take(LOG_END).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Waits until the server has written where it listens.
async fn listening(child: &mut Child, folder: &Path) -> Result<(String, SocketAddr), ServerError> {
    loop {
        if !matches!(child.try_wait(), Ok(None)) {
            return Err(ServerError::Ended(last_words(folder)));
        }
        if let Some(found) = read_ports(folder) {
            return Ok(found);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn read_ports(folder: &Path) -> Option<(String, SocketAddr)> {
    let path = ports_files(folder).into_iter().next()?;
    // It may be half written: then it is read again.
    let ports: PortsFile = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let monitor = ports.monitoring.first()?.strip_prefix("http://")?.parse().ok()?;
    Some((ports.nats.first()?.clone(), monitor))
}

fn ports_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "ports")).collect()
}

fn forget_ports(folder: &Path) -> io::Result<()> {
    ports_files(folder).into_iter().try_for_each(fs::remove_file)
}

/// The key is in it: it is for the box alone.
fn write_conf(folder: &Path, conf: &str) -> io::Result<()> {
    let (path, partial) = (folder.join("nats.conf"), folder.join("nats.conf.new"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(conf.as_bytes())?;
    file.sync_all()?;
    fs::rename(partial, path)
}

/// Ends a server that works in this folder and has nobody any more.
pub async fn end_orphan(folder: &Path) {
    let written = fs::read_to_string(folder.join("nats.pid")).unwrap_or_default();
    let Some(pid) = written.trim().parse().ok().and_then(Pid::from_raw) else { return };
    let line = PathBuf::from(format!("/proc/{}/cmdline", written.trim()));
    let conf = folder.join("nats.conf").display().to_string();
    let ours = || {
        let line = fs::read(&line).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == conf.as_bytes())
    };
    for signal in [Signal::TERM, Signal::KILL] {
        if !ours() || kill_process(pid, signal).is_err() {
            return;
        }
        tracing::info!("a nats-server that an earlier run left is ended");
        for _ in 0..100 {
            if !ours() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the server said last, for the owner: what it could not log, else the end of its log.
fn last_words(folder: &Path) -> String {
    let said = ["nats.err", "nats.log"].into_iter().find_map(|name| {
        let text = fs::read(folder.join(name)).ok()?;
        let end = String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned();
        end.lines().rev().find(|line| !line.trim().is_empty()).map(str::to_owned)
    });
    said.unwrap_or_else(|| "it says nothing".to_owned())
}

/// HTTP/1.0: the whole answer is the connection's. The body of a 200.
async fn get(at: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer).await?;
    let good = answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200");
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n");
    match (good, body) {
        (true, Some(at)) => Ok(answer.split_off(at + 4)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests;
