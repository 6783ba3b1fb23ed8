//! Golden frames: a painted buffer as text, compared with a file that `UPDATE=1` writes anew.

use crate::tui::widget::frame::Frame;
use crate::tui::widget::table::{Column, Entry, Table};
use crate::tui::widget::{Look, Symbols, gauge, sparkline};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use std::path::Path;

/// A coloured look that needs no theme.
pub(crate) fn look(symbols: Symbols) -> Look {
    let fg = |n| Style::new().fg(Color::Indexed(n));
    Look {
        colours: true,
        good: fg(2),
        warn: fg(3),
        bad: fg(1),
        selected: Style::new().bg(Color::Indexed(8)),
        series: [fg(4), fg(2), fg(3), fg(5), fg(6), fg(1), fg(7), fg(8)],
        ..Look::mono(symbols)
    }
}

pub(crate) fn mono(symbols: Symbols) -> Look {
    Look::mono(symbols)
}

/// The characters of a buffer, blanks at line ends left out.
pub(crate) fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in buf.area.y..buf.area.bottom() {
        let mut row = String::new();
        let mut skip = 0;
        for x in buf.area.x..buf.area.right() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            skip = crate::base::text::width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// Compares with `tests/golden/widgets/NAME.txt`.
pub(crate) fn check(name: &str, buf: &Buffer) {
    let shown = text(buf);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/widgets");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, &shown).unwrap();
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; UPDATE=1 writes it", path.display()));
    assert_eq!(shown, wanted, "{name} looks different:\n{shown}");
}

const COLUMNS: &[Column] = &[
    Column::right("PID", 6, 1),
    Column::left("NAME", 8, 0).growing(),
    Column::left("USER", 6, 3),
    Column::right("CPU%", 6, 0),
];

fn processes(area: Rect, look: &Look, selected: Option<usize>) -> (Buffer, Vec<usize>) {
    let mut buf = Buffer::empty(area);
    let mut asked = Vec::new();
    let table = Table {
        columns: COLUMNS,
        rows: 1000,
        offset: 0,
        selected,
        sort: Some((3, true)),
        header: true,
    };
    table.paint(&mut buf, area, look, |row, column| {
        asked.push(row);
        let text = match column {
            0 => format!("{}", row * 7),
            1 => [
                "java 주문서비스",
                "postgres: writer",
                "한글한글한글한글한글한글한글",
            ][row % 3]
                .to_owned(),
            2 => "root".to_owned(),
            _ => format!("{:.1}", 100.0 - row as f64 / 10.0),
        };
        Entry::new(text, look.text)
    });
    (buf, asked)
}

#[test]
fn a_table_cuts_by_width_and_asks_only_for_what_is_seen() {
    let (buf, asked) = processes(Rect::new(0, 0, 40, 7), &look(Symbols::Braille), Some(500));
    check("table", &buf);
    assert_eq!(asked.iter().min(), Some(&495));
    assert_eq!(asked.iter().max(), Some(&500));
    let (buf, _) = processes(Rect::new(0, 0, 22, 5), &mono(Symbols::Ascii), Some(1));
    check("table_narrow_ascii", &buf);
    for width in 0..12 {
        processes(Rect::new(0, 0, width, 3), &mono(Symbols::Ascii), None);
    }
}

#[test]
fn frames_gauges_and_sparklines() {
    for (name, look) in [
        ("frame", look(Symbols::Braille)),
        ("frame_ascii", mono(Symbols::Ascii)),
    ] {
        let area = Rect::new(0, 0, 44, 7);
        let mut buf = Buffer::empty(area);
        let frame = Frame {
            title: "메모리",
            headline: "13.2 GiB of 31 GiB",
            remark: "2 s old",
            focused: true,
            ..Frame::default()
        };
        let inner = frame.paint(&mut buf, area, &look);
        for (i, share) in [0.0, 0.004, 0.5, 1.0, f64::NAN].into_iter().enumerate() {
            let row = Rect::new(inner.x, inner.y + i as u16, 20, 1);
            gauge::bar(&mut buf, row, share, look.good, &look);
            let (c, style) = gauge::heat(share, &look);
            crate::tui::widget::paint::dot(&mut buf, (inner.x + 22, row.y), c, style);
        }
        let window = crate::tui::widget::axis::Window::ending(160, 16, 16);
        let samples: Vec<_> = (0..16)
            .map(|i| crate::model::sample::Sample {
                t: window.time_of(i),
                v: i as f64,
            })
            .collect();
        let spark = sparkline::line(&samples[..14], window, None, &look);
        crate::tui::widget::paint::put(&mut buf, (inner.x + 24, inner.y), 44, &spark, look.text);
        let shares = [(0.3, look.good), (0.2, look.warn)];
        gauge::parts(
            &mut buf,
            Rect::new(inner.x + 24, inner.y + 1, 16, 1),
            &shares,
            &look,
        );
        check(name, &buf);
    }
    for width in 0..10 {
        let area = Rect::new(0, 0, width, 3);
        let mut buf = Buffer::empty(area);
        let frame = Frame {
            title: "한글한글",
            headline: "x",
            remark: "y",
            ..Frame::default()
        };
        frame.paint(&mut buf, area, &look(Symbols::Braille));
    }
}
