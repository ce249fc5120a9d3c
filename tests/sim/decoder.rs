//! What a client can show of the pictures that arrive: frames that are whole and whose references were
//! shown, as libwebrtc has it. Where nothing can be shown any more it asks for a keyframe.

use crate::picture::Mark;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Without a keyframe to begin with, and in the middle of a stream, libwebrtc waits so long
/// (`kMaxWaitForKeyFrame`, `kMaxWaitForFrame`).
const WAIT_FOR_KEYFRAME: Duration = Duration::from_millis(200);
const WAIT_FOR_FRAME: Duration = Duration::from_secs(3);

/// A frame of a track: its layer and number.
type Frame = (u8, u32);

/// One track at one client.
#[derive(Default)]
pub struct Decoder {
    parts: HashMap<Frame, u8>,
    /// Whole, but without what they need.
    waiting: Vec<Mark>,
    decoded: HashSet<Frame>,
    /// When each frame could be shown.
    pub shown: Vec<Instant>,
    /// When the newest keyframe could be.
    pub keyframe: Option<Instant>,
    /// The last packet, and the last request for a keyframe.
    came: Option<Instant>,
    asked: Option<Instant>,
    begun: Option<Instant>,
}

impl Decoder {
    /// Takes a packet that came for the first time.
    pub fn take(&mut self, now: Instant, mark: Mark) {
        self.begun.get_or_insert(now);
        self.came = Some(now);
        let parts = self.parts.entry((mark.layer, mark.frame)).or_default();
        *parts += 1;
        if *parts != mark.parts {
            return;
        }
        self.waiting.push(mark);
        // In order: what one frame makes possible is later than it.
        self.waiting.sort_unstable_by_key(|mark| mark.frame);
        let Self { waiting, decoded, shown, keyframe, .. } = self;
        waiting.retain(|mark| {
            let ready = mark.keyframe || decoded.contains(&(mark.layer, mark.needs));
            if ready && decoded.insert((mark.layer, mark.frame)) {
                shown.push(now);
                *keyframe = if mark.keyframe { Some(now) } else { *keyframe };
            }
            !ready
        });
    }

    /// Whether the client asks for a keyframe now: packets come, and nothing can be shown.
    pub fn asks(&mut self, now: Instant) -> bool {
        let wait = if self.shown.is_empty() { WAIT_FOR_KEYFRAME } else { WAIT_FOR_FRAME };
        let since = self.shown.last().copied().or(self.begun).max(self.asked);
        let late = |at: Option<Instant>, wait| {
            at.is_some_and(|at| now.saturating_duration_since(at) >= wait)
        };
        let asks = late(since, wait) && !late(self.came, WAIT_FOR_FRAME);
        if asks {
            self.asked = Some(now);
        }
        asks
    }
}
