//! Certificates that a server issues by itself (ACME, RFC 8555), and renews in time.
//!
//! ```text
//! settings ─► due? ─► begun, and that is kept ─► the daemon orders ─┬─► served
//!               ▲                                                   └─► why not; a pause that doubles
//!               └── two thirds of its time passed, other names, or somebody asked
//! ```
//! An order is begun anew each time: nothing of one that broke off is needed. What must last is kept before
//! it is used: the account's key before the account, and that an order was begun before it is.

mod kept;
mod plan;
mod settings;
mod view;

pub use settings::{AcmeBound, AcmeDnsAccount, AcmeProof, AcmePut, AcmeSettings, AcmeTsig};
pub use view::{AcmeCause, AcmeFailure, AcmeProgress, AcmeStage, AcmeView};

use super::error::CertificateError;
use super::kept::Shelf;
use super::view::{CertificateSource, CertificateUpload};
use super::{Certificates, blocking, request};
use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::ControlError;
use kept::Kept;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Proofs that are shown at a time; a request has fewer names.
const MOST_SHOWN: usize = 200;

/// Who makes keys of accounts, and knows whether an authority's text is one; the daemon's.
pub trait AcmeGear: Send + Sync {
    /// A new key for an account, PKCS #8 in DER. `None`: the system gives no randomness.
    fn key(&self) -> Option<Vec<u8>>;

    /// Whether a server can be trusted by these certificates (PEM).
    ///
    /// # Errors
    /// What is wrong with them.
    fn check(&self, authority: &str) -> Result<(), String>;

    /// From 0 to 1.
    fn chance(&self) -> f64;

    /// Introduces the box to a server of acme-dns; else, why not.
    fn register<'a>(&'a self, server: &'a str) -> Later<'a, Result<AcmeDnsAccount, String>>;
}

/// An order that was begun.
pub struct AcmeTask {
    pub settings: AcmeSettings,
    pub account: Option<String>,
    /// Of the account, PKCS #8 in DER.
    pub key: Vec<u8>,
    /// Id and key of the account that it is bound to.
    pub binding: Option<(String, Vec<u8>)>,
    /// Of the key that changes the zone.
    pub dns_secret: Vec<u8>,
    pub registered: Option<AcmeDnsAccount>,
    /// DER.
    pub request: Vec<u8>,
    /// Of the certificate, PEM.
    certified: String,
}

#[derive(Default)]
struct Known {
    kept: Kept,
    running: Option<AcmeProgress>,
    /// Files by their tokens.
    shown: HashMap<String, String>,
}

/// Orders, and what is shown while they run.
pub struct Acme {
    shelf: Shelf,
    certificates: Arc<Certificates>,
    gear: Arc<dyn AcmeGear>,
    known: Mutex<Known>,
    saving: tokio::sync::Mutex<()>,
    changed: Notify,
}

impl Acme {
    /// With what is kept beside the certificates.
    pub fn load(certificates: Arc<Certificates>, gear: Arc<dyn AcmeGear>) -> Arc<Self> {
        let shelf = certificates.shelf.clone();
        let kept = shelf.read("acme.json").unwrap_or_default();
        let known = Mutex::new(Known { kept, ..Known::default() });
        let (saving, changed) = (tokio::sync::Mutex::default(), Notify::new());
        Arc::new(Self { shelf, certificates, gear, known, saving, changed })
    }

    pub fn view(&self) -> AcmeView {
        let wanted = self.certificates.wanted() == CertificateSource::Acme;
        // Before the lock, which it takes itself.
        let renewed_at = self.renewed_at();
        let known = self.known();
        let kept = &known.kept;
        let tried_at = Some(kept.next_at).filter(|_| kept.failures > 0);
        AcmeView {
            settings: kept.settings.clone().unwrap_or_default(),
            has_binding: kept.binding.is_some(),
            has_dns_secret: !kept.dns_secret.is_empty(),
            points_to: kept.registered.as_ref().map(|account| account.fulldomain.clone()),
            waits_for_owner: wanted && kept.told,
            wanted,
            lost: wanted && kept.settings.is_none(),
            running: known.running.clone(),
            failure: kept.failure.clone(),
            next_at: if wanted && !kept.told { tried_at.or(renewed_at) } else { None },
        }
    }

