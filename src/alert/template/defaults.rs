//! The templates that receivers name where a configuration says nothing: made from tables, with
//! the names and the output of Alertmanager's.

/// Names that say the subject.
const SUBJECTS: [&str; 14] = [
    "discord.default.title",
    "email.default.subject",
    "jira.default.summary",
    "mattermost.default.title",
    "msteams.default.summary",
    "msteams.default.title",
    "msteamsv2.default.title",
    "opsgenie.default.message",
    "pagerduty.default.description",
    "pushover.default.title",
    "rocketchat.default.title",
    "slack.default.title",
    "sns.default.subject",
    "victorops.default.entity_display_name",
];

/// Names that say who tells.
const TELLERS: [&str; 5] = [
    "mattermost.default.username",
    "pagerduty.default.client",
    "rocketchat.default.alias",
    "slack.default.username",
    "victorops.default.monitoring_tool",
];

/// Names that say where it can be looked at.
const LINKS: [&str; 6] = [
    "mattermost.default.titlelink",
    "opsgenie.default.source",
    "pagerduty.default.clientURL",
    "pushover.default.url",
    "rocketchat.default.titlelink",
    "slack.default.titlelink",
];

/// Names that say nothing unless somebody defines them.
const EMPTY: [&str; 15] = [
    "__description",
    "discord.default.content",
    "rocketchat.default.emoji",
    "rocketchat.default.iconurl",
    "rocketchat.default.text",
    "slack.default.callbackid",
    "slack.default.footer",
    "slack.default.iconemoji",
    "slack.default.iconurl",
    "slack.default.pretext",
    "slack.default.text",
    "wechat.default.agent_id",
    "wechat.default.to_party",
    "wechat.default.to_tag",
    "wechat.default.to_user",
];

/// Names that list all alerts, with an empty line around each part; whether the annotations that
/// all share stand before.
const WIDE_LISTS: [(&str, bool); 5] = [
    ("discord.default.message", false),
    ("pushover.default.message", true),
    ("sns.default.message", true),
    ("telegram.default.message", false),
    ("webex.default.message", true),
];

/// Names that list all alerts under headings of Markdown.
const MARKDOWN_LISTS: [&str; 4] = [
    "jira.default.description",
    "mattermost.default.text",
    "msteams.default.text",
    "msteamsv2.default.text",
];

const ANNOTATIONS: &str = r#"{{ .CommonAnnotations.SortedPairs.Values | join " " }}"#;
const PARTS: [&str; 2] = ["Firing", "Resolved"];

/// All of them, as one text.
pub(super) fn source() -> String {
    let mut out = String::new();
    let mut say = |name: &str, body: &str| {
        out.push_str(&format!("{{{{ define {name:?} }}}}{body}{{{{ end }}}}\n"));
    };
    let call = |name: &str| format!("{{{{ template {name:?} . }}}}");
    say("__alertmanager", "Alertmanager");
    say(
        "__alertmanagerURL",
        "{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}",
    );
    say("__subject", &subject());
    say("__text_alert_list", &alerts(" ", false));
    say("__text_alert_list_markdown", &alerts("  ", true));
    for (names, body) in [
        (&SUBJECTS[..], call("__subject")),
        (&TELLERS[..], call("__alertmanager")),
        (&LINKS[..], call("__alertmanagerURL")),
        (&EMPTY[..], String::new()),
        (
            &["pagerduty.default.instances"][..],
            call("__text_alert_list"),
        ),
        (
            &["slack.default.color", "mattermost.default.color"][..],
            r#"{{ if ne .Status "firing" }}good{{ else }}danger{{ end }}"#.to_owned(),
        ),
    ] {
        for name in names {
            say(name, &body);
        }
    }
    for vendor in ["slack", "mattermost"] {
        let body = ["title", "titlelink"].map(|part| call(&format!("{vendor}.default.{part}")));
        say(&format!("{vendor}.default.fallback"), &body.join(" | "));
    }
    for (name, annotated) in WIDE_LISTS {
        let before = if annotated { ANNOTATIONS } else { "" };
        say(
            name,
            &format!("{before}\n{}", wide("", "__text_alert_list")),
        );
    }
    for name in MARKDOWN_LISTS {
        say(
            name,
            &format!("\n{}", wide("# ", "__text_alert_list_markdown")),
        );
    }
    for name in [
        "opsgenie.default.description",
        "victorops.default.state_message",
    ] {
        say(
            name,
            &format!("{ANNOTATIONS}\n{}", narrow().trim_end_matches('\n')),
        );
    }
    let (subject, url) = (call("__subject"), call("__alertmanagerURL"));
    let parts = narrow();
    say(
        "wechat.default.message",
        &format!("{subject}\n{ANNOTATIONS}\n{parts}AlertmanagerUrl:\n{url}"),
    );
    say("jira.default.priority", PRIORITY);
    say("email.default.html", EMAIL);
    out
}

