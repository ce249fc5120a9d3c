//! Secrets of the file: no log, error or debug output shows them.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Shortest password of an owner, in characters.
pub const PASSWORD_LEAST: usize = 10;

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// A text that is nobody else's business.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Whoever keeps it takes [`Secret::reveal`]; all others learn whether there is one.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if self.0.is_empty() { "" } else { HIDDEN })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text).map(Self)
    }
}

/// serde's own errors would show what stands there instead of a text.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// A password's argon2id hash as a PHC string (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Takes a hash that a box can check: argon2id, version 19, 19 MiB to 1 GiB, one to 16 passes
    /// and lanes. More would let a file stop the box at every login.
    ///
    /// # Errors
    /// What is wrong with it, without it.
    pub fn new(text: Secret) -> Result<Self, &'static str> {
        let pieces: Vec<&str> = text.reveal().split('$').collect();
        let ["", "argon2id", "v=19", costs, salt, hash] = pieces[..] else {
            return Err("is no argon2id hash like $argon2id$v=19$m=19456,t=2,p=1$salt$hash");
        };
        let cost = |name: &str| {
            let mut all = costs.split(',').filter_map(|cost| cost.split_once('='));
            all.find(|(known, _)| *known == name).and_then(|(_, cost)| cost.parse::<u32>().ok())
        };
        let (memory, passes, lanes) = (cost("m"), cost("t"), cost("p"));
        if !memory.is_some_and(|kib| (19 * 1024..=1024 * 1024).contains(&kib)) {
            return Err("uses less than 19 MiB or more than 1 GiB (m=19456 to 1048576)");
        }
        if ![passes, lanes].iter().all(|cost| cost.is_some_and(|cost| (1..=16).contains(&cost))) {
            return Err("has passes and lanes (t and p) from 1 to 16");
        }
        let base64 = |text: &str, least: usize| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
            (least..=86).contains(&text.len()) && text.bytes().all(fits)
        };
        if !base64(salt, 11) || !base64(hash, 43) {
            return Err("has a salt of at least 8 and a hash of at least 32 bytes in base64");
        }
        Ok(Self(text))
    }

    /// The PHC string.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
