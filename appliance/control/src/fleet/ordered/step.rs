//! What a box does about the update that its hub wants. Pure: everything that is known comes as an argument.

use crate::updates::{PastUpdate, UpdateState, What, same_version};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a hub wants installed on one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateOrder {
    pub wave: String,
    pub version: String,
    /// Absent: the box's channel offers it.
    #[serde(default)]
    pub url: Option<String>,
    /// Only at night, by the box's settings.
    #[serde(default)]
    pub night: bool,
    /// Not any more, if it has not begun.
    #[serde(default)]
    pub recall: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderPhase {
    /// For the night, or for people and recordings: nothing is written yet.
    #[default]
    Waiting,
    Working,
    /// The version runs, and has passed its health check.
    Done,
    /// The box went back to the version before.
    RolledBack,
    Failed,
    /// The owner refuses updates of the fleet.
    Refused,
}

/// What a heartbeat says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OrderPulse {
    /// Id of the wave.
    #[schema(required)]
    pub wave: String,
    #[schema(required)]
    pub phase: OrderPhase,
    /// Why it is not done, in English.
    #[schema(required)]
    pub why: Option<String>,
}

/// What is known of the box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// That runs.
    pub version: &'a str,
    /// It has passed its health check.
    pub confirmed: bool,
    pub state: &'a UpdateState,
    /// What has happened since the order came, newest first.
    pub past: &'a [PastUpdate],
    /// What is installed, or waits to be, is this order's.
    pub began: bool,
    /// It is night, by the box's settings.
    pub night: bool,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Nothing,
    Install,
    Restart,
    /// What waits for somebody is given up.
    Cancel,
}