    /// Takes these settings, and orders at once. What is served stays until the certificate is there.
    ///
    /// # Errors
    /// Something of it will not do, or the disk refuses.
    pub async fn put(&self, put: AcmePut) -> Result<AcmeView, ControlError> {
        let AcmePut { settings, binding, dns_secret } = put.checked()?;
        if !settings.authority.is_empty() {
            self.gear.check(&settings.authority).map_err(CertificateError::AcmeTrust)?;
        }
        let _turn = self.saving.lock().await;
        let before = self.known().kept.clone();
        let same = before.settings.as_ref().is_some_and(|old| old.directory == settings.directory);
        // An account is known to its own server alone, and to be bound anew it is made anew.
        let stays = same && binding.is_none();
        let mut kept = if stays { before.clone() } else { Kept::default() };
        (kept.failures, kept.next_at, kept.failure) = (0, UnixMs(0), None);
        self.prove_by(&settings.proof, dns_secret, &before, &mut kept).await?;
        kept.settings = Some(settings);
        kept.binding = binding.or(kept.binding);
        kept.asked = !kept.told;
        self.keep(kept).await?;
        self.certificates.want_acme().await?;
        self.changed.notify_one();
        Ok(self.view())
    }

    /// Orders now, whatever pause or time was left.
    ///
    /// # Errors
    /// Nothing was set up, or the disk refuses.
    pub async fn order_now(&self) -> Result<AcmeView, ControlError> {
        let _turn = self.saving.lock().await;
        let mut kept = self.known().kept.clone();
        if kept.settings.is_none() {
            return Err(CertificateError::NoAcme.into());
        }
        (kept.asked, kept.told) = (true, false);
        self.keep(kept).await?;
        self.certificates.want_acme().await?;
        self.changed.notify_one();
        Ok(self.view())
    }

