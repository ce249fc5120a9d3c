//! One client's WebSocket: frames in, frames out, until either side has had enough.

use super::LivekitDoor;
use super::captions::Allowance;
use super::entrance::{moderates, unix_ms};
use super::renewal::{self, Came};
use super::rpc::Calls;
use super::session::{Action, Session, send};
use crate::token::TokenError;
use axum::extract::ws::{CloseCode, CloseFrame, Message as Frame, WebSocket, close_code};
use livekit_protocol as pb;
use prost::Message as _;
use roombox_control::conference::{Command, Conference, Event, ParticipantId, RoomName};
use roombox_control::recordings::Recordings;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout, timeout_at};

/// A client that says nothing for so long is given up; its place is kept.
const SILENCE: Duration = Duration::from_secs(15);
/// Most clients send pings of their protocol; LiveKit's Go SDK sends none and waits to be asked, by a ping of
/// the WebSocket (RFC 6455 §5.5.2), as livekit-server does every ten seconds. Who was heard is not asked.
const ASKED_AFTER: Duration = Duration::from_secs(5);
/// A client that does not read for this long is gone.
const WRITE: Duration = Duration::from_secs(10);

/// LiveKit's Rust SDK (and Python's, which is made of it) waits for the answer to a numbered request from
/// when it has sent that: an answer that comes sooner, as over a wire of one metre, is never heard.
const BREATH: Duration = Duration::from_millis(10);

/// A client that was told goodbye gets so long to say it, too.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The session said so.
    Done,
    /// The room does not speak to this connection any more: it ended, or another one took over.
    LetGo,
    /// The shard had too much waiting for a request: the participant's place is kept.
    Busy,
    /// The client sent more at once than may be.
    TooLarge,
    /// What the client sends is no WebSocket (any more).
    Garbled,
    /// Text that is none.
    NotText,
    /// The client closed the WebSocket: the participant's place is kept.
    Farewell,
    /// The connection broke or went silent: the participant's place is kept.
    Lost,
}

impl End {
    /// What the client is told (RFC 6455 §7.4.1; 1013 from IANA's registry). Refusals of a join are
    /// answers to the upgrade, and reasons to leave are messages: both come before any frame of
    /// this kind. `None`: nobody is there to hear it, or must be told nothing.
    fn code(self) -> Option<CloseCode> {
        match self {
            Self::Done => Some(close_code::NORMAL),
            Self::LetGo => Some(close_code::AWAY),
            Self::Busy => Some(close_code::AGAIN),
            Self::TooLarge => Some(close_code::SIZE),
            Self::Garbled => Some(close_code::PROTOCOL),
            Self::NotText => Some(close_code::INVALID),
            Self::Farewell | Self::Lost => None,
        }
    }

    /// The WebSocket broke on what the client sent.
    fn is_deaf(self) -> bool {
        matches!(self, Self::TooLarge | Self::Garbled | Self::NotText)
    }

    /// What an error of the WebSocket comes to.
    fn of(error: axum::Error) -> Self {
        use tungstenite::Error as Broken;
        use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        match error.into_inner().downcast_ref::<Broken>() {
            Some(Broken::Capacity(_)) => Self::TooLarge,
            Some(Broken::Utf8(_)) => Self::NotText,
            Some(Broken::Protocol(ResetWithoutClosingHandshake)) => Self::Lost,
            Some(Broken::Protocol(_)) => Self::Garbled,
            _ => Self::Lost,
        }
    }
}

struct Client {
    conference: Arc<dyn Conference>,
    calls: Arc<Calls>,
    recordings: Arc<Recordings>,
    captions: Allowance,
    participant: ParticipantId,
    room: RoomName,
    session: Session,
    came: Came,
    websocket: WebSocket,
    /// The client writes JSON, so it is answered in JSON.
    json: bool,
    /// Messages that could not be read.
    unread: u64,
    /// When it said something last.
    heard: Instant,
}

pub(super) async fn serve(
    door: LivekitDoor,
    room: RoomName,
    participant: ParticipantId,
    session: Session,
    came: Came,
    mut events: mpsc::Receiver<Event>,
    websocket: WebSocket,
) {
    let LivekitDoor { conference, calls, recordings, .. } = door;
    let mut client = Client {
        conference,
        calls,
        recordings,
        captions: Allowance::new(std::time::Instant::now()),
        participant: participant.clone(),
        room,
        session,
        came,
        websocket,
        json: false,
        unread: 0,
        heard: Instant::now(),
    };
    let end = client.run(&mut events).await;
    // Closed first: the shard ignores this if the participant reads elsewhere by now, because it
    // came back by another connection.
    events.close();
    if !client.session.is_closed() {
        let detach = Command::Detach { participant: participant.clone() };
        if let Err(busy) = client.conference.command(&client.room, detach) {
            tracing::warn!(%participant, %busy, "a lost client could not be marked as such");
        }
    } else {
        client.calls.gone(&participant);
    }
    client.close(end).await;
    tracing::info!(%participant, ?end, unread = client.unread, "a client's signalling ended");
}

