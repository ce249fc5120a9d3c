//! Whether the box is fit to be used, for the image's health gate: shards turn, the API answers, a
//! meeting connects and records, the encoders were tried. Never the network, the clock or a hub: a
//! box without them is a good box.
//!
//! The daemon serves the report on a Unix socket, once a connection; `roomboxd health` prints it. A
//! daemon that cannot start leaves word beside the socket, so that the panel of the version before
//! can say why.

mod loopback;
mod request;

pub use loopback::is_ours;

use crate::doors::Ports;
use crate::pulse::shards_turn;
use crate::tls::Tls;
use crate::trials;
use anyhow::Context;
use roombox_net::Plane;
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::future::Future;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use tokio::time::timeout;

/// A shard's turn is milliseconds; a busy machine gets seconds.
const TURN: Duration = Duration::from_secs(5);
/// For the request.
const ANSWER: Duration = Duration::from_secs(10);
/// For a client of the socket: longer than all checks.
const REPORT: Duration = Duration::from_secs(40);

/// What is looked at.
pub struct Health {
    pub plane: Arc<Plane>,
    pub data: PathBuf,
    pub ports: Ports,
    pub tls: Option<Arc<Tls>>,
    /// `roombox-media`.
    pub worker: PathBuf,
}

impl Health {
    /// Serves reports at `path`, one at a time, for as long as the box runs.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(self, path: &Path) -> anyhow::Result<impl Future<Output = ()> + use<>> {
        let refused = || format!("cannot listen on {} (--health)", path.display());
        // What a killed daemon left; ours alone, because the data folder is.
        for left in [path, &word(path)] {
            match fs::remove_file(left) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(refused);
                }
                _ => {}
            }
        }
        let listener = UnixListener::bind(path).with_context(refused)?;
        fs::set_permissions(path, Permissions::from_mode(0o660)).with_context(refused)?;
        Ok(async move {
            loop {
                let mut stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "the health socket takes no connection");
                        tokio::time::sleep(TURN).await;
                        continue;
                    }
                };
                let report = self.report().await;
                if report["healthy"] != true {
                    tracing::error!(%report, "the box is not healthy");
                }
                let text = format!("{report}\n");
                if let Err(error) = stream.write_all(text.as_bytes()).await {
                    tracing::debug!(%error, "nobody waits for the report any more");
                }
            }
        })
    }

    /// `{healthy, checks: [{name, ok, detail}]}`.
    async fn report(&self) -> Value {
        let (plane, data) = (self.plane.clone(), self.data.clone());
        let meeting = tokio::task::spawn_blocking(move || loopback::meet_and_record(&plane, &data));
        let api = async {
            let asked = timeout(ANSWER, request::ask(self.ports, self.tls.as_ref())).await;
            asked.unwrap_or_else(|_| Err(format!("the API did not answer within {ANSWER:?}")))
        };
        let (shards, api, meeting, encoders) =
            tokio::join!(shards_turn(&self.plane, TURN), api, meeting, self.encoders());
        let meeting = meeting.unwrap_or_else(|error| Err(format!("the check broke: {error}")));
        let checks: Vec<Value> =
            [("shards", shards), ("api", api), ("loopback", meeting), ("encoders", encoders)]
                .into_iter()
                .map(|(name, outcome)| {
                    let (ok, detail) = match outcome {
                        Ok(detail) => (true, detail),
                        Err(detail) => (false, detail),
                    };
                    json!({ "name": name, "ok": ok, "detail": detail })
                })
                .collect();
        let healthy = checks.iter().all(|check| check["ok"] == true);
        json!({ "healthy": healthy, "checks": checks })
    }

    /// The trial must end; a box without any encoder still meets and records.
    async fn encoders(&self) -> Result<String, String> {
        let found = trials::all(&self.worker).await?;
        let there: Vec<_> = found.encoders.iter().filter(|tried| tried.found).collect();
        let working: Vec<&str> =
            there.iter().filter(|tried| tried.works).map(|tried| tried.element.as_str()).collect();
        Ok(format!(
            "the trial ended: {} of {} work ({})",
            working.len(),
            there.len(),
            working.join(", ")
        ))
    }
}

/// Where a daemon says why it did not start.
fn word(socket: &Path) -> PathBuf {
    socket.with_extension("failed")
}

/// The daemon that would have served reports at `socket` did not start, for this reason.
pub fn leave_word(socket: &Path, why: &anyhow::Error) {
    if let Err(error) = fs::write(word(socket), format!("{why:#}\n")) {
        tracing::warn!(%error, "why the box did not start cannot be left beside {}", socket.display());
    }
}

/// The report of the daemon at this socket.
///
/// # Errors
/// No daemon answers there; if one could not start, why.
pub fn fetch(socket: &Path) -> anyhow::Result<Value> {
    let connected = UnixStream::connect(socket).map_err(|error| {
        let why = fs::read_to_string(word(socket)).unwrap_or_default();
        match why.trim() {
            "" => anyhow::Error::new(error)
                .context(format!("no daemon answers at {}", socket.display())),
            why => anyhow::anyhow!("the daemon did not start: {why}"),
        }
    });
    let mut stream = connected?;
    stream.set_read_timeout(Some(REPORT)).context("the socket has no patience")?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("the daemon did not report in time")?;
    serde_json::from_str(&text).context("the daemon's report cannot be read")
}

/// `healthy`, or each check that failed: `name: detail`, a line each.
pub fn in_words(report: &Value) -> String {
    if report["healthy"] == true {
        return "healthy".to_owned();
    }
    let failed = report["checks"].as_array().into_iter().flatten();
    let failed = failed.filter(|check| check["ok"] != true).map(|check| {
        let word = |name: &str| check[name].as_str().unwrap_or("?").replace(['\n', '\r'], " ");
        format!("{}: {}", word("name"), word("detail"))
    });
    failed.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words_has_a_line_for_each_check_that_failed() {
        let check = |name: &str, ok: bool, detail: &str| json!({ "name": name, "ok": ok, "detail": detail });
        let all = [
            check("shards", true, "2 of 2"),
            check("api", false, "said \"no\" {\"ok\": false},\n{\"ok\": true}"),
            check("loopback", false, "nothing was recorded; 0 packets"),
        ];
        let words = in_words(&json!({ "healthy": false, "checks": all }));
        assert_eq!(
            words.lines().collect::<Vec<_>>(),
            [
                r#"api: said "no" {"ok": false}, {"ok": true}"#,
                "loopback: nothing was recorded; 0 packets",
            ]
        );
        assert_eq!(in_words(&json!({ "healthy": true, "checks": all[..1] })), "healthy");
    }
}
