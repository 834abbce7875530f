//! Webhooks in JSON.

use serde::{Deserialize, Serialize};

use super::{Notification, NotificationFilter};

/// An address that notifications are sent to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Its id.
    pub id: u32,
    /// Where notifications are sent to.
    pub url: String,
    /// The key of the signatures: only in the answer to what made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Which notifications are sent.
    pub filter: NotificationFilter,
    /// Whether they are sent now. What happens meanwhile is sent later.
    pub enabled: bool,
    /// Notifications in one request at most.
    pub batch_max: u32,
    /// When it was made.
    pub created_at: u32,
    /// Id of the last notification that it is done with.
    pub delivered_id: u64,
    /// Notifications after that one, wanted or not.
    pub waiting: u64,
    /// Attempts in a row that have failed.
    pub failures: u32,
    /// Why the last attempt failed; absent if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the last request was taken; absent if none was since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<u32>,
    /// Requests given up, which wait in the list of dead letters.
    pub dead_letters: u64,
    /// Notifications that were kept no more when their turn came, since the start.
    pub missed: u64,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A webhook to be added.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where notifications are sent to: `http://` or `https://`, at most 2000 characters.
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub url: String,
    /// The key of the signatures, 16 to 256 visible ASCII characters; absent: a random one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 16, max_length = 256))]
    pub secret: Option<String>,
    /// Which notifications are sent; absent: all.
    #[serde(default)]
    pub filter: NotificationFilter,
    /// Whether they are sent at once; absent: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Notifications in one request at most, 1 to 1000; absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub batch_max: Option<u32>,
    /// Only notifications with a higher id; absent: those from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_id: Option<u64>,
}

impl NewWebhook {
    /// A webhook that is sent everything from now on.
    pub fn to(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }
}

/// Changes to a webhook: what is absent stays.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct WebhookChange {
    /// Where notifications are sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub url: Option<String>,
    /// Makes a new random key of the signatures; the old one counts no more.
    pub new_secret: bool,
    /// Which notifications are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<NotificationFilter>,
    /// Whether they are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Notifications in one request at most, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub batch_max: Option<u32>,
}

/// What is sent to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// The webhook's id.
    pub webhook_id: u32,
    /// Notifications just before these that were kept no more: ask for what has changed.
    pub missed: u64,
    /// In the order in which they happened.
    pub events: Vec<Notification>,
}

/// A request to a webhook that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDeadLetter {
    /// When it was given up.
    pub at: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub reason: String,
    /// What was in it.
    pub events: Vec<Notification>,
}

/// How many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDeadLetterCount {
    /// Dead letters.
    pub dead_letters: u64,
}
