//! Microsoft Teams: message cards of connectors, adaptive cards of workflows.

use crate::alert::notify::{Ask, Failure, Sent};
use serde_json::json;

pub(super) async fn msteams(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let color = if ask.is_firing() { "8C1A1A" } else { "2DC72D" };
    let card = json!({
        "@context": "http://schema.org/extensions",
        "@type": "MessageCard",
        "type": "MessageCard",
        "title": ask.text("title")?,
        "summary": ask.text("summary")?,
        "text": ask.text("text")?,
        "themeColor": color,
    });
    ask.tell(&ask.secret("webhook_url")?, &card).await
}

pub(super) async fn msteamsv2(ask: &Ask<'_>) -> Result<Sent, Failure> {
    let color = if ask.is_firing() { "Attention" } else { "Good" };
    let message = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {
                        "type": "TextBlock",
                        "text": ask.text("title")?,
                        "weight": "Bolder",
                        "size": "Medium",
                        "wrap": true,
                        "style": "heading",
                        "color": color,
                    },
                    { "type": "TextBlock", "text": ask.text("text")?, "wrap": true },
                ],
                "msteams": { "width": "full" },
            },
        }],
    });
    ask.tell(&ask.secret("webhook_url")?, &message).await
}
