//! The scripts that run in the server, each in one step, and what calls them.

use redis::aio::ConnectionManager;
use redis::{FromRedisValue, RedisResult, Script, ToRedisArgs};

macro_rules! script {
    ($($part:literal),*) => {
        Script::new(concat!(include_str!("lua/prelude.lua"), $(include_str!($part)),*))
    };
}

/// All scripts. The server keeps them until it is restarted; one that it has forgotten is sent
/// again.
pub(super) struct Scripts {
    pub(super) init: Script,
    pub(super) check: Script,
    pub(super) commit: Script,
    pub(super) fold: Script,
    pub(super) forget: Script,
    pub(super) add_user: Script,
    pub(super) update_user: Script,
    pub(super) add_torrent: Script,
    pub(super) update_torrent: Script,
    pub(super) put_token: Script,
    pub(super) delete_token: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            init: script!("lua/init.lua"),
            check: script!("lua/rows.lua", "lua/check.lua"),
            commit: script!("lua/commit.lua"),
            fold: script!("lua/rows.lua", "lua/fold.lua"),
            forget: script!("lua/forget.lua"),
            add_user: script!("lua/add_user.lua"),
            update_user: script!("lua/update_user.lua"),
            add_torrent: script!("lua/add_torrent.lua"),
            update_torrent: script!("lua/update_torrent.lua"),
            put_token: script!("lua/put_token.lua"),
            delete_token: script!("lua/delete_token.lua"),
        }
    }
}

/// Runs a script on the keys below a prefix.
pub(super) async fn run<T: FromRedisValue>(
    connection: &mut ConnectionManager,
    script: &Script,
    prefix: &str,
    arguments: &[impl ToRedisArgs],
) -> RedisResult<T> {
    let mut call = script.key(prefix);
    for argument in arguments {
        call.arg(argument);
    }
    call.invoke_async(connection).await
}
