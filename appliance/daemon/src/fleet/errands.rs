//! Jobs that this box does for others of its fleet, one at a time.
//!
//! ```text
//! order ─► claimed ─► recording fetched ─► film made ─► files sent ─► receipt
//!              every 10 s the other box hears that it goes on; where it does not answer for too long, or
//!              says that the loan is over, everything here is taken away
//! ```
//! Nothing of it lasts: a restart forgets errands, and the other box gives the job to somebody else.

use super::gear::BoxGear;
use crate::workers::ChildWorkers;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roombox_capture::disk::free_space;
use roombox_control::fleet::{FleetError, Gear as _, Power, Twin};
use roombox_control::identity::BoxIdentity;
use roombox_control::jobs::{Attempt, JobSpec, Jobs, Progress, Receipt, Report, Workers as _};
use roombox_control::loans::{
    LoanClaim, LoanEnd, LoanPart, LoanReport, LoanTerms, Order, claim_text,
};
use roombox_control::settings::SettingsDesk;
use roombox_delivery::targets::{encoded, unhex};
use roombox_delivery::{Method, Neighbour, NeighbourError};
use roombox_federation::link::Errand;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

const API: &str = "/api/v1/fleet";
/// The other box hears so often that it goes on.
const RENEW: Duration = Duration::from_secs(10);
/// Without an answer for so long it has lost the job.
const LOST: Duration = Duration::from_secs(110);
/// After an exchange that broke.
const AGAIN: Duration = Duration::from_secs(2);
/// A file that is not what it should be is sent so often.
const SENT: u32 = 3;

/// Why an errand came to nothing.
#[derive(Debug, thiserror::Error)]
enum ErrandError {
    #[error("the order cannot be read: bring all boxes of the fleet to one version")]
    Order,
    #[error(transparent)]
    Own(#[from] FleetError),
    #[error(transparent)]
    Neighbour(#[from] NeighbourError),
    #[error(
        "the recording takes {wanted} bytes and as much again for the film, and {free} are free"
    )]
    Room { wanted: u64, free: u64 },
    #[error("this box's disk refuses: {0}")]
    Disk(#[from] std::io::Error),
    #[error("{0}")]
    Film(String),
    #[error("a file did not arrive as it was sent, {SENT} times")]
    Spoilt,
    #[error("the other box did not answer for too long")]
    Lost,
    #[error("its worker has gone")]
    Gone,
}

/// Does what other boxes want done.
pub struct Errands {
    pub gear: Arc<BoxGear>,
    pub identity: Arc<BoxIdentity>,
    pub jobs: Arc<Jobs>,
    pub settings: Arc<SettingsDesk>,
    pub workers: Arc<ChildWorkers>,
    pub twin: Arc<Twin>,
    /// Where recordings of others are while their films are made.
    pub folder: PathBuf,
    /// For whom it works now: that box's name.
    pub whose: Mutex<Option<String>>,
}

impl Errands {
    /// For whom it works now: that box's name.
    pub fn whose(&self) -> Option<String> {
        self.whose.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a minute of a recording takes it, milliseconds, if it would do a job for another box now.
    pub fn ready(&self) -> Option<u64> {
        let trade = self.jobs.trade();
        let helps = self.settings.get().recorder.helps && !self.twin.refuses(Power::Jobs);
        let helps = helps && self.whose().is_none();
        (helps && trade.idle).then_some(trade.minute_ms)
    }

    /// Works for as long as somebody may send orders.
    pub async fn run(self: Arc<Self>, mut orders: mpsc::Receiver<Errand>) {
        self.clear();
        while let Some(errand) = orders.recv().await {
            if self.twin.refuses(Power::Jobs) {
                self.twin.refused(Power::Jobs).await;
                continue;
            }
            if self.ready().is_none() {
                continue;
            }
            let Ok(order) = serde_json::from_slice::<Order>(&errand.body) else {
                tracing::warn!(error = %ErrandError::Order, "an order is left out");
                continue;
            };
            *self.whose.lock().unwrap_or_else(PoisonError::into_inner) = Some(order.name.clone());
            let (job, of) = (order.job.clone(), order.name.clone());
            match self.errand(order, &errand.order).await {
                Ok(()) => tracing::info!(job, of, "a job of another box is done"),
                Err(error) => {
                    let error = error.to_string();
                    tracing::warn!(job, of, error, "a job of another box was not done here");
                }
            }
            self.clear();
            *self.whose.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn clear(&self) {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %self.folder.display(),
                    "a recording of another box stays here");
            }
            _ => {}
        }
    }

