//! Interfaces as NetworkManager tells of them, and as the kernel alone does.

use super::profile::{self, Profile};
use super::{DEVICE, Nm, is_object};
use crate::bus::{Dict, Silence, entry, items, number, text, truth};
use roombox_control::network::{Link, LinkKind, VlanOf};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// `NM_DEVICE_TYPE_…`.
const ETHERNET: u64 = 1;
const WIFI: u64 = 2;
const VLAN: u64 = 11;
/// A cable between network namespaces.
const VETH: u64 = 20;
/// `NM_DEVICE_STATE_ACTIVATED`.
const ACTIVATED: u64 = 100;
/// `NM_DEVICE_INTERFACE_FLAG_CARRIER`.
const CARRIER: u64 = 0x1_0000;

/// An interface, and where NetworkManager has it.
pub struct Device {
    pub link: Link,
    pub path: String,
    /// What it runs by now.
    pub active: Option<String>,
    /// The profile that it runs by now.
    pub profile: Option<(String, Profile)>,
}

fn told(dict: &Dict, name: &str) -> Option<String> {
    text(dict.get(name)?)
}

fn counted(dict: &Dict, name: &str) -> Option<u64> {
    number(dict.get(name)?)
}

impl Nm {
    /// All interfaces but loopback, by their names.
    pub(super) async fn devices(&self) -> Result<Vec<Device>, Silence> {
        let nm = self.manager().await?;
        let paths = nm.call::<_, _, Vec<zbus::OwnedObjectPath>>("GetDevices", &()).await;
        let paths = self.bus.heard(paths).await?;
        let mut found = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut parents = Vec::new();
        for path in paths {
            // One that goes meanwhile is none.
            let Ok(told) = self.properties(path.as_str(), DEVICE).await else { continue };
            let Some(device) = self.device(path.as_str(), &told).await? else { continue };
            names.insert(path.as_str().to_owned(), device.link.name.clone());
            if device.link.kind == LinkKind::Vlan {
                parents.push(device.link.name.clone());
            }
            found.insert(device.link.name.clone(), device);
        }
        for name in parents {
            let Some(device) = found.get_mut(&name) else { continue };
            let interface = "org.freedesktop.NetworkManager.Device.Vlan";
            let Ok(vlan) = self.properties(&device.path, interface).await else { continue };
            let id = counted(&vlan, "VlanId").and_then(|id| u16::try_from(id).ok());
            let parent = told(&vlan, "Parent").and_then(|path| names.get(&path).cloned());
            device.link.vlan = parent.zip(id).map(|(parent, id)| VlanOf { parent, id });
        }
        Ok(found.into_values().collect())
    }

    async fn device(&self, path: &str, told_of: &Dict) -> Result<Option<Device>, Silence> {
        let name = told(told_of, "Interface").unwrap_or_default();
        let real = told_of.get("Real").and_then(|real| truth(real)).unwrap_or(true);
        if name.is_empty() || name == "lo" || !real {
            return Ok(None);
        }
        let kind = match counted(told_of, "DeviceType") {
            Some(ETHERNET | VETH) => LinkKind::Wired,
            Some(WIFI) => LinkKind::Wifi,
            Some(VLAN) => LinkKind::Vlan,
            _ => LinkKind::Other,
        };
        let managed = told_of.get("Managed").and_then(|managed| truth(managed)).unwrap_or(false);
        let mut link = Link {
            mac: told(told_of, "HwAddress").filter(|mac| !mac.is_empty()),
            carrier: counted(told_of, "InterfaceFlags").is_some_and(|flags| flags & CARRIER != 0),
            speed_mbps: None,
            addresses: Vec::new(),
            gateways: Vec::new(),
            dns: Vec::new(),
            search: Vec::new(),
            vlan: None,
            wifi: None,
            settings: None,
            changeable: managed && kind != LinkKind::Other,
            ready: counted(told_of, "State") == Some(ACTIVATED),
            name,
            kind,
        };
        if kind == LinkKind::Wired {
            let interface = "org.freedesktop.NetworkManager.Device.Wired";
            let wired = self.properties(path, interface).await.unwrap_or_default();
            let speed = counted(&wired, "Speed").filter(|speed| *speed > 0);
            link.speed_mbps = speed.and_then(|speed| u32::try_from(speed).ok());
        }
        if kind == LinkKind::Wifi {
            link.wifi = self.wifi_link(path).await;
        }
        for (property, interface) in [
            ("Ip4Config", "org.freedesktop.NetworkManager.IP4Config"),
            ("Ip6Config", "org.freedesktop.NetworkManager.IP6Config"),
        ] {
            if let Some(path) = told(told_of, property).filter(|path| is_object(path)) {
                // It may be another one by now: the next look tells.
                let told_of = self.properties(&path, interface).await.unwrap_or_default();
                addresses(&mut link, &told_of);
            }
        }
        let active = told(told_of, "ActiveConnection").filter(|path| is_object(path));
        let mut profile = None;
        if let Some(active) = &active {
            let interface = "org.freedesktop.NetworkManager.Connection.Active";
            let told_of = self.properties(active, interface).await.unwrap_or_default();
            if let Some(path) = told(&told_of, "Connection").filter(|path| is_object(path)) {
                profile = self.profile(&path).await.ok().map(|found| (path, found));
            }
        }
        link.settings = profile.as_ref().map(|(_, profile)| profile::settings(profile));
        Ok(Some(Device { link, path: path.to_owned(), active, profile }))
    }
}

