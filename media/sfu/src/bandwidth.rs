//! What a participant's connection carries, divided among what it receives: from the estimate and
//! the wishes to the layer of each subscription, and what the client is told of it.

use crate::allocate::{Importance, Want};
use crate::event::{Event, StreamState};
use crate::forward::Target;
use crate::ids::{ParticipantId, TrackId};
use crate::participant::Participant;
use crate::quality::Shortage;
use crate::sfu::Sfu;
use crate::track::{MediaKind, TrackSource};
use std::time::{Duration, Instant};

/// Measured bitrates change and waits end by time alone: everybody's bandwidth is divided anew this
/// often.
pub(crate) const DIVIDED_ANEW: Duration = Duration::from_millis(500);
/// Whoever spoke last counts as speaking for so long: pauses of breath and thought move no pictures.
const SPEAKING: Duration = Duration::from_secs(3);

impl Sfu {
    /// A connection's estimate changed.
    pub(crate) fn estimated(&mut self, peer: usize) {
        if let Some(slot) = self.peers.get(peer) {
            self.divide_soon(slot.participant);
        }
    }

    /// What the connection that a participant receives on can carry, in bits per second, headers
    /// and all; `None` while that is not known.
    pub fn estimate(&self, id: &ParticipantId) -> Option<u64> {
        let found = &self.participants[*self.participant_keys.get(id)?];
        self.peers.get(found.subscriber?)?.peer.estimate()
    }

    /// Has a participant's bandwidth divided anew before anything else is answered.
    pub(crate) fn divide_soon(&mut self, key: usize) {
        if !self.undivided.contains(&key) {
            self.undivided.push(key);
        }
    }

    /// Has everybody's bandwidth divided anew.
    pub(crate) fn divide_all(&mut self) {
        self.undivided = self.participants.iter().map(|(key, _)| key).collect();
    }

    /// Divides the bandwidth of all who wait for it.
    pub(crate) fn divide_due(&mut self, now: Instant) {
        while let Some(key) = self.undivided.pop() {
            self.divide(now, key);
        }
    }

    /// Decides which layer of each track one participant gets, as its wishes and the estimate of its
    /// connection have it.
    fn divide(&mut self, now: Instant, key: usize) {
        let Some(peer) = self.participants.get(key).and_then(|found| found.subscriber) else {
            return;
        };
        let (audio, wants) = self.wants(now, key);
        let estimate = self.peers.get(peer).and_then(|slot| slot.peer.estimate());
        let found = &mut self.participants[key];
        let belief = found.doubt.believed(now, estimate, wants.is_empty());
        let belief = found.pretence.narrowed(belief);
        let given = found.allocator.allocate(now, belief, audio, &wants);
        tracing::trace!(participant = %found.info.id, ?belief, audio, ?wants, ?given, "divided");
        // A link that only seems narrow is not worth a trial.
        let doubtful = belief.is_some() && !found.pretence.is_narrow();
        let paused = doubtful && found.allocator.shortage() == Shortage::Picture;
        let Participant { wishes, info, .. } = found;
        let (mut keyframes, mut states) = (Vec::new(), Vec::new());
        for (track, wish) in wishes {
            let Some(published) = self.tracks.get_mut(wish.encoding) else { continue };
            let layer = match given.layers.get(track) {
                Some(given) => *given,
                // Nobody looks, or nothing is sent: it goes on as the client wants it.
                None => (!wish.settings.disabled).then(|| published.layers.choose(&wish.settings)),
            };
            let target = layer.map(|layer| Target {
                layer,
                temporal: published.layers.temporal(layer, &wish.settings),
            });
            let publisher = published.participant;
            let Some(forward) = published.forwards.iter_mut().find(|f| f.participant == key) else {
                continue;
            };
            forward.aim(target);
            if forward.needs_keyframe() {
                keyframes.push((wish.encoding, forward.wanted()));
            }
            let paused = layer.is_none();
            if given.layers.contains_key(track) && wish.paused != paused {
                wish.paused = paused;
                states.push((publisher, published.info.id.clone(), paused));
            }
        }
        if !states.is_empty() {
            tracing::debug!(participant = %info.id, ?belief, ?states, "streams");
            self.tell_streams(key, states);
        }
        let Self { outputs, timers, peers, participants, .. } = self;
        if let Some(slot) = peers.get_mut(peer) {
            let needed = paused.then_some(given.minimum);
            let tried = participants[key].doubt.judge(now, needed, slot.peer.is_troubled());
            if let Some(tried) = tried {
                slot.peer.estimate_anew(now, tried);
            }
            slot.peer.set_bitrate(now, given.minimum, given.desired);
            Self::after_write(outputs, timers, peer, slot);
        }
        for (track, layer) in keyframes {
            if self.tracks.contains(track) {
                self.ask_keyframe(now, track, layer);
            }
        }
    }

    /// What a participant's connection carries besides choice (audio, in bits per second), and what
    /// there is to choose of.
    fn wants(&self, now: Instant, key: usize) -> (u64, Vec<Want>) {
        let (mut audio, mut wants) = (0, Vec::new());
        for (track, wish) in &self.participants[key].wishes {
            let encoding = self.tracks.get(wish.encoding);
            let Some(published) = encoding.filter(|_| wish.mid.is_some()) else {
                continue;
            };
            let settings = &wish.settings;
            if settings.disabled {
                continue;
            }
            let layers = published.layers.costs(now, settings);
            if published.info.kind == MediaKind::Audio {
                audio += layers.iter().map(|layer| layer.bps).sum::<u64>();
                continue;
            }
            if layers.is_empty() {
                continue;
            }
            let spoke = self.participants[published.participant].spoke_at;
            let importance = Importance {
                screen: published.info.source == TrackSource::ScreenShare,
                priority: settings.priority,
                speaking: spoke.is_some_and(|at| now.saturating_duration_since(at) < SPEAKING),
                pixels: u64::from(settings.width) * u64::from(settings.height),
            };
            wants.push(Want { track: *track, importance, layers });
        }
        (audio, wants)
    }

    fn tell_streams(&mut self, key: usize, states: Vec<(usize, TrackId, bool)>) {
        let states = states
            .into_iter()
            .map(|(publisher, track, paused)| StreamState {
                publisher: self.participants[publisher].info.id.clone(),
                track,
                paused,
            })
            .collect();
        self.tell(key, Event::Streams(states));
    }

    /// Tells a client that was away which streams are paused: what it heard before may be old.
    pub(crate) fn tell_streams_again(&mut self, key: usize) {
        let wishes = &self.participants[key].wishes;
        let videos = wishes.iter().filter_map(|(track, wish)| {
            let published = self.tracks.get(*track).filter(|_| wish.mid.is_some())?;
            (published.info.kind == MediaKind::Video)
                .then(|| (published.participant, published.info.id.clone(), wish.paused))
        });
        let states: Vec<_> = videos.collect();
        if !states.is_empty() {
            self.tell_streams(key, states);
        }
    }
}
