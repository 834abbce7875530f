use super::*;

const TOKEN: &str = "a-token-that-must-not-be-seen";

#[test]
fn the_token_is_never_shown() {
    let client = Client::new("http://127.0.0.1:34001/", TOKEN).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
    assert_eq!(client.url(), "http://127.0.0.1:34001");
}

#[test]
fn what_is_no_web_address_is_refused() {
    for url in ["", "127.0.0.1:34001", "ftp://127.0.0.1", "mailto:a@b", "http://"] {
        assert!(matches!(Client::new(url, TOKEN), Err(Error::Url(_))), "{url}");
    }
}

#[test]
fn a_token_that_no_header_can_carry_is_refused() {
    for token in ["a b", "a\nb", "é"] {
        assert!(matches!(Client::new("http://127.0.0.1", token), Err(Error::Token)), "{token:?}");
    }
}

#[test]
fn names_that_urls_have_a_meaning_for_are_marked_as_names() {
    assert_eq!(segment("."), "name:.");
    assert_eq!(segment(".."), "name:..");
    assert_eq!(segment("..."), "...");
}

#[test]
fn an_absent_field_and_a_cleared_one_are_not_the_same() {
    let change: UserChange = serde_json::from_str("{}").unwrap();
    assert_eq!(change.site_id, None);
    let change: UserChange = serde_json::from_str(r#"{"site_id":null}"#).unwrap();
    assert_eq!(change.site_id, Some(None));
    assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"site_id":null}"#);
    assert_eq!(serde_json::to_string(&UserChange::default()).unwrap(), "{}");
}

#[test]
fn secrets_of_users_are_never_shown() {
    let user = NewUser { passkey: Some(TOKEN.to_owned()), ..NewUser::named("alice") };
    let change = UserChange { passkey: Some(TOKEN.to_owned()), ..UserChange::default() };
    assert!(!format!("{user:?} {change:?}").contains(TOKEN));
}

#[test]
fn only_what_a_header_can_carry_is_a_version_or_a_key() {
    let client = Client::new("http://127.0.0.1", TOKEN).unwrap();
    assert!(client.only_if("\"1f\"").is_ok() && client.once("sign-up-7").is_ok());
    for text in ["", "a b", "a\r\nb", "é"] {
        assert!(matches!(client.once(text), Err(Error::Header)), "{text:?}");
        assert!(matches!(client.only_if(text), Err(Error::Header)), "{text:?}");
    }
}
