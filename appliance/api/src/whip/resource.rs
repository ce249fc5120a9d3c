//! What a session's address leads to: its task, and the table of them.
//!
//! A task owns its session and its ear to the room. Requests come to it one at a time; it ends when
//! the client, the room or the owner of the key says so, and then its address leads nowhere.

use super::fragment::Fragment;
use super::session::{Action, Reply, Session};
use roombox_control::conference::{Command, Conference, Event, LeaveReason, RoomName};
use roombox_control::whip_keys::WhipRight;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

/// Sessions of a box. Rooms have their own limits; this one bounds what the table costs.
const MOST: usize = 1000;
/// Requests that may wait for one session.
const QUEUE: usize = 8;

/// A request to a session.
pub(super) enum Ask {
    Patch { if_match: Option<String>, fragment: Fragment, reply: oneshot::Sender<Reply> },
    End { done: oneshot::Sender<()> },
}

/// A session's entry in the table.
#[derive(Clone)]
struct Entry {
    /// Id of its key.
    key: String,
    asks: mpsc::Sender<Ask>,
}

/// All sessions that have an address.
#[derive(Default)]
pub(super) struct Resources(Mutex<HashMap<String, Entry>>);

impl Resources {
    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a session an address. `None`: there are too many.
    pub(super) fn insert(&self, id: String, key: String) -> Option<mpsc::Receiver<Ask>> {
        let mut entries = self.entries();
        if entries.len() >= MOST {
            return None;
        }
        let (asks, asked) = mpsc::channel(QUEUE);
        entries.insert(id, Entry { key, asks });
        Some(asked)
    }

    /// The way to a session, and its key's id.
    pub(super) fn find(&self, id: &str) -> Option<(String, mpsc::Sender<Ask>)> {
        self.entries().get(id).map(|entry| (entry.key.clone(), entry.asks.clone()))
    }

    fn remove(&self, id: &str) {
        self.entries().remove(id);
    }
}

/// A session at work.
pub(super) struct Resource {
    pub id: String,
    pub conference: Arc<dyn Conference>,
    pub room: RoomName,
    pub session: Session,
    pub right: WhipRight,
    pub events: mpsc::Receiver<Event>,
    pub asks: mpsc::Receiver<Ask>,
    /// Where the answer to the request in hand goes: at first the offer's.
    pub waiting: Option<oneshot::Sender<Reply>>,
}

/// A goodbye that the room had no time for is said again so often, a second apart: else a participant
/// whose session has gone would stay for as long as its media flows.
const GOODBYES: u32 = 60;

impl Resource {
    /// Serves the session to its end.
    pub(super) async fn run(mut self, table: Arc<Resources>) {
        let owed = loop {
            match self.turn().await {
                Turn::Goes => {}
                Turn::Ends(owed) => break owed,
            }
        };
        // What still waits hears that the session has gone, by its channel's end.
        table.remove(&self.id);
        tracing::debug!("a session of the WHIP door ended");
        // Nobody listens any more: let the room know before the goodbye, which may take its time.
        drop(self.events);
        let Some(goodbye) = owed else { return };
        for _ in 0..GOODBYES {
            sleep(Duration::from_secs(1)).await;
            if self.conference.command(&self.room, (*goodbye).clone()).is_ok() {
                return;
            }
        }
        tracing::error!("a participant of the WHIP door could not be sent out");
    }

    async fn turn(&mut self) -> Turn {
        let actions = tokio::select! {
            event = self.events.recv() => match event {
                Some(event) => {
                    let conference = self.conference.clone();
                    self.session.event(event, || conference.new_id("TR_"))
                }
                // The room does not speak to this session any more.
                None => return Turn::Ends(None),
            },
            // One at a time: an answer belongs to the request in hand.
            ask = self.asks.recv(), if self.waiting.is_none() => match ask {
                Some(Ask::Patch { if_match, fragment, reply }) => {
                    self.waiting = Some(reply);
                    self.session.patch(if_match.as_deref(), fragment)
                }
                Some(Ask::End { done }) => {
                    let actions = self.session.end(LeaveReason::ClientLeft);
                    let turn = self.act(actions);
                    // Who asked may have gone.
                    done.send(()).unwrap_or_default();
                    return turn;
                }
                None => self.session.end(LeaveReason::ClientLeft),
            },
            () = self.right.revoked() => self.session.end(LeaveReason::Removed),
        };
        self.act(actions)
    }

    fn act(&mut self, actions: Vec<Action>) -> Turn {
        let (mut ends, mut owed) = (false, None);
        for action in actions {
            match action {
                Action::Command(command) => {
                    let goodbye = matches!(*command, Command::Leave { .. });
                    if let Err(busy) = self.conference.command(&self.room, (*command).clone()) {
                        tracing::warn!(%busy, "a request of a WHIP session was dropped");
                        owed = goodbye.then_some(command);
                    }
                }
                Action::Reply(reply) => {
                    if !self.reply(reply) {
                        // The client hung up before it had the address.
                        let goodbye = self.session.end(LeaveReason::JoinFailed);
                        return self.act(goodbye);
                    }
                }
                Action::Close => ends = true,
            }
        }
        if ends { Turn::Ends(owed) } else { Turn::Goes }
    }

    /// False if nobody would ever come back for the session.
    fn reply(&mut self, reply: Reply) -> bool {
        let opens = matches!(reply, Reply::Answered { .. });
        let waiting = self.waiting.take();
        waiting.is_none_or(|waiting| waiting.send(reply).is_ok() || !opens)
    }
}

/// How a session's task goes on.
enum Turn {
    Goes,
    /// It is over; the goodbye, if the room had no time for it.
    Ends(Option<Box<Command>>),
}
