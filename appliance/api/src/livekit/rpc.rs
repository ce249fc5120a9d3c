//! Calls that programs make to people by the server API (`RoomService.PerformRpc`): a request goes out as
//! a data message, and what comes back (livekit_models.proto, `RpcAck`, `RpcResponse`) finds the call
//! that waits for it.
//!
//! The caller is nobody in the room. It goes by the number of the call, and to that the callee answers:
//! such an answer is for the box and for nobody else.

use livekit_protocol as pb;
use livekit_protocol::data_packet::Value;
use livekit_protocol::rpc_response::Value as Outcome;
use prost::Message as _;
use roombox_control::conference::ParticipantId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// What a call may take: all from livekit's `protocol/utils/data_channel_rpc.go`.
const PAYLOAD: usize = 15 * 1024;
const ACK: Duration = Duration::from_secs(2);
const RESPONSE: Duration = Duration::from_secs(10);
/// LiveKit has no longest wait; a connection of the box's is worth one.
const LONGEST_RESPONSE: Duration = Duration::from_secs(5 * 60);
/// Calls that may wait at a time. Each is a connection, of which a box has some thousand.
const MOST_CALLS: usize = 256;
/// The version that has no streams and no compression, which all clients understand.
const VERSION: u32 = 1;
/// Words of a callee that may wait for the call: an acknowledgement, an answer and a goodbye.
const WORDS: usize = 4;

/// Why a call failed. Codes and texts are those that LiveKit's SDKs have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RpcFailure {
    ConnectionTimeout,
    ResponseTimeout,
    RecipientDisconnected,
    ResponseTooLarge,
    RequestTooLarge,
    /// What was answered needs a newer version than was asked for.
    UnsupportedVersion,
    /// The callee's own word, or its SDK's.
    Answered(pb::RpcError),
    /// Too many others wait.
    Busy,
}

impl RpcFailure {
    fn code(&self) -> u32 {
        match self {
            Self::ConnectionTimeout => 1501,
            Self::ResponseTimeout => 1502,
            Self::RecipientDisconnected => 1503,
            Self::ResponseTooLarge => 1504,
            Self::Busy => 1505,
            Self::RequestTooLarge => 1402,
            Self::UnsupportedVersion => 1404,
            Self::Answered(error) => error.code,
        }
    }

    /// As Twirp calls it, where livekit-server's words come out.
    pub(super) fn twirp(&self) -> &'static str {
        match self.code() {
            1501 | 1502 => "canceled",
            1503 => "unavailable",
            1504 | 1402 => "malformed",
            1400 => "invalid_argument",
            1401 => "not_found",
            1403 | 1404 => "unimplemented",
            _ if *self == Self::Busy => "resource_exhausted",
            _ => "internal",
        }
    }
}

impl fmt::Display for RpcFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: &str = match self {
            Self::ConnectionTimeout => "Connection timeout",
            Self::ResponseTimeout => "Response timeout",
            Self::RecipientDisconnected => "Recipient disconnected",
            Self::ResponseTooLarge => "Response payload too large",
            Self::RequestTooLarge => "Request payload too large",
            Self::UnsupportedVersion => "Unsupported RPC version",
            Self::Answered(error) => &error.message,
            Self::Busy => "Failed to send: too many other calls wait",
        };
        write!(f, "RpcError {}: {text}", self.code())?;
        match self {
            Self::Answered(error) if !error.data.is_empty() => write!(f, ": {}", error.data),
            _ => Ok(()),
        }
    }
}

/// What a callee said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// Number of the call.
    call: String,
    word: Word,
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Heard,
    Answer(Result<String, RpcFailure>),
    Gone,
}

impl Reply {
    /// Reads a data message; `None`: it is none to a call of the server API.
    pub(super) fn of(packet: &pb::DataPacket) -> Option<Self> {
        let (call, word) = match packet.value.as_ref()? {
            Value::RpcAck(ack) => (&ack.request_id, Word::Heard),
            Value::RpcResponse(response) => {
                let answer = match &response.value {
                    Some(Outcome::Error(error)) => Err(RpcFailure::Answered(error.clone())),
                    Some(Outcome::Payload(text)) if text.len() > PAYLOAD => {
                        Err(RpcFailure::ResponseTooLarge)
                    }
                    Some(Outcome::Payload(text)) => Ok(text.clone()),
                    Some(Outcome::CompressedPayload(_)) => Err(RpcFailure::UnsupportedVersion),
                    None => Ok(String::new()),
                };
                (&response.request_id, Word::Answer(answer))
            }
            _ => return None,
        };
        let to_caller = packet.destination_identities == [call.as_str()];
        to_caller.then(|| Self { call: call.clone(), word })
    }
}

