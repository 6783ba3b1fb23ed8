//! Colours and symbols: what a role of the screen looks like on this terminal.
//!
//! Themes are files in `themes/`, one role a line, built in. A colour is written once as RGB and
//! brought to what the terminal shows: RGB, the 256 indexed colours, the 16, or none. Status is
//! never told by hue alone: a word or a mark stands beside it.

use crate::tui::terminal::Environment;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// Name and text of the themes that are built in; the first is the default.
pub(crate) const THEMES: &[(&str, &str)] = &[
    ("dark", include_str!("../../themes/dark.yaml")),
    ("light", include_str!("../../themes/light.yaml")),
    (
        "colour-blind",
        include_str!("../../themes/colour-blind.yaml"),
    ),
    ("mono", include_str!("../../themes/mono.yaml")),
];

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    Mono,
    Ansi16,
    Indexed,
    Rgb,
}

/// Which characters the terminal shows one column wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymbolSet {
    #[default]
    Unicode,
    /// Box lines and arrows would take two columns here; braille does not.
    Narrow,
    Ascii,
}

#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    pub(crate) set: SymbolSet,
    pub(crate) border: border::Set<'static>,
    pub(crate) ellipsis: &'static str,
    pub(crate) left: &'static str,
    pub(crate) horizontal: &'static str,
    pub(crate) pause: &'static str,
    pub(crate) check: &'static str,
    pub(crate) cross: &'static str,
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

impl Symbols {
    pub(crate) fn new(set: SymbolSet) -> Self {
        if set == SymbolSet::Unicode {
            return Self {
                set,
                border: border::ROUNDED,
                ellipsis: "…",
                left: "◂",
                horizontal: "─",
                pause: "⏸",
                check: "✓",
                cross: "✗",
            };
        }
        Self {
            set,
            border: ASCII_BORDER,
            ellipsis: "~",
            left: "<",
            horizontal: "-",
            pause: "||",
            check: "ok",
            cross: "x",
        }
    }
}

/// What every role of the screen looks like.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    pub(crate) depth: Depth,
    pub(crate) symbols: Symbols,
    /// The line is slow: charts send little.
    pub(crate) sparse: bool,
    /// Ordinary text.
    pub(crate) text: Style,
    /// What matters less: units, hints, old values.
    pub(crate) dim: Style,
    pub(crate) border: Style,
    /// The border and title of what has the keys.
    pub(crate) focus: Style,
    pub(crate) title: Style,
    /// A key in a hint.
    pub(crate) key: Style,
    pub(crate) accent: Style,
    pub(crate) good: Style,
    pub(crate) warn: Style,
    pub(crate) bad: Style,
    /// The chosen row of a list.
    pub(crate) selected: Style,
    /// The time cursor in a chart.
    pub(crate) cursor: Style,
    pub(crate) header: Style,
    /// The open tab.
    pub(crate) tab: Style,
    /// "This is not now".
    pub(crate) banner: Style,
    pub(crate) input: Style,
    series: Vec<Style>,
}

impl Theme {
    /// A built-in theme brought to `depth`; an unknown name is the default. Without colours it is
    /// always `mono`, whose weights carry what hues cannot.
    pub(crate) fn new(name: &str, depth: Depth, set: SymbolSet) -> Self {
        let name = if depth == Depth::Mono { "mono" } else { name };
        let (name, text) = THEMES
            .iter()
            .find(|(n, _)| *n == name)
            .copied()
            .unwrap_or(THEMES[0]);
        let role = |wanted: &str| style_of(lookup(text, wanted), depth);
        Self {
            name,
            depth,
            symbols: Symbols::new(set),
            sparse: false,
            text: role("text"),
            dim: role("dim"),
            border: role("border"),
            focus: role("focus"),
            title: role("title"),
            key: role("key"),
            accent: role("accent"),
            good: role("good"),
            warn: role("warn"),
            bad: role("bad"),
            selected: role("selected"),
            cursor: role("cursor"),
            header: role("header"),
            tab: role("tab"),
            banner: role("banner"),
            input: role("input"),
            series: lookup(text, "series")
                .split_whitespace()
                .map(|colour| style_of(colour, depth))
                .collect(),
        }
    }

    /// The colour of the n-th line of a chart.
    pub(crate) fn series(&self, n: usize) -> Style {
        match self.series.len() {
            0 => self.text,
            len => self.series[n % len],
        }
    }
}

fn lookup<'a>(text: &'a str, role: &str) -> &'a str {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == role)
        .map_or("", |(_, value)| value.trim().trim_matches('"'))
}

/// `[colour] [on colour] [modifier ...]`; unknown words change nothing (a test refuses them).
fn style_of(text: &str, depth: Depth) -> Style {
    let mut style = Style::new();
    let mut background = false;
    for word in text.split_whitespace() {
        match (word, modifier(word)) {
            ("on", _) => background = true,
            ("default", _) => {}
            (_, Some(modifier)) => style = style.add_modifier(modifier),
            (word, None) => {
                if let Some(colour) = rgb(word).and_then(|c| reduce(c, depth)) {
                    style = if background {
                        style.bg(colour)
                    } else {
                        style.fg(colour)
                    };
                }
            }
        }
    }
    style
}

fn modifier(word: &str) -> Option<Modifier> {
    Some(match word {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underline" => Modifier::UNDERLINED,
        "reverse" => Modifier::REVERSED,
        _ => return None,
    })
}

fn rgb(word: &str) -> Option<(u8, u8, u8)> {
    let hex = word.strip_prefix('#').filter(|h| h.len() == 6)?;
    let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    Some((part(0)?, part(2)?, part(4)?))
}

