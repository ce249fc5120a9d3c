//! The lock of a backup: the age format (age-encryption.org/v1) with a passphrase. Anybody who has the
//! passphrase and the program `age` can open one without a box.

use super::error::{BackupError, PASSPHRASE_LEAST};
use age::secrecy::SecretString;
use age::stream::StreamWriter;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, Identity, Recipient, scrypt};
use std::io::{self, Read, Write};
use std::iter;

/// scrypt with N = 2^17: 128 MiB and about half a second, which a small board has and a guesser feels.
const WORK: u8 = 17;
/// What `age` itself may have taken on a large machine: 256 MiB. A file that asks for more is an attack
/// on the memory of whoever opens it.
const MOST_WORK: u8 = 18;

/// A backup's passphrase; printed by nothing, and wiped when it is not needed any more.
pub struct Passphrase(SecretString);

impl Passphrase {
    /// As somebody typed it to open something.
    pub fn typed(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// As somebody chose it.
    ///
    /// # Errors
    /// It is too short.
    pub fn chosen(text: String) -> Result<Self, BackupError> {
        match text.chars().count() < PASSPHRASE_LEAST {
            true => Err(BackupError::WeakPassphrase),
            false => Ok(Self::typed(text)),
        }
    }
}

/// What is written is encrypted into `into`; whole only after `finish`.
///
/// # Errors
/// `into` cannot be written to.
pub fn sealed<W: Write>(passphrase: &Passphrase, into: W) -> Result<StreamWriter<W>, BackupError> {
    let mut recipient = scrypt::Recipient::new(passphrase.0.clone());
    recipient.set_work_factor(WORK);
    let recipients = iter::once(&recipient as &dyn Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|error| match error {
        EncryptError::Io(error) => BackupError::Disk(error),
        other => BackupError::Disk(io::Error::other(other.to_string())),
    })?;
    Ok(encryptor.wrap_output(into)?)
}

/// The longest head that is read: ours has 150 bytes. `age` reads one of any length, and takes longer and
/// longer for it.
const HEAD_MOST: usize = 4096;

/// Whether what a file begins with is the head of an age file, and a short one.
///
/// # Errors
/// It is not.
pub fn headed(begins: &[u8]) -> Result<(), BackupError> {
    let head = &begins[..begins.len().min(HEAD_MOST)];
    // The last line of a head (age-encryption.org/v1, "header").
    match head.starts_with(b"age-encryption.org/v1\n")
        && head.windows(5).any(|five| five == b"\n--- ")
    {
        true => Ok(()),
        false => Err(BackupError::NoBackup("it is not encrypted as backups are (age)".to_owned())),
    }
}

/// What `from` has under the passphrase. Reading fails where it was changed or cut short.
///
/// # Errors
/// It is no age file, or not of this passphrase.
pub fn opened<R: Read>(
    passphrase: &Passphrase,
    from: R,
) -> Result<impl Read + use<R>, BackupError> {
    let none = |why: &str| BackupError::NoBackup(why.to_owned());
    let decryptor = Decryptor::new(from).map_err(|error| match error {
        DecryptError::InvalidMac => BackupError::WrongPassphrase,
        _ => none("it is not encrypted as backups are (age)"),
    })?;
    if !decryptor.is_scrypt() {
        return Err(none("it is encrypted for a key, not with a passphrase"));
    }
    let mut identity = scrypt::Identity::new(passphrase.0.clone());
    identity.set_max_work_factor(MOST_WORK);
    decryptor.decrypt(iter::once(&identity as &dyn Identity)).map_err(|error| match error {
        DecryptError::ExcessiveWork { .. } => {
            none("opening it would take more memory than a box has")
        }
        DecryptError::Io(error) => BackupError::Damaged(error.to_string()),
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => none("its head is damaged"),
        _ => BackupError::WrongPassphrase,
    })
}
