//! At a hub: which settings its boxes are to have, by groups and box by box, and what they have.

use super::twin::{self, LONGEST};
use super::{
    BoxState, Choice, Decision, Fleet, FleetError, Named, Refusals, RefusedCounts, Standing,
    TwinEntry, TwinPulse, Variables, Wish, listed,
};
use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::people::random_text;
use crate::store::{FleetBoxRow, GroupRow, TwinRow};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use ulid::Ulid;
use utoipa::ToSchema;

/// Groups of one hub.
const MOST_GROUPS: usize = 100;

/// Settings that several boxes are to have.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FleetGroup {
    pub id: String,
    pub name: String,
    /// By section and name with a dot between; texts may name `{{box.name}}`, `{{box.id}}`, `{{group}}`, `{{site}}`.
    #[schema(value_type = HashMap<String, Value>)]
    pub settings: Named,
    /// How many boxes are in it.
    pub boxes: u64,
}

/// A group as somebody wants it.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRequest {
    pub name: String,
    /// By section and name with a dot between.
    #[schema(value_type = HashMap<String, Value>)]
    pub settings: Named,
}

/// What is to be wanted of a box; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BoxWishPatch {
    /// Id of its group; null: none.
    #[serde(deserialize_with = "given")]
    #[schema(required = false)]
    pub group: Option<Option<String>>,
    /// Where it is: what `{{site}}` stands for.
    #[schema(nullable = false)]
    pub site: Option<String>,
    /// Of this box alone, before its group's; null: not the group's either.
    #[schema(value_type = HashMap<String, Value>, nullable = false)]
    pub settings: Option<Named>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// How a box stands to what is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WishState {
    /// Nothing is wanted.
    Free,
    /// The box has not heard it yet.
    Pending,
    /// It has what is wanted.
    InStep,
    /// Somebody is to decide about a setting.
    Differs,
    /// It cannot have a setting as it is wanted.
    Partly,
    /// Its owner refuses settings of the fleet.
    OwnerRefuses,
    /// It has heard something newer than this hub knows: the hub comes from an older copy.
    Ahead,
}

/// A setting that a box is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unfilled {
    pub setting: String,
    /// In English.
    pub why: String,
}

/// A box and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoxWish {
    pub id: String,
    pub name: String,
    pub state: WishState,
    /// Id of its group.
    #[schema(required)]
    pub group: Option<String>,
    pub site: String,
    /// Of this box alone.
    #[schema(value_type = HashMap<String, Value>)]
    pub settings: Named,
    /// All that is wanted.
    #[schema(value_type = HashMap<String, Value>)]
    pub wanted: Named,
    pub left_out: Vec<Unfilled>,
    pub refuses: Refusals,
    pub refused: RefusedCounts,
    /// As the box says.
    pub entries: Vec<TwinEntry>,
    /// The settings that it says it has.
    #[schema(required)]
    pub has: Option<Value>,
    #[schema(required)]
    pub reported_at: Option<UnixMs>,
}

/// What a hub wants of its boxes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WishesView {
    pub groups: Vec<FleetGroup>,
    pub boxes: Vec<BoxWish>,
}

/// What a hub wants of its boxes.
pub struct Wishes<'a> {
    pub(super) fleet: &'a Fleet,
}

/// Boxes, groups and what is known of both.
struct Known {
    hub: String,
    boxes: Vec<FleetBoxRow>,
    groups: Vec<GroupRow>,
    twins: HashMap<String, TwinRow>,
}

