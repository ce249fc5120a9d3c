//! What a client says when it knocks: query, join request, token.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol as pb;
use prost::Message;
use roombox_control::conference::TransportMode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;

/// A join request may not unpack to more than this.
const MAX_JOIN_REQUEST: u64 = 1024 * 1024;

/// base64url with or without padding: SDKs differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a join request cannot be read. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("join_request is missing")]
    Missing,
    #[error("join_request is not base64url")]
    Base64,
    #[error("join_request is not a protobuf")]
    Protobuf,
    #[error("join_request is larger than 1 MiB")]
    TooLarge,
    #[error("attributes are not base64url JSON")]
    Attributes,
}

/// The query of `/rtc` and `/rtc/v1`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JoinQuery {
    pub access_token: String,
    pub join_request: String,
    pub sdk: String,
    pub version: String,
    pub protocol: i32,
    pub auto_subscribe: String,
    pub auto_subscribe_data_track: String,
    pub publish: String,
    pub attributes: String,
    pub reconnect: String,
    pub sid: String,
    pub client_protocol: i32,
}

impl JoinQuery {
    /// How a client that comes by `/rtc` wants to connect: the Go SDK brings a join request there too, as
    /// livekit-server allows (`pkg/service/rtcservice.go`), and wants a single connection then.
    pub(super) fn mode(&self) -> TransportMode {
        match self.join_request.is_empty() {
            true => TransportMode::Dual,
            false => TransportMode::Single,
        }
    }
}

/// What a client wants, whichever way it said so.
#[derive(Debug, Default, Clone)]
pub(super) struct Wanted {
    pub client: pb::ClientInfo,
    pub auto_subscribe: bool,
    pub auto_subscribe_data: bool,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub add_tracks: Vec<pb::AddTrackRequest>,
    pub offer: Option<pb::SessionDescription>,
    /// The participant that the client was and wants to be again.
    pub resume: Option<String>,
    pub sync_state: Option<pb::SyncState>,
    /// v0's `publish=<name>`: a second connection that only publishes.
    pub publish_only: String,
}

impl Wanted {
    /// Go's SDK stands on Pion, which tells of a track when the first packet of it has come.
    pub(super) fn hears_by_packets(&self) -> bool {
        self.client.sdk() == pb::client_info::Sdk::Go
    }

    /// Its program offers a picture in the codec that it asks for and in no other: LiveKit's SDK for Rust, those
    /// that are made of it, and Pion. An answer in another one would be a track without a picture.
    pub(super) fn offers_one_codec(&self) -> bool {
        use pb::client_info::Sdk;
        let sdk = self.client.sdk();
        matches!(
            sdk,
            Sdk::Rust | Sdk::Python | Sdk::Node | Sdk::Cpp | Sdk::Unity | Sdk::Unreal | Sdk::Go
        )
    }
}

fn is_true(text: &str) -> bool {
    matches!(text, "1" | "true" | "TRUE" | "True" | "t")
}

/// Reads v1's wrapped join request.
pub(super) fn single(query: &JoinQuery) -> Result<Wanted, JoinError> {
    if query.join_request.is_empty() {
        return Err(JoinError::Missing);
    }
    let request = decode_join_request(&query.join_request)?;
    let settings = request.connection_settings.unwrap_or_default();
    Ok(Wanted {
        client: request.client_info.unwrap_or_default(),
        auto_subscribe: settings.auto_subscribe,
        auto_subscribe_data: settings.auto_subscribe_data_track.unwrap_or(false),
        metadata: request.metadata,
        attributes: not_empty(request.participant_attributes),
        add_tracks: request.add_track_requests,
        offer: request.publisher_offer,
        resume: request.reconnect.then_some(request.participant_sid),
        sync_state: request.sync_state,
        publish_only: String::new(),
    })
}

fn decode_join_request(text: &str) -> Result<pb::JoinRequest, JoinError> {
    let wrapped = BASE64.decode(text).map_err(|_| JoinError::Base64)?;
    let wrapped = pb::WrappedJoinRequest::decode(&*wrapped).map_err(|_| JoinError::Protobuf)?;
    let gzip = pb::wrapped_join_request::Compression::Gzip as i32;
    let plain = if wrapped.compression == gzip {
        let mut plain = Vec::new();
        let mut unpacked = GzDecoder::new(&*wrapped.join_request).take(MAX_JOIN_REQUEST + 1);
        unpacked.read_to_end(&mut plain).map_err(|_| JoinError::Protobuf)?;
        if plain.len() as u64 > MAX_JOIN_REQUEST {
            return Err(JoinError::TooLarge);
        }
        plain
    } else {
        wrapped.join_request
    };
    pb::JoinRequest::decode(&*plain).map_err(|_| JoinError::Protobuf)
}

