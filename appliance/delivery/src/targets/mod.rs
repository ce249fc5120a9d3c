//! Carries files, recordings' and backups, to places that the owner named, and proves that they are there.
//!
//! Every target is written the same way: under a name that ends in `.unfinished` (S3: as an upload that is
//! not finished), read back, compared, and only then given its name. What is under a name is whole.
//! Nothing holds more of a file in memory than a few pieces, and nothing waits on a target that has
//! not moved a byte for a minute, however long a whole file takes.
//!
//! It knows files, names and places; never recordings, rooms or a database. What an interrupted
//! transfer needs to go on is a text that the caller keeps and does not read.

mod carry;
mod error;
mod folder;
mod names;
mod pace;
mod s3;
mod s3_wire;
mod sftp;
mod source;
mod ssh;
mod thread;
mod webdav;
pub(crate) mod wire;

pub use carry::{Checked, Progress, Shipment, check, clear, send, withdraw};
pub use error::SendError;
pub use names::{encoded, hex, unhex};
pub use thread::Folders;

use std::fmt;
use std::path::PathBuf;

/// A place that recordings are copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Folder(FolderTarget),
    S3(S3Target),
    WebDav(WebDavTarget),
    Sftp(SftpTarget),
}

/// A folder of this machine: a disk, or what the system mounted from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderTarget {
    pub path: PathBuf,
    /// The folder must be a mount point: else an unplugged disk would be the box's own.
    pub mounted: bool,
}

/// A bucket of an object store that speaks the S3 API.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Target {
    /// `https://host[:port]` or `http://host[:port]`; empty is AWS.
    pub endpoint: String,
    /// Empty is `us-east-1`, which most stores other than AWS take.
    pub region: String,
    pub bucket: String,
    /// What stands before every name, parts divided by `/`; may be empty.
    pub prefix: String,
    pub access_key: String,
    pub secret_key: String,
}

/// A folder of a WebDAV server (RFC 4918): Nextcloud, ownCloud, a NAS.
#[derive(Clone, PartialEq, Eq)]
pub struct WebDavTarget {
    /// Of the folder, `https://` or `http://`, percent-encoded, without name and password.
    pub url: String,
    /// Empty: none is sent.
    pub user: String,
    pub password: String,
}

/// A folder of an SSH server that speaks SFTP (draft-ietf-secsh-filexfer-02).
#[derive(Clone, PartialEq, Eq)]
pub struct SftpTarget {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// May be empty if there is a key.
    pub password: String,
    /// The text of an OpenSSH key file without a passphrase; may be empty if there is a password.
    pub private_key: String,
    /// Absolute, or below where the server puts the user; empty is that place itself.
    pub folder: String,
    /// `SHA256:...`, as `ssh-keygen -l` shows it; empty: not yet known.
    pub host_key: String,
}

// By hand, for what is printed ends in logs: no secret is a field here.

impl fmt::Debug for S3Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Target")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WebDavTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebDavTarget")
            .field("url", &self.url)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SftpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpTarget")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("folder", &self.folder)
            .field("host_key", &self.host_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed() {
        let secret = || "hush".to_owned();
        let s3 = S3Target {
            endpoint: String::new(),
            region: String::new(),
            bucket: "films".to_owned(),
            prefix: String::new(),
            access_key: secret(),
            secret_key: secret(),
        };
        let dav = WebDavTarget { url: String::new(), user: "ada".to_owned(), password: secret() };
        let sftp = SftpTarget {
            host: "nas".to_owned(),
            port: 22,
            user: String::new(),
            password: secret(),
            private_key: secret(),
            folder: String::new(),
            host_key: String::new(),
        };
        for target in [Target::S3(s3), Target::WebDav(dav), Target::Sftp(sftp)] {
            assert!(!format!("{target:?}").contains("hush"), "{target:?}");
        }
    }
}
