//! LiveKit's Egress API (livekit_egress.proto): films that programs order of a meeting, and addresses that
//! they have it sent to.
//!
//! The box records tracks and makes films of them afterwards: an egress is complete when its film is
//! there, some time after it was stopped, and where it was to be carried to. Else its file stays on the
//! box and is fetched from its `location`, with an API token. What is refused is refused with its reason
//! before anything is recorded.

mod order;
mod storage;
mod streams;

use super::LivekitDoor;
use super::twirp::{Answer, Call, Refused, refused};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use livekit_protocol as pb;
use order::{Wish, layout_of};
use pb::egress_info::Request as Asked;
use prost::Message;
use roombox_control::ControlError;
use roombox_control::egress::{EgressState, EgressView, StreamView, UploadState, ordered};
use roombox_control::webhooks::{News, Origin};

pub(super) async fn call(
    State(door): State<LivekitDoor>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let call = match Call::read(&door, request).await {
        Ok(call) => call,
        Err(refusal) => return refusal,
    };
    let answer = match method.as_str() {
        "StartRoomCompositeEgress" => call.start(Asked::RoomComposite).await,
        "StartParticipantEgress" => call.start(Asked::Participant).await,
        "StartTrackCompositeEgress" => call.start(Asked::TrackComposite).await,
        "StartTrackEgress" => call.start(Asked::Track).await,
        "StartEgress" => call.start(Asked::Egress).await,
        "StartWebEgress" => call.start(Asked::Web).await,
        "UpdateLayout" => call.update_layout().await,
        "UpdateStream" => call.update_stream().await,
        "ListEgress" => call.list_egress().await,
        "StopEgress" => call.stop_egress().await,
        _ => Err(refused("bad_route", format!("Egress has no method {method}"))),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        use ControlError as E;
        let code = match &error {
            E::NotFound(_) | E::NoMeeting => "not_found",
            E::EgressEnded | E::OnlyTranscodes => "failed_precondition",
            E::InvalidOutput { .. } | E::NoSuchStream(_) => "invalid_argument",
            E::TooManyOrders { .. }
            | E::TooManyOutputs { .. }
            | E::TooManyBroadcasts { .. }
            | E::DiskBelowReserve { .. } => "resource_exhausted",
            E::Busy(_) | E::Draining | E::AlreadyRecording => "unavailable",
            _ => "internal",
        };
        if code == "internal" {
            tracing::error!(%error, "an egress request failed");
        }
        match error {
            E::NotFound("room") | E::NoMeeting => refused(code, "requested room does not exist"),
            E::NotFound(_) => refused(code, "egress does not exist"),
            error => refused(code, error.to_string()),
        }
    }
}

impl Call<'_> {
    fn records(&self) -> Result<(), Refused> {
        self.granted(self.claims.video.room_record)
    }

    async fn start<T>(&self, asked: impl FnOnce(T) -> Asked) -> Answer
    where
        T: Message + Default + serde::de::DeserializeOwned,
    {
        let mut asked = asked(self.request()?);
        self.records()?;
        let Wish { room, mut order } = Wish::of(&asked)?;
        storage::hide_secrets(&mut asked);
        let kept = pb::EgressInfo { request: Some(asked), ..pb::EgressInfo::default() };
        order.request = kept.encode_to_vec();
        let view = self.door.egress.start(room, order).await?;
        self.answer(&info(&view))
    }

    async fn update_layout(&self) -> Answer {
        let request: pb::UpdateLayoutRequest = self.request()?;
        self.records()?;
        let layout = layout_of(&request.layout)?;
        self.answer(&info(&self.door.egress.relayout(&request.egress_id, layout).await?))
    }

    async fn update_stream(&self) -> Answer {
        let request: pb::UpdateStreamRequest = self.request()?;
        self.records()?;
        let pb::UpdateStreamRequest { egress_id, add_output_urls, remove_output_urls } = request;
        let view = self.door.egress.resend(egress_id, add_output_urls, remove_output_urls).await?;
        self.answer(&info(&view))
    }

    async fn stop_egress(&self) -> Answer {
        let request: pb::StopEgressRequest = self.request()?;
        self.records()?;
        self.answer(&info(&self.door.egress.stop(request.egress_id).await?))
    }

    async fn list_egress(&self) -> Answer {
        let request: pb::ListEgressRequest = self.request()?;
        self.records()?;
        let views = match request.egress_id.as_str() {
            "" => {
                let room = Some(request.room_name.clone()).filter(|room| !room.is_empty());
                self.door.egress.list(room).await?
            }
            id => match self.door.egress.get(id).await {
                Ok(view) => vec![view],
                Err(ControlError::NotFound(_)) => Vec::new(),
                Err(error) => return Err(error.into()),
            },
        };
        let goes_on = |state| matches!(state, EgressState::Active | EgressState::Ending);
        let wanted = |view: &&EgressView| {
            (request.room_name.is_empty() || view.row.room_name == request.room_name)
                && (!request.active || goes_on(view.state))
        };
        let items = views.iter().filter(wanted).map(info).collect();
        self.answer(&pb::ListEgressResponse { items, next_page_token: None })
    }
}

