//! Global events: a multiplier for everybody on everything, for a time.

use mika_client::types::{Event, EventChange, NewEvent};
use mika_core::registry::GlobalEvent;
use mika_store::record::EventRecord;

use super::error::ControlError;
use super::resync::Key;
use super::{Control, Expected, now_seconds, validate};

/// Events at most, past ones included.
pub(super) const EVENTS_MAX: usize = 1000;

impl Control {
    /// All events, by name.
    pub async fn events(&self) -> Result<Vec<Event>, ControlError> {
        Ok(self.catalog().events().await?.into_iter().map(event_json).collect())
    }

    /// Adds an event.
    pub async fn add_event(&self, new: NewEvent) -> Result<Event, ControlError> {
        self.change(move |control| async move {
            let event = event_of(new)?;
            let mut events = control.catalog().events().await?;
            if events.iter().any(|other| other.name == event.name) {
                let detail = format!("there is an event {:?} already: delete it first", event.name);
                return Err(ControlError::conflict("name_taken", detail));
            }
            if events.len() >= EVENTS_MAX {
                let detail = format!("there are {EVENTS_MAX} events already: delete past ones");
                return Err(ControlError::conflict("too_many_events", detail));
            }
            control.catalog().put_event(&event).await?;
            events.push(event.clone());
            control.touch(Key::Events);
            control.tracker().set_events(events.iter().map(event_spec).collect());
            Ok(event_json(event))
        })
        .await
    }

    /// One event.
    pub async fn event(&self, name: &str) -> Result<Event, ControlError> {
        let events = self.catalog().events().await?;
        let found = events.into_iter().find(|event| event.name == name);
        found.map(event_json).ok_or_else(|| event_not_found(name))
    }

    /// Changes an event, which counts at once.
    pub async fn update_event(
        &self,
        name: String,
        change: EventChange,
        expected: Expected,
    ) -> Result<Event, ControlError> {
        self.change(move |control| async move {
            let mut events = control.catalog().events().await?;
            let event = events.iter_mut().find(|event| event.name == name);
            let event = event.ok_or_else(|| event_not_found(&name))?;
            expected.check(&event_json(event.clone()))?;
            apply(event, &change)?;
            let event = event.clone();
            control.catalog().put_event(&event).await?;
            control.touch(Key::Events);
            control.tracker().set_events(events.iter().map(event_spec).collect());
            Ok(event_json(event))
        })
        .await
    }

    /// Deletes an event, which ends it at once.
    pub async fn delete_event(&self, name: String, expected: Expected) -> Result<(), ControlError> {
        self.change(move |control| async move {
            let mut events = control.catalog().events().await?;
            if let Some(event) = events.iter().find(|event| event.name == name) {
                expected.check(&event_json(event.clone()))?;
            }
            if !control.catalog().delete_event(&name).await? {
                return Err(event_not_found(&name));
            }
            events.retain(|event| event.name != name);
            control.touch(Key::Events);
            control.tracker().set_events(events.iter().map(event_spec).collect());
            Ok(())
        })
        .await
    }
}

fn event_not_found(name: &str) -> ControlError {
    ControlError::not_found("event_not_found", format!("there is no event {name:?}"))
}

fn apply(event: &mut EventRecord, change: &EventChange) -> Result<(), ControlError> {
    validate::percents(change.upload_percent, change.download_percent)?;
    event.upload_percent = change.upload_percent.unwrap_or(event.upload_percent);
    event.download_percent = change.download_percent.unwrap_or(event.download_percent);
    event.starts_at_seconds = change.starts_at.unwrap_or(event.starts_at_seconds);
    event.ends_at_seconds = change.ends_at.unwrap_or(event.ends_at_seconds);
    if event.ends_at_seconds <= event.starts_at_seconds {
        return Err(ControlError::Invalid("ends_at is not after the start".to_owned()));
    }
    if change.ends_at.is_some_and(|ends_at| ends_at <= now_seconds()) {
        let detail = "ends_at is in the past: delete the event to end it at once";
        return Err(ControlError::Invalid(detail.to_owned()));
    }
    Ok(())
}

/// A new event, if it can be.
pub(super) fn event_of(new: NewEvent) -> Result<EventRecord, ControlError> {
    let now_seconds = now_seconds();
    let event = EventRecord {
        name: new.name,
        upload_percent: new.upload_percent.unwrap_or(100),
        download_percent: new.download_percent.unwrap_or(0),
        starts_at_seconds: new.starts_at.unwrap_or(now_seconds),
        ends_at_seconds: new.ends_at,
    };
    validate::name("name", &event.name)?;
    validate::percents(Some(event.upload_percent), Some(event.download_percent))?;
    if event.ends_at_seconds <= event.starts_at_seconds.max(now_seconds) {
        let detail = "ends_at is not after the start, or in the past";
        return Err(ControlError::Invalid(detail.to_owned()));
    }
    Ok(event)
}

/// What the tracker holds of an event.
pub(crate) fn event_spec(record: &EventRecord) -> GlobalEvent {
    GlobalEvent {
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        starts_at_seconds: record.starts_at_seconds,
        ends_at_seconds: record.ends_at_seconds,
    }
}

pub(super) fn event_json(record: EventRecord) -> Event {
    Event {
        name: record.name,
        upload_percent: record.upload_percent,
        download_percent: record.download_percent,
        starts_at: record.starts_at_seconds,
        ends_at: record.ends_at_seconds,
    }
}
