//! Captions of a running recording: from what transcribing programs send, piece by piece, to what was
//! said in the end. Pure: time is an argument.
//!
//! A program sends each segment of speech again and again while it is not sure of it, each time as a
//! text of its own or as one that grows. What is final is kept; what never becomes final is kept as it
//! was last, once nothing came of it for a while. Every sender has a budget of its own, so that one
//! who floods loses its own captions and nobody else's.

use std::collections::{BTreeMap, VecDeque};

/// Bytes of a text: more than anybody says in a minute.
pub const LONGEST_TEXT: usize = 2_000;
/// Bytes that a sender may add to the timeline in a minute. Ten people who talk at once say less.
const IN_A_MINUTE: usize = 16 * 1024;
const MINUTE_US: u64 = 60_000_000;
/// Segments of one sender that are open at a time: one that transcribes everybody has one a voice.
const MOST_OPEN: usize = 32;
/// Segments that are over, whose late guesses change nothing any more.
const MOST_DONE: usize = 64;
/// Programs that transcribe at a time. People have none or one.
const MOST_SENDERS: usize = 64;
/// Names of streams and segments are short.
const LONGEST_ID: usize = 128;
/// A segment that nothing was added to for so long stays as it is.
const SETTLED_US: u64 = 15_000_000;

/// What somebody sent of a transcription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcribed {
    /// The participant that sent it, by its id.
    pub sender: String,
    /// Its identity; empty: others are not told who it is.
    pub identity: String,
    pub piece: Piece,
}

/// A piece of a transcription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A text begins that comes in chunks.
    Begin {
        stream: String,
        about: About,
    },
    Chunk {
        stream: String,
        bytes: Vec<u8>,
    },
    /// It is whole; `last` says anew whether it is final.
    End {
        stream: String,
        last: Option<bool>,
    },
    /// A text that came at once.
    Whole {
        about: About,
        text: String,
    },
}

/// What a text is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Names the segment of speech among all of the sender's.
    pub segment: String,
    /// The track that was transcribed.
    pub track: Option<String>,
    /// The person that was transcribed, where the sender says so.
    pub person: Option<String>,
    /// It will not change any more.
    pub last: bool,
}

/// Something that was said from `from` to `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub from: u64,
    pub to: u64,
    /// The identity of who sent it.
    pub sender: String,
    pub track: Option<String>,
    pub person: Option<String>,
    pub text: String,
}

#[derive(Debug)]
struct Segment {
    about: About,
    from: u64,
    /// When something came of it last.
    heard: u64,
    /// The newest whole text.
    text: Vec<u8>,
    /// A text that is coming.
    growing: Option<(String, Vec<u8>)>,
}

impl Segment {
    fn add(growing: &mut Vec<u8>, bytes: &[u8]) {
        let room = LONGEST_TEXT.saturating_sub(growing.len());
        growing.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What it says now. A text that has only begun to come says less than the one before.
    fn now(&self) -> String {
        let grown = self.growing.as_ref().map(|(_, bytes)| bytes);
        let longer = grown.filter(|bytes| bytes.len() >= self.text.len());
        plain(longer.unwrap_or(&self.text))
    }
}

/// One line without control characters and double spaces.
fn plain(bytes: &[u8]) -> String {
    let end = bytes.len().min(LONGEST_TEXT);
    // A character that the bound has cut is left out.
    let text = match str::from_utf8(&bytes[..end]) {
        Ok(text) => text.to_owned(),
        Err(cut) if cut.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..cut.valid_up_to()]).into_owned()
        }
        Err(_) => String::from_utf8_lossy(&bytes[..end]).into_owned(),
    };
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// One program that transcribes.
#[derive(Debug, Default)]
struct Sender {
    identity: String,
    open: Vec<Segment>,
    done: VecDeque<String>,
    /// Which minute, and how many bytes were kept in it.
    minute: (u64, usize),
    heard: u64,
}

impl Sender {
    fn is_done(&self, segment: &str) -> bool {
        self.done.iter().any(|done| done == segment)
    }

    fn finish(&mut self, segment: String) {
        if self.done.len() == MOST_DONE {
            self.done.pop_front();
        }
        self.done.push_back(segment);
    }

