//! What each room costs its shard, and how the connections of its people fare.

use crate::ids::RoomName;
use crate::sfu::Sfu;

/// Shares of packets that did not arrive in the last second, before anything was repaired: what
/// connections report of themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Loss {
    /// Sum of the shares (0 to 1) of what people sent, and how many connections told theirs: one may carry
    /// only one direction.
    pub incoming: (f64, u32),
    /// The same of what they were sent.
    pub outgoing: (f64, u32),
}

/// A room on one shard.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomLoad {
    pub room: RoomName,
    /// Those who live here.
    pub participants: u32,
    /// RTP packets of its tracks since it began, taken and sent; only grows.
    pub packets: u64,
    pub loss: Loss,
}

impl Loss {
    /// One more connection, as far as it is known.
    fn with(mut self, incoming: Option<f32>, outgoing: Option<f32>) -> Self {
        for (sum, share) in [(&mut self.incoming, incoming), (&mut self.outgoing, outgoing)] {
            if let Some(share) = share {
                *sum = (sum.0 + f64::from(share).clamp(0.0, 1.0), sum.1 + 1);
            }
        }
        self
    }

    /// Those of two shards.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |one: (f64, u32), other: (f64, u32)| (one.0 + other.0, one.1 + other.1);
        Self {
            incoming: sum(self.incoming, other.incoming),
            outgoing: sum(self.outgoing, other.outgoing),
        }
    }
}

impl Sfu {
    /// Counts a packet of a track, and those that were sent because of it.
    pub(crate) fn count_packets(&mut self, track: usize, packets: u64) {
        let room = self.tracks.get(track).map(|published| published.room);
        if let Some(room) = room.and_then(|room| self.rooms.get_mut(room)) {
            room.packets += packets;
        }
    }

    /// All rooms of this shard, also those that everybody left. Looks at every connection: not for each turn.
    pub fn room_loads(&self) -> Vec<RoomLoad> {
        let mut loads: Vec<RoomLoad> = Vec::new();
        let mut places = vec![None; self.rooms.capacity()];
        for (key, room) in &self.rooms {
            places[key] = Some(loads.len());
            let (room, packets) = (room.info.name.clone(), room.packets);
            loads.push(RoomLoad { room, participants: 0, packets, loss: Loss::default() });
        }
        let here = self.participants.iter().filter(|(_, one)| one.far.is_none());
        for (_, participant) in here {
            if let Some(place) = places.get(participant.room).copied().flatten() {
                loads[place].participants += 1;
            }
        }
        for (_, slot) in &self.peers {
            let room = self.participants.get(slot.participant).map(|one| one.room);
            let place = room.and_then(|room| places.get(room).copied().flatten());
            if let (Some(place), (incoming, outgoing)) = (place, slot.peer.lost()) {
                loads[place].loss = loads[place].loss.with(incoming, outgoing);
            }
        }
        loads
    }
}
