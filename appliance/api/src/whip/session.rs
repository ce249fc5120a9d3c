//! One WHIP or WHEP session: a pure state machine between HTTP requests and the room.
//!
//! ```text
//!             Joined            Answer              PATCH, new ufrag
//!   Joining ─────────► Offering ───────► Settled ◄──────────────────► Restarting
//!      │  Closed          │ OfferRefused    │ DELETE, key revoked, Closed   Answer, OfferRefused
//!      └──────────────────┴────────────────►└──► Closed
//! ```
//! The client offers once. A new ICE session is the same offer with new credentials, to the room an
//! offer like any other. It knows no socket and no clock; recorded offers are its tests.

use super::choice::Scene;
use super::fragment::{self, Fragment};
use super::offer::{self, Offer};
use roombox_control::conference::{
    Command, Event, Identity, LeaveReason, MediaKind, NewTrack, ParticipantId, TrackId,
    TrackRefusal, TrackSource, VideoCodecs,
};
use roombox_control::store::WhipScope;
use std::collections::BTreeSet;

/// What a session wants done.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Command(Box<Command>),
    /// The answer to the request that waits.
    Reply(Reply),
    /// It is over.
    Close,
}

/// What a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// To the offer: our answer, and the name of the ICE session.
    Answered {
        sdp: String,
        etag: String,
    },
    /// Candidates were taken note of.
    Trickled,
    /// ICE begins anew: our side of it, and its name.
    Restarted {
        fragment: String,
        etag: String,
    },
    Refused(Refusal),
}

/// Why a request is refused. The texts go to clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the offer cannot be used: {0}")]
    Unusable(String),
    #[error("this {kind} section has no codec that the box speaks: offer one of {spoken}")]
    NoCodec { kind: &'static str, spoken: String },
    #[error("this room takes video in {taken} only: have the sender use that")]
    CodecNotTaken { taken: String },
    #[error("the room is full: somebody must leave first")]
    RoomFull,
    #[error("the track cannot be published: {0}")]
    Track(String),
    #[error("the session has ended: begin a new one")]
    Ended,
    #[error("this is of an older ICE session: send the ETag of the newest one in If-Match")]
    OldIceSession,
    #[error("the request needs If-Match: the session's ETag, or * to restart ICE")]
    NoIfMatch,
    #[error("ICE cannot be restarted now: {0}")]
    NoRestart(String),
}

#[derive(Debug)]
enum State {
    Joining,
    Offering,
    Settled {
        etag: String,
    },
    /// `before` is what holds if the new one is refused.
    Restarting {
        etag: String,
        before: Box<Offer>,
    },
    Closed,
}

/// How a session begins.
pub(super) struct SessionStart {
    pub participant: ParticipantId,
    pub scope: WhipScope,
    pub offer: Offer,
    /// Whom a player wants to see alone.
    pub only: Option<Identity>,
}

pub(super) struct Session {
    me: ParticipantId,
    scope: WhipScope,
    offer: Offer,
    state: State,
    /// Number of the last offer to the room.
    offers: u32,
    scene: Scene,
    /// In which the room takes pictures, as it said at the join.
    codecs: VideoCodecs,
    subscribed: BTreeSet<TrackId>,
}

impl Session {
    pub(super) fn new(start: SessionStart) -> Self {
        Self {
            me: start.participant,
            scope: start.scope,
            offer: start.offer,
            state: State::Joining,
            offers: 0,
            scene: Scene::of(start.only),
            codecs: VideoCodecs::default(),
            subscribed: BTreeSet::new(),
        }
    }

