//! What clients may send at most. Sizes are livekit-server's defaults (`pkg/config`, `LimitConfig`)
//! where it has any; the texts go to clients.

use livekit_protocol as pb;
use prost::Message as _;
use std::collections::{BTreeMap, HashMap};

/// Characters of the name of a room, a participant or a track.
const NAME: usize = 256;
/// Bytes of metadata, and of attributes with their names.
const METADATA: usize = 512 * 1024;
const ATTRIBUTES: usize = 64 * 1024;
/// Bytes that describe a track: everybody in the room keeps them. Real ones have some hundred.
const TRACK: usize = 16 * 1024;
/// Features of an audio track; there are seven.
const FEATURES: usize = 32;
/// Characters of the key of a data blob (`MaxDataBlobKeyLength`), and of the name of an encoding that
/// is nobody else's (`MaxDataTrackCustomEncodingLength`).
const BLOB_KEY: usize = 256;
const ENCODING: usize = 32;
/// Bytes of one data blob: 50 kB, says livekit_models.proto.
const BLOB: usize = 50 * 1024;

/// What is too much, or will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    #[error("{what} may have {NAME} characters")]
    Name { what: &'static str },
    #[error("{what} has control characters (line breaks, tabs, zero bytes): leave them out")]
    Control { what: &'static str },
    #[error("metadata may have {METADATA} bytes")]
    Metadata,
    #[error("attributes may have {ATTRIBUTES} bytes, their names included")]
    Attributes,
    #[error("the description of a track may have {TRACK} bytes")]
    Track,
    #[error("a data track needs a name")]
    Nameless,
    #[error("an audio track may have {FEATURES} features")]
    Features,
    #[error(
        "the key of a data blob is a text, or the name of a schema, of 1 to {BLOB_KEY} characters"
    )]
    BlobKey,
    #[error("the name of an encoding has 1 to {ENCODING} characters")]
    Encoding,
    #[error("a data blob is empty")]
    EmptyBlob,
    #[error("a data blob may have {BLOB} bytes")]
    Blob,
}

/// A name that others read, in logs and file lists too. LiveKit checks only its length.
pub(super) fn name(what: &'static str, name: &str) -> Result<(), Excess> {
    if name.chars().count() > NAME {
        return Err(Excess::Name { what });
    }
    match name.chars().any(char::is_control) {
        true => Err(Excess::Control { what }),
        false => Ok(()),
    }
}

pub(super) fn metadata(metadata: &str) -> Result<(), Excess> {
    if metadata.len() > METADATA { Err(Excess::Metadata) } else { Ok(()) }
}

pub(super) fn attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), Excess> {
    let bytes: usize = attributes.into_iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ATTRIBUTES { Err(Excess::Attributes) } else { Ok(()) }
}

pub(super) fn track(request: &pb::AddTrackRequest) -> Result<(), Excess> {
    name("a track's name", &request.name)?;
    if request.encoded_len() > TRACK { Err(Excess::Track) } else { Ok(()) }
}

pub(super) fn data_track(request: &pb::PublishDataTrackRequest) -> Result<(), Excess> {
    if request.name.is_empty() {
        return Err(Excess::Nameless);
    }
    name("a data track's name", &request.name)?;
    if request.encoded_len() > TRACK { Err(Excess::Track) } else { Ok(()) }
}

pub(super) fn features(features: &[i32]) -> Result<(), Excess> {
    if features.len() > FEATURES { Err(Excess::Features) } else { Ok(()) }
}

/// The key of a data blob.
pub(super) fn blob_key(key: Option<&pb::DataBlobKey>) -> Result<(), Excess> {
    use pb::data_blob_key::Key;
    use pb::data_track_schema_encoding::Value;
    let fits = |text: &str, most| (1..=most).contains(&text.chars().count());
    match key.and_then(|key| key.key.as_ref()) {
        Some(Key::Generic(text)) if fits(text, BLOB_KEY) => Ok(()),
        Some(Key::SchemaId(schema)) if fits(&schema.name, BLOB_KEY) => {
            match schema.encoding.as_ref().and_then(|encoding| encoding.value.as_ref()) {
                Some(Value::Custom(name)) if !fits(name, ENCODING) => Err(Excess::Encoding),
                _ => Ok(()),
            }
        }
        _ => Err(Excess::BlobKey),
    }
}

pub(super) fn blob(blob: &pb::DataBlob) -> Result<(), Excess> {
    blob_key(blob.key.as_ref())?;
    match blob.contents.len() {
        0 => Err(Excess::EmptyBlob),
        1..=BLOB => Ok(()),
        _ => Err(Excess::Blob),
    }
}

