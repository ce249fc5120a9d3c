//! Names that people choose for boxes, rooms, recordings and themselves.

/// Most characters of a name of a box, room or person.
pub const NAME_MOST: usize = 100;

/// What a name must be, to be read after "a name" or the like.
pub const NAME_RULE: &str =
    "has 1 to 100 characters that can be seen, and none that hides or turns what stands beside it";

/// Joins letters and emoji to one (U+200C, U+200D), or says how the one before it looks (U+FE00 to U+FE0F).
fn joins(sign: char) -> bool {
    matches!(sign, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Nobody sees it, so that two names look the same, or it turns what follows: most of Unicode's
/// `Default_Ignorable_Code_Point` and `Bidi_Control` (UAX #44), control characters, and Braille without a dot.
fn hides(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
                | '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}'
        )
}

/// A name that people chose: trimmed, not empty, not endless, and seen as it is.
pub fn checked_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fine = name.chars().any(|sign| !sign.is_whitespace() && !joins(sign))
        && !name.starts_with(joins)
        && name.chars().count() <= NAME_MOST
        && !name.chars().any(hides);
    fine.then(|| name.to_owned())
}

/// What of a text that others wrote may be in a name.
pub fn nameable(text: &str) -> String {
    let seen: String = text.trim().chars().filter(|sign| !hides(*sign)).collect();
    seen.trim_start_matches(joins).chars().take(NAME_MOST).collect()
}

/// The same for two names that look the same whatever their case and their invisible joins.
pub fn looks(name: &str) -> String {
    name.chars().filter(|sign| !joins(*sign)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_scripts_stay_as_they_are() {
        for name in [
            "Ada Müller",
            "עדה",
            "آدا کینگ",
            "می\u{200C}خواهم",
            "क्\u{200D}ष",
            "葛\u{E0100}城",
            "👩\u{200D}💻 Ada ❤\u{FE0F}",
            "Größe 4 – \"Saal\" <b>",
        ] {
            assert_eq!(checked_name(name).as_deref(), Some(name), "{name}");
            assert_eq!(nameable(name), name);
        }
        assert_eq!(checked_name("  Ada ").as_deref(), Some("Ada"));
        assert!(
            checked_name(&"ä".repeat(100)).is_some() && checked_name(&"ä".repeat(101)).is_none()
        );
    }

    #[test]
    fn what_nobody_sees_and_what_turns_others_is_no_name() {
        for name in [
            "",
            "  ",
            "\u{200B}",
            "\u{200D}",
            "\u{2800}",
            "Ada Müller\u{200B}",
            "\u{202E}adA",
            "viewer \u{2067}x",
            "Ada\u{AD}",
            "A\nB",
            "A\0B",
            "\u{FE0F}Ada",
            "\u{3164}",
            "Ada\u{E0041}",
        ] {
            assert_eq!(checked_name(name), None, "{name:?}");
        }
        assert_eq!(nameable(" \u{202E}adA\u{200B}\n"), "adA");
        assert_eq!(nameable("\u{200D}"), "");
    }

    #[test]
    fn names_look_the_same_whatever_their_case_and_joins() {
        assert_eq!(looks("ADA Mü\u{200D}ller"), looks("ada MÜLLER"));
        assert_ne!(looks("Ada Müller"), looks("Ada Muller"));
    }
}
