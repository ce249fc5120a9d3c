//! Into a bucket of an object store that speaks the S3 API.
//!
//! A small file goes out at once; a large one in parts, which the store keeps until all are there, so
//! that an interrupted transfer goes on with the part that was missing. Only then it has its name:
//! what is read back different is deleted.

use super::carry::{CHECK, Teller};
use super::names::hex;
use super::s3_wire::Wire;
use super::source::{Load, Origin};
use super::{S3Target, SendError};
use crate::address::Address;
use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{BackoffConfig, GetResult, ObjectStoreExt as _, PutPayload, RetryConfig};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// Up to this a file goes out at once, and above it in parts of this; a part is in memory while it
/// goes out.
const PART: u64 = 8 * MIB;
/// The most parts that an upload may have (Amazon S3's own limit).
const PARTS: u64 = 10_000;
/// What the caller does with failures, it does with more patience.
const RETRIES: usize = 2;

/// What shows whether a key may read; always the same, for a key that may not delete leaves it there.
const PROBE: &str = "roombox-check";
/// The store knows an upload no more, or not as it answered (Amazon S3 API Reference, error responses).
const FORGOTTEN: [&str; 3] = ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"];

/// A bucket.
pub(super) struct Store {
    store: AmazonS3,
    wire: Wire,
    prefix: String,
    bucket: String,
    host: String,
}

/// An upload that can go on; what [`super::Progress::resume`] says, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Upload {
    /// Of which file.
    sha256: String,
    id: String,
    part_bytes: u64,
    /// What the store called each part that it has, from the first.
    parts: Vec<String>,
}

/// What is under a name.
#[derive(PartialEq, Eq)]
enum Found {
    Same,
    /// Nothing, or something else.
    Other,
    /// Not told: from a key that may not list, or not read.
    Hidden,
}

/// What became of an upload.
#[derive(PartialEq, Eq)]
enum Went {
    Whole,
    Forgotten,
}

/// Reads what the owner typed; speaks with nobody.
pub(super) fn open(target: &S3Target, pace: Option<u64>) -> Result<Store, SendError> {
    let unusable = |why: &str| SendError::Address(why.to_owned());
    if target.bucket.is_empty() || target.bucket.contains('/') {
        return Err(unusable("enter the name of a bucket, without a folder"));
    }
    let wire = Wire::new(pace);
    let region = if target.region.is_empty() { "us-east-1" } else { &target.region };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&target.bucket)
        .with_region(region)
        .with_access_key_id(&target.access_key)
        .with_secret_access_key(&target.secret_key)
        .with_http_connector(wire.clone())
        // One object at a time: not every store knows the other way.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..Default::default() },
            max_retries: RETRIES,
            retry_timeout: Duration::from_secs(60),
        });
    let mut host = "AWS".to_owned();
    if target.endpoint.is_empty() {
        // A bucket with a dot has no certificate as a host (Amazon S3 User Guide, virtual hosting).
        let as_host = !target.bucket.contains('.');
        builder = builder.with_virtual_hosted_style_request(as_host);
    } else {
        let address = Address::parse(&target.endpoint)
            .filter(|address| address.path == "/")
            .ok_or_else(|| unusable("the address of the store is not like https://host:port"))?;
        builder = builder
            .with_endpoint(target.endpoint.trim_end_matches('/'))
            .with_allow_http(!address.https);
        host = address.host;
    }
    let store = builder.build().map_err(|error| SendError::Address(error.to_string()))?;
    let prefix = target.prefix.trim_matches('/').to_owned();
    Ok(Store { store, wire, prefix, bucket: target.bucket.clone(), host })
}

/// Carries `load` into the bucket.
pub(super) async fn carry(
    store: &Store,
    load: &Load<'_>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    let path = store.path(load.name)?;
    match store.find(&path, load).await? {
        Found::Same => {
            teller.done(load.bytes);
            return Ok(());
        }
        // Else films would go out again and again, and none be proved to be there.
        Found::Hidden if matches!(load.origin, Origin::File(_)) => store.may_read().await?,
        Found::Other | Found::Hidden => {}
    }
    if load.bytes <= PART {
        teller.tell(0, || None);
        let whole = load.open(0).await?.pieces(PART as usize).await?;
        store.told(store.store.put(&path, payload(whole)).await)?;
    } else {
        store.in_parts(&path, load, teller).await?;
    }
    if !store.holds(&path, load).await? {
        // If it stays under its name all the same: that it differs is the news.
        remove(store, load.name).await.unwrap_or_default();
        return Err(SendError::Differs(store.host.clone()));
    }
    teller.done(load.bytes);
    Ok(())
}

