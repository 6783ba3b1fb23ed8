//! The keys of alertmanager.yml, with Alertmanager's defaults. One table for each kind of
//! receiver; what a template may be is text. Source: Alertmanager's documentation,
//! "Configuration", version 0.33.

use crate::config::http;
use crate::config::shape::{Key, Section, Shape, field, idle};

/// A row with a default.
const fn given(name: &'static str, shape: Shape, default: &'static str) -> Key {
    crate::config::shape::key(name, shape, default, "")
}

const fn text(name: &'static str) -> Key {
    field(name, Shape::Text)
}

const fn template(name: &'static str, default: &'static str) -> Key {
    given(name, Shape::Text, default)
}

const fn secret(name: &'static str) -> Key {
    field(name, Shape::Secret)
}

const fn resolved(default: &'static str) -> Key {
    given("send_resolved", Shape::Bool, default)
}

const HTTP: Key = field("http_config", Shape::Section(&HTTP_CONFIG));
const TIMEOUT: Key = given("timeout", Shape::Duration, "");

macro_rules! section {
    ($name:literal, $($key:expr),+ $(,)?) => {
        Section { name: $name, keys: &[&[$($key),+]] }
    };
}

pub(super) static HTTP_CONFIG: Section = Section {
    name: "http_config",
    keys: &[http::CLIENT],
};

pub(super) static FILE: Section = section!(
    "",
    field("global", Shape::Section(&GLOBAL)),
    field("templates", Shape::List(&Shape::Text)),
    field("route", Shape::Section(&ROUTE)),
    field("receivers", Shape::List(&Shape::Section(&RECEIVER))),
    field("inhibit_rules", Shape::List(&Shape::Section(&INHIBIT))),
    field(
        "mute_time_intervals",
        Shape::List(&Shape::Section(&INTERVALS))
    ),
    field("time_intervals", Shape::List(&Shape::Section(&INTERVALS))),
    idle(
        "event_recorder",
        Shape::Any,
        "every decision is recorded in bongsu's own state; this is left out",
    ),
    idle(
        "tracing",
        Shape::Any,
        "bongsu does not trace itself; this is left out"
    ),
);

pub(super) static GLOBAL: Section = section!(
    "global",
    given("resolve_timeout", Shape::Duration, "5m"),
    field("http_config", Shape::Section(&HTTP_CONFIG)),
    text("smtp_from"),
    given("smtp_hello", Shape::Text, "localhost"),
    text("smtp_smarthost"),
    text("smtp_auth_username"),
    secret("smtp_auth_password"),
    text("smtp_auth_password_file"),
    secret("smtp_auth_secret"),
    text("smtp_auth_secret_file"),
    text("smtp_auth_identity"),
    given("smtp_require_tls", Shape::Bool, "true"),
    field("smtp_force_implicit_tls", Shape::Bool),
    field("smtp_tls_config", Shape::Section(&http::TLS)),
    text("jira_api_url"),
    secret("slack_api_url"),
    text("slack_api_url_file"),
    secret("slack_app_token"),
    text("slack_app_token_file"),
    given(
        "slack_app_url",
        Shape::Text,
        "https://slack.com/api/chat.postMessage"
    ),
    secret("victorops_api_key"),
    text("victorops_api_key_file"),
    given(
        "victorops_api_url",
        Shape::Text,
        "https://alert.victorops.com/integrations/generic/20131114/alert/",
    ),
    given(
        "pagerduty_url",
        Shape::Text,
        "https://events.pagerduty.com/v2/enqueue"
    ),
    secret("opsgenie_api_key"),
    text("opsgenie_api_key_file"),
    given("opsgenie_api_url", Shape::Text, "https://api.opsgenie.com/"),
    given(
        "rocketchat_api_url",
        Shape::Text,
        "https://open.rocket.chat/"
    ),
    secret("rocketchat_token"),
    text("rocketchat_token_file"),
    secret("rocketchat_token_id"),
    text("rocketchat_token_id_file"),
    given(
        "wechat_api_url",
        Shape::Text,
        "https://qyapi.weixin.qq.com/cgi-bin/"
    ),
    secret("wechat_api_secret"),
    text("wechat_api_secret_file"),
    text("wechat_api_corp_id"),
    given("telegram_api_url", Shape::Text, "https://api.telegram.org"),
    secret("telegram_bot_token"),
    text("telegram_bot_token_file"),
    given(
        "webex_api_url",
        Shape::Text,
        "https://webexapis.com/v1/messages"
    ),
    secret("mattermost_webhook_url"),
    text("mattermost_webhook_url_file"),
);

