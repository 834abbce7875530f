//! The account that a server runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::kind::Kind;

/// An account other than ours; none, if ours will do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// Our own user id.
pub(crate) fn own_user() -> u32 {
    fs::metadata("/proc/self").expect("this is Linux, with /proc").uid()
}

impl Account {
    /// Database servers refuse to run as root. Their packages bring an account; `nobody` is always
    /// there.
    pub(crate) fn for_server(kind: Kind) -> Option<Self> {
        if own_user() != 0 {
            return None;
        }
        let own = match kind {
            Kind::PostgreSql => "postgres",
            Kind::MariaDb | Kind::MySql => "mysql",
            Kind::Redis => "redis",
            Kind::Valkey => "valkey",
        };
        let accounts = fs::read_to_string("/etc/passwd").expect("a system has accounts");
        let account = Self::in_list(&accounts, own).or_else(|| Self::in_list(&accounts, "nobody"));
        Some(account.expect("every system has the account nobody"))
    }

    fn in_list(accounts: &str, name: &str) -> Option<Self> {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            Some(Self { user, group })
        })
    }

    /// Gives a file or an empty directory to the account.
    pub(crate) fn own(account: Option<Self>, path: &Path) {
        if let Some(account) = account {
            chown(path, Some(account.user), Some(account.group)).expect("root may give files away");
        }
    }

    /// A command that runs as the account.
    pub(crate) fn command(account: Option<Self>, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(account) = account {
            command.uid(account.user).gid(account.group);
        }
        command
    }
}