/// What a participant is to be called and to have from now on; an empty name is no change.
/// Attributes add up: what is there already counts, but for what is replaced.
pub(super) fn change(
    new_name: &str,
    new_metadata: &str,
    new_attributes: &HashMap<String, String>,
    present: &BTreeMap<String, String>,
) -> Result<(), Excess> {
    name("name", new_name)?;
    metadata(new_metadata)?;
    let kept = present.iter().filter(|(key, _)| !new_attributes.contains_key(*key));
    attributes(kept.chain(new_attributes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn names_are_bounded_and_fit_on_one_line() {
        for (text, outcome) in [
            ("Ada", Ok(())),
            ("", Ok(())),
            ("Ä 🎥 \u{202e}", Ok(())),
            (&*"é".repeat(NAME), Ok(())),
            (&*"é".repeat(NAME + 1), Err(Excess::Name { what: "room" })),
            ("a\nb", Err(Excess::Control { what: "room" })),
            ("a\0", Err(Excess::Control { what: "room" })),
            ("\u{7f}", Err(Excess::Control { what: "room" })),
            ("\u{85}", Err(Excess::Control { what: "room" })),
        ] {
            assert_eq!(name("room", text), outcome, "{text:?}");
        }
    }

    #[test]
    fn metadata_attributes_and_tracks_are_bounded() {
        assert_eq!(metadata(&"x".repeat(METADATA)), Ok(()));
        assert_eq!(metadata(&"x".repeat(METADATA + 1)), Err(Excess::Metadata));
        let map = |bytes| BTreeMap::from([("key".to_owned(), "x".repeat(bytes - 3))]);
        assert_eq!(attributes(&map(ATTRIBUTES)), Ok(()));
        assert_eq!(attributes(&map(ATTRIBUTES + 1)), Err(Excess::Attributes));
        let new = |key: &str, bytes| HashMap::from([(key.to_owned(), "x".repeat(bytes - 3))]);
        let present = map(ATTRIBUTES / 2);
        let change = |new| change("", "", &new, &present);
        assert_eq!(change(new("old", ATTRIBUTES / 2)), Ok(()));
        assert_eq!(change(new("new", ATTRIBUTES / 2 + 1)), Err(Excess::Attributes));
        assert_eq!(change(new("key", ATTRIBUTES)), Ok(()), "what is replaced does not count");
        let long = pb::AddTrackRequest { stream: "x".repeat(TRACK), ..Default::default() };
        assert_eq!(track(&long), Err(Excess::Track));
        let named = pb::AddTrackRequest { name: "a\tb".to_owned(), ..Default::default() };
        assert!(matches!(track(&named), Err(Excess::Control { .. })));
    }

    #[test]
    fn keys_and_contents_of_blobs_are_bounded() {
        use pb::data_blob_key::Key;
        use pb::data_track_schema_encoding::{Value, WellKnownSchemaEncoding};
        let generic = |text: &str| Key::Generic(text.to_owned());
        let schema = |name: &str, value| {
            let encoding = Some(pb::DataTrackSchemaEncoding { value: Some(value) });
            Key::SchemaId(pb::DataTrackSchemaId { name: name.to_owned(), encoding })
        };
        let custom = |name: &str| Value::Custom(name.to_owned());
        let json = Value::WellKnown(WellKnownSchemaEncoding::JsonSchema as i32);
        for (key, bytes, outcome) in [
            (generic("k"), 1, Ok(())),
            (generic(&"é".repeat(BLOB_KEY)), BLOB, Ok(())),
            (generic(&"é".repeat(BLOB_KEY + 1)), 1, Err(Excess::BlobKey)),
            (generic(""), 1, Err(Excess::BlobKey)),
            (schema("s", json.clone()), 1, Ok(())),
            (schema("", json), 1, Err(Excess::BlobKey)),
            (schema("s", custom(&"x".repeat(ENCODING))), 1, Ok(())),
            (schema("s", custom(&"x".repeat(ENCODING + 1))), 1, Err(Excess::Encoding)),
            (schema("s", custom("")), 1, Err(Excess::Encoding)),
            (generic("k"), 0, Err(Excess::EmptyBlob)),
            (generic("k"), BLOB + 1, Err(Excess::Blob)),
        ] {
            let told = format!("{key:?}, {bytes} bytes");
            let key = Some(pb::DataBlobKey { key: Some(key) });
            assert_eq!(blob(&pb::DataBlob { key, contents: vec![7; bytes] }), outcome, "{told}");
        }
        assert_eq!(blob_key(None), Err(Excess::BlobKey));
        assert_eq!(blob_key(Some(&pb::DataBlobKey { key: None })), Err(Excess::BlobKey));
    }
}
