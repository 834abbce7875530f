//! The token, the signature and its time.

use reqwest::{Method, StatusCode};

use super::super::auth::Credentials;
use super::super::call::Call;
use super::{Failure, Run, skipped};

/// A batch that no site applies: its number is below every checkpoint.
const HARMLESS: &str = "{\"number\":0,\"drained_at_seconds\":0,\"users\":[],\"torrents\":[],\
                        \"history\":[],\"sessions\":[],\"registered\":[]}";

const TOKEN: [(&str, Credentials); 2] = [
    ("a request without a token is refused (401)", Credentials::NoToken),
    ("a request with a wrong token is refused (401)", Credentials::WrongToken),
];

const SIGNATURE: [(&str, Credentials); 5] = [
    ("a request without a signature is refused (401)", Credentials::NoSignature),
    ("a signature of another body is refused (401)", Credentials::WrongSignature),
    ("a signature of another path or query is refused (401)", Credentials::OtherTarget),
    ("an old timestamp is refused (401)", Credentials::OldTimestamp),
    ("a timestamp in the future is refused (401)", Credentials::FutureTimestamp),
];

impl Run<'_> {
    pub(super) async fn access(&mut self) {
        for (name, credentials) in TOKEN {
            let result = match self.caller.auth.has_token() {
                true => self.is_refused(credentials).await,
                false => skipped("no token was given"),
            };
            self.note(name, result);
        }
        for (name, credentials) in SIGNATURE {
            let result = match self.caller.auth.has_secret() {
                true => self.is_refused(credentials).await,
                false => skipped("no secret was given"),
            };
            self.note(name, result);
        }
        let result = self.unknown_path().await;
        self.note("what is not an endpoint is not found (404)", result);
    }

    /// Both for what is read and for what is written.
    async fn is_refused(&self, credentials: Credentials) -> Result<(), Failure> {
        let read = self.call("/api/users?limit=1".to_owned());
        let (path, timeout) = ("/api/batch".to_owned(), self.options.call_timeout);
        let write = Call::send(Method::POST, path, timeout, HARMLESS.into());
        for call in [read, write] {
            let call = call.with(credentials);
            let answer = self.exchange(&call).await?;
            if !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                return Err(self.not(&call, &answer, "401"));
            }
        }
        Ok(())
    }

    async fn unknown_path(&self) -> Result<(), Failure> {
        let call = self.call("/api/there-is-no-such-endpoint".to_owned());
        let answer = self.exchange(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.not(&call, &answer, "404")),
        }
    }
}
