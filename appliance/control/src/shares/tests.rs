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
    // Both were made in one millisecond, perhaps: which comes first nobody knows.
    let listed = office.shares.list("rec_1").await.unwrap();
    assert_eq!(listed.iter().filter(|share| share.expired).count(), 1);
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
    office.store.film_insert("rec_1", 0).await;
    let lent = ask(false).await.unwrap();
    assert!(lent.path.ends_with("rec_1/derived/job_0/film.mp4"), "{lent:?}");
    assert_eq!((lent.sha256.as_str(), lent.readable.as_str()), ("sum 0", "Budget.mp4"));
    let poster = office.shares.file(caller(&token, None), SharedFile::Poster, false).await.unwrap();
    assert!(poster.path.ends_with("rec_1/derived/job_0/thumbnail.jpg"), "{poster:?}");
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
    // Those that have expired make room, and are listed for a while.
    let oldest = office.shares.list("rec_1").await.unwrap().pop().unwrap();
    office.store.share_set_expiry(oldest.id, UnixMs::now().0).await.unwrap();
    office.link(None, 60).await;
    assert_eq!(office.shares.list("rec_1").await.unwrap().len(), MOST_SHARES + 1);
    assert_eq!(office.refused("rec_1", wanted(60, None)).await, "too_many_shares");
}

#[tokio::test]
async fn a_link_shows_the_film_that_it_was_made_for_whatever_is_made_later() {
    let office = Office::open().await;
    let film = |token: String| {
        let shares = &office.shares;
        async move { shares.file(caller(&token, None), SharedFile::Film, false).await.unwrap().sha256 }
    };
    let (_, early) = office.link(None, 60).await;
    let (_, unopened) = office.link(None, 60).await;
    office.store.film_insert("rec_1", 3).await;
    assert_eq!(film(early.clone()).await, "sum 3");
    office.store.film_insert("rec_1", 4).await;
    let (_, later) = office.link(None, 60).await;
    // A film that was ordered first may be done last.
    office.store.film_insert("rec_1", 2).await;
    office.store.film_insert("rec_1", 5).await;
    assert_eq!(film(early).await, "sum 3", "the first that it had");
    assert_eq!(film(later.clone()).await, "sum 4", "the one that was shown when it was made");
    assert_eq!(film(unopened).await, "sum 2", "the oldest that there is");
    let poster = office.shares.file(caller(&later, None), SharedFile::Poster, false).await.unwrap();
    assert_eq!(poster.sha256, "sum 4");
}

#[tokio::test]
async fn what_is_being_sent_ends_when_its_link_is_revoked_or_expires() {
    let office = Office::open().await;
    office.store.film_insert("rec_1", 0).await;
    let leave = |token: String| {
        let shares = &office.shares;
        async move { shares.file(caller(&token, None), SharedFile::Film, false).await.unwrap().leave }
    };
    let (id, token) = office.link(None, 60).await;
    let (_, other) = office.link(None, 60).await;
    let (one, two, another) = (leave(token.clone()).await, leave(token).await, leave(other).await);
    assert!(!one.has_ended());
    office.shares.revoke(&id).await.unwrap();
    assert!(one.has_ended() && two.has_ended());
    assert!(!another.has_ended(), "by another link");
    let now = UnixMs::now().0;
    assert!(!Leave::until(UnixMs(now + 60_000)).has_ended());
    assert!(Leave::until(UnixMs(now)).has_ended());
}

#[tokio::test]
async fn visits_begin_where_they_are_of_use_and_guards_go_with_their_links() {
    let office = Office::open().await;
    let (_, open) = office.link(None, 60).await;
    let (locked, secret) = office.link(Some(PASSWORD), 60).await;
    assert!(office.shares.look(caller(&open, None)).await.unwrap().1.is_some());
    assert_eq!(office.shares.look(caller(&open, None)).await.unwrap().1, None, "it is known");
    for _ in 0..2 {
        assert!(office.shares.unlock(caller(&secret, None), PASSWORD).await.unwrap().is_some());
    }
    assert_eq!(office.shares.guards().len(), 1);
    office.link(None, 60).await;
    assert_eq!(office.shares.guards().len(), 1);
    office.store.share_set_expiry(locked, 1).await.unwrap();
    office.link(None, 60).await;
    assert!(office.shares.guards().is_empty());
}

/// What only tests do.
impl Store {
    /// What the job with this number makes.
    async fn film_insert(&self, recording: &'static str, number: u32) {
        let file = |kind, name: &str| MadeFile {
            kind,
            path: format!("derived/job_{number}/{name}"),
            bytes: 1,
            sha256: format!("sum {number}"),
        };
        let files =
            vec![file(FileKind::Mp4, "film.mp4"), file(FileKind::Thumbnail, "thumbnail.jpg")];
        self.files_insert(recording, format!("job_{number}"), files).await.unwrap();
    }
}
