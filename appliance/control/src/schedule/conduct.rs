//! What the schedule does in a room now. Pure: what is planned, what is so, and the time go in, the next
//! step comes out.
//!
//! ```text
//! something is on ─┬─ nothing is recorded, somebody is there ─► Begin ─► its end ─► End
//!                  ├─ somebody records by hand ──────────────► Adopt: theirs to end
//!                  └─ a person ended it ─────────────────────► Leave: not again until the next
//! ```

use roombox_capture::manifest::EndReason;

/// Something that is planned in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// The same for as long as it is the same occurrence.
    pub key: String,
    pub title: String,
    pub start_ms: u64,
    /// `None`: until everybody has left.
    pub end_ms: Option<u64>,
}

/// How the schedule has dealt with something planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub planned: Planned,
    /// Id of the room.
    pub room: String,
    /// Somebody wants it to go on until then. Of a meeting that has no planned end: when that was over.
    pub extended_ms: Option<u64>,
    /// `None`: about to begin.
    pub recording: Option<String>,
    /// The schedule began it, and ends it.
    pub ours: bool,
    /// A person ended it, and it is left alone.
    pub stopped: bool,
}

impl Run {
    fn new(planned: &Planned, room: &str, recording: Option<String>) -> Self {
        let ours = recording.is_none();
        let (planned, room) = (planned.clone(), room.to_owned());
        Self { planned, room, extended_ms: None, recording, ours, stopped: false }
    }

    /// When it is over; `None`: when everybody has left.
    pub(crate) fn end_ms(&self) -> Option<u64> {
        self.planned.end_ms.map(|end| end.max(self.extended_ms.unwrap_or(0)))
    }

    fn is_due(&self, now_ms: u64) -> bool {
        self.end_ms().is_some_and(|end| end <= now_ms)
    }

    /// A person ended it for the rest of a meeting, and that is not over.
    pub(crate) fn holds(&self) -> bool {
        self.stopped && self.planned.end_ms.is_none() && self.extended_ms.is_none()
    }

    fn has(&self, recording: &str) -> bool {
        self.recording.as_deref() == Some(recording)
    }
}

/// A room as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoomNow {
    pub id: String,
    /// Somebody is in it.
    pub open: bool,
    pub recorded: Option<RecordedNow>,
}

/// What is being recorded in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedNow {
    pub recording: String,
    /// It is being made whole.
    pub ending: bool,
}

/// What has become of a recording that does not run in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was cut short and waits for its room.
    Waits,
    Ended {
        reason: EndReason,
        began_ms: u64,
    },
    Deleted,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Keep this, then record the room.
    Begin(Run),
    /// Keep this: it is recorded, and whoever began it ends it.
    Adopt(Run),
    /// Keep this: it was begun, and nobody knew.
    Found(Run),
    /// Keep this: its end was moved.
    Follow(Run),
    /// Keep this: a person ended it.
    Leave(Run),
    /// End the room's recording.
    End,
}

/// What is on: of several, what began first, until its end or what it was extended to. Whoever ends a recording ends
/// what it was extended by.
pub(crate) fn on<'a>(now_ms: u64, planned: &'a [Planned], runs: &[Run]) -> Option<&'a Planned> {
    let extended = |planned: &Planned| {
        let run = runs.iter().find(|run| run.planned.key == planned.key);
        run.filter(|run| !run.stopped).and_then(|run| run.extended_ms).unwrap_or(0)
    };
    planned.iter().find(|planned| {
        let end = planned.end_ms.map(|end| end.max(extended(planned)));
        planned.start_ms <= now_ms && end.is_none_or(|end| now_ms < end)
    })
}

