//! Settings as a text: nothing secret goes out, and every line that comes in has its answer.

use super::*;

const CANARY: &str = "canary4711canary";

fn with_secret() -> Settings {
    let mut kept = Settings::default().kept().unwrap();
    kept["turn"]["urls"] = serde_json::json!(["turn:t.example:3478"]);
    kept["turn"]["secret"] = CANARY.into();
    kept["proxy"]["url"] = "http://proxy.example:3128".into();
    kept["proxy"]["user"] = "box".into();
    kept["proxy"]["password"] = CANARY.into();
    kept["proxy"]["exceptions"] = serde_json::json!(["nas", "10.0.0.0/8"]);
    kept["updates"]["channel"] = "https://x.example/\"quoted\"".into();
    serde_json::from_value(kept).unwrap()
}

fn errors_of(text: &str) -> Vec<TextError> {
    read(text, &Settings::default()).taken().unwrap_err()
}

#[test]
fn what_is_written_out_explains_everything_shows_no_secret_and_changes_nothing_when_it_comes_back()
{
    for settings in [Settings::default(), with_secret()] {
        let text = export(&settings);
        assert!(
            !text.contains(CANARY) && !text.contains("[owner]") && !text.contains("[install]"),
            "{text}"
        );
        for (section, fields) in names(&settings) {
            for name in fields {
                let line = format!("\n{name} = ");
                let secret = [&settings.turn.secret, &settings.proxy.password];
                let secret = secret[usize::from(section == "proxy")];
                let comment = match secret.reveal() {
                    "" => format!("# The {name} is not set."),
                    _ => format!("# The {name} is set and not shown"),
                };
                let is_said = match is_secret(&section, &name) {
                    true => text.contains(&comment) && !text.contains(&line),
                    false => text.contains(&line),
                };
                assert!(is_said, "{section}.{name}: {text}");
            }
        }
        // Nothing without an explanation above it.
        let mut explained = false;
        for line in text.lines() {
            explained = match line {
                "" => false,
                line if line.starts_with('#') => true,
                line if line.starts_with('[') => false,
                line => {
                    let together =
                        line.starts_with("keep_newest_of_room") || line.starts_with("night_to");
                    assert!(explained || together, "{line}");
                    true
                }
            };
        }
        let read = read(&text, &settings);
        assert!(read.changes.is_empty(), "{:?}", read.changes);
        assert_eq!(read.taken(), Ok(settings));
    }
}

#[test]
fn a_text_changes_what_it_names_and_says_from_what_to_what() {
    let now = with_secret();
    let text = "[meeting]\nmax_participants = 40\n\n[recording]\nkeep_days = 30 # a month\nlayout = \"auto\"\n";
    let read = read(text, &now);
    let changes: Vec<_> = read
        .changes
        .iter()
        .map(|change| (change.key.as_str(), change.line, change.from.as_str(), change.to.as_str()))
        .collect();
    assert_eq!(
        changes,
        [("meeting.max_participants", 2, "0", "40"), ("recording.keep_days", 5, "0", "30")]
    );
    assert_eq!(read.taken().unwrap().turn, now.turn, "what it does not name stays");
    let secret = super::read("[turn]\nsecret = \"another canary\"\n", &now);
    assert_eq!((secret.changes[0].from.as_str(), secret.changes[0].to.as_str()), (HIDDEN, HIDDEN));
    assert_eq!(secret.taken().unwrap().turn.secret.reveal(), "another canary");
    let elsewhere = super::read("[proxy]\nuser = \"box\"\nurl = \"http://other:1\"\n", &now);
    assert_eq!((elsewhere.errors[0].line, elsewhere.errors[0].key.as_str()), (3, "proxy.password"));
    let typed = "[proxy]\nurl = \"http://other:1\"\npassword = \"another canary\"\n";
    assert_eq!(super::read(typed, &now).taken().unwrap().proxy.url, "http://other:1");
    let hidden = super::read("[turn]\nsecret = \"(hidden)\"\n", &now);
    assert_eq!((hidden.changes.len(), hidden.taken()), (0, Ok(now)));
}