/// `[FIRING:2] group values (what else all share)`.
fn subject() -> String {
    [
        r#"[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] "#,
        r#"{{ join " " .GroupLabels.SortedPairs.Values }} "#,
        "{{ if lt (len .GroupLabels) (len .CommonLabels) }}",
        r#"({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }})"#,
        "{{ end }}",
    ]
    .concat()
}

/// Each alert's labels, annotations and source.
fn alerts(indent: &str, apart: bool) -> String {
    let gap = if apart { "\n" } else { "" };
    let rows = |field: &str| {
        format!(
            "{field}:\n{{{{ range .{field}.SortedPairs }}}}{indent}- {{{{ .Name }}}} = {{{{ .Value }}}}\n{{{{ end }}}}{gap}"
        )
    };
    let one = format!(
        "{gap}{}{}Source: {{{{ .GeneratorURL }}}}\n",
        rows("Labels"),
        rows("Annotations")
    );
    format!("{{{{ range . }}}}{one}{{{{ end }}}}{gap}")
}

fn wide(heading: &str, list: &str) -> String {
    let part = |which: &str| {
        format!(
            "{{{{ if .Alerts.{which} }}}}\n{heading}Alerts {which}:\n{{{{ template {list:?} .Alerts.{which} }}}}\n{{{{ end }}}}\n"
        )
    };
    PARTS.map(part).concat()
}

fn narrow() -> String {
    let part = |which: &str| {
        format!(
            "{{{{ if .Alerts.{which} }}}}Alerts {which}:\n{{{{ template \"__text_alert_list\" .Alerts.{which} }}}}{{{{ end }}}}\n"
        )
    };
    PARTS.map(part).concat()
}

/// The gravest severity of the firing alerts, or else of the resolved ones, as Jira calls it.
const PRIORITY: &str = r#"{{- $of := .Alerts.Firing -}}
{{- $said := "" -}}
{{- range .Alerts.Firing -}}{{- if match "^(critical|warning|info)$" .Labels.severity -}}{{- $said = "x" -}}{{- end -}}{{- end -}}
{{- if eq $said "" -}}{{- $of = .Alerts.Resolved -}}{{- end -}}
{{- $high := false -}}{{- $medium := false -}}{{- $low := false -}}
{{- range $of -}}
{{- if eq .Labels.severity "critical" -}}{{- $high = true -}}{{- end -}}
{{- if eq .Labels.severity "warning" -}}{{- $medium = true -}}{{- end -}}
{{- if eq .Labels.severity "info" -}}{{- $low = true -}}{{- end -}}
{{- end -}}
{{- if $high -}}High{{- else if $medium -}}Medium{{- else if $low -}}Low{{- end -}}"#;

/// The body of a mail: a heading in the colour of the state, a link, and each alert as a table.
const EMAIL: &str = r#"<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>{{ template "__subject" . }}</title></head>
<body style="font-family: sans-serif; font-size: 14px; margin: 0; padding: 16px; background: #f4f4f4;">
<div style="max-width: 640px; margin: 0 auto; background: #ffffff; border: 1px solid #dddddd;">
<div style="padding: 16px; color: #ffffff; {{ if .Alerts.Firing }}background: #b3261e;{{ else }}background: #2e7d32;{{ end }}">
{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }}{{ range .GroupLabels.SortedPairs }} {{ .Name }}={{ .Value }}{{ end }}
</div>
<div style="padding: 16px;">
<p><a href="{{ template "__alertmanagerURL" . }}">Open in {{ template "__alertmanager" . }}</a></p>
{{ if .Alerts.Firing }}<h3>Firing: {{ len .Alerts.Firing }}</h3>{{ template "__email_alerts" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}<h3>Resolved: {{ len .Alerts.Resolved }}</h3>{{ template "__email_alerts" .Alerts.Resolved }}{{ end }}
</div>
</div>
</body>
</html>{{ end }}
{{ define "__email_alerts" }}{{ range . }}<table style="border-collapse: collapse; margin-bottom: 16px;">
{{ range .Labels.SortedPairs }}<tr><td style="padding: 2px 12px 2px 0; color: #666666;">{{ .Name }}</td><td>{{ .Value }}</td></tr>
{{ end }}{{ range .Annotations.SortedPairs }}<tr><td style="padding: 2px 12px 2px 0; color: #666666;">{{ .Name }}</td><td><b>{{ .Value }}</b></td></tr>
{{ end }}</table>
{{ if .GeneratorURL }}<p><a href="{{ .GeneratorURL }}">Source</a></p>{{ end }}{{ end }}"#;
