//! Loans: jobs of this box that other boxes of its fleet do.
//!
//! ```text
//!  offer, in each heartbeat ─► hub: who does it? ─► order to the borrower, signed
//!                                                        │
//!  token, job, names of files ◄── claim: order, own key ─┘
//!  recording by range ─────────► it makes the film ─► files, then their receipt
//! ```
//! The desk stays the truth: a token is good for one attempt, and opens nothing any more once the desk
//! has taken that back. So of two borrowers one has the job, and a late one changes nothing.

mod keep;
mod shelf;
mod terms;

pub use shelf::Receiving;
pub use terms::{LoanClaim, LoanEnd, LoanFile, LoanPart, LoanReport, LoanTerms, Order, claim_text};

use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::fleet::{FleetError, Gear, Power, Twin};
use crate::jobs::{Attempt, Borrower, Jobs, Receipt, Report};
use crate::people::{hashed, random_text};
use crate::settings::SettingsDesk;
use crate::store::{FleetRow, Store};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keep::Keep;
use roombox_capture::disk::free_space;
use std::path::PathBuf;
use std::sync::Arc;

/// Tokens at a time: more than boxes that could use them.
const MOST: usize = 64;
/// Nothing is lent that there would hardly be room for, bytes.
const LEAST_ROOM: u64 = 1 << 30;

/// What loans are built from.
pub struct LoansParts {
    pub store: Arc<Store>,
    pub gear: Arc<dyn Gear>,
    pub jobs: Arc<Jobs>,
    pub settings: Arc<SettingsDesk>,
    pub twin: Arc<Twin>,
    /// Where recordings are.
    pub root: PathBuf,
}

/// Jobs that this box has lent.
pub struct Loans {
    parts: LoansParts,
    keep: Keep,
}

impl Loans {
    pub fn new(parts: LoansParts) -> Self {
        Self { parts, keep: Keep::new(MOST) }
    }

    /// Lends a job to the box that claims it.
    ///
    /// # Errors
    /// The claim has no order of this fleet's hub, comes from another box than the order names, the job is not
    /// to be had as this attempt, or the owner refuses it.
    pub async fn claim(&self, claim: LoanClaim) -> Result<LoanTerms, ControlError> {
        let (order, borrower) = self.vouched(&claim).await?;
        if self.parts.twin.refuses(Power::Recordings) {
            self.parts.twin.refused(Power::Recordings).await;
            return Err(FleetError::LoanOwner.into());
        }
        self.room(LEAST_ROOM)?;
        let Order { job, number, .. } = order;
        let name = borrower.name.clone();
        let spec = self.parts.jobs.lend(&job, number, borrower.clone()).await;
        let spec = spec.ok_or(FleetError::LoanGone)?;
        let folder = self.parts.root.join(&spec.recording);
        let listed = {
            let (folder, job) = (folder.clone(), job.clone());
            blocking(move || {
                shelf::sweep(&folder, &job)?;
                shelf::list(&folder)
            })
        };
        let attempt = Attempt { job: job.clone(), number };
        let files = match listed.await {
            Ok(files) => files,
            Err(error) => {
                let why = format!("the recording cannot be lent: {error}");
                self.parts.jobs.report(Report::Failed(attempt, why)).await;
                return Err(error);
            }
        };
        let token = random_text(32)?;
        let (listed, writing) = (files.clone(), Arc::default());
        let loan = keep::Loan { attempt, borrower, folder, files: listed, writing };
        self.keep.open(hashed(&token), loan);
        tracing::info!(job, attempt = number, borrower = name, "a job is lent to another box");
        let spec = serde_json::to_value(spec).unwrap_or_default();
        Ok(LoanTerms { token, spec, files })
    }

