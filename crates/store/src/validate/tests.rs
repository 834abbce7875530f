use super::*;

fn message(result: Valid) -> String {
    result.expect_err("should be invalid").to_string()
}

#[test]
fn a_name_of_64_characters_is_the_longest() {
    assert!(name("a name", &"é".repeat(64)).is_ok());
    assert_eq!(
        message(name("a name", &"é".repeat(65))),
        "a name has 1 to 64 characters, this one 65"
    );
    assert_eq!(message(name("a name", "")), "a name has 1 to 64 characters, this one 0");
}

#[test]
fn a_name_has_no_control_characters_and_no_blanks_around_it() {
    assert_eq!(
        message(name("a name", "bob\n")),
        "a name has no control characters (line breaks, tabs)"
    );
    assert_eq!(message(name("a name", " bob")), "a name does not begin or end with a space");
    assert!(name("a name", "bob the builder").is_ok());
}

#[test]
fn a_passkey_is_of_letters_digits_underscore_and_dash() {
    assert!(passkey("aZ09_-").is_ok());
    assert!(passkey(&"a".repeat(64)).is_ok());
    for bad in ["", "a b", "a/b", "ä", &"a".repeat(65)] {
        let text = message(passkey(bad));
        assert_eq!(
            text, "a passkey has 1 to 64 characters: letters, digits, `_` and `-`",
            "{bad:?}"
        );
    }
}

#[test]
fn a_prefix_is_printable_ascii() {
    assert!(prefix("-TR3").is_ok());
    assert!(prefix(&"a".repeat(20)).is_ok());
    for bad in ["", "\n", "é", &"a".repeat(21)] {
        assert_eq!(
            message(prefix(bad)),
            "a peer id prefix has 1 to 20 characters of printable ASCII",
            "{bad:?}"
        );
    }
}

#[test]
fn a_total_ends_at_the_largest_signed_integer() {
    let limit = 9_223_372_036_854_775_807;
    assert!(user_patch(&UserPatch { uploaded: Some(limit), ..UserPatch::default() }).is_ok());
    let over = UserPatch { downloaded: Some(limit + 1), ..UserPatch::default() };
    assert_eq!(
        message(user_patch(&over)),
        "downloaded is at most 9223372036854775807 bytes, not 9223372036854775808"
    );
}

#[test]
fn an_event_ends_after_it_starts() {
    let mut record = EventRecord {
        name: "freeleech weekend".into(),
        upload_percent: 100,
        download_percent: 0,
        starts_at_seconds: 10,
        ends_at_seconds: 10,
    };
    assert_eq!(message(event(&record)), "an event ends after it starts");
    record.ends_at_seconds = 11;
    assert!(event(&record).is_ok());
}
