//! Receivers: one table of vendors, what each takes from `global`, and the rules between keys.

use crate::base::clock::Duration;
use crate::base::template::{Functions, Library};
use crate::config::alertmanager::rows;
use crate::config::alertmanager::settings::{self, Setting, Settings};
use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::http::{self, HttpClient, TlsClient};
use crate::config::shape::Section;
use std::collections::BTreeMap;

/// Who is told, under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receiver {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub integrations: Vec<Integration>,
}

/// One way of telling.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// The vendor: `slack`, `webhook`, `email`.
    pub kind: &'static str,
    /// Its number among those of its kind in the receiver.
    pub number: usize,
    pub send_resolved: bool,
    pub http: HttpClient,
    /// Of `email` only.
    pub tls: TlsClient,
    pub settings: Settings,
}

impl Integration {
    /// `slack`, or `slack[1]` where it is not the first.
    pub fn name(&self) -> String {
        match self.number {
            0 => self.kind.to_owned(),
            n => format!("{}[{n}]", self.kind),
        }
    }
}

/// What `global` says.
pub(super) struct Global {
    pub(super) resolve_timeout: Duration,
    settings: Settings,
    http: HttpClient,
    tls: TlsClient,
}

/// A kind of receiver.
struct Vendor {
    kind: &'static str,
    key: &'static str,
    section: &'static Section,
    /// Keys that stand in `global` where the receiver is silent: its own and the global one.
    inherits: &'static [(&'static str, &'static str)],
    /// Keys that must have a value after that.
    needs: &'static [&'static str],
    check: fn(Fields<'_>, &mut Settings, &Global, &mut Check<'_>),
}

fn nothing(_: Fields<'_>, _: &mut Settings, _: &Global, _: &mut Check<'_>) {}

const fn vendor(kind: &'static str, key: &'static str, section: &'static Section) -> Vendor {
    Vendor {
        kind,
        key,
        section,
        inherits: &[],
        needs: &[],
        check: nothing,
    }
}