    /// A file of the recording that the job is made of, and what names its state.
    ///
    /// # Errors
    /// The loan is over, or there is no such file.
    pub async fn file(&self, token: &str, name: &str) -> Result<(PathBuf, String), ControlError> {
        let loan = self.loan(token).await?;
        let file = loan.files.iter().find(|file| file.name == name);
        let file = file.ok_or(ControlError::NotFound("file"))?;
        Ok((loan.folder.join(name), format!("{}.{}", file.name, file.bytes)))
    }

    /// The borrower is alive, and so far.
    ///
    /// # Errors
    /// The loan is over.
    pub async fn heard(&self, token: &str, report: LoanReport) -> Result<(), ControlError> {
        let attempt = self.loan(token).await?.attempt.clone();
        let progress = report.progress.and_then(|text| serde_json::from_value(text).ok());
        let report = match progress {
            Some(progress) => Report::Progress(attempt, progress),
            None => Report::Lives(attempt),
        };
        self.parts.jobs.report(report).await;
        Ok(())
    }

    /// How much of a made file is here.
    ///
    /// # Errors
    /// The loan is over, or the name is none that the job can make.
    pub async fn received(&self, token: &str, name: &str) -> Result<LoanPart, ControlError> {
        let loan = self.loan(token).await?;
        let part = shelf::part(&loan.folder, &loan.attempt, name)?;
        let bytes = tokio::fs::metadata(part).await.map_or(0, |meta| meta.len());
        Ok(LoanPart { bytes })
    }

    /// Takes more of a made file, from this byte on.
    ///
    /// # Errors
    /// As above, something else is here of it, it is longer than a film of this recording can be, or the disk
    /// refuses.
    pub async fn receive(
        &self,
        token: &str,
        name: &str,
        from: u64,
    ) -> Result<Receiving, ControlError> {
        let loan = self.loan(token).await?;
        self.room(0)?;
        let part = shelf::part(&loan.folder, &loan.attempt, name)?;
        let guard = loan.writing.clone().try_lock_owned();
        let guard = guard.map_err(|_| FleetError::LoanBusy)?;
        let others = {
            let part = part.clone();
            blocking(move || shelf::others(&part)).await?
        };
        // For all files together: a recording has many, and a borrower could make up more.
        let most = loan.most_bytes().saturating_sub(others);
        Receiving::begin(part, from, most, guard).await
    }

    /// All files are here: they become the job's, if they are what the borrower says.
    ///
    /// # Errors
    /// The loan is over, or a file is not what was promised; that one is taken away, to be sent again.
    pub async fn finish(&self, token: &str, receipt: LoanEnd) -> Result<(), ControlError> {
        let loan = self.loan(token).await?;
        let receipt: Receipt = serde_json::from_value(receipt.receipt)
            .map_err(|error| FleetError::LoanReceipt(error.to_string()))?;
        let folder = loan.folder.clone();
        if receipt.job != loan.attempt.job {
            return Err(FleetError::LoanReceipt("it is of another job".to_owned()).into());
        }
        if receipt.files.is_empty() {
            // That there is nothing to film is for this box alone to say: what is empty may be deleted.
            self.keep.close(&hashed(token));
            let why = format!("{} says that there is nothing to make", loan.borrower.name);
            self.parts.jobs.report(Report::Failed(loan.attempt.clone(), why)).await;
            return Ok(());
        }
        let guard = loan.writing.clone().try_lock_owned();
        let _guard = guard.map_err(|_| FleetError::LoanBusy)?;
        let files = receipt.files.clone();
        let checked = {
            let (folder, attempt) = (folder.clone(), loan.attempt.clone());
            blocking(move || shelf::check(&folder, &attempt, &files))
        };
        checked.await?;
        // Asked again: reading through a long film takes a while.
        self.loan(token).await?;
        let files = receipt.files.clone();
        let attempt = loan.attempt.clone();
        blocking(move || shelf::adopt(&folder, &attempt, &files)).await?;
        self.keep.close(&hashed(token));
        let Borrower { name, .. } = &loan.borrower;
        tracing::info!(
            job = receipt.job,
            borrower = name,
            cpu_s = receipt.cpu_s,
            encoder = receipt.encoder,
            "another box has made a film"
        );
        self.parts.jobs.report(Report::Finished(loan.attempt.clone(), receipt)).await;
        Ok(())
    }

