//! Targets as the owner describes and sees them.

use super::rules::Hours;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};
use utoipa::ToSchema;

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// A folder of the box: a disk, or what is mounted there.
    Folder {
        /// Absolute.
        path: String,
        /// It must be a mount point: else, with the disk unplugged, copies would fill the box itself.
        #[serde(default = "yes")]
        mounted: bool,
    },
    /// A bucket of an S3 store.
    S3 {
        /// `https://…` or `http://…`; empty: AWS.
        #[serde(default)]
        endpoint: String,
        /// Empty: `us-east-1`.
        #[serde(default)]
        region: String,
        bucket: String,
        /// What stands before all names; may be empty.
        #[serde(default)]
        prefix: String,
        access_key: String,
    },
    /// A folder of a WebDAV server.
    Webdav {
        /// `https://…` or `http://…`.
        url: String,
        #[serde(default)]
        user: String,
    },
    /// A folder of an SSH server.
    Sftp {
        host: String,
        #[serde(default = "ssh_port")]
        port: u16,
        user: String,
        /// Empty: where the server puts the user.
        #[serde(default)]
        folder: String,
        /// `SHA256:…`; empty: the first test learns it.
        #[serde(default)]
        host_key: String,
    },
}

fn yes() -> bool {
    true
}

fn ssh_port() -> u16 {
    22
}

impl Place {
    /// Whom the secrets are for: nobody else gets them.
    pub(super) fn server(&self) -> (&str, u16, &str) {
        match self {
            Self::Folder { .. } => ("", 0, ""),
            Self::S3 { endpoint, access_key, .. } => (endpoint, 0, access_key),
            Self::Webdav { url, user } => (url, 0, user),
            Self::Sftp { host, port, user, .. } => (host, *port, user),
        }
    }

    /// As every place is kept: one that is written in two ways would look like two places.
    pub(super) fn tidied(self) -> Self {
        match self {
            Self::Folder { path, mounted } => {
                // Without `//`, `/./` and the last `/`.
                let plain: PathBuf = Path::new(path.trim()).components().collect();
                Self::Folder { path: plain.to_string_lossy().into_owned(), mounted }
            }
            Self::S3 { endpoint, region, bucket, prefix, access_key } => {
                let (endpoint, prefix) = (tidy_url(&endpoint), prefix.trim_matches('/').to_owned());
                Self::S3 { endpoint, region, bucket, prefix, access_key }
            }
            Self::Webdav { url, user } => Self::Webdav { url: tidy_url(&url), user },
            Self::Sftp { host, port, user, folder, host_key } => {
                let host = host.trim().to_lowercase();
                let folder = match folder.trim_end_matches('/') {
                    // The root; nothing at all is where the server puts the user.
                    "" if !folder.is_empty() => "/".to_owned(),
                    folder => folder.to_owned(),
                };
                Self::Sftp { host, port, user, folder, host_key }
            }
        }
    }

    /// Whether what is at one place is at the other. Earlier versions kept places as they were typed.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let plain = |place: &Self| match place.clone().tidied() {
            Self::Folder { path, .. } => Self::Folder { path, mounted: true },
            Self::Sftp { host, port, user, folder, .. } => {
                Self::Sftp { host, port, user, folder, host_key: String::new() }
            }
            place => place,
        };
        plain(self) == plain(other)
    }

    /// Refuses what can never work; the rest shows a test.
    ///
    /// # Errors
    /// The field and what it should be.
    pub(super) fn check(&self, data: &Path) -> Result<(), (&'static str, &'static str)> {
        // Names and passwords in addresses end in logs.
        let web = |url: &str| {
            (url.starts_with("https://") || url.starts_with("http://")) && !url.contains('@')
        };
        match self {
            Self::Folder { path, .. } => {
                let path = Path::new(path);
                let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
                if !path.is_absolute() || !path.components().all(plain) || path == Path::new("/") {
                    return Err(("path", "is absolute, as /run/media/disk, and has no .. in it"));
                }
                if path.starts_with(data) || data.starts_with(path) {
                    return Err(("path", "is outside the box's own data: a copy there is none"));
                }
            }
            Self::S3 { endpoint, bucket, access_key, .. } => {
                if !endpoint.is_empty() && !web(endpoint) {
                    return Err((
                        "endpoint",
                        "begins with https:// or http://, or is empty for AWS, and has no @ in it",
                    ));
                }
                if bucket.is_empty() {
                    return Err(("bucket", "is missing"));
                }
                if access_key.is_empty() {
                    return Err(("access_key", "is missing"));
                }
            }
            Self::Webdav { url, .. } => {
                if !web(url) {
                    return Err((
                        "url",
                        "begins with https:// or http://, and has no name and password in it",
                    ));
                }
            }
            Self::Sftp { host, user, port, .. } => {
                if host.is_empty() || host.contains(['/', ' ']) {
                    return Err(("host", "is a name or an address, without sftp://"));
                }
                if user.is_empty() {
                    return Err(("user", "is missing"));
                }
                if *port == 0 {
                    return Err(("port", "is 22 on most servers, and never 0"));
                }
            }
        }
        Ok(())
    }
}