pub(super) static ROUTE: Section = section!(
    "route",
    text("receiver"),
    field("group_by", Shape::List(&Shape::Text)),
    field("continue", Shape::Bool),
    field("match", Shape::Texts),
    field("match_re", Shape::Named(&Shape::Regex)),
    field("matchers", Shape::List(&Shape::Text)),
    field("labels", Shape::Texts),
    field("group_wait", Shape::Duration),
    field("group_interval", Shape::Duration),
    field("repeat_interval", Shape::Duration),
    field("mute_time_intervals", Shape::List(&Shape::Text)),
    field("active_time_intervals", Shape::List(&Shape::Text)),
    field("routes", Shape::List(&Shape::Section(&ROUTE))),
);

pub(super) static INHIBIT: Section = section!(
    "inhibit_rules",
    text("name"),
    field("source_match", Shape::Texts),
    field("source_match_re", Shape::Named(&Shape::Regex)),
    field("source_matchers", Shape::List(&Shape::Text)),
    field("target_match", Shape::Texts),
    field("target_match_re", Shape::Named(&Shape::Regex)),
    field("target_matchers", Shape::List(&Shape::Text)),
    field("equal", Shape::List(&Shape::Text)),
);

pub(super) static INTERVALS: Section = section!(
    "time_intervals",
    text("name"),
    field("time_intervals", Shape::List(&Shape::Section(&INTERVAL))),
);

pub(super) static INTERVAL: Section = section!(
    "time_intervals",
    field("times", Shape::List(&Shape::Section(&TIMES))),
    field("weekdays", Shape::List(&Shape::Text)),
    field("days_of_month", Shape::List(&Shape::Text)),
    field("months", Shape::List(&Shape::Text)),
    field("years", Shape::List(&Shape::Text)),
    text("location"),
);

pub(super) static TIMES: Section = section!("times", text("start_time"), text("end_time"));

pub(super) static RECEIVER: Section = section!(
    "receivers",
    text("name"),
    field("labels", Shape::Texts),
    field("discord_configs", Shape::List(&Shape::Section(&DISCORD))),
    field("email_configs", Shape::List(&Shape::Section(&EMAIL))),
    field("exec_configs", Shape::List(&Shape::Section(&EXEC))),
    field(
        "incidentio_configs",
        Shape::List(&Shape::Section(&INCIDENTIO))
    ),
    field("jira_configs", Shape::List(&Shape::Section(&JIRA))),
    field(
        "mattermost_configs",
        Shape::List(&Shape::Section(&MATTERMOST))
    ),
    field("msteams_configs", Shape::List(&Shape::Section(&MSTEAMS))),
    field(
        "msteamsv2_configs",
        Shape::List(&Shape::Section(&MSTEAMSV2))
    ),
    field("opsgenie_configs", Shape::List(&Shape::Section(&OPSGENIE))),
    field(
        "pagerduty_configs",
        Shape::List(&Shape::Section(&PAGERDUTY))
    ),
    field("pushover_configs", Shape::List(&Shape::Section(&PUSHOVER))),
    field(
        "rocketchat_configs",
        Shape::List(&Shape::Section(&ROCKETCHAT))
    ),
    field("slack_configs", Shape::List(&Shape::Section(&SLACK))),
    field("sns_configs", Shape::List(&Shape::Section(&SNS))),
    field("telegram_configs", Shape::List(&Shape::Section(&TELEGRAM))),
    field("terminal_configs", Shape::List(&Shape::Section(&TERMINAL))),
    field(
        "victorops_configs",
        Shape::List(&Shape::Section(&VICTOROPS))
    ),
    field("webex_configs", Shape::List(&Shape::Section(&WEBEX))),
    field("webhook_configs", Shape::List(&Shape::Section(&WEBHOOK))),
    field("wechat_configs", Shape::List(&Shape::Section(&WECHAT))),
);

