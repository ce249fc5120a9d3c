//! What people at the box's screen need: where it is, how it becomes theirs, how it is. The text lies
//! in a file that a root unit shows on the screen and the serial line.

mod doing;

pub use doing::{Doing, Inside};

use crate::addresses::local_addresses;
use crate::doors::Ports;
use crate::notify::Supervisor;
use qrcode::QrCode;
use qrcode::render::unicode;
use roombox_control::clock::Ticks;
use roombox_control::files::replace;
use roombox_control::identity::BoxIdentity;
use roombox_control::people::People;
use roombox_net::Plane;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How soon the screen shows what has changed.
const LOOK: Duration = Duration::from_secs(2);

/// Everything that the text tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub name: String,
    pub addresses: Vec<IpAddr>,
    pub ports: Ports,
    /// `None`: the box has an owner.
    pub claim_code: Option<String>,
    /// Wrong codes that may still be tried.
    pub tries: u32,
    pub fingerprint: String,
    /// Names under which the network finds it, best first.
    pub found_as: Vec<String>,
    /// What became of a `roombox.toml`.
    pub notice: Option<String>,
    pub doing: Doing,
}

/// Keeps the screen's file, the media plane's addresses and systemd's status true.
pub struct Console {
    pub file: Option<PathBuf>,
    pub identity: Arc<BoxIdentity>,
    pub people: Arc<People>,
    pub plane: Arc<Plane>,
    pub supervisor: Arc<Supervisor>,
    pub ports: Ports,
    pub fingerprint: String,
    /// Addresses that were told; none: those of the interfaces.
    pub told: Vec<IpAddr>,
    pub inside: Inside,
    pub found_as: watch::Receiver<Vec<String>>,
}

impl Console {
    /// What is to be shown now.
    pub fn shown(&self) -> Shown {
        let addresses = match self.told.is_empty() {
            true => local_addresses().unwrap_or_default(),
            false => self.told.clone(),
        };
        Shown {
            name: self.identity.name(),
            addresses,
            ports: self.ports,
            claim_code: self.people.claim_code(),
            tries: self.people.claim_state().attempts_left,
            fingerprint: self.fingerprint.clone(),
            found_as: self.found_as.borrow().clone(),
            notice: self.inside.provisioning.notice(),
            doing: self.inside.doing(),
        }
    }

    /// The address and the code of the last start are good for nothing: the file says that the box
    /// starts until there are new ones.
    pub fn begin(file: &Path) {
        write(file, "roomboxd starts\n");
    }

    /// Writes the file whenever it would say something else, for as long as the box runs.
    pub async fn keep(self) {
        let mut looks = Ticks::every(LOOK);
        let mut before: Option<Shown> = None;
        loop {
            looks.tick().await;
            let shown = self.shown();
            if before.as_ref() == Some(&shown) {
                continue;
            }
            if before.as_ref().is_some_and(|before| before.addresses != shown.addresses) {
                tracing::info!(addresses = ?shown.addresses, "the box has other addresses");
            }
            if self.plane.reached_at(&shown.addresses).is_err() {
                // Said again at the next look.
                continue;
            }
            self.supervisor.status(&status(&shown));
            if let Some(file) = &self.file {
                write(file, &text(&shown));
            }
            before = Some(shown);
        }
    }
}

fn write(file: &Path, text: &str) {
    // Others of this machine have no business with the claim code; root shows it.
    if let Err(error) = replace(file, text.as_bytes(), 0o600) {
        tracing::warn!(%error, file = %file.display(), "the screen's text cannot be written");
    }
}

