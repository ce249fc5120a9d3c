//! The box's network: what its interfaces are and are set to, and changes that go back by themselves.
//!
//! ```text
//! nothing ── change ──▶ prepared ── after the answer ──▶ in force ── keep ──▶ kept
//!                          │                                │
//!                          └────── 60 s, or "go back" ──────┴──────▶ as before
//! ```
//! Who manages the network (see [`gear`]) keeps the time: a change that cuts the box off goes back though the
//! daemon is dead. So whether a trial runs is asked there, each time, and never remembered here; what is
//! remembered is only what people are told about it.
//!
//! It knows neither D-Bus nor HTTP.

mod error;
pub mod gear;
mod settings;
mod wifi;

pub use error::NetworkError;
pub use gear::{Link, LinkKind, VlanOf};
pub use settings::{
    Fixed, InterfaceSettings, Ipv4Settings, Ipv4Way, Ipv6Settings, Ipv6Way, Plan, PlanV4, PlanV6,
};
pub use wifi::{
    AccessFlags, AccessPoint, WifiBand, WifiJoin, WifiKey, WifiLink, WifiNetwork, WifiPlan,
    WifiSecurity, WifiView,
};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::finish::to_the_end;
use crate::updates::updater::{Disturbed, Premises};
use gear::{Change, GearError, NetworkGear, OpenTrial};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;

/// A change goes back after so long, unless somebody asks for another time.
const USUAL_S: u32 = 60;
/// Fewer are not enough to open a page, more leave a box cut off for long.
const SECONDS: std::ops::RangeInclusive<u32> = 10..=600;
/// The answer to whoever asks goes out before the address that it goes out by is gone.
const ANSWERED: Duration = Duration::from_millis(500);

/// Whether a trial is over is looked at this often,
const LOOK: Duration = Duration::from_secs(1);
/// and for so long after its time: who manages the network may start anew meanwhile.
const FOLLOWED: Duration = Duration::from_secs(120);

/// A change that is tried: it goes back by itself unless it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NetworkTrial {
    pub id: String,
    /// `null`: it is not known which.
    #[schema(required)]
    pub interface: Option<String>,
    pub confirm_by: UnixMs,
    pub left_s: u32,
    /// The interface's, with their prefix: those that are wished, and once they are in force those that are.
    pub addresses: Vec<String>,
    /// The new settings are in force.
    pub in_force: bool,
}

/// Whether something is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NetworkTrialView {
    #[schema(required)]
    pub trial: Option<NetworkTrial>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    Kept,
    /// Somebody asked for it.
    WentBack,
    /// Nobody kept it in time.
    TimedOut,
    /// It could not be put in force.
    Failed,
}

/// The last trial that ended since the daemon started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastTrial {
    pub interface: String,
    pub outcome: TrialOutcome,
    pub at: UnixMs,
    /// Why it failed; empty otherwise.
    pub why: String,
}

/// The network as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NetworkView {
    /// It can be changed here.
    pub managed: bool,
    /// Why it cannot.
    #[schema(required)]
    pub unmanaged_because: Option<String>,
    pub hostname: String,
    pub interfaces: Vec<Link>,
    #[schema(required)]
    pub trial: Option<NetworkTrial>,
    #[schema(required)]
    pub past: Option<PastTrial>,
    /// Whose meetings and recordings a change may break off.
    pub disturbed: Disturbed,
}

/// New settings of an interface.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfacePut {
    pub settings: InterfaceSettings,
    /// After so many seconds it goes back: 10 to 600, and 60 unless told.
    #[serde(default)]
    pub confirm_within_s: Option<u32>,
}

/// A VLAN that is to be (IEEE 802.1Q).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVlan {
    /// The interface that carries it.
    pub parent: String,
    /// 1 to 4094.
    pub id: u16,
    pub settings: InterfaceSettings,
    /// As of [`InterfacePut`].
    #[serde(default)]
    pub confirm_within_s: Option<u32>,
}

/// What is told of a trial.
#[derive(Debug, Clone)]
struct Note {
    id: String,
    interface: String,
    addresses: Vec<String>,
    removes: bool,
    carried_out: bool,
}

#[derive(Default)]
struct Told {
    note: Option<Note>,
    past: Option<PastTrial>,
}