    async fn errand(&self, order: Order, proof: &[u8]) -> Result<(), ErrandError> {
        let fingerprint = unhex(&order.fingerprint).ok_or(ErrandError::Order)?;
        let neighbour = Neighbour::new(order.at, fingerprint);
        let proof = BASE64_STANDARD.encode(proof);
        let (_, key) = self.gear.who()?;
        let signature = self.gear.sign(claim_text(&order.origin, &proof).as_bytes())?;
        let signature = BASE64_STANDARD.encode(signature);
        let claim = LoanClaim { order: proof, key, name: self.identity.name(), signature };
        let claim = serde_json::to_vec(&claim).map_err(|_| ErrandError::Order)?;
        let terms = neighbour.ask(Method::POST, &format!("{API}/loans"), None, Some(claim)).await?;
        let terms: LoanTerms =
            serde_json::from_slice(&terms).map_err(|_| NeighbourError::Answer)?;
        tracing::info!(
            job = order.job,
            of = order.name,
            files = terms.files.len(),
            "this box does a job of another one"
        );
        let loan = Loan {
            neighbour,
            token: terms.token.clone(),
            attempt: Attempt { job: order.job, number: order.number },
            progress: watch::channel(None).0,
        };
        let done = tokio::select! {
            done = self.carry_out(&loan, terms) => done,
            lost = loan.renew() => Err(lost),
        };
        let Err(error) = done else { return Ok(()) };
        loan.give_back(&error).await;
        Err(error)
    }

    async fn carry_out(&self, loan: &Loan, terms: LoanTerms) -> Result<(), ErrandError> {
        let spec: JobSpec =
            serde_json::from_value(terms.spec.clone()).map_err(|_| NeighbourError::Answer)?;
        // Of a newer version something may be left out that matters: whom to film, say.
        if serde_json::to_value(&spec).ok().as_ref() != Some(&terms.spec) {
            return Err(ErrandError::Order);
        }
        let harmless = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let named = !spec.recording.is_empty() && spec.recording.chars().all(harmless);
        if !named || spec.job != loan.attempt.job {
            return Err(NeighbourError::Answer.into());
        }
        let recording = self.folder.join(&spec.recording);
        std::fs::create_dir_all(&recording)?;
        let wanted = terms.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        let free =
            free_space()(&recording)?.saturating_sub(self.settings.get().recording.reserve_bytes);
        if wanted.saturating_mul(2) > free {
            return Err(ErrandError::Room { wanted, free });
        }
        for file in terms.files {
            loan.fetch(&file.name, file.bytes, &recording).await?;
        }
        let receipt = self.film(loan, spec).await?;
        let sent = receipt.files.iter().map(|file| file.bytes).sum::<u64>();
        loan.deliver(&receipt, &recording).await?;
        tracing::info!(
            job = receipt.job,
            fetched = wanted,
            sent,
            cpu_s = receipt.cpu_s,
            "what a job of another box took"
        );
        Ok(())
    }

    async fn film(&self, loan: &Loan, spec: JobSpec) -> Result<Receipt, ErrandError> {
        let (errand, mut reports) = mpsc::channel(16);
        let running = Stop { workers: &self.workers, attempt: loan.attempt.clone() };
        self.workers.errand(loan.attempt.clone(), spec, self.folder.clone(), errand);
        while let Some(report) = reports.recv().await {
            match report {
                Report::Progress(_, progress) => drop(loan.progress.send_replace(Some(progress))),
                Report::Lives(_) | Report::Returned(..) => {}
                Report::Finished(_, receipt) => {
                    std::mem::forget(running);
                    return Ok(receipt);
                }
                Report::Failed(_, log) | Report::Hopeless(_, log) => {
                    return Err(ErrandError::Film(log));
                }
            }
        }
        Err(ErrandError::Gone)
    }
}

/// Stops the worker of an errand that is given up.
struct Stop<'a> {
    workers: &'a ChildWorkers,
    attempt: Attempt,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.workers.kill(self.attempt.clone());
    }
}

/// A job of another box, while this one has it.
struct Loan {
    neighbour: Neighbour,
    token: String,
    attempt: Attempt,
    /// What the worker said last.
    progress: watch::Sender<Option<Progress>>,
}

impl Loan {
    /// Says that it goes on, for as long as the other box wants to hear it.
    async fn renew(&self) -> ErrandError {
        let mut answered = Instant::now();
        loop {
            sleep(RENEW).await;
            let progress = self.progress.borrow().clone();
            let progress = progress.and_then(|progress| serde_json::to_value(progress).ok());
            let report = LoanReport { progress, ..LoanReport::default() };
            match self.tell(Method::PUT, &report).await {
                Ok(()) => answered = Instant::now(),
                Err(error) if error.is_refusal() => return error.into(),
                Err(_) if answered.elapsed() > LOST => return ErrandError::Lost,
                Err(error) => tracing::debug!(%error, "the other box did not hear of its job"),
            }
        }
    }

