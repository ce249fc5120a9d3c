//! The daemon under load, as a process of its own: started on free ports, asked, measured, stopped.

use anyhow::{Context, Result, bail};
use rustix::param::clock_ticks_per_second;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PASSWORD: &str = "correct horse battery";
/// A box that does not answer for so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// CPU time and waiting time of a process between two looks, all threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    pub cpu: Duration,
    /// Ready to run, but waiting for a core.
    pub waiting: Duration,
}

/// Of one process: what it has spent, thread by thread where the kernel tells it so.
#[derive(Debug, Clone, Default)]
pub struct Account {
    cpu: Duration,
    /// Waiting time by thread id.
    waiting: HashMap<OsString, Duration>,
}

impl Account {
    /// Of a process now: `/proc/PID/stat` counts ended threads too, which
    /// `/proc/PID/task/*/schedstat` (nanoseconds run and waited) does not.
    pub fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in brackets, may hold spaces; utime and stime are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: u64 =
            fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let cpu = Duration::from_micros(ticks * 1_000_000 / clock_ticks_per_second());
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        let waiting = tasks.into_iter().flatten().flatten().filter_map(|task| {
            // A thread may have ended since it was listed.
            let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let waited = text.split_whitespace().nth(1)?.parse().ok()?;
            Some((task.file_name(), Duration::from_nanos(waited)))
        });
        Self { cpu, waiting: waiting.collect() }
    }

    pub fn since(&self, before: &Self) -> Spent {
        let waited = |(thread, now): (&OsString, &Duration)| {
            now.saturating_sub(before.waiting.get(thread).copied().unwrap_or_default())
        };
        Spent {
            cpu: self.cpu.saturating_sub(before.cpu),
            waiting: self.waiting.iter().map(waited).sum(),
        }
    }
}

pub struct Roombox {
    process: Child,
    pub http: SocketAddr,
    token: String,
}

impl Roombox {
    /// Starts `binary`, claims it and makes an API token.
    pub fn start(binary: &Path, data: &Path, shards: usize) -> Result<Self> {
        let log = std::fs::File::create(data.join("roomboxd.log"))?;
        let mut process = Command::new(binary)
            .args(["--dev", "--http", "127.0.0.1:0", "--udp", "0", "--tcp", "0"])
            .args(["--address", "127.0.0.1"])
            .arg("--shards")
            .arg(shards.to_string())
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let output = process.stdout.take().context("the box's output")?;
        let mut lines = BufReader::new(output).lines();
        let (mut http, mut code) = (None, None);
        for line in lines.by_ref() {
            let line = line?;
            if let Some((_, address)) = line.split_once("listens on http://") {
                http = Some(address.trim().parse()?);
            }
            if let Some(rest) = line.trim().strip_prefix("Claim") {
                code = rest.split_whitespace().next().map(str::to_owned);
                break;
            }
        }
        // Whatever else it prints must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let (http, code) = (http.context("no address printed")?, code.context("no claim code")?);
        let mut roombox = Self { process, http, token: String::new() };
        let owner = json!({ "code": code, "name": "Bench", "password": PASSWORD });
        let (head, _) = roombox.ask("POST", "/claim", "", &owner)?;
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|cookie| cookie.split(';').next())
            .context("no session cookie")?;
        let name = json!({ "name": "bench" });
        let (_, made) =
            roombox.ask("POST", "/api-tokens", &format!("Cookie: {cookie}\r\n"), &name)?;
        roombox.token = made["token"].as_str().context("no API token")?.to_owned();
        Ok(roombox)
    }

    /// Makes a room and answers its id; on the LiveKit side a room is called by its name.
    pub fn make_room(&self, name: &str) -> Result<String> {
        let made = self.call("POST", "/rooms", &json!({ "name": name }))?;
        Ok(made["id"].as_str().context("no room id")?.to_owned())
    }

    pub fn record(&self, room: &str) -> Result<()> {
        self.call("POST", &format!("/rooms/{room}/recording"), &Value::Null)?;
        Ok(())
    }

    pub fn account(&self) -> Account {
        Account::of(self.process.id())
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let authorization = format!("Authorization: Bearer {}\r\n", self.token);
        Ok(self.ask(method, path, &authorization, body)?.1)
    }

    /// One request on a connection of its own.
    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &Value,
    ) -> Result<(String, Value)> {
        let (body, kind) = match body.is_null() {
            true => (String::new(), ""),
            false => (body.to_string(), "Content-Type: application/json\r\n"),
        };
        let mut stream = TcpStream::connect_timeout(&self.http, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\
             {kind}Content-Length: {}\r\n\r\n{body}",
            self.http,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, text) = answer.split_once("\r\n\r\n").context("half an answer")?;
        if !head.starts_with("HTTP/1.1 2") {
            bail!("{method} {path}: {} {text}", head.lines().next().unwrap_or_default());
        }
        let value = if text.is_empty() { Value::Null } else { serde_json::from_str(text)? };
        Ok((head.to_owned(), value))
    }
}

impl Drop for Roombox {
    fn drop(&mut self) {
        // Killed, not stopped: films of nonsense need not be tried.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
