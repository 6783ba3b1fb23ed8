//! `ui`: the console.

pub(crate) mod keys;

use crate::config::check::Check;
use crate::config::fields::Fields;
use crate::config::shape::{Section, Shape, key};
use crate::model::alert::Language;

/// Every theme's name; a test of the console holds them equal to its own.
pub(crate) const THEMES: &[&str] = &["dark", "light", "colour-blind", "mono"];

/// Every panel's name but those of `ui.panels`; a test of the console holds them equal to its own.
pub(crate) const PANELS: &[&str] = &[
    "cpu",
    "memory",
    "network",
    "filesystems",
    "jvm",
    "containers",
    "logs",
    "traces",
    "processes",
    "disks",
    "load",
    "alerts",
    "targets",
    "blind",
];

pub(crate) static UI: Section = Section {
    name: "ui",
    keys: &[&[
        key(
            "theme",
            Shape::Word(THEMES),
            "",
            "A theme of the palette (`:theme`): dark, light, colour-blind, mono; unless said dark, or light where COLORFGBG tells of a light terminal.",
        ),
        key(
            "colors",
            Shape::Word(&["auto", "true", "256", "16", "mono"]),
            "auto",
            "How many colours are used; auto asks the environment.",
        ),
        key(
            "symbols",
            Shape::Word(&["auto", "unicode", "ascii"]),
            "auto",
            "Lines and dots for charts, or plain letters for terminals without them.",
        ),
        key(
            "keys",
            Shape::Texts,
            "",
            "Other keys for actions, by the action's name in the help: {quit: Q}.",
        ),
        key(
            "overview",
            Shape::List(&Shape::Either(&Shape::Text, &TILE)),
            "",
            "The Overview's panels in order: a name, or {panel, width, height} in grid cells.",
        ),
        key(
            "panels",
            Shape::List(&Shape::Section(&PANEL)),
            "",
            "Own panels of the Overview, each from one query.",
        ),
        key(
            "time_zone",
            Shape::Text,
            "local",
            "local is the server's zone; or UTC.",
        ),
        key(
            "on_hangup",
            Shape::Word(&["stop", "detach"]),
            "stop",
            "What a lost line does to an engine inside the console: stop it cleanly, or go on as `serve`.",
        ),
        key(
            "synchronised_output",
            Shape::Bool,
            "true",
            "Frames the terminal shows at once and whole (mode 2026); off for one that garbles them.",
        ),
        key(
            "read_only",
            Shape::Bool,
            "false",
            "Refuses every action that changes something.",
        ),
        key(
            "last_screen",
            Shape::Bool,
            "false",
            "Prints the last screen on leaving.",
        ),
    ]],
};

pub(crate) static TILE: Section = Section {
    name: "ui.overview",
    keys: &[&[
        key(
            "panel",
            Shape::Text,
            "",
            "The panel's name, or the title of one of ui.panels.",
        ),
        key("width", Shape::Int(1, 12), "1", "Columns of the grid."),
        key("height", Shape::Int(1, 12), "1", "Rows of the grid."),
    ]],
};

pub(crate) static PANEL: Section = Section {
    name: "ui.panels",
    keys: &[&[
        key("title", Shape::Text, "", "What stands above it."),
        key("expr", Shape::Text, "", "The PromQL query."),
        key(
            "legend",
            Shape::Text,
            "",
            "How a series is named, labels filled in: {{instance}}.",
        ),
        key(
            "kind",
            Shape::Word(&["chart", "stat", "table"]),
            "chart",
            "A chart over time, the last value large, or a table.",
        ),
        key(
            "unit",
            Shape::Word(&[
                "",
                "percent",
                "ratio",
                "bytes",
                "bytes_per_second",
                "seconds",
                "count",
                "per_second",
            ]),
            "",
            "How numbers are written.",
        ),
        key(
            "thresholds",
            Shape::Section(&THRESHOLDS),
            "",
            "Where a value turns to a warning or is critical.",
        ),
    ]],
};

pub(crate) static THRESHOLDS: Section = Section {
    name: "ui.panels.thresholds",
    keys: &[&[
        key("warning", Shape::Float, "", "From here on a warning."),
        key(
            "critical",
            Shape::Float,
            "",
            "From here on critical; below `warning` it means that small is bad.",
        ),
    ]],
};