/// Somebody has ended the recording of the same thing: it is called otherwise now because it was moved, or
/// the room records by itself what is left of the meeting.
fn was_stopped(now_ms: u64, on: &Planned, runs: &[Run]) -> bool {
    let begun = |run: &Run| run.planned.start_ms <= now_ms;
    let same = |run: &Run| match (on.end_ms, run.end_ms()) {
        (Some(_), Some(_)) => begun(run) && run.planned.title == on.title && !run.is_due(now_ms),
        // What a room records by itself has neither an end nor a title: an event without one is another thing.
        (Some(_), None) => false,
        (None, Some(end)) => begun(run) && on.start_ms < end,
        // The box went down meanwhile: that it is the same meeting no clock need say.
        (None, None) => run.holds(),
    };
    runs.iter().any(|run| run.stopped && same(run))
}

/// The schedule had recorded this to its end by a clock that said `was_ms`, when it was only `now_ms`: its time is yet
/// to come, or not over. What a person ended stays ended.
pub(crate) fn was_too_early(run: &Run, now_ms: u64, was_ms: u64) -> bool {
    !run.stopped && run.ours && run.is_due(was_ms) && !run.is_due(now_ms)
}

/// The room's next step, `None`: all is well. `planned` and `runs` are the room's own; `planned` in the
/// order of their starts, what has no end last.
pub(crate) fn next(
    now_ms: u64,
    room: &RoomNow,
    planned: &[Planned],
    runs: &[Run],
    fate: impl Fn(&str) -> Fate,
) -> Option<Step> {
    let moved = runs.iter().find_map(|run| {
        let now = planned.iter().find(|planned| planned.key == run.planned.key)?;
        (now.end_ms != run.planned.end_ms)
            .then(|| Step::Follow(Run { planned: now.clone(), ..run.clone() }))
    });
    if moved.is_some() {
        return moved;
    }
    let owner = |recording: &str| runs.iter().find(|run| run.ours && run.has(recording));
    if let Some(now) = &room.recorded {
        if now.ending {
            return None;
        }
        if owner(&now.recording).is_some_and(|run| run.is_due(now_ms)) {
            return Some(Step::End);
        }
    }
    let on = on(now_ms, planned, runs)?;
    let run = runs.iter().find(|run| run.planned.key == on.key);
    match (&room.recorded, run) {
        (None, None) if was_stopped(now_ms, on, runs) => {
            Some(Step::Leave(Run { stopped: true, ..Run::new(on, &room.id, None) }))
        }
        (None, None) => room.open.then(|| Step::Begin(Run::new(on, &room.id, None))),
        (None, Some(run)) if run.stopped => None,
        (None, Some(run)) => {
            let again = || {
                room.open.then(|| Step::Begin(Run { recording: None, ours: true, ..run.clone() }))
            };
            match run.recording.as_deref().map(fate) {
                // The box went down before it began.
                None => again(),
                Some(Fate::Waits) => None,
                // Whoever ended what had run over from before did not mean this.
                Some(Fate::Ended { reason: EndReason::Stopped, began_ms })
                    if !run.ours && began_ms < on.start_ms =>
                {
                    again()
                }
                Some(Fate::Ended { reason: EndReason::Stopped, .. } | Fate::Deleted) => {
                    Some(Step::Leave(Run { stopped: true, ..run.clone() }))
                }
                // They came back, or the box did.
                Some(Fate::Ended { .. }) => again(),
            }
        }
        (Some(now), Some(run)) if run.has(&now.recording) => None,
        (Some(now), Some(run)) if run.recording.is_none() => {
            let recording = Some(now.recording.clone());
            Some(Step::Found(Run { recording, ..run.clone() }))
        }
        // Begun by hand after it had been ended by hand: theirs.
        (Some(now), Some(run)) => {
            let recording = Some(now.recording.clone());
            Some(Step::Adopt(Run { recording, ours: false, ..run.clone() }))
        }
        (Some(now), None) => match owner(&now.recording) {
            // What was on before goes on: it ends first.
            Some(before) if before.planned.end_ms.is_some() => None,
            _ => Some(Step::Adopt(Run::new(on, &room.id, Some(now.recording.clone())))),
        },
    }
}

#[cfg(test)]
mod tests;
