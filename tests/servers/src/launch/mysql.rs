//! MariaDB and MySQL.

use std::path::Path;
use std::process::Command;

use super::{Launch, PASSWORD, USER, line, shown, within};
use crate::kind::Kind;

pub(super) fn initialise_mariadb(launch: &Launch, directory: &Path) -> Command {
    let initialiser = launch.programs.initialiser.as_ref().expect("MariaDB has an installer");
    let mut command = launch.command(initialiser);
    command
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(["--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0"])
        .arg(format!("--datadir={}", shown(&within(directory, "data"))));
    command
}

pub(super) fn initialise_mysql(launch: &Launch, directory: &Path) -> Command {
    let mut command = launch.command(&launch.programs.server);
    command
        .args(["--no-defaults", "--initialize-insecure", "--innodb-flush-log-at-trx-commit=0"])
        .arg(format!("--datadir={}", shown(&within(directory, "data"))));
    command
}

pub(super) fn prepare(launch: &Launch, directory: &Path, port: u16) -> Vec<String> {
    let options = &launch.options;
    let password = if options.password { PASSWORD } else { "" };
    // Run at every start, before anybody can connect. A statement is a line.
    let first = format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    );
    launch.write(&within(directory, "first.sql"), &first);
    let mut settings = vec![
        ("datadir", shown(&within(directory, "data"))),
        ("socket", shown(&within(directory, "socket"))),
        // A server removes what looks like its own temporary tables from there when it starts.
        ("tmpdir", shown(directory)),
        ("pid-file", shown(&within(directory, "server.pid"))),
        ("init-file", shown(&within(directory, "first.sql"))),
        ("bind-address", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("skip-name-resolve", "ON".to_owned()),
        ("performance-schema", "OFF".to_owned()),
        ("character-set-server", "utf8mb4".to_owned()),
        ("max-connections", "300".to_owned()),
        ("innodb-buffer-pool-size", "64M".to_owned()),
        ("innodb-flush-log-at-trx-commit", if options.synced { "1" } else { "0" }.to_owned()),
        ("innodb-doublewrite", if options.synced { "ON" } else { "OFF" }.to_owned()),
        ("sql-mode", options.sql_mode.names().to_owned()),
    ];
    match launch.kind() {
        Kind::MySql => {
            settings.push(("mysqlx", "OFF".to_owned()));
            // The default is a directory that the package would make.
            settings.push(("secure-file-priv", "NULL".to_owned()));
            settings.push(("innodb-redo-log-capacity", "64M".to_owned()));
        }
        _ => settings.push(("innodb-log-file-size", "16M".to_owned())),
    }
    settings.extend(options.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let settings = settings.into_iter().map(|(name, value)| format!("--{name}={value}"));
    let leading = ["--no-defaults".to_owned()];
    let last = (launch.kind() == Kind::MySql).then(|| "--disable-log-bin".to_owned());
    line(&launch.programs.server, leading.into_iter().chain(settings).chain(last))
}
