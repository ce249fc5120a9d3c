//! The box's key as NATS uses it.

use crate::subjects::BoxId;
use nkeys::{KeyPair, KeyPairType};

/// The box's ed25519 key, as an nkey of a user.
pub struct Identity {
    pair: KeyPair,
    seed: String,
    id: BoxId,
}

impl Identity {
    /// From the 32 bytes of the key's seed; `None`: they are no key.
    pub fn of_seed(seed: [u8; 32]) -> Option<Self> {
        let pair = KeyPair::new_from_raw(KeyPairType::User, seed).ok()?;
        let seed = pair.seed().ok()?;
        let id = BoxId::of_key(&pair.public_key());
        Some(Self { pair, seed, id })
    }

    pub fn id(&self) -> &BoxId {
        &self.id
    }

    /// The public key.
    pub fn key(&self) -> String {
        self.pair.public_key()
    }

    /// The secret half, as servers and clients of NATS want it.
    pub fn seed(&self) -> &str {
        &self.seed
    }

    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(text).ok()
    }

    /// The id that follows from a public key with which this was signed.
    pub fn signer(key: &str, text: &[u8], signature: &[u8]) -> Option<BoxId> {
        // Of other kinds there are nkeys, too; a user's is what a server lets in.
        let pair = KeyPair::from_public_key(key).ok().filter(|_| key.starts_with('U'))?;
        pair.verify(text, signature).ok()?;
        BoxId::parse(BoxId::of_key(key).as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_whoever_can_sign_for_it() {
        let ours = Identity::of_seed([7; 32]).unwrap();
        let other = Identity::of_seed([8; 32]).unwrap();
        let signature = ours.sign(b"token").unwrap();
        assert_eq!(Identity::signer(&ours.key(), b"token", &signature), Some(ours.id().clone()));
        assert_eq!(Identity::signer(&ours.key(), b"other", &signature), None);
        assert_eq!(Identity::signer(&other.key(), b"token", &signature), None);
        assert_eq!(Identity::signer("", b"token", &signature), None);
        assert_eq!(BoxId::parse(ours.id().as_str()), Some(ours.id().clone()));
    }
}
