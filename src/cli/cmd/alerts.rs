//! `bongsu alerts [list|rules|ack|silence|why|route|test|..]`: what fires, the rules behind it, and
//! who is told.

mod orders;

use crate::app::launch::Arguments;
use crate::app::once;
use crate::cli::print;
use crate::model::alert::AlertState;
use crate::model::request::ViewName;
use crate::model::view::{AlertRow, AlertsView, RuleGroupRow, View};
use clap::{Args, Subcommand, ValueEnum};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Clone, Debug, Default, Subcommand)]
enum What {
    /// What fires, is about to, or was over in the last minutes; the default
    #[default]
    List,
    /// The rules: state, health and cost of each
    Rules,
    #[command(flatten)]
    Order(orders::Order),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

/// Exit code 0 also where something fires: it is the answer, no failure.
pub(crate) fn run(arguments: Arguments, args: &AlertsArgs) -> anyhow::Result<ExitCode> {
    let view = match args.what.clone().unwrap_or_default() {
        What::List => ViewName::Alerts,
        What::Rules => ViewName::Rules,
        What::Order(order) => return orders::run(&arguments.prepare()?, &order),
    };
    let view = once::view(&arguments.prepare()?, view)?;
    if args.format == Format::Json {
        print::out(&format!("{}\n", serde_json::to_string_pretty(&view)?));
        return Ok(ExitCode::SUCCESS);
    }
    match view {
        View::Alerts(alerts) => print::out(&alerts_table(&alerts)),
        View::Rules(groups) => print::out(&rules_table(&groups)),
        View::Nothing { why } => anyhow::bail!("{why}"),
        _ => anyhow::bail!("the engine answered something else"),
    }
    Ok(ExitCode::SUCCESS)
}

fn alerts_table(view: &AlertsView) -> String {
    if view.rows.is_empty() {
        return "nothing fires, and nothing is about to\n".to_owned();
    }
    let row = |row: &AlertRow| {
        let alert = &row.alert;
        let state = match alert.state {
            AlertState::Resolved => "resolved",
            other => other.as_str(),
        };
        let labels = alert.labels.retain(|n| n != "alertname");
        let summary = ["summary", "message", "description"]
            .iter()
            .map(|n| alert.annotations.get(n))
            .find(|t| !t.is_empty());
        let age = crate::base::units::format_duration_ms(
            (view.taken_at - row.active_at).max(0) / 1000 * 1000,
        );
        vec![
            state.to_owned(),
            alert.name().to_owned(),
            age,
            labels.to_string(),
            format!("{:016x}", row.fingerprint),
            summary.unwrap_or_default().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = view.rows.iter().map(row).map(clean).collect();
    let mut out = print::table(&["state", "alert", "for", "labels", "id", "says"], &rows);
    if view.left_out > 0 {
        out.push_str(&format!("and {} more\n", view.left_out));
    }
    out
}

fn rules_table(groups: &[RuleGroupRow]) -> String {
    let all = groups
        .iter()
        .flat_map(|g| g.rules.iter().map(move |r| (g, r)));
    let rows: Vec<Vec<String>> = all
        .map(|(group, rule)| {
            let kind = if rule.alerts { "alert" } else { "record" };
            vec![
                rule.health.as_str().to_owned(),
                kind.to_owned(),
                rule.name.clone(),
                group.name.clone(),
                rule.firing.to_string(),
                rule.pending.to_string(),
                format!("{:.1} ms", rule.seconds * 1000.0),
                rule.error.clone(),
            ]
        })
        .map(clean)
        .collect();
    let head = [
        "health", "kind", "rule", "group", "firing", "pending", "took", "error",
    ];
    print::table(&head, &rows)
}

/// What others wrote never moves a terminal's cursor.
fn clean(row: Vec<String>) -> Vec<String> {
    let shown = |cell: String| crate::base::text::display(&cell).into_owned();
    row.into_iter().map(shown).collect()
}
