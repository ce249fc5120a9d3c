//! The panel door: the box's own REST API under `/api/v1`, its event socket, and the pages.
//!
//! It translates and authenticates; what may happen is decided in `roombox-control`, whose table of
//! permissions every route asks ([`permits`]). The OpenAPI
//! document is generated from here ([`openapi`]) and kept in `docs/api/openapi.json`.

mod access;
mod account;
mod audit;
mod backups;
mod bell;
mod body;
mod certificates;
mod describe;
mod encoders;
mod entry;
mod events;
mod files;
mod fleet;
mod guard;
pub(crate) mod headers;
mod health;
mod jobs;
mod keys;
mod library;
mod loans;
mod mail;
mod meeting;
mod merges;
mod metrics;
mod mqtt;
mod network;
mod noted;
mod oidc;
mod outputs;
mod pages;
mod people;
mod permits;
mod provisioning;
mod proxy;
mod ranges;
mod recordings;
mod room_links;
mod room_templates;
mod rooms;
mod safekeeping;
mod schedule;
mod security;
mod settings;
mod settings_text;
mod setup;
pub(crate) mod shape;
mod shares;
mod storage;
mod support;
mod syslog;
mod targets;
mod timekeeping;
mod twin;
mod updates;
mod watch;
mod webhooks;
mod whip_keys;
mod wifi;

pub use meeting::MeetingDoor;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use roombox_control::audit::Audit;
use roombox_control::backup::Backups;
use roombox_control::certificates::{Acme, Certificates};
use roombox_control::encoders::EncoderDesk;
use roombox_control::events::Events;
use roombox_control::fleet::{Fleet, Twin};
use roombox_control::health::Health;
use roombox_control::identity::BoxIdentity;
use roombox_control::jobs::Jobs;
use roombox_control::keys::LivekitKeys;
use roombox_control::loans::Loans;
use roombox_control::mail::Mail;
use roombox_control::mqtt::Mqtt;
use roombox_control::network::Network;
use roombox_control::oidc::Oidc;
use roombox_control::outputs::Outputs;
use roombox_control::people::{Factors, Invites, People, Sessions, Standing, Tokens};
use roombox_control::provisioning::ProvisioningDesk;
use roombox_control::proxy::ProxyDesk;
use roombox_control::recordings::Recordings;
use roombox_control::reset::Reset;
use roombox_control::retention::Retention;
use roombox_control::rooms::Rooms;
use roombox_control::rooms::templates::RoomTemplates;
use roombox_control::safekeeping::Safekeeping;
use roombox_control::schedule::Schedule;
use roombox_control::settings::SettingsDesk;
use roombox_control::setup::Setup;
use roombox_control::shares::Shares;
use roombox_control::status::Status;
use roombox_control::storage::Storage;
use roombox_control::support::Support;
use roombox_control::syslog::Syslog;
use roombox_control::targets::Targets;
use roombox_control::timekeeping::Timekeeping;
use roombox_control::updates::Updates;
use roombox_control::webhooks::Webhooks;
use roombox_control::whip_keys::WhipKeys;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Most bytes of a body that is read at once: bodies of requests are small.
const MAX_BODY: usize = 256 * 1024;

