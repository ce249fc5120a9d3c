//! Links on a real store: who comes in by them, and who does not.

use super::*;
use crate::events::Missed;
use crate::store::RecordingRow;
use roombox_jobs::spec::FileKind;

const PASSWORD: &str = "open the film";

struct Office {
    shares: Shares,
    store: Arc<Store>,
    events: Arc<Events>,
    start: u64,
    _folder: tempfile::TempDir,
}

impl Office {
    /// With a recording that is ready, and one that is empty.
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        for (id, state) in [("rec_1", RecordingState::Ready), ("rec_2", RecordingState::Empty)] {
            let row = RecordingRow {
                id: id.to_owned(),
                title: "Budget".to_owned(),
                state,
                ..RecordingRow::default()
            };
            store.recording_insert(row).await.unwrap();
        }
        let events = Arc::new(Events::default());
        let start = events.listen(None).0;
        let shares = Shares::new(store.clone(), events.clone(), folder.path().to_owned());
        Self { shares, store, events, start, _folder: folder }
    }

    async fn link(&self, password: Option<&str>, expires_in_s: u64) -> (String, String) {
        let password = password.map(str::to_owned);
        let wanted = NewShare { expires_in_s, password, download: false };
        let (share, token) = self.shares.create("rec_1", wanted).await.unwrap();
        (share.id, token)
    }

    async fn refused(&self, recording: &str, wanted: NewShare) -> &'static str {
        self.shares.create(recording, wanted).await.unwrap_err().code()
    }

    /// What the events say of links, in order.
    fn heard(&self) -> Vec<&'static str> {
        let Missed::Events(events) = self.events.listen(Some(self.start)).1 else {
            panic!("reset")
        };
        let word = |what: &Happening| match what {
            Happening::ShareCreated { .. } => "created",
            Happening::ShareOpened { .. } => "opened",
            Happening::ShareRevoked { .. } => "revoked",
            other => panic!("{other:?}"),
        };
        events.iter().map(|event| word(&event.what)).collect()
    }

    async fn opened(&self) -> u64 {
        self.shares.list("rec_1").await.unwrap()[0].opened
    }
}

fn caller<'a>(token: &'a str, visit: Option<&'a str>) -> Caller<'a> {
    Caller { token, visit, from: IpAddr::from([192, 0, 2, 1]) }
}

fn code<T>(outcome: Result<T, ControlError>) -> &'static str {
    outcome.map_or_else(|error| error.code(), |_| "it went well")
}

#[tokio::test]
async fn a_link_opens_the_film_and_counts_each_visitor_once() {
    let office = Office::open().await;
    let (id, token) = office.link(None, 60).await;
    let (film, visit) = office.shares.look(caller(&token, None)).await.unwrap();
    assert_eq!((film.title.as_str(), film.ready, film.download), ("Budget", false, false));
    let (secret, seconds) = visit.unwrap();
    assert_eq!(seconds, 12 * 3600);
    let again = office.shares.look(caller(&token, Some(&secret))).await.unwrap();
    assert_eq!(again.1, None, "it has a visit");
    let list = office.shares.list("rec_1").await.unwrap();
    assert_eq!((list[0].opened, list[0].opened_at.is_some()), (1, true));
    assert_eq!((list[0].password, list[0].expired), (false, false));
    assert_eq!(office.heard(), ["created", "opened"]);
    office.shares.revoke(&id).await.unwrap();
    assert_eq!(code(office.shares.look(caller(&token, Some(&secret))).await), "share_gone");
    assert_eq!(code(office.shares.revoke(&id).await), "not_found");
    assert_eq!(office.heard(), ["created", "opened", "revoked"]);
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    let office = Office::open().await;
    let (_, token) = office.link(Some(PASSWORD), 60).await;
    assert_eq!(token.len() * 5, 215, "bits");
    let rows = format!("{:?}", office.store.share_list("rec_1".to_owned()).await.unwrap());
    assert!(!rows.contains(&token) && !rows.contains(PASSWORD), "{rows}");
    assert!(rows.contains("$argon2id$"), "{rows}");
}

#[tokio::test]
async fn what_leads_nowhere_is_gone_whatever_the_reason() {
    let office = Office::open().await;
    let (_, token) = office.link(None, 60).await;
    let (expired, late) = office.link(None, 60).await;
    office.store.share_set_expiry(expired, 1).await.unwrap();
    let shorter = &token[1..];
    let other = token.chars().rev().collect::<String>();
    let forged = ["", shorter, &other, "../../etc/passwd", "' OR 1=1 --", "\u{0}", &late];
    for token in forged.into_iter().map(str::to_owned).chain(["Ä".repeat(43), "A".repeat(9000)]) {
        assert_eq!(code(office.shares.look(caller(&token, None)).await), "share_gone", "{token}");
        assert_eq!(code(office.shares.unlock(caller(&token, None), PASSWORD).await), "share_gone");
        assert_eq!(code(office.shares.knock(&token).await), "share_gone");
    }
    assert!(office.shares.list("rec_1").await.unwrap()[0].expired);
    office.store.recording_delete("rec_1".to_owned()).await.unwrap();
    assert_eq!(code(office.shares.look(caller(&token, None)).await), "share_gone");
}

