//! What the fleet needs of the box: its key, its certificate, and the way to another box.

use crate::certificates::Secrets;
use crate::tls::Tls;
use roombox_control::conference::Later;
use roombox_control::fleet::{FleetError, Gear, Reach};
use roombox_delivery::knock;
use roombox_delivery::targets::unhex;
use roombox_federation::subjects::{BoxId, Subject, Verb};
use roombox_federation::{Identity, order};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Where boxes ask to be let in.
const DOOR: &str = "/api/v1/fleet/boxes";

/// The box's key, certificate and way out.
pub struct BoxGear {
    data: PathBuf,
    program: Option<PathBuf>,
    /// Addresses that the box was told: others know it by these alone.
    told: Vec<IpAddr>,
    https: OnceLock<(Arc<Tls>, u16)>,
}

impl BoxGear {
    pub fn new(data: PathBuf, program: Option<PathBuf>, told: Vec<IpAddr>) -> Self {
        Self { data, program, told, https: OnceLock::new() }
    }

    /// HTTPS is served at this port.
    pub fn serves(&self, tls: Arc<Tls>, port: u16) {
        self.https.get_or_init(|| (tls, port));
    }

    /// nats-server.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// The server's certificate and its key.
    pub fn certificate(&self) -> (PathBuf, PathBuf) {
        let secrets = self.data.join("secrets");
        (secrets.join("server.crt"), secrets.join("server.key"))
    }

    /// The box's key, which is made at the first call.
    ///
    /// # Errors
    /// It cannot be made or used.
    pub fn identity(&self) -> Result<Identity, FleetError> {
        let seed = Secrets::open(&self.data).and_then(|secrets| secrets.box_seed());
        let seed = seed.map_err(|error| FleetError::Key(format!("{error:#}")))?;
        Identity::of_seed(seed).ok_or_else(|| FleetError::Key("it is none for signing".to_owned()))
    }

    fn addresses(&self, tls: &Tls, port: u16) -> Vec<String> {
        let at = |address: &IpAddr| match address {
            IpAddr::V4(v4) => format!("{v4}:{port}"),
            IpAddr::V6(v6) => format!("[{v6}]:{port}"),
        };
        if !self.told.is_empty() {
            return self.told.iter().map(at).collect();
        }
        let names = tls.names().unwrap_or_default();
        let others = names.addresses.iter().filter(|address| !address.is_loopback());
        let mut all: Vec<_> = others.map(at).collect();
        // Addresses change; names in a local network do less often.
        all.extend(
            names.dns.iter().filter(|n| n.ends_with(".local")).map(|n| format!("{n}:{port}")),
        );
        all
    }
}

impl Gear for BoxGear {
    fn possible(&self) -> bool {
        self.program.is_some()
    }

    fn who(&self) -> Result<(String, String), FleetError> {
        let identity = self.identity()?;
        Ok((identity.id().to_string(), identity.key()))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, FleetError> {
        let signed = self.identity()?.sign(text);
        signed.ok_or_else(|| FleetError::Key("it does not sign".to_owned()))
    }

    fn signer(&self, key: &str, text: &[u8], signature: &[u8]) -> Option<String> {
        Identity::signer(key, text, signature).map(|id| id.to_string())
    }

    fn ordered(&self, hub: &str, to: &str, order: &[u8]) -> Option<Vec<u8>> {
        let (hub, to) = (BoxId::parse(hub)?, BoxId::parse(to)?);
        let subject = Subject::Command { to: &to, verb: Verb::Work }.to_string();
        order::read(&hub, &subject, order, &mut 0)
    }

    fn reach(&self) -> Option<Reach> {
        let (tls, port) = self.https.get()?;
        Some(Reach {
            https: self.addresses(tls, *port),
            fingerprint: tls.fingerprint().replace(':', "").to_ascii_lowercase(),
            authority: tls.authority_pem().to_owned(),
        })
    }

    fn ask<'a>(
        &'a self,
        hub: &'a str,
        fingerprint: &'a str,
        request: Vec<u8>,
    ) -> Later<'a, Result<Vec<u8>, FleetError>> {
        Box::pin(async move {
            let fingerprint = unhex(fingerprint).ok_or(FleetError::NoCode)?;
            let asked = knock(hub, DOOR, fingerprint, request).await;
            let (status, body) =
                asked.map_err(|error| FleetError::Unreachable(error.to_string()))?;
            if status.is_success() {
                return Ok(body);
            }
            let said = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
            let said = said["message"].as_str().map(str::to_owned);
            Err(FleetError::Refused(said.unwrap_or_else(|| format!("it answers {status}"))))
        })
    }
}