/// What the door's routes share.
#[derive(Clone)]
pub struct PanelDoor {
    pub identity: Arc<BoxIdentity>,
    pub people: Arc<People>,
    pub sessions: Arc<Sessions>,
    pub tokens: Arc<Tokens>,
    pub invites: Arc<Invites>,
    pub standing: Standing,
    pub factors: Arc<Factors>,
    pub audit: Arc<Audit>,
    pub certificates: Arc<Certificates>,
    pub acme: Arc<Acme>,
    pub rooms: Arc<Rooms>,
    pub templates: Arc<RoomTemplates>,
    pub recordings: Arc<Recordings>,
    pub retention: Arc<Retention>,
    pub schedule: Arc<Schedule>,
    pub shares: Arc<Shares>,
    pub storage: Arc<Storage>,
    pub targets: Arc<Targets>,
    pub jobs: Arc<Jobs>,
    pub encoders: Arc<EncoderDesk>,
    pub keys: Arc<LivekitKeys>,
    pub mqtt: Arc<Mqtt>,
    pub oidc: Arc<Oidc>,
    pub outputs: Arc<Outputs>,
    pub whip_keys: Arc<WhipKeys>,
    pub settings: Arc<SettingsDesk>,
    pub status: Arc<Status>,
    pub updates: Arc<Updates>,
    pub webhooks: Arc<Webhooks>,
    pub provisioning: Arc<ProvisioningDesk>,
    pub reset: Arc<Reset>,
    pub events: Arc<Events>,
    pub fleet: Arc<Fleet>,
    pub health: Arc<Health>,
    pub mail: Arc<Mail>,
    pub syslog: Arc<Syslog>,
    pub support: Arc<Support>,
    pub loans: Arc<Loans>,
    pub twin: Arc<Twin>,
    pub backups: Arc<Backups>,
    pub safekeeping: Arc<Safekeeping>,
    pub network: Arc<Network>,
    pub proxy: Arc<ProxyDesk>,
    pub timekeeping: Arc<Timekeeping>,
    pub meeting: MeetingDoor,
    pub setup: Arc<Setup>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Roombox",
    description = "The local API of a box. Every refusal is an `ErrorBody`, whatever its status; \
                   bodies are JSON objects.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
struct Document;

fn api() -> OpenApiRouter<PanelDoor> {
    let routes = OpenApiRouter::new()
        .routes(routes!(entry::box_get, entry::box_patch))
        .routes(routes!(entry::claim_get, entry::claim_post))
        .routes(routes!(entry::session_get, entry::session_post, entry::session_delete))
        .routes(routes!(rooms::room_list, rooms::room_create))
        .routes(routes!(rooms::room_get, rooms::room_patch, rooms::room_delete))
        .routes(routes!(rooms::invite_renew))
        .routes(routes!(rooms::room_pin_get, rooms::room_pin_put))
        .routes(routes!(room_links::room_link_list, room_links::room_link_create))
        .routes(routes!(room_links::room_link_delete))
        .routes(routes!(room_links::moderation_by_link))
        .routes(routes!(room_templates::room_template_list, room_templates::room_template_create))
        .routes(routes!(room_templates::room_template_patch, room_templates::room_template_delete))
        .routes(routes!(room_templates::room_template_preview))
        .routes(routes!(room_templates::room_template_apply))
        .routes(routes!(rooms::participant_list))
        .routes(routes!(rooms::participant_patch, rooms::participant_delete))
        .routes(routes!(rooms::meeting_delete))
        .routes(routes!(rooms::doorplate_get))
        .routes(routes!(rooms::join_token_create))
        .routes(routes!(meeting::tools_get))
        .routes(routes!(meeting::poll_ask))
        .routes(routes!(meeting::poll_patch, meeting::poll_remove))
        .routes(routes!(meeting::poll_vote))
        .routes(routes!(meeting::timer_put, meeting::timer_remove))
        .routes(routes!(meeting::handout_post))
        .routes(routes!(meeting::handout_take_away))
        .routes(routes!(
            recordings::recording_start,
            recordings::recording_change,
            recordings::recording_stop
        ))
        .routes(routes!(library::recording_list))
        .routes(routes!(library::day_list))
        .routes(routes!(library::recorded_room_list))
        .routes(routes!(shares::share_list, shares::share_create))
        .routes(routes!(shares::share_revoke))
        .routes(routes!(storage::storage_get))
        .routes(routes!(
            recordings::recording_get,
            recordings::recording_patch,
            recordings::recording_delete
        ))
        .routes(routes!(recordings::deletion_list))
        .routes(routes!(recordings::timeline_get))
        .routes(routes!(recordings::film_create))
        .routes(routes!(merges::merge_look, merges::merge_create))
        .routes(routes!(files::file_get))
        .routes(routes!(schedule::schedule_get))
        .routes(routes!(schedule::event_create))
        .routes(routes!(schedule::event_delete))
        .routes(routes!(schedule::feed_list, schedule::feed_create))
        .routes(routes!(schedule::feed_delete))
        .routes(routes!(schedule::feed_fetch))
        .routes(routes!(schedule::recording_extend))
        .routes(routes!(jobs::job_list))
        .routes(routes!(jobs::job_patch, jobs::job_cancel))
        .routes(routes!(jobs::job_retry))
        .routes(routes!(encoders::encoder_list))
        .routes(routes!(encoders::trial_create))
        .routes(routes!(account::password_put))
        .routes(routes!(account::factor_begin, account::factor_keep, account::factor_remove))
        .routes(routes!(account::session_list, account::session_revoke_others))
        .routes(routes!(account::session_revoke))
        .routes(routes!(audit::audit_list))
        .routes(routes!(audit::audit_export))
        .routes(routes!(people::person_list))
        .routes(routes!(people::person_patch, people::person_remove))
        .routes(routes!(people::person_factor_remove))
        .routes(routes!(people::person_session_list))
        .routes(routes!(people::person_session_revoke))
        .routes(routes!(people::invite_list, people::invite_create))
        .routes(routes!(people::invite_revoke))
        .routes(routes!(people::invitation_look))
        .routes(routes!(people::invitation_accept))
        .routes(routes!(keys::api_token_list, keys::api_token_create))
        .routes(routes!(keys::api_token_delete))
        .routes(routes!(keys::livekit_key_list, keys::livekit_key_create))
        .routes(routes!(keys::livekit_key_delete))
        .routes(routes!(whip_keys::whip_key_list, whip_keys::whip_key_create))
        .routes(routes!(whip_keys::whip_key_delete))
        .routes(routes!(outputs::output_list, outputs::output_create))
        .routes(routes!(outputs::output_stop))
        .routes(routes!(settings::settings_get, settings::settings_patch))
        .routes(routes!(settings_text::settings_text_get, settings_text::settings_text_put))
        .routes(routes!(settings_text::settings_text_preview))
        .routes(routes!(settings::status_get))
        .routes(routes!(health::health_get))
        .routes(routes!(health::alarm_acknowledge))
        .routes(routes!(support::support_get))
        .routes(routes!(support::support_bundle_get))
        .routes(routes!(updates::updates_get))
        .routes(routes!(updates::history_get))
        .routes(routes!(updates::bundle_put))
        .routes(routes!(
            updates::installation_create,
            updates::installation_patch,
            updates::installation_cancel
        ))
        .routes(routes!(updates::restart_create))
        .routes(routes!(updates::channel_check))
        .routes(routes!(targets::target_list, targets::target_create))
        .routes(routes!(targets::target_patch, targets::target_delete))
        .routes(routes!(targets::target_test))
        .routes(routes!(targets::target_retry))
        .routes(routes!(targets::copy_list, targets::copy_create))
        .routes(routes!(targets::copy_retry))
        .routes(routes!(webhooks::webhook_list, webhooks::webhook_create))
        .routes(routes!(webhooks::webhook_patch, webhooks::webhook_delete))
        .routes(routes!(webhooks::webhook_test))
        .routes(routes!(webhooks::webhook_deliveries))
        .routes(routes!(webhooks::webhook_send_again))
        .routes(routes!(mqtt::mqtt_get, mqtt::mqtt_put))
        .routes(routes!(mqtt::mqtt_test))
        .routes(routes!(oidc::oidc_get, oidc::oidc_put))
        .routes(routes!(oidc::oidc_test))
        .routes(routes!(oidc::oidc_readmit))
        .routes(routes!(oidc::oidc_button))
        .routes(routes!(oidc::oidc_start))
        .routes(routes!(oidc::oidc_callback))
        .routes(routes!(oidc::identity_connect, oidc::identity_disconnect))
        .routes(routes!(mail::mail_get, mail::mail_put))
        .routes(routes!(mail::mail_test))
        .routes(routes!(syslog::syslog_get, syslog::syslog_put))
        .routes(routes!(network::network_get))
        .routes(routes!(network::interface_put))
        .routes(routes!(network::vlan_add))
        .routes(routes!(network::vlan_remove))
        .routes(routes!(network::network_trial_get, network::network_trial_undo))
        .routes(routes!(network::network_trial_keep))
        .routes(routes!(wifi::wifi_get, wifi::wifi_join, wifi::wifi_forget))
        .routes(routes!(wifi::wifi_scan))
        .routes(routes!(proxy::proxy_try))
        .routes(routes!(timekeeping::time_get, timekeeping::time_put))
        .routes(routes!(setup::setup_get, setup::setup_patch))
        .routes(routes!(certificates::certificates_get))
        .routes(routes!(certificates::certificate_preview))
        .routes(routes!(certificates::certificate_install, certificates::certificate_revert))
        .routes(routes!(certificates::acme_get, certificates::acme_put))
        .routes(routes!(certificates::acme_order))
        .routes(routes!(
            certificates::certificate_request,
            certificates::certificate_request_discard
        ))
        .routes(routes!(
            provisioning::provisioning_get,
            provisioning::provisioning_confirm,
            provisioning::provisioning_discard
        ))
        .routes(routes!(provisioning::box_reset))
        .routes(routes!(backups::backups_get, backups::backup_make))
        .routes(routes!(backups::backup_file_get, backups::backup_file_delete))
        .routes(routes!(backups::backup_upload, backups::backup_upload_delete))
        .routes(routes!(
            safekeeping::backup_plan_get,
            safekeeping::backup_plan_put,
            safekeeping::backup_plan_end
        ))
        .routes(routes!(safekeeping::backup_plan_run, safekeeping::backup_plan_call_off))
        .routes(routes!(backups::backup_cancel))
        .routes(routes!(backups::backup_drill))
        .routes(routes!(backups::backup_restore))
        .routes(routes!(backups::restore_undo))
        .routes(routes!(backups::restore_forget))
        .routes(routes!(backups::claim_backup_upload))
        .routes(routes!(backups::claim_restore))
        .routes(routes!(fleet::fleet_get, fleet::fleet_leave))
        .routes(routes!(fleet::fleet_found, fleet::fleet_relocate))
        .routes(routes!(fleet::fleet_invite))
        .routes(routes!(fleet::fleet_join, fleet::fleet_look_at))
        .routes(routes!(fleet::fleet_admit))
        .routes(routes!(fleet::fleet_expel))
        .routes(routes!(fleet::fleet_told))
        .routes(routes!(fleet::fleet_recordings))
        .routes(routes!(fleet::fleet_outages))
        .routes(routes!(twin::twin_get))
        .routes(routes!(twin::twin_refuse))
        .routes(routes!(twin::twin_decide))
        .routes(routes!(twin::wishes_get))
        .routes(routes!(twin::group_add))
        .routes(routes!(twin::group_change, twin::group_remove))
        .routes(routes!(twin::wish_change))
        .routes(routes!(twin::wish_decide))
        .routes(routes!(twin::wish_anew))
        .routes(routes!(twin::wave_list, twin::wave_begin))
        .routes(routes!(twin::wave_act))
        .routes(routes!(loans::loan_claim))
        .routes(routes!(loans::loan_put, loans::loan_delete))
        .routes(routes!(loans::loan_file_get))
        .routes(routes!(loans::loan_made_get, loans::loan_made_put))
        .routes(routes!(loans::loan_receipt))
        .routes(routes!(events::listen));
    OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", routes)
        .routes(routes!(outputs::live_get))
        .routes(routes!(meeting::handout_get))
        .routes(routes!(watch::shared_page))
        .routes(routes!(watch::shared_get))
        .routes(routes!(watch::shared_unlock))
        .routes(routes!(watch::shared_film))
        .routes(routes!(watch::shared_poster))
        .routes(routes!(metrics::metrics_get))
        .routes(routes!(security::security_txt))
}

/// The API's description, generated from the code.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api().into_openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    describe::who_and_what_is_refused(&mut document);
    describe::paths_as_the_standard_has_them(&mut document);
    document
}

/// The table of who may call which route: `docs/permissions.md`.
pub fn permissions() -> String {
    permits::matrix()
}

/// The door's routes.
pub fn router(door: PanelDoor) -> Router {
    let (api, document) = api().split_for_parts();
    let guard = guard::Guard::new(door.clone(), &document);
    let pages = pages::router(door.settings.clone());
    let api = api
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(guard.clone(), guard::permitted))
        .layer(middleware::from_fn_with_state(guard, noted::noted))
        .layer(middleware::from_fn(access::same_origin))
        .layer(middleware::from_fn(watch::for_nobody_else))
        .with_state(door);
    api.merge(pages)
}