#[derive(Clone, Debug, PartialEq)]
pub struct Ui {
    /// `None` where the file leaves it to what the terminal says of itself.
    pub theme: Option<String>,
    pub colors: Colors,
    pub symbols: Symbols,
    /// Action to key, as written; the console knows which actions there are.
    pub keys: Vec<(String, String)>,
    /// Empty: the console's own order.
    pub overview: Vec<Tile>,
    pub panels: Vec<Panel>,
    pub time_zone: TimeZone,
    pub on_hangup: OnHangup,
    pub synchronised_output: bool,
    pub read_only: bool,
    pub last_screen: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colors {
    #[default]
    Auto,
    True,
    Indexed,
    Sixteen,
    Mono,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    #[default]
    Auto,
    Unicode,
    Ascii,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeZone {
    #[default]
    Local,
    Utc,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnHangup {
    #[default]
    Stop,
    Detach,
}

/// One panel's place in the Overview's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub panel: String,
    pub width: u8,
    pub height: u8,
}

/// A panel of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub title: String,
    pub expr: String,
    pub legend: String,
    pub kind: PanelKind,
    pub unit: String,
    pub warning: Option<f64>,
    pub critical: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanelKind {
    #[default]
    Chart,
    Stat,
    Table,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: None,
            colors: Colors::default(),
            symbols: Symbols::default(),
            keys: Vec::new(),
            overview: Vec::new(),
            panels: Vec::new(),
            time_zone: TimeZone::default(),
            on_hangup: OnHangup::default(),
            synchronised_output: true,
            read_only: false,
            last_screen: false,
        }
    }
}

pub(crate) fn read(of: Fields<'_>, check: &mut Check<'_>) -> Ui {
    let default = Ui::default();
    let keys = of.pairs("keys");
    keys::check(&keys, check);
    let panels = read_panels(of, check);
    let zone = of.text("time_zone").unwrap_or_default();
    let time_zone = read_time_zone(zone).unwrap_or_else(|| {
        let text = format!("{zone:?} is not a time zone here; write local or UTC");
        check.report.error(of.value_place("time_zone"), text);
        TimeZone::Local
    });
    Ui {
        theme: of.string("theme").filter(|t| !t.is_empty()),
        colors: match of.text("colors") {
            Some("true") => Colors::True,
            Some("256") => Colors::Indexed,
            Some("16") => Colors::Sixteen,
            Some("mono") => Colors::Mono,
            _ => Colors::Auto,
        },
        symbols: match of.text("symbols") {
            Some("unicode") => Symbols::Unicode,
            Some("ascii") => Symbols::Ascii,
            _ => Symbols::Auto,
        },
        keys: keys
            .into_iter()
            .map(|(a, k, _)| (a.to_owned(), k.to_owned()))
            .collect(),
        overview: read_overview(of, &panels, check),
        panels,
        time_zone,
        on_hangup: match of.text("on_hangup") {
            Some("detach") => OnHangup::Detach,
            _ => OnHangup::Stop,
        },
        synchronised_output: of
            .bool("synchronised_output")
            .unwrap_or(default.synchronised_output),
        read_only: of.bool("read_only").unwrap_or(default.read_only),
        last_screen: of.bool("last_screen").unwrap_or(default.last_screen),
    }
}

fn read_time_zone(text: &str) -> Option<TimeZone> {
    match text {
        "" | "local" | "Local" => Some(TimeZone::Local),
        "UTC" | "utc" | "Z" => Some(TimeZone::Utc),
        _ => None,
    }
}

fn read_overview(of: Fields<'_>, own: &[Panel], check: &mut Check<'_>) -> Vec<Tile> {
    let own = own.iter().map(|p| p.title.as_str());
    let known: Vec<&str> = PANELS.iter().copied().chain(own).collect();
    let mut tiles = Vec::new();
    for node in of.items("overview") {
        let mut tile = Tile {
            panel: node.text().unwrap_or_default().to_owned(),
            width: 1,
            height: 1,
        };
        let mut place = node.place;
        if node.text().is_none() {
            let of = Fields::new(node, &TILE);
            let cells = |key: &str| of.int(key).and_then(|n| u8::try_from(n).ok());
            check.require(of, &["panel"]);
            place = of.value_place("panel");
            tile.panel = of.string("panel").unwrap_or_default();
            tile.width = cells("width").unwrap_or(1);
            tile.height = cells("height").unwrap_or(1);
        }
        if !tile.panel.is_empty() {
            check.word(&tile.panel, place, &known);
        }
        tiles.push(tile);
    }
    tiles
}

/// Each asks one or two queries at every refresh.
const MOST_PANELS: usize = 50;

fn read_panels(of: Fields<'_>, check: &mut Check<'_>) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    let count = of.items("panels").len();
    if count > MOST_PANELS {
        let text = format!("{count} panels; {MOST_PANELS} are the most, each asks the store anew");
        check.report.error(of.value_place("panels"), text);
    }
    for of in of.sections("panels", &PANEL) {
        check.require(of, &["title", "expr"]);
        check.query(of, "expr", Language::PromQl);
        let title = of.string("title").unwrap_or_default();
        if panels.iter().any(|p| p.title == title) {
            let text = format!("another panel is called {title:?}");
            check.report.error(of.value_place("title"), text);
        }
        let thresholds = of.section("thresholds", &THRESHOLDS);
        panels.push(Panel {
            title,
            expr: of.string("expr").unwrap_or_default(),
            legend: of.string("legend").unwrap_or_default(),
            kind: match of.text("kind") {
                Some("stat") => PanelKind::Stat,
                Some("table") => PanelKind::Table,
                _ => PanelKind::Chart,
            },
            unit: of.string("unit").unwrap_or_default(),
            warning: thresholds.and_then(|t| t.float("warning")),
            critical: thresholds.and_then(|t| t.float("critical")),
        });
    }
    panels
}