/// Reads v0's query. Unlike v1's, an absent `auto_subscribe` means yes; of data tracks it means no in
/// both.
pub(super) fn dual(query: &JoinQuery) -> Result<Wanted, JoinError> {
    let attributes = if query.attributes.is_empty() {
        BTreeMap::new()
    } else {
        let json = BASE64.decode(&query.attributes).map_err(|_| JoinError::Attributes)?;
        let map: std::collections::HashMap<String, String> =
            serde_json::from_slice(&json).map_err(|_| JoinError::Attributes)?;
        not_empty(map)
    };
    Ok(Wanted {
        client: pb::ClientInfo {
            sdk: pb::client_info::Sdk::from_str_name(&query.sdk.to_ascii_uppercase())
                .unwrap_or_default() as i32,
            version: query.version.clone(),
            protocol: query.protocol,
            client_protocol: query.client_protocol,
            ..pb::ClientInfo::default()
        },
        auto_subscribe: query.auto_subscribe.is_empty() || is_true(&query.auto_subscribe),
        auto_subscribe_data: is_true(&query.auto_subscribe_data_track),
        attributes,
        resume: is_true(&query.reconnect).then(|| query.sid.clone()),
        publish_only: query.publish.clone(),
        ..Wanted::default()
    })
}

fn not_empty(map: std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// Entry for the fuzzer: any text as a join request.
pub fn fuzz_join_request(text: &str) {
    // The result is of no interest, only that there is one.
    let _ignored = decode_join_request(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{URL_SAFE as PADDED, URL_SAFE_NO_PAD};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn wrapped(bytes: &[u8], gzip: bool) -> Vec<u8> {
        let join_request = if gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        } else {
            bytes.to_vec()
        };
        pb::WrappedJoinRequest { compression: i32::from(gzip), join_request }.encode_to_vec()
    }

    fn query(join_request: String) -> JoinQuery {
        JoinQuery { join_request, ..JoinQuery::default() }
    }

    #[test]
    fn both_paddings_and_compressions_are_read() {
        let request = pb::JoinRequest { metadata: "m".into(), ..Default::default() };
        let bytes = request.encode_to_vec();
        for gzip in [false, true] {
            let wrapped = wrapped(&bytes, gzip);
            for text in [PADDED.encode(&wrapped), URL_SAFE_NO_PAD.encode(&wrapped)] {
                assert_eq!(single(&query(text)).unwrap().metadata, "m");
            }
        }
    }

    #[test]
    fn a_gzip_bomb_is_refused_without_unpacking_it() {
        let bomb = wrapped(&vec![0u8; 64 * 1024 * 1024], true);
        let text = URL_SAFE_NO_PAD.encode(bomb);
        assert_eq!(single(&query(text)).unwrap_err(), JoinError::TooLarge);
    }

    #[test]
    fn garbage_is_refused_with_what_is_wrong() {
        assert_eq!(single(&query(String::new())).unwrap_err(), JoinError::Missing);
        assert_eq!(single(&query("%%%".into())).unwrap_err(), JoinError::Base64);
        let bad = URL_SAFE_NO_PAD.encode([0xff; 20]);
        assert_eq!(single(&query(bad)).unwrap_err(), JoinError::Protobuf);
    }

    #[test]
    fn the_older_protocol_subscribes_unless_told_not_to() {
        assert!(dual(&JoinQuery::default()).unwrap().auto_subscribe);
        let query = JoinQuery { auto_subscribe: "0".into(), ..JoinQuery::default() };
        assert!(!dual(&query).unwrap().auto_subscribe);
    }

    #[test]
    fn programs_in_go_are_known_by_either_protocol() {
        for (sdk, text, go) in [
            (pb::client_info::Sdk::Go, "go", true),
            (pb::client_info::Sdk::Js, "js", false),
            (pb::client_info::Sdk::Unknown, "", false),
        ] {
            let older = JoinQuery { sdk: text.into(), ..JoinQuery::default() };
            assert_eq!(dual(&older).unwrap().hears_by_packets(), go, "{text:?}");
            let client_info = Some(pb::ClientInfo { sdk: sdk as i32, ..Default::default() });
            let request = pb::JoinRequest { client_info, ..pb::JoinRequest::default() };
            let text = URL_SAFE_NO_PAD.encode(wrapped(&request.encode_to_vec(), false));
            assert_eq!(single(&query(text)).unwrap().hears_by_packets(), go, "{sdk:?}");
        }
    }

    #[test]
    fn data_tracks_come_unasked_only_for_whom_wants_that() {
        for (text, wanted) in [("", false), ("0", false), ("1", true), ("true", true)] {
            let older =
                JoinQuery { auto_subscribe_data_track: text.into(), ..JoinQuery::default() };
            assert_eq!(dual(&older).unwrap().auto_subscribe_data, wanted, "{text:?}");
        }
        for (said, wanted) in [(None, false), (Some(false), false), (Some(true), true)] {
            let request = pb::JoinRequest {
                connection_settings: Some(pb::ConnectionSettings {
                    auto_subscribe_data_track: said,
                    ..pb::ConnectionSettings::default()
                }),
                ..pb::JoinRequest::default()
            };
            let text = URL_SAFE_NO_PAD.encode(wrapped(&request.encode_to_vec(), false));
            assert_eq!(single(&query(text)).unwrap().auto_subscribe_data, wanted, "{said:?}");
        }
    }
}
