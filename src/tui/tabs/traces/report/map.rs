//! The map of services: boxes with rate, errors and p95, and lines with the same between them.
//!
//! Callers stand left of what they call. Where it does not fit, and on a key, it is a table.

mod draw;
mod lay;

use crate::base::text;
use crate::base::units::format_nanoseconds;
use crate::model::trace_report::{
    Load, MapEdge, MapNode, NodeKind, ReportPart, ServiceMap, TracePick,
};
use crate::tui::keymap::Act;
use crate::tui::state::State;
use crate::tui::tabs::list;
use crate::tui::tabs::traces::report::{Open, answer, drill, moved, quoted};
use crate::tui::tabs::traces::{endpoints, shown_name};
use crate::tui::view as screen;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, paint as stroke};
use lay::Laid;
use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};

const COLUMNS: &[Column] = &[
    Column::left("FROM", 14, 0).growing(),
    Column::left("TO", 14, 0).growing(),
    Column::left("KIND", 9, 3),
    Column::right("REQUESTS", 9, 4),
    Column::right("/MIN", 7, 2),
    Column::right("ERR", 5, 0),
    Column::right("P95", 8, 1),
];

fn map(state: &State) -> Option<&ServiceMap> {
    answer(state)?.parts.iter().find_map(|p| match p {
        ReportPart::Map(map) => Some(map),
        _ => None,
    })
}

/// Minutes that rates are made with; `None` for single traces, which have none.
fn minutes(state: &State, open: &Open) -> Option<f64> {
    match &open.subject.of {
        TracePick::Found(query) => Some(endpoints::minutes(answer(state)?, (query.from, query.to))),
        TracePick::Ids(_) => None,
    }
}

/// `12/min 4% err 120 ms`; of single traces the number of calls.
fn words(load: Load, minutes: Option<f64>) -> String {
    let rate = match minutes.map(|m| load.requests as f64 / m) {
        Some(rate) if rate < 9.95 => format!("{rate:.1}/min"),
        Some(rate) => format!("{rate:.0}/min"),
        None => format!("{}x", load.requests),
    };
    let part = 100.0 * load.errors as f64 / load.requests.max(1) as f64;
    let errors = match load.errors {
        0 => String::new(),
        _ => format!(" {:.0}% err", part.max(1.0)),
    };
    format!("{rate}{errors} {}", format_nanoseconds(load.p95))
}

/// The drawing, where it has room.
fn laid(state: &State, area: Rect) -> Option<Laid> {
    let open = state.locals.traces.report.as_ref()?;
    if open.as_table {
        return None;
    }
    lay::lay(map(state)?, area)
}

fn inside(state: &State) -> Rect {
    screen::body(state).inner(Margin::new(1, 1))
}

pub(super) fn act(state: &mut State, act: Act) -> bool {
    let Some(map) = map(state) else {
        return false;
    };
    if act == Act::NextPane || act == Act::PrevPane {
        if let Some(open) = &mut state.locals.traces.report {
            open.as_table = !open.as_table;
            open.rows = list::Cursor::default();
        }
        return true;
    }
    let Some(drawn) = laid(state, graph(inside(state))) else {
        let count = map.edges.len();
        if act == Act::Open {
            let open = state.locals.traces.report.as_ref();
            let edge = open.and_then(|o| map.edges.get(o.rows.at(count)));
            let query =
                edge.map(|e| query(&map.nodes[e.to as usize], Some(&map.nodes[e.from as usize])));
            drill(state, query);
            return true;
        }
        return moved(state, act, count);
    };
    let order = drawn.order();
    let at = state
        .locals
        .traces
        .report
        .as_ref()
        .map_or(0, |o| o.rows.at(order.len()));
    let go = match act {
        Act::CursorLeft => drawn.beside(at, false),
        Act::CursorRight => drawn.beside(at, true),
        Act::Open => {
            let query = order.get(at).map(|i| query(&map.nodes[*i], None));
            drill(state, query);
            return true;
        }
        _ => return moved(state, act, order.len()),
    };
    if let (Some(open), Some(to)) = (&mut state.locals.traces.report, go) {
        open.rows.go(to);
    }
    true
}