impl Client {
    async fn run(&mut self, events: &mut mpsc::Receiver<Event>) -> End {
        let mut renewals = interval(renewal::EVERY);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(ASKED_AFTER);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let actions = tokio::select! {
                // Not before the first word: clients expect the join's answer first.
                _ = renewals.tick(), if self.session.about_me().is_some() => self.renew(),
                _ = looks.tick() => match self.ask().await {
                    Some(end) => return end,
                    None if !self.is_revoked().await => continue,
                    None => self.session.put_out(),
                },
                event = events.recv() => match event {
                    Some(event) => {
                        let conference = self.conference.clone();
                        self.session.event(event, || conference.new_id("TR_"))
                    }
                    None => return End::LetGo,
                },
                // From the client's last word, however much the room has to say meanwhile.
                frame = timeout_at(self.heard + SILENCE, self.websocket.recv()) => match frame {
                    Ok(Some(Ok(frame))) => {
                        self.heard = Instant::now();
                        match self.frame(frame) {
                            Some(actions) => actions,
                            None => return End::Farewell,
                        }
                    }
                    Ok(Some(Err(error))) => {
                        tracing::info!(%error, "a client's signalling broke");
                        return End::of(error);
                    }
                    Ok(None) | Err(_) => return End::Lost,
                },
            };
            if let Some(end) = self.act(actions).await {
                return end;
            }
            if self.session.wants_token() {
                let token = self.renew();
                if let Some(end) = self.act(token).await {
                    return end;
                }
            }
        }
    }

    /// Asks a client that was not heard whether it is there.
    async fn ask(&mut self) -> Option<End> {
        if self.heard.elapsed() < ASKED_AFTER {
            return None;
        }
        let asked = timeout(WRITE, self.websocket.send(Frame::Ping(Vec::new().into()))).await;
        (!matches!(asked, Ok(Ok(())))).then_some(End::Lost)
    }

    /// The account or the personal link by which the client came holds no more. Who revoked a link has everybody
    /// sent out, unless the media plane was too busy for that.
    fn is_revoked(&self) -> impl Future<Output = bool> + Send {
        // Not all of the client: its WebSocket is for one thread at a time.
        let (conference, claims) = (&*self.conference, &self.came.claims);
        async move {
            let holds = moderates(conference, claims).await;
            matches!(holds, Err(TokenError::Revoked | TokenError::PersonGone))
        }
    }

    /// A new token for the client, if it may still have one.
    fn renew(&self) -> Vec<Action> {
        self.token().map(pb::signal_response::Message::RefreshToken).map(send).into_iter().collect()
    }

    fn token(&self) -> Option<String> {
        renewal::renewed(&*self.conference, &self.came, self.session.about_me()?)
    }

    /// The farewell is a courtesy; the connection ends either way. Who says goodbye first waits for
    /// the other (RFC 6455 §7.1.1): clients that cannot answer take it for a broken connection.
    async fn close(&mut self, end: End) {
        if let Some(code) = end.code() {
            let farewell = Frame::Close(Some(CloseFrame { code, reason: "".into() }));
            if !matches!(timeout(WRITE, self.websocket.send(farewell)).await, Ok(Ok(()))) {
                tracing::debug!(?end, "a client had gone before it was told so");
                return;
            }
        } else if end != End::Farewell {
            return;
        }
        let answer = async {
            // The answer to a client's own goodbye waits in the WebSocket: reading sends it.
            while let Some(Ok(_)) = self.websocket.recv().await {}
            // After an error the WebSocket hears nothing any more, an answer neither.
            if end.is_deaf() {
                std::future::pending::<()>().await;
            }
        };
        if timeout(GOODBYE, answer).await.is_err() {
            tracing::debug!(?end, "a client was not heard to say goodbye");
        }
    }

    fn frame(&mut self, frame: Frame) -> Option<Vec<Action>> {
        let request = match frame {
            Frame::Binary(bytes) => pb::SignalRequest::decode(bytes).ok(),
            Frame::Text(text) => {
                let request = serde_json::from_str(&text).ok();
                // Garbage is no reason to speak another language.
                self.json |= request.is_some();
                request
            }
            Frame::Ping(_) | Frame::Pong(_) => return Some(Vec::new()),
            Frame::Close(_) => return None,
        };
        let Some(pb::SignalRequest { message: Some(message) }) = request else {
            // Once a connection: who floods it must not fill the disk with our complaints.
            if self.unread == 0 {
                tracing::info!("skipped a signalling message that cannot be read");
            }
            self.unread += 1;
            return Some(Vec::new());
        };
        let conference = self.conference.clone();
        Some(self.session.request(message, unix_ms() as i64, || conference.new_id("TR_")))
    }

    async fn say(&mut self, response: &pb::SignalResponse) -> Option<End> {
        let frame = worded(response, self.json)?;
        if is_answer(response) {
            sleep_until(self.heard + BREATH).await;
        }
        let sent = timeout(WRITE, self.websocket.send(frame)).await;
        (!matches!(sent, Ok(Ok(())))).then_some(End::Lost)
    }

    /// From now on everything is about another room.
    fn moved(&mut self, mut moved: pb::RoomMovedResponse) -> pb::SignalResponse {
        let name = moved.room.as_ref().map(|room| room.name.as_str()).unwrap_or_default();
        self.room = name.into();
        self.came.moved_to(name);
        moved.token = self.token().unwrap_or_default();
        pb::SignalResponse { message: Some(pb::signal_response::Message::RoomMoved(moved)) }
    }

    async fn act(&mut self, actions: Vec<Action>) -> Option<End> {
        for action in actions {
            match action {
                Action::Send(response) => {
                    if let Some(end) = self.say(&response).await {
                        return Some(end);
                    }
                }
                Action::Moved(moved) => {
                    let moved = self.moved(*moved);
                    if let Some(end) = self.say(&moved).await {
                        return Some(end);
                    }
                }
                Action::Command(command) => {
                    if let Err(busy) = self.conference.command(&self.room, *command) {
                        tracing::warn!(%busy, "a client's request was dropped");
                        return Some(End::Busy);
                    }
                }
                Action::Reply(reply) => self.calls.reply(&self.participant, reply),
                Action::Transcribed(said) => {
                    if self.captions.takes(std::time::Instant::now()) {
                        self.recordings.transcribed(self.room.as_str(), said);
                    }
                }
                Action::Drop => return Some(End::Lost),
                Action::Close => return Some(End::Done),
            }
        }
        None
    }
}

