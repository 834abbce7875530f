//! Redis and Valkey.

use std::fmt::Write;
use std::path::Path;

use super::{Launch, PASSWORD, line, shown, within};

/// How many tests may have a database of one server, over its life.
const DATABASES: u32 = 16_384;

pub(super) fn prepare(launch: &Launch, directory: &Path, port: u16) -> Vec<String> {
    let options = &launch.options;
    let mut settings = vec![
        ("bind", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unixsocket", shown(&within(directory, "socket"))),
        ("dir", shown(&within(directory, "data"))),
        ("databases", DATABASES.to_string()),
        ("daemonize", "no".to_owned()),
        // So that its arguments go on telling whose process it is.
        ("set-proc-title", "no".to_owned()),
        ("save", "\"\"".to_owned()),
        ("appendonly", if options.synced { "yes" } else { "no" }.to_owned()),
        ("appendfsync", if options.synced { "always" } else { "no" }.to_owned()),
    ];
    if options.password {
        settings.push(("requirepass", PASSWORD.to_owned()));
    }
    settings.extend(options.settings.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let mut text = String::new();
    for (name, value) in settings {
        writeln!(text, "{name} {value}").expect("a string takes everything");
    }
    let configuration = within(directory, "server.conf");
    launch.write(&configuration, &text);
    line(&launch.programs.server, [shown(&configuration)])
}
