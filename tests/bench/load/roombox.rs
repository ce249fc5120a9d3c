//! The daemon under load, as a process of its own: started on free ports, asked, measured, stopped.

use super::server::Server;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PASSWORD: &str = "correct horse battery";
/// A box that does not answer for so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Roombox {
    process: Child,
    http: SocketAddr,
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
        let (head, _) = roombox.ask("POST", "/api/v1/claim", "", &owner)?;
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|cookie| cookie.split(';').next())
            .context("no session cookie")?;
        let name = json!({ "name": "bench" });
        let (_, made) =
            roombox.ask("POST", "/api/v1/api-tokens", &format!("Cookie: {cookie}\r\n"), &name)?;
        let made: Value = serde_json::from_str(&made)?;
        roombox.token = made["token"].as_str().context("no API token")?.to_owned();
        Ok(roombox)
    }

    /// One request with the box's own token; the answer's text.
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<String> {
        let authorization = format!("Authorization: Bearer {}\r\n", self.token);
        Ok(self.ask(method, path, &authorization, body)?.1)
    }

    /// One request on a connection of its own; head and text of the answer.
    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &Value,
    ) -> Result<(String, String)> {
        let (body, kind) = match body.is_null() {
            true => (String::new(), ""),
            false => (body.to_string(), "Content-Type: application/json\r\n"),
        };
        let mut stream = TcpStream::connect_timeout(&self.http, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\
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
        Ok((head.to_owned(), text.to_owned()))
    }
}

impl Server for Roombox {
    fn http(&self) -> SocketAddr {
        self.http
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn make_room(&self, name: &str) -> Result<String> {
        let made = self.call("POST", "/api/v1/rooms", &json!({ "name": name }))?;
        let made: Value = serde_json::from_str(&made)?;
        Ok(made["id"].as_str().context("no room id")?.to_owned())
    }

    fn record(&self, room: &str) -> Result<()> {
        self.call("POST", &format!("/api/v1/rooms/{room}/recording"), &Value::Null)?;
        Ok(())
    }

    fn recorded(&self) -> Result<(usize, u64)> {
        let told = self.call("GET", "/metrics", &Value::Null)?;
        let figure = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse::<f64>().ok()).with_context(|| format!("no {name}"))
        };
        let lost = figure("roombox_recorder_dropped_packets_total")?;
        Ok((figure("roombox_recordings")? as usize, lost as u64))
    }
}

impl Drop for Roombox {
    fn drop(&mut self) {
        // Killed, not stopped: films of nonsense need not be tried.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
