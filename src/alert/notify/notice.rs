//! Notices: one line to rooms where people talk, the vendor's own acknowledgement to pagers.

use crate::alert::notice::{Notice, What};
use crate::alert::notify::{Ask, Failure, Sent, chat, incident, page, slack};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;

type Telling<'a> = Pin<Box<dyn Future<Output = Result<Sent, Failure>> + Send + 'a>>;

/// A vendor that takes notices.
struct Row {
    kind: &'static str,
    takes: fn(What) -> bool,
    tell: for<'a> fn(&'a Ask<'a>, &'a Notice) -> Telling<'a>,
}

macro_rules! row {
    ($kind:literal, $takes:expr, $tell:path) => {
        Row {
            kind: $kind,
            takes: $takes,
            tell: |ask, notice| Box::pin($tell(ask, notice)),
        }
    };
}

static ROWS: &[Row] = &[
    row!("discord", |_| true, discord),
    row!("mattermost", |_| true, mattermost),
    row!("opsgenie", is_incidents, incident::acknowledge),
    row!("pagerduty", is_acknowledged, page::acknowledge_pagerduty),
    row!("slack", |_| true, slack::notice),
    row!("telegram", |_| true, chat::telegram_line),
    row!("victorops", is_acknowledged, page::acknowledge_victorops),
];

/// An incident is of a whole group.
fn is_acknowledged(what: What) -> bool {
    matches!(what, What::Acknowledged { whole: true })
}

fn is_incidents(what: What) -> bool {
    is_acknowledged(what) || what == What::TakenBack
}

/// True where a vendor can be told such news.
pub(crate) fn takes(kind: &str, what: What) -> bool {
    let row = ROWS.iter().find(|r| r.kind == kind);
    row.is_some_and(|r| (r.takes)(what))
}

pub(super) async fn tell(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let row = ROWS.iter().find(|r| r.kind == ask.way.kind);
    let row = row.ok_or_else(|| format!("{} takes no notices", ask.way.kind))?;
    (row.tell)(ask, notice).await
}

async fn discord(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let line = crate::alert::notify::cut(&notice.line, 2000);
    let url = ask.secret("webhook_url")?;
    ask.tell(&url, &json!({ "content": line })).await
}

async fn mattermost(ask: &Ask<'_>, notice: &Notice) -> Result<Sent, Failure> {
    let url = ask.secret("webhook_url")?;
    ask.tell(&url, &json!({ "text": notice.line })).await
}
