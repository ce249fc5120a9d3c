//! Which certificate the box shows: its own, or one that its owner got for it elsewhere.
//!
//! ```text
//! upload ──┐                        ┌─ a name that it is for ──► it
//! request ─┼─► checked ─► served ──►│
//! ACME ────┘    no: as before       └─ any other, or it has ended ──► the box's own
//! ```
//! Keys lie in the folder of secrets and leave it to nobody but TLS. The box's own certificate is the
//! daemon's; here stands what people are told of it.

mod acme;
mod chain;
mod error;
mod facts;
mod kept;
mod pem;
mod renewed;
mod request;
mod view;

pub use acme::{
    Acme, AcmeBound, AcmeCause, AcmeDnsAccount, AcmeFailure, AcmeGear, AcmeProgress, AcmeProof,
    AcmePut, AcmeSettings, AcmeStage, AcmeTask, AcmeTsig, AcmeView,
};
pub use chain::CertificateNote;
pub use error::CertificateError;
pub use facts::{CertificateFacts, fingerprint};
pub use kept::Served;
pub use renewed::RenewedKeys;
pub use view::{
    CertificatePreview, CertificateRequest, CertificateSource, CertificateState, CertificateUpload,
    CertificatesView, NewCertificateRequest, ServedCertificate,
};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use chain::Checked;
use kept::{Choice, Shelf, Waiting};
use rustls::pki_types::PrivateKeyDer;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// A certificate that is good for long is said to end so long before it does.
const SAID_BEFORE_MS: u64 = 14 * DAY_MS;
/// Browsers keep to HTTPS for so long after each visit, and never for longer than the certificate is good.
const HTTPS_ONLY_S: u64 = 30 * 24 * 3600;

/// What the daemon knows of the box's own certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnFace {
    pub facts: CertificateFacts,
    /// Names and addresses under which the box is reached, those too that its own certificate may not have.
    pub names: Vec<String>,
}

#[derive(Default)]
struct Known {
    own: Option<OwnFace>,
    waiting: Option<Waiting>,
    /// How the served one stood when it was last looked at.
    stood: Option<CertificateState>,
}

/// The box's certificates.
pub struct Certificates {
    shelf: Shelf,
    events: Arc<Events>,
    choice: watch::Sender<Choice>,
    served: watch::Sender<Option<Arc<Served>>>,
    known: Mutex<Known>,
    /// Two who save at once must not mix.
    saving: tokio::sync::Mutex<()>,
}

impl Certificates {
    /// With what is kept in `folder`, that of the secrets. What cannot be read is put aside: a box that does
    /// not start helps nobody.
    pub fn load(folder: &Path, events: Arc<Events>) -> Arc<Self> {
        let shelf = Shelf(folder.to_owned());
        let choice = shelf.choice();
        let key = |waiting: &Waiting| waiting.key();
        let used = choice.served.as_ref().map(|served| served.key.secret_der().to_vec());
        // One whose answer is served already: the power went before it was forgotten.
        let waiting = shelf.waiting().filter(|waiting| {
            key(waiting).is_some_and(|key| Some(key.secret_der()) != used.as_deref())
        });
        let served = watch::channel(choice.served.clone()).0;
        let known = Mutex::new(Known { waiting, ..Known::default() });
        let (choice, saving) = (watch::channel(choice).0, tokio::sync::Mutex::default());
        Arc::new(Self { shelf, events, choice, served, known, saving })
    }

