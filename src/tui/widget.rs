//! Widgets: pure functions from plain values to a part of the screen.
//!
//! A widget takes its data, a [`Look`] and a `Rect`, and paints; it holds nothing, asks nothing and
//! reads no clock. Colour never stands alone: where it carries meaning, a letter, a shape or a
//! line's pattern says the same. Start with [`chart`]; [`paint`] holds the strokes all share.

pub(crate) mod axis;
pub(crate) mod big;
pub(crate) mod chart;
pub(crate) mod frame;
pub(crate) mod gauge;
pub(crate) mod paint;
pub(crate) mod scrollbar;
pub(crate) mod sparkline;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod unit;

#[cfg(test)]
mod tests;

use crate::tui::theme::{Depth, SymbolSet, Theme};
#[cfg(test)]
use ratatui::style::Modifier;
use ratatui::style::Style;

/// With which characters curves and frames are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbols {
    /// Two by four dots in a cell; one column wide in every terminal.
    Braille,
    /// Half and eighth blocks.
    Block,
    /// One dot in a cell: little to send over a slow line.
    Dot,
    /// Nothing beyond ASCII.
    Ascii,
}

impl Symbols {
    pub(crate) fn is_ascii(self) -> bool {
        self == Self::Ascii
    }

    /// What stands for text that was cut.
    pub(crate) fn ellipsis(self) -> &'static str {
        if self.is_ascii() { "~" } else { "…" }
    }
}

/// The styles and characters a widget paints with: a theme, made ready for one frame.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) symbols: Symbols,
    /// False where box lines, blocks and arrows may not be used, as they take two columns.
    pub(crate) boxes: bool,
    /// False where hues cannot be told apart: series get line patterns instead.
    pub(crate) colours: bool,
    pub(crate) text: Style,
    /// Labels beside values.
    pub(crate) dim: Style,
    /// Grid, empty parts of gauges, what must not catch the eye.
    pub(crate) faint: Style,
    pub(crate) title: Style,
    pub(crate) border: Style,
    /// Border and title of the panel that has the keys.
    pub(crate) focus: Style,
    pub(crate) good: Style,
    pub(crate) warn: Style,
    pub(crate) bad: Style,
    /// The time cursor and the values under it.
    pub(crate) cursor: Style,
    /// The chosen row, and a marked stretch of time.
    pub(crate) selected: Style,
    /// Events on a time axis.
    pub(crate) mark: Style,
    pub(crate) series: [Style; 8],
}

impl Look {
    /// A theme on its terminal.
    pub(crate) fn of(theme: &Theme) -> Self {
        let colours = theme.depth != Depth::Mono;
        Self {
            symbols: if theme.symbols.set == SymbolSet::Ascii {
                Symbols::Ascii
            } else if theme.sparse {
                Symbols::Dot
            } else {
                Symbols::Braille
            },
            boxes: theme.symbols.set == SymbolSet::Unicode,
            colours,
            text: theme.text,
            dim: theme.dim,
            faint: theme.border,
            title: theme.title,
            border: theme.border,
            focus: theme.focus,
            good: theme.good,
            warn: theme.warn,
            bad: theme.bad,
            cursor: theme.cursor,
            selected: theme.selected,
            mark: theme.accent,
            series: std::array::from_fn(|n| theme.series(n)),
        }
    }

    /// No colour at all: weight and pattern carry everything.
    #[cfg(test)]
    pub(crate) fn mono(symbols: Symbols) -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        Self {
            symbols,
            boxes: !symbols.is_ascii(),
            colours: false,
            text: plain,
            dim: plain,
            faint: dim,
            title: bold,
            border: dim,
            focus: bold,
            good: plain,
            warn: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            cursor: reversed,
            selected: reversed,
            mark: bold,
            series: [plain; 8],
        }
    }

    /// The style of the `index`-th series.
    pub(crate) fn series(&self, index: usize) -> Style {
        self.series[index % self.series.len()]
    }

    /// Calm below `warn`, then a warning, then bad.
    pub(crate) fn level(&self, value: f64, warn: f64, bad: f64) -> Style {
        match value {
            v if v >= bad => self.bad,
            v if v >= warn => self.warn,
            _ => self.good,
        }
    }
}
