//! Logs: coloured on a terminal, plain elsewhere, JSON on request. Never names of people, tokens or keys.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins logging to standard error. `ROOMBOX_LOG` (for tests) chooses other levels.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_env("ROOMBOX_LOG").unwrap_or_else(|_| {
        EnvFilter::new("info,str0m=error,is=error,dimpl=error,sctp_proto=error")
    });
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
}
