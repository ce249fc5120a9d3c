//! EBML (RFC 8794): ids, sizes, elements.

/// Element ids (RFC 9559 §5).
pub(super) mod id {
    pub const EBML: u32 = 0x1a45_dfa3;
    pub const EBML_VERSION: u32 = 0x4286;
    pub const EBML_READ_VERSION: u32 = 0x42f7;
    pub const EBML_MAX_ID: u32 = 0x42f2;
    pub const EBML_MAX_SIZE: u32 = 0x42f3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const DOC_TYPE_VERSION: u32 = 0x4287;
    pub const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub const CRC_32: u32 = 0xbf;
    pub const VOID: u32 = 0xec;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114d_9b74;
    pub const SEEK: u32 = 0x4dbb;
    pub const SEEK_ID: u32 = 0x53ab;
    pub const SEEK_POSITION: u32 = 0x53ac;
    pub const INFO: u32 = 0x1549_a966;
    pub const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
    pub const DURATION: u32 = 0x4489;
    pub const MUXING_APP: u32 = 0x4d80;
    pub const WRITING_APP: u32 = 0x5741;
    pub const TRACKS: u32 = 0x1654_ae6b;
    pub const TRACK_ENTRY: u32 = 0xae;
    pub const TRACK_NUMBER: u32 = 0xd7;
    pub const TRACK_UID: u32 = 0x73c5;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_LACING: u32 = 0x9c;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63a2;
    pub const CODEC_DELAY: u32 = 0x56aa;
    pub const SEEK_PRE_ROLL: u32 = 0x56bb;
    pub const VIDEO: u32 = 0xe0;
    pub const PIXEL_WIDTH: u32 = 0xb0;
    pub const PIXEL_HEIGHT: u32 = 0xba;
    pub const AUDIO: u32 = 0xe1;
    pub const SAMPLING_FREQUENCY: u32 = 0xb5;
    pub const CHANNELS: u32 = 0x9f;
    pub const CLUSTER: u32 = 0x1f43_b675;
    pub const TIMESTAMP: u32 = 0xe7;
    pub const SIMPLE_BLOCK: u32 = 0xa3;
    pub const CUES: u32 = 0x1c53_bb6b;
    pub const CUE_POINT: u32 = 0xbb;
    pub const CUE_TIME: u32 = 0xb3;
    pub const CUE_TRACK_POSITIONS: u32 = 0xb7;
    pub const CUE_TRACK: u32 = 0xf7;
    pub const CUE_CLUSTER_POSITION: u32 = 0xf1;
}

/// "The size is not known": eight bytes with all data bits set (RFC 8794 §6.2).
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Appends an id as it stands: its length marker is part of it.
pub(super) fn put_id(out: &mut Vec<u8>, id: u32) {
    let bytes = id.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
    out.extend_from_slice(&bytes[first..]);
}

/// A size in eight bytes, so that it can be patched in place.
pub(super) fn size_8(size: u64) -> [u8; 8] {
    (size | 0x0100_0000_0000_0000).to_be_bytes()
}

/// Appends a size in as few bytes as it needs.
pub(super) fn put_size(out: &mut Vec<u8>, size: u64) {
    let length = (1..8).find(|n| size < (1 << (7 * n)) - 1).unwrap_or(8);
    let marked = size | (1 << (7 * length));
    out.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, id: u32, bytes: &[u8]) {
    put_id(out, id);
    put_size(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn put_uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
    put_bytes(out, id, &bytes[first..]);
}

/// A number in eight bytes whatever its value, so that its place is fixed.
pub(super) fn put_uint_8(out: &mut Vec<u8>, id: u32, value: u64) {
    put_bytes(out, id, &value.to_be_bytes());
}

pub(super) fn put_float(out: &mut Vec<u8>, id: u32, value: f64) {
    put_bytes(out, id, &value.to_be_bytes());
}

/// Checksum of the siblings that follow it (RFC 8794 §11.3.1).
pub(super) fn crc(pieces: &[&[u8]]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize().to_le_bytes()
}

pub(super) fn put_crc(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    put_bytes(out, id::CRC_32, &crc(pieces));
}

/// Fills exactly `length` bytes (at least 2, at most 127) with nothing.
pub(super) fn put_void(out: &mut Vec<u8>, length: usize) {
    put_id(out, id::VOID);
    put_size(out, length as u64 - 2);
    out.resize(out.len() + length - 2, 0);
}

/// The head that makes `length` bytes (at least 2), whatever is in them, an element of nothing.
pub(super) fn void_head(length: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(9);
    put_id(&mut head, id::VOID);
    match length.checked_sub(9) {
        Some(rest) => head.extend_from_slice(&size_8(rest)),
        None => put_size(&mut head, length.saturating_sub(2)),
    }
    head
}

/// An element's id and size, and how many bytes they took. `None` size: unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub id: u32,
    pub size: Option<u64>,
    pub length: usize,
}

/// Longest possible header: four bytes of id, eight of size.
pub(super) const MAX_HEADER: usize = 12;

/// Reads an element's header; `None` if the bytes end too early or make none.
pub(super) fn header(bytes: &[u8]) -> Option<Header> {
    let id_length = bytes.first()?.leading_zeros() as usize + 1;
    if id_length > 4 {
        return None;
    }
    let id = bytes.get(..id_length)?.iter().fold(0u32, |id, byte| (id << 8) | u32::from(*byte));
    let rest = bytes.get(id_length..)?;
    let size_length = rest.first()?.leading_zeros() as usize + 1;
    if size_length > 8 {
        return None;
    }
    let size_bytes = rest.get(..size_length)?;
    let raw = size_bytes.iter().fold(0u64, |size, byte| (size << 8) | u64::from(*byte));
    let mask = (1u64 << (7 * size_length)) - 1;
    let size = (raw & mask != mask).then_some(raw & mask);
    Some(Header { id, size, length: id_length + size_length })
}

/// Elements of a buffer, as far as they are whole.
pub(super) fn children(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let header = header(bytes)?;
        let end = header.length.checked_add(usize::try_from(header.size?).ok()?)?;
        let body = bytes.get(header.length..end)?;
        bytes = &bytes[end..];
        Some((header.id, body))
    })
}

pub(super) fn uint(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_the_round_trip() {
        for size in [0u64, 1, 126, 127, 128, 16382, 16383, 1 << 20, 1 << 40] {
            let mut bytes = Vec::new();
            put_id(&mut bytes, id::CLUSTER);
            put_size(&mut bytes, size);
            let header = header(&bytes).unwrap();
            assert_eq!((header.id, header.size), (id::CLUSTER, Some(size)));
            assert_eq!(header.length, bytes.len());
        }
    }

    #[test]
    fn the_unknown_size_is_told_from_large_ones() {
        let mut bytes = Vec::new();
        put_id(&mut bytes, id::SEGMENT);
        bytes.extend_from_slice(&UNKNOWN_SIZE);
        assert_eq!(header(&bytes).unwrap().size, None);
    }

    #[test]
    fn a_void_fills_its_length() {
        for length in [2, 3, 64, 127] {
            let mut bytes = Vec::new();
            put_void(&mut bytes, length);
            assert_eq!(bytes.len(), length);
        }
    }
}