/// Without what makes no difference: capitals of the host, the usual port, slashes at the end.
fn tidy_url(url: &str) -> String {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_lowercase(), host.to_lowercase());
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(port).unwrap_or(&host);
    format!("{scheme}://{host}{path}")
}

/// What opens a target. Goes in and never comes out.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Of S3.
    #[serde(default)]
    pub secret_key: String,
    /// Of WebDAV and SFTP.
    #[serde(default)]
    pub password: String,
    /// Of SFTP: the text of an OpenSSH key file without a passphrase.
    #[serde(default)]
    pub private_key: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Secrets that are replaced; what is absent stays, and what is empty goes.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretsPatch {
    #[serde(default)]
    #[schema(nullable = false)]
    pub secret_key: Option<String>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub password: Option<String>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub private_key: Option<String>,
}

impl SecretsPatch {
    pub(super) fn apply(self, kept: Secrets) -> Secrets {
        Secrets {
            secret_key: self.secret_key.unwrap_or(kept.secret_key),
            password: self.password.unwrap_or(kept.password),
            private_key: self.private_key.unwrap_or(kept.private_key),
        }
    }
}

impl std::fmt::Debug for SecretsPatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretsPatch").finish_non_exhaustive()
    }
}

/// What is copied of a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// What was made of it: films, sound, chapters, pictures.
    #[default]
    Films,
    /// Its tracks and timeline too: what another box can make films of.
    Everything,
}

/// A new target.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTarget {
    pub name: String,
    pub place: Place,
    #[serde(default)]
    pub secrets: Secrets,
    #[serde(default)]
    pub contents: Contents,
    /// Ids of the rooms whose recordings go there; empty: all.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// Only then; absent: at any time.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Mbit/s at most; absent: as fast as it goes.
    #[serde(default)]
    pub megabits: Option<u32>,
}

/// A change of a target; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetPatch {
    #[serde(default)]
    #[schema(nullable = false)]
    pub name: Option<String>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub place: Option<Place>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub secrets: Option<SecretsPatch>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub contents: Option<Contents>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub rooms: Option<Vec<String>>,
    /// `null`: at any time.
    #[serde(default, deserialize_with = "given")]
    pub hours: Option<Option<Hours>>,
    /// `null`: as fast as it goes.
    #[serde(default, deserialize_with = "given")]
    pub megabits: Option<Option<u32>>,
    #[serde(default)]
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

/// Tells `null` from what is absent.
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A target as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRow {
    /// `tgt_` and a ULID.
    pub id: String,
    pub name: String,
    pub place: Place,
    pub secrets: Secrets,
    pub contents: Contents,
    pub rooms: Vec<String>,
    pub hours: Option<Hours>,
    pub megabits: Option<u32>,
    pub enabled: bool,
    /// When it was made. Recordings that ended before go there only when somebody says so.
    pub since_ms: u64,
    /// When the newest recording of then had ended: those count that ended later, also if the clock was
    /// wrong when the target was made. `None`: a version that did not keep it made it.
    #[serde(default)]
    pub after_ms: Option<u64>,
    /// Grows with every change: what was begun before says nothing of what is so now.
    pub version: u64,
}