    /// Takes an event of the room. `new_id` makes track ids.
    pub(super) fn event(&mut self, event: Event, new_id: impl FnMut() -> String) -> Vec<Action> {
        if matches!(self.state, State::Closed) {
            return Vec::new();
        }
        match event {
            Event::Joined { room, others, .. } => {
                self.state = State::Offering;
                self.codecs = room.video_codecs;
                let mut actions = match self.scope {
                    WhipScope::Publish => self.announce(new_id),
                    WhipScope::Watch => {
                        self.scene.changed(others);
                        self.look()
                    }
                };
                actions.push(self.offer());
                actions
            }
            Event::Answer { id, sdp, .. } if id == self.offers => self.answered(sdp),
            Event::OfferRefused { id, reason } if id == self.offers => self.refused(reason),
            Event::Room(room) => {
                self.codecs = room.video_codecs;
                Vec::new()
            }
            Event::TrackRefused { why: TrackRefusal::NoCodec, .. } => {
                let taken = offer::names(self.codecs);
                self.give_up(Refusal::CodecNotTaken { taken })
            }
            Event::TrackRefused { why, .. } => self.give_up(Refusal::Track(why.to_string())),
            Event::Participants(infos) if self.scope == WhipScope::Watch => {
                self.scene.changed(infos.into_iter().filter(|info| info.id != self.me).collect());
                self.look()
            }
            Event::Speakers(levels) if self.scope == WhipScope::Watch => {
                self.scene.spoke(levels);
                self.look()
            }
            Event::Closed { reason } => self.closed(reason),
            // There is no way to tell the client; and what a moderator mutes the room itself stops.
            _ => Vec::new(),
        }
    }

    /// Takes a PATCH.
    pub(super) fn patch(&mut self, if_match: Option<&str>, fragment: Fragment) -> Vec<Action> {
        let State::Settled { etag } = &self.state else {
            return refuse(match self.state {
                State::Restarting { .. } => {
                    Refusal::NoRestart("another restart is under way".to_owned())
                }
                _ => Refusal::Ended,
            });
        };
        match if_match {
            None => return refuse(Refusal::NoIfMatch),
            Some(condition) if !matches(condition, etag) => return refuse(Refusal::OldIceSession),
            Some(_) => {}
        }
        // Without new credentials it is about candidates, which we learn from the client's checks.
        let Some(ice) = fragment.ice.filter(|ice| *ice != self.offer.ice) else {
            return vec![Action::Reply(Reply::Trickled)];
        };
        let offer = self.offer.with_credentials(ice);
        let before = Box::new(std::mem::replace(&mut self.offer, offer));
        self.state = State::Restarting { etag: etag.clone(), before };
        vec![self.offer()]
    }

    /// Ends it: by the client, or because its key was revoked.
    pub(super) fn end(&mut self, reason: LeaveReason) -> Vec<Action> {
        if matches!(self.state, State::Closed) {
            return vec![Action::Close];
        }
        self.state = State::Closed;
        vec![self.command(|participant| Command::Leave { participant, reason }), Action::Close]
    }

    fn command(&self, make: impl FnOnce(ParticipantId) -> Command) -> Action {
        Action::Command(Box::new(make(self.me.clone())))
    }

    fn offer(&mut self) -> Action {
        self.offers += 1;
        let (id, sdp) = (self.offers, self.offer.sdp.clone());
        self.command(|participant| Command::Offer { participant, id, sdp })
    }

    /// Announces a track for each section: the room ties them together by the track's id in the offer
    /// or, where there is none, by their order.
    fn announce(&self, mut new_id: impl FnMut() -> String) -> Vec<Action> {
        let mut taken = BTreeSet::new();
        let sections = self.offer.sections.iter();
        let announced = sections.map(|section| {
            let named = section.msid_track.as_ref().filter(|id| taken.insert((*id).clone()));
            let track = NewTrack {
                id: new_id().into(),
                cid: named.cloned().unwrap_or_else(|| format!("section {}", section.mid)),
                name: String::new(),
                kind: section.kind,
                source: match section.kind {
                    MediaKind::Audio => TrackSource::Microphone,
                    MediaKind::Video => TrackSource::Camera,
                },
                muted: false,
                width: section.layers.last().map_or(0, |best| best.width),
                height: section.layers.last().map_or(0, |best| best.height),
                encrypted: false,
                layers: section.layers.clone(),
                codec: None,
                backup: None,
                no_red: false,
                note: [].into(),
            };
            self.command(|participant| Command::AddTrack { participant, track: Box::new(track) })
        });
        announced.collect()
    }