    /// Somebody wants an order.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The next order, if it is due. That it was begun is kept first: a box that dies while it orders does
    /// not order again and again.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn begin(&self, now: UnixMs) -> Result<Option<AcmeTask>, ControlError> {
        let _turn = self.saving.lock().await;
        let mut kept = self.known().kept.clone();
        let Some(settings) = kept.settings.clone().filter(|_| self.is_due(&kept, now)) else {
            return Ok(None);
        };
        if kept.key.is_empty() {
            kept.key = self.gear.key().ok_or(ControlError::Randomness)?;
        }
        kept.asked = false;
        kept.failures = kept.failures.saturating_add(1);
        kept.next_at = UnixMs(now.0 + plan::pause_ms(kept.failures, self.gear.chance()));
        let made = request::make(&settings.names).ok_or(ControlError::Randomness)?;
        let bound = |binding: &AcmeBound| Some((binding.id.clone(), binding.bytes()?));
        let task = AcmeTask {
            settings,
            account: kept.account.clone(),
            key: kept.key.clone(),
            binding: kept.binding.as_ref().and_then(bound),
            dns_secret: settings::secret(&kept.dns_secret).unwrap_or_default(),
            registered: kept.registered.clone(),
            request: made.der,
            certified: made.key,
        };
        self.keep(kept).await?;
        self.step(AcmeStage::Account, now);
        Ok(Some(task))
    }

    /// The account is this one, with this key.
    ///
    /// # Errors
    /// The disk refuses: nothing may be ordered then.
    pub async fn account_is(&self, id: String, key: Vec<u8>) -> Result<(), ControlError> {
        let _turn = self.saving.lock().await;
        let kept = self.known().kept.clone();
        self.keep(Kept { account: Some(id), key, ..kept }).await
    }

    /// The order stands so.
    pub fn step(&self, stage: AcmeStage, now: UnixMs) {
        let mut known = self.known();
        let since = known.running.as_ref().map_or(now, |running| running.since);
        known.running = Some(AcmeProgress { stage, since });
        drop(known);
        self.certificates.changed();
    }

    /// Shows a file at the plain door, or none there any more.
    pub fn show(&self, token: &str, file: Option<&str>) {
        let mut known = self.known();
        match file {
            Some(file) if known.shown.len() < MOST_SHOWN => {
                known.shown.insert(token.to_owned(), file.to_owned());
            }
            _ => drop(known.shown.remove(token)),
        }
    }

    /// The file that is shown under this token.
    pub fn shown(&self, token: &str) -> Option<String> {
        self.known().shown.get(token).cloned()
    }

    /// What came of an order: the chain (PEM), or why there is none. A failure leaves what is served.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn done(
        &self,
        task: AcmeTask,
        outcome: Result<String, AcmeFailure>,
        now: UnixMs,
    ) -> Result<(), ControlError> {
        // Who chose something else meanwhile has it, and who changed the settings gets another order.
        let meant = self.certificates.wanted() == CertificateSource::Acme
            && self.known().kept.settings.as_ref() == Some(&task.settings);
        let outcome = match outcome {
            Ok(chain) if meant => {
                let upload = CertificateUpload { chain, key: Some(task.certified) };
                let served = self.certificates.install(&upload, CertificateSource::Acme, now).await;
                served.map(drop).map_err(|error| AcmeFailure {
                    cause: AcmeCause::Unusable,
                    text: error.to_string(),
                    at: now,
                })
            }
            Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        };
        let rest = plan::rest_ms(self.renewed_at(), now);
        let _turn = self.saving.lock().await;
        let mut kept = self.known().kept.clone();
        if meant {
            match &outcome {
                Ok(()) => {
                    kept.next_at = UnixMs(if rest > 0 { now.0 + rest } else { 0 });
                    (kept.failures, kept.chance) = (0, self.gear.chance());
                }
                Err(failure) if failure.cause == AcmeCause::Account => {
                    kept.account = None;
                    kept.key = Vec::new();
                }
                Err(_) => {}
            }
            kept.failure = outcome.err();
        }
        if let Some(AcmeFailure { cause, text, .. }) = &kept.failure {
            tracing::warn!(?cause, text, "no certificate came by ACME: what was served stays");
        }
        let done = self.keep(kept).await;
        self.known().running = None;
        self.certificates.changed();
        done
    }

    /// Keeps what a proof by DNS needs: a secret stays with the server and key that it was typed for, and an
    /// account of acme-dns with its server.
    async fn prove_by(
        &self,
        proof: &AcmeProof,
        dns_secret: Option<String>,
        before: &Kept,
        kept: &mut Kept,
    ) -> Result<(), ControlError> {
        let old = before.settings.as_ref().and_then(|old| old.proof.keyholder());
        let same = proof.keyholder() == old && !before.dns_secret.is_empty();
        kept.dns_secret = match (proof.keyholder(), dns_secret) {
            (None, _) => String::new(),
            (Some(_), Some(secret)) => secret,
            (Some(_), None) if same => before.dns_secret.clone(),
            (Some(_), None) => return Err(CertificateError::DnsSecretAgain.into()),
        };
        (kept.registered, kept.told) = (None, false);
        if let AcmeProof::AcmeDns { server } = proof {
            let known = before.registered.clone().filter(|account| account.server == *server);
            kept.told = known.is_none() || before.told;
            kept.registered = Some(match known {
                Some(account) => account,
                None => self.gear.register(server).await.map_err(CertificateError::AcmeDns)?,
            });
        }
        Ok(())
    }

    /// When the one that is served will be renewed.
    fn renewed_at(&self) -> Option<UnixMs> {
        let served = self.certificates.watch().borrow().clone()?;
        let facts = &served.facts;
        let chance = self.known().kept.chance;
        (served.source == CertificateSource::Acme)
            .then(|| plan::renewed_at(facts.not_before, facts.not_after, chance))
    }

    fn is_due(&self, kept: &Kept, now: UnixMs) -> bool {
        if self.certificates.wanted() != CertificateSource::Acme || self.known().running.is_some() {
            return false;
        }
        if kept.asked || kept.told {
            return kept.asked;
        }
        let served = self.certificates.watch().borrow().clone();
        let served = served.filter(|served| served.source == CertificateSource::Acme);
        let wanted: BTreeSet<_> = kept.settings.iter().flat_map(|it| &it.names).collect();
        let renews = match (served, self.renewed_at()) {
            (None, _) | (_, None) => UnixMs(0),
            // An authority may add names of its own.
            (Some(served), Some(renews))
                if wanted.is_subset(&served.facts.names.iter().collect()) =>
            {
                renews
            }
            // It left one out, and would again: authorities count orders.
            (Some(served), Some(_)) => {
                let life = served.facts.not_after.0.saturating_sub(served.facts.not_before.0);
                UnixMs(served.facts.not_before.0.saturating_add(life / 6))
            }
        };
        now >= renews && !plan::waits(kept.next_at, now)
    }

    async fn keep(&self, kept: Kept) -> Result<(), ControlError> {
        let (shelf, copy) = (self.shelf.clone(), kept.clone());
        blocking(move || shelf.write("acme.json", &copy)).await?;
        self.known().kept = kept;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