    /// What is served beside the box's own, now and whenever it changes.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Served>>> {
        self.served.subscribe()
    }

    /// The box's own certificate and names are these.
    pub fn own_is(&self, own: OwnFace) {
        let mut known = self.known();
        if known.own.as_ref() != Some(&own) {
            known.own = Some(own);
            drop(known);
            self.changed();
        }
    }

    pub fn view(&self, now: UnixMs) -> CertificatesView {
        let Choice { wanted, served } = self.choice.borrow().clone();
        let known = self.known();
        let names = known.own.as_ref().map(|own| own.names.clone()).unwrap_or_default();
        let served = served.map(|served| ServedCertificate {
            source: served.source,
            since: served.since,
            state: state(&served.facts, now),
            uncovered: uncovered(&names, &served.facts),
            facts: served.facts.clone(),
            self_signed: served.self_signed,
        });
        let request = known.waiting.as_ref().map(|waiting| CertificateRequest {
            names: waiting.names.clone(),
            made_at: waiting.made_at,
            request: waiting.request.clone(),
        });
        let own = known.own.as_ref().map(|own| own.facts.clone());
        CertificatesView { https: own.is_some(), wanted, served, own, names, request }
    }

    /// What would be served, without serving it.
    ///
    /// # Errors
    /// It will not do.
    pub fn preview(
        &self,
        upload: &CertificateUpload,
        now: UnixMs,
    ) -> Result<CertificatePreview, ControlError> {
        let Checked { facts, notes, requested, .. } = self.check(upload, now)?;
        let names = self.known().own.as_ref().map(|own| own.names.clone()).unwrap_or_default();
        Ok(CertificatePreview { uncovered: uncovered(&names, &facts), facts, notes, requested })
    }

    /// Serves this one from the next connection on. Those that stand, stay.
    ///
    /// # Errors
    /// It will not do, or cannot be kept: what was served before still is.
    pub async fn install(
        &self,
        upload: &CertificateUpload,
        source: CertificateSource,
        now: UnixMs,
    ) -> Result<CertificatesView, ControlError> {
        let _turn = self.saving.lock().await;
        let checked = self.check(upload, now)?;
        let requested = checked.requested;
        let served = Some(Arc::new(Served::of(checked, source, now)));
        self.choose(Choice { wanted: source, served }).await?;
        if requested {
            // If the power goes before this, the next start forgets it.
            let shelf = self.shelf.clone();
            blocking(move || shelf.keep_waiting(None)).await?;
            self.known().waiting = None;
        }
        self.changed();
        Ok(self.view(now))
    }

    /// Serves the box's own alone again. The other and its key are forgotten.
    ///
    /// # Errors
    /// It does already, or the disk refuses.
    pub async fn revert(&self, now: UnixMs) -> Result<CertificatesView, ControlError> {
        let _turn = self.saving.lock().await;
        let choice = self.choice.borrow().clone();
        if choice.served.is_none() && choice.wanted == CertificateSource::Own {
            return Err(CertificateError::OwnAlready.into());
        }
        self.choose(Choice::default()).await?;
        self.changed();
        Ok(self.view(now))
    }

    /// Makes a key and a request for these names. One that waited is forgotten; what is served stays.
    ///
    /// # Errors
    /// A name is none, or the disk refuses.
    pub async fn request(
        &self,
        new: &NewCertificateRequest,
        now: UnixMs,
    ) -> Result<CertificatesView, ControlError> {
        let _turn = self.saving.lock().await;
        let names = request::checked(&new.names)?;
        let made = request::make(&names).ok_or(ControlError::Randomness)?;
        let waiting = Waiting { names, made_at: now, key: made.key, request: made.request };
        self.wait_for(Some(waiting)).await?;
        Ok(self.view(now))
    }

    /// Forgets the request, and its key.
    ///
    /// # Errors
    /// None waits, or the disk refuses.
    pub async fn discard_request(&self) -> Result<(), ControlError> {
        let _turn = self.saving.lock().await;
        if self.known().waiting.is_none() {
            return Err(CertificateError::NoRequest.into());
        }
        self.wait_for(None).await
    }

    /// For how many seconds browsers may be told to come to this host by HTTPS alone; `None`: not at all.
    /// Only where a certificate is served that devices trust without having been told of this box.
    pub fn https_only_s(&self, host: &str, now: UnixMs) -> Option<u64> {
        let served = self.served.borrow().clone()?;
        let left_s = served.facts.not_after.0.saturating_sub(now.0) / 1000;
        // Names and addresses that the box's own certificate serves, too: it may have to again.
        let local =
            host.ends_with(".local") || host == "localhost" || host.parse::<IpAddr>().is_ok();
        let trusted = !served.self_signed && left_s > 0 && served.facts.covers(host) && !local;
        trusted.then_some(left_s.min(HTTPS_ONLY_S))
    }

    /// Looks whether the one that is served ends soon or has ended, and says so once.
    pub fn look(&self, now: UnixMs) {
        let served = self.served.borrow().clone();
        let stands = served.as_ref().map(|served| state(&served.facts, now));
        let mut known = self.known();
        if known.stood == stands {
            return;
        }
        known.stood = stands;
        drop(known);
        let until = served.map(|served| served.facts.not_after.minute()).unwrap_or_default();
        match stands {
            Some(CertificateState::Ending) => {
                tracing::warn!(until, "the certificate ends soon, and there is no newer one")
            }
            Some(CertificateState::Ended) => tracing::error!(
                until,
                "the certificate has ended: the box serves its own, which devices must be told of"
            ),
            Some(CertificateState::Good) | None => {}
        }
        self.changed();
    }

    /// What the owner wants served.
    fn wanted(&self) -> CertificateSource {
        self.choice.borrow().wanted
    }

    /// From now on what comes by ACME is served; until it comes, what is.
    async fn want_acme(&self) -> Result<(), ControlError> {
        let _turn = self.saving.lock().await;
        let choice = self.choice.borrow().clone();
        self.choose(Choice { wanted: CertificateSource::Acme, ..choice }).await?;
        self.changed();
        Ok(())
    }

    fn check(&self, upload: &CertificateUpload, now: UnixMs) -> Result<Checked, CertificateError> {
        let waiting = self.known().waiting.as_ref().and_then(Waiting::key);
        let key = upload.key.as_deref().unwrap_or_default();
        chain::check(&[&upload.chain, key], waiting.as_ref(), now)
    }

    async fn choose(&self, choice: Choice) -> Result<(), ControlError> {
        let (shelf, kept) = (self.shelf.clone(), choice.clone());
        blocking(move || shelf.keep(&kept)).await?;
        self.served.send_replace(choice.served.clone());
        self.choice.send_replace(choice);
        Ok(())
    }

    async fn wait_for(&self, waiting: Option<Waiting>) -> Result<(), ControlError> {
        let (shelf, kept) = (self.shelf.clone(), waiting.clone());
        blocking(move || shelf.keep_waiting(kept.as_ref())).await?;
        self.known().waiting = waiting;
        self.changed();
        Ok(())
    }

    fn changed(&self) {
        self.events.publish("certificate", Happening::CertificateChanged);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files are made durable where nobody waits for the disk with anything else.
async fn blocking(
    work: impl FnOnce() -> Result<(), ControlError> + Send + 'static,
) -> Result<(), ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|broke| Err(ControlError::Secrets(std::io::Error::other(broke))))
}

