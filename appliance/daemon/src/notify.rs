//! What a box tells systemd: that it is ready, how it is, that it lives, that it stops (sd_notify(3)).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager that started us, if one did and wants to know.
pub struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// From the environment that systemd gives to its services.
    pub fn of_this_process() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let address = match path.as_bytes().split_first() {
                Some((b'@', name)) => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(&path),
            };
            let opened = address.and_then(|address| {
                let socket = UnixDatagram::unbound()?;
                // A manager that does not read must not stop the box.
                socket.set_nonblocking(true)?;
                Ok((socket, address))
            });
            opened
                .inspect_err(|error| tracing::warn!(%error, "the service manager is not told"))
                .ok()
        });
        let text = |name| std::env::var(name).ok();
        let for_us = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").filter(|_| for_us);
        let watchdog = watchdog.and_then(|us| us.parse().ok()).map(Duration::from_micros);
        Self { socket, watchdog: watchdog.filter(|period| !period.is_zero()) }
    }

    /// After how long without a sign of life we are killed.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The doors are open.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// One line for `systemctl status`. It goes to everybody who may look: no secrets.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    fn tell(&self, state: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(%error, "the service manager did not hear");
        }
    }
}
