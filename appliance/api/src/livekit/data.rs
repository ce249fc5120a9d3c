//! Data messages on their way through the box (livekit_models.proto, `DataPacket`).
//!
//! RPC, streams and chat are opaque, but for answers to calls of the server API and for captions. The box vouches for who
//! sent a message and picks who gets it.

use super::captions::CaptionReader;
use super::rpc::Reply;
use livekit_protocol as pb;
use livekit_protocol::data_packet::Value;
use prost::Message;
use roombox_control::conference::{Channel, Identity, ParticipantId, Recipients};
use roombox_control::recordings::Piece;

/// A message that may go on.
#[derive(Debug, PartialEq)]
pub(super) struct Relayed {
    pub message: Vec<u8>,
    pub to: Recipients,
    /// Its number among the sender's reliable messages; 0: none.
    pub sequence: u32,
    /// It is for the box, and goes on to nobody.
    pub reply: Option<Reply>,
    /// What a recording of the room hears of it.
    pub captions: Vec<Piece>,
}

/// Who sends, and what it has sent already.
#[derive(Debug)]
pub(super) struct DataSender {
    pub id: ParticipantId,
    pub identity: Identity,
    /// Others are not told who it is.
    pub hidden: bool,
    pub allowed: bool,
    /// Newest reliable message that went through; clients send again after a resume.
    pub last_sequence: u32,
    pub captions: CaptionReader,
}

impl DataSender {
    /// Checks and stamps a message. `None`: it is not allowed, came before, or is not a
    /// `DataPacket`.
    pub(super) fn relay(&mut self, channel: Channel, message: &[u8]) -> Option<Relayed> {
        if !self.allowed || channel == Channel::DataTrack {
            return None;
        }
        let mut packet = pb::DataPacket::decode(message).ok()?;
        if channel == Channel::Reliable && packet.sequence > 0 {
            if packet.sequence <= self.last_sequence {
                return None;
            }
            self.last_sequence = packet.sequence;
        }
        let (id, identity) = match self.hidden {
            true => (String::new(), String::new()),
            false => (self.id.to_string(), self.identity.to_string()),
        };
        packet.participant_sid.clone_from(&id);
        packet.participant_identity.clone_from(&identity);
        let mut identities = packet.destination_identities.clone();
        let mut participants = Vec::new();
        // Deprecated fields that older clients still read and write.
        #[expect(deprecated, reason = "older clients still use them")]
        if let Some(Value::User(user)) = &mut packet.value {
            user.participant_sid = id;
            user.participant_identity = identity;
            identities.extend(user.destination_identities.iter().cloned());
            participants.extend(user.destination_sids.iter().map(|sid| sid.as_str().into()));
        }
        let to = if identities.is_empty() && participants.is_empty() {
            Recipients::Everybody
        } else {
            let identities = identities.into_iter().map(Identity::from).collect();
            Recipients::Only { participants, identities }
        };
        let (sequence, reply) = (packet.sequence, Reply::of(&packet));
        // What is meant for some is nobody else's business later.
        let captions = match &to {
            Recipients::Everybody => self.captions.read(&packet),
            Recipients::Only { .. } => Vec::new(),
        };
        Some(Relayed { message: packet.encode_to_vec(), to, sequence, reply, captions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> DataSender {
        DataSender {
            id: "PA_me".into(),
            identity: "me".into(),
            hidden: false,
            allowed: true,
            last_sequence: 0,
            captions: CaptionReader::default(),
        }
    }

    fn packet(sequence: u32) -> pb::DataPacket {
        pb::DataPacket {
            sequence,
            participant_identity: "somebody else".into(),
            value: Some(Value::User(pb::UserPacket {
                payload: b"hello".to_vec(),
                ..pb::UserPacket::default()
            })),
            ..pb::DataPacket::default()
        }
    }

    #[test]
    fn the_box_says_who_sent_it() {
        let relayed =
            sender().relay(Channel::Reliable, &packet(1).encode_to_vec()).expect("relayed");
        let out = pb::DataPacket::decode(&*relayed.message).unwrap();
        assert_eq!(out.participant_identity, "me");
        assert_eq!(out.participant_sid, "PA_me");
        assert_eq!(relayed.to, Recipients::Everybody);
    }

    #[test]
    fn a_reliable_message_goes_through_once() {
        let mut sender = sender();
        assert!(sender.relay(Channel::Reliable, &packet(5).encode_to_vec()).is_some());
        assert!(sender.relay(Channel::Reliable, &packet(5).encode_to_vec()).is_none());
        assert!(sender.relay(Channel::Reliable, &packet(4).encode_to_vec()).is_none());
        assert!(sender.relay(Channel::Lossy, &packet(0).encode_to_vec()).is_some());
    }

    #[test]
    fn without_the_grant_or_with_garbage_nothing_goes() {
        let mut forbidden = DataSender { allowed: false, ..sender() };
        assert!(forbidden.relay(Channel::Reliable, &packet(1).encode_to_vec()).is_none());
        assert!(sender().relay(Channel::Reliable, &[0xff, 0xff, 0xff]).is_none());
    }

    #[test]
    fn named_recipients_are_kept() {
        let mut to_bob = packet(1);
        to_bob.destination_identities = vec!["bob".into()];
        let relayed = sender().relay(Channel::Lossy, &to_bob.encode_to_vec()).expect("relayed");
        assert_eq!(
            relayed.to,
            Recipients::Only { participants: vec![], identities: vec!["bob".into()] }
        );
    }
}
