//! The AV1 dependency descriptor, passed through as it is.
//!
//! str0m does not know the extension. Without it end to end no AV1 stream decodes, so its bytes are
//! carried from the publisher's packet to every subscriber's.

use str0m::rtp::{ExtensionSerializer, ExtensionValues};

/// `a=extmap` URI of the dependency descriptor (AV1 RTP payload specification, appendix A).
pub(super) const DEPENDENCY_DESCRIPTOR_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Bytes of one dependency descriptor as they came from the publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DependencyDescriptor(pub Vec<u8>);

/// The bytes of a packet's dependency descriptor, if it has one.
pub(crate) fn dependency_descriptor(values: &ExtensionValues) -> Option<&[u8]> {
    values.user_values.get().map(|DependencyDescriptor(bytes)| bytes.as_slice())
}

/// Copies the descriptor's bytes in and out of [`ExtensionValues`].
#[derive(Debug)]
pub(super) struct PassThrough;

/// A descriptor that carries the template structure has more than the 16 bytes that the one-byte
/// header form can hold (RFC 8285 §4.2).
const ONE_BYTE_FORM_MAX: usize = 16;

impl ExtensionSerializer for PassThrough {
    fn write_to(&self, buf: &mut [u8], ev: &ExtensionValues) -> usize {
        let Some(DependencyDescriptor(bytes)) = ev.user_values.get() else {
            return 0;
        };
        let Some(room) = buf.get_mut(..bytes.len()) else {
            return 0;
        };
        room.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], ev: &mut ExtensionValues) -> bool {
        ev.user_values.set(DependencyDescriptor(buf.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, ev: &ExtensionValues) -> bool {
        match ev.user_values.get::<DependencyDescriptor>() {
            Some(DependencyDescriptor(bytes)) => {
                bytes.is_empty() || bytes.len() > ONE_BYTE_FORM_MAX
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut values = ExtensionValues::default();
        let long: Vec<u8> = (0..40).collect();
        assert!(PassThrough.parse_value(&long, &mut values));
        let mut buf = [0; 64];
        assert_eq!(PassThrough.write_to(&mut buf, &values), 40);
        assert_eq!(&buf[..40], &long[..]);
        assert!(PassThrough.requires_two_byte_form(&values));
    }

    #[test]
    fn a_buffer_that_is_too_small_gets_nothing() {
        let mut values = ExtensionValues::default();
        PassThrough.parse_value(&[1, 2, 3], &mut values);
        assert_eq!(PassThrough.write_to(&mut [0; 2], &values), 0);
        assert!(!PassThrough.requires_two_byte_form(&values));
    }
}
