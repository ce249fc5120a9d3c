//! Who else is told how the box is: its fleet, mails, and a syslog server; and what the audit log says that
//! the box did by itself.

use crate::fleet::{BoxGear, Errands, Pulse};
use crate::mail::BoxPostman;
use crate::syslog::BoxWire;
use roombox_control::ControlError;
use roombox_control::audit::Noted;
use roombox_control::backup::Restored;
use roombox_control::events::Events;
use roombox_control::fleet::{BoxOffer, BoxPulse, Gear as _, Ordered};
use roombox_control::health::Health;
use roombox_control::identity::BoxIdentity;
use roombox_control::jobs::Offer;
use roombox_control::logs::LogBook;
use roombox_control::mail::Mail;
use roombox_control::spares::MendNote;
use roombox_control::status::Status;
use roombox_control::store::Store;
use roombox_control::syslog::Syslog;
use std::sync::Arc;
use ulid::Ulid;

/// Begins to tell.
///
/// # Errors
/// The store refuses.
pub async fn begin(
    (store, events): (Arc<Store>, Arc<Events>),
    identity: Arc<BoxIdentity>,
    health: Arc<Health>,
    book: Arc<LogBook>,
) -> Result<(Arc<Mail>, Arc<Syslog>), ControlError> {
    let postman = Arc::new(BoxPostman);
    let mail = Mail::load(store.clone(), events.clone(), identity.clone(), health, postman).await?;
    tokio::spawn(mail.clone().run());
    let syslog = Syslog::load(store, events, identity, book, Arc::new(BoxWire)).await?;
    tokio::spawn(syslog.clone().run());
    Ok((mail, syslog))
}

/// What the box says of itself to its fleet.
pub fn pulse(
    status: Arc<Status>,
    identity: Arc<BoxIdentity>,
    health: Arc<Health>,
    (errands, gear): (Arc<Errands>, Arc<BoxGear>),
    ordered: Arc<Ordered>,
) -> Pulse {
    let nonce = Ulid::new().to_string();
    Arc::new(move || {
        let now = status.now();
        let twin = errands.twin.pulse();
        let offers = errands.jobs.trade().offers.into_iter();
        let offers = offers.filter(|_| !twin.refuses.recordings);
        let offers: Vec<_> = offers
            .map(|Offer { job, number, media_ms }| BoxOffer { job, number, media_ms })
            .collect();
        let reach = gear.reach().unwrap_or_default();
        BoxPulse {
            nonce: nonce.clone(),
            name: identity.name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recordings: now.recordings,
            alarms: health.open().len() as u64,
            free_bytes: now.disk.free_bytes,
            total_bytes: now.disk.total_bytes,
            offers,
            at: reach.https,
            fingerprint: reach.fingerprint,
            minute_ms: errands.ready(),
            helps: errands.whose(),
            twin: Some(twin),
            order: ordered.pulse(),
            ..BoxPulse::default()
        }
    })
}

/// The request for it is in the log that it has replaced.
pub fn restored(restored: &Restored) -> Noted {
    let (note, action, why) = match restored {
        Restored::Done(note) if note.undone => (note, "restore_undone", ""),
        Restored::Done(note) => (note, "backup_restored", ""),
        Restored::GivenUp(given_up) => (&given_up.note, "restore_given_up", given_up.why.as_str()),
    };
    let of = format!("of {} UTC {why}", note.made_at.minute());
    by_the_box(action, note.box_name.clone(), of.trim_end().to_owned())
}

/// Nobody asked for it, and whoever was removed since the copy was made is there again.
pub fn mended(note: MendNote) -> Noted {
    let detail = match note.as_of {
        Some(at) => format!("people and settings are as of {} UTC", at.minute()),
        None => "no copy was left: the box began anew".to_owned(),
    };
    by_the_box("database_mended", note.kept_in, detail)
}

fn by_the_box(action: &str, subject: String, detail: String) -> Noted {
    Noted {
        person: String::new(),
        name: String::new(),
        token: String::new(),
        from: String::new(),
        action: action.to_owned(),
        subject,
        detail,
        result: "ok".to_owned(),
        skipped: 0,
    }
}
