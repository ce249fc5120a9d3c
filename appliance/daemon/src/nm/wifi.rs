//! Radios: what they hear, and which network they are in (NetworkManager's D-Bus reference, `Device.Wireless` and
//! `AccessPoint`).

use super::profile::Profile;
use super::{NAME, Nm, PROFILE, is_object};
use crate::bus::{Dict, Silence, items, number, text};
use roombox_control::network::{AccessFlags, AccessPoint, WifiBand, WifiLink};
use std::collections::HashMap;
use std::time::Duration;
use zbus::Variant;

const WIRELESS: &str = "org.freedesktop.NetworkManager.Device.Wireless";
const POINT: &str = "org.freedesktop.NetworkManager.AccessPoint";
/// A radio goes through all its channels in some seconds.
const LISTENS: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(300);
/// Sections of a profile in which there are secrets.
const SECRET: [&str; 2] = ["802-11-wireless-security", "802-1x"];

/// Whether there is anything to ask for: of a network that encrypts without a passphrase (OWE) NetworkManager has
/// no secrets, and says so by an error.
fn has_secrets(profile: &Profile, section: &str) -> bool {
    profile.get(section).is_some_and(|of| super::profile::word(of, "key-mgmt") != "owe")
}

fn counted(dict: &Dict, name: &str) -> u32 {
    let told = dict.get(name).and_then(|value| number(value));
    told.and_then(|told| u32::try_from(told).ok()).unwrap_or(0)
}

fn bytes(dict: &Dict, name: &str) -> Vec<u8> {
    let all = dict.get(name).map(|list| items(list)).unwrap_or_default();
    all.into_iter().filter_map(|byte| u8::try_from(number(byte)?).ok()).collect()
}

impl Nm {
    async fn radio(&self, interface: &str) -> Result<(String, Dict), Silence> {
        let device = self.device_of(interface).await?;
        let device = device.ok_or_else(|| Silence::Refused(format!("{interface} is gone")))?;
        let told = self.properties(&device.path, WIRELESS).await?;
        Ok((device.path, told))
    }

    /// The access points that an interface hears.
    pub(super) async fn access_points(&self, interface: &str) -> Result<Vec<AccessPoint>, Silence> {
        let (_, radio) = self.radio(interface).await?;
        let ours = radio.get("ActiveAccessPoint").and_then(|path| text(path));
        let paths = radio.get("AccessPoints").map(|list| items(list)).unwrap_or_default();
        let mut all = Vec::new();
        for path in paths.into_iter().filter_map(text) {
            // One that goes meanwhile is none.
            let Ok(told) = self.properties(&path, POINT).await else { continue };
            let flags = AccessFlags {
                flags: counted(&told, "Flags"),
                wpa: counted(&told, "WpaFlags"),
                rsn: counted(&told, "RsnFlags"),
            };
            all.push(AccessPoint {
                ssid: bytes(&told, "Ssid"),
                strength: u8::try_from(counted(&told, "Strength")).unwrap_or(100),
                mhz: counted(&told, "Frequency"),
                security: flags.security(),
                ours: ours.as_ref() == Some(&path),
            });
        }
        Ok(all)
    }

    /// Has an interface listen on all its channels.
    pub(super) async fn listen_anew(&self, interface: &str) -> Result<(), Silence> {
        let (path, before) = self.radio(interface).await?;
        let heard_at = |radio: &Dict| radio.get("LastScan").and_then(|at| number(at));
        let object = self.bus.object(NAME, &path, WIRELESS).await?;
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        let asked = object.call_method("RequestScan", &(none,)).await;
        match self.bus.heard(asked).await {
            // It listens already, or has a moment ago.
            Ok(_) | Err(Silence::Refused(_)) => {}
            Err(other) => return Err(other),
        }
        let until = tokio::time::Instant::now() + LISTENS;
        while tokio::time::Instant::now() < until {
            let now = self.properties(&path, WIRELESS).await?;
            if heard_at(&now) != heard_at(&before) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// The network that a radio is in.
    pub(super) async fn wifi_link(&self, device: &str) -> Option<WifiLink> {
        let radio = self.properties(device, WIRELESS).await.ok()?;
        let path = radio.get("ActiveAccessPoint").and_then(|path| text(path))?;
        if !is_object(&path) {
            return None;
        }
        let told = self.properties(&path, POINT).await.ok()?;
        let strength = u8::try_from(counted(&told, "Strength")).ok();
        Some(WifiLink {
            ssid: String::from_utf8_lossy(&bytes(&told, "Ssid")).into_owned(),
            strength: strength.map(|strength| strength.min(100)),
            band: Some(counted(&told, "Frequency")).filter(|mhz| *mhz > 0).map(WifiBand::of),
        })
    }

    /// A profile with its secrets, which are told only to who asks for them: without, it would be kept without.
    pub(super) async fn with_secrets(
        &self,
        path: &str,
        mut profile: Profile,
    ) -> Result<Profile, Silence> {
        for section in
            SECRET.into_iter().filter(|section| has_secrets(&profile, section)).collect::<Vec<_>>()
        {
            let object = self.bus.object(NAME, path, PROFILE).await?;
            let told = object.call::<_, _, Profile>("GetSecrets", &section).await;
            for (section, secrets) in self.bus.heard(told).await? {
                profile.entry(section).or_default().extend(secrets);
            }
        }
        Ok(profile)
    }
}
