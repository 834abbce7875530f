//! What an error of the client means to the caller. No text has a password, a passkey or a URL.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// Codes of replies to what may work later: no memory, no disk, a script that runs, a restart, a
/// failover.
const LATER: [&str; 9] = [
    "OOM",
    "MISCONF",
    "BUSY",
    "LOADING",
    "MASTERDOWN",
    "READONLY",
    "NOREPLICAS",
    "TRYAGAIN",
    "CLUSTERDOWN",
];

/// An error on the way: the client's, or already ours.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not yet interpreted.
    Redis(RedisError),
    /// Final.
    Store(StoreError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Sorts an error into ours; `server` is the name of the server in its text.
pub(super) fn error(server: &str, failure: impl Into<Failure>) -> StoreError {
    let error = match failure.into() {
        Failure::Store(error) => return error,
        Failure::Redis(error) => error,
    };
    let text = format!("Redis at {server}: {}", words(&error));
    if is_temporary(&error) {
        return StoreError::Unavailable(text);
    }
    let advice = match error.kind() {
        // While it connects, the client keeps the words of the reply, but not its code.
        _ if text.contains("NOAUTH") || text.contains("Authentication required") => {
            "; put its password into store.url, as in redis://:password@127.0.0.1:6379/0"
        }
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
            "; look at user, password and permissions (ACL) in store.url"
        }
        ErrorKind::Server(
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot,
        ) => "; a Redis Cluster cannot be the store: name a single server",
        _ => "",
    };
    StoreError::Broken(format!("{text}{advice}"))
}

/// What the server or the client says, without the arguments that a server may repeat.
fn words(error: &RedisError) -> String {
    let text = error.to_string();
    match text.split_once(", with args beginning with") {
        Some((before, _)) => before.to_owned(),
        None => text,
    }
}

fn is_temporary(error: &RedisError) -> bool {
    let is_later = |code: &str| LATER.contains(&code);
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.code().is_some_and(is_later)
        // The codes of a pipeline's replies are in its text only.
        || LATER.iter().any(|code| error.to_string().contains(&format!("error: {code}")))
        || error.to_string().contains("max number of clients reached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_that_a_server_repeats_are_not_told() {
        let reply = "unknown command 'EVALSHA', with args beginning with: 'bob' 'secret'";
        let error = error("h:1", RedisError::from((ErrorKind::Extension, "", reply.to_owned())));
        let text = error.to_string();
        assert!(text.contains("unknown command 'EVALSHA'"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