/// True of what clients find by the number of their request.
fn is_answer(response: &pb::SignalResponse) -> bool {
    use pb::signal_response::Message as M;
    let answers = |message: &M| {
        matches!(
            message,
            M::RequestResponse(_) | M::StoreDataBlobResponse(_) | M::GetDataBlobResponse(_)
        )
    };
    response.message.as_ref().is_some_and(answers)
}

/// A message to the client. `None`: JSON has no word for something in it (a number that another
/// client made up for an enum), and this one does without it.
fn worded(response: &pb::SignalResponse, json: bool) -> Option<Frame> {
    if !json {
        return Some(Frame::binary(response.encode_to_vec()));
    }
    serde_json::to_string(response)
        .inspect_err(|error| tracing::info!(%error, "a message cannot be said in JSON"))
        .ok()
        .map(Frame::text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::signal_response::Message as Response;
    use tungstenite::Error as Broken;
    use tungstenite::error::{CapacityError, ProtocolError};

    #[test]
    fn errors_of_the_socket_are_told_by_their_codes() {
        let too_long = CapacityError::MessageTooLong { size: 3, max_size: 2 };
        for (error, code) in [
            (Broken::Capacity(too_long), Some(1009)),
            (Broken::Protocol(ProtocolError::UnmaskedFrameFromClient), Some(1002)),
            (Broken::Utf8("x".to_owned()), Some(1007)),
            (Broken::Protocol(ProtocolError::ResetWithoutClosingHandshake), None),
            (Broken::Io(std::io::ErrorKind::ConnectionReset.into()), None),
        ] {
            let told = format!("{error:?}");
            assert_eq!(End::of(axum::Error::new(error)).code(), code, "{told}");
        }
    }

    #[test]
    fn what_json_cannot_say_is_left_out_and_nothing_else() {
        let answer = |reason| pb::SignalResponse {
            message: Some(Response::RequestResponse(pb::RequestResponse {
                reason,
                ..pb::RequestResponse::default()
            })),
        };
        assert!(matches!(worded(&answer(1), true), Some(Frame::Text(_))));
        assert_eq!(worded(&answer(99), true), None);
        assert!(matches!(worded(&answer(99), false), Some(Frame::Binary(_))));
    }
}
