//! Where a program wants its file carried to. Of LiveKit's stores the box knows S3.

use super::order::{Wished, cannot, wrong};
use livekit_protocol as pb;
use pb::egress_info::Request as Asked;
use roombox_control::egress::Wanted;
use roombox_control::outputs::shown;
use roombox_control::targets::{Place, Secrets};

const ONLY_S3: &str = "uploads go to S3 and what speaks like it (MinIO, Ceph, R2, Google's and Alibaba's S3 endpoints): \
     Google Cloud Storage, Azure and Alibaba's own ways are not implemented";
const NO_ROLES: &str =
    "session tokens and roles are not implemented: name a key that may write there";
const NO_EXTRAS: &str = "metadata, tags, content_disposition and proxies of uploads are not implemented: leave them out";
/// What stands in answers and webhooks in the place of what opens a store, as LiveKit's service has it.
const HIDDEN: [&str; 2] = ["{access_key}", "{secret}"];

/// The stores of each way to ask, which are types of their own.
macro_rules! provider {
    ($output:expr, $module:ident :: $kind:ident, $manifest:expr) => {
        match $output {
            None => Ok(None),
            Some(pb::$module::$kind::S3(s3)) => super::storage::s3(s3, $manifest).map(Some),
            Some(_) => super::storage::only_s3(),
        }
    };
}
pub(super) use provider;

pub(super) fn only_s3<T>() -> Wished<T> {
    cannot(ONLY_S3)
}

pub(super) fn s3(upload: &pb::S3Upload, manifest: bool) -> Wished<Wanted> {
    if !(upload.session_token.is_empty()
        && upload.assume_role_arn.is_empty()
        && upload.assume_role_external_id.is_empty())
    {
        return cannot(NO_ROLES);
    }
    let plain = upload.metadata.is_empty()
        && upload.tagging.is_empty()
        && upload.content_disposition.is_empty()
        && upload.proxy.is_none();
    if !plain {
        return cannot(NO_EXTRAS);
    }
    for (what, text) in
        [("bucket", &upload.bucket), ("access_key", &upload.access_key), ("secret", &upload.secret)]
    {
        if text.trim().is_empty() {
            return wrong(format!("s3.{what} is missing"));
        }
    }
    if upload.bucket.contains('/') {
        return wrong("s3.bucket is the name of a bucket, without a folder");
    }
    // AWS's SDKs take one without its scheme.
    let endpoint = match upload.endpoint.trim().trim_end_matches('/') {
        "" => String::new(),
        whole if whole.contains("://") => whole.to_owned(),
        host => format!("https://{host}"),
    };
    let web = endpoint.starts_with("https://") || endpoint.starts_with("http://");
    let bare = endpoint.split("://").nth(1).is_some_and(|rest| !rest.contains(['/', '@', '?']));
    if !(endpoint.is_empty() || web && bare) {
        return wrong("s3.endpoint is like https://host:port, or empty for AWS");
    }
    let place = Place::S3 {
        endpoint,
        region: upload.region.trim().to_owned(),
        bucket: upload.bucket.clone(),
        prefix: String::new(),
        access_key: upload.access_key.clone(),
    };
    let secrets = Secrets { secret_key: upload.secret.clone(), ..Secrets::default() };
    Ok(Wanted { place, secrets, manifest })
}

/// A name that a store takes.
pub(super) fn name_there(name: &str) -> Wished<String> {
    let name = name.trim_start_matches('/');
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    if name.len() > 900 || !name.split('/').all(plain) {
        return wrong("filepath has no empty parts, no . and no .. in it, and at most 900 bytes");
    }
    Ok(name.to_owned())
}

/// What opens a store is not kept with what was asked, nor told to anybody again.
pub(super) fn hide_secrets(asked: &mut Asked) {
    use pb::{direct_file_output as direct, encoded_file_output as encoded};
    use pb::{room_composite_egress_request as room, track_composite_egress_request as tracks};
    fn hide(s3: &mut pb::S3Upload) {
        [s3.access_key, s3.secret] = HIDDEN.map(str::to_owned);
    }
    fn file(output: &mut pb::EncodedFileOutput) {
        if let Some(encoded::Output::S3(s3)) = &mut output.output {
            hide(s3);
        }
    }
    fn stream(output: &mut pb::StreamOutput) {
        for url in &mut output.urls {
            *url = shown(url);
        }
    }
    fn store(config: Option<&mut pb::StorageConfig>) {
        let provider = config.and_then(|config| config.provider.as_mut());
        if let Some(pb::storage_config::Provider::S3(s3)) = provider {
            hide(s3);
        }
    }
    #[expect(deprecated, reason = "older SDKs ask in this way")]
    match asked {
        Asked::RoomComposite(one) => {
            match &mut one.output {
                Some(room::Output::File(output)) => file(output),
                Some(room::Output::Stream(output)) => stream(output),
                _ => {}
            }
            one.file_outputs.iter_mut().for_each(file);
            one.stream_outputs.iter_mut().for_each(stream);
        }
        Asked::TrackComposite(one) => {
            match &mut one.output {
                Some(tracks::Output::File(output)) => file(output),
                Some(tracks::Output::Stream(output)) => stream(output),
                _ => {}
            }
            one.file_outputs.iter_mut().for_each(file);
            one.stream_outputs.iter_mut().for_each(stream);
        }
        Asked::Participant(one) => {
            one.file_outputs.iter_mut().for_each(file);
            one.stream_outputs.iter_mut().for_each(stream);
        }
        Asked::Track(one) => {
            if let Some(pb::track_egress_request::Output::File(output)) = &mut one.output
                && let Some(direct::Output::S3(s3)) = &mut output.output
            {
                hide(s3);
            }
        }
        Asked::Egress(one) => {
            store(one.storage.as_mut());
            for output in &mut one.outputs {
                store(output.storage.as_mut());
                if let Some(pb::output::Config::Stream(output)) = &mut output.config {
                    stream(output);
                }
            }
        }
        // Refused before.
        Asked::Web(_) | Asked::Replay(_) => {}
    }
}