/// The requests that a service took, or that went to what sends no spans.
fn query(node: &MapNode, from: Option<&MapNode>) -> String {
    let name = quoted(&node.name);
    match node.kind {
        NodeKind::User => "{ nestedSetParent = -1 }".to_owned(),
        NodeKind::Service => match from.filter(|f| f.kind == NodeKind::Service) {
            Some(from) => format!(
                "{{ resource.service.name = {} }} > {{ resource.service.name = {name} }}",
                quoted(&from.name)
            ),
            None => format!("{{ resource.service.name = {name} }}"),
        },
        NodeKind::Queue => format!(
            "{{ .messaging.destination.name = {name} || .messaging.destination = {name} || .messaging.system = {name} }}"
        ),
        NodeKind::Database | NodeKind::External => format!(
            "{{ .peer.service = {name} || .server.address = {name} || .network.peer.address = {name} || .db.name = {name} || .db.namespace = {name} || .db.system = {name} }}"
        ),
    }
}

/// The drawing's place above the line of keys.
fn graph(area: Rect) -> Rect {
    Rect {
        height: area.height.saturating_sub(1),
        ..area
    }
}

pub(super) fn paint(state: &State, open: &Open, look: &Look, (area, buf): (Rect, &mut Buffer)) {
    let Some(map) = map(state) else {
        return;
    };
    let minutes = minutes(state, open);
    let place = graph(area);
    let key = |act| state.keymap.label(act);
    let (pane, enter) = (key(Act::NextPane), key(Act::Open));
    let hint = if let Some(drawn) = laid(state, place) {
        let order = drawn.order();
        let chosen = order.get(open.rows.at(order.len())).copied();
        draw::paint(
            map,
            &drawn,
            chosen,
            (look, &|load| words(load, minutes)),
            buf,
        );
        let back = match drawn.back {
            0 => String::new(),
            1 => "  1 call back to a caller is in the table".to_owned(),
            n => format!("  {n} calls back to callers are in the table"),
        };
        format!("{pane}: as a table  {enter}: its requests{back}")
    } else {
        table(map, open, minutes, look, (place, buf));
        let why = if open.as_table {
            ""
        } else {
            "no room for the map: "
        };
        format!("{why}{pane}: as a map  {enter}: its requests")
    };
    let y = area.bottom().saturating_sub(1);
    stroke::put(buf, (area.x, y), area.right(), &hint, look.dim);
}

fn table(
    map: &ServiceMap,
    open: &Open,
    minutes: Option<f64>,
    look: &Look,
    (area, buf): (Rect, &mut Buffer),
) {
    let count = map.edges.len();
    let at = open.rows.at(count);
    let table = Table {
        columns: COLUMNS,
        rows: count,
        offset: list::offset(at, area.height.saturating_sub(1).into(), count),
        selected: Some(at),
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |i, column| {
        let (from, to, load) = ends(map, &map.edges[i]);
        match column {
            0 => Entry::new(shown_name(Some(&from.name), ""), look.text),
            1 => Entry::new(shown_name(Some(&to.name), ""), look.text),
            2 => Entry::new(to.kind.as_str(), look.dim),
            3 => Entry::new(load.requests.to_string(), look.dim),
            4 => Entry::new(
                minutes.map_or("-".to_owned(), |m| endpoints::rate(load.requests, m)),
                look.dim,
            ),
            5 => endpoints::errors(load.errors, load.requests, look),
            _ => Entry::new(format_nanoseconds(load.p95), look.text),
        }
    });
}

fn ends<'a>(map: &'a ServiceMap, edge: &MapEdge) -> (&'a MapNode, &'a MapNode, Load) {
    (
        &map.nodes[edge.from as usize],
        &map.nodes[edge.to as usize],
        edge.load,
    )
}

pub(super) fn csv(state: &State) -> String {
    let mut out = String::from("from,to,kind,requests,errors,p95_ns\r\n");
    let Some(map) = map(state) else {
        return out;
    };
    for edge in &map.edges {
        let (from, to, load) = ends(map, edge);
        out.push_str(&format!(
            "{},{},{},{},{},{}\r\n",
            list::csv(&text::display(&from.name)),
            list::csv(&text::display(&to.name)),
            to.kind.as_str(),
            load.requests,
            load.errors,
            load.p95
        ));
    }
    out
}