pub(super) static DISCORD: Section = section!(
    "discord_configs",
    resolved("true"),
    HTTP,
    secret("webhook_url"),
    text("webhook_url_file"),
    template("title", r#"{{ template "discord.default.title" . }}"#),
    template("message", r#"{{ template "discord.default.message" . }}"#),
    template("content", r#"{{ template "discord.default.content" . }}"#),
    text("username"),
    text("avatar_url"),
);

pub(super) static EMAIL: Section = section!(
    "email_configs",
    resolved("false"),
    text("to"),
    text("from"),
    text("smarthost"),
    text("hello"),
    text("auth_username"),
    secret("auth_password"),
    text("auth_password_file"),
    secret("auth_secret"),
    text("auth_secret_file"),
    text("auth_identity"),
    field("require_tls", Shape::Bool),
    field("force_implicit_tls", Shape::Bool),
    field("tls_config", Shape::Section(&http::TLS)),
    template("html", r#"{{ template "email.default.html" . }}"#),
    text("text"),
    field("headers", Shape::Texts),
    field("threading", Shape::Section(&THREADING)),
);

static THREADING: Section = section!(
    "threading",
    given("enabled", Shape::Bool, "false"),
    given("thread_by_date", Shape::Word(&["daily", "none"]), "daily"),
);

pub(super) static INCIDENTIO: Section = section!(
    "incidentio_configs",
    resolved("true"),
    HTTP,
    secret("url"),
    text("url_file"),
    secret("alert_source_token"),
    text("alert_source_token_file"),
    given("max_alerts", Shape::Int(0, i64::MAX), "0"),
    TIMEOUT,
);

pub(super) static JIRA: Section = section!(
    "jira_configs",
    resolved("true"),
    HTTP,
    text("api_url"),
    given(
        "api_type",
        Shape::Word(&["auto", "cloud", "datacenter"]),
        "auto"
    ),
    text("project"),
    given(
        "summary",
        Shape::Either(&Shape::Text, &JIRA_TEXT),
        r#"{{ template "jira.default.summary" . }}"#
    ),
    given(
        "description",
        Shape::Either(&Shape::Text, &JIRA_TEXT),
        r#"{{ template "jira.default.description" . }}"#
    ),
    field("labels", Shape::List(&Shape::Text)),
    template("priority", r#"{{ template "jira.default.priority" . }}"#),
    text("issue_type"),
    text("resolve_transition"),
    text("reopen_transition"),
    text("wont_fix_resolution"),
    field("reopen_duration", Shape::Duration),
    field("fields", Shape::Any),
    field("custom_fields", Shape::Any),
);

static JIRA_TEXT: Section = section!(
    "jira_configs",
    text("template"),
    given("enable_update", Shape::Bool, "true"),
);

pub(super) static MATTERMOST: Section = section!(
    "mattermost_configs",
    resolved("true"),
    HTTP,
    secret("webhook_url"),
    text("webhook_url_file"),
    text("channel"),
    text("username"),
    text("icon_url"),
    text("icon_emoji"),
    template(
        "fallback",
        r#"{{ template "mattermost.default.fallback" . }}"#
    ),
    template("color", r#"{{ template "mattermost.default.color" . }}"#),
    template("title", r#"{{ template "mattermost.default.title" . }}"#),
    template(
        "title_link",
        r#"{{ template "mattermost.default.titlelink" . }}"#
    ),
    template("text", r#"{{ template "mattermost.default.text" . }}"#),
    text("pretext"),
    text("author_name"),
    text("author_link"),
    text("author_icon"),
    field("fields", Shape::List(&Shape::Section(&SLACK_FIELD))),
    text("thumb_url"),
    text("footer"),
    text("footer_icon"),
    text("image_url"),
    field("attachments", Shape::List(&Shape::Section(&ATTACHMENT))),
    field("props", Shape::Section(&MATTERMOST_PROPS)),
    field("priority", Shape::Section(&MATTERMOST_PRIORITY)),
);

static ATTACHMENT: Section = section!(
    "attachments",
    text("fallback"),
    text("color"),
    text("pretext"),
    text("text"),
    text("author_name"),
    text("author_link"),
    text("author_icon"),
    text("title"),
    text("title_link"),
    field("fields", Shape::List(&Shape::Section(&SLACK_FIELD))),
    text("thumb_url"),
    text("footer"),
    text("footer_icon"),
    text("image_url"),
);

static MATTERMOST_PROPS: Section = section!("props", text("card"));

static MATTERMOST_PRIORITY: Section = section!(
    "priority",
    text("priority"),
    field("requested_ack", Shape::Bool),
    field("persistent_notifications", Shape::Bool),
);

pub(super) static MSTEAMS: Section = section!(
    "msteams_configs",
    resolved("true"),
    HTTP,
    secret("webhook_url"),
    text("webhook_url_file"),
    template("title", r#"{{ template "msteams.default.title" . }}"#),
    template("summary", r#"{{ template "msteams.default.summary" . }}"#),
    template("text", r#"{{ template "msteams.default.text" . }}"#),
);

pub(super) static MSTEAMSV2: Section = section!(
    "msteamsv2_configs",
    resolved("true"),
    HTTP,
    secret("webhook_url"),
    text("webhook_url_file"),
    template("title", r#"{{ template "msteamsv2.default.title" . }}"#),
    template("text", r#"{{ template "msteamsv2.default.text" . }}"#),
);

pub(super) static OPSGENIE: Section = section!(
    "opsgenie_configs",
    resolved("true"),
    HTTP,
    secret("api_key"),
    text("api_key_file"),
    text("api_url"),
    template("message", r#"{{ template "opsgenie.default.message" . }}"#),
    template(
        "description",
        r#"{{ template "opsgenie.default.description" . }}"#
    ),
    template("source", r#"{{ template "opsgenie.default.source" . }}"#),
    field("details", Shape::Texts),
    field("responders", Shape::List(&Shape::Section(&RESPONDER))),
    text("tags"),
    text("note"),
    text("priority"),
    given("update_alerts", Shape::Bool, "false"),
    text("entity"),
    text("actions"),
);

pub(super) static RESPONDER: Section = section!(
    "responders",
    text("id"),
    text("name"),
    text("username"),
    text("type")
);

pub(super) static PAGERDUTY: Section = section!(
    "pagerduty_configs",
    resolved("true"),
    HTTP,
    secret("routing_key"),
    text("routing_key_file"),
    secret("service_key"),
    text("service_key_file"),
    text("url"),
    template("client", r#"{{ template "pagerduty.default.client" . }}"#),
    template(
        "client_url",
        r#"{{ template "pagerduty.default.clientURL" . }}"#
    ),
    template(
        "description",
        r#"{{ template "pagerduty.default.description" .}}"#
    ),
    template("severity", "error"),
    text("source"),
    field("details", Shape::Any),
    field("images", Shape::List(&Shape::Section(&IMAGE))),
    field("links", Shape::List(&Shape::Section(&LINK))),
    text("component"),
    text("group"),
    text("class"),
    TIMEOUT,
);

static IMAGE: Section = section!("images", text("href"), text("src"), text("alt"));
static LINK: Section = section!("links", text("href"), text("text"));

pub(super) static PUSHOVER: Section = section!(
    "pushover_configs",
    resolved("true"),
    HTTP,
    secret("user_key"),
    text("user_key_file"),
    secret("token"),
    text("token_file"),
    template("title", r#"{{ template "pushover.default.title" . }}"#),
    template("message", r#"{{ template "pushover.default.message" . }}"#),
    template("url", r#"{{ template "pushover.default.url" . }}"#),
    text("url_title"),
    text("device"),
    text("sound"),
    template(
        "priority",
        r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#
    ),
    given("retry", Shape::Duration, "1m"),
    given("expire", Shape::Duration, "1h"),
    field("ttl", Shape::Duration),
    given("html", Shape::Bool, "false"),
    given("monospace", Shape::Bool, "false"),
);

pub(super) static ROCKETCHAT: Section = section!(
    "rocketchat_configs",
    resolved("true"),
    HTTP,
    text("api_url"),
    text("channel"),
    secret("token"),
    text("token_file"),
    secret("token_id"),
    text("token_id_file"),
    template(
        "color",
        r#"{{ if eq .Status "firing" }}red{{ else }}green{{ end }}"#
    ),
    template("emoji", r#"{{ template "rocketchat.default.emoji" . }}"#),
    template(
        "icon_url",
        r#"{{ template "rocketchat.default.iconurl" . }}"#
    ),
    template("text", r#"{{ template "rocketchat.default.text" . }}"#),
    template("title", r#"{{ template "rocketchat.default.title" . }}"#),
    template(
        "title_link",
        r#"{{ template "rocketchat.default.titlelink" . }}"#
    ),
    field("fields", Shape::List(&Shape::Section(&SLACK_FIELD))),
    text("image_url"),
    text("thumb_url"),
    text("link_names"),
    given("short_fields", Shape::Bool, "false"),
    field("actions", Shape::List(&Shape::Section(&ROCKETCHAT_ACTION))),
);

static ROCKETCHAT_ACTION: Section = section!(
    "actions",
    text("type"),
    text("text"),
    text("url"),
    text("msg")
);

pub(super) static SLACK: Section = section!(
    "slack_configs",
    resolved("false"),
    HTTP,
    secret("api_url"),
    text("api_url_file"),
    secret("app_token"),
    text("app_token_file"),
    text("app_url"),
    text("channel"),
    template(
        "icon_emoji",
        r#"{{ template "slack.default.iconemoji" . }}"#
    ),
    template("icon_url", r#"{{ template "slack.default.iconurl" . }}"#),
    given("link_names", Shape::Bool, "false"),
    text("message_text"),
    template("username", r#"{{ template "slack.default.username" . }}"#),
    field("actions", Shape::List(&Shape::Section(&SLACK_ACTION))),
    template(
        "callback_id",
        r#"{{ template "slack.default.callbackid" . }}"#
    ),
    template("color", r#"{{ template "slack.default.color" . }}"#),
    template("fallback", r#"{{ template "slack.default.fallback" . }}"#),
    field("fields", Shape::List(&Shape::Section(&SLACK_FIELD))),
    template("footer", r#"{{ template "slack.default.footer" . }}"#),
    given(
        "mrkdwn_in",
        Shape::List(&Shape::Text),
        "fallback, pretext, text"
    ),
    template("pretext", r#"{{ template "slack.default.pretext" . }}"#),
    given("short_fields", Shape::Bool, "false"),
    template("text", r#"{{ template "slack.default.text" . }}"#),
    template("title", r#"{{ template "slack.default.title" . }}"#),
    template(
        "title_link",
        r#"{{ template "slack.default.titlelink" . }}"#
    ),
    text("image_url"),
    text("thumb_url"),
    TIMEOUT,
    given("update_message", Shape::Bool, "false"),
);

pub(super) static SLACK_ACTION: Section = section!(
    "actions",
    text("type"),
    text("text"),
    text("url"),
    text("style"),
    text("name"),
    text("value"),
    field("confirm", Shape::Section(&SLACK_CONFIRM)),
);

static SLACK_CONFIRM: Section = section!(
    "confirm",
    text("text"),
    text("title"),
    text("ok_text"),
    text("dismiss_text"),
);

pub(super) static SLACK_FIELD: Section = section!(
    "fields",
    text("title"),
    text("value"),
    field("short", Shape::Bool)
);

pub(super) static SNS: Section = section!(
    "sns_configs",
    resolved("true"),
    HTTP,
    text("api_url"),
    field("sigv4", Shape::Section(&SIGV4)),
    text("topic_arn"),
    template("subject", r#"{{ template "sns.default.subject" .}}"#),
    text("phone_number"),
    text("target_arn"),
    template("message", r#"{{ template "sns.default.message" .}}"#),
    field("attributes", Shape::Texts),
    given("use_aws_http_client", Shape::Bool, "false"),
);

pub(super) static SIGV4: Section = section!(
    "sigv4",
    text("region"),
    text("access_key"),
    secret("secret_key"),
    text("profile"),
    text("role_arn"),
    text("external_id"),
    field("use_fips_sts_endpoint", Shape::Bool),
);

pub(super) static TELEGRAM: Section = section!(
    "telegram_configs",
    resolved("true"),
    HTTP,
    text("api_url"),
    secret("bot_token"),
    text("bot_token_file"),
    field("chat_id", Shape::Int(i64::MIN, i64::MAX)),
    text("chat_id_file"),
    field("message_thread_id", Shape::Int(i64::MIN, i64::MAX)),
    template("message", r#"{{ template "telegram.default.message" .}}"#),
    given("disable_notifications", Shape::Bool, "false"),
    given(
        "parse_mode",
        Shape::Word(&["", "Markdown", "MarkdownV2", "HTML"]),
        "HTML"
    ),
);

/// bongsu's own: a program that is run.
pub(super) static EXEC: Section = section!(
    "exec_configs",
    resolved("true"),
    field("command", Shape::List(&Shape::Text)),
    given("max_alerts", Shape::Int(0, i64::MAX), "0"),
    given("timeout", Shape::Duration, "10s"),
);

/// bongsu's own: the terminals of attached consoles.
pub(super) static TERMINAL: Section = section!(
    "terminal_configs",
    resolved("true"),
    given("bell", Shape::Bool, "true"),
    given("notify", Shape::Word(&["desktop", "off"]), "desktop"),
    template(
        "title",
        r#"[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] {{ .GroupLabels.SortedPairs.Values | join " " }}"#
    ),
    template(
        "text",
        "{{ range .Alerts }}{{ with .Annotations.summary }}{{ . }}{{ else }}{{ .Labels.alertname }} {{ .Labels.instance }}{{ end }} {{ end }}"
    ),
);

pub(super) static VICTOROPS: Section = section!(
    "victorops_configs",
    resolved("true"),
    HTTP,
    secret("api_key"),
    text("api_key_file"),
    text("api_url"),
    text("routing_key"),
    template("message_type", "CRITICAL"),
    template(
        "entity_display_name",
        r#"{{ template "victorops.default.entity_display_name" . }}"#
    ),
    template(
        "state_message",
        r#"{{ template "victorops.default.state_message" . }}"#
    ),
    template(
        "monitoring_tool",
        r#"{{ template "victorops.default.monitoring_tool" . }}"#
    ),
    field("custom_fields", Shape::Texts),
);

pub(super) static WEBEX: Section = section!(
    "webex_configs",
    resolved("true"),
    HTTP,
    text("api_url"),
    text("room_id"),
    template("message", r#"{{ template "webex.default.message" .}}"#),
);

pub(super) static WEBHOOK: Section = section!(
    "webhook_configs",
    resolved("true"),
    HTTP,
    secret("url"),
    text("url_file"),
    given("max_alerts", Shape::Int(0, i64::MAX), "0"),
    TIMEOUT,
    field("payload", Shape::Any),
);

pub(super) static WECHAT: Section = section!(
    "wechat_configs",
    resolved("false"),
    HTTP,
    secret("api_secret"),
    text("api_secret_file"),
    text("api_url"),
    text("corp_id"),
    template("message", r#"{{ template "wechat.default.message" . }}"#),
    given("message_type", Shape::Word(&["text", "markdown"]), "text"),
    template("agent_id", r#"{{ template "wechat.default.agent_id" . }}"#),
    template("to_user", r#"{{ template "wechat.default.to_user" . }}"#),
    template("to_party", r#"{{ template "wechat.default.to_party" . }}"#),
    template("to_tag", r#"{{ template "wechat.default.to_tag" . }}"#),
);
