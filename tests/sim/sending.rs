//! What a client sends of the tracks that it publishes.

use super::{Client, KEYFRAME, PACKET, Publishing, RIDS, SPEECH, SPEECH_BYTES, SPEECH_CLOCK};
use crate::picture::{self, CLOCK, FRAME, Mark};
use std::time::Instant;
use str0m::format::Codec;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

impl Client {
    pub(super) fn send_speech(&mut self, now: Instant, n: usize) {
        let track = &mut self.publishing[n];
        track.next = now + SPEECH;
        track.frame += 1;
        let (Some(mid), frame) = (track.mid.filter(|_| self.connected), track.frame) else {
            return;
        };
        let state = &mut track.states[0];
        state.seq += 1;
        let (seq, time) = (state.seq, frame.wrapping_mul(SPEECH_CLOCK / 50));
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            let pt = Pt::new_with_value(111);
            let extensions = ExtensionValues {
                audio_level: self.level,
                // Without it str0m leaves the level out.
                voice_activity: self.level.map(|level| level > -50),
                ..ExtensionValues::default()
            };
            let write = RtpWrite::new(pt, seq.into(), time, now, vec![0x5a; SPEECH_BYTES]);
            stream.write_rtp(write.ext_vals(extensions));
            self.drain(now);
        }
    }

    pub(super) fn send_frame(&mut self, now: Instant, n: usize) {
        let track = &mut self.publishing[n];
        track.next = now + FRAME;
        track.frame += 1;
        let Some(mid) = track.mid.filter(|_| self.connected) else {
            return;
        };
        let (number, frame, layers) = (track.number, track.frame, track.layers);
        if track.h264 {
            self.send_plain_frame(now, n, mid);
            return;
        }
        for (layer, name) in RIDS.iter().enumerate().take(layers) {
            let rid = (layers > 1).then(|| Rid::from(*name));
            let state = &mut self.publishing[n].states[layer];
            let keyframe = std::mem::take(&mut state.keyframe_wanted) || frame % 250 == 1;
            state.picture_id = (state.picture_id + 1) & 0x7fff;
            state.since_keyframe = if keyframe { 0 } else { state.since_keyframe + 1 };
            let (temporal, back, synchronous) = picture::tier(state.since_keyframe);
            let needs = if keyframe { 0 } else { frame - back };
            state.tl0 = state.tl0.wrapping_add(u8::from(temporal == 0));
            let bytes = self.publishing[n].bitrates[layer] / 8 / 25;
            // Keyframes are rare: they make up for nothing.
            let bytes = if keyframe { bytes * KEYFRAME } else { bytes };
            let (parts, filling) = match bytes {
                0 if keyframe => (3, 100 * (layer + 1)),
                0 => (1 + self.chance.below(2) as u8, 100 * (layer + 1)),
                _ => (bytes.div_ceil(PACKET) as u8, bytes / bytes.div_ceil(PACKET)),
            };
            for part in 0..parts {
                let state = &mut self.publishing[n].states[layer];
                state.seq += 1;
                let (track, layer) = (number, layer as u8);
                let mark = Mark { track, layer, frame, part, parts, keyframe, temporal, needs };
                let payload =
                    picture::payload(mark, state.picture_id, state.tl0, synchronous, filling);
                let time = frame.wrapping_mul(CLOCK / 25).wrapping_add(u32::from(layer) * 77_777);
                let seq = state.seq;
                let mut api = self.rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, rid) else {
                    return;
                };
                let extensions = ExtensionValues { rid, ..ExtensionValues::default() };
                let pt = Pt::new_with_value(96);
                let write = RtpWrite::new(pt, seq.into(), time, now, payload)
                    .marker(part + 1 == parts)
                    .nackable(true)
                    .ext_vals(extensions);
                stream.write_rtp(write);
                self.drain(now);
            }
        }
    }

    fn send_plain_frame(&mut self, now: Instant, n: usize, mid: Mid) {
        let Publishing { number, frame, states, .. } = &mut self.publishing[n];
        let (track, frame, state) = (*number, *frame, &mut states[0]);
        state.seq += 1;
        let (seq, time) = (state.seq, frame.wrapping_mul(CLOCK / 25));
        let payload = picture::plain(track, frame);
        let codecs = self.rtc.codec_config();
        let h264 = codecs.params().iter().find(|p| p.spec().codec == Codec::H264);
        let pt = h264.expect("H.264").pt();
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(RtpWrite::new(pt, seq.into(), time, now, payload).marker(true));
            self.drain(now);
        }
    }
}
