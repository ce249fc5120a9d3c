//! What clients send of transcriptions: text streams of topic `lk.transcription`, and the packets that
//! older programs send (livekit_models.proto, `Transcription`). Everything else, chat too, is not read.
//!
//! The room gets them unchanged; a recording gets what is in them.

use super::data::DataSender;
use livekit_protocol as pb;
use livekit_protocol::data_packet::Value;
use pb::data_stream::{Chunk, CompressionType, Header, OperationType, Trailer, header};
use roombox_control::recordings::{About, LONGEST_TEXT, Piece, Transcribed};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const TOPIC: &str = "lk.transcription";
const SEGMENT: &str = "lk.segment_id";
const FINAL: &str = "lk.transcription_final";
const TRACK: &str = "lk.transcribed_track_id";
/// Text streams of one sender that are open at a time.
const MOST_STREAMS: usize = 32;
/// Segments in one packet of the older kind. Programs send one.
const MOST_SEGMENTS: usize = 8;
/// Pieces a second of one sender that recordings hear, after a burst of as many. Programs that write
/// word by word send ten.
const PIECES: u32 = 100;

/// Reads one client's transcriptions.
#[derive(Debug, Default)]
pub(super) struct CaptionReader {
    streams: VecDeque<String>,
    /// Segments of the older kind that are not final.
    guessed: VecDeque<String>,
    /// It sends streams: what it sends in the older way says the same.
    speaks_streams: bool,
}

impl CaptionReader {
    /// What is in a packet that everybody gets.
    pub(super) fn read(&mut self, packet: &pb::DataPacket) -> Vec<Piece> {
        match &packet.value {
            Some(Value::StreamHeader(header)) => self.begin(header),
            Some(Value::StreamChunk(chunk)) => self.more(chunk).into_iter().collect(),
            Some(Value::StreamTrailer(trailer)) => self.end(trailer).into_iter().collect(),
            Some(Value::Transcription(old)) if !self.speaks_streams => self.older(old),
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, header: &Header) -> Vec<Piece> {
        let text = match &header.content_header {
            Some(header::ContentHeader::TextHeader(text)) => text,
            _ => return Vec::new(),
        };
        let deletes = text.operation_type == OperationType::Delete as i32;
        if header.topic != TOPIC || deletes || header.stream_id.is_empty() {
            return Vec::new();
        }
        // Programs that can do both say it in both ways.
        let mut pieces: Vec<Piece> = match self.speaks_streams {
            true => Vec::new(),
            false => self.guessed.drain(..).map(taken_back).collect(),
        };
        self.speaks_streams = true;
        let attribute = |name: &str| header.attributes.get(name).filter(|text| !text.is_empty());
        let about = About {
            segment: attribute(SEGMENT).unwrap_or(&header.stream_id).clone(),
            track: attribute(TRACK).cloned(),
            person: None,
            last: is_final(&header.attributes) == Some(true),
        };
        if let Some(content) = &header.inline_content {
            if header.compression == CompressionType::None as i32 {
                let text = String::from_utf8_lossy(first(content)).into_owned();
                pieces.push(Piece::Whole { about, text });
            }
            return pieces;
        }
        if self.streams.len() == MOST_STREAMS {
            self.streams.pop_front();
        }
        self.streams.push_back(header.stream_id.clone());
        pieces.push(Piece::Begin { stream: header.stream_id.clone(), about });
        pieces
    }

    fn more(&mut self, chunk: &Chunk) -> Option<Piece> {
        self.streams.iter().find(|id| **id == chunk.stream_id)?;
        let (stream, bytes) = (chunk.stream_id.clone(), first(&chunk.content).to_vec());
        Some(Piece::Chunk { stream, bytes })
    }

    fn end(&mut self, trailer: &Trailer) -> Option<Piece> {
        let at = self.streams.iter().position(|id| *id == trailer.stream_id)?;
        let stream = self.streams.remove(at)?;
        Some(Piece::End { stream, last: is_final(&trailer.attributes) })
    }

    fn older(&mut self, old: &pb::Transcription) -> Vec<Piece> {
        let named = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let segments = old.segments.iter().take(MOST_SEGMENTS);
        let pieces = segments.filter(|segment| !segment.id.is_empty()).map(|segment| {
            self.guessed.retain(|id| *id != segment.id);
            if !segment.r#final {
                if self.guessed.len() == MOST_STREAMS {
                    self.guessed.pop_front();
                }
                self.guessed.push_back(segment.id.clone());
            }
            let about = About {
                segment: segment.id.clone(),
                track: named(&old.track_id),
                person: named(&old.transcribed_participant_identity),
                last: segment.r#final,
            };
            let text = String::from_utf8_lossy(first(segment.text.as_bytes())).into_owned();
            Piece::Whole { about, text }
        });
        pieces.collect()
    }
}

/// As much of a text as is kept; half a character at its end is the recorder's to leave out.
fn first(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(LONGEST_TEXT)]
}

fn taken_back(segment: String) -> Piece {
    let about = About { segment, last: true, ..About::default() };
    Piece::Whole { about, text: String::new() }
}

fn is_final(attributes: &HashMap<String, String>) -> Option<bool> {
    attributes.get(FINAL).map(|value| value == "true")
}

impl DataSender {
    /// A piece, and who sent it.
    pub(super) fn transcribed(&self, piece: Piece) -> Transcribed {
        let identity = if self.hidden { String::new() } else { self.identity.to_string() };
        Transcribed { sender: self.id.to_string(), identity, piece }
    }
}