/// Takes a file away.
pub(super) async fn remove(store: &Store, name: &str) -> Result<(), SendError> {
    store.told(store.store.delete(&store.path(name)?).await)
}

/// Takes a file away if it is the one that was sent.
pub(super) async fn withdraw(store: &Store, load: &Load<'_>) -> Result<bool, SendError> {
    let same = match store.find(&store.path(load.name)?, load).await? {
        Found::Same => true,
        Found::Other => false,
        Found::Hidden => {
            return Err(SendError::NotReadable(format!("the bucket {}", store.bucket)));
        }
    };
    if same {
        remove(store, load.name).await?;
    }
    Ok(same)
}

/// Ends an upload that will not go on.
pub(super) async fn clear(
    store: &Store,
    name: &str,
    resume: Option<&str>,
) -> Result<(), SendError> {
    let Some(upload) = resume.and_then(|text| serde_json::from_str::<Upload>(text).ok()) else {
        return Ok(());
    };
    match store.store.abort_multipart(&store.path(name)?, &upload.id).await {
        Err(error) if is_forgotten(&error) => Ok(()),
        aborted => store.told(aborted),
    }
}

impl Store {
    fn path(&self, name: &str) -> Result<Path, SendError> {
        let name = match self.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        // As it is: the library's other way would write percent signs into the name itself.
        Path::parse(&name)
            .map_err(|_| SendError::Address(format!("{name:?} is no name for a file")))
    }

    async fn find(&self, path: &Path, load: &Load<'_>) -> Result<Found, SendError> {
        match self.store.head(path).await {
            Ok(there) if there.size == load.bytes => match self.holds(path, load).await? {
                true => Ok(Found::Same),
                false => Ok(Found::Other),
            },
            Ok(_) => Ok(Found::Other),
            Err(error) => match (self.wire.failure(), &error) {
                (Some(failure), _) => Err(failure),
                (None, object_store::Error::PermissionDenied { .. }) => Ok(Found::Hidden),
                (None, error) if status(error).is_some() => Ok(Found::Other),
                (None, error) => Err(self.refused(error)),
            },
        }
    }

    /// Whether what is written can be read back, tried with a few bytes.
    async fn may_read(&self) -> Result<(), SendError> {
        let path = self.path(PROBE)?;
        self.told(self.store.put(&path, PutPayload::from_static(CHECK)).await)?;
        let read = self.read(&path).await.map(drop);
        self.store.delete(&path).await.unwrap_or_default();
        read
    }

    async fn read(&self, path: &Path) -> Result<GetResult, SendError> {
        let got = self.store.get(path).await;
        self.told(got).map_err(|error| match error {
            SendError::NotWritable { place, .. } => SendError::NotReadable(place),
            error => error,
        })
    }

    async fn holds(&self, path: &Path, load: &Load<'_>) -> Result<bool, SendError> {
        let mut proof = load.proof();
        let got = match self.read(path).await {
            // It said a moment ago that it has it.
            Err(SendError::Missing(_)) => return Ok(false),
            got => got?,
        };
        let mut bytes = got.into_stream();
        while !proof.is_too_long()
            && let Some(piece) = bytes.next().await
        {
            proof.add(&self.told(piece)?);
        }
        Ok(proof.holds())
    }

    async fn in_parts(
        &self,
        path: &Path,
        load: &Load<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), SendError> {
        let kept = load.resume.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if let Some(mut upload) = kept {
            if Upload::is_of(&upload, load)
                && self.go_on(path, load, &mut upload, teller).await? == Went::Whole
            {
                return Ok(());
            }
            // Of a file that was made anew since, or of no use any more.
            self.abort(path, &upload).await;
            // Its end may have come while nobody heard the answer.
            if self.find(path, load).await? == Found::Same {
                return Ok(());
            }
        }
        let id = self.told(self.store.create_multipart(path).await)?;
        let mut upload = Upload::new(load, id);
        // At once: whoever is cut off before the first part could never end it.
        teller.part(0, upload.text());
        match self.go_on(path, load, &mut upload, teller).await? {
            Went::Whole => Ok(()),
            Went::Forgotten => Err(SendError::answer(&self.host, "it forgets what it was sent")),
        }
    }

    /// Parts cost money for as long as they wait. If they stay: something else was the news.
    async fn abort(&self, path: &Path, upload: &Upload) {
        self.store.abort_multipart(path, &upload.id).await.unwrap_or_default();
    }

    async fn go_on(
        &self,
        path: &Path,
        load: &Load<'_>,
        upload: &mut Upload,
        teller: &mut Teller<'_>,
    ) -> Result<Went, SendError> {
        let sent = self.rest(path, load, upload, teller).await;
        if matches!(sent, Err(SendError::Changed(_))) {
            self.abort(path, upload).await;
        }
        sent
    }

