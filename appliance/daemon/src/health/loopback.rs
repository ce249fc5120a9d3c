//! A meeting of the box with itself: one client publishes sound over the real UDP port, another hears
//! it, and a recorder of its own writes it below `health/`, from where it is removed again.
//!
//! The room's name tells it from rooms of people ([`is_ours`]); nobody else is told of it.

use roombox_capture::manifest::{EndReason, Manifest};
use roombox_capture::{OpenRecording, Recorder, RecorderConfig, RecorderEvent};
use roombox_net::{EventSink, Plane, SinkFull, TapSink};
use roombox_sfu::ids::{ParticipantId, RoomName};
use roombox_sfu::tap::{TapId, TapItem};
use roombox_sfu::track::{MediaKind, TrackSource};
use roombox_sfu::view::{Permissions, Standing};
use roombox_sfu::{
    Command, Event, LoopbackPeer, NewParticipant, NewTrack, RoomOptions, Transport, TransportMode,
};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use ulid::Ulid;

/// No token can name such a room by chance; its end is not known before it opens.
const PREFIX: &str = "\u{1}health ";
/// Everything together; a slow machine needs some seconds for two handshakes.
const PATIENCE: Duration = Duration::from_secs(14);
/// Packets that must arrive at the other client: two seconds of sound.
const ENOUGH_HEARD: u64 = 100;
/// Sound that must be in a sealed file: what came before the tap was open is not.
const LEAST_RECORDED_US: u64 = 1_000_000;
/// The publisher's track.
const CID: &str = "loopback";

/// Whether this is a room of the health check.
pub fn is_ours(room: &str) -> bool {
    room.starts_with(PREFIX)
}

struct Told(mpsc::SyncSender<Event>);

impl EventSink for Told {
    fn offer(&mut self, event: Event) -> Result<(), SinkFull> {
        match self.0.try_send(event) {
            Err(mpsc::TrySendError::Full(_)) => Err(SinkFull),
            _ => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        true
    }
}

struct Tapped(roombox_capture::TapSink);

impl TapSink for Tapped {
    fn offer(&mut self, item: TapItem) {
        self.0.push(item);
    }
}

/// One client with its socket and what its room tells it.
struct Guest<'a> {
    plane: &'a Plane,
    room: RoomName,
    id: ParticipantId,
    publishes: bool,
    peer: LoopbackPeer,
    socket: UdpSocket,
    told: Receiver<Event>,
}

impl<'a> Guest<'a> {
    fn join(
        plane: &'a Plane,
        here: IpAddr,
        room: &RoomName,
        publishes: bool,
    ) -> Result<Self, String> {
        let socket = UdpSocket::bind((here, 0)).map_err(said("a socket"))?;
        socket.set_nonblocking(true).map_err(said("a socket"))?;
        let address = socket.local_addr().map_err(said("a socket"))?;
        let peer =
            LoopbackPeer::new(Instant::now(), Transport::Udp, address).map_err(said("a client"))?;
        let (sender, told) = mpsc::sync_channel(256);
        let id = ParticipantId::from(format!("PA_{}", Ulid::new()));
        let participant = NewParticipant {
            id: id.clone(),
            identity: id.as_str().into(),
            name: "health".to_owned(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permissions: Permissions::everything(),
            standing: Standing::Member,
            known_as: None,
            joined_unix_ms: 0,
            auto_subscribe: !publishes,
            auto_subscribe_data: false,
            hears_by_packets: false,
            mode: TransportMode::Single,
            note: [].into(),
        };
        let options = RoomOptions {
            sid: format!("RM_{}", Ulid::new()),
            metadata: String::new(),
            created_unix_ms: 0,
            opened_with: String::new(),
            max_participants: 2,
            video_codecs: Default::default(),
            lobby: false,
            empty_timeout: PATIENCE,
            departure_timeout: Duration::ZERO,
        };
        let participant = Box::new(participant);
        let command = Command::Join { room: room.clone(), options, participant };
        plane.attach(room, id.clone(), Box::new(Told(sender)), command).map_err(said("a room"))?;
        Ok(Self { plane, room: room.clone(), id, publishes, peer, socket, told })
    }

    fn command(&self, command: Command) -> Result<(), String> {
        self.plane.command(&self.room, command).map_err(said("a room"))
    }

    fn offer(&mut self, hears: u32) -> Result<(), String> {
        let cid = self.publishes.then_some(CID);
        let offer = self.peer.offer(Instant::now(), cid, hears).map_err(said("an offer"))?;
        match offer {
            Some((id, sdp)) => {
                let participant = self.id.clone();
                self.command(Command::Offer { participant, id, sdp })
            }
            None => Ok(()),
        }
    }

    fn hear(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Joined { .. } if self.publishes => {
                let track = Box::new(NewTrack {
                    id: format!("TR_{}", Ulid::new()).into(),
                    cid: CID.to_owned(),
                    name: String::new(),
                    kind: MediaKind::Audio,
                    source: TrackSource::Microphone,
                    muted: false,
                    width: 0,
                    height: 0,
                    encrypted: false,
                    layers: Vec::new(),
                    codec: None,
                    backup: None,
                    no_red: true,
                    note: [].into(),
                });
                self.command(Command::AddTrack { participant: self.id.clone(), track })
            }
            Event::Joined { .. } => self.offer(1),
            Event::TrackAccepted { .. } => self.offer(0),
            Event::SectionsWanted { audios, .. } => self.offer(audios),
            Event::Answer { sdp, .. } => {
                self.peer.answer(Instant::now(), &sdp).map_err(said("an answer"))
            }
            Event::OfferRefused { reason, .. } => Err(format!("the offer was refused: {reason}")),
            Event::TrackRefused { why, .. } => Err(format!("the track was refused: {why}")),
            Event::Closed { reason } => Err(format!("the client was sent out: {reason:?}")),
            _ => Ok(()),
        }
    }

