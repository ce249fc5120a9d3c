//! The update that a wave of the fleet wants of this box. It is kept: a restart, which is part of it, forgets nothing.

mod step;

pub use step::{OrderPhase, OrderPulse, UpdateOrder};

use super::{Power, Twin};
use crate::clock::Ticks;
use crate::error::ControlError;
use crate::store::Store;
use crate::updates::{BundleOrigin, InstallRequest, PastUpdate, UpdateError, Updates};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use step::{Act, Facts, step};

const LOOK: Duration = Duration::from_secs(1);
/// Characters of a reason in a heartbeat.
const LONGEST_WHY: usize = 200;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    order: UpdateOrder,
    phase: OrderPhase,
    why: Option<String>,
    /// What had happened last when it came; absent: nothing yet.
    before: Option<String>,
    /// What is installed, or waits to be, is this order's and not somebody else's.
    #[serde(default)]
    began: bool,
}

impl Kept {
    fn is_over(&self) -> bool {
        !matches!(self.phase, OrderPhase::Waiting | OrderPhase::Working)
    }
}

/// Carries out what a wave wants.
pub struct Ordered {
    store: Arc<Store>,
    updates: Arc<Updates>,
    twin: Arc<Twin>,
    turn: tokio::sync::Mutex<()>,
    pulse: Mutex<Option<OrderPulse>>,
}

impl Ordered {
    pub fn new(store: Arc<Store>, updates: Arc<Updates>, twin: Arc<Twin>) -> Self {
        let (turn, pulse) = Default::default();
        Self { store, updates, twin, turn, pulse }
    }

    /// What heartbeats say.
    pub fn pulse(&self) -> Option<OrderPulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The hub wants this; whoever calls has checked that it is the hub.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn hear(&self, order: &[u8]) -> Result<(), ControlError> {
        let order = match serde_json::from_slice::<UpdateOrder>(order) {
            Ok(order) if (1..=64).contains(&order.wave.len()) && order.version.len() <= 64 => order,
            read => {
                let error = read.err().map(tracing::field::display);
                tracing::warn!(error, "an update that the hub wants cannot be read");
                return Ok(());
            }
        };
        let _turn = self.turn.lock().await;
        let kept = self.kept().await?;
        if order.recall {
            let waits = kept
                .filter(|kept| kept.order.wave == order.wave && kept.phase == OrderPhase::Waiting);
            if let Some(waits) = waits {
                tracing::info!(wave = order.wave, "the hub does not want its update any more");
                self.cancel(&waits);
                self.keep(None).await?;
            }
            return Ok(());
        }
        let going = kept.as_ref().is_some_and(|kept| !kept.is_over());
        if kept.as_ref().is_some_and(|kept| kept.order.wave == order.wave) {
            return Ok(());
        }
        let mut new =
            Kept { order, phase: OrderPhase::Waiting, why: None, before: None, began: false };
        if self.twin.refuses(Power::Updates) {
            tracing::info!("the hub wants an update: the owner of this box refuses that");
            self.twin.refused(Power::Updates).await;
            new.phase = OrderPhase::Refused;
        } else if going {
            tracing::info!("the hub wants another update than the one that is under way: it waits");
            return Ok(());
        } else {
            let Kept { order, .. } = &new;
            tracing::info!(wave = order.wave, version = order.version, "the hub wants an update");
            new.before = self.updates.history().await?.first().map(|past| past.id.clone());
        }
        self.keep(Some(new)).await
    }

