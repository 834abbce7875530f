//! Sending: one task per webhook, which goes through the log in order.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mika_client::types::{Notification, WebhookDeadLetter, WebhookDelivery};
use reqwest::header::CONTENT_TYPE;
use tokio::sync::watch as channel;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use super::super::checkpoint::write_whole;
use super::super::{LogReader, Notify};
use super::signature::{self, DELIVERY, SIGNATURE, TIMESTAMP};
use super::{Hook, position_name};

/// The first pause after a failure; each is twice as long as the one before.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// When the disk fails.
const DISK_RETRY: Duration = Duration::from_secs(5);
/// Longest reason of a failure that is kept, in bytes.
const REASON_BYTES_MAX: usize = 300;

/// The webhook was removed, or the server stops.
struct Over;

impl Notify {
    /// Starts a task for each webhook, and for those that are added later.
    pub(in crate::notify) async fn send_webhooks(self) {
        let mut changed = self.shared.webhooks.changed.subscribe();
        let mut started = HashSet::new();
        loop {
            let hooks: Vec<_> = self.shared.webhooks.hooks.lock().values().cloned().collect();
            for hook in hooks {
                if started.insert(hook.id) {
                    tokio::spawn(Sender::new(self.clone(), hook).run());
                }
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

struct Sender {
    notify: Notify,
    hook: Arc<Hook>,
    reader: LogReader,
    closing: channel::Receiver<bool>,
    changed: channel::Receiver<u64>,
    /// Notifications that could not be sent because they were kept no more.
    missed: u64,
    client: Option<Http>,
}

/// A client, and what it was made for.
struct Http {
    client: reqwest::Client,
    is_tls: bool,
    timeout: Duration,
}

impl Sender {
    fn new(notify: Notify, hook: Arc<Hook>) -> Self {
        let reader = notify.reader(hook.position.load(Ordering::Relaxed));
        let (closing, changed) = (notify.closing(), hook.changed.subscribe());
        Self { notify, hook, reader, closing, changed, missed: 0, client: None }
    }

    async fn run(mut self) {
        let id = self.hook.id;
        debug!(webhook = id, "begins");
        while self.step().await.is_ok() {}
        debug!(webhook = id, "ends");
    }

    async fn step(&mut self) -> Result<(), Over> {
        self.check_over()?;
        // Before anything is looked at: what changes from here on wakes the wait below.
        self.changed.mark_unchanged();
        let config = self.hook.config();
        if !config.enabled {
            return self.wait(None).await;
        }
        self.try_again().await?;
        let mut published = self.notify.published();
        let last_id = *published.borrow_and_update();
        let read = self.reader.read(config.batch_max as usize, last_id);
        let chunk = match read {
            Ok(chunk) => chunk,
            Err(error) => {
                error!(%error, webhook = self.hook.id, "notifications cannot be read");
                // Begins again after the last one that was sent.
                self.reader = self.notify.reader(self.hook.position.load(Ordering::Relaxed));
                return self.pause(DISK_RETRY).await;
            }
        };
        if chunk.events.is_empty() {
            return self.wait(Some(published)).await;
        }
        if chunk.missed > 0 {
            self.missed = self.missed.saturating_add(chunk.missed);
            self.hook.missed.fetch_add(chunk.missed, Ordering::Relaxed);
            self.notify.numbers().missed.fetch_add(chunk.missed, Ordering::Relaxed);
            warn!(webhook = self.hook.id, missed = chunk.missed, "too far behind");
        }
        let wanted: Vec<_> =
            chunk.events.into_iter().filter(|event| config.filter.wants(event)).collect();
        if !wanted.is_empty() {
            let missed = self.missed;
            self.deliver(wanted, missed).await?;
            self.missed = 0;
        }
        self.advance().await
    }

    fn check_over(&self) -> Result<(), Over> {
        let is_over = self.hook.removed.load(Ordering::Relaxed) || *self.closing.borrow();
        if is_over { Err(Over) } else { Ok(()) }
    }

    /// Waits for more notifications, or a change of the webhook.
    async fn wait(&mut self, published: Option<channel::Receiver<u64>>) -> Result<(), Over> {
        let more = async {
            match published {
                Some(mut published) => published.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = more => {}
            _ = self.changed.changed() => {}
            _ = self.closing.wait_for(|closing| *closing) => return Err(Over),
        }
        self.check_over()
    }

    /// Waits for a while, or a change of the webhook, which may put right what is wrong.
    async fn pause(&mut self, length: Duration) -> Result<(), Over> {
        tokio::select! {
            () = sleep(length) => {}
            _ = self.changed.changed() => {}
            _ = self.closing.wait_for(|closing| *closing) => return Err(Over),
        }
        self.check_over()
    }

    /// Keeps how far sending has come; what is not kept is sent again after a restart.
    async fn advance(&mut self) -> Result<(), Over> {
        let id = self.reader.after_id();
        self.check_over()?;
        let (dir, name) = (&self.notify.shared.webhooks.dir, position_name(self.hook.id));
        while let Err(error) = write_whole(dir, &name, id.to_string().as_bytes()) {
            error!(%error, webhook = self.hook.id, "how far it was sent cannot be kept");
            tokio::select! {
                () = sleep(DISK_RETRY) => {}
                _ = self.closing.wait_for(|closing| *closing) => return Err(Over),
            }
        }
        self.hook.position.store(id, Ordering::Relaxed);
        Ok(())
    }

    /// Sends until the webhook takes it, or it was tried often enough.
    async fn deliver(&mut self, events: Vec<Notification>, missed: u64) -> Result<(), Over> {
        let mut pause = RETRY_FIRST;
        for attempts in 1_u32.. {
            let result = self.attempt(&events, missed).await?;
            let reason = match result {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            let settings = self.notify.shared.config.load().notify.clone();
            if attempts.is_power_of_two() {
                warn!(webhook = self.hook.id, attempts, reason, "a webhook does not answer");
            }
            if attempts >= settings.attempts_max {
                self.give_up(events, attempts, reason).await;
                return Ok(());
            }
            let most = Duration::from_secs(settings.retry_max_seconds.into());
            self.pause(pause.min(most)).await?;
            while !self.hook.config().enabled {
                self.wait(None).await?;
            }
            pause = pause.saturating_mul(2).min(most);
        }
        Ok(())
    }

    /// Sends once.
    async fn attempt(
        &mut self,
        events: &[Notification],
        missed: u64,
    ) -> Result<Result<(), String>, Over> {
        let result = match self.request(events, missed) {
            Ok((client, request)) => tokio::select! {
                response = client.execute(request) => judge(response),
                _ = self.closing.wait_for(|closing| *closing) => return Err(Over),
            },
            Err(reason) => Err(reason),
        };
        self.check_over()?;
        let numbers = self.notify.numbers();
        let mut progress = self.hook.progress.lock();
        match &result {
            Ok(()) => {
                if progress.failures > 0 {
                    let failures = progress.failures;
                    info!(webhook = self.hook.id, failures, "a webhook answers again");
                }
                (progress.failures, progress.error) = (0, None);
                progress.delivered_at = Some(now_seconds());
                numbers.delivered.fetch_add(events.len() as u64, Ordering::Relaxed);
            }
            Err(reason) => {
                progress.failures = progress.failures.saturating_add(1);
                progress.error = Some(reason.clone());
                numbers.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(result)
    }

    /// Makes a request that is signed now.
    fn request(
        &mut self,
        events: &[Notification],
        missed: u64,
    ) -> Result<(reqwest::Client, reqwest::Request), String> {
        let config = self.hook.config();
        let seconds = self.notify.shared.config.load().notify.timeout_seconds;
        let client = self.client(&config.url, Duration::from_secs(seconds.into()))?;
        let events_json = events.to_vec();
        let delivery = WebhookDelivery { webhook_id: self.hook.id, missed, events: events_json };
        let body = serde_json::to_vec(&delivery).map_err(|error| error.to_string())?;
        let timestamp = now_seconds().to_string();
        let signature = signature::sign(&config.secret, &timestamp, &body);
        let signature = signature.map_err(|error| error.to_string())?;
        let id = |event: Option<&Notification>| event.map_or(0, |event| event.id);
        let request = client
            .post(&config.url)
            .header(CONTENT_TYPE, "application/json")
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature)
            .header(DELIVERY, format!("{}-{}", id(events.first()), id(events.last())))
            .body(body)
            .build()
            .map_err(cause)?;
        Ok((client, request))
    }

    /// The client of the last request, if it fits.
    fn client(&mut self, url: &str, timeout: Duration) -> Result<reqwest::Client, String> {
        let is_tls = !url.starts_with("http:");
        let fits = |http: &&Http| http.is_tls == is_tls && http.timeout == timeout;
        if let Some(http) = self.client.as_ref().filter(fits) {
            return Ok(http.client.clone());
        }
        let client = client(is_tls, timeout).map_err(cause)?;
        self.client = Some(Http { client: client.clone(), is_tls, timeout });
        Ok(client)
    }

    async fn give_up(&mut self, events: Vec<Notification>, attempts: u32, reason: String) {
        let letter = WebhookDeadLetter { at: now_seconds(), attempts, reason, events };
        let bytes_max = self.notify.shared.config.load().notify.dead_letter_bytes;
        while let Err(error) = self.hook.dead.append(&letter, bytes_max) {
            error!(%error, webhook = self.hook.id, "a dead letter cannot be kept");
            if self.pause(DISK_RETRY).await.is_err() {
                return;
            }
        }
        self.notify.numbers().dead_letters.fetch_add(1, Ordering::Relaxed);
    }

    /// Tries once more, and but once each, what somebody has asked for.
    async fn try_again(&mut self) -> Result<(), Over> {
        let letters = match self.hook.dead.aside() {
            Ok(letters) => letters,
            Err(error) => {
                error!(%error, webhook = self.hook.id, "dead letters cannot be read");
                return Ok(());
            }
        };
        for letter in letters {
            if let Err(reason) = self.attempt(&letter.events, 0).await? {
                self.give_up(letter.events, letter.attempts.saturating_add(1), reason).await;
                self.check_over()?;
            }
            if let Err(error) = self.hook.dead.tried(1) {
                error!(%error, webhook = self.hook.id, "dead letters cannot be written");
                return self.pause(DISK_RETRY).await;
            }
        }
        Ok(())
    }
}

fn judge(response: reqwest::Result<reqwest::Response>) -> Result<(), String> {
    match response.map_err(cause)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answers with status {}", status.as_u16())),
    }
}

/// Redirects are not followed, for a signed request is for one address only, and proxies of the
/// environment are not used.
fn client(is_tls: bool, timeout: Duration) -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout);
    // A machine without root certificates can still reach a site without TLS.
    if is_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

/// What the network or the system said, without the URL, which may have a secret in it.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(error) = deepest.source() {
        deepest = error;
    }
    let text = deepest.to_string();
    text.get(..text.floor_char_boundary(REASON_BYTES_MAX)).unwrap_or_default().to_owned()
}

fn now_seconds() -> u32 {
    u32::try_from(crate::metrics::now_seconds()).unwrap_or(u32::MAX)
}