/// A place that recordings are copied to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Target {
    pub id: String,
    pub name: String,
    pub place: Place,
    /// There is something that opens it; what, is told to nobody.
    pub has_secrets: bool,
    pub contents: Contents,
    pub rooms: Vec<String>,
    #[schema(required)]
    pub hours: Option<Hours>,
    #[schema(required)]
    pub megabits: Option<u32>,
    pub enabled: bool,
    /// Recordings that ended since go there by themselves.
    pub since: UnixMs,
    pub tally: TargetTally,
    /// What it gets at the moment.
    #[schema(required)]
    pub moving: Option<Moving>,
}

/// How copying to a target goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetTally {
    /// Files that wait.
    pub waiting: u64,
    pub waiting_bytes: u64,
    /// Files that are there and were read back.
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// Files that the box does not try any more by itself.
    pub given_up: u64,
    /// Why the newest attempt of what waits failed.
    #[schema(required)]
    pub error: Option<String>,
}

/// A file on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Moving {
    pub recording: String,
    pub file: String,
    /// Bytes that the target has.
    pub sent: u64,
    pub bytes: u64,
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    Waiting,
    /// It is there, was read back, and is the same.
    Delivered,
    /// It did not get there for two weeks; "retry" begins anew.
    GivenUp,
}

/// A file of a recording at a target, or on its way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Copy {
    pub target: String,
    /// Name of the file in the recording.
    pub file: String,
    /// Name at the target, below its folder.
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal; `null` before a file whose sum nobody needed was sent.
    #[schema(required)]
    pub sha256: Option<String>,
    pub state: CopyState,
    /// It is being sent: bytes that the target has.
    #[schema(required)]
    pub sent: Option<u64>,
    pub attempts: u32,
    /// When it is tried again.
    #[schema(required)]
    pub next_at: Option<UnixMs>,
    /// Why the last attempt failed.
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub delivered_at: Option<UnixMs>,
}

/// What a test of a target has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetTrial {
    pub works: bool,
    /// Why not, and what to do.
    #[schema(required)]
    pub error: Option<String>,
    pub took_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_place_is_the_same_however_it_is_written() {
        for (one, other) in [
            (
                r#"{ "kind": "folder", "path": "/media/copies" }"#,
                r#"{ "kind": "folder", "path": "/media//./copies/", "mounted": false }"#,
            ),
            (
                r#"{ "kind": "s3", "endpoint": "", "bucket": "b", "prefix": "a/b", "access_key": "k" }"#,
                r#"{ "kind": "s3", "endpoint": "", "bucket": "b", "prefix": "/a/b/", "access_key": "k" }"#,
            ),
            (
                r#"{ "kind": "s3", "endpoint": "http://nas:9000", "bucket": "b", "access_key": "k" }"#,
                r#"{ "kind": "s3", "endpoint": "http://NAS:9000/", "bucket": "b", "access_key": "k" }"#,
            ),
            (
                r#"{ "kind": "webdav", "url": "https://nas/Films" }"#,
                r#"{ "kind": "webdav", "url": "https://NAS:443/Films/" }"#,
            ),
            (
                r#"{ "kind": "sftp", "host": "nas", "user": "ada", "folder": "films" }"#,
                r#"{ "kind": "sftp", "host": "Nas", "user": "ada", "folder": "films/" }"#,
            ),
        ] {
            let (one, other) = (place(one), place(other));
            // Kept by an earlier version as it was typed.
            assert!(one.is_same(&other) && other.is_same(&one), "{one:?} {other:?}");
            assert_eq!(one.clone().tidied(), one);
            assert_eq!(one.server(), other.tidied().server());
        }
    }

    #[test]
    fn what_makes_a_difference_stays() {
        let url = |text: &str| tidy_url(text);
        assert_eq!(url("https://nas/Films%2F"), "https://nas/Films%2F");
        assert_eq!(url("http://nas:443/"), "http://nas:443");
        assert_eq!(url("https://[::1]:8443/"), "https://[::1]:8443");
        assert_eq!(url("https://"), "https://");
        assert_eq!(url("nonsense/"), "nonsense/");
        let root = place(r#"{ "kind": "sftp", "host": "nas", "user": "ada", "folder": "/" }"#);
        let home = place(r#"{ "kind": "sftp", "host": "nas", "user": "ada" }"#);
        assert!(!root.is_same(&home));
    }
}
