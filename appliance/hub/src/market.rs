//! Who does whose job: what boxes offer and which are free in, pairs out. Pure: time is an argument.
//!
//! Nothing here is a promise. Whoever is asked claims the job from the box that offers it, whose desk
//! decides; who does not is asked for nothing of that box for a while, and somebody else is.

use roombox_control::fleet::{BoxOffer, BoxPulse};
use roombox_federation::subjects::BoxId;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Who was asked has claimed by now, and both sides have said so.
const ANSWER: Duration = Duration::from_secs(20);
/// Who did not claim, or gave the job back, is not asked again for so long.
const APART: Duration = Duration::from_secs(120);

/// Somebody who is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub to: BoxId,
    pub origin: BoxId,
    pub offer: BoxOffer,
}

#[derive(Debug)]
struct Asked {
    number: u32,
    to: BoxId,
    at: Duration,
}

/// What was asked, and of whom nothing is asked.
#[derive(Debug, Default)]
pub struct Market {
    asked: HashMap<(BoxId, String), Asked>,
    /// Who was asked and has not said yet that it is busy: until when it counts as such.
    busy: HashMap<BoxId, Duration>,
    /// Until when a box does nothing for another one: it cannot reach it, or will not.
    apart: HashMap<(BoxId, BoxId), Duration>,
    /// Until when a box does not get a job that it had.
    spoiled: HashMap<(String, BoxId), Duration>,
    /// When a job of a box was given last.
    served: HashMap<BoxId, Duration>,
}

impl Market {
    /// Whom to ask for what now. `boxes`: those that are alive.
    pub fn look(&mut self, now: Duration, boxes: &[(BoxId, BoxPulse)]) -> Vec<Pair> {
        self.forget(now, boxes);
        let mut free: Vec<(u64, &BoxId)> = boxes
            .iter()
            .filter(|(id, _)| !self.busy.contains_key(id))
            .filter_map(|(id, pulse)| Some((pulse.minute_ms?, id)))
            .collect();
        // The quickest first.
        free.sort();
        let mut origins: Vec<_> =
            boxes.iter().filter(|(_, pulse)| !pulse.offers.is_empty()).collect();
        // Who has waited longest first, so that a box with many jobs does not take all.
        origins.sort_by_key(|(id, _)| (self.served.get(id).copied(), id.clone()));
        let mut pairs = Vec::new();
        let most = origins.iter().map(|(_, pulse)| pulse.offers.len()).max().unwrap_or(0);
        for turn in 0..most {
            for (origin, pulse) in &origins {
                let Some(offer) = pulse.offers.get(turn) else { continue };
                let key = (origin.clone(), offer.job.clone());
                if self.asked.contains_key(&key) {
                    continue;
                }
                let may = |to: &BoxId| {
                    let apart = self.apart.contains_key(&(origin.clone(), to.clone()));
                    let spoiled = self.spoiled.contains_key(&(offer.job.clone(), to.clone()));
                    to != origin && !apart && !spoiled
                };
                let Some(at) = free.iter().position(|(_, to)| may(to)) else { continue };
                let (_, to) = free.remove(at);
                let asked = Asked { number: offer.number, to: to.clone(), at: now };
                self.asked.insert(key, asked);
                self.busy.insert(to.clone(), now + ANSWER);
                self.served.insert(origin.clone(), now);
                let (to, origin) = (to.clone(), origin.clone());
                pairs.push(Pair { to, origin, offer: offer.clone() });
            }
        }
        pairs
    }

    /// What became of those who were asked.
    fn forget(&mut self, now: Duration, boxes: &[(BoxId, BoxPulse)]) {
        self.apart.retain(|_, until| *until > now);
        self.spoiled.retain(|_, until| *until > now);
        self.busy.retain(|_, until| *until > now);
        for (id, _) in boxes.iter().filter(|(_, pulse)| pulse.minute_ms.is_none()) {
            // From here on it speaks for itself.
            self.busy.remove(id);
        }
        let alive: HashSet<&BoxId> = boxes.iter().map(|(id, _)| id).collect();
        self.served.retain(|id, _| alive.contains(id));
        let offers: HashMap<(&BoxId, &str), u32> = boxes
            .iter()
            .flat_map(|(id, pulse)| {
                pulse.offers.iter().map(move |offer| ((id, offer.job.as_str()), offer.number))
            })
            .collect();
        let (apart, spoiled) = (&mut self.apart, &mut self.spoiled);
        self.asked.retain(|(origin, job), asked| {
            let number = offers.get(&(origin, job.as_str())).copied();
            let since = now.saturating_sub(asked.at);
            match number {
                // It is offered once more: that attempt came to nothing.
                Some(number) if number > asked.number => {
                    spoiled.insert((job.clone(), asked.to.clone()), now + APART);
                    false
                }
                Some(_) if since >= ANSWER => {
                    apart.insert((origin.clone(), asked.to.clone()), now + APART);
                    false
                }
                Some(_) => true,
                // It runs, or is done: the number is remembered for as long as it could matter.
                None => since < APART,
            }
        });
    }
}

#[cfg(test)]
mod tests;