#[test]
fn everything_that_will_not_do_is_said_at_once_with_line_and_key() {
    let text = "schema = 2\n[recording]\nkeep_day = 3\nkeep_days = \"canary\"\nlayout = \"round\"\n\
                [meeting]\nempty_timeout_s = 0\n[recorder]\nhelps = true\n[box]\nname = \"x\"\n[weather]\nsun = 1\n";
    let errors = errors_of(text);
    let found: Vec<_> = errors.iter().map(|error| (error.line, error.key.as_str())).collect();
    assert_eq!(
        found,
        [
            (1, "schema"),
            (3, "recording.keep_day"),
            (4, "recording.keep_days"),
            (5, "recording.layout"),
            (7, "meeting.empty_timeout_s"),
            (10, "box"),
            (12, "weather"),
        ]
    );
    assert!(errors[1].what.contains("keep_days"), "{}", errors[1].what);
    assert!(errors.iter().all(|error| !error.what.contains("canary")), "{errors:?}");
    let broken = errors_of("[recording]\nkeep_days = \n");
    assert_eq!((broken.len(), broken[0].line), (1, 2), "{broken:?}");
    for (text, what) in [
        ("[recording]\nlayout = \"canary, expected x\"\n", "expected one of `grid`"),
        ("[recording]\nkeep_days = canary\n", "is no TOML"),
        ("recording = \"canary\"\n", "is a section"),
        ("[turn]\nsecret = [\"canary\"]\n", "a text in quotes"),
        ("[turn]\nurls = [\"canary\"]\nsecret = \"canary\"\n", "are like turn:"),
    ] {
        let errors = errors_of(text);
        let said = format!("{errors:?}");
        assert!(said.contains(what) && !said.contains("canary"), "{text}: {said}");
    }
}

#[test]
fn what_will_not_do_does_not_hide_what_would_change() {
    let text = "[recording]\nkeep_days = 99999\nkeep_newest = 5\nkeep_newest_of_room = 9999999\n[meeting]\n\
                max_participants = 8\nmax_people = 3\n";
    let read = read(text, &Settings::default());
    let errors: Vec<_> = read.errors.iter().map(|error| error.line).collect();
    let changes: Vec<_> = read.changes.iter().map(|change| change.line).collect();
    assert_eq!((errors, changes), (vec![2, 4, 7], vec![3, 6]));
    assert!(read.taken().is_err(), "all of it or nothing");
    // What belongs together is looked at together.
    let alone = errors_of("[turn]\nrelay_only = true\n");
    assert_eq!((alone[0].line, alone[0].key.as_str()), (2, "turn.relay_only"));
    let one = errors_of("[turn]\nrelay_only = true\nurls = [\"x\"]\nsecret = \"s\"\n");
    assert_eq!((one.len(), one[0].line), (1, 3), "{one:?}");
    let both = "[turn]\nrelay_only = true\nurls = [\"turn:t:1\"]\nsecret = \"s\"\n";
    assert!(super::read(both, &Settings::default()).taken().is_ok());
}

#[test]
fn a_file_of_nonsense_is_answered_with_a_few_lines() {
    let mut text = String::from("[recording]\n");
    for number in 0..5_000 {
        text.push_str(&format!("a{number} = 1\n"));
    }
    let errors = errors_of(&text);
    assert_eq!((errors.len(), errors[0].line), (MOST_ERRORS + 1, 2));
    assert!(errors[MOST_ERRORS].what.contains("4900 more"), "{:?}", errors[MOST_ERRORS]);
    let long = errors_of(&format!("{} = 1\n", "ä".repeat(9_000)));
    assert!(long[0].key.chars().count() < 200, "{long:?}");
    let larger = errors_of(&"#".repeat(LONGEST + 1));
    assert!(larger[0].what.contains("64 KiB"), "{larger:?}");
}