/// Where the order stands, and what follows.
pub(super) fn step(order: &UpdateOrder, facts: Facts<'_>) -> (OrderPhase, Option<String>, Act) {
    let wanted = |version: &str| same_version(version, &order.version);
    let over = |phase, why| (phase, why, Act::Nothing);
    if facts.confirmed && wanted(facts.version) {
        return over(OrderPhase::Done, None);
    }
    // What somebody here tried with another version says nothing of this one.
    let own = |past: &&PastUpdate| facts.began || past.version.as_deref().is_some_and(wanted);
    let fell = |past: &&PastUpdate| matches!(past.what, What::RolledBack | What::Failed);
    if let Some(past) = facts.past.iter().find(|past| fell(past) && own(past)) {
        let phase = match past.what {
            What::RolledBack => OrderPhase::RolledBack,
            _ => OrderPhase::Failed,
        };
        return over(phase, past.said());
    }
    let sleeps = order.night && !facts.night;
    let rests = matches!(facts.state, UpdateState::Idle | UpdateState::Failed { .. });
    let tried = facts.past.first().is_some_and(|past| past.what == What::Installed);
    if rests && (tried || wanted(facts.version)) {
        // The new version is being tried, or what became of it is about to be known.
        return (OrderPhase::Working, None, Act::Nothing);
    }
    match facts.state {
        UpdateState::Installed { version } if wanted(version) => match sleeps {
            true => (OrderPhase::Working, None, Act::Nothing),
            false => (OrderPhase::Working, None, Act::Restart),
        },
        UpdateState::Idle | UpdateState::Installed { .. } | UpdateState::Failed { .. } => {
            // What runs now is still being tried: nothing is installed over it.
            match sleeps || !facts.confirmed {
                true => (OrderPhase::Waiting, None, Act::Nothing),
                false => (OrderPhase::Waiting, None, Act::Install),
            }
        }
        // Somebody here installs something: it is theirs, and this comes after it.
        UpdateState::Waiting { .. } | UpdateState::Confirming { .. } if !facts.began => {
            (OrderPhase::Waiting, None, Act::Nothing)
        }
        UpdateState::Waiting { version, .. } if !wanted(version) => {
            let why = format!("the bundle is version {version}, and not {}", order.version);
            (OrderPhase::Failed, Some(why), Act::Cancel)
        }
        UpdateState::Waiting { .. } => (OrderPhase::Waiting, None, Act::Nothing),
        UpdateState::Confirming { version } => {
            let why = format!("the bundle is version {version}, which runs already");
            (OrderPhase::Failed, Some(why), Act::Cancel)
        }
        _ => (OrderPhase::Working, None, Act::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMs;
    use crate::updates::updater::Disturbed;

    fn past(what: What) -> PastUpdate {
        PastUpdate {
            id: "upd_1".to_owned(),
            at: UnixMs(1),
            what,
            version: Some("0.3".to_owned()),
            from_version: "0.2".to_owned(),
            why: None,
            detail: Some("its check failed".to_owned()),
            tries: None,
            boot_id: "a".to_owned(),
            slot: "B".to_owned(),
        }
    }

    #[test]
    fn an_order_is_carried_out_once_and_its_end_is_told() {
        use OrderPhase as P;
        let order = |night| UpdateOrder {
            wave: "wav_1".to_owned(),
            version: "0.3".to_owned(),
            url: None,
            night,
            recall: false,
        };
        let version = |version: &str| version.to_owned();
        let disturbed = Disturbed::default();
        let idle = UpdateState::Idle;
        let there = UpdateState::Installed { version: version("0.3.0") };
        let other = UpdateState::Installed { version: version("0.2.5") };
        let waits = UpdateState::Waiting { version: version("0.3"), disturbed };
        let wrong = UpdateState::Waiting { version: version("0.4"), disturbed };
        let same = UpdateState::Confirming { version: version("0.2") };
        let [fell, failed] = [What::RolledBack, What::Failed].map(|what| [past(what)]);
        let installed = [past(What::Installed)];
        let of_another = PastUpdate { version: version("0.4").into(), ..past(What::Failed) };
        // Runs, confirmed, state, what happened, night wanted, night now; this order began it.
        for (runs, confirmed, state, happened, wants, night, phase, act) in [
            ("0.2", true, &idle, &[][..], false, false, P::Waiting, Act::Install),
            ("0.2", true, &idle, &[], true, false, P::Waiting, Act::Nothing),
            ("0.2", true, &idle, &[], true, true, P::Waiting, Act::Install),
            ("0.2", false, &idle, &[], false, false, P::Waiting, Act::Nothing),
            ("0.2", true, &other, &[], false, false, P::Waiting, Act::Install),
            ("0.2", true, &UpdateState::Checking, &[], false, false, P::Working, Act::Nothing),
            ("0.2", true, &waits, &[], false, false, P::Waiting, Act::Nothing),
            ("0.2", true, &wrong, &[], false, false, P::Failed, Act::Cancel),
            ("0.2", true, &same, &[], false, false, P::Failed, Act::Cancel),
            ("0.2", true, &there, &installed, false, false, P::Working, Act::Restart),
            ("0.2", true, &there, &installed, true, false, P::Working, Act::Nothing),
            ("0.2", true, &UpdateState::Restarting, &[], false, false, P::Working, Act::Nothing),
            ("0.3", false, &idle, &installed, false, false, P::Working, Act::Nothing),
            ("0.3", false, &idle, &[], false, false, P::Working, Act::Nothing),
            ("0.2", true, &idle, &installed, false, false, P::Working, Act::Nothing),
            ("0.3", true, &idle, &installed, false, false, P::Done, Act::Nothing),
            ("0.2", true, &idle, &fell, false, false, P::RolledBack, Act::Nothing),
            ("0.2", true, &idle, &failed, false, false, P::Failed, Act::Nothing),
        ] {
            let began = true;
            let facts = Facts { version: runs, confirmed, state, past: happened, began, night };
            let (stands, _, does) = step(&order(wants), facts);
            assert_eq!((stands, does), (phase, act), "{runs} {state:?} {happened:?} {wants}");
        }
        // What somebody at the box does is theirs: the order waits, and has not failed by it.
        for (state, happened, phase, act) in [
            (&wrong, &[][..], P::Waiting, Act::Nothing),
            (&same, &[], P::Waiting, Act::Nothing),
            (&idle, std::slice::from_ref(&of_another), P::Waiting, Act::Install),
            (&idle, &fell, P::RolledBack, Act::Nothing),
            (&idle, &failed, P::Failed, Act::Nothing),
        ] {
            let (version, confirmed, began, night) = ("0.2", true, false, false);
            let facts = Facts { version, confirmed, state, past: happened, began, night };
            let (stands, _, does) = step(&order(false), facts);
            assert_eq!((stands, does), (phase, act), "{state:?} {happened:?}");
        }
    }
}