    /// Works for as long as the daemon lives.
    pub async fn run(self: Arc<Self>) {
        let mut looks = Ticks::every(LOOK);
        loop {
            looks.tick().await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the update that the hub wants cannot be looked at now");
            }
        }
    }

    async fn look(&self) -> Result<(), ControlError> {
        let _turn = self.turn.lock().await;
        let kept = self.kept().await?;
        // Whoever left a fleet does nothing for it any more.
        let member = kept.is_some() && self.store.fleet_get().await?.is_some();
        let Some(mut kept) = kept.filter(|_| member) else {
            self.shows(None);
            return Ok(());
        };
        if kept.is_over() {
            self.shows(Some(&kept));
            return Ok(());
        }
        if self.twin.refuses(Power::Updates) && kept.phase == OrderPhase::Waiting {
            // The owner has changed their mind, and nothing is written yet.
            self.cancel(&kept);
            self.twin.refused(Power::Updates).await;
            kept.phase = OrderPhase::Refused;
            return self.keep(Some(kept)).await;
        }
        let view = self.updates.view().await;
        let history = self.updates.history().await?;
        let older = |past: &&PastUpdate| Some(&past.id) != kept.before.as_ref();
        let past: Vec<_> = history.iter().take_while(older).cloned().collect();
        let facts = Facts {
            version: &view.version,
            confirmed: view.confirmed,
            state: &view.now,
            past: &past,
            began: kept.began,
            night: self.updates.night(),
        };
        let (phase, why, act) = step(&kept.order, facts);
        let before = kept.clone();
        (kept.phase, kept.why) = (phase, why.map(short));
        match act {
            Act::Nothing => {}
            Act::Cancel => self.cancel(&before),
            // Installed it is, and nobody but the owner starts it now.
            Act::Restart if self.twin.refuses(Power::Updates) => {}
            Act::Restart => self.tried(&mut kept, self.updates.restart(false, false).await),
            Act::Install => {
                let begun = self.install(&kept.order).await;
                kept.began |= begun.is_ok();
                self.tried(&mut kept, begun);
            }
        }
        match kept == before {
            true => self.shows(Some(&kept)),
            false => self.keep(Some(kept)).await?,
        }
        Ok(())
    }

    async fn install(&self, order: &UpdateOrder) -> Result<(), UpdateError> {
        let (from, url) = match &order.url {
            Some(url) => (BundleOrigin::Url, Some(url.clone())),
            None => {
                self.updates.check(Instant::now()).await?;
                let channel = self.updates.view().await.channel;
                let offered = channel.offer.map(|offer| offer.version);
                if !offered
                    .as_deref()
                    .is_some_and(|one| crate::updates::same_version(one, &order.version))
                {
                    return Err(UpdateError::NotOffered {
                        version: order.version.clone(),
                        offered,
                    });
                }
                (BundleOrigin::Channel, None)
            }
        };
        self.updates.install(&InstallRequest { from, name: None, url }).await
    }

    /// What cannot be begun now is begun later; what cannot be begun at all has failed.
    fn tried(&self, kept: &mut Kept, begun: Result<(), UpdateError>) {
        match begun {
            Ok(()) | Err(UpdateError::Busy | UpdateError::Unconfirmed | UpdateError::NotNow(_)) => {
            }
            Err(error) => {
                tracing::warn!(%error, wave = kept.order.wave, "the hub's update cannot begin");
                (kept.phase, kept.why) = (OrderPhase::Failed, Some(short(error.to_string())));
            }
        }
    }

    /// Gives up what this order has begun; what somebody else has is theirs.
    fn cancel(&self, kept: &Kept) {
        if kept.began
            && let Err(error) = self.updates.cancel()
        {
            tracing::debug!(%error, "there was nothing to give up");
        }
    }

    async fn kept(&self) -> Result<Option<Kept>, ControlError> {
        let text = self.store.fleet_update_get().await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn keep(&self, kept: Option<Kept>) -> Result<(), ControlError> {
        let text = kept.as_ref().map(serde_json::to_string).transpose();
        let text = text.map_err(crate::store::StoreError::from)?;
        self.store.fleet_update_put(text).await?;
        self.shows(kept.as_ref());
        Ok(())
    }

    fn shows(&self, kept: Option<&Kept>) {
        let pulse = kept.map(|kept| OrderPulse {
            wave: kept.order.wave.clone(),
            phase: kept.phase,
            why: kept.why.clone(),
        });
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }
}

fn short(why: String) -> String {
    why.chars().take(LONGEST_WHY).collect()
}