impl Told {
    fn noted(&self) -> Option<String> {
        self.note.as_ref().map(|note| note.id.clone())
    }

    fn ended(&mut self, outcome: TrialOutcome, why: &str) {
        if let Some(note) = self.note.take() {
            let (interface, at) = (note.interface, UnixMs::now());
            tracing::info!(interface, ?outcome, why, "a change of the network has ended");
            self.past = Some(PastTrial { interface, outcome, at, why: why.to_owned() });
        }
    }
}

/// The network desk.
pub struct Network {
    gear: Arc<dyn NetworkGear>,
    premises: Arc<dyn Premises>,
    told: Mutex<Told>,
    /// One decision at a time.
    turn: tokio::sync::Mutex<()>,
}

fn address_of(text: &str) -> Option<IpAddr> {
    text.split('/').next()?.parse().ok()
}

impl Network {
    pub fn new(gear: Arc<dyn NetworkGear>, premises: Arc<dyn Premises>) -> Arc<Self> {
        Arc::new(Self { gear, premises, told: Mutex::default(), turn: Default::default() })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// Who manages the network went away, or cannot tell. That nobody manages it is no error.
    pub async fn view(&self) -> Result<NetworkView, NetworkError> {
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let hostname = hostname.trim().to_owned();
        let disturbed = self.premises.disturbed().await;
        let (interfaces, because) = match self.gear.look().await {
            Ok(links) => (links, None),
            Err(GearError::Absent(why)) => (self.gear.bare(), Some(why)),
            Err(other) => return Err(other.into()),
        };
        let trial = match because {
            None => self.trial_among(&interfaces).await?,
            Some(_) => None,
        };
        Ok(NetworkView {
            managed: because.is_none(),
            unmanaged_because: because,
            hostname,
            interfaces,
            trial,
            past: self.told().past.clone(),
            disturbed,
        })
    }

    /// # Errors
    /// As [`Self::view`].
    pub async fn trial(&self) -> Result<NetworkTrialView, NetworkError> {
        match self.open().await {
            Ok(None) | Err(GearError::Absent(_)) => Ok(NetworkTrialView { trial: None }),
            Ok(Some(open)) => {
                let links = self.gear.look().await?;
                Ok(NetworkTrialView { trial: Some(self.described(open, &links)) })
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn trial_among(&self, links: &[Link]) -> Result<Option<NetworkTrial>, NetworkError> {
        let open = self.open().await?;
        Ok(open.map(|open| self.described(open, links)))
    }

    /// The trial that runs. One that was known and does not any more has timed out; another may have begun while
    /// this was asked.
    async fn open(&self) -> Result<Option<OpenTrial>, GearError> {
        let noted = self.told().noted();
        let open = self.gear.trial().await;
        if matches!(open, Ok(None)) {
            let mut told = self.told();
            if told.noted() == noted {
                told.ended(TrialOutcome::TimedOut, "");
            }
        }
        open
    }

    fn described(&self, open: OpenTrial, links: &[Link]) -> NetworkTrial {
        let note = self.told().note.clone().filter(|note| note.id == open.id);
        let interface = note.as_ref().map(|note| note.interface.clone()).or(open.interface);
        let link = interface.as_ref().and_then(|name| links.iter().find(|l| l.name == *name));
        let in_force = match &note {
            // One that an earlier daemon began may not have been put in force any more.
            None => open.runs,
            Some(note) if note.removes => note.carried_out && open.runs,
            // An interface is ready for a moment yet by what it was set to before; and a radio that does not
            // get into a network goes back to the one before by itself.
            Some(note) => {
                let has = |link: &&Link| note.addresses.iter().all(|a| link.addresses.contains(a));
                note.carried_out && open.runs && link.filter(has).is_some_and(|link| link.ready)
            }
        };
        let now = link.filter(|_| in_force).map(|link| link.addresses.clone());
        let wished = note.as_ref().map(|note| note.addresses.clone()).unwrap_or_default();
        NetworkTrial {
            id: open.id,
            interface,
            confirm_by: UnixMs(UnixMs::now().0 + u64::from(open.left_s) * 1000),
            left_s: open.left_s,
            addresses: now.unwrap_or(wished),
            in_force,
        }
    }

    /// Tries new settings of an interface.
    ///
    /// # Errors
    /// There is none, it cannot be changed, the settings will not do, or something is tried already.
    pub async fn set(
        self: &Arc<Self>,
        name: &str,
        put: InterfacePut,
    ) -> Result<NetworkTrial, ControlError> {
        let (desk, name) = (self.clone(), name.to_owned());
        to_the_end(async move { Ok(desk.set_now(&name, put).await?) }).await
    }

    async fn set_now(
        self: &Arc<Self>,
        name: &str,
        put: InterfacePut,
    ) -> Result<NetworkTrial, NetworkError> {
        let _turn = self.turn.lock().await;
        let links = self.gear.look().await?;
        let link = links.iter().find(|link| link.name == name);
        let link = link.ok_or_else(|| NetworkError::NoInterface(name.to_owned()))?;
        if !link.changeable {
            return Err(NetworkError::NotChangeable(name.to_owned()));
        }
        let plan = put.settings.checked(&taken(&links, name))?;
        let change = Change::Set { interface: name.to_owned(), plan };
        self.try_out(change, put.confirm_within_s, &links).await
    }

    /// Tries a new VLAN.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub async fn add_vlan(self: &Arc<Self>, new: NewVlan) -> Result<NetworkTrial, ControlError> {
        let desk = self.clone();
        to_the_end(async move { Ok(desk.add_vlan_now(new).await?) }).await
    }

    async fn add_vlan_now(self: &Arc<Self>, new: NewVlan) -> Result<NetworkTrial, NetworkError> {
        let _turn = self.turn.lock().await;
        let links = self.gear.look().await?;
        let parent = links.iter().find(|link| link.name == new.parent);
        let parent = parent.ok_or_else(|| NetworkError::NoInterface(new.parent.clone()))?;
        if !parent.changeable || parent.kind != LinkKind::Wired {
            let why = "a VLAN is carried by a wired interface".to_owned();
            return Err(NetworkError::Invalid { field: "parent", why });
        }
        let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
        let vlan = VlanOf { parent: new.parent.clone(), id: new.id };
        if let Some(same) = links.iter().find(|link| link.vlan.as_ref() == Some(&vlan)) {
            let why = format!("there is a VLAN {} already: {}", new.id, same.name);
            return Err(NetworkError::Invalid { field: "id", why });
        }
        let interface = settings::vlan_name(&new.parent, new.id, &names)?;
        let plan = new.settings.checked(&taken(&links, &interface))?;
        let change = Change::AddVlan { interface, vlan, plan };
        self.try_out(change, new.confirm_within_s, &links).await
    }

    /// Tries to be without a VLAN.
    ///
    /// # Errors
    /// There is none, or something is tried already.
    pub async fn remove_vlan(self: &Arc<Self>, name: &str) -> Result<NetworkTrial, ControlError> {
        let (desk, name) = (self.clone(), name.to_owned());
        to_the_end(async move { Ok(desk.remove_vlan_now(&name).await?) }).await
    }

    async fn remove_vlan_now(self: &Arc<Self>, name: &str) -> Result<NetworkTrial, NetworkError> {
        let _turn = self.turn.lock().await;
        let links = self.gear.look().await?;
        let link = links.iter().find(|link| link.name == name);
        let link = link.ok_or_else(|| NetworkError::NoInterface(name.to_owned()))?;
        if link.kind != LinkKind::Vlan || !link.changeable {
            return Err(NetworkError::NoVlan(name.to_owned()));
        }
        let change = Change::Remove { interface: name.to_owned() };
        self.try_out(change, None, &links).await
    }

    async fn try_out(
        self: &Arc<Self>,
        change: Change,
        seconds: Option<u32>,
        links: &[Link],
    ) -> Result<NetworkTrial, NetworkError> {
        let seconds = seconds.unwrap_or(USUAL_S);
        if !SECONDS.contains(&seconds) {
            let (least, most) = (SECONDS.start(), SECONDS.end());
            let why = format!("a change goes back after {least} to {most} seconds");
            return Err(NetworkError::Invalid { field: "confirm_within_s", why });
        }
        if self.gear.trial().await?.is_some() {
            return Err(NetworkError::OnTrial);
        }
        let open = self.gear.prepare(&change, seconds).await?;
        let (addresses, removes) = match &change {
            Change::Set { plan, .. } | Change::AddVlan { plan, .. } | Change::Join { plan, .. } => {
                (plan.addresses(), false)
            }
            Change::Remove { .. } => (Vec::new(), true),
        };
        let interface = change.interface().to_owned();
        tracing::info!(interface, seconds, ?addresses, "a change of the network is tried");
        let id = open.id.clone();
        let note = Note { id: id.clone(), interface, addresses, removes, carried_out: false };
        {
            let mut told = self.told();
            told.ended(TrialOutcome::TimedOut, "");
            told.note = Some(note);
        }
        let trial = self.described(open, links);
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ANSWERED).await;
            desk.carry_out(&id, &change).await;
            desk.follow(Duration::from_secs(seconds.into()) + FOLLOWED).await;
        });
        Ok(trial)
    }

