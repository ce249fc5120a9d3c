//! Wi-Fi: which networks a radio hears, and being in one of them.
//!
//! A network is joined like everything else here is changed: it is tried, and goes back unless it is kept. A
//! passphrase passes through to who manages the network, which keeps it; the box keeps none, and is told none.

use super::error::{NetworkError, invalid};
use super::gear::{Change, Link, LinkKind};
use super::{InterfaceSettings, Network, NetworkTrial, taken};
use crate::error::ControlError;
use crate::finish::to_the_end;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// IEEE 802.11 §9.4.2.2, in bytes.
const SSID: std::ops::RangeInclusive<usize> = 1..=32;
/// IEEE 802.11 annex J.4: of ASCII that can be seen. A key of 64 hexadecimal digits is none that people type.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 8..=63;
/// SAE has no length; nobody types more.
const LONGEST: usize = 128;

/// How a network is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WifiSecurity {
    /// Everybody nearby reads along.
    Open,
    /// No passphrase, and encrypted all the same (OWE, "Enhanced Open").
    Owe,
    /// A passphrase: WPA or WPA2 (PSK).
    Wpa2,
    /// A passphrase: WPA3 (SAE).
    Wpa3,
    /// A passphrase, by either.
    Wpa2Wpa3,
    /// Each has an account (802.1X).
    Enterprise,
    /// WEP: nothing keeps it from anybody.
    Wep,
}

/// In which part of the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub enum WifiBand {
    #[serde(rename = "2.4")]
    Two,
    #[serde(rename = "5")]
    Five,
    #[serde(rename = "6")]
    Six,
}

impl WifiBand {
    /// Of a frequency in MHz (IEEE 802.11 annex E).
    pub fn of(mhz: u32) -> Self {
        match mhz {
            0..3000 => Self::Two,
            3000..5925 => Self::Five,
            _ => Self::Six,
        }
    }
}

/// What an access point says of its keys: `NM80211ApFlags`, and `NM80211ApSecurityFlags` of WPA and of RSN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessFlags {
    pub flags: u32,
    pub wpa: u32,
    pub rsn: u32,
}

impl AccessFlags {
    const PRIVACY: u32 = 0x1;
    const PSK: u32 = 0x100;
    const EAP: u32 = 0x200;
    const SAE: u32 = 0x400;
    const OWE: u32 = 0x800;
    const EAP_SUITE_B: u32 = 0x2000;

    /// What that comes to for whoever wants to join.
    pub fn security(self) -> WifiSecurity {
        let keys = self.wpa | self.rsn;
        let has = |flag| keys & flag != 0;
        match (has(Self::PSK), has(Self::SAE)) {
            (true, true) => return WifiSecurity::Wpa2Wpa3,
            (true, false) => return WifiSecurity::Wpa2,
            (false, true) => return WifiSecurity::Wpa3,
            (false, false) => {}
        }
        if has(Self::EAP) || has(Self::EAP_SUITE_B) {
            WifiSecurity::Enterprise
        } else if has(Self::OWE) {
            WifiSecurity::Owe
        } else if self.flags & Self::PRIVACY != 0 {
            WifiSecurity::Wep
        } else {
            WifiSecurity::Open
        }
    }
}

/// One access point that a radio hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Empty: it hides its name.
    pub ssid: Vec<u8>,
    /// 0 to 100.
    pub strength: u8,
    pub mhz: u32,
    pub security: WifiSecurity,
    /// The radio is connected by it.
    pub ours: bool,
}

/// A network: all access points of a name that are protected alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WifiNetwork {
    pub ssid: String,
    /// Of the nearest of its access points, 0 to 100.
    pub strength: u8,
    pub security: WifiSecurity,
    pub bands: Vec<WifiBand>,
    /// The interface is in it.
    pub connected: bool,
    /// The box can join it.
    pub joinable: bool,
}

/// Which networks an interface hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WifiView {
    /// The strongest first.
    pub networks: Vec<WifiNetwork>,
}

/// Being in a network, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WifiLink {
    pub ssid: String,
    /// 0 to 100; `null`: not known.
    #[schema(required)]
    pub strength: Option<u8>,
    #[schema(required)]
    pub band: Option<WifiBand>,
}

/// How a network is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WifiKey {
    /// No passphrase.
    Open,
    /// No passphrase, and encrypted (OWE).
    Owe,
    /// WPA or WPA2, and WPA3 where the network has both.
    Wpa2,
    /// WPA3 alone.
    Wpa3,
}

/// A network that is joined. `(hidden)` passphrases there are none: who joins types it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WifiJoin {
    pub ssid: String,
    /// It does not say its name: it is asked for by name.
    #[serde(default)]
    pub hidden: bool,
    pub key: WifiKey,
    /// It is shown to nobody again, and the box does not keep it: who manages the network does.
    #[serde(default)]
    pub passphrase: String,
    /// Addresses; absent: automatic.
    #[serde(default)]
    #[schema(nullable = false)]
    pub settings: Option<InterfaceSettings>,
    /// As of [`super::InterfacePut`].
    #[serde(default)]
    pub confirm_within_s: Option<u32>,
}

