//! Certificates by ACME: control says when and what, delivery orders, the plain door shows the proofs.

use crate::clock;
use crate::mqtt::chance;
use roombox_control::certificates::{
    Acme, AcmeCause, AcmeDnsAccount, AcmeFailure, AcmeGear, AcmeProof, AcmeStage, AcmeTask,
    AcmeTsig,
};
use roombox_control::clock::{Ticks, UnixMs};
use roombox_delivery::{
    self as delivery, AcmeAccount, AcmeBinding, AcmeError, AcmeHost, AcmePlan, AcmeStep, DnsChange,
    DnsServer, Later, Proof, ProofKind, Security, TsigAlgorithm, TsigKey, acme_dns_put,
    acme_dns_register, acme_key, acme_order, dns_change,
};
use std::sync::Arc;
use std::time::Duration;

/// What is due is looked for this often.
const LOOK: Duration = Duration::from_secs(30);

/// What control asks of this box.
pub struct BoxAcme;

impl AcmeGear for BoxAcme {
    fn key(&self) -> Option<Vec<u8>> {
        acme_key().ok()
    }

    fn check(&self, authority: &str) -> Result<(), String> {
        Security::authority(authority).map(drop).map_err(|error| error.to_string())
    }

    fn chance(&self) -> f64 {
        chance()
    }

    fn register<'a>(&'a self, server: &'a str) -> Later<'a, Result<AcmeDnsAccount, String>> {
        Box::pin(async move {
            let account = acme_dns_register(server).await.map_err(|error| error.to_string())?;
            let delivery::AcmeDnsAccount { username, password, subdomain, fulldomain } = account;
            let server = server.to_owned();
            Ok(AcmeDnsAccount { server, username, password, subdomain, fulldomain })
        })
    }
}

/// Orders what is due, for as long as the box runs.
pub async fn keep(acme: Arc<Acme>) {
    let mut looks = Ticks::every(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = acme.changed() => {}
        }
        // A certificate that is not good yet by our clock would be refused, and so would a server be.
        if !clock::is_fit_for_certificates() {
            continue;
        }
        let kept = match acme.begin(UnixMs::now()).await {
            Ok(Some(task)) => {
                let outcome = order(&acme, &task).await;
                acme.done(task, outcome, UnixMs::now()).await
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::error!(%error, "what becomes of certificates by ACME cannot be kept");
        }
    }
}

async fn order(acme: &Arc<Acme>, task: &AcmeTask) -> Result<String, AcmeFailure> {
    let settings = &task.settings;
    let security = match settings.authority.is_empty() {
        true => Ok(Security::system()),
        false => Security::authority(&settings.authority),
    };
    let failed = |cause, text: String| AcmeFailure { cause, text, at: UnixMs::now() };
    let security = security.map_err(|error| failed(AcmeCause::Trust, error.to_string()))?;
    let binding = task.binding.as_ref().map(|(id, key)| AcmeBinding { id, key });
    let plan = AcmePlan {
        directory: &settings.directory,
        security,
        key: &task.key,
        account: task.account.as_deref(),
        contact: &settings.contact,
        binding,
        proof: match settings.proof {
            AcmeProof::Http => ProofKind::Http,
            AcmeProof::Rfc2136 { .. } | AcmeProof::AcmeDns { .. } => ProofKind::Dns,
        },
        names: &settings.names,
        request: &task.request,
    };
    let host = Host { acme: acme.clone(), place: place(task) };
    let ordered = acme_order(&plan, &host).await;
    ordered.map_err(|error| failed(cause(&error), error.to_string()))
}

/// What the owner is told, of what a server said (RFC 8555 §6.7).
fn cause(error: &AcmeError) -> AcmeCause {
    match error {
        AcmeError::Reach(_) => AcmeCause::Unreachable,
        AcmeError::Trust(_) => AcmeCause::Trust,
        AcmeError::Answer(_) | AcmeError::Keep(_) => AcmeCause::Protocol,
        AcmeError::Proof { .. } | AcmeError::NoProof(_) => AcmeCause::Proof,
        AcmeError::Show { .. } => AcmeCause::Show,
        AcmeError::Time => AcmeCause::Slow,
        AcmeError::Refused { kind, .. } => match kind.as_str() {
            "externalAccountRequired" => AcmeCause::Binding,
            "accountDoesNotExist" => AcmeCause::Account,
            "rateLimited" => AcmeCause::Limited,
            "rejectedIdentifier" | "unsupportedIdentifier" | "caa" | "malformed" => AcmeCause::Name,
            _ => AcmeCause::Refused,
        },
    }
}

