//! How the box is found without anybody knowing its address: multicast DNS (RFC 6762) and DNS-SD (RFC 6763).
//!
//! It has a name that no other box has, and the first of a network is `roombox.local` as well. Who comes
//! second leaves that name alone and looks again now and then: the certificate has both, and no third.

use crate::names;
use anyhow::Context as _;
use mdns_sd::{DaemonEvent, IfKind, Receiver, ServiceDaemon, ServiceInfo};
use roombox_control::clock::Ticks;
use roombox_control::identity::BoxIdentity;
use roombox_control::people::People;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Browsers of the network list these.
const WEB: &str = "_https._tcp.local.";
/// Boxes, and what is to be known of each before anybody asks it.
const BOX: &str = "_roombox._tcp.local.";
/// Nobody browses for it: it holds the name that all boxes want.
const FIRST: &str = "_roombox-first._tcp.local.";
/// Whether the box was renamed or claimed is looked at this often.
const LOOK: Duration = Duration::from_secs(2);
/// A name that another box has is tried again after this.
const AGAIN: Duration = Duration::from_secs(15);
/// A probe of a name takes this long (RFC 6762 §8.1: three at 250 ms, and what comes of them).
const PROBED: Duration = Duration::from_secs(3);
/// An instance's name, bytes (RFC 6763 §4.1.1); room is left for ` (2)`.
const LONGEST: usize = 58;

/// What the network is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    name: String,
    claimed: bool,
}

/// Tells the local network where the box is.
pub struct Discovery {
    pub identity: Arc<BoxIdentity>,
    pub people: Arc<People>,
    /// Where HTTPS is served.
    pub at: SocketAddr,
    /// Under which the box is found, best first.
    pub found_as: watch::Sender<Vec<String>>,
}

/// What says names. When it is dropped, the network hears that they are gone.
struct Voice {
    daemon: ServiceDaemon,
    events: Receiver<DaemonEvent>,
}

impl Voice {
    fn new() -> anyhow::Result<Self> {
        let daemon = ServiceDaemon::new().context("multicast DNS cannot be spoken")?;
        let events = daemon.monitor().context("nothing is heard of the network")?;
        // To this machine nobody has to say where it is.
        let inside = vec![IfKind::LoopbackV4, IfKind::LoopbackV6];
        daemon.disable_interface(inside).context("the network cannot be chosen")?;
        Ok(Self { daemon, events })
    }

    fn say(&self, service: ServiceInfo) -> anyhow::Result<()> {
        self.daemon.register(service).context("the network cannot be told")
    }

    /// The next name that another box has: what it was, and what it became.
    async fn conflict(&self) -> anyhow::Result<(String, String)> {
        loop {
            match self.events.recv_async().await.context("its thread has ended")? {
                DaemonEvent::NameChange(change) => return Ok((change.original, change.new_name)),
                DaemonEvent::Error(error) => tracing::debug!(%error, "multicast DNS"),
                _ => {}
            }
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        if let Err(error) = self.daemon.shutdown() {
            tracing::debug!(%error, "the network hears later that a name is gone");
        }
    }
}

impl Discovery {
    /// Tells it until the box stops, and then that it is gone.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let (held, first) = watch::channel(false);
        let told = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Ok(()),
            told = self.tell(first) => told,
            told = self.be_first(held) => told,
        };
        if let Err(error) = told {
            let error = format!("{error:#}");
            tracing::warn!(error, "the box is not found by name: others need its address");
        }
    }

    /// Holds the name that all boxes want, while no other one has it.
    async fn be_first(&self, held: watch::Sender<bool>) -> anyhow::Result<()> {
        loop {
            // Another voice each time: one keeps to the name that it has evaded to.
            let voice = Voice::new()?;
            voice.say(self.first()?)?;
            if timeout(PROBED, voice.conflict()).await.is_err() {
                held.send_replace(true);
                voice.conflict().await?;
                held.send_replace(false);
            }
            tracing::debug!("another box is {}", names::WELL_KNOWN);
            drop(voice);
            sleep(AGAIN).await;
        }
    }

    async fn tell(&self, mut first: watch::Receiver<bool>) -> anyhow::Result<()> {
        let (voice, own) = (Voice::new()?, names::own(self.identity.id()));
        let (mut told, mut services): (Option<Told>, Vec<String>) = (None, Vec::new());
        let mut looks = Ticks::every(LOOK);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                changed = first.changed() => changed.context("nobody asks for the first name")?,
                conflict = voice.conflict() => {
                    let (from, to) = conflict?;
                    tracing::info!(from, to, "another box of this network has this name");
                }
            }
            self.show(&own, *first.borrow_and_update());
            let now = Told {
                name: instance(&self.identity.name()),
                claimed: self.people.claim_state().claimed,
            };
            if told.as_ref() != Some(&now) {
                for name in services.drain(..) {
                    if let Ok(gone) = voice.daemon.unregister(&name) {
                        drop(gone.recv_async().await);
                    }
                }
                for kind in [WEB, BOX] {
                    let service = self.service(kind, &now, &own)?;
                    services.push(service.get_fullname().to_owned());
                    voice.say(service)?;
                }
                told = Some(now);
            }
        }
    }

    fn service(&self, kind: &str, told: &Told, own: &str) -> anyhow::Result<ServiceInfo> {
        let claimed = if told.claimed { "1" } else { "0" };
        let facts = [
            ("id", self.identity.id()),
            ("version", env!("CARGO_PKG_VERSION")),
            ("claimed", claimed),
            ("path", "/panel/"),
        ];
        let host = format!("{own}.");
        self.described(ServiceInfo::new(kind, &told.name, &host, "", self.at.port(), &facts[..]))
    }

    fn first(&self) -> anyhow::Result<ServiceInfo> {
        let host = format!("{}.", names::WELL_KNOWN);
        let none: &[(&str, &str)] = &[];
        self.described(ServiceInfo::new(FIRST, self.identity.id(), &host, "", self.at.port(), none))
    }

    /// With the addresses under which HTTPS is served.
    fn described(&self, service: mdns_sd::Result<ServiceInfo>) -> anyhow::Result<ServiceInfo> {
        let mut service = service.context("the box cannot be described")?.enable_addr_auto();
        if !self.at.ip().is_unspecified() {
            service.set_interfaces(vec![IfKind::Addr(self.at.ip())]);
        }
        Ok(service)
    }

    fn show(&self, own: &str, first: bool) {
        let mut all = vec![own.to_owned()];
        if first {
            all.insert(0, names::WELL_KNOWN.to_owned());
        }
        self.found_as.send_if_modified(|before| {
            let other = *before != all;
            if other {
                tracing::info!(names = ?all, "the box is found on its network as this");
                *before = all;
            }
            other
        });
    }
}

/// The box's name as an instance of a service can have it.
fn instance(name: &str) -> String {
    let mut fits: String =
        name.chars().map(|c| if c.is_control() || c == '.' { ' ' } else { c }).collect();
    while fits.len() > LONGEST {
        fits.pop();
    }
    match fits.trim() {
        "" => "Roombox".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_people_becomes_one_of_the_network() {
        assert_eq!(instance("Hörsaal 3.1"), "Hörsaal 3 1");
        assert_eq!(instance("."), "Roombox");
        assert!(instance(&"ö".repeat(100)).len() <= LONGEST);
    }
}
