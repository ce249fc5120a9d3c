//! One event on its way: who, which, what.

use crate::subjects::{BoxId, sender};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Events of this version are written, and read.
pub const VERSION: u32 = 1;
/// The longest event, bytes. What is longer does not belong here.
pub const LONGEST: usize = 64 * 1024;

/// An event of a box. Unknown fields are left alone: a version that only adds some keeps its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    #[serde(rename = "v")]
    pub version: u32,
    #[serde(rename = "box")]
    pub of: String,
    /// Names a run of numbers.
    pub epoch: String,
    /// The epoch's first number.
    pub first: u64,
    pub seq: u64,
    /// What makes it this one: after a database came from a copy, numbers come again.
    pub id: String,
    /// `noun.verb`.
    pub kind: String,
    /// When, milliseconds since 1970.
    pub at: u64,
    pub body: Value,
}

/// Why an event is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is no event, or its subject is no box's.
    Malformed,
    /// A newer version wrote it.
    Newer,
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "v")]
    version: u32,
}

/// Reads an event. The box of the subject counts, which the server has checked; true: the event
/// named another one.
///
/// # Errors
/// See [`Unread`].
pub fn read(subject: &str, payload: &[u8]) -> Result<(BoxId, Event, bool), Unread> {
    let (of, kind) = sender(subject).ok_or(Unread::Malformed)?;
    if payload.len() > LONGEST {
        return Err(Unread::Malformed);
    }
    let Written { version } = serde_json::from_slice(payload).map_err(|_| Unread::Malformed)?;
    if version > VERSION {
        return Err(Unread::Newer);
    }
    let event: Event = serde_json::from_slice(payload).map_err(|_| Unread::Malformed)?;
    let sane = event.seq >= event.first.max(1)
        && event.seq <= i64::MAX as u64
        && (1..=64).contains(&event.epoch.len())
        && (1..=64).contains(&event.id.len())
        && event.kind == kind
        && event.kind.len() <= 64;
    match sane {
        true => {
            Ok((of.clone(), Event { of: of.to_string(), ..event.clone() }, event.of != of.as_str()))
        }
        false => Err(Unread::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::Subject;

    fn event(of: &BoxId) -> Event {
        let (epoch, kind) = ("e".to_owned(), "room.created".to_owned());
        let body = serde_json::json!({"id": "rm_1"});
        let id = "1a2b".to_owned();
        Event {
            version: VERSION,
            of: of.to_string(),
            epoch,
            first: 1,
            seq: 7,
            id,
            kind,
            at: 1,
            body,
        }
    }

    #[test]
    fn what_came_is_read_as_its_subject_says_and_the_rest_is_told_apart() {
        let of = BoxId::of_key(&"a".repeat(56));
        let subject = Subject::Event { of: &of, kind: "room.created" }.to_string();
        let bytes = |event: &Event| serde_json::to_vec(event).unwrap();
        let good = event(&of);
        assert_eq!(read(&subject, &bytes(&good)), Ok((of.clone(), good.clone(), false)));
        let spoofed = Event { of: "box-other".to_owned(), ..good.clone() };
        assert_eq!(read(&subject, &bytes(&spoofed)), Ok((of.clone(), good.clone(), true)));
        let newer = serde_json::json!({"v": 2, "whatever": []}).to_string();
        assert_eq!(read(&subject, newer.as_bytes()), Err(Unread::Newer));
        let long = Event { body: Value::String("x".repeat(LONGEST)), ..good.clone() };
        let zero = Event { seq: 0, first: 0, ..good.clone() };
        let early = Event { seq: 3, first: 4, ..good.clone() };
        let other = Event { kind: "job.queued".to_owned(), ..good.clone() };
        let nameless = Event { epoch: String::new(), ..good.clone() };
        let nobody = Event { id: String::new(), ..good.clone() };
        for wrong in [long, zero, early, other, nameless, nobody] {
            assert_eq!(read(&subject, &bytes(&wrong)), Err(Unread::Malformed));
        }
        for wrong in [&b""[..], b"{}", b"[1]", b"\xff\xfe", b"{\"v\":-1}"] {
            assert_eq!(read(&subject, wrong), Err(Unread::Malformed));
        }
        assert_eq!(read("fleet.x.ev.a", &bytes(&good)), Err(Unread::Malformed));
    }
}