    /// Waits for the end of a trial: it is told, and cleared up after, even if nobody looks.
    async fn follow(&self, most: Duration) {
        let until = tokio::time::Instant::now() + most;
        let mut open = self.open().await;
        while !matches!(open, Ok(None)) {
            if tokio::time::Instant::now() > until {
                tracing::warn!(?open, "how a change of the network ended is not known");
                return;
            }
            tokio::time::sleep(LOOK).await;
            open = self.open().await;
        }
    }

    async fn carry_out(&self, id: &str, change: &Change) {
        let _turn = self.turn.lock().await;
        let goes_on = |told: &Told| told.note.as_ref().is_some_and(|note| note.id == id);
        // Somebody went back at once.
        if !goes_on(&self.told()) {
            return;
        }
        match self.gear.carry_out(change).await {
            Ok(()) => {
                if let Some(note) = &mut self.told().note {
                    note.carried_out = true;
                }
            }
            Err(error) => {
                if let Err(error) = self.gear.go_back(id).await {
                    tracing::warn!(%error, "the network goes back by its own clock");
                }
                self.told().ended(TrialOutcome::Failed, &error.to_string());
            }
        }
    }

    /// Keeps what is tried. `here`: the box's address that the request came to.
    ///
    /// # Errors
    /// Nothing is tried, it is not in force yet, or the request does not prove that the box can be reached.
    pub async fn keep(
        self: &Arc<Self>,
        id: &str,
        here: Option<IpAddr>,
    ) -> Result<(), ControlError> {
        let (desk, id) = (self.clone(), id.to_owned());
        to_the_end(async move { Ok(desk.keep_now(&id, here).await?) }).await
    }