fn reduce(colour: (u8, u8, u8), depth: Depth) -> Option<Color> {
    match depth {
        Depth::Mono => None,
        Depth::Rgb => Some(Color::Rgb(colour.0, colour.1, colour.2)),
        Depth::Indexed => Some(Color::Indexed(nearest(colour, 16..=255))),
        Depth::Ansi16 => Some(Color::Indexed(nearest(colour, 0..=15))),
    }
}

fn nearest(colour: (u8, u8, u8), among: std::ops::RangeInclusive<u8>) -> u8 {
    let far = |a: u8, b: u8| (i32::from(a) - i32::from(b)).pow(2);
    let distance = |index: &u8| {
        let (r, g, b) = palette(*index);
        2 * far(r, colour.0) + 4 * far(g, colour.1) + 3 * far(b, colour.2)
    };
    among.min_by_key(distance).unwrap_or(7)
}

/// xterm's palette: 16 named colours, a 6x6x6 cube, 24 greys.
fn palette(index: u8) -> (u8, u8, u8) {
    const NAMED: [(u8, u8, u8); 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    let level = |n: u8| if n == 0 { 0 } else { 55 + n * 40 };
    match index {
        0..=15 => NAMED[usize::from(index)],
        16..=231 => {
            let n = index - 16;
            (level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        232..=255 => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

/// What this terminal most likely shows. COLORTERM does not cross ssh, so 256 is the default.
pub(crate) fn detect_depth(env: &Environment) -> Depth {
    let term = env.term.as_str();
    let rgb_terms = [
        "xterm-kitty",
        "xterm-ghostty",
        "alacritty",
        "foot",
        "wezterm",
    ];
    if env.no_color || matches!(term, "dumb" | "vt100" | "vt220") {
        Depth::Mono
    } else if term.starts_with("linux") {
        Depth::Ansi16
    } else if term.starts_with("screen") || term.starts_with("tmux") {
        Depth::Indexed // GNU screen drops 38;2
    } else if matches!(env.colorterm.as_str(), "truecolor" | "24bit")
        || term.ends_with("-direct")
        || term.ends_with("truecolor")
        || rgb_terms.contains(&term)
    {
        Depth::Rgb
    } else {
        Depth::Indexed
    }
}

/// `light` where the terminal says that its background is: COLORFGBG ends in the number of a
/// colour, of which 7 and the bright ones but grey are light.
pub(crate) fn detect_theme(env: &Environment) -> &'static str {
    let background = env.colorfgbg.rsplit(';').next();
    match background.and_then(|n| n.trim().parse::<u8>().ok()) {
        Some(7 | 9..=15) => "light",
        _ => "dark",
    }
}

/// Which characters to begin with; a terminal that draws lines two columns wide is found later.
pub(crate) fn detect_symbols(env: &Environment) -> SymbolSet {
    if env.term.starts_with("linux") || env.term == "dumb" || !env.utf8 {
        SymbolSet::Ascii
    } else {
        SymbolSet::Unicode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_says_every_role_in_words_that_are_known() {
        let roles = [
            "text", "dim", "border", "focus", "title", "key", "accent", "good", "warn", "bad",
            "selected", "cursor", "header", "tab", "banner", "input", "series",
        ];
        for (name, text) in THEMES {
            assert_eq!(lookup(text, "name"), *name);
            assert!(!lookup(text, "about").is_empty());
            for role in roles {
                let value = lookup(text, role);
                assert!(!value.is_empty(), "{name}: {role}");
                for word in value.split_whitespace() {
                    let known = ["on", "default"].contains(&word);
                    assert!(
                        known || modifier(word).is_some() || rgb(word).is_some(),
                        "{name}: {role}: {word}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_configuration_knows_every_theme() {
        let names: Vec<&str> = THEMES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, crate::config::ui::THEMES);
    }

    #[test]
    fn colours_come_down_to_what_is_there() {
        assert_eq!(
            reduce((255, 255, 255), Depth::Ansi16),
            Some(Color::Indexed(15))
        );
        assert_eq!(
            reduce((95, 175, 255), Depth::Indexed),
            Some(Color::Indexed(75))
        );
        assert_eq!(reduce((1, 2, 3), Depth::Mono), None);
        let mono = Theme::new("dark", Depth::Mono, SymbolSet::Ascii);
        assert_eq!(mono.name, "mono");
        assert_eq!((mono.bad.fg, mono.selected.bg), (None, None));
    }

    #[test]
    fn the_environment_decides_between_light_and_dark() {
        let theme = |colorfgbg: &str| {
            detect_theme(&Environment {
                colorfgbg: colorfgbg.into(),
                ..Environment::default()
            })
        };
        for light in ["0;15", "0;default;15", "0;7", "12;11"] {
            assert_eq!(theme(light), "light", "{light}");
        }
        for dark in ["", "15;0", "7;8", "15;default;0", "15;default", "0;255"] {
            assert_eq!(theme(dark), "dark", "{dark}");
        }
    }

    #[test]
    fn the_environment_decides_the_depth() {
        let env = |term: &str, colorterm: &str, no_color: bool| {
            detect_depth(&Environment {
                term: term.into(),
                colorterm: colorterm.into(),
                no_color,
                ..Environment::default()
            })
        };
        assert_eq!(env("xterm", "", false), Depth::Indexed);
        assert_eq!(env("xterm-256color", "truecolor", false), Depth::Rgb);
        assert_eq!(env("xterm-256color", "truecolor", true), Depth::Mono);
        assert_eq!(env("screen-256color", "truecolor", false), Depth::Indexed);
        assert_eq!(env("linux", "", false), Depth::Ansi16);
        assert_eq!(env("xterm-kitty", "", false), Depth::Rgb);
    }
}