    /// Subscribes to what should be seen and heard now.
    fn look(&mut self) -> Vec<Action> {
        if matches!(self.state, State::Closed) {
            return Vec::new();
        }
        let (audios, videos) =
            (self.offer.count(MediaKind::Audio), self.offer.count(MediaKind::Video));
        let chosen = self.scene.choose(audios, videos);
        let gone = self.subscribed.difference(&chosen).cloned().collect();
        let new = chosen.difference(&self.subscribed).cloned().collect();
        self.subscribed = chosen;
        // First what frees a section, then what needs one.
        [(gone, false), (new, true)]
            .into_iter()
            .filter(|(tracks, _): &(Vec<TrackId>, bool)| !tracks.is_empty())
            .map(|(tracks, on)| {
                self.command(|participant| Command::Subscribe { participant, tracks, on })
            })
            .collect()
    }

    fn answered(&mut self, sdp: String) -> Vec<Action> {
        if let Some(kind) = offer::rejected(&sdp) {
            let spoken = offer::spoken(kind);
            return self.give_up(Refusal::NoCodec { kind, spoken });
        }
        let Some(ice) = offer::IceCredentials::of(sdp.lines()) else {
            return self.give_up(Refusal::Unusable("the answer has no ICE credentials".to_owned()));
        };
        // New with every ICE session, and nobody else's.
        let etag = format!("\"{}\"", ice.ufrag);
        let first = matches!(self.state, State::Offering);
        self.state = State::Settled { etag: etag.clone() };
        let reply = match first {
            true => Reply::Answered { sdp, etag },
            false => Reply::Restarted { fragment: fragment::of_answer(&sdp), etag },
        };
        vec![Action::Reply(reply)]
    }

    fn refused(&mut self, reason: String) -> Vec<Action> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Restarting { etag, before } => {
                self.offer = *before;
                self.state = State::Settled { etag };
                refuse(Refusal::NoRestart(reason))
            }
            state => {
                self.state = state;
                self.give_up(Refusal::Unusable(reason))
            }
        }
    }

    fn give_up(&mut self, refusal: Refusal) -> Vec<Action> {
        let mut actions = refuse(refusal);
        actions.extend(self.end(LeaveReason::JoinFailed));
        actions
    }

    fn closed(&mut self, reason: LeaveReason) -> Vec<Action> {
        let refusal = match (&self.state, reason) {
            (State::Joining, LeaveReason::JoinFailed) => Refusal::RoomFull,
            _ => Refusal::Ended,
        };
        self.state = State::Closed;
        vec![Action::Reply(Reply::Refused(refusal)), Action::Close]
    }
}

fn refuse(refusal: Refusal) -> Vec<Action> {
    vec![Action::Reply(Reply::Refused(refusal))]
}

/// If-Match (RFC 9110 §13.1.1): any, or one of these. Weak ones match nothing.
fn matches(condition: &str, etag: &str) -> bool {
    condition.split(',').map(str::trim).any(|one| one == "*" || one == etag)
}

#[cfg(test)]
mod tests;

/// Entry for the fuzzer: any text as an offer and as a fragment, to send and to watch.
pub fn fuzz_whip(text: &str) {
    let fragment = Fragment::read(text);
    for scope in [WhipScope::Publish, WhipScope::Watch] {
        let Ok(offer) = Offer::read(text, scope) else { continue };
        assert!(offer.sections.iter().all(|section| !section.mid.is_empty()));
        let again = Offer::read(&offer.sdp, scope);
        assert_eq!(again.as_ref(), Ok(&offer), "what was put right stays as it is");
        let start = SessionStart { participant: "PA_fuzz".into(), scope, offer, only: None };
        let mut session = Session::new(start);
        session.state = State::Offering;
        session.event(Event::Answer { id: 0, sdp: text.to_owned(), tracks: Vec::new() }, || {
            "TR_fuzz".to_owned()
        });
        if let Some(fragment) = fragment.clone() {
            session.patch(Some("*"), fragment);
        }
        session.end(LeaveReason::ClientLeft);
    }
}
