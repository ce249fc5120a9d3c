//! Profiles of NetworkManager: what an interface is set to (nm-settings-dbus(5)).

use crate::bus::{Dict, entry, items, number, text};
use roombox_control::network::{
    InterfaceSettings, Ipv4Settings, Ipv4Way, Ipv6Settings, Ipv6Way, Plan, PlanV4, PlanV6, VlanOf,
    WifiKey, WifiPlan,
};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ulid::Ulid;
use zbus::Variant;

/// A profile as it comes: sections with their values.
pub type Profile = HashMap<String, Dict>;
/// A profile on its way out.
pub type Draft = HashMap<&'static str, HashMap<&'static str, Variant<'static>>>;

/// What the names of the box's own profiles begin with.
const OURS: &str = "Roombox ";
/// Before profiles that NetworkManager makes by itself, and those of images.
const PRIORITY: i32 = 100;
/// `NM_VLAN_FLAG_REORDER_HEADERS`, as the kernel's own default is.
const REORDER: u32 = 1;
/// Of radios.
const WIFI: &str = "802-11-wireless";
/// A mark within a profile that it goes when what is tried is kept.
const PENDING: &str = "roombox.pending";
/// What the interface was set to before what is tried: JSON, or nothing where it had no profile of the box's.
const BEFORE: &str = "roombox.before";

pub fn name_of(interface: &str) -> String {
    format!("{OURS}{interface}")
}

fn value(profile: &Profile, section: &str, name: &str) -> Option<String> {
    text(profile.get(section)?.get(name)?)
}

/// Whether a profile is the box's own, for this interface.
pub fn is_for(profile: &Profile, interface: &str) -> bool {
    value(profile, "connection", "id").as_deref() == Some(&name_of(interface))
}

/// Whether a profile goes when what is tried is kept.
pub fn is_pending(profile: &Profile) -> bool {
    let data = profile.get("user").and_then(|user| user.get("data"));
    data.is_some_and(|data| entry(data, PENDING).is_some())
}

/// What the interface of a profile that is tried was set to before; `None`: it is not tried. `Some(None)`: it had
/// none.
pub fn before(profile: &Profile) -> Option<Option<InterfaceSettings>> {
    let told = text(entry(profile.get("user")?.get("data")?, BEFORE)?)?;
    Some(serde_json::from_str(&told).ok())
}

/// The interface that a profile is for.
pub fn interface(profile: &Profile) -> Option<String> {
    value(profile, "connection", "interface-name")
}

/// The VLAN that a profile makes.
pub fn vlan(profile: &Profile) -> Option<VlanOf> {
    let id = number(profile.get("vlan")?.get("id")?)?;
    Some(VlanOf { parent: value(profile, "vlan", "parent")?, id: u16::try_from(id).ok()? })
}

/// A profile as it is kept: without what is remembered while it is tried.
pub fn kept(mut profile: Profile) -> Profile {
    profile.remove("user");
    profile
}

/// The same draft, to be tried.
pub fn tried(mut draft: Draft, before: Option<&InterfaceSettings>) -> Draft {
    let told = before.and_then(|before| serde_json::to_string(before).ok()).unwrap_or_default();
    let data = HashMap::from([(BEFORE.to_owned(), told)]);
    draft.insert("user", HashMap::from([("data", Variant::from(data))]));
    draft
}

pub fn uuid(profile: &Profile) -> Option<String> {
    value(profile, "connection", "uuid")
}

fn new_uuid() -> String {
    // The last of its digits are random, and NetworkManager only compares them.
    let hex = format!("{:032x}", Ulid::new().0);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn dictionary(address: String, prefix: u8) -> Vec<HashMap<String, Variant<'static>>> {
    let pair = [
        ("address".to_owned(), Variant::from(address)),
        ("prefix".to_owned(), Variant::from(u32::from(prefix))),
    ];
    vec![HashMap::from(pair)]
}

