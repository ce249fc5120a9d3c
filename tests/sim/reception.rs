//! What arrived at the clients of a [`World`], and what it must be like.

use super::World;
use crate::client::Received;
use crate::picture::Seen;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

impl World {
    /// What each received stream must be like.
    pub fn check(&self) {
        let lossless = self.network.loss_percent == 0;
        for client in self.clients.values().chain(&self.left) {
            for (ssrc, stream) in &client.received {
                check_stream(&client.name, *ssrc, stream, lossless);
            }
        }
    }

    /// Frames of a track that arrived whole at a client.
    pub fn whole_frames(&self, name: &str, track: &str) -> usize {
        let number = self.numbers[track];
        let mut parts: HashMap<(u32, u32), u8> = HashMap::new();
        let mut whole = 0;
        for (ssrc, stream) in &self.clients[name].received {
            for (_, seen) in stream.packets.values().filter(|(_, s)| s.mark.track == number) {
                let have = parts.entry((*ssrc, seen.mark.frame)).or_default();
                *have += 1;
                whole += usize::from(*have == seen.mark.parts);
            }
        }
        whole
    }

    /// The longest time from one whole frame of a track to the next at a client, within the last
    /// `time`.
    pub fn longest_freeze(&self, name: &str, track: &str, time: Duration) -> Duration {
        let number = self.numbers[track];
        let since = self.now - time;
        let mut parts: HashMap<(u32, u32, u8), (u8, Instant)> = HashMap::new();
        let mut shown = vec![since, self.now];
        for (ssrc, stream) in &self.clients[name].received {
            for (seq, (_, seen)) in &stream.packets {
                if seen.mark.track != number {
                    continue;
                }
                let at = stream.arrivals[seq];
                let frame = (*ssrc, seen.mark.frame, seen.mark.layer);
                let (have, whole) = parts.entry(frame).or_insert((0, at));
                (*have, *whole) = (*have + 1, at.max(*whole));
                if *have == seen.mark.parts && *whole > since {
                    shown.push(*whole);
                }
            }
        }
        shown.sort_unstable();
        shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(time)
    }

    /// How often a track came back to a client after a break of two seconds or more; each time it
    /// must begin with a keyframe.
    pub fn resumes(&self, name: &str, track: &str) -> usize {
        let number = self.numbers[track];
        let mut resumes = 0;
        for stream in self.clients[name].received.values() {
            let seen: Vec<(&u64, &Seen)> =
                stream.packets.iter().map(|(n, (_, s))| (n, s)).collect();
            for pair in seen.windows(2) {
                let [(before, last), (seq, next)] = pair else { continue };
                let missing = next.mark.frame.saturating_sub(last.mark.frame + 1);
                // As many packets are missing: each was sent, and none arrived.
                let lost = **seq - **before > u64::from(missing);
                if next.mark.track == number && missing >= 50 && !lost {
                    assert!(next.mark.keyframe, "{name}: {next:?}");
                    assert!(**before + 1 < **seq || next.mark.part == 0, "{name}: {next:?}");
                    resumes += 1;
                }
            }
        }
        resumes
    }

    /// Of the speech that a client got within the last `time`: the share of packets that came at
    /// all, in percent, and the longest silence.
    pub fn speech(&self, name: &str, time: Duration) -> (usize, Duration) {
        let since = self.now - time;
        let (mut came, mut sent, mut silence) = (0, 0, Duration::ZERO);
        for arrivals in self.clients[name].heard.values() {
            let recent: Vec<_> = arrivals.iter().filter(|(_, at)| **at > since).collect();
            let (Some(first), Some(last)) = (recent.first(), recent.last()) else {
                return (0, time);
            };
            came += recent.len();
            sent += (last.0 - first.0 + 1) as usize;
            let mut times: Vec<_> = recent.iter().map(|(_, at)| **at).collect();
            times.extend([since, self.now]);
            times.sort_unstable();
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            silence = silence.max(longest.unwrap_or(time));
        }
        (came * 100 / sent.max(1), silence)
    }

    /// Layer of the newest packet of a track at a client.
    pub fn layer(&self, name: &str, track: &str) -> Option<u8> {
        let number = self.numbers[track];
        let streams = self.clients[name].received.values();
        let newest = streams
            .flat_map(|stream| stream.packets.values())
            .filter(|(_, seen)| seen.mark.track == number)
            .max_by_key(|(_, seen)| seen.mark.frame);
        newest.map(|(_, seen)| seen.mark.layer)
    }
}

/// One outgoing SSRC: continuous numbers, time and pictures; starts and switches at keyframes; and no
/// frame without the one that it needs.
fn check_stream(name: &str, ssrc: u32, stream: &Received, lossless: bool) {
    let mut last: Option<(u64, u32, Seen)> = None;
    let frame = |seen: &Seen| (seen.mark.track, seen.mark.layer, seen.mark.frame);
    let there: HashSet<_> = stream.packets.values().map(|(_, seen)| frame(seen)).collect();
    for (seq, (time, seen)) in &stream.packets {
        let place = format!("{name}, ssrc {ssrc}, number {seq}: {seen:?} after {last:?}");
        let Some((last_seq, last_time, before)) = last.replace((*seq, *time, *seen)) else {
            if lossless {
                assert!(seen.mark.keyframe && seen.mark.part == 0, "begins mid-way: {place}");
            }
            continue;
        };
        if lossless {
            assert_eq!(*seq, last_seq + 1, "a hole: {place}");
            let (track, layer, _) = frame(seen);
            let needed = (track, layer, seen.mark.needs);
            assert!(seen.mark.keyframe || there.contains(&needed), "needs another: {place}");
        }
        let same_frame = before.mark.frame == seen.mark.frame
            && before.mark.layer == seen.mark.layer
            && before.mark.track == seen.mark.track;
        let advance = time.wrapping_sub(last_time);
        if same_frame {
            assert_eq!(advance, 0, "time within a frame: {place}");
            assert_eq!(seen.picture_id, before.picture_id, "picture within a frame: {place}");
            continue;
        }
        assert!(advance > 0 && advance < 0x8000_0000, "time runs back: {place}");
        let pictures = seen.picture_id.wrapping_sub(before.picture_id) & 0x7fff;
        assert!(pictures > 0 && pictures < 0x4000, "pictures run back: {place}");
        let adjacent = *seq == last_seq + 1;
        if adjacent {
            assert_eq!(pictures, 1, "a picture is missing: {place}");
            let lowest = u8::from(seen.mark.temporal == 0);
            assert_eq!(seen.tl0, before.tl0.wrapping_add(lowest), "TL0 jumps: {place}");
        }
        let switched = before.mark.layer != seen.mark.layer || before.mark.track != seen.mark.track;
        if switched && adjacent {
            assert!(seen.mark.keyframe && seen.mark.part == 0, "switch without keyframe: {place}");
            if lossless {
                assert_eq!(before.mark.part + 1, before.mark.parts, "frame torn: {place}");
            }
        }
    }
}
