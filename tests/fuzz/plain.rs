//! SRTP that hides and proves nothing, for this test program only: what follows decryption is
//! reached by bytes that no key was needed for. DTLS and the rest stay real.

use std::sync::Once;
use str0m::config::CryptoProvider;
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// Length of an AEAD's tag (RFC 7714 §5.2).
pub const TAG: usize = 16;

#[derive(Debug)]
struct Plain;

fn copy(input: &[u8], output: &mut [u8]) {
    output[..input.len()].copy_from_slice(input);
}

macro_rules! plain_aead {
    ($cipher:ident, $supported:ident, $key:literal) => {
        impl $cipher for Plain {
            fn encrypt(
                &mut self,
                _iv: &[u8; 12],
                _aad: &[u8],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<(), CryptoError> {
                copy(input, output);
                Ok(())
            }

            fn decrypt(
                &mut self,
                _iv: &[u8; 12],
                _aads: &[&[u8]],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<usize, CryptoError> {
                let length = input.len() - TAG;
                copy(&input[..length], output);
                Ok(length)
            }
        }

        impl $supported for Plain {
            fn create_cipher(&self, _key: [u8; $key], _encrypt: bool) -> Box<dyn $cipher> {
                Box::new(Plain)
            }
        }
    };
}

plain_aead!(AeadAes128GcmCipher, SupportedAeadAes128Gcm, 16);
plain_aead!(AeadAes256GcmCipher, SupportedAeadAes256Gcm, 32);

impl SupportedAes128CmSha1_80 for Plain {
    fn create_cipher(&self, _key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        unreachable!("DTLS agrees on an AEAD")
    }
}

impl SrtpProvider for Plain {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Plain
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Plain
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Plain
    }

    fn srtp_aes_128_ecb_round(&self, _key: &[u8], input: &[u8], output: &mut [u8]) {
        copy(input, output);
    }

    fn srtp_aes_256_ecb_round(&self, _key: &[u8], input: &[u8], output: &mut [u8]) {
        copy(input, output);
    }
}

/// From here on every connection of this process has plain SRTP.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let real = str0m::crypto::from_feature_flags();
        CryptoProvider { srtp_provider: &Plain, ..real }.install_process_default();
    });
}

/// A plain RTP or RTCP packet as it goes over the wire.
pub fn sealed(packet: &[u8]) -> Vec<u8> {
    let mut wire = [packet, &[0; TAG]].concat();
    if is_rtcp(packet) {
        // "Encrypted", and an index (RFC 3711 §3.4).
        wire.extend(0x8000_0001u32.to_be_bytes());
    }
    wire
}

/// RFC 5761 §4.
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| (64..96).contains(&(second & 0x7f)))
}
