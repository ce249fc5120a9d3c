//! Files that come while the box is nobody's, and while it is somebody's.

use super::*;
use crate::people::{Factors, Standing, Typed};
use serde_json::json;
use std::net::IpAddr;
use std::path::Path;

const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const CANARY: &str = "canary horse battery";

struct Fixture {
    desk: ProvisioningDesk,
    folder: PathBuf,
    people: Arc<People>,
    identity: Arc<BoxIdentity>,
    settings: Arc<SettingsDesk>,
}

fn typed(password: &str) -> Typed<'_> {
    Typed { password, ..Typed::default() }
}

async fn people(store: &Arc<Store>) -> People {
    let factors = Arc::new(Factors::new(store.clone(), Arc::default()));
    People::load(store.clone(), Arc::default(), Standing::default(), factors).await.unwrap()
}

async fn open(data: &Path) -> Fixture {
    let store = Arc::new(Store::open(&data.join("box.db")).unwrap());
    let people = Arc::new(people(&store).await);
    let identity = Arc::new(BoxIdentity::load(store.clone(), None, false).await.unwrap());
    let settings = Arc::new(SettingsDesk::load(store.clone(), Arc::default()).await.unwrap());
    let folder = data.join("provision");
    fs::create_dir_all(&folder).unwrap();
    let desk = ProvisioningDesk::new(
        folder.clone(),
        store,
        people.clone(),
        identity.clone(),
        settings.clone(),
    );
    Fixture { desk, folder, people, identity, settings }
}

impl Fixture {
    async fn put(&self, text: &str) -> Value {
        fs::write(self.folder.join(PENDING), text).unwrap();
        self.desk.arrive().await.unwrap();
        assert!(!self.folder.join(PENDING).exists());
        self.result()
    }

    fn result(&self) -> Value {
        let text = fs::read_to_string(self.folder.join(RESULT)).unwrap();
        assert!(!text.contains("canary"), "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn whole() -> String {
    format!(
        "[box]\nname = \"Hall 3\"\nlanguage = \"de\"\n[owner]\nname = \"Ada\"\npassword = \"{CANARY}\"\n\
         [recording]\nresume_window_s = 7\n"
    )
}

#[tokio::test]
async fn a_box_that_is_nobodys_takes_the_file_over_once_and_is_claimed_by_it() {
    let data = tempfile::tempdir().unwrap();
    let box_ = open(data.path()).await;
    let result = box_.put(&whole()).await;
    assert_eq!((&result["outcome"], &result["schema"]), (&json!("applied"), &json!(1)));
    assert_eq!(result["box"], box_.identity.id());
    drop(box_);
    let box_ = open(data.path()).await;
    assert_eq!(box_.people.claim_code(), None);
    assert_eq!(box_.people.log_in(typed(CANARY), ADA).await.unwrap().name, "Ada");
    assert_eq!(box_.identity.name(), "Hall 3");
    assert_eq!(box_.identity.info(true, false).language.unwrap().code(), "de");
    assert_eq!(box_.settings.get().recording.resume_window_s, 7);
    assert_eq!(box_.settings.get().recording.reserve_bytes, 1_000_000_000);
    // The same again, as after a power cut before it was removed: nothing waits.
    assert_eq!(box_.put(&whole()).await["outcome"], "applied");
    assert!(box_.desk.waiting().unwrap().waiting.is_none());
}

#[tokio::test]
async fn a_hash_in_the_file_lets_the_owner_in() {
    let data = tempfile::tempdir().unwrap();
    let box_ = open(data.path()).await;
    let hash = hash_password(CANARY.to_owned()).await.unwrap();
    let file = format!("[owner]\nname = \"Ada\"\npassword_hash = \"{hash}\"\n");
    assert_eq!(box_.put(&file).await["outcome"], "applied");
    box_.people.log_in(typed(CANARY), ADA).await.unwrap();
}

#[tokio::test]
async fn a_file_that_will_not_do_changes_nothing_and_the_result_says_where_and_why() {
    let data = tempfile::tempdir().unwrap();
    let box_ = open(data.path()).await;
    for (file, line, says) in [
        (whole() + "reserve_byte = 1\n", 9, "did you mean `reserve_bytes`"),
        (whole().replace("= 7", "= 700000"), 8, "at most a day"),
        ("\u{1}\u{2}".to_owned(), 1, ""),
    ] {
        let result = box_.put(&file).await;
        assert_eq!(result["outcome"], "refused");
        assert_eq!(result["messages"][0]["line"], line, "{result}");
        assert!(result["messages"][0]["text"].as_str().unwrap().contains(says), "{result}");
        assert!(box_.desk.notice().unwrap().contains(&format!("line {line}")));
    }
    assert!(!box_.people.claim_state().claimed);
    assert_eq!(box_.identity.name(), "Roombox");
    assert_eq!(box_.settings.get().recording.resume_window_s, 300);
}

#[tokio::test]
async fn on_somebodys_box_the_owner_sees_the_differences_and_decides() {
    let data = tempfile::tempdir().unwrap();
    let box_ = open(data.path()).await;
    let code = box_.people.claim_code().unwrap();
    box_.people.claim_box(&code, "Eve", "correct horse").await.unwrap();
    assert_eq!(box_.put(&whole()).await["outcome"], "waiting-for-owner");
    fs::write(box_.folder.join(SOURCE), "usb\n").unwrap();
    assert_eq!(box_.identity.name(), "Roombox");
    drop(box_);
    // It waits over a restart.
    let box_ = open(data.path()).await;
    box_.desk.arrive().await.unwrap();
    let waiting = box_.desk.waiting().unwrap().waiting.unwrap();
    let shown = serde_json::to_value(&waiting).unwrap();
    assert!(!shown.to_string().contains("canary"), "{shown}");
    assert_eq!(shown["source"], "usb");
    let keys: Vec<_> = waiting.changes.iter().map(|c| (c.key.as_str(), c.applies)).collect();
    assert_eq!(
        keys,
        [
            ("box.name", true),
            ("box.language", true),
            ("owner.name", false),
            ("owner.password", false),
            ("recording.resume_window_s", true),
        ]
    );
    assert_eq!(waiting.changes[4].now.as_deref(), Some("300"));
    box_.desk.confirm().await.unwrap();
    let result = box_.result();
    assert_eq!(
        (&result["outcome"], &result["messages"][0]["line"]),
        (&json!("applied"), &json!(5))
    );
    assert_eq!(box_.identity.name(), "Hall 3");
    assert!(box_.people.log_in(typed(CANARY), ADA).await.is_err());
    box_.people.log_in(typed("correct horse"), ADA).await.unwrap();
    assert!(box_.desk.confirm().await.is_err() && !box_.folder.join(WAITING).exists());
    // Another one, and the owner does not want it.
    box_.put("[box]\nname = \"Elsewhere\"\n").await;
    box_.desk.discard().unwrap();
    assert_eq!(box_.result()["outcome"], "refused");
    assert_eq!(box_.identity.name(), "Hall 3");
    assert!(box_.desk.waiting().unwrap().waiting.is_none() && !box_.folder.join(WAITING).exists());
}
