//! What can be done with the chosen container, each with the command that does the same.

use crate::model::action::{Action, ContainerOrder};
use crate::model::view::ContainerRow;
use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Run};
use crate::tui::state::State;

/// Where the command lines look by themselves.
const USUAL: [(&str, &str); 2] = [
    ("docker", "unix:///var/run/docker.sock"),
    ("podman", "unix:///run/podman/podman.sock"),
];

/// The words before the verb: the program, and where its engine is if not in the usual place. None
/// where no engine tells of the container.
fn program(row: &ContainerRow) -> Option<Vec<String>> {
    let (name, usual) = USUAL.iter().find(|(name, _)| *name == row.engine)?;
    if row.address.is_empty() {
        return None;
    }
    let mut words = vec![(*name).to_owned()];
    if row.address != *usual {
        let flag = if *name == "docker" { "-H" } else { "--url" };
        words.extend([flag.to_owned(), row.address.clone()]);
    }
    Some(words)
}

/// As it can be typed: a name that a shell would read otherwise gives way to the id.
fn target(row: &ContainerRow) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if row.name.is_empty() || row.name.starts_with('-') || !row.name.chars().all(plain) {
        row.id.get(..12).unwrap_or(&row.id)
    } else {
        &row.name
    }
}

/// `docker stop shop-web-1`.
pub(super) fn command(row: &ContainerRow, verb: &str) -> Option<String> {
    let program = program(row)?.join(" ");
    let target = target(row);
    // `docker logs -f NAME`, and `docker top NAME`: the name stands last.
    Some(format!("{program} {verb} {target}"))
}

/// The program that gives a shell inside: bash where there is one.
pub(super) fn shell(row: &ContainerRow) -> Option<Vec<String>> {
    let mut words = program(row)?;
    words.extend(
        [
            "exec",
            "-it",
            target(row),
            "sh",
            "-c",
            "command -v bash >/dev/null 2>&1 && exec bash || exec sh",
        ]
        .map(str::to_owned),
    );
    Some(words)
}

/// Why nothing can be done with it now.
pub(super) fn why_not(state: &State, row: &ContainerRow) -> Option<String> {
    if state.options.read_only {
        Some("this console is read-only (--read-only)".to_owned())
    } else if !state.time.is_live() {
        Some("the screen shows the past; 0 is now".to_owned())
    } else if program(row).is_none() {
        Some("no engine tells of it: only its cgroup is seen".to_owned())
    } else {
        None
    }
}

pub(super) fn menu(state: &State, row: &ContainerRow) -> Vec<Item> {
    use ContainerOrder::{Kill, Pause, Restart, Start, Stop, Unpause};
    let orders: &[(ContainerOrder, &str)] = match row.state.as_str() {
        "running" => &[
            (Stop, "Stop"),
            (Restart, "Restart"),
            (Pause, "Pause"),
            (Kill, "Kill"),
        ],
        "paused" => &[(Unpause, "Let go on"), (Kill, "Kill")],
        "restarting" => &[(Stop, "Stop"), (Kill, "Kill")],
        _ => &[(Start, "Start")],
    };
    let refused = why_not(state, row);
    let name = crate::base::text::display(&row.name).into_owned();
    let item = |(order, label): &(ContainerOrder, &str)| {
        let typed = command(row, order.word()).unwrap_or_default();
        let run = Run::Order {
            action: Action::Container {
                id: row.id.clone(),
                order: *order,
            },
            confirm: Some(format!("{label}: {name}?")),
        };
        Item::new(format!("{label} {name}"), typed, run).unless(refused.clone())
    };
    let mut items: Vec<Item> = orders.iter().map(item).collect();
    if row.state == "running" {
        let typed = shell(row).unwrap_or_default();
        let typed = typed.split_last().map_or(String::new(), |(_, front)| {
            front[..front.len().saturating_sub(1)].join(" ")
        });
        let shell = Item::new(format!("Shell in {name}"), typed, Run::Act(Act::Shell));
        items.push(
            shell
                .keys(state.keymap.label(Act::Shell))
                .unless(refused.clone()),
        );
    }
    for verb in ["logs -f --tail 500", "inspect", "stats", "top"] {
        if let Some(typed) = command(row, verb) {
            let label = format!("Copy: {typed}");
            items.push(Item::new(label, "to the clipboard", Run::Copy(typed)));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, engine: &str, address: &str) -> ContainerRow {
        ContainerRow {
            id: "0123456789abcdef".repeat(4),
            name: name.to_owned(),
            engine: engine.to_owned(),
            address: address.to_owned(),
            ..ContainerRow::default()
        }
    }

    #[test]
    fn commands_can_be_typed_as_they_are() {
        for (name, engine, address, want) in [
            (
                "web",
                "docker",
                "unix:///var/run/docker.sock",
                Some("docker stop web"),
            ),
            (
                "web",
                "docker",
                "tcp://h:2375",
                Some("docker -H tcp://h:2375 stop web"),
            ),
            (
                "web",
                "podman",
                "unix:///run/user/7/podman/podman.sock",
                Some("podman --url unix:///run/user/7/podman/podman.sock stop web"),
            ),
            (
                "a;reboot",
                "podman",
                "unix:///run/podman/podman.sock",
                Some("podman stop 0123456789ab"),
            ),
            (
                "--all",
                "podman",
                "unix:///run/podman/podman.sock",
                Some("podman stop 0123456789ab"),
            ),
            ("web", "containerd", "", None),
            ("web", "docker", "", None),
        ] {
            assert_eq!(
                command(&row(name, engine, address), "stop").as_deref(),
                want
            );
        }
        let shell = shell(&row("web", "docker", "unix:///var/run/docker.sock")).unwrap();
        assert_eq!(shell[..4], ["docker", "exec", "-it", "web"]);
    }
}