/// Every kind of receiver, one row each.
static VENDORS: &[Vendor] = &[
    Vendor {
        needs: &["webhook_url"],
        ..vendor("discord", "discord_configs", &rows::DISCORD)
    },
    Vendor {
        inherits: &[
            ("from", "smtp_from"),
            ("smarthost", "smtp_smarthost"),
            ("hello", "smtp_hello"),
            ("auth_username", "smtp_auth_username"),
            ("auth_password", "smtp_auth_password"),
            ("auth_secret", "smtp_auth_secret"),
            ("auth_identity", "smtp_auth_identity"),
            ("require_tls", "smtp_require_tls"),
            ("force_implicit_tls", "smtp_force_implicit_tls"),
        ],
        needs: &["to", "from", "smarthost"],
        check: check_email,
        ..vendor("email", "email_configs", &rows::EMAIL)
    },
    Vendor {
        needs: &["command"],
        ..vendor("exec", "exec_configs", &rows::EXEC)
    },
    Vendor {
        needs: &["url"],
        check: check_incidentio,
        ..vendor("incidentio", "incidentio_configs", &rows::INCIDENTIO)
    },
    Vendor {
        inherits: &[("api_url", "jira_api_url")],
        needs: &["api_url", "project", "issue_type"],
        ..vendor("jira", "jira_configs", &rows::JIRA)
    },
    Vendor {
        inherits: &[("webhook_url", "mattermost_webhook_url")],
        needs: &["webhook_url"],
        ..vendor("mattermost", "mattermost_configs", &rows::MATTERMOST)
    },
    Vendor {
        needs: &["webhook_url"],
        ..vendor("msteams", "msteams_configs", &rows::MSTEAMS)
    },
    Vendor {
        needs: &["webhook_url"],
        ..vendor("msteamsv2", "msteamsv2_configs", &rows::MSTEAMSV2)
    },
    Vendor {
        inherits: &[
            ("api_key", "opsgenie_api_key"),
            ("api_url", "opsgenie_api_url"),
        ],
        needs: &["api_key"],
        check: check_opsgenie,
        ..vendor("opsgenie", "opsgenie_configs", &rows::OPSGENIE)
    },
    Vendor {
        inherits: &[("url", "pagerduty_url")],
        check: check_pagerduty,
        ..vendor("pagerduty", "pagerduty_configs", &rows::PAGERDUTY)
    },
    Vendor {
        needs: &["user_key", "token"],
        check: check_pushover,
        ..vendor("pushover", "pushover_configs", &rows::PUSHOVER)
    },
    Vendor {
        inherits: &[
            ("api_url", "rocketchat_api_url"),
            ("token", "rocketchat_token"),
            ("token_id", "rocketchat_token_id"),
        ],
        needs: &["token", "token_id"],
        ..vendor("rocketchat", "rocketchat_configs", &rows::ROCKETCHAT)
    },
    Vendor {
        inherits: &[("app_url", "slack_app_url")],
        check: check_slack,
        ..vendor("slack", "slack_configs", &rows::SLACK)
    },
    Vendor {
        check: check_sns,
        ..vendor("sns", "sns_configs", &rows::SNS)
    },
    Vendor {
        inherits: &[
            ("api_url", "telegram_api_url"),
            ("bot_token", "telegram_bot_token"),
        ],
        needs: &["bot_token"],
        check: check_telegram,
        ..vendor("telegram", "telegram_configs", &rows::TELEGRAM)
    },
    vendor("terminal", "terminal_configs", &rows::TERMINAL),
    Vendor {
        inherits: &[
            ("api_key", "victorops_api_key"),
            ("api_url", "victorops_api_url"),
        ],
        needs: &["api_key", "routing_key"],
        check: check_victorops,
        ..vendor("victorops", "victorops_configs", &rows::VICTOROPS)
    },
    Vendor {
        inherits: &[("api_url", "webex_api_url")],
        needs: &["room_id"],
        check: check_webex,
        ..vendor("webex", "webex_configs", &rows::WEBEX)
    },
    Vendor {
        needs: &["url"],
        ..vendor("webhook", "webhook_configs", &rows::WEBHOOK)
    },
    Vendor {
        inherits: &[
            ("api_secret", "wechat_api_secret"),
            ("api_url", "wechat_api_url"),
            ("corp_id", "wechat_api_corp_id"),
        ],
        needs: &["api_secret", "corp_id"],
        ..vendor("wechat", "wechat_configs", &rows::WECHAT)
    },
];

/// Keys that have a reader of their own.
const OWN_READERS: [&str; 4] = [
    "http_config",
    "tls_config",
    "smtp_tls_config",
    "resolve_timeout",
];

pub(super) fn read_global(file: Fields<'_>, check: &mut Check<'_>) -> Global {
    let Some(of) = file.section("global", &rows::GLOBAL) else {
        let empty = crate::config::place::parse("{}").tree;
        let empty = empty.as_ref().map(|t| Fields::new(t, &rows::GLOBAL));
        return empty.map_or_else(Global::none, |of| read_global_from(of, check));
    };
    read_global_from(of, check)
}

impl Global {
    fn none() -> Self {
        Self {
            resolve_timeout: Duration::from_mins(5),
            settings: Settings::default(),
            http: HttpClient::default(),
            tls: TlsClient::default(),
        }
    }
}

fn read_global_from(of: Fields<'_>, check: &mut Check<'_>) -> Global {
    twins(of, &rows::GLOBAL, check);
    let slack = |keys: [&str; 2]| keys.iter().any(|k| said(of, k));
    if slack(["slack_api_url", "slack_api_url_file"])
        && slack(["slack_app_token", "slack_app_token_file"])
    {
        let text = "a Slack webhook (`slack_api_url`) and a Slack app (`slack_app_token`) cannot both be the default; leave one of them out";
        check.report.error(of.place_of("slack_app_token"), text);
    }
    Global {
        resolve_timeout: of
            .positive("resolve_timeout")
            .unwrap_or(Duration::from_mins(5)),
        settings: settings::read(of, &rows::GLOBAL, &OWN_READERS, check),
        http: read_http(of, check).unwrap_or_default(),
        tls: of
            .section("smtp_tls_config", &http::TLS)
            .map(|tls| http::read_tls(tls, check))
            .unwrap_or_default(),
    }
}

