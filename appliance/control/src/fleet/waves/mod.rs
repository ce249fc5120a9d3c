//! At a hub: updates of groups, box by box.

mod plan;

pub use plan::{Wave, WaveBox, WaveBoxState, WaveState};

use super::ordered::UpdateOrder;
use super::{BoxState, Fleet, FleetError, listed};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::store::StoreError;
use crate::updates::is_version;
use plan::{Says, Tell};
use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::ToSchema;

/// Between two turns at most, seconds.
const LONGEST_PAUSE_S: u32 = 7 * 24 * 3600;
const LONGEST_URL: usize = 500;

/// An update of a group, as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaveRequest {
    /// Id of the group.
    pub group: String,
    /// Its name once more: somebody means it.
    pub confirm: String,
    /// As the bundle says it.
    pub version: String,
    /// Where the bundle is, `https://…`; absent: each box's channel offers it.
    #[serde(default)]
    #[schema(nullable = false)]
    pub url: Option<String>,
    #[serde(default)]
    pub night: bool,
    /// So many boxes a turn, or with `percent` so many of a hundred.
    pub at_once: u32,
    #[serde(default)]
    pub percent: bool,
    /// Between two turns, seconds.
    #[serde(default)]
    pub pause_s: u32,
    /// It halts when so many boxes have rolled back or failed.
    #[serde(default = "first")]
    pub halt_after: u32,
}

fn first() -> u32 {
    1
}

/// What somebody does with a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaveAct {
    Pause,
    /// Also one that has halted: what has fallen counts no more.
    Resume,
    Stop,
}

/// Updates of groups.
pub struct Waves<'a> {
    pub(super) fleet: &'a Fleet,
}

impl Waves<'_> {
    /// Newest first.
    ///
    /// # Errors
    /// This box is no hub, or the store refuses.
    pub async fn list(&self) -> Result<Vec<Wave>, ControlError> {
        self.fleet.as_hub().whereabouts().await?;
        Ok(self.fleet.store.fleet_wave_list().await?)
    }

    /// Begins a wave.
    ///
    /// # Errors
    /// This box is no hub, there is no such group or nobody in it, something will not do, or another wave goes on.
    pub async fn begin(&self, request: WaveRequest) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let waves = self.list().await?;
        let groups = self.fleet.store.fleet_group_list().await?;
        let group = groups.into_iter().find(|group| group.id == request.group);
        let group = group.ok_or(ControlError::NotFound("group"))?;
        if request.confirm.trim() != group.name {
            return Err(FleetError::WaveName.into());
        }
        if waves.iter().any(|wave| !wave.is_over()) {
            return Err(FleetError::WaveGoesOn.into());
        }
        let version = request.version.trim().to_owned();
        if version.len() > 64 || !is_version(&version) {
            return Err(FleetError::WaveVersion.into());
        }
        let url = request.url.map(|url| url.trim().to_owned()).filter(|url| !url.is_empty());
        let web = |url: &String| {
            let known = url.starts_with("https://") || url.starts_with("http://");
            known && url.len() <= LONGEST_URL && url.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !url.as_ref().is_none_or(web) {
            return Err(FleetError::WaveUrl.into());
        }
        let twins = self.fleet.store.fleet_twin_list().await?;
        let of = |id: &str| {
            twins.iter().any(|twin| twin.of == id && twin.group.as_ref() == Some(&group.id))
        };
        let rows = self.fleet.store.fleet_box_list().await?;
        let boxes = rows.into_iter().filter(|row| of(&row.id)).map(|row| WaveBox {
            name: listed(row.clone(), &self.fleet.now().roster).name,
            id: row.id,
            state: WaveBoxState::Queued,
            why: None,
            told: UnixMs(0),
            heard: UnixMs(0),
            unsure: false,
            lost: false,
        });
        let boxes: Vec<_> = boxes.collect();
        let count = u32::try_from(boxes.len()).unwrap_or(u32::MAX);
        let at_once = match request.percent {
            true => request.at_once.min(100).saturating_mul(count).div_ceil(100),
            false => request.at_once,
        };
        if count == 0
            || at_once == 0
            || request.halt_after == 0
            || request.pause_s > LONGEST_PAUSE_S
        {
            return Err(FleetError::WaveSize.into());
        }
        let wave = Wave {
            id: format!("wav_{}", Ulid::new()),
            name: group.name,
            made_at: UnixMs::now(),
            state: WaveState::Running,
            version,
            url,
            night: request.night,
            at_once,
            pause_s: request.pause_s,
            halt_after: request.halt_after,
            boxes,
            forgiven: 0,
            rested: UnixMs(0),
        };
        tracing::info!(wave = wave.id, group = wave.name, version = wave.version, "a wave begins");
        self.fleet.store.fleet_wave_put(wave).await?;
        Ok(())
    }

    /// Has it rest, go on, or end. What has begun on a box ends there.
    ///
    /// # Errors
    /// This box is no hub, there is no such wave, or it is over.
    pub async fn act(&self, id: &str, act: WaveAct) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let wave = self.list().await?.into_iter().find(|wave| wave.id == id);
        let mut wave = wave.ok_or(ControlError::NotFound("wave"))?;
        if wave.is_over() {
            return Err(FleetError::WaveOver.into());
        }
        wave.act(act);
        self.fleet.store.fleet_wave_put(wave).await?;
        Ok(())
    }

    /// Looks at what boxes say, and answers which are to be told what. `since`: when this hub began to listen.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn look(
        &self,
        now: UnixMs,
        since: UnixMs,
    ) -> Result<Vec<(String, UpdateOrder)>, StoreError> {
        let _turn = self.fleet.turn.lock().await;
        let mut all = Vec::new();
        for before in self.fleet.store.fleet_wave_list().await? {
            if !before.is_open() {
                continue;
            }
            let mut wave = before.clone();
            let roster = self.fleet.now().roster.clone();
            let told = wave.look(now, since, |id| {
                let Some(entry) = roster.iter().find(|one| one.id == id) else {
                    return Says::default();
                };
                let here = entry.state == BoxState::Here;
                let refuses = entry.pulse.twin.as_ref().is_some_and(|twin| twin.refuses.updates);
                Says { here, refuses, order: entry.pulse.order.clone() }
            });
            if wave.state != before.state {
                tracing::info!(wave = wave.id, state = ?wave.state, "a wave stands somewhere else");
            }
            // Kept before anybody is told: a hub that dies in between tells again.
            if !wave.same_but_for_times(&before) || !told.is_empty() {
                self.fleet.store.fleet_wave_put(wave.clone()).await?;
            }
            all.extend(told.into_iter().map(|(id, what)| {
                let order = UpdateOrder {
                    wave: wave.id.clone(),
                    version: wave.version.clone(),
                    url: wave.url.clone(),
                    night: wave.night,
                    recall: what == Tell::Recall,
                };
                (id, order)
            }));
        }
        Ok(all)
    }
}