impl std::fmt::Debug for WifiJoin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WifiJoin").field("ssid", &self.ssid).finish_non_exhaustive()
    }
}

/// A network that can be joined.
#[derive(Clone, PartialEq, Eq)]
pub struct WifiPlan {
    pub ssid: String,
    pub hidden: bool,
    pub key: WifiKey,
    pub passphrase: String,
}

impl std::fmt::Debug for WifiPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WifiPlan").field("ssid", &self.ssid).finish_non_exhaustive()
    }
}

impl WifiJoin {
    fn checked(&self) -> Result<WifiPlan, NetworkError> {
        if !SSID.contains(&self.ssid.len()) || self.ssid.chars().any(char::is_control) {
            return Err(invalid("ssid", "the network's name has 1 to 32 bytes"));
        }
        let length = self.passphrase.chars().count();
        let seen = |sign: char| sign.is_ascii_graphic() || sign == ' ';
        match self.key {
            WifiKey::Open | WifiKey::Owe if length > 0 => {
                return Err(invalid("passphrase", "this network takes no passphrase"));
            }
            WifiKey::Wpa2
                if !(PASSPHRASE.contains(&length) && self.passphrase.chars().all(seen)) =>
            {
                let why = "the passphrase has 8 to 63 letters, digits and signs, without umlauts";
                return Err(invalid("passphrase", why));
            }
            WifiKey::Wpa3
                if !(1..=LONGEST).contains(&length)
                    || self.passphrase.chars().any(char::is_control) =>
            {
                return Err(invalid("passphrase", "the passphrase has 1 to 128 characters"));
            }
            _ => {}
        }
        Ok(WifiPlan {
            ssid: self.ssid.clone(),
            hidden: self.hidden,
            key: self.key,
            passphrase: self.passphrase.clone(),
        })
    }
}

/// Networks of what a radio hears, the strongest first; those that hide their name are left out.
fn networks(points: Vec<AccessPoint>) -> Vec<WifiNetwork> {
    let mut all: Vec<WifiNetwork> = Vec::new();
    for point in points.into_iter().filter(|point| point.ssid.iter().any(|byte| *byte != 0)) {
        let (band, security) = (WifiBand::of(point.mhz), point.security);
        let readable = std::str::from_utf8(&point.ssid).is_ok();
        let ssid = String::from_utf8_lossy(&point.ssid).into_owned();
        let known = all.iter_mut().find(|one| one.ssid == ssid && one.security == security);
        let network = match known {
            Some(network) => network,
            None => {
                let joinable =
                    readable && !matches!(security, WifiSecurity::Enterprise | WifiSecurity::Wep);
                let bands = Vec::new();
                all.push(WifiNetwork {
                    ssid,
                    strength: 0,
                    security,
                    bands,
                    connected: false,
                    joinable,
                });
                let Some(network) = all.last_mut() else { continue };
                network
            }
        };
        network.strength = network.strength.max(point.strength.min(100));
        network.connected |= point.ours;
        if !network.bands.contains(&band) {
            network.bands.push(band);
            network.bands.sort();
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse((one.connected, one.strength)));
    all
}

fn radio<'a>(links: &'a [Link], name: &str) -> Result<&'a Link, NetworkError> {
    let link = links.iter().find(|link| link.name == name);
    let link = link.ok_or_else(|| NetworkError::NoInterface(name.to_owned()))?;
    match link.kind == LinkKind::Wifi && link.changeable {
        true => Ok(link),
        false => Err(NetworkError::NoWifi(name.to_owned())),
    }
}

impl Network {
    /// Which networks an interface hears; `anew`: it listens again before.
    ///
    /// # Errors
    /// There is no such radio, or who manages the network cannot tell.
    pub async fn wifi(&self, name: &str, anew: bool) -> Result<WifiView, NetworkError> {
        radio(&self.gear.look().await?, name)?;
        if anew {
            self.gear.listen(name).await?;
        }
        Ok(WifiView { networks: networks(self.gear.heard(name).await?) })
    }

    /// Tries to be in a network.
    ///
    /// # Errors
    /// There is no such radio, the network cannot be joined so, or something is tried already.
    pub async fn join(
        self: &Arc<Self>,
        name: &str,
        join: WifiJoin,
    ) -> Result<NetworkTrial, ControlError> {
        let (desk, name) = (self.clone(), name.to_owned());
        to_the_end(async move { Ok(desk.join_now(&name, join).await?) }).await
    }

    async fn join_now(
        self: &Arc<Self>,
        name: &str,
        join: WifiJoin,
    ) -> Result<NetworkTrial, NetworkError> {
        let _turn = self.turn.lock().await;
        let links = self.gear.look().await?;
        radio(&links, name)?;
        let wifi = join.checked()?;
        let plan = join.settings.unwrap_or_default().checked(&taken(&links, name))?;
        let change = Change::Join { interface: name.to_owned(), wifi, plan };
        self.try_out(change, join.confirm_within_s, &links).await
    }