    /// Does what is due now.
    fn turn(&mut self) -> Result<(), String> {
        while let Ok(event) = self.told.try_recv() {
            self.hear(event)?;
        }
        let mut datagram = [0; 2048];
        loop {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, source)) => self
                    .peer
                    .datagram(Instant::now(), source, &datagram[..length])
                    .map_err(said("a connection"))?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("a socket broke: {error}")),
            }
        }
        self.peer.wake(Instant::now()).map_err(said("a connection"))?;
        while let Some((to, contents)) = self.peer.transmit() {
            // Candidates that cannot be reached are not ours to mend; another will do.
            self.socket.send_to(&contents, to).map_or_else(drop, drop);
        }
        Ok(())
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let reason = roombox_sfu::LeaveReason::ClientLeft;
        let leave = Command::Leave { participant: self.id.clone(), reason };
        self.command(leave).unwrap_or_else(|error| tracing::debug!(error, "it leaves by itself"));
    }
}

fn said<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("the box did not give {what}: {error}")
}

/// Meets, hears and records for a few seconds; then nothing of it is left. On a thread of its own.
///
/// # Errors
/// What did not work, for people.
pub fn meet_and_record(plane: &Plane, data: &Path) -> Result<String, String> {
    let root = data.join("health");
    clear(&root)?;
    let outcome = meet(plane, &root);
    clear(&root)?;
    outcome
}

/// Also what a power cut in the middle of a check left.
fn clear(root: &Path) -> Result<(), String> {
    match fs::remove_dir_all(root) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{} cannot be removed: {error}", root.display()))
        }
        _ => Ok(()),
    }
}

fn meet(plane: &Plane, root: &Path) -> Result<String, String> {
    let begun = Instant::now();
    let room = RoomName::from(format!("{PREFIX}{}", Ulid::new()));
    let (ended, endings) = mpsc::channel::<Box<Manifest>>();
    let recorder = Recorder::start(RecorderConfig::new(root, 0), move |event| {
        if let RecorderEvent::Ended { manifest, .. } = event {
            ended.send(manifest).unwrap_or_default();
        }
    })
    .map_err(said("a recorder"))?;
    let outcome = recorded(plane, &room, &recorder, &endings, begun);
    let end = Command::EndRoom { room: room.clone() };
    let over = plane.command(&room, end).map_err(said("the room's end"));
    // Its threads write no more when this returns, and the folder can go.
    recorder.shutdown();
    over.and(outcome)
}

fn recorded(
    plane: &Plane,
    room: &RoomName,
    recorder: &Recorder,
    endings: &Receiver<Box<Manifest>>,
    begun: Instant,
) -> Result<String, String> {
    // Of the family by which the box is reached.
    let here = match plane.addresses().iter().any(IpAddr::is_ipv4) {
        true => IpAddr::V4(Ipv4Addr::LOCALHOST),
        false => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let speaker = Guest::join(plane, here, room, true)?;
    let listener = Guest::join(plane, here, room, false)?;
    let recording = format!("rec_{}", Ulid::new());
    let open = OpenRecording { recording: recording.clone(), room: String::new(), resume: None };
    let sink = recorder.open(open).map_err(said("a recording"))?;
    let tap = TapId(u64::MAX);
    plane.open_tap(room, tap, Box::new(Tapped(sink))).map_err(said("a tap"))?;
    let heard = converse(speaker, listener, recorder, &recording, begun);
    let close = Command::CloseTap { room: room.clone(), tap };
    plane.command(room, close).map_err(said("the tap's end"))?;
    recorder.stop(&recording, EndReason::Stopped).map_err(said("the recording's end"))?;
    let (heard, bytes) = heard?;
    let left = (begun + PATIENCE).saturating_duration_since(Instant::now());
    let manifest = endings.recv_timeout(left).map_err(|_| "the recording was not sealed")?;
    let sealed = manifest.parts.iter().filter_map(|part| part.end_us.zip(Some(part.start_us)));
    let recorded_us: u64 = sealed.map(|(end, start)| end.saturating_sub(start)).sum();
    if recorded_us < LEAST_RECORDED_US {
        return Err(format!("{heard} packets were heard, but only {recorded_us} µs recorded"));
    }
    let (took, recorded) = (begun.elapsed().as_millis(), recorded_us / 1000);
    Ok(format!("{heard} packets heard, {recorded} ms in {bytes} bytes recorded, took {took} ms"))
}

/// Until enough was heard and the recording grew: packets heard and bytes written.
fn converse(
    mut speaker: Guest<'_>,
    mut listener: Guest<'_>,
    recorder: &Recorder,
    recording: &str,
    begun: Instant,
) -> Result<(u64, u64), String> {
    let bytes = || recorder.figures(recording).map_or(0, |figures| figures.bytes);
    let mut first = 0;
    loop {
        speaker.turn()?;
        listener.turn()?;
        let (heard, written) = (listener.peer.heard(), bytes());
        if first == 0 && heard > 0 {
            first = written.max(1);
        }
        if heard >= ENOUGH_HEARD && written > first {
            return Ok((heard, written));
        }
        if begun.elapsed() > PATIENCE {
            let connected = (speaker.peer.is_connected(), listener.peer.is_connected());
            return Err(format!(
                "within {PATIENCE:?}: speaker and listener connected {connected:?}, {heard} packets \
                 heard, {written} bytes recorded"
            ));
        }
        let due = speaker.peer.next_timeout().min(listener.peer.next_timeout());
        let pause = due.saturating_duration_since(Instant::now());
        std::thread::sleep(pause.clamp(Duration::from_millis(1), Duration::from_millis(5)));
    }
}
