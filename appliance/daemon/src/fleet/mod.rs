//! The box in a fleet: brings nats-server, link and hub's desk to what the box's place asks for.
//!
//! ```text
//! no place ──► nothing runs, no port is open
//! place ──► server started ──► link (and at a hub the desk) ──► looked at every 2 s
//!                 ▲                                                │ ended, frozen, hub given up,
//!                 └── a pause ◄───────────────────────────────────┘ a box was put out
//! ```
//!
//! Nothing here is needed to meet and record.

mod errands;
mod gear;
mod mark;

pub use errands::Errands;
pub use gear::BoxGear;

use anyhow::Context as _;
use roombox_control::fleet::{
    BoxPulse, Fleet, FleetError, LinkState, LinkView, Ordered, Place, Twin,
};
use roombox_control::store::{FleetRow, Store};
use roombox_federation::Identity;
use roombox_federation::conf::{HubConf, LeafConf};
use roombox_federation::link::{Errand, Link, Warned};
use roombox_federation::server::{self, Server};
use roombox_federation::subjects::BoxId;
use roombox_federation::via;
use roombox_federation::watch::{LOOK, Seen, Watch};
use roombox_hub::HubDesk;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// After something went wrong.
const PAUSE: Duration = Duration::from_secs(3);

/// What a box says of itself.
pub type Pulse = Arc<dyn Fn() -> BoxPulse + Send + Sync>;

/// Keeps the box in its fleet.
pub struct FleetKeeper {
    pub fleet: Arc<Fleet>,
    pub store: Arc<Store>,
    pub gear: Arc<BoxGear>,
    /// The box's data.
    pub data: PathBuf,
    pub pulse: Pulse,
    /// What the fleet wants of its settings.
    pub twin: Arc<Twin>,
    /// Carries out its updates.
    pub ordered: Arc<Ordered>,
    /// Does jobs of other boxes.
    pub errands: mpsc::Sender<Errand>,
}

/// Why a run of the server is over.
enum End {
    /// The place changed, or what it allows.
    Changed,
    /// It is to be started again, because of this.
    Again(String),
}

impl FleetKeeper {
    /// Works for as long as the daemon lives.
    pub async fn run(self) {
        // It would go on with the box's key whatever this start is told.
        if let Ok(data) = std::fs::canonicalize(&self.data) {
            server::end_orphan(&data.join("nats")).await;
        }
        let Some(program) = self.gear.program().map(Path::to_owned) else {
            if let Ok(Some(_)) = self.store.fleet_get().await {
                let error = Some(FleetError::NoServer.to_string());
                self.fleet.link_is(LinkView {
                    state: LinkState::Failed,
                    error,
                    ..LinkView::default()
                });
            }
            return;
        };
        let mut changes = self.fleet.watch();
        let mut link = LinkView::default();
        loop {
            changes.mark_unchanged();
            let row = match self.place().await {
                Ok(Some(row)) => row,
                found => {
                    link = LinkView::default();
                    match found {
                        Err(error) => {
                            let error = format!("{error:#}");
                            tracing::error!(error, "the box's place in its fleet cannot be kept");
                            (link.state, link.error) = (LinkState::Failed, Some(error));
                        }
                        Ok(_) => self.clear_up().await,
                    }
                    self.fleet.link_is(link.clone());
                    let waited = timeout(PAUSE * 20, changes.changed()).await;
                    if waited.is_ok_and(|change| change.is_err()) {
                        return;
                    }
                    continue;
                }
            };
            link.state = LinkState::Starting;
            self.fleet.link_is(link.clone());
            match self.serve(&program, row, &mut link, &mut changes).await {
                Ok(End::Changed) => continue,
                Ok(End::Again(why)) => {
                    tracing::warn!(why, "nats-server is started again");
                    (link.error, link.cut, link.address) = (None, None, None);
                    link.restarts += 1;
                    link.restarted_because = Some(why);
                    link.state = LinkState::Starting;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    if link.error.as_ref() != Some(&error) {
                        tracing::error!(error, "the box cannot reach its fleet: it goes on trying");
                    }
                    (link.state, link.error) = (LinkState::Failed, Some(error));
                    (link.cut, link.address) = (None, None);
                }
            }
            self.fleet.link_is(link.clone());
            // A change is no reason to wait.
            if timeout(PAUSE, changes.changed()).await.is_ok() {
                tracing::debug!("the box's place in its fleet has changed meanwhile");
            }
        }
    }

    /// The box's place, in another epoch if the database is from another time.
    async fn place(&self) -> anyhow::Result<Option<FleetRow>> {
        if self.store.fleet_get().await?.is_none() {
            return Ok(None);
        }
        let next = mark::new()?;
        if self.store.fleet_mark(mark::read(&self.data)?, next.clone(), mark::new()?).await? {
            tracing::warn!("the database is from another time: the hub is told by a new epoch");
            self.twin.look().await?;
        }
        mark::write(&self.data, &next)?;
        Ok(self.store.fleet_get().await?)
    }

