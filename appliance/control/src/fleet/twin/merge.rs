//! What becomes of a wish on the box: three sides meet, the fleet's, the box's and what the fleet has set here
//! before. Pure.
//!
//! ```text
//!              the box has what the fleet wants ──────────────────────────► in step
//! the box has what the fleet had set, or the default ─ it will do ────────► set, in step
//!                                                     └ it will not ──────► refused
//!       somebody changed it here ── not decided ──────────────────────────► differs
//!                                 ├ "keep the box's", while the fleet wants the same ► kept
//!                                 └ "take the fleet's" ───────────────────► set, in step
//! ```
//! Nothing flaps: a setting is written only when the fleet wants something that it has not set here, or when
//! somebody decides. What somebody changed here stays until then, also where the fleet wants something else
//! meanwhile. What the fleet does not want any more stays as it is.

use super::Refusals;
use super::wish::{Choice, Decision, Named, SECRETS};
use crate::settings::Settings;
use roombox_provision::with_suggestion;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a setting is, between box and fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The box has what the fleet wants.
    InStep,
    /// Somebody changed it here, and nobody has decided yet: the box's counts.
    Differs,
    /// It was decided that the box keeps its own.
    Kept,
    /// The box cannot have it so: see why.
    Refused,
    /// This version has no such setting.
    Unknown,
}

/// A setting that the fleet wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TwinEntry {
    /// Section and name with a dot between.
    pub setting: String,
    pub standing: Standing,
    pub wanted: Value,
    /// What the box has; absent where it has no such setting.
    #[schema(required)]
    pub own: Option<Value>,
    /// Why it is refused, in English.
    #[schema(required)]
    pub why: Option<String>,
}

/// What the box knows of a setting that the fleet wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Hand {
    /// What it was when the fleet and the box last agreed; absent: never.
    taken: Option<Value>,
    /// Somebody changed it here since.
    own: bool,
    /// The wish for which it was decided that the box keeps its own.
    kept: Option<Value>,
    /// The hub's last decision that was carried out.
    decided: String,
}

/// Hands by setting.
pub(super) type Hands = BTreeMap<String, Hand>;

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Merged {
    pub settings: Settings,
    pub hands: Hands,
    pub entries: Vec<TwinEntry>,
}

/// Brings the box's settings to what the fleet wants, as far as the box does not want something else. `refuses`:
/// what the owner lets no fleet do, and so no setting of the fleet's either.
pub(super) fn merge(
    settings: &Settings,
    hands: &Hands,
    wanted: &Named,
    decisions: &BTreeMap<String, Decision>,
    refuses: Refusals,
) -> Merged {
    let mut now = Shape(settings.clone());
    let (mut next, mut entries, mut due) = (Hands::new(), Vec::new(), Vec::new());
    for (name, wish) in wanted {
        let Some(local) = now.get(name) else {
            entries.push(entry(name, Standing::Unknown, wish, None, None));
            continue;
        };
        let mut hand = hands.get(name).cloned().unwrap_or_default();
        // A channel and a night would be an update by another door.
        let barred = refuses.updates && name.starts_with("updates.");
        let read = match SECRETS.contains(&name.as_str()) {
            true => Err("is a secret: it is typed at the box itself".to_owned()),
            false if barred => Err("is about updates, which the owner refuses".to_owned()),
            false => now.read(name, wish),
        };
        let was = hand.taken.clone().or_else(|| Shape(Settings::default()).get(name));
        let agreed = read.as_ref().ok() == Some(&local);
        if let Some(decision) = decisions.get(name)
            && decision.id != hand.decided
            && decision.wanted == *wish
            && decision.own == local
        {
            hand.decided = decision.id.clone();
            decide(&mut hand, decision.choice, wish, &local);
        } else if agreed {
            hand = Hand { taken: Some(local.clone()), own: false, kept: None, ..hand };
        } else if was.as_ref() != Some(&local) {
            hand.own = true;
        }
        let kept = hand.kept.as_ref() == Some(wish);
        let (standing, why) = match read {
            Ok(_) if agreed => (Standing::InStep, None),
            _ if hand.own && kept => (Standing::Kept, None),
            Err(why) => (Standing::Refused, Some(why)),
            Ok(_) if hand.own => (Standing::Differs, None),
            Ok(value) => {
                due.push((name.clone(), value));
                (Standing::InStep, None)
            }
        };
        entries.push(entry(name, standing, wish, Some(local), why));
        next.insert(name.clone(), hand);
    }
    let refused = now.take(due);
    for one in &mut entries {
        if let Some(why) = refused.get(&one.setting) {
            (one.standing, one.why) = (Standing::Refused, Some(why.clone()));
        } else if one.standing == Standing::InStep
            && let Some(hand) = next.get_mut(&one.setting)
        {
            one.own = now.get(&one.setting);
            *hand = Hand { taken: one.own.clone(), own: false, kept: None, ..hand.clone() };
        }
    }
    Merged { settings: now.0, hands: next, entries }
}

