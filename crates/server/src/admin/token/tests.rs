use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn the_first_start_makes_a_token_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.token");
    let token = AdminToken::load_or_create(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.trim_end().len(), 64);
    assert!(text.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(token.matches(text.trim_end().as_bytes()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn later_starts_use_the_same_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.token");
    AdminToken::load_or_create(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(AdminToken::load_or_create(&path).unwrap().matches(text.trim_end().as_bytes()));
}

#[test]
fn a_token_left_unfinished_by_a_crash_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("admin.token.new"), "half").unwrap();
    let path = folder.path().join("admin.token");
    AdminToken::load_or_create(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end().len(), 64);
}

#[test]
fn an_empty_file_is_named_rather_than_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.token");
    fs::write(&path, "\n").unwrap();
    let error = AdminToken::load_or_create(&path).unwrap_err();
    assert!(matches!(error, TokenError::InvalidFile(file) if file == path));
}

#[test]
fn only_the_whole_token_matches() {
    let token = AdminToken::new("  0123456789abcdef\n").unwrap();
    assert!(token.matches(b"0123456789abcdef"));
    assert!(!token.matches(b"0123456789abcde"));
    assert!(!token.matches(b"0123456789abcdef0"));
    assert!(!token.matches(b""));
    assert_eq!(format!("{token:?}"), "AdminToken(…)");
}

#[test]
fn short_long_and_invisible_tokens_are_not_accepted() {
    for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdé0", &"x".repeat(257)]
    {
        assert!(matches!(AdminToken::new(text), Err(TokenError::Invalid)), "{text:?}");
    }
}

#[test]
fn a_token_that_the_configuration_read_from_a_file_is_checked_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = ("data.dir".to_owned(), folder.path().display().to_string());
    let path = folder.path().join("admin.token");
    let other = folder.path().join("other");
    let other_file = ("admin.token_file".to_owned(), other.display().to_string());
    for (pairs, path) in [(vec![data_dir.clone()], path), (vec![data_dir, other_file], other)] {
        fs::write(&path, "too-short\n").unwrap();
        let config = Config::load(None, [], pairs.clone()).unwrap();
        let error = AdminToken::configured(&config).unwrap_err();
        assert!(matches!(error, TokenError::InvalidFile(ref file) if *file == path), "{error}");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        let empty = ("admin.token".to_owned(), String::new());
        for pairs in [pairs.clone(), [pairs, vec![empty]].concat()] {
            let config = Config::load(None, [], pairs).unwrap();
            assert_eq!(config.admin_token_file(), Some(path.as_path()));
            assert!(AdminToken::configured(&config).unwrap().matches(b"0123456789abcdef"));
        }
    }
}

#[test]
fn a_token_that_was_given_itself_has_no_file() {
    let pairs = [("admin.token".to_owned(), "too-short".to_owned())];
    let config = Config::load(None, [], pairs).unwrap();
    assert_eq!(config.admin_token_file(), None);
    assert!(matches!(AdminToken::configured(&config), Err(TokenError::Invalid)));
}

#[test]
fn a_file_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.token");
    fs::write(&path, "0123456789abcdef\n").unwrap();
    for (mode, expected) in [(0o600, false), (0o400, false), (0o640, true), (0o644, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(others_read(&path), expected, "{mode:o}");
    }
}
