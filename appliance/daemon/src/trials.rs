//! Trials of the board's encoders: in the background, at the lowest priority, and never while meetings need
//! the machine. `roombox-media probe` makes them; [`EncoderDesk`] knows what follows.

use roombox_control::encoders::{EncoderDesk, ProbeReport};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

/// For a trial of one encoder, or a look at all: a trial that hangs is ended by the probe itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// For as long as the box runs. `met`: whether meetings need the machine.
pub async fn run(desk: Arc<EncoderDesk>, worker: PathBuf, mut met: watch::Receiver<bool>) {
    let elements = desk.elements();
    if elements.is_empty() {
        return;
    }
    loop {
        let look = ["--look"];
        match ask(lowly(&worker), &worker, &elements, &look).await {
            Ok(found) => desk.looked(&found),
            Err(why) => tracing::warn!(why, "nobody knows which encoders are there"),
        }
        loop {
            // Whoever said so is gone with the box.
            if met.wait_for(|met| !met).await.is_err() {
                return;
            }
            let Some(element) = desk.begin_trial() else { break };
            let one = std::slice::from_ref(&element);
            let outcome = ask(lowly(&worker), &worker, one, &[]).await;
            if let Err(error) = desk.tried(&element, outcome).await {
                tracing::warn!(%error, element, "how a trial ended is forgotten at the next start");
            }
        }
        desk.changed().await;
    }
}

/// Whoever is tried in the background gets what nobody else wants.
fn lowly(worker: &Path) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19", "ionice", "-c", "3"]).arg(worker);
    command
}

/// Has `roombox-media` try every encoder that it knows.
///
/// # Errors
/// It cannot be started, does not end in time, or says nothing.
pub async fn all(worker: &Path) -> Result<ProbeReport, String> {
    ask(Command::new(worker), worker, &[], &[]).await
}

async fn ask(
    mut command: Command,
    worker: &Path,
    elements: &[String],
    more: &[&str],
) -> Result<ProbeReport, String> {
    command.args(["probe", "--json"]).args(more);
    for element in elements {
        command.arg("--encoder").arg(element);
    }
    let child = command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    match timeout(PATIENCE, child).await {
        Ok(Ok(output)) if output.status.success() => serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the encoders' trial says no JSON: {error}")),
        Ok(Ok(output)) => Err(format!("the encoders' trial ended with {}", output.status)),
        Ok(Err(error)) => Err(format!("{} cannot be started: {error}", worker.display())),
        Err(_) => Err(format!("the encoders' trial did not end within {PATIENCE:?}")),
    }
}
