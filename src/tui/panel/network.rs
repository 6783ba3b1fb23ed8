//! Panel `network`: bits received and sent, and what goes wrong on the way.

use crate::model::request::Request;
use crate::tui::panel::plot::{self, Place};
use crate::tui::panel::{Ask, Headline, Panel, Shown, Size, per_second_now};
use crate::tui::theme::Theme;
use crate::tui::widget::Look;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::unit::Unit;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub(crate) const PANEL: Panel = Panel {
    name: "network",
    title: "Network",
    help: "bits received and sent a second, errors and drops",
    opens: "Host",
    size: Size::one(6, 3),
    requests,
    headline,
    view,
};

/// All but what repeats the traffic of another interface, or never leaves the machine: bonds, teams
/// and bridges are counted by their members, VLANs and tunnels by what carries them.
pub(crate) const OUTWARD: &str = "device!~\"lo|(veth|docker|br|vmbr|virbr|lxc|lxdbr|cni|flannel|cali|kube-|vxlan|vnet|tun|tap|wg|tailscale|dummy|ifb|bond|team|vlan).*|.+[.][0-9]+\"";

fn requests(ask: &Ask<'_>) -> Vec<Request> {
    let of = |name: &str| format!("node_network_{name}_total{}", ask.only(OUTWARD));
    let by = if ask.instance.is_some() {
        ""
    } else {
        " by (instance)"
    };
    let range = |name: &str| ask.range(format!("sum{by} ({}) * 8", ask.per_second(&of(name))));
    let now = |name: &str| ask.instant(plot::each_device(&per_second_now(&of(name))));
    vec![
        range("receive_bytes"),
        range("transmit_bytes"),
        now("receive_bytes"),
        now("transmit_bytes"),
        now("receive_errs"),
        now("receive_drop"),
    ]
}

fn headline(shown: &Shown<'_>) -> Headline {
    let sum = |part| shown.vector(part).iter().map(|p| p.sample.v).sum::<f64>();
    if shown.vector(2).is_empty() {
        return Headline::default();
    }
    let show = |v: f64| Unit::BitsPerSecond.show(v * 8.0);
    let mut text = format!("in {}  out {}", show(sum(2)), show(sum(3)));
    let errors = sum(4);
    if errors > 0.0 {
        text = format!("{text}  {} errors", Unit::PerSecond.show(errors));
    }
    Headline::at(text, errors, f64::MIN_POSITIVE, f64::INFINITY)
}

fn view(shown: &Shown<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let look = &Look::of(theme);
    if plot::nothing(shown, 0, 2) {
        let why = format!("No network interfaces of {} are counted.", shown.whose());
        return plot::empty(shown, 2, &why, plot::OTHER_TIME, Place { area, buf, look });
    }
    let rows = shown.vector(2).len();
    let with_table = area.height >= 10 && rows > 1 && !shown.chart_only;
    let table = if with_table {
        (rows as u16 + 1).min(area.height / 3)
    } else {
        0
    };
    let place = Place { area, buf, look };
    let names = ["in", "out"];
    let below = plot::two_ways(shown, Unit::BitsPerSecond, names, 0, (table, place));
    interfaces(shown, below, buf, look);
}

const COLUMNS: &[Column] = &[
    Column::left("INTERFACE", 9, 0).growing(),
    Column::right("IN", 10, 0),
    Column::right("OUT", 10, 0),
    Column::right("DROPS", 8, 1),
];

fn interfaces(shown: &Shown<'_>, area: Rect, buf: &mut Buffer, look: &Look) {
    let mut rows: Vec<_> = shown.vector(2).iter().collect();
    rows.sort_by(|a, b| {
        b.sample
            .v
            .total_cmp(&a.sample.v)
            .then_with(|| a.labels.cmp(&b.labels))
    });
    let table = Table {
        columns: COLUMNS,
        rows: rows.len(),
        offset: 0,
        selected: None,
        sort: None,
        header: true,
    };
    table.paint(buf, area, look, |row, column| {
        let p = rows[row];
        let of = |part: usize| {
            let found = shown
                .vector(part)
                .iter()
                .find(|other| other.labels == p.labels);
            found.map(|p| p.sample.v)
        };
        let bits = |v: Option<f64>| v.map_or("-".to_owned(), |v| Unit::BitsPerSecond.show(v * 8.0));
        match column {
            0 => Entry::new(plot::device(shown, &p.labels), look.text),
            1 => Entry::new(bits(Some(p.sample.v)), look.dim),
            2 => Entry::new(bits(of(3)), look.dim),
            _ => {
                let drops = of(5).unwrap_or(0.0);
                let style = if drops > 0.0 { look.warn } else { look.dim };
                Entry::new(Unit::PerSecond.show(drops), style)
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::OUTWARD;
    use crate::base::regex::Regex;

    #[test]
    fn traffic_is_counted_once() {
        let pattern = OUTWARD.trim_start_matches("device!~").trim_matches('"');
        let left_out = Regex::anchored(pattern).unwrap();
        for device in ["eth0", "enp3s0", "wlan0", "ens18", "eno1np0", "ib0", "ppp0"] {
            assert!(!left_out.is_match(device), "{device} carries traffic");
        }
        for device in [
            "lo",
            "bond0",
            "br0",
            "br-1f2e",
            "eth0.100",
            "team0",
            "vlan7",
            "veth1@if2",
            "docker0",
            "wg0",
            "tun0",
            "tap3",
            "vnet1",
        ] {
            assert!(left_out.is_match(device), "{device} repeats it");
        }
    }
}