/// Where proofs are shown.
enum Place {
    /// The plain door.
    Door,
    Zone(DnsServer, Duration),
    AcmeDns(String, delivery::AcmeDnsAccount),
}

fn place(task: &AcmeTask) -> Place {
    match (&task.settings.proof, &task.registered) {
        (AcmeProof::Rfc2136 { server, zone, key_name, algorithm, wait_s }, _) => {
            let algorithm = match algorithm {
                AcmeTsig::HmacSha256 => TsigAlgorithm::HmacSha256,
                AcmeTsig::HmacSha384 => TsigAlgorithm::HmacSha384,
                AcmeTsig::HmacSha512 => TsigAlgorithm::HmacSha512,
            };
            let key =
                TsigKey { name: key_name.clone(), algorithm, secret: task.dns_secret.clone() };
            let server = DnsServer { server: server.clone(), zone: zone.clone(), key };
            Place::Zone(server, Duration::from_secs((*wait_s).into()))
        }
        (AcmeProof::AcmeDns { server }, Some(account)) => {
            let AcmeDnsAccount { username, password, subdomain, fulldomain, .. } = account.clone();
            let account = delivery::AcmeDnsAccount { username, password, subdomain, fulldomain };
            Place::AcmeDns(server.clone(), account)
        }
        _ => Place::Door,
    }
}

struct Host {
    acme: Arc<Acme>,
    place: Place,
}

/// The record that proves a name (RFC 8555 §8.4).
fn record(name: &str) -> String {
    format!("_acme-challenge.{name}")
}

impl AcmeHost for Host {
    fn account_is(&self, account: AcmeAccount) -> Later<'_, Result<(), String>> {
        Box::pin(async move {
            let kept = self.acme.account_is(account.id, account.key).await;
            kept.map_err(|error| error.to_string())
        })
    }

    fn show<'a>(&'a self, proof: &'a Proof) -> Later<'a, Result<(), String>> {
        Box::pin(async move {
            match &self.place {
                Place::Door => {
                    self.acme.show(&proof.token, Some(&proof.file));
                    Ok(())
                }
                Place::Zone(server, _) => {
                    let change = DnsChange::Add { name: &record(&proof.name), text: &proof.record };
                    dns_change(server, change).await.map_err(|error| error.to_string())
                }
                Place::AcmeDns(server, account) => {
                    let put = acme_dns_put(server, account, &proof.record).await;
                    put.map_err(|error| error.to_string())
                }
            }
        })
    }

    fn hide<'a>(&'a self, proof: &'a Proof) -> Later<'a, ()> {
        Box::pin(async move {
            match &self.place {
                Place::Door => self.acme.show(&proof.token, None),
                Place::Zone(server, _) => {
                    let change =
                        DnsChange::Remove { name: &record(&proof.name), text: &proof.record };
                    if let Err(error) = dns_change(server, change).await {
                        tracing::warn!(%error, name = proof.name, "a proof stays in the zone");
                    }
                }
                // Each new text drives an old one out.
                Place::AcmeDns(..) => {}
            }
        })
    }

    fn settle(&self) -> Later<'_, ()> {
        let wait = match &self.place {
            Place::Zone(_, wait) => *wait,
            // A file is there at once, and acme-dns answers itself.
            Place::Door | Place::AcmeDns(..) => Duration::ZERO,
        };
        Box::pin(tokio::time::sleep(wait))
    }

    fn step(&self, step: AcmeStep) {
        let stage = match step {
            AcmeStep::Account => AcmeStage::Account,
            AcmeStep::Ordering => AcmeStage::Ordering,
            AcmeStep::Proving => AcmeStage::Proving,
            AcmeStep::Checking => AcmeStage::Checking,
            AcmeStep::Issuing => AcmeStage::Issuing,
        };
        self.acme.step(stage, UnixMs::now());
    }
}
