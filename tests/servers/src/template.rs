//! Empty data directories, made once and copied after that: making one takes seconds.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::own_user;
use crate::directory::{self, Directory};
use crate::guard::Guard;
use crate::launch::Launch;

/// Puts an empty data directory at a path that is not there yet.
pub(crate) fn copy(launch: &Launch, to: &Path) {
    copy_all(&find_or_make(launch), to);
}

/// They are below Cargo's target directory, so that `cargo clean` removes them.
fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    target.unwrap_or_else(own).join("test-servers")
}

fn find_or_make(launch: &Launch) -> PathBuf {
    let folder = folder();
    fs::create_dir_all(&folder).expect("a directory for templates");
    let name = format!("{}-{:016x}", launch.kind().name(), version(launch));
    let template = folder.join(&name);
    let lock = File::create(folder.join(format!("{name}.lock"))).expect("a lock for a template");
    lock.lock().expect("a lock for a template");
    if !template.is_dir() {
        // Not there, since the server's account need not have a way to it.
        let place = Directory::new("template", launch.account);
        let _guard = Guard::start(place.path(), launch.discard_signal());
        launch.initialise(place.path());
        let unfinished = folder.join(format!("{name}.new"));
        directory::remove(&unfinished);
        copy_all(&place.path().join("data"), &unfinished);
        fs::rename(&unfinished, &template).expect("a finished template");
    }
    template
}

/// Another version of the server, or another account, needs another template.
fn version(launch: &Launch) -> u64 {
    let mut hasher = DefaultHasher::new();
    let server = &launch.programs.server;
    server.hash(&mut hasher);
    let metadata = fs::metadata(server).expect("the server was there just now");
    metadata.modified().ok().hash(&mut hasher);
    metadata.len().hash(&mut hasher);
    launch.account.map_or_else(own_user, |account| account.user).hash(&mut hasher);
    // What is done to a template.
    include_str!("launch/postgresql.rs").hash(&mut hasher);
    include_str!("launch/mysql.rs").hash(&mut hasher);
    hasher.finish()
}

fn copy_all(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status();
    assert!(status.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
}