/// What receivers of webhooks are told of an order that stands somewhere else now.
///
/// # Errors
/// It cannot be written as JSON (never).
pub fn news(view: &EgressView, now_ms: u64) -> Result<News, serde_json::Error> {
    let event = match view.state {
        EgressState::Active if view.row.updated_ms == view.row.started_ms => "egress_started",
        EgressState::Active | EgressState::Ending => "egress_updated",
        EgressState::Complete | EgressState::Failed | EgressState::Aborted => "egress_ended",
    };
    let event = pb::WebhookEvent {
        event: event.to_owned(),
        egress_info: Some(info(view)),
        ..super::webhook::fresh(now_ms)
    };
    let (name, opened_with) = (view.row.room_name.clone(), view.row.opened_with.clone());
    Ok(News {
        of: Origin::Room { name, opened_with },
        body: serde_json::to_vec(&event)?,
        id: event.id,
    })
}

fn info(view: &EgressView) -> pb::EgressInfo {
    let row = &view.row;
    // It was encoded by this door; an older one may have known less.
    let kept = pb::EgressInfo::decode(row.request.as_slice()).unwrap_or_default();
    let nanoseconds = |ms: u64| (ms * 1_000_000) as i64;
    let status = match view.state {
        EgressState::Active => pb::EgressStatus::EgressActive,
        EgressState::Ending => pb::EgressStatus::EgressEnding,
        EgressState::Complete => pb::EgressStatus::EgressComplete,
        EgressState::Failed => pb::EgressStatus::EgressFailed,
        EgressState::Aborted => pb::EgressStatus::EgressAborted,
    };
    let ended_at = view.ended_ms.map_or(0, nanoseconds);
    let movie = ordered(&view.files);
    let delivered = view.upload.as_ref().filter(|to| to.state == UploadState::Delivered);
    let waiting = view.upload.as_ref().filter(|to| to.state == UploadState::Waiting);
    let file = pb::FileInfo {
        filename: row.filename.clone(),
        started_at: nanoseconds(row.started_ms),
        ended_at,
        duration: nanoseconds(view.duration_ms),
        size: movie.map_or(0, |file| file.bytes as i64),
        location: match (delivered, movie) {
            (Some(to), _) => to.location(),
            (None, Some(file)) => {
                format!("/api/v1/recordings/{}/files/{}", row.spec.recording, file.path)
            }
            (None, None) => String::new(),
        },
    };
    let streams: Vec<pb::StreamInfo> = view.streams.iter().map(stream_info).collect();
    #[expect(deprecated, reason = "clients that ask in the old way look for the answer there")]
    let result = order::asks_in_the_old_way(kept.request.as_ref()).then(|| match row.films() {
        true => pb::egress_info::Result::File(file.clone()),
        false => pb::egress_info::Result::Stream(pb::StreamInfoList { info: streams.clone() }),
    });
    pb::EgressInfo {
        egress_id: row.id.clone(),
        room_id: row.room_sid.clone(),
        room_name: row.room_name.clone(),
        source_type: pb::EgressSourceType::Sdk as i32,
        status: status as i32,
        started_at: nanoseconds(row.started_ms),
        ended_at,
        updated_at: nanoseconds(row.updated_ms.max(view.ended_ms.unwrap_or(0))),
        file_results: if row.films() { vec![file] } else { Vec::new() },
        stream_results: streams,
        error: view.error.clone().filter(|_| waiting.is_none()).unwrap_or_default(),
        // What fails and is tried again is no error yet.
        details: waiting.and_then(|to| to.error.clone()).unwrap_or_default(),
        manifest_location: delivered.and_then(|to| to.manifest_location()).unwrap_or_default(),
        request: kept.request,
        result,
        ..pb::EgressInfo::default()
    }
}

fn stream_info(stream: &StreamView) -> pb::StreamInfo {
    use pb::stream_info::Status;
    let status = match (stream.ended_ms, &stream.error) {
        (None, _) => Status::Active,
        (Some(_), None) => Status::Finished,
        (Some(_), Some(_)) => Status::Failed,
    };
    let nanoseconds = |ms: u64| (ms * 1_000_000) as i64;
    let lasted = stream.ended_ms.map(|ended| ended.saturating_sub(stream.started_ms));
    pb::StreamInfo {
        url: stream.address.clone(),
        started_at: nanoseconds(stream.started_ms),
        ended_at: stream.ended_ms.map_or(0, nanoseconds),
        duration: lasted.map_or(0, nanoseconds),
        status: status as i32,
        error: stream.error.clone().unwrap_or_default(),
        retries: stream.breaks,
        ..pb::StreamInfo::default()
    }
}

/// Entry for the fuzzer: any bytes as what is asked of an egress. What is understood can be made.
pub fn fuzz_egress(bytes: &[u8]) {
    let asked = pb::EgressInfo::decode(bytes).ok().and_then(|info| info.request);
    let Some(Ok(Wish { room, order })) = asked.as_ref().map(Wish::of) else { return };
    let (width, height) = order.spec.layout.canvas;
    assert!(!room.is_empty());
    assert_eq!(order.filename.is_empty(), order.spec.outputs.is_empty());
    assert!(!order.spec.outputs.is_empty() || !order.streams.is_empty());
    assert!(width.is_multiple_of(8) && height.is_multiple_of(2) && width <= 3840 && height <= 2160);
    assert!(
        (1..=60).contains(&order.spec.layout.fps) && (1..=60).contains(&order.spec.video.gop_s)
    );
}

#[cfg(test)]
mod tests;