/// How a certificate stands. One that is good for less than six weeks is said to end in its last third.
/// Entry for the fuzzer: any text as what an authority sent for a request of this box.
pub fn fuzz_certificates(text: &str) {
    static KEY: LazyLock<Option<String>> =
        LazyLock::new(|| Some(request::make(&["box.example.org".to_owned()])?.key));
    let key = KEY.as_deref().and_then(|key| pem::blocks(key).ok()?.pop());
    let key = key.and_then(|key| PrivateKeyDer::try_from(key.der).ok());
    // Nobody has certified that key.
    assert!(chain::check(&[text], key.as_ref(), UnixMs(1_764_072_345_678)).is_err());
}

fn state(facts: &CertificateFacts, now: UnixMs) -> CertificateState {
    let good_for = facts.not_after.0.saturating_sub(facts.not_before.0);
    let before = SAID_BEFORE_MS.min(good_for / 3);
    match facts.not_after.0 {
        ends if ends <= now.0 => CertificateState::Ended,
        ends if ends - before <= now.0 => CertificateState::Ending,
        _ => CertificateState::Good,
    }
}

fn uncovered(names: &[String], facts: &CertificateFacts) -> Vec<String> {
    names.iter().filter(|name| !facts.covers(name)).cloned().collect()
}

#[cfg(test)]
mod tests;
