//! What the server tells by itself: notifications, webhooks, and recorded announces.

use reqwest::Method;

use super::{Client, segment};
use crate::error::Error;
use crate::event_stream::EventStream;
use crate::types::{
    NewTrace, NewWebhook, Notification, NotificationPage, NotificationQuery, Trace, TracePage,
    TraceQuery, TraceSubject, TracedAnnounce, Webhook, WebhookChange, WebhookDeadLetter,
    WebhookDeadLetterCount,
};

impl Client {
    /// Notifications that are kept.
    pub async fn notifications(
        &self,
        query: &NotificationQuery,
    ) -> Result<NotificationPage, Error> {
        self.get(&["api", "v1", "notifications"], &notification_query(query)).await
    }

    /// Notifications as they happen.
    pub async fn notification_stream(
        &self,
        query: &NotificationQuery,
    ) -> Result<EventStream<Notification>, Error> {
        let path = ["api", "v1", "notifications", "stream"];
        self.stream(&path, &notification_query(query)).await
    }

    /// All webhooks.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, Error> {
        self.items(&["api", "v1", "webhooks"], &[]).await
    }

    /// One webhook.
    pub async fn webhook(&self, id: u32) -> Result<Webhook, Error> {
        self.get(&["api", "v1", "webhooks", id.to_string().as_str()], &[]).await
    }

    /// Adds a webhook; only this answer has its secret.
    pub async fn add_webhook(&self, webhook: &NewWebhook) -> Result<Webhook, Error> {
        self.call(Method::POST, &["api", "v1", "webhooks"], Some(webhook)).await
    }

    /// Changes a webhook.
    pub async fn update_webhook(&self, id: u32, change: &WebhookChange) -> Result<Webhook, Error> {
        let id = id.to_string();
        self.call(Method::PATCH, &["api", "v1", "webhooks", id.as_str()], Some(change)).await
    }

    /// Deletes a webhook.
    pub async fn delete_webhook(&self, id: u32) -> Result<(), Error> {
        self.delete(&["api", "v1", "webhooks", id.to_string().as_str()]).await
    }

    /// The newest requests to a webhook that were given up.
    pub async fn webhook_dead_letters(&self, id: u32) -> Result<Vec<WebhookDeadLetter>, Error> {
        self.newest_webhook_dead_letters(id, None).await
    }

    /// The same, at most so many: 1 to 1000, or 1000.
    pub async fn newest_webhook_dead_letters(
        &self,
        id: u32,
        limit: Option<u32>,
    ) -> Result<Vec<WebhookDeadLetter>, Error> {
        let id = id.to_string();
        let path = ["api", "v1", "webhooks", id.as_str(), "dead-letters"];
        let limit: Vec<_> = limit.map(|limit| ("limit", limit.to_string())).into_iter().collect();
        self.items(&path, &limit).await
    }

    /// Tries them once more.
    pub async fn retry_webhook_dead_letters(
        &self,
        id: u32,
    ) -> Result<WebhookDeadLetterCount, Error> {
        let id = id.to_string();
        let path = ["api", "v1", "webhooks", id.as_str(), "dead-letters", "retry"];
        self.call(Method::POST, &path, None::<&()>).await
    }

    /// Forgets them.
    pub async fn drop_webhook_dead_letters(
        &self,
        id: u32,
    ) -> Result<WebhookDeadLetterCount, Error> {
        let id = id.to_string();
        let path = ["api", "v1", "webhooks", id.as_str(), "dead-letters"];
        self.call(Method::DELETE, &path, None::<&()>).await
    }

    /// What is traced.
    pub async fn traces(&self) -> Result<Vec<Trace>, Error> {
        self.items(&["api", "v1", "traces"], &[]).await
    }

    /// Switches the recording of announces on: of a user (named as in [`Client::user`]), a torrent
    /// (an info-hash) or an address.
    pub async fn start_trace(
        &self,
        subject: TraceSubject,
        key: &str,
        trace: &NewTrace,
    ) -> Result<Trace, Error> {
        let key = segment(key);
        let path = ["api", "v1", "traces", subject.name(), key.as_str()];
        self.call(Method::PUT, &path, Some(trace)).await
    }

    /// Switches the recording off.
    pub async fn stop_trace(&self, subject: TraceSubject, key: &str) -> Result<(), Error> {
        self.delete(&["api", "v1", "traces", subject.name(), segment(key).as_str()]).await
    }

    /// Announces that were recorded.
    pub async fn trace(
        &self,
        subject: TraceSubject,
        key: &str,
        query: &TraceQuery,
    ) -> Result<TracePage, Error> {
        let key = segment(key);
        let path = ["api", "v1", "traces", subject.name(), key.as_str()];
        self.get(&path, &trace_query(query)).await
    }

    /// Announces as they are recorded.
    pub async fn trace_stream(
        &self,
        subject: TraceSubject,
        key: &str,
        query: &TraceQuery,
    ) -> Result<EventStream<TracedAnnounce>, Error> {
        let key = segment(key);
        let path = ["api", "v1", "traces", subject.name(), key.as_str(), "stream"];
        self.stream(&path, &trace_query(query)).await
    }
}

fn notification_query(query: &NotificationQuery) -> Vec<(&'static str, String)> {
    let numbers = [
        ("after_id", query.after_id.map(|id| id.to_string())),
        ("limit", query.limit.map(|limit| limit.to_string())),
        ("kinds", query.kinds.clone()),
        ("user_ids", query.user_ids.clone()),
        ("torrent_ids", query.torrent_ids.clone()),
    ];
    numbers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn trace_query(query: &TraceQuery) -> Vec<(&'static str, String)> {
    let after = query.after.map(|after| ("after", after.to_string()));
    let limit = query.limit.map(|limit| ("limit", limit.to_string()));
    after.into_iter().chain(limit).collect()
}
