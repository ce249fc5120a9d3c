//! ed25519 signatures (RFC 8032) of manifests, by aws-lc: the provider that everything else here
//! uses, and the source of SHA-256 besides. It builds for musl too.

use super::FORMAT;
use crate::error::FlashError;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Signed together with the manifest, so that no signature of something else fits.
const DOMAIN: &[u8] = b"roombox image manifest v1\0";
/// SubjectPublicKeyInfo of ed25519 (RFC 8410 §4), before the 32 bytes.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const MARK: &str = "roombox image key: ";

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A checkout's own: made by `roomflash manifest key`, and said whenever it is met.
    Development,
    /// The one that releases are signed with.
    Release,
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Release => "release",
        })
    }
}

/// A key that signatures are made with.
#[derive(Debug)]
pub struct SecretKey(Ed25519KeyPair);

/// A key that signatures are checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Whose.
    pub kind: KeyKind,
    /// RFC 8032 §5.1.5.
    pub bytes: [u8; 32],
}

/// The keys whose images are written.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Any of them.
    pub keys: Vec<PublicKey>,
}

impl Trust {
    /// The release key that was built in, if one was (`ROOMBOX_IMAGE_KEY` at build time, 64 hex digits).
    pub fn built_in() -> Self {
        let key = option_env!("ROOMBOX_IMAGE_KEY").and_then(unhex);
        Self {
            keys: key
                .map(|bytes| PublicKey { kind: KeyKind::Release, bytes })
                .into_iter()
                .collect(),
        }
    }

    /// Whose signature it is.
    ///
    /// # Errors
    /// Why it is none that is trusted.
    pub fn check(&self, manifest: &[u8], signature: &str) -> Result<KeyKind, String> {
        let mut words = signature.split_whitespace();
        if (words.next(), words.next()) != (Some("roombox-ed25519"), Some("1")) {
            return Err("the signature is none of this roomflash's format".to_owned());
        }
        let bytes = words
            .next()
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or("the signature is damaged")?;
        let message = [DOMAIN, manifest].concat();
        self.keys
            .iter()
            .find(|key| {
                UnparsedPublicKey::new(&ED25519, key.bytes).verify(&message, &bytes).is_ok()
            })
            .map(|key| key.kind)
            .ok_or_else(|| match self.keys.is_empty() {
                true => "no key is trusted here: name the signer's with --public-key".to_owned(),
                false => "it is not signed by a key that is trusted here: get the image from its \
                          source again, or name the signer's key with --public-key"
                    .to_owned(),
            })
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

impl PublicKey {
    /// Reads a public key's file.
    ///
    /// # Errors
    /// A file that is not there or is no such key.
    pub fn read(path: &Path) -> Result<Self, FlashError> {
        let text = fs::read_to_string(path).map_err(|source| FlashError::file(path, source))?;
        let wrong = || {
            FlashError::Usage(format!(
                "{}: this is no public image key (PEM, ed25519): `roomflash manifest key` makes one",
                path.display()
            ))
        };
        let der = pem(&text, "PUBLIC KEY").ok_or_else(wrong)?;
        let raw = der.strip_prefix(&SPKI).ok_or_else(wrong)?;
        let bytes = raw.try_into().map_err(|_| wrong())?;
        let kind = match text.contains(&format!("{MARK}{}", KeyKind::Development)) {
            true => KeyKind::Development,
            false => KeyKind::Release,
        };
        Ok(Self { kind, bytes })
    }
}

impl SecretKey {
    /// Makes a development key: `path`, which only its owner may read, and `path` with `.pub` after it.
    ///
    /// # Errors
    /// A file that is there already, or cannot be written.
    pub fn make(path: &Path) -> Result<PublicKey, FlashError> {
        let failed = || FlashError::Usage("no key could be made".to_owned());
        let pair = Ed25519KeyPair::generate().map_err(|_| failed())?;
        let secret = Ed25519KeyPair::to_pkcs8v1(&pair).map_err(|_| failed())?;
        let bytes: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| failed())?;
        let write = |path: &Path, private: bool, label: &str, der: &[u8]| {
            let text = format!(
                "{MARK}{}\n-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
                KeyKind::Development,
                STANDARD.encode(der)
            );
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            if private {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            #[cfg(not(unix))]
            let _ = private;
            options
                .open(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(|source| FlashError::file(path, source))
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|source| FlashError::file(folder, source))?;
        }
        write(path, true, "PRIVATE KEY", secret.as_ref())?;
        let public = path.with_added_extension("pub");
        write(&public, false, "PUBLIC KEY", &[&SPKI[..], &bytes].concat())?;
        Ok(PublicKey { kind: KeyKind::Development, bytes })
    }

    /// Reads a secret key's file (PKCS #8 in PEM, as OpenSSL writes it too).
    ///
    /// # Errors
    /// A file that is not there or is no such key.
    pub fn read(path: &Path) -> Result<Self, FlashError> {
        let text = fs::read_to_string(path).map_err(|source| FlashError::file(path, source))?;
        pem(&text, "PRIVATE KEY")
            .and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok())
            .map(Self)
            .ok_or_else(|| {
                FlashError::Usage(format!(
                    "{}: this is no secret image key (PKCS #8 in PEM, ed25519)",
                    path.display()
                ))
            })
    }
}

/// The text of `manifest.json.sig`.
pub fn sign(key: &SecretKey, manifest: &[u8]) -> String {
    let signature = key.0.sign(&[DOMAIN, manifest].concat());
    format!("roombox-ed25519 {FORMAT} {}\n", STANDARD.encode(signature.as_ref()))
}

fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let body = text.split_once(&format!("-----BEGIN {label}-----"))?.1;
    let body = body.split_once(&format!("-----END {label}-----"))?.0;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}