fn read_http(of: Fields<'_>, check: &mut Check<'_>) -> Option<HttpClient> {
    let of = of.section("http_config", &rows::HTTP_CONFIG)?;
    Some(http::read(of, check))
}

/// Written with a text that is not empty.
fn said(of: Fields<'_>, key: &str) -> bool {
    of.get(key).is_some_and(|n| n.text() != Some(""))
}

/// A value and the file that holds it exclude each other.
fn twins(of: Fields<'_>, section: &'static Section, check: &mut Check<'_>) {
    for key in section.all() {
        let Some(inline) = key.name.strip_suffix("_file") else {
            continue;
        };
        if section.key(inline).is_some() && said(of, inline) && said(of, key.name) {
            let text = format!(
                "`{inline}` and `{}` cannot both be given; leave one of them out",
                key.name
            );
            check.report.error(of.place_of(key.name), text);
        }
    }
}

pub(super) fn read(file: Fields<'_>, global: &Global, check: &mut Check<'_>) -> Vec<Receiver> {
    let mut out: Vec<Receiver> = Vec::new();
    for of in file.sections("receivers", &rows::RECEIVER) {
        let name = of.string("name").unwrap_or_default();
        if name.is_empty() {
            check.report.error(of.place(), "a receiver needs a `name`");
        } else if out.iter().any(|r| r.name == name) {
            let text = format!("another receiver is named {name:?}");
            check.report.error(of.value_place("name"), text);
        }
        let labels = of.pairs("labels").into_iter();
        let labels = labels.map(|(k, v, _)| (k.to_owned(), v.to_owned()));
        let mut integrations = Vec::new();
        for vendor in VENDORS {
            let found = of.sections(vendor.key, vendor.section).into_iter();
            for (number, block) in found.enumerate() {
                integrations.push(read_one(vendor, number, block, global, check));
            }
        }
        out.push(Receiver {
            name,
            labels: labels.collect(),
            integrations,
        });
    }
    out
}

fn read_one(
    vendor: &Vendor,
    number: usize,
    of: Fields<'_>,
    global: &Global,
    check: &mut Check<'_>,
) -> Integration {
    twins(of, vendor.section, check);
    let mut own = settings::read(of, vendor.section, &OWN_READERS, check);
    for (key, above) in vendor.inherits {
        let silent = match own.get(key) {
            None => true,
            Some(Setting::Text(text)) => text.is_empty(),
            Some(_) => false,
        };
        let of_section = vendor.section.key(key).map_or(*key, |k| k.name);
        if silent && let Some(value) = global.settings.get(above) {
            own.set(of_section, value.clone());
        }
    }
    for key in vendor.needs {
        let there = match own.get(key) {
            Some(Setting::Text(text)) => !text.is_empty(),
            Some(_) => true,
            None => false,
        };
        // A text that may stand in a file, where the text itself is no secret.
        let file = format!("{key}_file");
        let there = there || (vendor.section.key(&file).is_some() && said(of, &file));
        if !there {
            let above = vendor.inherits.iter().find(|(own, _)| own == key);
            let also = above.map_or(String::new(), |(_, g)| {
                format!(", here or as `{g}` in `global`")
            });
            let text = format!("`{key}` is needed{also}");
            check.report.error(of.place(), text);
        }
    }
    (vendor.check)(of, &mut own, global, check);
    check_templates(of, &own, check);
    let has_tls = vendor.section.key("tls_config").is_some();
    let tls = has_tls
        .then(|| of.section("tls_config", &http::TLS))
        .flatten()
        .map_or_else(|| global.tls.clone(), |tls| http::read_tls(tls, check));
    let has_http = vendor.section.key("http_config").is_some();
    let http = has_http.then(|| read_http(of, check)).flatten();
    Integration {
        kind: vendor.kind,
        number,
        send_resolved: own.bool("send_resolved"),
        http: http.unwrap_or_else(|| global.http.clone()),
        tls,
        settings: own,
    }
}