    /// Without a place nothing stays: key, certificate and what members told are in there.
    async fn clear_up(&self) {
        let folder = self.data.join("nats");
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %folder.display(), "nats-server's folder stays");
            }
            _ => {}
        }
    }

    /// One run of the server.
    async fn serve(
        &self,
        program: &Path,
        row: FleetRow,
        link: &mut LinkView,
        changes: &mut watch::Receiver<u64>,
    ) -> anyhow::Result<End> {
        server::version(program).await?;
        let identity = Arc::new(self.gear.identity()?);
        // A server that was left is known by this path, whatever folder the daemon is started in.
        let folder = std::fs::canonicalize(&self.data)?.join("nats");
        let mut written = self.conf(&row.place, &identity, &folder).await?;
        let mut server = Server::start(program, &folder, &written.text).await?;
        (link.error, link.cut, link.address) = (None, None, None);
        let (warned, alarms) = watch::channel(Warned::default());
        let (linked, up) = watch::channel(false);
        let mut tasks = JoinSet::new();
        self.begin(&mut tasks, &row, &identity, server.url(), (warned, up));
        let (begun, mut looks) = (Instant::now(), tokio::time::interval(LOOK));
        let (mut watched, mut peer) = (Watch::begin(Duration::ZERO), None);
        let end = loop {
            tokio::select! {
                _ = looks.tick() => {}
                changed = changes.changed() => if changed.is_err() { break End::Changed },
                Some(broke) = tasks.join_next() => {
                    break End::Again(format!("what speaks with it broke off: {broke:?}"));
                }
            }
            // A busy store is no reason to cut everybody off.
            let looked = match self.store.fleet_get().await {
                Ok(now) if now.as_ref() != Some(&row) => break End::Changed,
                Ok(_) => self.conf(&row.place, &identity, &folder).await,
                Err(error) => Err(error.into()),
            };
            let wanted = match looked {
                Ok(wanted) => wanted,
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the fleet cannot be looked at now"
                    );
                    continue;
                }
            };
            if !written.members.iter().all(|member| wanted.members.contains(member)) {
                // Read anew, the server would leave the link of who was put out as it is.
                break End::Changed;
            }
            if wanted != written {
                server.reload(&wanted.text)?;
                written = wanted;
            }
            if server.ended() {
                break End::Again("it had ended".to_owned());
            }
            let health = server.health().await;
            let seen = Seen {
                healthy: health.healthy,
                links: health.links,
                wants_hub: matches!(row.place, Place::Member { .. }),
                hub_reachable: health.links == 0 && via::reachable(hub_at(&row.place)).await,
            };
            let up = health.healthy && (!seen.wants_hub || seen.links > 0);
            link.state = if up { LinkState::Up } else { LinkState::Cut };
            linked.send_if_modified(|was| std::mem::replace(was, up) != up);
            if seen.links > 0 {
                server.linked();
            }
            link.cut = if seen.wants_hub && seen.links == 0 { server.cut() } else { None };
            link.error = link.cut.map(|why| why.text().to_owned());
            Warned { cloned: link.cloned, clock: link.clock } = *alarms.borrow();
            let now = health.peer.filter(|_| seen.wants_hub);
            // Names are looked up when there is another link, and not at each look.
            if now != peer {
                (peer, link.address) = (now, None);
                if let Some(peer) = peer {
                    link.address = Some(via::address(hub_at(&row.place), peer).await);
                }
            }
            self.fleet.link_is(link.clone());
            if let Some(why) = watched.look(begun.elapsed(), seen) {
                break End::Again(why.text().to_owned());
            }
        };
        tasks.shutdown().await;
        server.stop().await;
        Ok(end)
    }

    fn begin(
        &self,
        tasks: &mut JoinSet<()>,
        row: &FleetRow,
        identity: &Arc<Identity>,
        url: &str,
        (warned, up): (watch::Sender<Warned>, watch::Receiver<bool>),
    ) {
        let (store, identity, url) = (self.store.clone(), identity.clone(), url.to_owned());
        if matches!(row.place, Place::Hub { .. }) {
            let (store, identity, url) = (store.clone(), identity.clone(), url.clone());
            tasks.spawn(HubDesk { store, identity, url, fleet: self.fleet.clone() }.run());
        }
        let (row, pulse, errands) = (row.clone(), self.pulse.clone(), self.errands.clone());
        let (twin, ordered) = (self.twin.clone(), self.ordered.clone());
        let link = Link { store, identity, url, row, pulse, warned, up, twin, ordered, errands };
        tasks.spawn(link.run());
    }

    async fn conf(
        &self,
        place: &Place,
        identity: &Identity,
        folder: &Path,
    ) -> anyhow::Result<Written> {
        match place {
            Place::Member { addresses, authority, .. } => {
                let file = folder.join("authority.pem");
                if std::fs::read_to_string(&file).ok().as_ref() != Some(authority) {
                    std::fs::create_dir_all(folder)?;
                    roombox_control::files::replace(&file, authority.as_bytes(), 0o600)
                        .context("the hub's certificate cannot be kept")?;
                }
                let leaf = LeafConf { identity, folder, hubs: addresses, authority: &file };
                Ok(Written { text: leaf.render(), members: Vec::new(), certified: None })
            }
            Place::Hub { addresses, port } => {
                let own = identity.id();
                let rows = self.store.fleet_box_list().await?;
                let members =
                    rows.into_iter().filter_map(|row| Some((BoxId::parse(&row.id)?, row.key)));
                let members: Vec<_> = members.filter(|(id, _)| id != own).collect();
                let (certificate, certificate_key) = self.gear.certificate();
                let hub = HubConf {
                    identity,
                    folder,
                    port: *port,
                    advertise: addresses.first().context("the hub has no address")?,
                    certificate: &certificate,
                    certificate_key: &certificate_key,
                    members: &members,
                };
                let text = hub.render();
                let certified = std::fs::metadata(&certificate)?.modified().ok();
                Ok(Written { text, members, certified })
            }
        }
    }
}

/// What a server was told.
#[derive(PartialEq)]
struct Written {
    text: String,
    members: Vec<(BoxId, String)>,
    /// When the certificate was made, which the server reads with its configuration.
    certified: Option<SystemTime>,
}

/// Where a member finds its hub; a hub looks for none.
fn hub_at(place: &Place) -> &[String] {
    match place {
        Place::Member { addresses, .. } => addresses,
        Place::Hub { .. } => &[],
    }
}

#[cfg(test)]
mod tests;
