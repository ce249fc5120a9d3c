//! Box, owner and hub as a seed has them: nothing flaps, and nobody's word is undone without somebody's.

use super::*;
use serde_json::json;

const KEYS: [&str; 4] = [
    "meeting.empty_timeout_s",
    "recording.keep_days",
    "updates.check_daily",
    "meeting.departure_timeout_s",
];

fn named(all: &[(&str, Value)]) -> Named {
    all.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A box on its own.
#[derive(Default, Clone)]
struct Bench {
    settings: Settings,
    hands: Hands,
    wanted: Named,
    decisions: BTreeMap<String, Decision>,
    entries: Vec<TwinEntry>,
    refuses: Refusals,
}

impl Bench {
    fn settle(&mut self) -> &mut Self {
        let merged =
            merge(&self.settings, &self.hands, &self.wanted, &self.decisions, self.refuses);
        (self.settings, self.hands, self.entries) = (merged.settings, merged.hands, merged.entries);
        self
    }

    fn want(&mut self, all: &[(&str, Value)]) -> &mut Self {
        self.wanted = named(all);
        self.settle()
    }

    /// Somebody changes a setting at the box.
    fn edit(&mut self, name: &str, value: Value) -> &mut Self {
        self.settings = Shape(self.settings.clone()).with(name, &value).unwrap();
        self.settle()
    }

    fn has(&self, name: &str) -> Value {
        Shape(self.settings.clone()).get(name).unwrap()
    }

    fn standing(&self, name: &str) -> Standing {
        self.entries.iter().find(|entry| entry.setting == name).unwrap().standing
    }

    fn decided(&mut self, id: &str, name: &str, choice: Choice) -> &mut Self {
        let (wanted, own) = (self.wanted[name].clone(), self.has(name));
        let decision = Decision { id: id.to_owned(), choice, wanted, own };
        self.decisions.insert(name.to_owned(), decision);
        self
    }
}

const KEY: &str = KEYS[0];

#[test]
fn what_nobody_changed_here_is_set_and_what_somebody_changed_stays_until_it_is_decided() {
    let mut own = Bench::default();
    own.want(&[(KEY, json!(60))]);
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(60), Standing::InStep));
    // The fleet wants something else, and gets it.
    own.want(&[(KEY, json!(70))]);
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(70), Standing::InStep));
    // Somebody changes it here: theirs counts, whatever the fleet wants next.
    own.edit(KEY, json!(90));
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(90), Standing::Differs));
    own.want(&[(KEY, json!(80))]);
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(90), Standing::Differs));
    // Also what the fleet had set here before is theirs now.
    own.edit(KEY, json!(70));
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(70), Standing::Differs));
    // They come to agree.
    own.edit(KEY, json!(80));
    assert_eq!(own.standing(KEY), Standing::InStep);
    own.want(&[(KEY, json!(85))]);
    assert_eq!(own.has(KEY), json!(85));
}

#[test]
fn what_the_owner_chose_before_the_fleet_wanted_anything_is_asked_for() {
    let mut own = Bench::default();
    own.edit(KEY, json!(90)).want(&[(KEY, json!(60)), (KEYS[1], json!(30))]);
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(90), Standing::Differs));
    assert_eq!((own.has(KEYS[1]), own.standing(KEYS[1])), (json!(30), Standing::InStep));
    // What the fleet does not want any more stays, and is the box's own.
    own.want(&[]);
    assert_eq!((own.has(KEYS[1]), own.entries.len()), (json!(30), 0));
    own.want(&[(KEYS[1], json!(40))]);
    assert_eq!(own.standing(KEYS[1]), Standing::Differs);
}

#[test]
fn a_decision_is_carried_out_once_and_only_while_both_want_what_was_seen() {
    let mut own = Bench::default();
    own.want(&[(KEY, json!(60))]).edit(KEY, json!(90));
    own.decided("one", KEY, Choice::Fleet).settle();
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(60), Standing::InStep));
    // The same decision is still among the wishes, and the owner insists on the same value.
    own.edit(KEY, json!(90)).settle();
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(90), Standing::Differs));
    // Another one, but the owner has changed it meanwhile.
    own.decided("two", KEY, Choice::Fleet).edit(KEY, json!(91));
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(91), Standing::Differs));
    own.decided("three", KEY, Choice::Box).settle();
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(91), Standing::Kept));
    own.edit(KEY, json!(92));
    assert_eq!(own.standing(KEY), Standing::Kept);
    // The fleet wants something else: that is another question.
    own.want(&[(KEY, json!(61))]);
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(92), Standing::Differs));
    own.decided("four", KEY, Choice::Fleet).settle();
    assert_eq!((own.has(KEY), own.standing(KEY)), (json!(61), Standing::InStep));
}

#[test]
fn who_refuses_updates_gets_no_setting_that_would_update_the_box() {
    let updates = [
        ("updates.channel", json!("https://u.example")),
        ("updates.install_at_night", json!(true)),
    ];
    let mut own =
        Bench { refuses: Refusals { updates: true, ..Refusals::default() }, ..Bench::default() };
    let before = own.settings.clone();
    own.want(&updates);
    assert_eq!(own.standing("updates.channel"), Standing::Refused);
    assert_eq!(own.settings.updates, before.updates);
    own.refuses = Refusals::default();
    own.want(&updates);
    assert_eq!(own.standing("updates.channel"), Standing::InStep);
    assert!(own.settings.updates.install_at_night);
}