    fn segment(&mut self, t: u64, about: About) -> Option<&mut Segment> {
        if self.is_done(&about.segment) {
            return None;
        }
        let known = self.open.iter().position(|one| one.about.segment == about.segment);
        let at = match known {
            Some(at) => at,
            None => {
                if self.open.len() == MOST_OPEN {
                    self.open.remove(0);
                }
                let (text, growing) = (Vec::new(), None);
                self.open.push(Segment { about: about.clone(), from: t, heard: t, text, growing });
                self.open.len() - 1
            }
        };
        let segment = self.open.get_mut(at)?;
        (segment.about, segment.heard) = (about, t);
        Some(segment)
    }

    fn with_stream(&mut self, stream: &str) -> Option<&mut Segment> {
        let this = |one: &&mut Segment| one.growing.as_ref().is_some_and(|(id, _)| id == stream);
        self.open.iter_mut().find(this)
    }

    /// Ends a segment that is as it will be. `None`: nothing was said, or the sender has said too
    /// much.
    fn close(&mut self, segment: &str) -> Option<Said> {
        let at = self.open.iter().position(|one| one.about.segment == segment)?;
        let one = self.open.remove(at);
        self.finish(one.about.segment.clone());
        let text = one.now();
        let minute = one.heard / MINUTE_US;
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        let cost = text.len() + self.identity.len() + LONGEST_ID;
        if text.is_empty() || self.minute.1 + cost > IN_A_MINUTE {
            return None;
        }
        self.minute.1 += cost;
        let (track, person, sender) = (one.about.track, one.about.person, self.identity.clone());
        Some(Said { from: one.from, to: one.heard, sender, track, person, text })
    }

    fn close_all(&mut self, which: impl Fn(&Segment) -> bool) -> Vec<Said> {
        let over = self.open.iter().filter(|one| which(one));
        let over: Vec<String> = over.map(|one| one.about.segment.clone()).collect();
        over.iter().filter_map(|segment| self.close(segment)).collect()
    }
}

/// The captions of one recording.
#[derive(Debug, Default)]
pub(crate) struct Captions {
    senders: BTreeMap<String, Sender>,
}

impl Captions {
    /// Takes a piece. While nothing is `kept`, whatever begins is never heard of again: its end would
    /// say what was said before.
    pub(crate) fn hear(&mut self, t: u64, said: Transcribed, kept: bool) -> Option<Said> {
        let Transcribed { sender, identity, piece } = said;
        if !self.senders.contains_key(&sender) && self.senders.len() == MOST_SENDERS {
            let silent =
                |(_, one): &(&String, &Sender)| one.open.is_empty() && one.heard + MINUTE_US < t;
            let silent = self.senders.iter().find(silent).map(|(id, _)| id.clone())?;
            self.senders.remove(&silent);
        }
        let sender = self.senders.entry(sender).or_default();
        sender.heard = t;
        sender.identity = identity;
        match piece {
            Piece::Begin { stream, about } => {
                if !is_name(&stream) || !is_about(&about) {
                } else if kept {
                    sender.segment(t, about)?.growing = Some((stream, Vec::new()));
                } else if !sender.is_done(&about.segment) {
                    sender.finish(about.segment);
                }
                None
            }
            Piece::Chunk { stream, bytes } => {
                let segment = sender.with_stream(&stream)?;
                segment.heard = t;
                if let Some((_, growing)) = &mut segment.growing {
                    Segment::add(growing, &bytes);
                }
                None
            }
            Piece::End { stream, last } => {
                let segment = sender.with_stream(&stream)?;
                segment.heard = t;
                segment.text = segment.growing.take()?.1;
                segment.about.last = last.unwrap_or(segment.about.last);
                let over = segment.about.last.then(|| segment.about.segment.clone());
                sender.close(&over?)
            }
            Piece::Whole { about, .. } if !is_about(&about) => None,
            Piece::Whole { about, .. } if !kept => {
                if !sender.is_done(&about.segment) {
                    sender.finish(about.segment);
                }
                None
            }
            Piece::Whole { about, text } => {
                let (last, id) = (about.last, about.segment.clone());
                let segment = sender.segment(t, about)?;
                (segment.growing, segment.text) = (None, Vec::new());
                Segment::add(&mut segment.text, text.as_bytes());
                if last { sender.close(&id) } else { None }
            }
        }
    }