/// The box's own profile of an interface. `uuid`: of the profile that it takes the place of.
pub fn draft(interface: &str, plan: &Plan, vlan: Option<&VlanOf>, uuid: Option<String>) -> Draft {
    let text = |text: &str| Variant::from(text.to_owned());
    let kind = if vlan.is_some() { "vlan" } else { "802-3-ethernet" };
    let connection = HashMap::from([
        ("id", Variant::from(name_of(interface))),
        ("uuid", Variant::from(uuid.unwrap_or_else(new_uuid))),
        ("type", text(kind)),
        ("interface-name", text(interface)),
        ("autoconnect", Variant::from(true)),
        ("autoconnect-priority", Variant::from(PRIORITY)),
    ]);
    let mut section = HashMap::new();
    if let Some(vlan) = vlan {
        section.insert("parent", text(&vlan.parent));
        section.insert("id", Variant::from(u32::from(vlan.id)));
        section.insert("flags", Variant::from(REORDER));
    }
    let (mut ipv4, mut ipv6) = (HashMap::new(), HashMap::new());
    match &plan.v4 {
        PlanV4::Dhcp => drop(ipv4.insert("method", text("auto"))),
        PlanV4::Off => drop(ipv4.insert("method", text("disabled"))),
        PlanV4::Fixed(fixed) => {
            ipv4.insert("method", text("manual"));
            let data = dictionary(fixed.address.to_string(), fixed.prefix);
            ipv4.insert("address-data", Variant::from(data));
            if let Some(gateway) = fixed.gateway {
                ipv4.insert("gateway", Variant::from(gateway.to_string()));
            }
        }
    }
    match &plan.v6 {
        PlanV6::Auto => drop(ipv6.insert("method", text("auto"))),
        PlanV6::Off => drop(ipv6.insert("method", text("disabled"))),
        PlanV6::Fixed(fixed) => {
            ipv6.insert("method", text("manual"));
            let data = dictionary(fixed.address.to_string(), fixed.prefix);
            ipv6.insert("address-data", Variant::from(data));
            if let Some(gateway) = fixed.gateway {
                ipv6.insert("gateway", Variant::from(gateway.to_string()));
            }
        }
    }
    let (mut servers4, mut servers6) = (Vec::new(), Vec::new());
    for server in &plan.dns {
        match server {
            // In the order of the network (nm-settings-dbus(5)).
            IpAddr::V4(server) => servers4.push(u32::from_ne_bytes(server.octets())),
            IpAddr::V6(server) => servers6.push(server.octets().to_vec()),
        }
    }
    if !servers4.is_empty() {
        ipv4.insert("dns", Variant::from(servers4));
    }
    if !servers6.is_empty() {
        ipv6.insert("dns", Variant::from(servers6));
    }
    if !plan.search.is_empty() {
        let family = if plan.v4 == PlanV4::Off { &mut ipv6 } else { &mut ipv4 };
        family.insert("dns-search", Variant::from(plan.search.clone()));
    }
    Draft::from([("connection", connection), (kind, section), ("ipv4", ipv4), ("ipv6", ipv6)])
}

/// The box's own profile of a radio in a network; the passphrase is NetworkManager's to keep (`psk-flags` 0).
pub fn wifi_draft(interface: &str, plan: &Plan, wifi: &WifiPlan) -> Draft {
    let text = |text: &str| Variant::from(text.to_owned());
    let mut draft = draft(interface, plan, None, None);
    draft.remove("802-3-ethernet");
    draft.entry("connection").or_default().insert("type", text(WIFI));
    let radio = HashMap::from([
        ("ssid", Variant::from(wifi.ssid.as_bytes().to_vec())),
        ("mode", text("infrastructure")),
        ("hidden", Variant::from(wifi.hidden)),
    ]);
    draft.insert(WIFI, radio);
    // Of WPA2 and WPA3 together NetworkManager takes the better one by itself.
    let key = match wifi.key {
        WifiKey::Open => return draft,
        WifiKey::Owe => "owe",
        WifiKey::Wpa2 => "wpa-psk",
        WifiKey::Wpa3 => "sae",
    };
    let mut security = HashMap::from([("key-mgmt", text(key))]);
    if wifi.key != WifiKey::Owe {
        security.insert("psk", text(&wifi.passphrase));
    }
    draft.insert("802-11-wireless-security", security);
    draft
}

/// Whether a profile is one of a radio.
pub fn is_wifi(profile: &Profile) -> bool {
    value(profile, "connection", "type").as_deref() == Some(WIFI)
}

/// Another profile of the same network with other addresses, to be tried beside it. What it was set to before stays
/// there, in the profile that it was made of.
pub fn readdressed(mut profile: Profile, plan: &Plan) -> Profile {
    let interface = interface(&profile).unwrap_or_default();
    let mut draft = tried(draft(&interface, plan, None, None), None);
    let uuid = draft.get_mut("connection").and_then(|connection| connection.remove("uuid"));
    for section in ["ipv4", "ipv6", "user"] {
        let values = draft.remove(section).unwrap_or_default().into_iter();
        let owned = values.filter_map(|(name, value)| Some((name.to_owned(), owned(value)?)));
        profile.insert(section.to_owned(), owned.collect());
    }
    if let Some(uuid) = uuid.and_then(owned) {
        profile.entry("connection".to_owned()).or_default().insert("uuid".to_owned(), uuid);
    }
    profile
}

