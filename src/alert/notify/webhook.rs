//! Webhooks: the group as JSON, or a payload of one's own. Source: Alertmanager's documentation,
//! `webhook_config`.

use crate::alert::notify::{Ask, Failure, Sent};
use serde_json::Value as Json;

pub(super) async fn send(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let url = ask.secret("url")?;
    let payload = match ask.settings().any("payload") {
        Some(own) => ask.json("payload", own)?,
        None => group(ask, ask.settings().int("max_alerts"))?,
    };
    ask.tell(&url, &payload).await
}

/// The group; alerts beyond `most` are left out and counted, 0 is no limit.
pub(super) fn group(ask: &Ask<'_>, most: i64) -> Result<Json, Failure> {
    let mut told = ask.data.told.clone();
    let most = usize::try_from(most).unwrap_or(0);
    if most > 0 && told.alerts.len() > most {
        told.truncated_alerts = (told.alerts.len() - most) as u64;
        told.alerts.truncate(most);
    }
    serde_json::to_value(&told).map_err(|e| Failure::Refused(e.to_string()))
}
