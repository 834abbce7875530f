use super::*;

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn variable(token: &str) -> Variables {
    let token = Some(token.to_owned()).filter(|token| !token.trim().is_empty());
    Variables { token, ..Variables::default() }
}

#[test]
fn an_argument_goes_before_all_else() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "admin.token", "of-the-folder");
    let connection = Connection {
        token: Some("given".to_owned()),
        data_dir: Some(folder.path().to_owned()),
        ..Connection::default()
    };
    let token = find_token(&connection, &variable("variable"), None).unwrap();
    assert_eq!((token.text.as_str(), token.source), ("given", TokenSource::Argument));
}

#[test]
fn a_token_file_goes_before_the_variable_and_has_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "secret", " of-the-file\n");
    let connection = Connection { token_file: Some(path.clone()), ..Connection::default() };
    let token = find_token(&connection, &variable("variable"), None).unwrap();
    assert_eq!((token.text.as_str(), token.source), ("of-the-file", TokenSource::File(path)));

    let missing = Some(folder.path().join("other"));
    let connection = Connection { token_file: missing, ..Connection::default() };
    assert!(find_token(&connection, &Variables::default(), None).is_err());
}

#[test]
fn the_variable_goes_before_the_data_directory_unless_it_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "admin.token", "of-the-folder\n");
    let data_dir = Some(folder.path().to_owned());
    let connection = Connection { data_dir, ..Connection::default() };
    let token = find_token(&connection, &variable("variable"), None).unwrap();
    assert_eq!((token.text.as_str(), token.source), ("variable", TokenSource::Variable));
    let token = find_token(&connection, &variable(" "), None).unwrap();
    assert_eq!((token.text.as_str(), token.source), ("of-the-folder", TokenSource::File(path)));
}

#[test]
fn a_configuration_leads_to_the_token_and_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let token_path = file(folder.path(), "admin.token", "of-the-folder");
    let text = format!(
        "[data]\ndir = {:?}\n[admin]\nlisten = \"0.0.0.0:4\"\nallow_public = true\n",
        folder.path()
    );
    let path = file(folder.path(), "mika.toml", &text);
    let config = Config::load(Some(&path), [], []).unwrap();
    let connection = Connection { config: Some(path.clone()), ..Connection::default() };
    let token = find_token(&connection, &Variables::default(), Some(&config)).unwrap();
    assert_eq!(token.text, "of-the-folder");
    assert!([TokenSource::Config(path), TokenSource::File(token_path)].contains(&token.source));
    assert_eq!(admin_url(&config), "http://127.0.0.1:4");
}

#[test]
fn a_directory_without_a_token_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = Some(folder.path().to_owned());
    let connection = Connection { data_dir, ..Connection::default() };
    let token = find_token(&connection, &Variables::default(), None).unwrap();
    assert_eq!(token.source, TokenSource::Missing(folder.path().join("admin.token")));
    assert_eq!(token.text, "");
}