/// The functions that templates of notifications may call, by name.
pub(super) fn known_functions() -> Functions {
    Functions::new().with_names(&[
        "append",
        "base64decode",
        "base64encode",
        "date",
        "dict",
        "humanizeDuration",
        "join",
        "list",
        "match",
        "mustToDate",
        "now",
        "reReplaceAll",
        "routeLabels",
        "safeHtml",
        "safeUrl",
        "since",
        "stringSlice",
        "title",
        "toDate",
        "toJson",
        "toLower",
        "toUpper",
        "trimSpace",
        "tz",
        "urlUnescape",
    ])
}

/// A field that is no template is told at once; Alertmanager finds it when it must send.
fn check_templates(of: Fields<'_>, own: &Settings, check: &mut Check<'_>) {
    let library = Library::new(known_functions());
    for (key, text) in own.templates() {
        if !text.contains("{{") {
            continue;
        }
        if let Err(fault) = library.text(text) {
            let text = format!("the template does not read: {fault}");
            let place = if of.written(key) {
                of.value_place(key)
            } else {
                of.place()
            };
            check.report.warning(place, text);
        }
    }
}

fn check_email(of: Fields<'_>, own: &mut Settings, _: &Global, check: &mut Check<'_>) {
    let mut seen: Vec<String> = Vec::new();
    for (name, _, place) in of.pairs("headers") {
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            check
                .report
                .error(place, format!("the header {name} stands here twice"));
        }
        seen.push(name);
    }
    let host = own.text("smarthost");
    if !host.is_empty() && !host.contains(':') {
        let text = format!("{host:?} needs a port: write {host}:587");
        check.report.error(of.place(), text);
    }
}

fn check_incidentio(of: Fields<'_>, own: &mut Settings, _: &Global, check: &mut Check<'_>) {
    let authorised = of
        .section("http_config", &rows::HTTP_CONFIG)
        .is_some_and(|h| h.has("authorization"));
    if !own.has("alert_source_token") && !authorised {
        let text = "`alert_source_token`, its file, or `http_config.authorization` is needed";
        check.report.error(of.place(), text);
    }
}

fn check_opsgenie(of: Fields<'_>, _: &mut Settings, _: &Global, check: &mut Check<'_>) {
    for responder in of.sections("responders", &rows::RESPONDER) {
        if !["id", "name", "username"]
            .iter()
            .any(|k| said(responder, k))
        {
            let text = "a responder needs an `id`, a `name` or a `username`";
            check.report.error(responder.place(), text);
        }
        let kind = responder.text("type").unwrap_or_default();
        if !kind.contains("{{") {
            let kinds = ["team", "teams", "user", "escalation", "schedule"];
            let place = responder.value_place("type");
            check.word(&kind.to_ascii_lowercase(), place, &kinds);
        }
    }
}

fn check_pagerduty(of: Fields<'_>, own: &mut Settings, _: &Global, check: &mut Check<'_>) {
    if !own.has("routing_key") && !own.has("service_key") {
        let text = "`routing_key` or `service_key` is needed, or a file of one";
        check.report.error(of.place(), text);
    }
}

fn check_pushover(of: Fields<'_>, own: &mut Settings, _: &Global, check: &mut Check<'_>) {
    if own.bool("html") && own.bool("monospace") {
        let text = "`html` and `monospace` cannot both be on";
        check.report.error(of.place_of("monospace"), text);
    }
}

const SLACK_POST: &str = "https://slack.com/api/chat.postMessage";