fn addresses(link: &mut Link, config: &Dict) {
    for item in config.get("AddressData").map(|list| items(list)).unwrap_or_default() {
        let address = entry(item, "address").and_then(text);
        let prefix = entry(item, "prefix").and_then(number);
        if let (Some(address), Some(prefix)) = (address, prefix) {
            link.addresses.push(format!("{address}/{prefix}"));
        }
    }
    link.gateways.extend(told(config, "Gateway").filter(|gateway| !gateway.is_empty()));
    for item in config.get("NameserverData").map(|list| items(list)).unwrap_or_default() {
        link.dns.extend(entry(item, "address").and_then(text));
    }
    // Of IPv6 there are only bytes.
    for item in config.get("Nameservers").map(|list| items(list)).unwrap_or_default() {
        link.dns.extend(profile::v6(item).map(|server| server.to_string()));
    }
    for name in ["Searches", "Domains"] {
        let all = config.get(name).map(|list| items(list)).unwrap_or_default();
        for domain in all.into_iter().filter_map(text) {
            if !link.search.contains(&domain) {
                link.search.push(domain);
            }
        }
    }
}

/// What the kernel tells (sysfs, Documentation/ABI/testing/sysfs-class-net).
pub fn of_the_kernel() -> Vec<Link> {
    let mut links: BTreeMap<String, Link> = BTreeMap::new();
    let all = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    for folder in all {
        let name = folder.file_name().to_string_lossy().into_owned();
        if name != "lo" && folder.path().is_dir() {
            links.insert(name.clone(), bare(&folder.path(), name));
        }
    }
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let Some(link) = links.get_mut(&interface.name) else { continue };
        let prefix = match &interface.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        link.addresses.push(format!("{}/{prefix}", interface.ip()));
    }
    let mut links: Vec<Link> = links.into_values().collect();
    for link in &mut links {
        let is_v6 = |text: &String| {
            !matches!(text.split('/').next().map(str::parse), Some(Ok(IpAddr::V4(_))))
        };
        link.addresses.sort_by_key(is_v6);
    }
    links
}

fn bare(folder: &Path, name: String) -> Link {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let says = |file: &str| read(file).map(|text| text.trim().to_owned());
    let event = read("uevent").unwrap_or_default();
    let kind = match event.lines().find_map(|line| line.strip_prefix("DEVTYPE=")) {
        Some("wlan") => LinkKind::Wifi,
        Some("vlan") => LinkKind::Vlan,
        // 1: ARPHRD_ETHER.
        None if says("type").as_deref() == Some("1") => LinkKind::Wired,
        _ => LinkKind::Other,
    };
    Link {
        name,
        kind,
        mac: says("address").filter(|mac| !mac.is_empty()),
        carrier: says("carrier").as_deref() == Some("1"),
        speed_mbps: says("speed").and_then(|text| text.parse().ok()).filter(|speed| *speed > 0),
        addresses: Vec::new(),
        gateways: Vec::new(),
        dns: Vec::new(),
        search: Vec::new(),
        vlan: None,
        wifi: None,
        settings: None,
        changeable: false,
        ready: says("operstate").as_deref() == Some("up"),
    }
}
