use super::*;

#[test]
fn a_second_statement_is_seen_and_a_semicolon_in_quotes_is_not_one() {
    assert!(!is_several("SELECT ';' FROM t; "));
    assert!(!is_several("SELECT `a;b` FROM \"c;d\""));
    assert!(is_several("UPDATE t SET a = 1; COMMIT"));
}

#[test]
fn the_tables_of_a_migration_are_found() {
    let migration = Statement::new(
        "CREATE TABLE IF NOT EXISTS mika_schema (id INT);\nCREATE TABLE `other` (a INT);\n\
         CREATE TRIGGER x BEFORE INSERT ON other",
    );
    assert_eq!(tables_made(&migration), ["mika_schema", "other"]);
}

#[test]
fn what_is_denied_becomes_what_to_grant() {
    let facts = Facts { user: "mika@%".into(), database: "site".into(), ..Facts::default() };
    let upsert =
        "INSERT INTO peers (a) SELECT d.a FROM {{rows}} AS d ON DUPLICATE KEY UPDATE a = 1";
    let denied = "INSERT command denied to user 'mika'@'localhost' for table `site`.`peers`";
    assert_eq!(
        grant(Dialect::Mysql, &facts, upsert, denied),
        "GRANT SELECT, INSERT, UPDATE ON site.peers TO 'mika'@'%';"
    );
    let facts = Facts { user: "mika".into(), database: "public".into(), ..Facts::default() };
    let update = "UPDATE users SET a = d.a FROM {{rows}} AS d JOIN roles USING (id)";
    let denied = |what: &str| grant(Dialect::Postgres, &facts, update, what);
    assert_eq!(
        denied("permission denied for table users"),
        "GRANT SELECT, UPDATE ON users TO mika;"
    );
    assert_eq!(denied("permission denied for table roles"), "GRANT SELECT ON roles TO mika;");
    assert_eq!(
        denied("permission denied for schema forum"),
        "GRANT USAGE ON SCHEMA forum TO mika;"
    );
}

#[test]
fn the_name_of_the_rows_is_found() {
    assert_eq!(rows_alias("UPDATE {{rows}} AS d JOIN t"), Some("d"));
    assert_eq!(rows_alias("SELECT * FROM {{rows}} batch"), Some("batch"));
}