fn owned(value: Variant<'static>) -> Option<zbus::OwnedVariant> {
    value.try_into_owned().ok()
}

/// The same profile with the mark that it goes when what is tried is kept, and not started by itself until then.
pub fn marked(mut profile: Profile) -> Profile {
    let told = serde_json::to_string(&settings(&profile)).unwrap_or_default();
    let yes = HashMap::from([(PENDING.to_owned(), "remove".to_owned()), (BEFORE.to_owned(), told)]);
    let data = Variant::from(yes).try_into_owned();
    let no = Variant::from(false).try_into_owned();
    if let (Ok(data), Ok(no)) = (data, no) {
        profile.entry("user".to_owned()).or_default().insert("data".to_owned(), data);
        let connection = profile.entry("connection".to_owned()).or_default();
        connection.insert("autoconnect".to_owned(), no);
    }
    profile
}

/// The same profile as before it was marked.
pub fn unmarked(profile: Profile) -> Profile {
    let mut profile = kept(profile);
    if let Ok(yes) = Variant::from(true).try_into_owned() {
        let connection = profile.entry("connection".to_owned()).or_default();
        connection.insert("autoconnect".to_owned(), yes);
    }
    profile
}

/// A text of a section; empty: it has none.
pub fn word(section: &Dict, name: &str) -> String {
    section.get(name).and_then(|value| text(value)).unwrap_or_default()
}

fn texts(dict: &Dict, name: &str) -> Vec<String> {
    let all = dict.get(name).map(|list| items(list)).unwrap_or_default();
    all.into_iter().filter_map(text).collect()
}

/// The first address and its prefix.
fn fixed(section: &Dict) -> Option<(String, u8)> {
    let list = items(section.get("address-data")?);
    let first = list.first()?;
    let prefix = number(entry(first, "prefix")?)?;
    Some((text(entry(first, "address")?)?, u8::try_from(prefix).ok()?))
}

/// What a profile sets its interface to. Of several addresses the first is told.
pub fn settings(profile: &Profile) -> InterfaceSettings {
    let empty = Dict::new();
    let section = |name: &str| profile.get(name).unwrap_or(&empty);
    let (four, six) = (section("ipv4"), section("ipv6"));
    let mut settings = InterfaceSettings {
        ipv4: Ipv4Settings {
            way: match word(four, "method").as_str() {
                "manual" => Ipv4Way::Static,
                "auto" | "" => Ipv4Way::Dhcp,
                _ => Ipv4Way::Off,
            },
            gateway: word(four, "gateway"),
            ..Ipv4Settings::default()
        },
        ipv6: Ipv6Settings {
            way: match word(six, "method").as_str() {
                "manual" => Ipv6Way::Static,
                "auto" | "dhcp" | "" => Ipv6Way::Auto,
                _ => Ipv6Way::Off,
            },
            gateway: word(six, "gateway"),
            ..Ipv6Settings::default()
        },
        ..InterfaceSettings::default()
    };
    if let Some((address, prefix)) = fixed(four) {
        (settings.ipv4.address, settings.ipv4.prefix) = (address, prefix);
    }
    if let Some((address, prefix)) = fixed(six) {
        (settings.ipv6.address, settings.ipv6.prefix) = (address, prefix);
    }
    for server in four.get("dns").map(|list| items(list)).unwrap_or_default() {
        if let Some(bits) = number(server).and_then(|bits| u32::try_from(bits).ok()) {
            settings.dns.push(Ipv4Addr::from(bits.to_ne_bytes()).to_string());
        }
    }
    for server in six.get("dns").map(|list| items(list)).unwrap_or_default() {
        settings.dns.extend(v6(server).map(|server| server.to_string()));
    }
    settings.search = texts(four, "dns-search");
    settings.search.extend(texts(six, "dns-search"));
    settings
}

/// An address as sixteen bytes.
pub fn v6(value: &Variant<'_>) -> Option<Ipv6Addr> {
    let bytes: Option<Vec<u8>> =
        items(value).into_iter().map(|byte| u8::try_from(number(byte)?).ok()).collect();
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes?).ok()?))
}