fn link(shown: &Shown) -> Option<String> {
    let https = shown.ports.https?;
    let ip = match https.ip().is_unspecified() {
        true => shown.addresses.iter().copied().find(|ip| !ip.is_loopback())?,
        false => https.ip(),
    };
    Some(match https.port() {
        443 => format!("https://{}", host(ip)),
        port => format!("https://{}", SocketAddr::new(ip, port)),
    })
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// For `systemctl status`: no code.
pub fn status(shown: &Shown) -> String {
    let owner = if shown.claim_code.is_some() { "has no owner yet" } else { "has an owner" };
    let state = shown.doing.state();
    match link(shown) {
        Some(link) => format!("{link}, {owner}, {state}"),
        None => format!("waits for a network, {owner}, {state}"),
    }
}

/// The first line is for scripts.
pub fn text(shown: &Shown) -> String {
    let mut text = match link(shown) {
        Some(link) => format!("roomboxd listens on {link}\n"),
        None => "roomboxd waits for a network\n".to_owned(),
    };
    let name = shown.name.replace(char::is_control, " ");
    text.push_str(&format!("\n  {name}   (Roombox {})\n", env!("CARGO_PKG_VERSION")));
    if let Some(link) = link(shown) {
        let page = match &shown.claim_code {
            Some(code) => format!("{link}/panel/claim#{code}"),
            None => format!("{link}/panel/"),
        };
        if let Ok(code) = QrCode::new(&page) {
            let picture = code.render::<unicode::Dense1x2>().quiet_zone(true).build();
            text.push_str(&format!("\n{picture}\n"));
        }
        text.push_str(&format!("\n  Open    {page}\n"));
        // Only what follows from the name is an address of this box: another one may be `roombox.local` soon.
        if let Some(name) = shown.found_as.last() {
            let port = shown.ports.https.map_or(443, |https| https.port());
            let port = if port == 443 { String::new() } else { format!(":{port}") };
            text.push_str(&format!("  Or      https://{name}{port}/panel/\n"));
        }
    } else {
        text.push_str("\n  Network none yet: plug a cable in. This text changes by itself.\n");
    }
    match &shown.claim_code {
        Some(_) if shown.tries == 0 => {
            text.push_str("  Claim   too many wrong codes: restart the box to get a new one\n");
        }
        Some(code) => text.push_str(&format!(
            "  Claim   {code}   (this box has no owner yet: the code makes you the owner)\n"
        )),
        None => text.push_str("  Owner   the box has an owner: log in with the password.\n"),
    }
    if let Some(link) = link(shown) {
        let host = link.trim_start_matches("https://");
        let host = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or(host, |(h, _)| h);
        let plain = match shown.ports.http.port() {
            80 => format!("http://{host}/"),
            port => format!("http://{host}:{port}/"),
        };
        text.push_str(&format!(
            "  Trust   browsers warn until the device trusts this box: {plain} says how.\n"
        ));
        let halves = shown.fingerprint.split_at(shown.fingerprint.len().min(48));
        text.push_str(&format!("          SHA-256 {}\n                  {}\n", halves.0, halves.1));
    }
    if let Some(notice) = &shown.notice {
        text.push_str(&format!("  Note    {notice}\n"));
    }
    text.push_str(&format!("  State   {}\n", shown.doing.state()));
    if let Some(alarm) = shown.doing.alarm() {
        text.push_str(&format!("  Alarm   {alarm}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn shown() -> Shown {
        Shown {
            name: "Hall".to_owned(),
            addresses: vec![Ipv4Addr::new(192, 168, 1, 5).into()],
            ports: Ports {
                http: SocketAddr::from(([0, 0, 0, 0], 80)),
                https: Some(SocketAddr::from(([0, 0, 0, 0], 443))),
            },
            claim_code: Some("ABCD-2345".to_owned()),
            tries: 5,
            fingerprint: "AA:BB:CC:DD".to_owned(),
            found_as: vec!["roombox.local".to_owned(), "hall-3.local".to_owned()],
            notice: None,
            doing: Doing::default(),
        }
    }

    #[test]
    fn the_screen_says_what_the_box_is_at_and_what_is_wrong() {
        let rest = text(&shown());
        assert!(rest.ends_with("  State   ready\n"), "{rest}");
        let doing = Doing {
            meetings: 1,
            alarm: Some((roombox_control::health::AlarmKind::DiskFull, 0)),
            ..Doing::default()
        };
        let busy = Shown { doing, ..shown() };
        let said = text(&busy);
        let end = "  State   1 meeting\n  Alarm   disk full: the panel says what to do\n";
        assert!(said.ends_with(end), "{said}");
        assert!(status(&busy).ends_with(", 1 meeting"), "{}", status(&busy));
    }

    #[test]
    fn the_screen_says_where_the_box_is_and_how_it_becomes_somebodys() {
        let fresh = text(&shown());
        assert!(fresh.starts_with("roomboxd listens on https://192.168.1.5\n"), "{fresh}");
        for said in [
            "/panel/claim#ABCD-2345",
            "Claim   ABCD",
            "http://192.168.1.5/ says",
            "AA:BB",
            "Or      https://hall-3.local/panel/",
        ] {
            assert!(fresh.contains(said), "{said}: {fresh}");
        }
        assert!(!status(&shown()).contains("ABCD"), "{}", status(&shown()));
        let owned = text(&Shown { claim_code: None, ..shown() });
        assert!(owned.contains("has an owner") && !owned.contains("claim#"), "{owned}");
        let locked = text(&Shown { tries: 0, ..shown() });
        assert!(locked.contains("restart the box") && !locked.contains("makes you"), "{locked}");
    }

    #[test]
    fn without_a_network_it_says_so_and_other_ports_are_named() {
        for addresses in [vec![], vec![Ipv4Addr::LOCALHOST.into()]] {
            let lonely = text(&Shown { addresses, ..shown() });
            assert!(lonely.starts_with("roomboxd waits for a network\n"), "{lonely}");
            assert!(lonely.contains("ABCD-2345") && !lonely.contains("https://"), "{lonely}");
        }
        let ports = Ports {
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            https: Some(SocketAddr::from(([127, 0, 0, 1], 8443))),
        };
        let odd = text(&Shown { ports, ..shown() });
        assert!(odd.starts_with("roomboxd listens on https://127.0.0.1:8443\n"), "{odd}");
        assert!(odd.contains("http://127.0.0.1:8080/ says how"), "{odd}");
    }

    #[test]
    fn a_box_in_a_network_of_ipv6_alone_says_so_in_brackets() {
        let addresses = vec!["fd00::5".parse().unwrap()];
        let ports =
            Ports { http: "[::]:80".parse().unwrap(), https: Some("[::]:443".parse().unwrap()) };
        let text = text(&Shown { addresses, ports, ..shown() });
        assert!(text.starts_with("roomboxd listens on https://[fd00::5]\n"), "{text}");
        assert!(text.contains("http://[fd00::5]/ says how"), "{text}");
    }
}
