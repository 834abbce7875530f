//! One request to the site, and what its failure means.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::HttpOptions;
use super::auth::{Auth, Credentials};
use super::breaker::Breaker;
use super::format::{self, Format};
use crate::store::StoreError;

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Characters of a refusal's body that are told.
const EXCERPT_CHARACTERS_MAX: usize = 200;
/// Attempts at a call that may be repeated, and the pause after the first.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// What a call is for. A kind that fails does not stop the others: batches go on though a site's
/// look-ups hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Lists, changes and batches.
    Bulk,
    /// One torrent or user, for which somebody waits.
    LookUp,
    /// What is told of single torrents.
    Push,
}

/// What is asked of the site.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query below the address of the site.
    pub(super) path: String,
    pub(super) body: Option<(Format, Vec<u8>)>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) credentials: Credentials,
    pub(super) json_only: bool,
    purpose: Purpose,
}

/// What the site said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) format: Format,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn get(path: String, timeout: Duration) -> Self {
        let (method, credentials) = (Method::GET, Credentials::Right);
        let (attempts, json_only, purpose) = (ATTEMPTS, false, Purpose::Bulk);
        Self { method, path, body: None, timeout, attempts, credentials, json_only, purpose }
    }

    pub(super) fn send(method: Method, path: String, timeout: Duration, body: Vec<u8>) -> Self {
        let body = Some((Format::Json, body));
        let (credentials, attempts) = (Credentials::Right, 1);
        Self { body, attempts, credentials, ..Self::get(path, timeout) }.by(method)
    }

    fn by(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// For something else than lists and batches.
    pub(super) fn of(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Somebody waits for it: a single attempt.
    pub(super) fn look_up(self) -> Self {
        self.once().of(Purpose::LookUp)
    }

    /// A single attempt.
    pub(super) fn once(self) -> Self {
        Self { attempts: 1, ..self }
    }

    pub(super) fn with(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Asks for JSON, though MessagePack would do.
    pub(super) fn json_only(self) -> Self {
        Self { json_only: true, ..self }
    }

    /// A part of the path that must not be told.
    fn secret(&self) -> Option<&str> {
        self.path.strip_prefix("/api/user/")
    }

    /// The path, for people.
    pub(super) fn shown(&self) -> &str {
        match self.secret() {
            Some(_) => "/api/user/…",
            None => &self.path,
        }
    }
}

impl Answer {
    pub(super) fn decode<T: DeserializeOwned>(&self, call: &str) -> Result<T, StoreError> {
        self.format.decode(&self.body).map_err(|reason| {
            // The reason may quote a value, and that value may be a passkey.
            let reason = if call.starts_with("/api/user") { "a wrong form" } else { &reason };
            StoreError::Broken(format!("{call}: the site's answer cannot be read: {reason}"))
        })
    }
}

/// Makes requests.
pub(super) struct Caller {
    client: reqwest::Client,
    base: Url,
    pub(super) auth: Auth,
    bulk: Breaker,
    look_ups: Breaker,
    pushes: Breaker,
    /// The site has answered in MessagePack, so that it takes it too.
    speaks_message_pack: AtomicBool,
    /// Never told, even if the site repeats them.
    secrets: Vec<String>,
}

impl Caller {
    pub(super) fn new(options: &HttpOptions) -> Result<Self, StoreError> {
        let base = base_of(&options.url)?;
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(64)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("mika/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // A machine without root certificates can still reach a site without TLS.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| StoreError::Broken(told(&error)))?;
        let breaker = || Breaker::new(options.breaker_failures, options.breaker_pause);
        let secrets = [&options.token, &options.secret];
        Ok(Self {
            client,
            base,
            auth: Auth::new(&options.token, &options.secret)?,
            bulk: breaker(),
            look_ups: breaker(),
            pushes: breaker(),
            speaks_message_pack: AtomicBool::new(false),
            secrets: secrets.into_iter().filter(|text| !text.is_empty()).cloned().collect(),
        })
    }

    pub(super) fn look_ups_are_paused(&self) -> bool {
        self.look_ups.is_open()
    }

    pub(super) fn speaks_message_pack(&self) -> bool {
        self.speaks_message_pack.load(Ordering::Relaxed)
    }

    /// Gets something that is always there.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, StoreError> {
        let shown = call.shown().to_owned();
        self.call(call).await?.decode(&shown)
    }

    /// Gets something that may not be there.
    pub(super) async fn get_optional<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Option<T>, StoreError> {
        let shown = call.shown().to_owned();
        let answer = self.get_optional_answer(call).await?;
        answer.map(|answer| answer.decode(&shown)).transpose()
    }

    /// As [`Caller::get_optional`], not decoded yet.
    pub(super) async fn get_optional_answer(
        &self,
        call: Call,
    ) -> Result<Option<Answer>, StoreError> {
        let answer = self.attempt_all(&call).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.successful(&call, answer).map(Some),
        }
    }

    /// Sends something in the format that the site is known to take.
    pub(super) async fn send<T: Serialize + Sync>(
        &self,
        call: Call,
        value: &T,
    ) -> Result<Answer, StoreError> {
        let with_body = |format: Format| {
            let body = format
                .encode(value)
                .map_err(|error| StoreError::Broken(format!("no form to send: {error}")))?;
            Ok::<_, StoreError>(Call { body: Some((format, body)), ..call.clone() })
        };
        if self.speaks_message_pack() {
            let call = with_body(Format::MessagePack)?;
            let answer = self.attempt_all(&call).await?;
            if answer.status != StatusCode::UNSUPPORTED_MEDIA_TYPE {
                return self.successful(&call, answer);
            }
        }
        self.call(with_body(Format::Json)?).await
    }

    /// Makes a call whose failure is an error.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, StoreError> {
        let answer = self.attempt_all(&call).await?;
        self.successful(&call, answer)
    }

    fn successful(&self, call: &Call, answer: Answer) -> Result<Answer, StoreError> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(call, &answer)) }
    }

    /// Tries until the site answers, whatever it says, or the attempts are used up.
    async fn attempt_all(&self, call: &Call) -> Result<Answer, StoreError> {
        let mut pause = PAUSE;
        let mut left = call.attempts;
        loop {
            left = left.saturating_sub(1);
            match self.attempt(call).await {
                Err(StoreError::Unavailable(_)) if left > 0 => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                result => return result,
            }
        }
    }

    /// One attempt, if the breaker allows it.
    async fn attempt(&self, call: &Call) -> Result<Answer, StoreError> {
        let breaker = match call.purpose {
            Purpose::Bulk => &self.bulk,
            Purpose::LookUp => &self.look_ups,
            Purpose::Push => &self.pushes,
        };
        let permit = breaker.permit(Instant::now()).map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            StoreError::Unavailable(format!(
                "the site failed too often in a row: it is left alone for {seconds} s more"
            ))
        })?;
        let result = self.exchange(call).await;
        match result {
            Ok(answer) if is_temporary(answer.status) => {
                permit.failed(Instant::now());
                Err(self.refusal(call, &answer))
            }
            Ok(answer) => {
                permit.answered();
                Ok(answer)
            }
            Err(error @ StoreError::Unavailable(_)) => {
                permit.failed(Instant::now());
                Err(error)
            }
            Err(error) => {
                permit.answered();
                Err(error)
            }
        }
    }

    /// Sends a request and takes in the answer.
    ///
    /// # Errors
    ///
    /// There is no answer, or it is too long.
    pub(super) async fn exchange(&self, call: &Call) -> Result<Answer, StoreError> {
        let unavailable = |error: reqwest::Error| {
            let (method, path) = (&call.method, call.shown());
            StoreError::Unavailable(format!("{method} {path}: {}", told(&error.without_url())))
        };
        let prefix = self.base.path().trim_end_matches('/');
        let url = self
            .base
            .join(&format!("{prefix}{}", call.path))
            .map_err(|_| StoreError::Broken(format!("{} is no path", call.shown())))?;
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let body = call.body.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let headers = self.auth.headers(call.credentials, call.method.as_str(), &target, body)?;
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .headers(headers)
            .header(ACCEPT, if call.json_only { format::ACCEPT_JSON } else { format::ACCEPT })
            .timeout(call.timeout);
        if let Some((format, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, format.content_type()).body(bytes.clone());
        }
        let mut response = request.send().await.map_err(unavailable)?;
        let (status, format) =
            (response.status(), Format::of(response.headers().get(CONTENT_TYPE)));
        if format == Format::MessagePack {
            self.speaks_message_pack.store(true, Ordering::Relaxed);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                let path = call.shown();
                return Err(StoreError::Broken(format!(
                    "{path}: the site's answer is longer than {ANSWER_BYTES_MAX} bytes"
                )));
            }
        }
        Ok(Answer { status, format, body })
    }

    /// What it means that the site did not do what was asked.
    pub(super) fn refusal(&self, call: &Call, answer: &Answer) -> StoreError {
        let said = self.excerpt(call, answer);
        let (path, status) = (call.shown(), answer.status);
        let text = format!("{} {path}: the site answered {status}{said}", call.method);
        match status {
            status if is_temporary(status) => StoreError::Unavailable(text),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                StoreError::Broken(format!("{text}: see store_http.token and store_http.secret"))
            }
            StatusCode::PAYLOAD_TOO_LARGE => StoreError::Broken(format!(
                "{text}: let the site take more, or lower limits.batch_rows"
            )),
            StatusCode::CONFLICT => StoreError::Conflict(text),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => StoreError::Invalid(text),
            status if status.is_redirection() => StoreError::Broken(format!(
                "{text}: a redirection is not followed, set store_http.url to where it leads"
            )),
            _ => StoreError::Broken(text),
        }
    }

    /// The beginning of what the site said, without secrets and line breaks.
    pub(super) fn excerpt(&self, call: &Call, answer: &Answer) -> String {
        if answer.format == Format::MessagePack || answer.body.is_empty() {
            return String::new();
        }
        let shown = answer.body.get(..4096).unwrap_or(&answer.body);
        let mut text = String::from_utf8_lossy(shown).into_owned();
        for secret in self.secrets.iter().map(String::as_str).chain(call.secret()) {
            text = text.replace(secret, "…");
        }
        let text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(EXCERPT_CHARACTERS_MAX)
            .collect();
        format!(": {}", text.trim())
    }
}

/// Whether the same request may succeed later, without anybody changing anything.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// The address of the site.
fn base_of(text: &str) -> Result<Url, StoreError> {
    let broken = |reason: &str| StoreError::Broken(format!("the site's address {reason}"));
    let url = Url::parse(text).map_err(|error| broken(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(broken("must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(broken("must not contain a user or a password: use the token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(broken("must end with its path"));
    }
    Ok(url)
}

/// An error with its causes, as far as they say something new.
fn told(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