    /// What nothing was added to for a while stays as it is.
    pub(crate) fn settled(&mut self, t: u64) -> Vec<Said> {
        let all = self.senders.values_mut();
        all.flat_map(|sender| sender.close_all(|one| one.heard + SETTLED_US <= t)).collect()
    }

    /// A sender is gone.
    pub(crate) fn left(&mut self, sender: &str) -> Vec<Said> {
        let gone = self.senders.remove(sender);
        gone.map(|mut sender| sender.close_all(|_| true)).unwrap_or_default()
    }

    /// Nothing more is kept of what goes on now.
    pub(crate) fn cut(&mut self) -> Vec<Said> {
        self.senders.values_mut().flat_map(|sender| sender.close_all(|_| true)).collect()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_ID
}

fn is_about(about: &About) -> bool {
    let short = |name: &Option<String>| name.as_ref().is_none_or(|name| name.len() <= LONGEST_ID);
    is_name(&about.segment) && short(&about.track) && short(&about.person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(sender: &str, piece: Piece) -> Transcribed {
        Transcribed { sender: sender.into(), identity: sender.to_lowercase(), piece }
    }

    fn about(segment: &str, last: bool) -> About {
        About { segment: segment.into(), last, ..About::default() }
    }

    fn whole(segment: &str, text: &str, last: bool) -> Transcribed {
        piece("A", Piece::Whole { about: about(segment, last), text: text.into() })
    }

    fn begin(stream: &str, segment: &str, last: bool) -> Transcribed {
        piece("A", Piece::Begin { stream: stream.into(), about: about(segment, last) })
    }

    fn chunk(stream: &str, bytes: &[u8]) -> Transcribed {
        piece("A", Piece::Chunk { stream: stream.into(), bytes: bytes.into() })
    }

    fn end(stream: &str, last: Option<bool>) -> Transcribed {
        piece("A", Piece::End { stream: stream.into(), last })
    }

    #[test]
    fn the_last_word_counts_and_the_first_one_says_when() {
        let mut all = Captions::default();
        assert_eq!(all.hear(5, whole("s", "hel", false), true), None);
        assert_eq!(all.hear(6, whole("s", "hello word", false), true), None);
        let said = all.hear(7, whole("s", " hello\n world\u{7} ", true), true).unwrap();
        assert_eq!((said.from, said.to, said.text.as_str()), (5, 7, "hello world"));
        // A guess that was late changes nothing, and neither does a second ending.
        assert_eq!(all.hear(8, whole("s", "hello word", false), true), None);
        assert_eq!(all.hear(9, whole("s", "again", true), true), None);
        assert!(all.cut().is_empty());
    }

    #[test]
    fn a_text_comes_in_chunks_and_its_end_says_that_it_is_final() {
        let mut all = Captions::default();
        let word = "Bäume".as_bytes();
        all.hear(1, begin("1", "s", false), true);
        all.hear(2, chunk("1", &word[..2]), true);
        all.hear(3, chunk("2", b"of nothing that began"), true);
        all.hear(4, chunk("1", &word[2..]), true);
        let said = all.hear(5, end("1", Some(true)), true).unwrap();
        assert_eq!((said.from, said.to, said.text.as_str()), (1, 5, "Bäume"));
    }

    #[test]
    fn what_never_becomes_final_stays_as_it_was_last() {
        let mut all = Captions::default();
        all.hear(1, begin("1", "s", false), true);
        all.hear(2, chunk("1", b"one two"), true);
        all.hear(3, end("1", None), true);
        // The next guess has only begun when its sender is cut off.
        all.hear(4, begin("2", "s", false), true);
        all.hear(5, chunk("2", b"one"), true);
        assert!(all.settled(4 + SETTLED_US).is_empty());
        let said = all.settled(5 + SETTLED_US);
        assert_eq!((said.len(), said[0].text.as_str(), said[0].to), (1, "one two", 5));
        all.hear(50, whole("t", "bye", false), true);
        assert_eq!(all.left("A")[0].text, "bye");
    }

    #[test]
    fn speech_that_was_none_is_taken_back() {
        let mut all = Captions::default();
        all.hear(1, whole("s", "um", false), true);
        assert_eq!(all.hear(2, whole("s", " ", true), true), None);
        assert!(all.cut().is_empty());
    }

    #[test]
    fn what_began_in_a_pause_is_not_told_afterwards() {
        let mut all = Captions::default();
        all.hear(1, whole("before", "so far", false), true);
        assert_eq!(all.cut()[0].text, "so far");
        all.hear(2, whole("before", "so far secret", false), false);
        all.hear(3, begin("1", "within", false), false);
        all.hear(4, chunk("1", b"secret"), false);
        assert_eq!(all.hear(5, end("1", Some(true)), true), None);
        assert_eq!(all.hear(6, whole("within", "secret", true), true), None);
        assert_eq!(all.hear(7, whole("before", "so far secret", true), true), None);
        assert_eq!(all.hear(8, whole("after", "hello", true), true).unwrap().text, "hello");
    }

    #[test]
    fn who_floods_loses_captions_and_others_none() {
        let mut all = Captions::default();
        let long = "x".repeat(10_000);
        let kept = (0..500).filter_map(|n| all.hear(n, whole(&n.to_string(), &long, true), true));
        let kept: Vec<Said> = kept.collect();
        assert!(kept.iter().all(|said| said.text.len() == LONGEST_TEXT));
        assert_eq!(kept.len(), IN_A_MINUTE / (LONGEST_TEXT + 1 + LONGEST_ID));
        let other = Piece::Whole { about: about("s", true), text: "hello".into() };
        assert!(all.hear(600, piece("B", other), true).is_some());
        assert!(all.hear(MINUTE_US, whole("next minute", "hello", true), true).is_some());
        // Nor does one who comes under many names keep the others' places.
        for n in 0..200 {
            let one = Piece::Whole { about: about("s", true), text: "x".into() };
            all.hear(700 + n, piece(&format!("P{n}"), one), true);
        }
        assert!(all.senders.len() <= MOST_SENDERS && all.senders.contains_key("A"));
    }

    fn any_piece() -> impl Strategy<Value = (u64, Transcribed, bool)> {
        let (name, last) = ("[a-c]{0,2}", any::<bool>());
        let bytes = prop::collection::vec(any::<u8>(), 0..3000);
        let what = prop_oneof![
            (name, name, last).prop_map(|(stream, segment, last)| Piece::Begin {
                stream,
                about: about(&segment, last),
            }),
            (name, bytes).prop_map(|(stream, bytes)| Piece::Chunk { stream, bytes }),
            (name, prop::option::of(last)).prop_map(|(stream, last)| Piece::End { stream, last }),
            (name, ".{0,40}", last).prop_map(|(segment, text, last)| Piece::Whole {
                about: about(&segment, last),
                text,
            }),
        ];
        (0..40_000_000u64, "[A-C]", what, any::<bool>())
            .prop_map(|(wait, sender, what, kept)| (wait, piece(&sender, what), kept))
    }

    proptest! {
        #[test]
        fn whatever_comes_captions_are_short_plain_and_in_bounds(
            pieces in prop::collection::vec(any_piece(), 0..80),
        ) {
            let (mut all, mut t, mut said) = (Captions::default(), 0, Vec::new());
            for (wait, piece, kept) in pieces {
                t += wait;
                said.extend(all.hear(t, piece, kept));
                said.extend(all.settled(t));
                for sender in all.senders.values() {
                    prop_assert!(sender.open.len() <= MOST_OPEN && sender.done.len() <= MOST_DONE);
                }
            }
            said.extend(all.cut());
            for one in said {
                prop_assert!(one.from <= one.to && one.to <= t, "{one:?}");
                prop_assert!(!one.text.is_empty() && one.text.len() <= 3 * LONGEST_TEXT);
                prop_assert!(!one.text.contains(|c: char| c.is_control() || c == '\n'));
            }
        }
    }
}
