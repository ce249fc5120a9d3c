//! Alarms in English: what is the case, why, and what to do. Pages say it in their own language, by kind.

use super::kinds::{AlarmKind, Figures};

/// An alarm in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub what: String,
    pub cause: &'static str,
    pub remedy: &'static str,
}

fn gigabytes(bytes: Option<u64>) -> String {
    format!("{:.1} GB", bytes.unwrap_or(0) as f64 / 1e9)
}

fn span(seconds: u64) -> String {
    match seconds {
        ..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What an alarm says.
pub fn words(kind: AlarmKind, figures: &Figures) -> Words {
    let name = figures.name.as_deref().unwrap_or_default();
    let count = figures.count.unwrap_or(0);
    let at = figures.at.unwrap_or_default().minute();
    let why = match figures.error.as_deref() {
        Some(error) if !error.is_empty() => format!(": {error}"),
        _ => String::new(),
    };
    let (what, cause, remedy) = match kind {
        AlarmKind::DiskNearlyFull => (
            format!(
                "The disk is nearly full: {} are free, {} must stay free",
                gigabytes(figures.bytes),
                gigabytes(figures.of_bytes)
            ),
            "Recordings and films fill it.",
            "Delete what nobody needs, let the box delete old recordings, or copy them to a target.",
        ),
        AlarmKind::DiskFull => (
            format!(
                "The disk is too full to record: {} are free, {} must stay free",
                gigabytes(figures.bytes),
                gigabytes(figures.of_bytes)
            ),
            "Recordings and films have filled it. Meetings go on without being recorded.",
            "Delete recordings that nobody needs, or lower the reserve in the settings.",
        ),
        AlarmKind::ClockUnset => (
            "No time server has set the clock since the start".to_owned(),
            "The box reaches no time server. It deletes nothing because of its age meanwhile.",
            "Let the box reach a time server (NTP, UDP port 123), or name one of your own.",
        ),
        AlarmKind::ClockJumped => (
            "The clock was set by more than an hour".to_owned(),
            "A time server or somebody set it. For a day the box deletes nothing because of its age.",
            "Check that the date and time of this box are right; then nothing is to be done.",
        ),
        AlarmKind::CertificateEnding => (
            format!("The certificate ends on {at} UTC"),
            "It was not renewed in time. After that the box serves its own, which browsers warn of.",
            "Renew it, or upload a new one.",
        ),
        AlarmKind::CertificateEnded => (
            format!("The certificate ended on {at} UTC"),
            "It was not renewed. The box serves its own, which browsers warn of.",
            "Renew it, or upload a new one.",
        ),
        AlarmKind::CertificateNotRenewed => (
            format!("The last order of a certificate failed{why}"),
            "The authority, or the way to it, refused.",
            "See what the certificates' page says of the order, and order again.",
        ),
        AlarmKind::TargetFailing => (
            format!("Copies do not arrive at {name}{why}"),
            "The target is away, full, or refuses the box. What waits is tried again.",
            "Test the target in the settings, and see what it says.",
        ),
        AlarmKind::TargetGivenUp => (
            format!("{count} files did not get to {name} for two weeks{why}"),
            "The target was away, full, or refused the box for too long.",
            "Test the target in the settings; once it works, have the files tried again.",
        ),
        AlarmKind::RecordingDamaged => (
            format!("{count} packets of recordings were lost in the last ten minutes"),
            "The disk was slower than the meetings. These moments are missing in the recordings.",
            "Record fewer rooms at a time, or use a faster disk. Look whether something else writes to it.",
        ),
        AlarmKind::FilmsParked => (
            format!("{count} films could not be made"),
            "Every attempt failed. The recordings are whole.",
            "See in the queue why, and have them tried again.",
        ),
        AlarmKind::EncoderOff => (
            format!("The encoder {name} is switched off{why}"),
            "It failed three films within a day. Another encoder makes them, and may be slower.",
            "Have it tried again in the settings; if it fails again, an update of the box may help.",
        ),
        AlarmKind::MediaOverloaded => (
            format!("The media thread of {name} has more to do than it can"),
            "Too many people with pictures at a time for this machine, or films that are being made.",
            "Let people leave pictures off, divide them over boxes, or make films later.",
        ),
        AlarmKind::TooWarm => (
            format!("The processor has {:.0} °C", figures.celsius.unwrap_or(0.0)),
            "The box gets too little air, or has too much to do. It becomes slower to protect itself.",
            "Give it air, clean its fan, and take it out of the sun.",
        ),
        AlarmKind::FleetFailed => (
            format!("The way to the fleet cannot be begun{why}"),
            "The nats-server of this box does not start.",
            "See what the fleet's page says; if a restart of the box does not help, take the support bundle.",
        ),
        AlarmKind::FleetCut => (
            format!("The fleet's hub is not reached{why}"),
            "The hub, or the network on the way to it, is away. What happens here waits and is told later.",
            "Look whether the hub runs, and whether this box reaches it.",
        ),
        AlarmKind::FleetCloned => (
            "Another box has this one's key".to_owned(),
            "This box's card or disk was copied. Both boxes disturb each other in the fleet.",
            "Switch one of them off, and reset it before it is used again.",
        ),
        AlarmKind::FleetClocks => (
            format!(
                "The clocks of this box and its fleet differ by {}",
                span(figures.seconds.unwrap_or(0))
            ),
            "One was set wrong, or has gone back, like one without a battery. What happens still arrives, with \
             wrong times; from a day on, boxes make no films for each other.",
            "Set the clocks of the hub and of this box right, or let both reach a time server. All goes on by itself.",
        ),
        AlarmKind::FleetRefused => (
            match figures.name.as_deref() {
                Some(name) => format!(
                    "This hub has not taken {count} things in ten minutes, most from {name}"
                ),
                None => format!("This hub has turned {count} callers away in ten minutes"),
            },
            "A box tells far too much or what cannot be read, or somebody tries codes. Other boxes lose nothing by it.",
            "Look at that box on the fleet's page: update it, or put it out. Keep strangers from the hub's ports.",
        ),
        AlarmKind::WebhooksFailing => (
            format!("The receiver of webhooks at {name} does not take them{why}"),
            "It is away, or answers with an error. What waits is tried again for a day.",
            "Look into the receiver's log, and send it a test from the settings.",
        ),
        AlarmKind::MqttAway => (
            format!("The MQTT broker is not reached{why}"),
            "The broker is away, or refuses this box.",
            "Test the connection in the settings.",
        ),
        AlarmKind::MailFailing => (
            format!("Mails about alarms do not go out{why}"),
            "The mail server is away, or refuses what the box sends.",
            "Send a test from the settings: it says what the server answers.",
        ),
        AlarmKind::SyslogAway => (
            format!("The syslog server is not reached{why}"),
            "The server is away, or the box does not trust it. Audit rows wait; lines of the log may be lost.",
            "Look whether the server runs and takes connections from this box.",
        ),
        AlarmKind::UpdateSetback => (
            format!("The last update did not stay{why}"),
            "The new version was not fit to be used here, so the box went back to the one before.",
            "See the reason on the updates' page before you install it again.",
        ),
        AlarmKind::AuditBroken => (
            format!("Somebody has changed the audit log{why}"),
            "Its chain of hashes does not fit: rows were changed or taken out, past this program.",
            "Take the log and the support bundle along, and find out who had access to the box's disk.",
        ),
        AlarmKind::BackupFailed => (
            match name {
                "" => format!("The planned backup could not be made{why}"),
                name => format!("The planned backup does not arrive at {name}{why}"),
            },
            "The disk of the box is full, or the target is away, full, or refuses the box. It is tried again.",
            "Make room, or test the target in the settings and see what it says.",
        ),
        AlarmKind::BackupOld => (
            match figures.at {
                Some(_) => format!("The last good backup at {name} is of {at} UTC"),
                None => format!("There is no good backup at {name} yet"),
            },
            "Planned backups have not arrived there for at least two of their turns.",
            "See on the page of backups why, and have one made now.",
        ),
        AlarmKind::DatabaseReplaced => (
            format!("The database was damaged, and its copy of {at} UTC took its place{why}"),
            "The disk is wearing out, or the power went at the worst moment. What was changed after that copy is \
             gone: people who were removed may be there again, and new ones and settings may be missing. Recordings \
             are all there.",
            "Look through people, keys and settings. If it happens again, replace the disk.",
        ),
        AlarmKind::DatabaseLost => (
            format!(
                "The database was damaged, no copy of it was left, and the box began anew{why}"
            ),
            "The disk is wearing out. People, rooms and settings are gone; the owner and all recordings are there.",
            "Restore a backup, if there is one, and replace the disk.",
        ),
        AlarmKind::KeysRenewed => (
            format!("Keys of this box could not be read and were made anew: {name}"),
            "The disk is wearing out, or somebody changed the files. The old ones are kept beside them, with the \
             ending .broken.",
            "With another ca.key or ca.crt, devices must be told of this box's authority again. With another \
             server.key, so must programs that pin it. With another box.key, the box must join its fleet anew. Or \
             restore a backup.",
        ),
        AlarmKind::RestoreGivenUp => (
            format!("The backup of {name} of {at} UTC was not restored{why}"),
            "The disk refused a step of it. The box is as it was before.",
            "Make room on the disk, then upload and restore the backup again.",
        ),
    };
    Words { what, cause, remedy }
}