#[derive(Debug)]
struct Waiting {
    callee: ParticipantId,
    words: mpsc::Sender<Word>,
}

/// Calls that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<String, Waiting>>);

impl Calls {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody said something in reply. Only the callee's word counts.
    pub(super) fn reply(&self, from: &ParticipantId, reply: Reply) {
        if let Some(waiting) = self.waiting().get(&reply.call).filter(|w| w.callee == *from) {
            // Whoever says more than there is to say is not listened to.
            let _rest = waiting.words.try_send(reply.word);
        }
    }

    /// Somebody is out and will not answer any more.
    pub(super) fn gone(&self, callee: &ParticipantId) {
        for waiting in self.waiting().values().filter(|waiting| waiting.callee == *callee) {
            let _full = waiting.words.try_send(Word::Gone);
        }
    }

    /// Begins a call: the message to send, and what waits for the answer.
    ///
    /// # Errors
    /// The payload is too large, or too many calls wait.
    pub(super) fn begin(
        &self,
        call: String,
        callee: ParticipantId,
        request: pb::PerformRpcRequest,
    ) -> Result<(Vec<u8>, Call<'_>), RpcFailure> {
        if request.payload.len() > PAYLOAD {
            return Err(RpcFailure::RequestTooLarge);
        }
        let patience = match request.response_timeout_ms {
            0 => RESPONSE,
            ms => Duration::from_millis(ms.into()).min(LONGEST_RESPONSE),
        };
        let packet = pb::DataPacket {
            participant_identity: call.clone(),
            destination_identities: vec![request.destination_identity],
            value: Some(Value::RpcRequest(pb::RpcRequest {
                id: call.clone(),
                method: request.method,
                payload: request.payload,
                response_timeout_ms: patience.as_millis() as u32,
                version: VERSION,
                ..pb::RpcRequest::default()
            })),
            ..pb::DataPacket::default()
        };
        let (words, heard) = mpsc::channel(WORDS);
        let mut all = self.waiting();
        if all.len() >= MOST_CALLS {
            return Err(RpcFailure::Busy);
        }
        all.insert(call.clone(), Waiting { callee, words });
        Ok((packet.encode_to_vec(), Call { calls: self, call, heard, ack: ACK, patience }))
    }
}

/// A call that has begun. Dropped, it waits no more.
#[derive(Debug)]
pub(super) struct Call<'a> {
    calls: &'a Calls,
    call: String,
    heard: mpsc::Receiver<Word>,
    /// For so long the callee may take to acknowledge, and to answer.
    ack: Duration,
    patience: Duration,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.waiting().remove(&self.call);
    }
}