/// How much one client may have recordings hear.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    since: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: PIECES, since: now }
    }

    pub(super) fn takes(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        let earned = (passed.as_millis() * u128::from(PIECES) / 1000) as u32;
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(PIECES);
            self.since = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

/// Entry for the fuzzer: any bytes as data messages, one after the other.
pub fn fuzz_captions(bytes: &[u8]) {
    use prost::Message as _;
    let (mut reader, mut allowance) = (CaptionReader::default(), Allowance::new(Instant::now()));
    for message in bytes.split(|byte| *byte == 0xff) {
        let Ok(packet) = pb::DataPacket::decode(message) else { continue };
        let pieces = reader.read(&packet);
        assert!(pieces.len() <= MOST_STREAMS + MOST_SEGMENTS + 1);
        assert!(reader.streams.len() <= MOST_STREAMS && reader.guessed.len() <= MOST_STREAMS);
        for piece in pieces {
            let length = match &piece {
                Piece::Chunk { bytes, .. } => bytes.len(),
                // What is not UTF-8 is written in three bytes each.
                Piece::Whole { text, .. } => text.len() / 3,
                Piece::Begin { .. } | Piece::End { .. } => 0,
            };
            assert!(length <= LONGEST_TEXT);
            allowance.takes(Instant::now() + Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(stream: &str, topic: &str, attributes: &[(&str, &str)]) -> Value {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Value::StreamHeader(Header {
            stream_id: stream.into(),
            topic: topic.into(),
            attributes: attributes.iter().map(pair).collect(),
            content_header: Some(header::ContentHeader::TextHeader(pb::data_stream::TextHeader {
                generated: true,
                ..Default::default()
            })),
            ..Header::default()
        })
    }

    fn chunk(stream: &str, text: &str) -> Value {
        let (stream_id, content) = (stream.into(), text.into());
        Value::StreamChunk(Chunk { stream_id, content, ..Chunk::default() })
    }

    fn trailer(stream: &str, attributes: &[(&str, &str)]) -> Value {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let attributes = attributes.iter().map(pair).collect();
        Value::StreamTrailer(Trailer { stream_id: stream.into(), attributes, ..Trailer::default() })
    }

    fn older(id: &str, text: &str, last: bool) -> Value {
        let (id, text) = (id.into(), text.into());
        let segment = pb::TranscriptionSegment { id, text, r#final: last, ..Default::default() };
        Value::Transcription(pb::Transcription {
            transcribed_participant_identity: "ada".into(),
            track_id: "TR_1".into(),
            segments: vec![segment],
        })
    }

    fn read(reader: &mut CaptionReader, value: Value) -> Vec<Piece> {
        reader.read(&pb::DataPacket { value: Some(value), ..pb::DataPacket::default() })
    }

    #[test]
    fn a_stream_of_the_topic_is_a_caption_and_chat_is_none() {
        let mut reader = CaptionReader::default();
        let said = [(SEGMENT, "SG_1"), (FINAL, "false"), (TRACK, "TR_1")];
        let begun = read(&mut reader, header("1", TOPIC, &said));
        let (segment, track) = ("SG_1".to_owned(), Some("TR_1".to_owned()));
        let about = About { segment, track, ..About::default() };
        assert_eq!(begun, [Piece::Begin { stream: "1".into(), about }]);
        let more = read(&mut reader, chunk("1", "hello"));
        assert_eq!(more, [Piece::Chunk { stream: "1".into(), bytes: b"hello".to_vec() }]);
        let ended = read(&mut reader, trailer("1", &[(FINAL, "true")]));
        assert_eq!(ended, [Piece::End { stream: "1".into(), last: Some(true) }]);
        for topic in ["lk.chat", "", "lk.transcription.other"] {
            assert!(read(&mut reader, header("2", topic, &said)).is_empty());
            assert!(read(&mut reader, chunk("2", "private")).is_empty());
            assert!(read(&mut reader, trailer("2", &[])).is_empty());
        }
        let chat = pb::ChatMessage { message: "private".into(), ..pb::ChatMessage::default() };
        assert!(read(&mut reader, Value::ChatMessage(chat)).is_empty());
    }

    #[test]
    fn who_says_it_in_both_ways_is_heard_once() {
        let mut reader = CaptionReader::default();
        let first = read(&mut reader, older("old", "hel", false));
        assert!(matches!(&first[..], [Piece::Whole { about, .. }]
            if about.person.as_deref() == Some("ada") && !about.last));
        let begun = read(&mut reader, header("1", TOPIC, &[]));
        assert!(matches!(&begun[..], [Piece::Whole { about, text }, Piece::Begin { .. }]
            if about.segment == "old" && about.last && text.is_empty()));
        assert!(read(&mut reader, older("old", "hello", true)).is_empty());
    }

    #[test]
    fn a_text_may_come_with_its_head() {
        let mut reader = CaptionReader::default();
        let Value::StreamHeader(mut inline) = header("1", TOPIC, &[(FINAL, "true")]) else {
            panic!()
        };
        inline.inline_content = Some(b"hello".to_vec());
        let said = read(&mut reader, Value::StreamHeader(inline.clone()));
        assert!(matches!(&said[..], [Piece::Whole { about, text }]
            if about.last && about.segment == "1" && text == "hello"));
        inline.compression = CompressionType::DeflateRaw as i32;
        assert!(read(&mut reader, Value::StreamHeader(inline)).is_empty());
    }

    #[test]
    fn a_flood_is_not_heard_to_its_end() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        let heard =
            (0..10_000u64).filter(|n| allowance.takes(begun + Duration::from_millis(*n / 5)));
        let heard = heard.count();
        assert!((250..=310).contains(&heard), "{heard} in two seconds");
    }
}
