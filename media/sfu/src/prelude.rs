//! What is sent of a track that sends nothing, to programs that hear of a track by its first packet.
//!
//! Pion, and so LiveKit's SDK for Go, tells of a track when a packet of it has come. Of one that was muted
//! before they came none does: such a program would not know of it until it is unmuted. So a stream on which
//! nothing comes begins without its track: with empty packets for a picture, with silence for a voice. As
//! with livekit-server that begins after a tenth of a second and ends with the track's own first packet, after
//! five seconds at the latest; packets may be lost. Browsers tell of a track by the description, and get none.

use crate::forward::{Egress, EgressPacket};
use crate::peer::ExtensionValues;
use crate::sfu::Sfu;
use crate::track::MediaKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The track's own first packet may be on its way.
const WAIT: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// Ticks a second of Opus (RFC 7587) and of pictures.
const AUDIO_CLOCK: u32 = 48_000;
const VIDEO_CLOCK: u32 = 90_000;
/// Twenty milliseconds of silence in Opus (RFC 6716): one frame, full band, one channel.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

impl Sfu {
    /// Sends one packet in place of each track that should have begun and has not.
    pub(crate) fn play_preludes(&mut self, now: Instant) {
        let Self { participants, tracks, peers, outputs, timers, counters, .. } = self;
        for (key, found) in participants.iter().filter(|(_, found)| found.hears_by_packets) {
            for wish in found.wishes.values().filter(|wish| wish.mid.is_some()) {
                let Some(published) = tracks.get_mut(wish.encoding) else { continue };
                let (kind, codec) = (published.info.kind, published.info.codec);
                let forward = published.forwards.iter_mut().find(|f| f.participant == key);
                let (Some(codec), Some(forward)) = (codec, forward) else { continue };
                let silent = forward.silent_for(now);
                if !silent.is_some_and(|silent| (WAIT..WAIT + LONGEST).contains(&silent)) {
                    continue;
                }
                let Some(slot) = peers.get_mut(forward.peer) else { continue };
                let payload_type = slot.peer.payload_type(forward.mid, codec, false);
                let Some(payload_type) = payload_type else { continue };
                let (clock_rate, payload): (u32, Arc<[u8]>) = match kind {
                    MediaKind::Audio => (AUDIO_CLOCK, Arc::from(SILENCE)),
                    MediaKind::Video => (VIDEO_CLOCK, Arc::from([])),
                };
                let packet = EgressPacket {
                    payload_type,
                    codec,
                    numbers: forward.number_before(now, clock_rate),
                    marker: kind == MediaKind::Video,
                    payload: &payload,
                    extensions: &ExtensionValues::default(),
                    at: now,
                };
                if slot.peer.send(now, forward.mid, &packet) {
                    counters.rtp_out += 1;
                }
                Self::after_write(outputs, timers, forward.peer, slot);
            }
        }
    }
}
