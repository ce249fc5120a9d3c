//! What a file may say, and what is said about one that will not do.

use super::*;

const SAMPLE: &str = include_str!("../../../../docs/roombox.toml");
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";

/// The sample with everything that is commented out because it has no default.
fn whole_sample() -> String {
    let uncommented = |line: &str| match line.strip_prefix("#! ") {
        Some(key) => format!("{key}\n"),
        None => format!("{line}\n"),
    };
    SAMPLE.lines().map(uncommented).collect()
}

#[test]
fn the_documented_sample_equals_the_defaults_and_names_everything() {
    let sample = parse(SAMPLE).unwrap();
    assert_eq!(sample.settings, Settings::default());
    assert_eq!((&sample.the_box, &sample.owner, &sample.install), (&None, &None, &None));
    let every = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(sample.settings_patch(), every, "the sample must name every setting");
    let whole = parse(&whole_sample()).unwrap();
    assert!(whole.the_box.unwrap().language.is_some() && whole.install.is_some());
    assert!(matches!(whole.owner.unwrap(), Owner::Password { .. }));
}

#[test]
fn what_will_not_do_is_refused_whole_with_its_line_and_what_was_meant() {
    // Text, line, what must be said.
    for (text, line, says) in [
        (
            "[recording]\nresume_window_s = 10\nreserve_byte = 1\n",
            3,
            "did you mean `reserve_bytes`",
        ),
        ("[meting]\n", 1, "did you mean `meeting`"),
        ("\n[meeting]\nmax_participants = 1\nempty_timeout_s = 0\n", 4, "between 1 and"),
        ("[recording\n", 1, ""),
        ("meeting = []\n", 1, "settings by their names"),
        ("[box]\nnmae = \"A\"\n", 2, "did you mean `name`"),
        ("[box]\nname = \" \"\n", 2, "1 to 100 characters"),
        ("[box]\nname = \"A\"\nlanguage = \"fr\"\n", 3, "`en`"),
        ("[box]\nlanguage = \"de\"\n", 1, "missing field `name`"),
        ("# mine\n[owner]\nname = \"Ada\"\n", 2, "needs a password or"),
        ("[owner]\nname = \"Ada\"\npassword = \"short\"\n", 3, "at least 10"),
        ("[owner]\nname = \"Ada\"\npassword_hash = \"$2b$10$abc\"\n", 3, "argon2id"),
        ("[install]\ndisk = \"\"\n", 2, "serial"),
        ("schema = 2\n", 1, "is 1 for this box"),
        ("\u{feff}\r\n[box]\r\nnam = \"A\"\r\n", 3, "did you mean `name`"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(says), "{text}: {error}");
    }
    let both =
        format!("[owner]\nname = \"A\"\npassword = \"0123456789\"\npassword_hash = \"{HASH}\"");
    assert!(parse(&both).unwrap_err().what.contains("not both"));
    assert!(parse(&"#".repeat(LONGEST + 1)).unwrap_err().what.contains("64 KiB"));
}

#[test]
fn a_hash_that_would_stop_the_box_or_protects_nothing_is_refused() {
    let with =
        |hash: &str| parse(&format!("[owner]\nname = \"Ada\"\npassword_hash = \"{hash}\"\n"));
    assert!(matches!(with(HASH).unwrap().owner, Some(Owner::Hash { .. })));
    for (part, other) in [
        ("m=19456", "m=4096"),
        ("m=19456", "m=4000000000"),
        ("t=2", "t=0"),
        ("t=2", "t=4000"),
        ("p=1", "p=64"),
        (",p=1", ""),
        ("argon2id", "argon2i"),
        ("v=19", "v=16"),
        ("c29tZXNhbHRzb21l", "c29t"),
        ("MDEyMzQ1Njc4", "MDEy"),
        ("MDEyMzQ1Njc4", "MDEyMzQ1Njc="),
    ] {
        let error = with(&HASH.replace(part, other)).unwrap_err();
        assert_eq!(error.line, 3, "{other}");
        assert!(!error.what.contains("MDEy"), "{error}");
    }
}

#[test]
fn a_secret_is_in_no_error_and_no_output_wherever_it_was_typed() {
    const CANARY: &str = "canary4711canary";
    let fine = format!("[owner]\nname = \"Ada\"\npassword = \"{CANARY}\"\n");
    let parsed = parse(&fine).unwrap();
    assert!(matches!(&parsed.owner, Some(Owner::Password { password, .. })
        if password.reveal() == CANARY));
    let shown = format!("{parsed:?} {:?}", parsed.redacted());
    assert!(!shown.contains(CANARY) && shown.contains("(hidden)"), "{shown}");
    let fine = format!("[turn]\nurls = [\"turn:t:1\"]\nsecret = \"{CANARY}\"\n");
    let parsed = parse(&fine).unwrap();
    assert_eq!(parsed.settings.turn.secret.reveal(), CANARY);
    assert_eq!(parsed.settings_patch()["turn"]["secret"], CANARY);
    let shown = format!("{parsed:?} {:?}", parsed.redacted());
    assert!(!shown.contains(CANARY) && shown.contains("(hidden)"), "{shown}");
    for text in [
        format!("[turn]\nsecret = [\"{CANARY}\"]\n"),
        format!("[turn]\nurls = \"{CANARY}\"\n"),
        format!("[turn]\nrelay_only = \"{CANARY}\"\n"),
        format!("owner = \"{CANARY}\"\n"),
        format!("[owner]\nname = \"Ada\"\npassword = {CANARY}\n"),
        format!("[owner]\nname = \"Ada\"\npassword = [\"{CANARY}\"]\n"),
        format!("[owner]\nname = \"Ada\"\npassword = \"{CANARY}\n"),
        format!("[owner]\nname = \"Ada\"\npassword = {{ text = \"{CANARY}\" }}\n"),
        format!("[owner]\nname = \"Ada\"\npassword_hash = \"{CANARY}\"\n"),
        format!("[recording]\nreserve_bytes = \"{CANARY}\"\n"),
        format!("schema = \"{CANARY}, expected x\"\n"),
        "[owner]\nname = \"Ada\"\npassword = 4711471147\n".to_owned(),
        "[owner]\nname = \"Ada\"\npassword = 4711.4711\n".to_owned(),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("4711"), "{text}: {error}");
    }
}

#[test]
fn only_settings_that_the_file_names_are_in_its_patch() {
    let text = "[box]\nname = \" Hall \"\n\n[recording]\nresume_window_s = 7\n";
    let parsed = parse(text).unwrap();
    assert_eq!(parsed.the_box.as_ref().unwrap().name, "Hall");
    let patch = serde_json::json!({"recording": {"resume_window_s": 7}});
    assert_eq!(parsed.settings_patch(), patch);
    let shown: Vec<_> =
        parsed.redacted().iter().map(|e| (e.key.as_str(), e.line, e.value.as_str())).collect();
    assert_eq!(shown, [("box.name", 2, "\" Hall \""), ("recording.resume_window_s", 5, "7")]);
    assert_eq!(parse("").unwrap().settings_patch(), serde_json::json!({}));
}