impl Call<'_> {
    /// Waits for the answer. Whoever does not even acknowledge a call has not got it.
    ///
    /// # Errors
    /// See [`RpcFailure`].
    pub(super) async fn answer(mut self) -> Result<String, RpcFailure> {
        let begun = Instant::now();
        let (end, mut until) = (begun + self.patience, begun + self.ack.min(self.patience));
        loop {
            match timeout_at(until, self.heard.recv()).await {
                Ok(Some(Word::Heard)) => until = end,
                Ok(Some(Word::Answer(answer))) => return answer,
                Ok(Some(Word::Gone) | None) => return Err(RpcFailure::RecipientDisconnected),
                Err(_) if until == end => return Err(RpcFailure::ResponseTimeout),
                Err(_) => return Err(RpcFailure::ConnectionTimeout),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(payload: usize, ms: u32) -> pb::PerformRpcRequest {
        pb::PerformRpcRequest {
            room: "room".to_owned(),
            destination_identity: "ada".to_owned(),
            method: "greet".to_owned(),
            payload: "x".repeat(payload),
            response_timeout_ms: ms,
        }
    }

    fn begin(calls: &Calls, ms: u32) -> Call<'_> {
        let (message, call) =
            calls.begin("call".to_owned(), "PA_ada".into(), request(3, ms)).expect("it begins");
        let packet = pb::DataPacket::decode(&*message).expect("a data message");
        assert_eq!((packet.participant_identity.as_str(), packet.sequence), ("call", 0));
        let Some(Value::RpcRequest(sent)) = packet.value else { panic!("{packet:?}") };
        assert_eq!((sent.id.as_str(), sent.method.as_str(), sent.version), ("call", "greet", 1));
        call
    }

    fn packet(value: Value) -> pb::DataPacket {
        let destination_identities = vec!["call".to_owned()];
        pb::DataPacket { destination_identities, value: Some(value), ..Default::default() }
    }

    fn ack() -> Reply {
        let value = Value::RpcAck(pb::RpcAck { request_id: "call".to_owned() });
        Reply::of(&packet(value)).expect("a reply")
    }

    fn response(value: Outcome) -> Reply {
        let response = pb::RpcResponse { request_id: "call".to_owned(), value: Some(value) };
        Reply::of(&packet(Value::RpcResponse(response))).expect("a reply")
    }

    #[tokio::test]
    async fn the_callee_answers_and_nobody_else_can() {
        let calls = Calls::default();
        let call = begin(&calls, 0);
        calls.reply(&"PA_eve".into(), response(Outcome::Payload("forged".to_owned())));
        calls.reply(&"PA_ada".into(), ack());
        calls.reply(&"PA_ada".into(), response(Outcome::Payload("hello".to_owned())));
        assert_eq!(call.answer().await, Ok("hello".to_owned()));
        assert!(calls.waiting().is_empty(), "nothing is left of it");
    }

    #[tokio::test]
    async fn silence_is_told_by_how_far_the_call_came() {
        let calls = Calls::default();
        for (acknowledged, ack, failure) in [
            (false, 10, RpcFailure::ConnectionTimeout),
            (true, 10, RpcFailure::ResponseTimeout),
            (false, 100, RpcFailure::ResponseTimeout),
        ] {
            let mut call = begin(&calls, 50);
            assert_eq!((call.ack, call.patience), (ACK, Duration::from_millis(50)));
            call.ack = Duration::from_millis(ack);
            if acknowledged {
                calls.reply(&"PA_ada".into(), self::ack());
            }
            assert_eq!(call.answer().await, Err(failure));
        }
        assert_eq!(begin(&calls, 0).patience, RESPONSE);
        assert_eq!(begin(&calls, u32::MAX).patience, LONGEST_RESPONSE);
    }

    #[tokio::test]
    async fn failures_have_livekits_codes() {
        let calls = Calls::default();
        let error = |code| pb::RpcError { code, message: "no".to_owned(), data: "why".to_owned() };
        for (reply, text, twirp) in [
            (
                Some(response(Outcome::Error(error(1400)))),
                "RpcError 1400: no: why",
                "invalid_argument",
            ),
            (Some(response(Outcome::Error(error(1500)))), "RpcError 1500: no: why", "internal"),
            (Some(response(Outcome::Error(error(7)))), "RpcError 7: no: why", "internal"),
            (
                Some(response(Outcome::Payload("x".repeat(PAYLOAD + 1)))),
                "RpcError 1504: Response payload too large",
                "malformed",
            ),
            (
                Some(response(Outcome::CompressedPayload(vec![1]))),
                "RpcError 1404: Unsupported RPC version",
                "unimplemented",
            ),
            (None, "RpcError 1503: Recipient disconnected", "unavailable"),
        ] {
            let call = begin(&calls, 0);
            match reply {
                Some(reply) => calls.reply(&"PA_ada".into(), reply),
                None => calls.gone(&"PA_ada".into()),
            }
            let failure = call.answer().await.expect_err("a failure");
            assert_eq!((failure.to_string().as_str(), failure.twirp()), (text, twirp));
        }
    }

    #[test]
    fn calls_are_bounded_in_size_and_number() {
        let calls = Calls::default();
        let begin = |n: usize, payload| {
            calls.begin(n.to_string(), "PA_ada".into(), request(payload, 0)).map(|(_, call)| call)
        };
        assert_eq!(begin(0, PAYLOAD + 1).err(), Some(RpcFailure::RequestTooLarge));
        let waiting: Vec<_> = (0..MOST_CALLS).map(|n| begin(n, PAYLOAD).expect("room")).collect();
        assert_eq!(begin(MOST_CALLS, 0).err(), Some(RpcFailure::Busy));
        drop(waiting);
        assert!(begin(MOST_CALLS, 0).is_ok());
    }

    #[test]
    fn answers_between_people_are_not_the_boxs() {
        let ack = Value::RpcAck(pb::RpcAck { request_id: "call".to_owned() });
        let between = |identities: &[&str]| pb::DataPacket {
            destination_identities: identities.iter().map(|i| (*i).to_owned()).collect(),
            value: Some(ack.clone()),
            ..pb::DataPacket::default()
        };
        assert_eq!(Reply::of(&between(&["bob"])), None);
        assert_eq!(Reply::of(&between(&["call", "bob"])), None);
        assert_eq!(Reply::of(&between(&[])), None);
        assert_eq!(Reply::of(&pb::DataPacket::default()), None);
    }
}
