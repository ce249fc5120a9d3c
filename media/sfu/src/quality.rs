//! How well each participant's connection carries the meeting, in the words that clients show.
//!
//! The scale is the E-model's (ITU-T G.107): 93 is undisturbed speech, losses and delay take away
//! from it. It judges packets before anything is repaired, as their loss is what people with bad
//! networks want to know about.

use crate::event::Event;
use crate::ids::ParticipantId;
use crate::participant::Participant;
use crate::relay::Word;
use crate::sfu::Sfu;
use crate::track::MediaKind;
use std::time::{Duration, Instant};

/// Connections are judged this often, each time by what happened since.
pub(crate) const JUDGED: Duration = Duration::from_secs(5);
/// Other shards need not know of a smaller change of a score.
const SCORE_STEP: f32 = 0.05;
/// What the E-model's default values add up to.
const UNDISTURBED: f64 = 93.2;
/// Percent of lost packets that halve what is left, for Opus with its concealment (`Bpl`).
const ROBUSTNESS: f64 = 20.0;
/// One way from mouth to ear besides the network: capture, encoding, jitter buffer.
const OWN_DELAY: Duration = Duration::from_millis(60);
/// Below these ratings (G.109's categories) a connection is no longer excellent, no longer good.
const EXCELLENT: f64 = 80.0;
const GOOD: f64 = 60.0;

/// How good a connection is. Clients show it as bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Neither media nor signalling arrive. Only others are told so: a client that hears it of
    /// itself gives up a connection that may come back.
    Lost,
    Poor,
    Good,
    Excellent,
}

/// The quality of one participant's connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionQuality {
    pub participant: ParticipantId,
    pub quality: Quality,
    /// Mean opinion score, 1 (bad) to 4.5, estimated from the rating (ITU-T G.107 annex B).
    pub score: f32,
}

/// What a connection went through since it was judged.
#[derive(Debug, Default)]
pub(crate) struct Strain {
    looks: u32,
    lost_in: f64,
    lost_out: f64,
    round_trips: Duration,
}

/// What somebody wants and the connection does not carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shortage {
    #[default]
    Nothing,
    /// A picture is smaller than wanted.
    Detail,
    /// A picture is missing.
    Picture,
}

impl Strain {
    /// Takes the shares of packets that were lost in the last second on the way in and out, and the
    /// round trip, as far as they are known.
    pub(crate) fn look(
        &mut self,
        lost_in: Option<f32>,
        lost_out: Option<f32>,
        round_trip: Option<Duration>,
    ) {
        self.looks += 1;
        self.lost_in += f64::from(lost_in.unwrap_or(0.0)).clamp(0.0, 1.0);
        self.lost_out += f64::from(lost_out.unwrap_or(0.0)).clamp(0.0, 1.0);
        self.round_trips += round_trip.unwrap_or_default();
    }

    /// The rating of what was seen since the last one. The worse direction counts.
    pub(crate) fn rating(&mut self) -> f64 {
        let Self { looks, lost_in, lost_out, round_trips } = std::mem::take(self);
        let looks = looks.max(1);
        let lost = 100.0 * lost_in.max(lost_out) / f64::from(looks);
        let delay = (round_trips / looks / 2 + OWN_DELAY).as_secs_f64() * 1000.0;
        let late = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
        let gaps = 95.0 * lost / (lost + ROBUSTNESS);
        (UNDISTURBED - late - gaps).clamp(0.0, UNDISTURBED)
    }
}

impl Shortage {
    /// The best rating that such a shortage leaves.
    fn limit(self) -> f64 {
        match self {
            Self::Nothing => UNDISTURBED,
            Self::Detail => EXCELLENT - 5.0,
            Self::Picture => GOOD - 10.0,
        }
    }
}

fn quality(rating: f64) -> Quality {
    match rating {
        EXCELLENT.. => Quality::Excellent,
        GOOD.. => Quality::Good,
        _ => Quality::Poor,
    }
}

/// ITU-T G.107 annex B. Its cubic dips below 1 for very bad ratings.
fn mean_opinion_score(rating: f64) -> f32 {
    let score = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    score.clamp(1.0, 4.5) as f32
}

impl Sfu {
    /// Judges all connections and tells of those that changed. Whoever came since hears of all.
    pub(crate) fn judge_connections(&mut self, now: Instant) {
        let rooms: Vec<usize> = self.rooms.iter().map(|(key, _)| key).collect();
        for room in rooms {
            let people = self.rooms[room].participants.clone();
            let (mut changed, mut moved) = (Vec::new(), Vec::new());
            for key in people.iter().copied() {
                let before = self.participants[key].score;
                if self.judge(now, key) {
                    changed.push(key);
                    moved.push(key);
                } else if (self.participants[key].score - before).abs() > SCORE_STEP {
                    moved.push(key);
                }
            }
            for key in &moved {
                let Participant { info, quality, score, .. } = &self.participants[*key];
                let (participant, quality, score) = (info.id.clone(), *quality, *score);
                let name = self.rooms[room].info.name.clone();
                self.spread(room, None, || Word::Judged {
                    room: name.clone(),
                    participant: participant.clone(),
                    quality,
                    score,
                });
            }
            for listener in &people {
                let newcomer = !std::mem::replace(&mut self.participants[*listener].knows, true);
                let news = if newcomer { &people } else { &changed };
                self.tell_quality(*listener, news);
            }
        }
    }