    async fn tell(&self, method: Method, report: &LoanReport) -> Result<(), NeighbourError> {
        let body = serde_json::to_vec(report).map_err(|_| NeighbourError::Answer)?;
        let path = format!("{API}/loan");
        self.neighbour.ask(method, &path, Some(&self.token), Some(body)).await.map(drop)
    }

    /// Gives the job back, as far as the other box can be reached.
    async fn give_back(&self, error: &ErrandError) {
        // It knows.
        if matches!(error, ErrandError::Neighbour(error) if error.code() == "loan_gone") {
            return;
        }
        let report = LoanReport {
            why: Some(error.to_string()),
            failed: matches!(error, ErrandError::Film(_)),
            progress: None,
        };
        if let Err(error) = self.tell(Method::DELETE, &report).await {
            tracing::debug!(%error, "the other box does not know that its job comes back");
        }
    }

    /// Fetches a file of the recording, going on where the way was cut.
    async fn fetch(&self, name: &str, bytes: u64, recording: &Path) -> Result<(), ErrandError> {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !plain {
            return Err(NeighbourError::Answer.into());
        }
        let into = recording.join(name);
        if let Some(folder) = into.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let path = format!("{API}/loan/files/{}", encoded(name));
        loop {
            let has = match std::fs::metadata(&into) {
                Ok(meta) => meta.len(),
                Err(_) if bytes == 0 => {
                    std::fs::File::create(&into)?;
                    0
                }
                Err(_) => 0,
            };
            match has.cmp(&bytes) {
                std::cmp::Ordering::Equal => return Ok(()),
                // Not the file that was listed.
                std::cmp::Ordering::Greater => return Err(NeighbourError::Answer.into()),
                std::cmp::Ordering::Less => {}
            }
            self.patient(self.neighbour.read(&path, &self.token, &into, bytes).await).await?;
        }
    }

    /// Sends what was made, and then what it is.
    async fn deliver(&self, receipt: &Receipt, recording: &Path) -> Result<(), ErrandError> {
        let value = serde_json::to_value(receipt).map_err(|_| NeighbourError::Answer)?;
        let end = serde_json::to_vec(&LoanEnd { receipt: value });
        let end = end.map_err(|_| NeighbourError::Answer)?;
        for _ in 0..SENT {
            for file in &receipt.files {
                self.send(&file.path, file.bytes, recording).await?;
            }
            let path = format!("{API}/loan/receipt");
            loop {
                let (method, body) = (Method::POST, Some(end.clone()));
                match self.neighbour.ask(method, &path, Some(&self.token), body).await {
                    Ok(_) => return Ok(()),
                    Err(error) if error.code() == "loan_file" => break,
                    Err(error) => self.patient(Err(error)).await?,
                }
            }
        }
        Err(ErrandError::Spoilt)
    }

    async fn send(&self, name: &str, bytes: u64, recording: &Path) -> Result<(), ErrandError> {
        let path = format!("{API}/loan/made/{}", encoded(name));
        let file = recording.join(name);
        loop {
            let has = self.neighbour.ask(Method::GET, &path, Some(&self.token), None).await;
            let has = match has {
                Ok(answer) => {
                    let part = serde_json::from_slice::<LoanPart>(&answer);
                    part.map_err(|_| NeighbourError::Answer)?.bytes
                }
                Err(error) => {
                    self.patient(Err(error)).await?;
                    continue;
                }
            };
            if has == bytes {
                return Ok(());
            }
            let from = if has > bytes { 0 } else { has };
            let to = format!("{path}?from={from}");
            let sent = self.neighbour.write(&to, &self.token, &file, from).await;
            self.patient(sent.map(drop)).await?;
        }
    }

    /// A refusal ends the errand; what only broke is tried again after a moment. How long, whoever renews
    /// the loan decides.
    async fn patient(&self, done: Result<(), NeighbourError>) -> Result<(), ErrandError> {
        match done {
            Ok(()) => Ok(()),
            Err(error) if error.code() == "loan_busy" => {
                sleep(AGAIN).await;
                Ok(())
            }
            Err(error @ NeighbourError::File { .. }) => Err(error.into()),
            Err(error) if error.is_refusal() => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "an exchange with another box broke: it goes on");
                sleep(AGAIN).await;
                Ok(())
            }
        }
    }
}
