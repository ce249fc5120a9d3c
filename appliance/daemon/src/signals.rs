//! Signals that ask the box to stop.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Ends when somebody asks the box to stop, also if that was before anybody waited for it.
pub fn stop_asked() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("cannot listen to signals");
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