    /// True if the participant's quality is another than it was.
    fn judge(&mut self, now: Instant, key: usize) -> bool {
        let found = &self.participants[key];
        if found.far.is_some() {
            return false;
        }
        let connections = [found.publisher, found.subscriber];
        let lost =
            found.lost_since.is_some_and(|since| now.saturating_duration_since(since) >= JUDGED);
        let shortage = found.allocator.shortage().max(self.unsent(key));
        let mut rating = shortage.limit();
        for peer in connections.into_iter().flatten() {
            if let Some(slot) = self.peers.get_mut(peer) {
                rating = rating.min(slot.peer.rating());
            }
        }
        let now = if lost { Quality::Lost } else { quality(rating) };
        let found = &mut self.participants[key];
        found.score = if lost { 1.0 } else { mean_opinion_score(rating) };
        std::mem::replace(&mut found.quality, now) != now
    }

    /// What others want of a participant's pictures and it does not send: its way to us is narrow,
    /// or its processor slow.
    fn unsent(&self, key: usize) -> Shortage {
        let tracks = self.participants[key].by_mid.values();
        let short = tracks.filter_map(|track| self.tracks.get(*track)).any(|published| {
            published.info.kind == MediaKind::Video
                && !published.info.muted
                && published.announced
                && published.demand.told().is_some_and(|told| !published.layers.sends(told))
        });
        if short { Shortage::Detail } else { Shortage::Nothing }
    }

    /// Tells one participant the quality of others who publish, and its own.
    pub(crate) fn tell_quality(&mut self, listener: usize, news: &[usize]) {
        let mut told = Vec::new();
        for key in news {
            let found = &self.participants[*key];
            let own = *key == listener;
            if own && found.quality == Quality::Lost {
                continue;
            }
            if own || (self.sees(listener, *key) && !found.info.tracks.is_empty()) {
                told.push(ConnectionQuality {
                    participant: found.info.id.clone(),
                    quality: found.quality,
                    score: found.score,
                });
            }
        }
        if !told.is_empty() {
            self.tell(listener, Event::Quality(told));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(lost_in: f32, lost_out: f32, round_trip: u64) -> f64 {
        let mut strain = Strain::default();
        for _ in 0..5 {
            let round_trip = Some(Duration::from_millis(round_trip));
            strain.look(Some(lost_in), Some(lost_out), round_trip);
        }
        strain.rating()
    }

    #[test]
    fn losses_and_delay_make_a_connection_worse_and_the_worse_direction_counts() {
        let quality = |lost_in, lost_out, ms| quality(rating(lost_in, lost_out, ms));
        assert_eq!(quality(0.0, 0.0, 20), Quality::Excellent);
        assert_eq!(quality(0.02, 0.0, 50), Quality::Excellent, "Opus conceals that");
        assert_eq!(quality(0.05, 0.0, 50), Quality::Good);
        assert_eq!(quality(0.0, 0.05, 50), Quality::Good);
        assert_eq!(quality(0.0, 0.15, 50), Quality::Poor);
        assert_eq!(quality(0.0, 0.0, 500), Quality::Good, "satellite");
        assert_eq!(quality(0.0, 0.0, 1200), Quality::Poor);
        assert_eq!(quality(1.0, 1.0, 60_000), Quality::Poor);
    }

    #[test]
    fn what_was_judged_counts_no_more_and_the_unknown_is_no_loss() {
        let mut strain = Strain::default();
        strain.look(Some(1.0), None, None);
        assert_eq!(quality(strain.rating()), Quality::Poor);
        strain.look(None, None, None);
        assert_eq!(quality(strain.rating()), Quality::Excellent);
        assert_eq!(quality(strain.rating()), Quality::Excellent, "nothing was seen at all");
    }

    #[test]
    fn scores_are_those_of_the_e_model() {
        for (rating, score) in
            [(93.2, 4.41), (80.0, 4.02), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
        {
            let told = mean_opinion_score(rating);
            assert!((told - score).abs() < 0.01, "{rating}: {told}");
        }
        assert_eq!(mean_opinion_score(0.0), 1.0);
        assert_eq!(mean_opinion_score(5.0), 1.0);
    }

    #[test]
    fn a_missing_picture_is_poor_and_a_small_one_good_whatever_arrives() {
        assert_eq!(quality(Shortage::Nothing.limit()), Quality::Excellent);
        assert_eq!(quality(Shortage::Detail.limit()), Quality::Good);
        assert_eq!(quality(Shortage::Picture.limit()), Quality::Poor);
    }
}
