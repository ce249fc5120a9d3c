//! What the network desk needs of whoever manages the interfaces: NetworkManager, by the daemon.

use super::settings::{InterfaceSettings, Plan};
use super::wifi::{AccessPoint, WifiLink, WifiPlan};
use crate::conference::Later;
use serde::Serialize;
use utoipa::ToSchema;

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GearError {
    /// Nobody manages the network: why, for the owner.
    #[error("this machine's network is not changed here: {0}")]
    Absent(String),
    #[error("who manages the network went away: {0}")]
    Gone(String),
    /// In the manager's own words.
    #[error("the network's settings were refused: {0}")]
    Refused(String),
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Wired,
    Wifi,
    Vlan,
    Other,
}

/// Whose part of the traffic a VLAN is (IEEE 802.1Q).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VlanOf {
    /// The interface that carries it.
    pub parent: String,
    pub id: u16,
}

/// An interface as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    pub name: String,
    pub kind: LinkKind,
    #[schema(required)]
    pub mac: Option<String>,
    /// A cable is plugged in, or a radio is connected.
    pub carrier: bool,
    /// Megabits per second, if known.
    #[schema(required)]
    pub speed_mbps: Option<u32>,
    /// With the length of the prefix, `192.168.1.5/24`; IPv4 first.
    pub addresses: Vec<String>,
    pub gateways: Vec<String>,
    pub dns: Vec<String>,
    pub search: Vec<String>,
    #[schema(required)]
    pub vlan: Option<VlanOf>,
    /// The Wi-Fi network that it is in.
    #[schema(required)]
    pub wifi: Option<WifiLink>,
    /// What it is set to; `null`: nobody here knows.
    #[schema(required)]
    pub settings: Option<InterfaceSettings>,
    /// It can be changed here.
    pub changeable: bool,
    /// Its settings are in force.
    pub ready: bool,
}

/// A change of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Set {
        interface: String,
        plan: Plan,
    },
    AddVlan {
        interface: String,
        vlan: VlanOf,
        plan: Plan,
    },
    Join {
        interface: String,
        wifi: WifiPlan,
        plan: Plan,
    },
    /// A VLAN, or the Wi-Fi network that an interface is in.
    Remove {
        interface: String,
    },
}

impl Change {
    pub fn interface(&self) -> &str {
        match self {
            Self::Set { interface, .. }
            | Self::AddVlan { interface, .. }
            | Self::Join { interface, .. }
            | Self::Remove { interface } => interface,
        }
    }
}

/// A change that goes back by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTrial {
    pub id: String,
    /// Until it goes back.
    pub left_s: u32,
    pub interface: Option<String>,
    /// The interface runs by what is tried.
    pub runs: bool,
}

/// Manages the interfaces. It keeps the time of a trial itself: also while the box's daemon is dead.
pub trait NetworkGear: Send + Sync {
    /// All interfaces but loopback.
    ///
    /// # Errors
    /// It is absent, or cannot tell.
    fn look(&self) -> Later<'_, Result<Vec<Link>, GearError>>;

    /// What the kernel alone tells of the interfaces, for a machine that nobody manages.
    fn bare(&self) -> Vec<Link>;

    /// The access points that a radio hears.
    ///
    /// # Errors
    /// As [`Self::look`].
    fn heard<'a>(&'a self, interface: &'a str) -> Later<'a, Result<Vec<AccessPoint>, GearError>>;

    /// Has a radio listen on all its channels, and waits until it has, or for some seconds.
    ///
    /// # Errors
    /// As [`Self::look`].
    fn listen<'a>(&'a self, interface: &'a str) -> Later<'a, Result<(), GearError>>;

    /// The trial that runs. While none does, nothing that was tried is left: also what went back only half is as
    /// it was before.
    ///
    /// # Errors
    /// As [`Self::look`].
    fn trial(&self) -> Later<'_, Result<Option<OpenTrial>, GearError>>;

    /// Remembers how everything is, for a return after so many seconds, and prepares the change. Nothing is in
    /// force yet.
    ///
    /// # Errors
    /// The settings are refused; nothing is remembered then, and nothing changed.
    fn prepare<'a>(
        &'a self,
        change: &'a Change,
        seconds: u32,
    ) -> Later<'a, Result<OpenTrial, GearError>>;

    /// Puts a prepared change in force.
    ///
    /// # Errors
    /// It cannot be.
    fn carry_out<'a>(&'a self, change: &'a Change) -> Later<'a, Result<(), GearError>>;

    /// Keeps what was tried, for every start from now on.
    ///
    /// # Errors
    /// It went back meanwhile, or cannot be kept: then it still goes back.
    fn keep<'a>(&'a self, id: &'a str) -> Later<'a, Result<(), GearError>>;

    /// Goes back at once.
    ///
    /// # Errors
    /// It went back meanwhile.
    fn go_back<'a>(&'a self, id: &'a str) -> Later<'a, Result<(), GearError>>;
}
