//! The first hour: which steps of a box's set-up are done, which were left out, and which are open.
//!
//! ```text
//! name, zone, certificate, rooms ──► facts ─┐
//!                                           ├─► done · skipped · open
//! what people say in the panel ──► marks ───┘
//! ```
//! What the box can see by itself is not asked: a box that a `roombox.toml` or the fleet has set up is done
//! without anybody having opened the wizard. Kept is only what nobody but a person knows. It is no setting,
//! and stands in no text of settings.
//!
//! It knows no HTTP.

use crate::certificates::{CertificateState, Certificates};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::identity::{BoxIdentity, NAME_AT_FIRST};
use crate::store::Store;
use crate::timekeeping::Timekeeping;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Under which the store has what people said.
const NAME: &str = "setup";
/// The zone of an image that nobody has told where it stands, by either of its names.
const ZONES_AT_FIRST: [&str; 2] = ["UTC", "Etc/UTC"];

/// A step of the set-up, in the order of the wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SetupStep {
    /// Its name, its zone and its clock.
    Box,
    /// Another device opens it.
    Reach,
    /// Browsers trust it.
    Certificate,
    /// There is a room.
    Room,
    /// Somebody met, recorded, and saw it played back.
    Call,
}

const STEPS: [SetupStep; 5] =
    [SetupStep::Box, SetupStep::Reach, SetupStep::Certificate, SetupStep::Room, SetupStep::Call];

impl SetupStep {
    fn name(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Reach => "reach",
            Self::Certificate => "certificate",
            Self::Room => "room",
            Self::Call => "call",
        }
    }
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Done,
    /// Somebody wants to do without, or later.
    Skipped,
    Open,
}

/// What somebody says of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepMark {
    /// It works.
    Passed,
    /// It is left out.
    Skipped,
    /// Nothing: what was said before is forgotten.
    Open,
}

/// A mark and when it was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    mark: StepMark,
    at_ms: u64,
}

/// What the store keeps. Steps that only a newer version knows stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    said: BTreeMap<String, Said>,
    #[serde(default)]
    dismissed: bool,
}

/// What the box sees by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct SetupFacts {
    /// It has a name of its own, and stands in a zone or cannot be told one.
    named: bool,
    /// Another's certificate is served and good.
    trusted: bool,
    room: bool,
}

impl SetupFacts {
    fn show(self, step: SetupStep) -> bool {
        match step {
            SetupStep::Box => self.named,
            SetupStep::Certificate => self.trusted,
            SetupStep::Room => self.room,
            SetupStep::Reach | SetupStep::Call => false,
        }
    }
}

/// A step as the panel shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct SetupStepView {
    pub step: SetupStep,
    pub state: StepState,
    /// When somebody said so; `null`: the box sees it by itself, or the step is open.
    #[schema(required)]
    pub at: Option<UnixMs>,
}

/// The set-up as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SetupView {
    /// In the order of the wizard.
    pub steps: Vec<SetupStepView>,
    /// Nobody wants to be reminded of what is open.
    pub dismissed: bool,
}

/// What somebody says of the set-up. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupPatch {
    #[serde(default, rename = "box")]
    #[schema(nullable = false)]
    pub of_box: Option<StepMark>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub reach: Option<StepMark>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub certificate: Option<StepMark>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub room: Option<StepMark>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub call: Option<StepMark>,
    /// Whether the panel's reminder stays away.
    #[serde(default)]
    #[schema(nullable = false)]
    pub dismissed: Option<bool>,
}

impl Kept {
    fn view(&self, facts: SetupFacts) -> SetupView {
        let steps = STEPS.map(|step| {
            let said = self.said.get(step.name());
            let (state, said) = match (facts.show(step), said.map(|said| said.mark)) {
                (true, _) => (StepState::Done, None),
                (false, Some(StepMark::Passed)) => (StepState::Done, said),
                (false, Some(StepMark::Skipped)) => (StepState::Skipped, said),
                (false, Some(StepMark::Open) | None) => (StepState::Open, None),
            };
            SetupStepView { step, state, at: said.map(|said| UnixMs(said.at_ms)) }
        });
        SetupView { steps: steps.to_vec(), dismissed: self.dismissed }
    }

    fn say(&mut self, patch: &SetupPatch, now: UnixMs) {
        let marks = [patch.of_box, patch.reach, patch.certificate, patch.room, patch.call];
        for (step, mark) in STEPS.into_iter().zip(marks) {
            match mark {
                Some(StepMark::Open) => {
                    self.said.remove(step.name());
                }
                Some(mark) => {
                    self.said.insert(step.name().to_owned(), Said { mark, at_ms: now.0 });
                }
                None => {}
            }
        }
        self.dismissed = patch.dismissed.unwrap_or(self.dismissed);
    }
}

/// The set-up's desk.
pub struct Setup {
    store: Arc<Store>,
    identity: Arc<BoxIdentity>,
    timekeeping: Arc<Timekeeping>,
    certificates: Arc<Certificates>,
    turn: tokio::sync::Mutex<()>,
}

impl Setup {
    pub fn new(
        store: Arc<Store>,
        identity: Arc<BoxIdentity>,
        (timekeeping, certificates): (Arc<Timekeeping>, Arc<Certificates>),
    ) -> Arc<Self> {
        Arc::new(Self { store, identity, timekeeping, certificates, turn: Default::default() })
    }

    async fn kept(&self) -> Result<Kept, ControlError> {
        Ok(self.store.report_get::<Kept>(NAME).await?.map(|(kept, _)| kept).unwrap_or_default())
    }

    async fn facts(&self) -> Result<SetupFacts, ControlError> {
        // Who cannot tell the zone cannot be told one either.
        let placed = match self.timekeeping.view().await {
            Ok(time) => !time.managed || !ZONES_AT_FIRST.contains(&time.zone.as_str()),
            Err(_) => true,
        };
        let served = self.certificates.view(UnixMs::now()).served;
        Ok(SetupFacts {
            named: placed && self.identity.name() != NAME_AT_FIRST,
            trusted: served.is_some_and(|served| {
                !served.self_signed && served.state != CertificateState::Ended
            }),
            room: self.store.room_list().await?.iter().any(|room| room.kept),
        })
    }

    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<SetupView, ControlError> {
        Ok(self.kept().await?.view(self.facts().await?))
    }

    /// Keeps what somebody says.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn patch(&self, patch: SetupPatch) -> Result<SetupView, ControlError> {
        let _turn = self.turn.lock().await;
        let mut kept = self.kept().await?;
        kept.say(&patch, UnixMs::now());
        self.store.report_put(NAME, kept.clone(), None).await?;
        Ok(kept.view(self.facts().await?))
    }
}

#[cfg(test)]
mod tests;