    /// Tries to be in no network; the one that it was in is forgotten with its passphrase once that is kept.
    ///
    /// # Errors
    /// There is no such radio, it is in none, or something is tried already.
    pub async fn forget(self: &Arc<Self>, name: &str) -> Result<NetworkTrial, ControlError> {
        let (desk, name) = (self.clone(), name.to_owned());
        to_the_end(async move { Ok(desk.forget_now(&name).await?) }).await
    }

    async fn forget_now(self: &Arc<Self>, name: &str) -> Result<NetworkTrial, NetworkError> {
        let _turn = self.turn.lock().await;
        let links = self.gear.look().await?;
        radio(&links, name)?;
        let change = Change::Remove { interface: name.to_owned() };
        self.try_out(change, None, &links).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_access_point_says_of_its_keys_is_read_as_networkmanager_documents_it() {
        const CIPHERS: u32 = 0x88;
        for (flags, wpa, rsn, security) in [
            (0, 0, 0, WifiSecurity::Open),
            (0x1, 0, 0, WifiSecurity::Wep),
            (0x1, 0x100 | CIPHERS, 0, WifiSecurity::Wpa2),
            (0x1, 0, 0x100 | CIPHERS, WifiSecurity::Wpa2),
            (0x1, 0x100, 0x100, WifiSecurity::Wpa2),
            (0x1, 0, 0x400 | CIPHERS, WifiSecurity::Wpa3),
            (0x1, 0, 0x500 | CIPHERS, WifiSecurity::Wpa2Wpa3),
            (0x1, 0, 0x200 | CIPHERS, WifiSecurity::Enterprise),
            (0x1, 0, 0x2000 | CIPHERS, WifiSecurity::Enterprise),
            (0x1, 0, 0x800 | CIPHERS, WifiSecurity::Owe),
            // The open half of a network that has an encrypted one (OWE transition mode).
            (0, 0, 0x1000, WifiSecurity::Open),
            // Ciphers alone, without a way to a key.
            (0x1, CIPHERS, 0, WifiSecurity::Wep),
        ] {
            assert_eq!(AccessFlags { flags, wpa, rsn }.security(), security, "{flags} {wpa} {rsn}");
        }
    }

    fn point(ssid: &[u8], strength: u8, mhz: u32, security: WifiSecurity) -> AccessPoint {
        AccessPoint { ssid: ssid.to_vec(), strength, mhz, security, ours: false }
    }

    #[test]
    fn access_points_of_a_network_are_one_and_the_strongest_comes_first() {
        let heard = vec![
            point(b"campus", 40, 2412, WifiSecurity::Wpa2),
            point(b"eduroam", 90, 5180, WifiSecurity::Enterprise),
            point(b"campus", 70, 5500, WifiSecurity::Wpa2),
            point(b"campus", 95, 5955, WifiSecurity::Open),
            point(b"", 99, 2412, WifiSecurity::Wpa2),
            point(&[0, 0], 99, 2412, WifiSecurity::Wpa2),
            AccessPoint { ours: true, ..point(b"home", 20, 2437, WifiSecurity::Wpa3) },
            point(&[0xff, 0x41], 10, 2412, WifiSecurity::Wpa2),
        ];
        let all = networks(heard);
        let told: Vec<_> =
            all.iter().map(|one| (one.ssid.as_str(), one.strength, one.joinable)).collect();
        assert_eq!(
            told,
            [
                ("home", 20, true),
                ("campus", 95, true),
                ("eduroam", 90, false),
                ("campus", 70, true),
                ("\u{fffd}A", 10, false),
            ]
        );
        assert_eq!(all[3].bands, [WifiBand::Two, WifiBand::Five]);
        assert_eq!(all[1].bands, [WifiBand::Six]);
        assert_eq!(serde_json::to_value(&all[3].bands).unwrap(), serde_json::json!(["2.4", "5"]));
    }

    #[test]
    fn a_passphrase_that_no_network_takes_is_refused_and_never_shown() {
        let join = |ssid: &str, key, passphrase: &str| WifiJoin {
            ssid: ssid.to_owned(),
            hidden: false,
            key,
            passphrase: passphrase.to_owned(),
            settings: None,
            confirm_within_s: None,
        };
        let long = "x".repeat(33);
        for (join, field) in [
            (join("campus", WifiKey::Wpa2, "canary 4711"), None),
            (join("campus", WifiKey::Wpa3, "kürzer"), None),
            (join("campus", WifiKey::Open, ""), None),
            (join("campus", WifiKey::Owe, ""), None),
            (join("", WifiKey::Open, ""), Some("ssid")),
            (join(&long, WifiKey::Open, ""), Some("ssid")),
            (join("campus", WifiKey::Wpa2, "seven77"), Some("passphrase")),
            (join("campus", WifiKey::Wpa2, "mit Umläuten"), Some("passphrase")),
            (join("campus", WifiKey::Wpa3, ""), Some("passphrase")),
            (join("campus", WifiKey::Open, "canary 4711"), Some("passphrase")),
        ] {
            let checked = join.checked();
            let wrong = checked.as_ref().err().and_then(NetworkError::field);
            assert_eq!(wrong, field, "{join:?}");
            assert!(!format!("{join:?} {checked:?}").contains("canary"));
        }
    }
}
