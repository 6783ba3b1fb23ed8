//! A curve in one row, for the cell of a table.

use crate::model::sample::Sample;
use crate::tui::widget::axis::Window;
use crate::tui::widget::{Look, Symbols};

/// The highest value of each column as one character; a blank where there is none. `high` is the
/// value of a full column; without it the highest that is shown.
pub(crate) fn line(samples: &[Sample], window: Window, high: Option<f64>, look: &Look) -> String {
    let mut tops = vec![f64::NAN; window.columns];
    for s in samples.iter().filter(|s| s.v.is_finite()) {
        if let Some(at) = window.column_of(s.t) {
            tops[at] = tops[at].max(s.v);
        }
    }
    let highest = tops.iter().copied().fold(0.0, f64::max);
    let high = high.unwrap_or(highest);
    tops.iter().map(|v| character(*v, high, look)).collect()
}

fn character(value: f64, high: f64, look: &Look) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const DOTS: [char; 4] = ['⣀', '⣤', '⣶', '⣿'];
    const PLAIN: [char; 4] = ['.', ':', '+', '#'];
    if value.is_nan() {
        return ' ';
    }
    let share = if high > 0.0 {
        (value / high).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let pick = |set: &[char]| set[((share * set.len() as f64) as usize).min(set.len() - 1)];
    match look.symbols {
        Symbols::Braille => pick(&DOTS),
        Symbols::Ascii => pick(&PLAIN),
        Symbols::Block | Symbols::Dot if look.boxes => pick(&BLOCKS),
        Symbols::Block | Symbols::Dot => pick(&PLAIN),
    }
}