    async fn rest(
        &self,
        path: &Path,
        load: &Load<'_>,
        upload: &mut Upload,
        teller: &mut Teller<'_>,
    ) -> Result<Went, SendError> {
        let mut source = load.open(upload.sent(load.bytes)).await?;
        teller.tell(upload.sent(load.bytes), || upload.text());
        while upload.sent(load.bytes) < load.bytes {
            let part = source.pieces(upload.part_bytes as usize).await?;
            let (at, part) = (upload.parts.len(), payload(part));
            let put = self.store.put_part(path, &upload.id, at, part).await;
            if put.as_ref().is_err_and(is_forgotten) {
                return Ok(Went::Forgotten);
            }
            upload.parts.push(self.told(put)?.content_id);
            teller.part(upload.sent(load.bytes), upload.text());
        }
        let parts = upload.parts.iter().map(|id| PartId { content_id: id.clone() }).collect();
        let whole = self.store.complete_multipart(path, &upload.id, parts).await;
        match whole.as_ref().is_err_and(is_forgotten) {
            true => Ok(Went::Forgotten),
            false => self.told(whole).map(|_| Went::Whole),
        }
    }

    fn told<T>(&self, answered: object_store::Result<T>) -> Result<T, SendError> {
        answered.map_err(|error| self.wire.failure().unwrap_or_else(|| self.refused(&error)))
    }

    /// What the store's codes mean here (Amazon S3 API Reference, error responses; MinIO's own).
    fn refused(&self, error: &object_store::Error) -> SendError {
        let text = error.to_string();
        let code = status(error).filter(|_| !text.contains("<Code>"));
        let code = code.or_else(|| self::code(&text)).unwrap_or_default();
        let (host, bucket) = (self.host.clone(), format!("the bucket {}", self.bucket));
        match code {
            "NoSuchBucket" | "404" => SendError::Missing(bucket),
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "401" => SendError::Credentials { host },
            "AccessDenied" | "AllAccessDisabled" | "403" => {
                SendError::NotWritable { place: bucket, why: format!("{host} says {code}") }
            }
            "QuotaExceeded"
            | "XMinioStorageFull"
            | "InsufficientStorage"
            | "507 Insufficient Storage" => SendError::Full(bucket),
            "EntityTooLarge" => SendError::TooLarge(bucket),
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "InvalidRegion" => {
                SendError::Address(format!("the bucket {} is in another region", self.bucket))
            }
            "RequestTimeTooSkewed" => SendError::answer(&host, "its clock and this box's differ"),
            "" => SendError::answer(&host, text),
            code => SendError::answer(&host, format!("it answers {code}")),
        }
    }
}

/// The code of an answer's XML, or else its status: the library gives both as a text only.
fn code(text: &str) -> Option<&str> {
    match text.split_once("<Code>") {
        Some((_, rest)) => rest.split_once("</Code>").map(|(code, _)| code),
        None => text.split_once("status code: ")?.1.split(':').next(),
    }
}

fn is_forgotten(error: &object_store::Error) -> bool {
    code(&error.to_string()).is_some_and(|code| FORGOTTEN.contains(&code))
}

fn status(error: &object_store::Error) -> Option<&'static str> {
    match error {
        object_store::Error::NotFound { .. } => Some("404"),
        object_store::Error::PermissionDenied { .. } => Some("403"),
        object_store::Error::Unauthenticated { .. } => Some("401"),
        _ => None,
    }
}

fn payload(pieces: Vec<bytes::Bytes>) -> PutPayload {
    pieces.into_iter().collect()
}

impl Upload {
    fn new(load: &Load<'_>, id: String) -> Self {
        // A whole number of MiB, so that the last part is no sliver.
        let part_bytes = load.bytes.div_ceil(PARTS).div_ceil(MIB) * MIB;
        let part_bytes = part_bytes.max(PART);
        Self { sha256: hex(&load.sha256), id, part_bytes, parts: Vec::new() }
    }

    /// Whether it is of this file and makes sense.
    fn is_of(&self, load: &Load<'_>) -> bool {
        let whole = Self::new(load, self.id.clone());
        let fits = self.parts.len() as u64 <= load.bytes.div_ceil(whole.part_bytes);
        self.sha256 == whole.sha256 && self.part_bytes == whole.part_bytes && fits
    }

    fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn sent(&self, bytes: u64) -> u64 {
        (self.parts.len() as u64 * self.part_bytes).min(bytes)
    }
}

#[cfg(test)]
mod tests;