/// Somebody has decided about a setting that stands so.
pub(super) fn decide(hand: &mut Hand, choice: Choice, wanted: &Value, local: &Value) {
    match choice {
        Choice::Box => (hand.own, hand.kept) = (true, Some(wanted.clone())),
        Choice::Fleet => {
            (hand.own, hand.kept, hand.taken) = (false, None, Some(local.clone()));
        }
    }
}

fn entry(
    name: &str,
    standing: Standing,
    wanted: &Value,
    own: Option<Value>,
    why: Option<String>,
) -> TwinEntry {
    TwinEntry { setting: name.to_owned(), standing, wanted: wanted.clone(), own, why }
}

/// Settings by their names.
pub(super) struct Shape(pub Settings);

impl Shape {
    fn all(&self) -> Value {
        self.0.kept().unwrap_or_default()
    }

    /// `None`: there is no such setting.
    pub fn get(&self, name: &str) -> Option<Value> {
        let (section, setting) = name.split_once('.')?;
        let shown = serde_json::to_value(&self.0).ok()?;
        shown.get(section)?.get(setting).cloned()
    }

    fn with(&self, name: &str, value: &Value) -> Result<Settings, String> {
        let (section, setting) = name.split_once('.').unwrap_or_default();
        let mut all = self.all();
        all[section][setting] = value.clone();
        serde_json::from_value(all)
            .map_err(|error| format!("will not do: {}", with_suggestion(&error.to_string())))
    }

    /// A value as the box would have it; whether it goes with the others is not asked.
    ///
    /// # Errors
    /// It is nothing that this setting can be.
    pub fn read(&self, name: &str, value: &Value) -> Result<Value, String> {
        let with = Self(self.with(name, value)?);
        with.get(name).ok_or_else(|| "is no setting of this box".to_owned())
    }

    /// Takes these values: all that go together, as many as that are. Why the others do not.
    pub fn take(&mut self, mut due: Vec<(String, Value)>) -> BTreeMap<String, String> {
        let mut refused = BTreeMap::new();
        let mut all = self.0.clone();
        let proxy = all.proxy.clone();
        // A hub leads no password to a proxy that it was not typed for.
        let checked = |with: &Settings| {
            with.check().map_err(|bad| bad.to_string())?;
            let stays = with.proxy.password_stays(&proxy);
            stays.map_err(|(name, why)| format!("the setting proxy.{name} {why}"))
        };
        for (name, value) in &due {
            if let Ok(with) = Shape(all.clone()).with(name, value) {
                all = with;
            }
        }
        if checked(&all).is_ok() {
            self.0 = all;
            return refused;
        }
        // One that has a place may make one for another.
        loop {
            let before = due.len();
            refused.clear();
            due.retain(|(name, value)| {
                let with = self.with(name, value);
                match with.and_then(|with| checked(&with).map(|()| with)) {
                    Ok(with) => {
                        self.0 = with;
                        false
                    }
                    Err(why) => {
                        refused.insert(name.clone(), why);
                        true
                    }
                }
            });
            if due.len() == before || due.is_empty() {
                return refused;
            }
        }
    }
}

#[cfg(test)]
mod tests;