impl Wishes<'_> {
    /// # Errors
    /// This box is no hub, or the store refuses.
    pub async fn view(&self) -> Result<WishesView, ControlError> {
        let known = self.known().await?;
        let boxes: Vec<_> = known.boxes.iter().map(|row| self.shown(&known, row)).collect();
        let groups = known.groups.into_iter().map(|GroupRow { id, name, settings }| {
            let of = |one: &&BoxWish| one.group.as_ref() == Some(&id);
            let count = boxes.iter().filter(of).count() as u64;
            FleetGroup { id, name, settings, boxes: count }
        });
        Ok(WishesView { groups: groups.collect(), boxes })
    }

    /// Makes a group.
    ///
    /// # Errors
    /// This box is no hub, the name is none or taken, a setting will not do, or there are too many.
    pub async fn group_add(&self, request: GroupRequest) -> Result<String, ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let known = self.known().await?;
        if known.groups.len() >= MOST_GROUPS {
            return Err(FleetError::TooManyGroups { most: MOST_GROUPS }.into());
        }
        let id = format!("grp_{}", Ulid::new());
        self.group_put(known, id.clone(), request).await?;
        Ok(id)
    }

    /// Puts another group in the place of this one.
    ///
    /// # Errors
    /// As above, or there is no such group.
    pub async fn group_change(&self, id: &str, request: GroupRequest) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let known = self.known().await?;
        if !known.groups.iter().any(|group| group.id == id) {
            return Err(ControlError::NotFound("group"));
        }
        self.group_put(known, id.to_owned(), request).await
    }

    async fn group_put(
        &self,
        mut known: Known,
        id: String,
        request: GroupRequest,
    ) -> Result<(), ControlError> {
        let GroupRequest { name, settings } = request;
        let name = checked_name(&name)?;
        if known.groups.iter().any(|group| group.name == name && group.id != id) {
            return Err(FleetError::GroupNameTaken.into());
        }
        if settings.values().any(Value::is_null) {
            return Err(FleetError::GroupNull.into());
        }
        twin::checked(&settings, &example())?;
        let group = GroupRow { id, name, settings };
        known.groups.retain(|one| one.id != group.id);
        known.groups.push(group.clone());
        self.short(&known)?;
        self.fleet.store.fleet_group_put(group).await?;
        Ok(())
    }

    /// Its boxes keep what they have, and nothing of it is wanted any more.
    ///
    /// # Errors
    /// This box is no hub, or there is no such group.
    pub async fn group_remove(&self, id: &str) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        self.fleet.as_hub().whereabouts().await?;
        match self.fleet.store.fleet_group_delete(id.to_owned()).await? {
            true => Ok(()),
            false => Err(ControlError::NotFound("group")),
        }
    }

    /// Changes what is wanted of one box.
    ///
    /// # Errors
    /// This box is no hub, there is no such box or group, or a setting will not do.
    pub async fn box_change(&self, id: &str, patch: BoxWishPatch) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let mut known = self.known().await?;
        let mut row = known.twin(id)?;
        let BoxWishPatch { group, site, settings } = patch;
        if let Some(group) = group {
            let there = |wanted: &String| known.groups.iter().any(|one| one.id == *wanted);
            if !group.as_ref().is_none_or(there) {
                return Err(ControlError::NotFound("group"));
            }
            row.group = group;
        }
        if let Some(site) = site {
            row.site = match site.trim() {
                "" => String::new(),
                site => checked_name(site)?,
            };
        }
        if let Some(settings) = settings {
            twin::checked(&settings, &example())?;
            row.settings = settings;
        }
        known.twins.insert(id.to_owned(), row.clone());
        self.short(&known)?;
        self.fleet.store.fleet_twin_put(row).await?;
        Ok(())
    }

    /// Somebody at the hub decides about a setting that a box and the fleet want otherwise. The box carries it
    /// out once, if both still want the same when it hears of it.
    ///
    /// # Errors
    /// This box is no hub, there is no such box, or nothing to decide.
    pub async fn decide(
        &self,
        id: &str,
        setting: &str,
        choice: Choice,
    ) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let known = self.known().await?;
        let mut row = known.twin(id)?;
        let open = |one: &&TwinEntry| {
            let open = matches!(one.standing, Standing::Differs | Standing::Kept);
            one.setting == setting && open
        };
        let entries = row.report.iter().flat_map(|report| &report.entries);
        let entry = entries.clone().find(open).ok_or(FleetError::NothingToDecide)?;
        let (wanted, own) = (entry.wanted.clone(), entry.own.clone().unwrap_or_default());
        let decision = Decision { id: random_text(8)?, choice, wanted, own };
        // What was decided about settings that are in step again is done with.
        let open = |name: &String| {
            let is = |one: &TwinEntry| matches!(one.standing, Standing::Differs | Standing::Kept);
            entries.clone().any(|one| one.setting == *name && is(one))
        };
        row.decisions.retain(|name, _| open(name));
        row.decisions.insert(setting.to_owned(), decision);
        self.fleet.store.fleet_twin_put(row).await?;
        Ok(())
    }

    /// This hub's wishes count for a box that has heard newer ones: the hub came from an older copy, and
    /// somebody has looked.
    ///
    /// # Errors
    /// This box is no hub, there is no such box, or it has heard nothing newer.
    pub async fn anew(&self, id: &str) -> Result<(), ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let known = self.known().await?;
        let mut row = known.twin(id)?;
        let has = self.has(&known, id).filter(|has| ahead(has, row.wish.as_ref()));
        let has = has.ok_or(FleetError::NothingToDecide)?;
        let mut wish = row.wish.clone().unwrap_or_default();
        wish.revision = has.revision.saturating_add(1);
        row.wish = Some(wish);
        self.fleet.store.fleet_twin_put(row).await?;
        Ok(())
    }

    /// What is wanted of each box now. What has changed gets another revision first.
    ///
    /// # Errors
    /// This box is no hub, or the store refuses.
    pub async fn current(&self) -> Result<Vec<(String, Wish)>, ControlError> {
        let _turn = self.fleet.turn.lock().await;
        let known = self.known().await?;
        let mut all = Vec::new();
        for row in &known.boxes {
            let mut twin = known.twin(&row.id)?;
            let (settings, _) = self.compiled(&known, row, &twin);
            let before = twin.wish.clone().unwrap_or_default();
            // Another revision would pass for newer than what the box has heard, and nobody has looked.
            let has = self.has(&known, &row.id);
            if has.is_some_and(|has| ahead(&has, twin.wish.as_ref())) {
                all.push((row.id.clone(), before));
                continue;
            }
            // What was decided about a setting does not come back with it.
            twin.decisions.retain(|name, _| settings.contains_key(name));
            let decisions = twin.decisions.clone();
            let wish = Wish { fleet: known.hub.clone(), settings, decisions, ..before.clone() };
            if wish.mark() == before.mark() {
                all.push((row.id.clone(), before));
                continue;
            }
            let wish = Wish { revision: before.revision.saturating_add(1), ..wish };
            twin.wish = Some(wish.clone());
            self.fleet.store.fleet_twin_put(twin).await?;
            all.push((row.id.clone(), wish));
        }
        Ok(all)
    }

    async fn known(&self) -> Result<Known, ControlError> {
        let hub = self.fleet.as_hub().whereabouts().await?.name;
        let boxes = self.fleet.store.fleet_box_list().await?;
        let groups = self.fleet.store.fleet_group_list().await?;
        let twins = self.fleet.store.fleet_twin_list().await?;
        let twins = twins.into_iter().map(|row| (row.of.clone(), row)).collect();
        Ok(Known { hub, boxes, groups, twins })
    }

    /// What is wanted of a box, and what of it is left out.
    fn compiled(&self, known: &Known, row: &FleetBoxRow, twin: &TwinRow) -> (Named, Vec<Unfilled>) {
        let group = twin.group.as_ref();
        let group = group.and_then(|id| known.groups.iter().find(|group| group.id == *id));
        let with = Variables {
            box_name: listed(row.clone(), &self.fleet.now().roster).name,
            box_id: row.id.clone(),
            group: group.map_or_else(String::new, |group| group.name.clone()),
            site: twin.site.clone(),
        };
        let mut all = group.map_or_else(Named::new, |group| group.settings.clone());
        all.extend(twin.settings.clone());
        let (mut wanted, mut left_out) = (Named::new(), Vec::new());
        for (setting, value) in all.into_iter().filter(|(_, value)| !value.is_null()) {
            match with.fill(&value) {
                Ok(value) => {
                    wanted.insert(setting, value);
                }
                Err(why) => left_out.push(Unfilled { setting, why }),
            }
        }
        (wanted, left_out)
    }

    /// Refuses what no command could carry.
    fn short(&self, known: &Known) -> Result<(), ControlError> {
        for row in &known.boxes {
            let (settings, _) = self.compiled(known, row, &known.twin(&row.id)?);
            let bytes = serde_json::to_string(&settings).map_or(0, |text| text.len());
            if bytes > LONGEST / 2 {
                return Err(FleetError::WishTooLong.into());
            }
        }
        Ok(())
    }

    /// What a box has heard, by its heartbeat or, while it is silent, by its report.
    fn has(&self, known: &Known, id: &str) -> Option<TwinPulse> {
        let now = self.fleet.now();
        let alive = now.roster.iter().find(|one| one.id == id && one.state == BoxState::Here);
        let beat = alive.and_then(|one| one.pulse.twin.clone());
        beat.or_else(|| {
            let report = known.twins.get(id)?.report.as_ref()?;
            let (revision, mark) = (report.revision, report.mark.clone());
            Some(TwinPulse { revision, mark, refuses: report.refuses, ..TwinPulse::default() })
        })
    }

    fn shown(&self, known: &Known, row: &FleetBoxRow) -> BoxWish {
        let twin = known.twin(&row.id).unwrap_or_default();
        let (wanted, left_out) = self.compiled(known, row, &twin);
        let has = self.has(known, &row.id);
        let pulse = has.clone().unwrap_or_default();
        let report = twin.report.clone();
        let entries = report.as_ref().map_or_else(Vec::new, |report| report.entries.clone());
        let any = |wanted: &[Standing]| entries.iter().any(|one| wanted.contains(&one.standing));
        let wish = Wish {
            fleet: known.hub.clone(),
            settings: wanted.clone(),
            decisions: twin.decisions.clone(),
            ..twin.wish.clone().unwrap_or_default()
        };
        let heard = report.as_ref().is_some_and(|report| report.mark == pulse.mark);
        let state = match pulse.mark == wish.mark() {
            _ if pulse.refuses.settings && !wanted.is_empty() => WishState::OwnerRefuses,
            _ if has.as_ref().is_some_and(|has| ahead(has, twin.wish.as_ref())) => WishState::Ahead,
            true if wanted.is_empty() => WishState::Free,
            true if !heard => WishState::Pending,
            true if any(&[Standing::Differs]) => WishState::Differs,
            true if any(&[Standing::Refused, Standing::Unknown]) => WishState::Partly,
            true => WishState::InStep,
            false => WishState::Pending,
        };
        BoxWish {
            name: listed(row.clone(), &self.fleet.now().roster).name,
            id: row.id.clone(),
            state,
            group: twin.group,
            site: twin.site,
            settings: twin.settings,
            wanted,
            left_out,
            refuses: pulse.refuses,
            refused: pulse.refused,
            entries,
            has: report.map(|report| report.settings),
            reported_at: (twin.report_ms > 0).then_some(UnixMs(twin.report_ms)),
        }
    }
}

impl Known {
    /// What is known of a box's settings; nothing yet is no error.
    fn twin(&self, id: &str) -> Result<TwinRow, ControlError> {
        if !self.boxes.iter().any(|row| row.id == id) {
            return Err(ControlError::NotFound("box"));
        }
        let new = || TwinRow { of: id.to_owned(), ..TwinRow::default() };
        Ok(self.twins.get(id).cloned().unwrap_or_else(new))
    }
}

/// Whether a box has heard something that this hub does not know of.
fn ahead(has: &TwinPulse, wish: Option<&Wish>) -> bool {
    let (revision, mark) = wish.map_or((0, String::new()), |wish| (wish.revision, wish.mark()));
    has.revision > revision || (has.revision == revision && has.mark != mark)
}

/// A box with everything that a text can name.
fn example() -> Variables {
    let text = || "x".to_owned();
    Variables { box_name: text(), box_id: text(), group: text(), site: text() }
}