#[test]
fn what_will_not_do_is_refused_with_the_reason_and_the_rest_is_set() {
    let mut own = Bench::default();
    own.want(&[
        (KEY, json!(0)),
        (KEYS[1], json!(30)),
        (KEYS[2], json!("yes")),
        ("recording.layout", json!("hologram")),
        ("weather.sunny", json!(true)),
        ("meeting", json!(1)),
        ("turn.secret", json!("canary")),
        ("turn.urls", json!(["turn:t.example:1"])),
        ("turn.relay_only", json!(true)),
    ]);
    let why = |name: &str| {
        let entry = own.entries.iter().find(|entry| entry.setting == name).unwrap();
        (entry.standing, entry.why.clone().unwrap_or_default())
    };
    assert_eq!(own.has(KEYS[1]), json!(30));
    assert_eq!(why(KEYS[1]), (Standing::InStep, String::new()));
    for (name, says) in [
        (KEY, "between 1 and 86400"),
        (KEYS[2], "boolean"),
        ("recording.layout", "hologram"),
        ("turn.secret", "at the box itself"),
        ("turn.urls", "is missing"),
        ("turn.relay_only", "needs urls"),
    ] {
        let (standing, why) = why(name);
        assert_eq!(standing, Standing::Refused, "{name}");
        assert!(why.contains(says), "{name}: {why}");
    }
    for name in ["weather.sunny", "meeting"] {
        assert_eq!(why(name).0, Standing::Unknown);
    }
    // The owner types the secret: what belongs together has a place now.
    own.edit("turn.secret", json!("s"));
    assert_eq!(own.standing("turn.urls"), Standing::InStep);
    assert_eq!(own.standing("turn.relay_only"), Standing::InStep);
    assert!(own.settings.check().is_ok());
}

#[test]
fn a_fleet_leads_no_password_to_another_proxy() {
    let mut own = Bench::default();
    for (name, value) in [("url", "http://a:1"), ("user", "box"), ("password", "canary")] {
        own.edit(&format!("proxy.{name}"), json!(value));
    }
    own.want(&[("proxy.url", json!("http://b:1")), ("proxy.exceptions", json!(["nas"]))]);
    assert_eq!(own.standing("proxy.exceptions"), Standing::InStep);
    assert_eq!(own.has("proxy.url"), json!("http://a:1"));
}

/// As `splitmix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut next = self.0;
        next = (next ^ (next >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (next ^ (next >> 31)) % most
    }
}

fn value(chance: &mut Chance, key: &str) -> Value {
    match key {
        "updates.check_daily" => json!(chance.below(2) == 0),
        // Some will not do.
        _ => json!(chance.below(4) * 50_000),
    }
}

#[test]
fn whatever_box_owner_and_hub_do_nothing_flaps_and_no_word_is_undone_unasked() {
    for seed in 0..400 {
        let mut chance = Chance(seed);
        let mut own = Bench::default();
        // What somebody at the box said last, as long as nobody has decided since.
        let mut word: BTreeMap<&str, Value> = BTreeMap::new();
        for turn in 0..40 {
            let key = KEYS[chance.below(KEYS.len() as u64) as usize];
            match chance.below(4) {
                0 => {
                    let wish = value(&mut chance, key);
                    own.wanted.insert(key.to_owned(), wish);
                    if chance.below(8) == 0 {
                        own.wanted.remove(KEYS[0]);
                    }
                }
                1 => {
                    let value = value(&mut chance, key);
                    let with = Shape(own.settings.clone()).with(key, &value).unwrap();
                    if with.check().is_ok() && own.has(key) != value {
                        own.settings = with;
                        word.insert(key, value);
                    }
                }
                2 if own.wanted.contains_key(key) => {
                    let choice = [Choice::Box, Choice::Fleet][chance.below(2) as usize];
                    own.decided(&turn.to_string(), key, choice);
                    if choice == Choice::Fleet {
                        word.remove(key);
                    }
                }
                _ => {}
            }
            // Of a default nobody can tell whether somebody meant it, where the fleet wanted nothing.
            word.retain(|key, said| {
                let default = Shape(Settings::default()).get(key);
                own.hands.contains_key(*key) || default.as_ref() != Some(&*said)
            });
            own.settle();
            let once = own.clone();
            own.settle();
            assert_eq!(
                (&once.settings, &once.hands, &once.entries),
                (&own.settings, &own.hands, &own.entries),
                "seed {seed}, turn {turn}: a second look changes something"
            );
            assert!(own.settings.check().is_ok());
            for entry in &own.entries {
                let in_step = entry.own.as_ref() == Some(&entry.wanted);
                assert_eq!(in_step, entry.standing == Standing::InStep, "seed {seed}: {entry:?}");
                if in_step {
                    // They agree: it is the fleet's to change from now on.
                    word.retain(|key, _| *key != entry.setting);
                }
            }
            for (key, said) in &word {
                assert_eq!(own.has(key), *said, "seed {seed}, turn {turn}: {key} was overwritten");
            }
        }
    }
}
