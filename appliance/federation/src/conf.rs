//! Configurations of nats-server, from templates: for a member's leaf and for a hub.
//!
//! They hold the box's key: who writes them keeps them to itself.

use crate::Identity;
use crate::subjects::{self, BoxId, HUB_DOMAIN};
use std::path::Path;

const LEAF: &str = include_str!("conf/leaf.conf");
const HUB: &str = include_str!("conf/hub.conf");

/// A member's server.
pub struct LeafConf<'a> {
    pub identity: &'a Identity,
    /// Where everything of the server is.
    pub folder: &'a Path,
    /// The hub's servers, `host:port`, in order.
    pub hubs: &'a [String],
    /// The hub's certificate authority, a PEM file.
    pub authority: &'a Path,
}

/// A hub's server.
pub struct HubConf<'a> {
    pub identity: &'a Identity,
    pub folder: &'a Path,
    /// Where members' servers connect.
    pub port: u16,
    /// What they are told, `host:port`.
    pub advertise: &'a str,
    /// PEM files.
    pub certificate: &'a Path,
    pub certificate_key: &'a Path,
    /// Ids and public keys of the members.
    pub members: &'a [(BoxId, String)],
}

impl LeafConf<'_> {
    pub fn render(&self) -> String {
        let urls: Vec<_> = self.hubs.iter().map(|at| text(&format!("tls://{at}"))).collect();
        filled(
            LEAF,
            self.identity,
            self.folder,
            &[
                ("URLS", format!("[ {} ]", urls.join(", "))),
                ("SEED", text(self.identity.seed())),
                ("AUTHORITY", path(self.authority)),
            ],
        )
    }
}

impl HubConf<'_> {
    pub fn render(&self) -> String {
        let members: Vec<_> = self.members.iter().map(|(id, key)| member(id, key)).collect();
        filled(
            HUB,
            self.identity,
            self.folder,
            &[
                ("LISTEN", text(&format!("0.0.0.0:{}", self.port))),
                ("ADVERTISE", text(self.advertise)),
                ("CERTIFICATE", path(self.certificate)),
                ("CERTIFICATE_KEY", path(self.certificate_key)),
                ("DOMAIN", text(HUB_DOMAIN)),
                ("MEMBERS", members.concat()),
            ],
        )
    }
}

/// A member as the hub's server knows it: a leaf, and nothing else.
fn member(id: &BoxId, key: &str) -> String {
    let list = |subjects: Vec<String>| {
        let lines: Vec<_> = subjects.iter().map(|subject| text(subject)).collect();
        format!("[\n            {}\n          ]", lines.join(",\n            "))
    };
    let (publish, hear) = (list(subjects::may_publish(id)), list(subjects::may_hear(id)));
    format!(
        "      {{\n        nkey: {}\n        allowed_connection_types: [\"LEAFNODE\"]\n        \
         permissions {{\n          publish: {{ allow: {publish} }}\n          \
         subscribe: {{ allow: {hear} }}\n        }}\n      }}\n",
        text(key)
    )
}

fn filled(template: &str, identity: &Identity, folder: &Path, values: &[(&str, String)]) -> String {
    let shared = [
        ("NAME", text(identity.id().as_str())),
        ("FOLDER", path(folder)),
        ("PID", path(&folder.join("nats.pid"))),
        ("LOG", path(&folder.join("nats.log"))),
        ("STORE", path(&folder.join("store"))),
        ("KEY", text(&identity.key())),
    ];
    // In one pass: what a value says is no place for another one.
    let mut pieces = template.split('@');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    while let (Some(name), Some(after)) = (pieces.next(), pieces.next()) {
        let value = shared.iter().chain(values).find(|(known, _)| *known == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        filled.push_str(after);
    }
    filled
}

/// Quoted; what JSON escapes nats-server reads the same way, and nothing can end the quotes.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn path(value: &Path) -> String {
    text(&value.to_string_lossy())
}

#[cfg(test)]
mod tests;