fn check_slack(of: Fields<'_>, own: &mut Settings, global: &Global, check: &mut Check<'_>) {
    let (hook, app) = (own.has("api_url"), own.has("app_token"));
    let authorised = of
        .section("http_config", &rows::HTTP_CONFIG)
        .is_some_and(|h| h.has("authorization"));
    if hook && app {
        let text = "`api_url` (a webhook) and `app_token` (an app) cannot both be given; leave one of them out";
        check.report.error(of.place_of("app_token"), text);
    }
    if !hook && !app {
        if let Some(url) = global.settings.get("slack_api_url") {
            own.set("api_url", url.clone());
        } else if let Some(token) = global
            .settings
            .get("slack_app_token")
            .filter(|_| !authorised)
        {
            own.set("app_token", token.clone());
        } else if !authorised {
            let text = "`api_url`, `app_token` or a file of one is needed, here or as `slack_api_url` or `slack_app_token` in `global`";
            check.report.error(of.place(), text);
        }
    }
    let posts = own.has("app_token") || of.text("api_url") == Some(SLACK_POST);
    if own.bool("update_message") && !posts {
        let text = format!(
            "`update_message` needs an app: a webhook cannot change its messages. Set `app_token`, or `api_url: {SLACK_POST}`"
        );
        check.report.error(of.place_of("update_message"), text);
    }
    for action in of.sections("actions", &rows::SLACK_ACTION) {
        check.require(action, &["type", "text"]);
        let names = said(action, "name") && said(action, "value");
        if !said(action, "url") && !said(action, "name") && !names {
            check.report.error(
                action.place(),
                "an action needs a `url`, or a `name` and a `value`",
            );
        }
    }
    for row in of.sections("fields", &rows::SLACK_FIELD) {
        check.require(row, &["title", "value"]);
    }
}

fn check_sns(of: Fields<'_>, own: &mut Settings, _: &Global, check: &mut Check<'_>) {
    let given = ["target_arn", "topic_arn", "phone_number"];
    if given.iter().filter(|k| said(of, k)).count() != 1 {
        let text = "exactly one of `topic_arn`, `target_arn` and `phone_number` is needed";
        check.report.error(of.place(), text);
    }
    let Some(sigv4) = own.block("sigv4") else {
        return;
    };
    let access = !sigv4.text("access_key").is_empty();
    if access != sigv4.has("secret_key") {
        let text = "`access_key` and `secret_key` are given together or not at all";
        check.report.error(of.place_of("sigv4"), text);
    }
    if !sigv4.text("external_id").is_empty() && sigv4.text("role_arn").is_empty() {
        check
            .report
            .error(of.place_of("sigv4"), "`external_id` needs `role_arn`");
    }
}

fn check_telegram(of: Fields<'_>, _: &mut Settings, _: &Global, check: &mut Check<'_>) {
    if of.int("chat_id").is_none_or(|id| id == 0) && !said(of, "chat_id_file") {
        check
            .report
            .error(of.place(), "`chat_id` or `chat_id_file` is needed");
    }
}

fn check_victorops(of: Fields<'_>, _: &mut Settings, _: &Global, check: &mut Check<'_>) {
    const RESERVED: [&str; 7] = [
        "routing_key",
        "message_type",
        "state_message",
        "entity_display_name",
        "monitoring_tool",
        "entity_id",
        "entity_state",
    ];
    for (name, _, place) in of.pairs("custom_fields") {
        if RESERVED.contains(&name) {
            let text = format!("`{name}` is a field of its own; it cannot be a custom one");
            check.report.error(place, text);
        }
    }
}

fn check_webex(of: Fields<'_>, _: &mut Settings, _: &Global, check: &mut Check<'_>) {
    let http = of.section("http_config", &rows::HTTP_CONFIG);
    if !http.is_some_and(|h| h.has("authorization")) {
        let text = "`http_config.authorization` is needed: it carries the bot's token";
        check.report.error(of.place(), text);
    }
}