    async fn keep_now(&self, id: &str, here: Option<IpAddr>) -> Result<(), NetworkError> {
        let _turn = self.turn.lock().await;
        let open = self.gear.trial().await?.filter(|open| open.id == id);
        let open = open.ok_or(NetworkError::NoTrial)?;
        let links = self.gear.look().await?;
        if !self.described(open, &links).in_force {
            return Err(NetworkError::NotYet);
        }
        let here = here.map(|here| here.to_canonical()).ok_or(NetworkError::FromItself)?;
        if here.is_loopback() {
            return Err(NetworkError::FromItself);
        }
        let all = links.iter().flat_map(|link| &link.addresses);
        if !all.filter_map(|address| address_of(address)).any(|address| address == here) {
            return Err(NetworkError::OldAddress);
        }
        self.gear.keep(id).await?;
        self.told().ended(TrialOutcome::Kept, "");
        Ok(())
    }

    /// Goes back to how it was.
    ///
    /// # Errors
    /// Nothing is tried.
    pub async fn go_back(&self) -> Result<(), NetworkError> {
        let _turn = self.turn.lock().await;
        let open = self.gear.trial().await?.ok_or(NetworkError::NoTrial)?;
        self.gear.go_back(&open.id).await?;
        self.told().ended(TrialOutcome::WentBack, "");
        Ok(())
    }
}

/// Addresses of the other interfaces.
fn taken<'a>(links: &'a [Link], but: &str) -> Vec<(IpAddr, &'a str)> {
    let others = links.iter().filter(|link| link.name != but);
    let all = others.flat_map(|link| link.addresses.iter().map(move |a| (a, link.name.as_str())));
    all.filter_map(|(address, whose)| Some((address_of(address)?, whose))).collect()
}