    /// The borrower cannot do it, or will not.
    ///
    /// # Errors
    /// The loan is over.
    pub async fn give_up(&self, token: &str, end: LoanReport) -> Result<(), ControlError> {
        let loan = self.loan(token).await?;
        self.keep.close(&hashed(token));
        let (attempt, name) = (loan.attempt.clone(), &loan.borrower.name);
        let why = end.why.unwrap_or_else(|| "it does not say why".to_owned());
        let first: String = why.lines().next().unwrap_or_default().chars().take(200).collect();
        tracing::warn!(job = attempt.job, borrower = name, why = first, "a job comes back");
        let why = format!("on {name}: {why}");
        // What is hopeless there need not be so on the next box.
        let report = match end.failed {
            true => Report::Failed(attempt, why),
            false => Report::Returned(attempt, why),
        };
        self.parts.jobs.report(report).await;
        let (folder, job) = (loan.folder.clone(), loan.attempt.job.clone());
        blocking(move || shelf::sweep(&folder, &job)).await
    }

    /// A film that comes in leaves recordings their reserve.
    fn room(&self, wanted: u64) -> Result<(), ControlError> {
        let free = free_space()(&self.parts.root).map_err(ControlError::Files)?;
        let reserve = self.parts.settings.get().recording.reserve_bytes;
        match free < reserve.saturating_add(wanted) {
            true => Err(ControlError::DiskBelowReserve { free, reserve }),
            false => Ok(()),
        }
    }

    /// What a token opens, for as long as the box is in a fleet and its owner lets recordings go.
    async fn loan(&self, token: &str) -> Result<Arc<keep::Loan>, ControlError> {
        let LoansParts { jobs, twin, store, .. } = &self.parts;
        let lent = |attempt: &Attempt, id: &str| jobs.is_lent(&attempt.job, attempt.number, id);
        let loan = self.keep.get(&hashed(token), lent).ok_or(FleetError::LoanGone)?;
        let why = match store.fleet_get().await? {
            None => "this box is in no fleet any more",
            Some(_) if twin.refuses(Power::Recordings) => "the owner lets no recording go any more",
            Some(_) => return Ok(loan),
        };
        self.keep.close(&hashed(token));
        tracing::info!(job = loan.attempt.job, borrower = loan.borrower.name, why, "a loan ends");
        jobs.report(Report::Returned(loan.attempt.clone(), why.to_owned())).await;
        Err(FleetError::LoanGone.into())
    }

    /// Whose claim it is, and what the hub has ordered.
    async fn vouched(&self, claim: &LoanClaim) -> Result<(Order, Borrower), ControlError> {
        let gear = &self.parts.gear;
        // A stranger need not know whether this box is in a fleet.
        let row = self.parts.store.fleet_get().await?;
        let FleetRow { place, .. } = row.ok_or(FleetError::LoanOrder)?;
        let own = gear.who()?.0;
        let plain = |text: &str| BASE64_STANDARD.decode(text).unwrap_or_default();
        let (order, signature) = (plain(&claim.order), plain(&claim.signature));
        let id = gear.signer(&claim.key, claim_text(&own, &claim.order).as_bytes(), &signature);
        let id = id.ok_or(FleetError::Signature)?;
        let order = gear.ordered(place.hub(&own), &id, &order).ok_or(FleetError::LoanOrder)?;
        let order: Order = serde_json::from_slice(&order).map_err(|_| FleetError::LoanOrder)?;
        let fresh = UnixMs::now().0.abs_diff(order.at_ms) < terms::ORDER_GOOD_FOR_MS;
        if order.origin != own || !fresh {
            return Err(FleetError::LoanOrder.into());
        }
        Ok((order, Borrower { id, name: checked_name(&claim.name)? }))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ControlError::Files(error.into()))?
}
