//! What the network desk refuses, and why. The texts go to people.

use super::gear::GearError;

/// A change of the network that was not made.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// `field` as in the request, with dots.
    #[error("{why}")]
    Invalid { field: &'static str, why: String },
    #[error("there is no interface {0} on this box: look at the list again")]
    NoInterface(String),
    #[error("{0} is not one that can be changed here: only wired interfaces, VLANs and Wi-Fi are")]
    NotChangeable(String),
    #[error("{0} is no Wi-Fi of this box that can be changed here")]
    NoWifi(String),
    #[error("{0} is no VLAN: only VLANs can be removed")]
    NoVlan(String),
    #[error(
        "a change is being tried already: keep it, go back, or wait until it has gone back by itself"
    )]
    OnTrial,
    #[error("nothing is being tried: the settings are kept already, or went back by themselves")]
    NoTrial,
    #[error("the new settings are not in force yet: try again in a moment")]
    NotYet,
    #[error(
        "this came from the box itself, which proves nothing: open its new address from another \
         machine and keep the settings there"
    )]
    FromItself,
    #[error(
        "this came to an address that the box no longer has: open the new one, and keep the settings \
         there"
    )]
    OldAddress,
    #[error(transparent)]
    Gear(#[from] GearError),
}

pub(super) fn invalid(field: &'static str, why: impl Into<String>) -> NetworkError {
    NetworkError::Invalid { field, why: why.into() }
}

impl NetworkError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "network_invalid",
            Self::NoInterface(_) => "network_no_interface",
            Self::NotChangeable(_) => "network_not_changeable",
            Self::NoWifi(_) => "network_no_wifi",
            Self::NoVlan(_) => "network_no_vlan",
            Self::OnTrial => "network_on_trial",
            Self::NoTrial => "network_no_trial",
            Self::NotYet => "network_not_yet",
            Self::FromItself => "network_from_itself",
            Self::OldAddress => "network_old_address",
            Self::Gear(GearError::Absent(_)) => "network_not_managed",
            Self::Gear(GearError::Gone(_)) => "network_gone",
            Self::Gear(GearError::Refused(_)) => "network_refused",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            _ => None,
        }
    }
}