#[tokio::test]
async fn a_password_opens_its_link_alone_and_wrong_ones_make_their_sender_wait() {
    let office = Office::open().await;
    let (_, token) = office.link(Some(PASSWORD), 60).await;
    let (_, other) = office.link(Some("another password"), 60).await;
    assert_eq!(code(office.shares.look(caller(&token, None)).await), "share_password");
    let film = SharedFile::Film;
    assert_eq!(code(office.shares.file(caller(&token, None), film, false).await), "share_password");
    let (secret, _) = office.shares.unlock(caller(&token, None), PASSWORD).await.unwrap().unwrap();
    office.shares.look(caller(&token, Some(&secret))).await.unwrap();
    assert_eq!(code(office.shares.look(caller(&other, Some(&secret))).await), "share_password");
    let mut wrong = 0;
    loop {
        match code(office.shares.unlock(caller(&token, None), "wrong password").await) {
            "wrong_password" => wrong += 1,
            last => {
                assert_eq!((last, wrong), ("too_many_attempts", 5));
                break;
            }
        }
    }
    let right = office.shares.unlock(caller(&token, None), PASSWORD).await;
    assert_eq!(code(right), "too_many_attempts");
    // Neither who is in already, nor who has another link.
    office.shares.look(caller(&token, Some(&secret))).await.unwrap();
    office.shares.unlock(caller(&other, None), "another password").await.unwrap();
    let long = "x".repeat(100_000);
    assert_eq!(code(office.shares.unlock(caller(&other, None), &long).await), "wrong_password");
}

#[tokio::test]
async fn a_film_is_watched_and_taken_along_only_where_that_was_said() {
    let office = Office::open().await;
    let (_, token) = office.link(None, 60).await;
    let ask = |download| office.shares.file(caller(&token, None), SharedFile::Film, download);
    assert_eq!(code(ask(false).await), "not_found", "there is none yet");
    assert_eq!(code(ask(true).await), "share_not_downloaded");
    office.store.film_insert("rec_1", &["old", "new"]).await;
    let (path, sha256, readable) = ask(false).await.unwrap();
    assert!(path.ends_with("rec_1/derived/job_new/film.mp4"), "{path:?}");
    assert_eq!((sha256.as_str(), readable.as_str()), ("new", "Budget.mp4"));
    let poster = office.shares.file(caller(&token, None), SharedFile::Poster, false).await.unwrap();
    assert!(poster.0.ends_with("rec_1/derived/job_new/thumbnail.jpg"), "of the same film");
    let (film, _) = office.shares.look(caller(&token, None)).await.unwrap();
    assert!(film.ready && film.poster && film.chapters.is_empty());
    assert_eq!(office.opened().await, 1);
}

#[tokio::test]
async fn links_that_cannot_be_are_refused_and_their_number_is_bounded() {
    let office = Office::open().await;
    let wanted = |expires_in_s, password: Option<&str>| NewShare {
        expires_in_s,
        password: password.map(str::to_owned),
        download: false,
    };
    for (recording, wanted, code) in [
        ("rec_9", wanted(60, None), "not_found"),
        ("rec_2", wanted(60, None), "invalid_share"),
        ("rec_1", wanted(0, None), "invalid_share"),
        ("rec_1", wanted(LONGEST_S + 1, None), "invalid_share"),
        ("rec_1", wanted(u64::MAX, None), "invalid_share"),
        ("rec_1", wanted(60, Some("short")), "weak_password"),
        ("rec_1", wanted(60, Some(&"x".repeat(201))), "invalid_share"),
    ] {
        assert_eq!(office.refused(recording, wanted).await, code);
    }
    for _ in 0..MOST_SHARES {
        office.link(None, 60).await;
    }
    assert_eq!(office.refused("rec_1", wanted(60, None)).await, "too_many_shares");
    // Those that expired long ago make room.
    let oldest = office.shares.list("rec_1").await.unwrap().pop().unwrap();
    office.store.share_set_expiry(oldest.id, 1).await.unwrap();
    office.link(None, 60).await;
}

/// What only tests do.
impl Store {
    async fn film_insert(&self, recording: &'static str, jobs: &'static [&'static str]) {
        for job in jobs {
            let file = |kind, name: &str| MadeFile {
                kind,
                path: format!("derived/job_{job}/{name}"),
                bytes: 1,
                sha256: (*job).to_owned(),
            };
            let files =
                vec![file(FileKind::Mp4, "film.mp4"), file(FileKind::Thumbnail, "thumbnail.jpg")];
            // By name: the newer job's id is the greater one.
            let number = jobs.iter().position(|one| one == job).unwrap();
            self.files_insert(recording, format!("job_{number}"), files).await.unwrap();
        }
    }
}
