//! From a span to its host and its container at its time, and from a container back.

use crate::tui::keymap::Act;
use crate::tui::overlay::{Item, Run};
use crate::tui::state::{Chosen, State};
use crate::tui::tabs::traces::{found, ms, report, waterfall};
use crate::tui::tabs::{by_name, containers};

/// Attributes of a resource that name its host.
const HOST: &[&str] = &["host.name", "k8s.node.name"];
/// Those that name its container, the surest first.
const CONTAINER: &[&str] = &["container.id", "container.name", "k8s.container.name"];
/// Digits of an identifier that engines show.
const SHORT: usize = 12;

/// The instance that a host's name stands for: `web1`, `web1:9100`.
fn instance(state: &State, host: &str) -> Option<String> {
    let is_it = |i: &String| i == host || i.strip_prefix(host).is_some_and(|r| r.starts_with(':'));
    state.instances().into_iter().find(is_it)
}

/// The time that is spoken of: the chosen span's, else the chosen request's.
fn at(state: &State) -> Option<i64> {
    let local = &state.locals.traces;
    if local.open.is_some() {
        return waterfall::begun(state).map(ms);
    }
    let hits = found(state);
    hits.get(local.list.at(hits.len())).map(|h| ms(h.start))
}

/// True where the action was one of these links.
pub(super) fn follow(state: &mut State, act: Act) -> bool {
    match act {
        Act::HostOfSpan => to_host(state),
        Act::ContainerOfSpan => to_container(state),
        _ => return false,
    }
    true
}

fn to_host(state: &mut State) {
    let Some(at) = at(state) else {
        state.toast("no span is chosen", false);
        return;
    };
    if let Some(host) = waterfall::resource(state, HOST) {
        if let Some(known) = instance(state, &host) {
            state.chosen_instance = Some(Chosen::One(known));
        } else {
            let said = format!(
                "no numbers of {host} are collected here; this is the server of this engine"
            );
            state.toast(said, false);
        }
    }
    if let Some(tab) = by_name("Host") {
        state.tab = tab;
        let now = state.now;
        state.time.go_to(at, now);
    }
}

fn to_container(state: &mut State) {
    let found = waterfall::resource(state, CONTAINER).zip(at(state));
    let Some((container, at)) = found else {
        let said = "the span names no container (container.id, container.name); open a trace and choose one that does";
        state.toast(said, false);
        return;
    };
    containers::show(state, &short(&container));
    let now = state.now;
    state.time.go_to(at, now);
}

/// As engines show identifiers; names stay whole.
fn short(container: &str) -> String {
    let is_id = container.len() > SHORT && container.bytes().all(|b| b.is_ascii_hexdigit());
    let end = if is_id { SHORT } else { container.len() };
    container[..end].to_owned()
}

/// The requests with spans from a container, by identifier or name.
pub(crate) fn query_of_container(id: &str, name: &str) -> String {
    let id = id.rsplit(['/', '-']).next().unwrap_or(id);
    let id = id.strip_suffix(".scope").unwrap_or(id);
    let name = report::quoted(name);
    let by_name =
        format!("resource.container.name = {name} || resource.k8s.container.name = {name}");
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return format!("{{ {by_name} }}");
    }
    format!(
        "{{ resource.container.id =~ \"{}.*\" || {by_name} }}",
        short(id)
    )
}

pub(super) fn menu(state: &State) -> Vec<Item> {
    if state.locals.traces.open.is_none() || state.locals.traces.report.is_some() {
        return Vec::new();
    }
    let mut items = Vec::new();
    let host = waterfall::resource(state, HOST);
    let container = waterfall::resource(state, CONTAINER);
    let links = [
        (
            Act::HostOfSpan,
            "CPU and memory of its host at its time",
            host,
        ),
        (Act::ContainerOfSpan, "its container at its time", container),
    ];
    for (act, what, whose) in links {
        let why_not = whose.is_none().then(|| "the span names none".to_owned());
        let whose = whose.map(|w| crate::base::text::display(&w).into_owned());
        let keys = state.keymap.label(act);
        let item = Item::new(what, whose.unwrap_or_default(), Run::Act(act)).keys(keys);
        items.push(item.unless(why_not.filter(|_| act == Act::ContainerOfSpan)));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::syntax::check_traceql;

    #[test]
    fn a_container_is_found_by_identifier_or_name() {
        let long = "ab".repeat(32);
        assert_eq!(short(&long), "abababababab");
        assert_eq!(short("shop-web"), "shop-web");
        for (id, wanted) in [
            (format!("/docker/{long}"), "\"abababababab.*\""),
            (
                format!("/system.slice/docker-{long}.scope"),
                "\"abababababab.*\"",
            ),
            (String::new(), "container.name = \"web \\\"1\\\"\""),
        ] {
            let query = query_of_container(&id, "web \"1\"");
            assert!(query.contains(wanted), "{query}");
            assert!(check_traceql(&query).is_ok(), "{query}");
        }
    }
}
