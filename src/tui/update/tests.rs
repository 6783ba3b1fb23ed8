//! Updates without threads or a terminal.

use super::*;
use crate::tui::cmd::Leave;
use crate::tui::run::{Engine, Options};
use crate::tui::terminal::Environment;
use crate::tui::time_cursor::TimeCursor;

const NOW: i64 = 1_795_230_000_000;

fn state(engine: Engine) -> State {
    let options = Options {
        engine,
        ..Options::detect(&Environment::default())
    };
    State::new(options, NOW, 80, 24)
}

fn press(state: &mut State, text: &str) -> Vec<Cmd> {
    let key = Key::parse(text).unwrap();
    let cmds = update(state, Msg::Key(key));
    let not_ask = |c: &Cmd| !matches!(c, Cmd::Ask { .. });
    cmds.into_iter().filter(not_ask).collect()
}

#[test]
fn esc_never_leaves_and_ctrl_c_always_does() {
    let mut state = state(Engine::Attached);
    for _ in 0..5 {
        assert_eq!(press(&mut state, "Esc"), vec![]);
    }
    press(&mut state, ":");
    assert_eq!(press(&mut state, "Ctrl-C"), vec![Cmd::Quit(Leave::Quit)]);
    let jamo = update(&mut state, Msg::Key(Key::ctrl('ㅊ')));
    assert_eq!(jamo, vec![Cmd::Quit(Leave::Quit)]);
}

#[test]
fn with_the_engine_inside_leaving_is_a_choice() {
    let mut state = state(Engine::Inside);
    assert_eq!(press(&mut state, "q"), vec![]);
    assert_eq!(top_kind(&state), Some(ListKind::Leave));
    press(&mut state, "Esc");
    assert!(state.overlays.is_empty());
    press(&mut state, "q");
    press(&mut state, "j");
    assert_eq!(press(&mut state, "Enter"), vec![Cmd::Quit(Leave::Detach)]);
    assert_eq!(press(&mut state, "D"), vec![Cmd::Quit(Leave::Detach)]);
}

#[test]
fn attached_q_leaves_at_the_root_and_goes_back_above_it() {
    let mut state = state(Engine::Attached);
    press(&mut state, "?");
    assert_eq!(press(&mut state, "q"), vec![]);
    assert!(state.overlays.is_empty());
    assert_eq!(press(&mut state, "q"), vec![Cmd::Quit(Leave::Quit)]);
}

#[test]
fn a_theme_that_was_only_looked_at_is_taken_back() {
    let mut state = state(Engine::Attached);
    act(&mut state, crate::tui::keymap::Act::Themes);
    press(&mut state, "j");
    assert_eq!(state.theme, "light");
    press(&mut state, "Esc");
    assert_eq!(state.theme, "dark");
    act(&mut state, crate::tui::keymap::Act::Themes);
    press(&mut state, "j");
    press(&mut state, "Enter");
    press(&mut state, "Esc");
    assert_eq!(state.theme, "light");
}

#[test]
fn pasted_text_is_never_read_as_keys() {
    let mut state = state(Engine::Attached);
    update(&mut state, Msg::Paste("q".into()));
    assert!(state.overlays.is_empty());
    press(&mut state, "t");
    update(&mut state, Msg::Paste("-15m\n".into()));
    assert_eq!(press(&mut state, "Enter"), vec![]);
    assert_eq!(state.time.cursor, Some(NOW - 15 * 60_000));
}

#[test]
fn a_prompt_that_cannot_be_read_says_why_and_stays() {
    let mut state = state(Engine::Attached);
    press(&mut state, "t");
    for c in "soon".chars() {
        update(&mut state, Msg::Key(Key::char(c)));
    }
    press(&mut state, "Enter");
    let Some(Overlay::Prompt(prompt)) = state.overlays.last() else {
        panic!("closed")
    };
    assert!(prompt.error.as_ref().unwrap().contains("is no time"));
}

#[test]
fn read_only_refuses_every_order() {
    let mut state = state(Engine::Attached);
    state.options.read_only = true;
    press(&mut state, ".");
    assert_eq!(press(&mut state, "Enter"), vec![]);
    assert!(state.toasts[0].text.contains("--read-only"));
}

#[test]
fn a_selection_becomes_the_range() {
    let mut state = state(Engine::Attached);
    for key in ["h", "h", "h", "h", "v", "l", "l"] {
        press(&mut state, key);
    }
    press(&mut state, "v");
    let step = TimeCursor::default().window(NOW, 40).step;
    assert_eq!(state.time.range, (2 * step).max(10_000));
    assert!(state.time.end.is_some());
    press(&mut state, "0");
    assert!(state.time.is_live());
}

#[test]
fn hangul_keys_work_and_are_hinted() {
    let mut state = state(Engine::Attached);
    update(&mut state, Msg::Key(Key::char('ㅅ')));
    assert!(matches!(state.overlays.last(), Some(Overlay::Prompt(_))));
    assert!(state.hangul);
    update(&mut state, Msg::Key(Key::char('ㅂ')));
    let Some(Overlay::Prompt(prompt)) = state.overlays.last() else {
        panic!("closed")
    };
    assert_eq!(prompt.edit.text(), "ㅂ", "an input takes what was typed");
}

#[test]
fn the_palette_takes_times_and_ranges_as_well() {
    let mut state = state(Engine::Attached);
    for (text, cursor, range) in [("-15m", Some(NOW - 900_000), 30), ("2h", None, 120)] {
        press(&mut state, "0");
        press(&mut state, ":");
        update(&mut state, Msg::Paste(text.into()));
        press(&mut state, "Enter");
        assert!(state.overlays.is_empty(), "{text}");
        assert_eq!(
            (state.time.cursor, state.time.range),
            (cursor, range * 60_000),
            "{text}"
        );
    }
}

#[test]
fn bookmarks_are_set_listed_and_gone_to() {
    let mut state = state(Engine::Attached);
    press(&mut state, "'");
    press(&mut state, "Esc");
    press(&mut state, "[");
    press(&mut state, "m");
    update(&mut state, Msg::Paste("deploy".into()));
    let order = press(&mut state, "Enter");
    assert!(matches!(
        &order[..],
        [Cmd::Act(crate::model::action::Action::Bookmark { .. })]
    ));
    let at = state.time.instant();
    press(&mut state, "0");
    press(&mut state, "'");
    press(&mut state, "Enter");
    assert_eq!(state.time.cursor, at);
    press(&mut state, "0");
    press(&mut state, "U");
    assert_eq!(state.time.cursor, at);
}

#[test]
fn a_slow_line_is_drawn_less_until_it_is_quick_again() {
    let mut state = state(Engine::Attached);
    let report = |blocked_ms| {
        Msg::Line(LineMeter {
            frame_ms: None,
            bytes_per_second: 1000.0,
            blocked_ms,
        })
    };
    update(&mut state, report(10));
    assert!(!state.low_bandwidth);
    update(&mut state, report(2000));
    assert!(state.low_bandwidth);
    for _ in 0..CALM_REPORTS {
        update(&mut state, report(3));
    }
    assert!(!state.low_bandwidth);
}

#[test]
fn a_frames_cost_stands_beside_that_of_the_line() {
    let mut state = state(Engine::Attached);
    let painted = |state: &State| {
        let area = ratatui::layout::Rect::new(0, 0, state.width, state.height);
        let theme = crate::tui::theme::Theme::new("dark", state.depth, state.symbols);
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        view::view(state, &theme, area, &mut buffer);
        crate::tui::testing::lines(&buffer).pop().unwrap()
    };
    let report = |frame_ms| {
        Msg::Line(LineMeter {
            frame_ms,
            ..LineMeter::default()
        })
    };
    state.width = 160;
    update(&mut state, report(Some(2.96)));
    assert!(painted(&state).contains("line 0B/s, 3.0 ms/frame"));
    // Where nothing was painted since, the last that was known stands.
    update(&mut state, report(None));
    assert!(painted(&state).contains("3.0 ms/frame"));
    state.width = 120;
    assert!(
        !painted(&state).contains("ms/frame"),
        "the keys need the room"
    );
}

#[test]
fn a_bookmark_is_removed_where_it_is_listed() {
    let mut state = state(Engine::Attached);
    acts::set_bookmark(&mut state, NOW - 60_000, "deploy");
    press(&mut state, "'");
    assert_eq!(press(&mut state, "x"), vec![], "it is asked first");
    let removed = press(&mut state, "y");
    assert!(
        matches!(
            &removed[..],
            [Cmd::Act(Action::Bookmark { t, remove: true, .. })] if *t == NOW - 60_000
        ),
        "{removed:?}"
    );
    assert!(state.bookmarks.is_empty());
}

#[test]
fn the_key_that_detaches_works_inside_the_menu_of_leaving() {
    let mut state = state(Engine::Inside);
    press(&mut state, "q");
    assert_eq!(press(&mut state, "D"), vec![Cmd::Quit(Leave::Detach)]);
}

#[test]
fn the_mouse_moves_the_time_cursor_on_a_chart_and_selects_a_range() {
    use crate::tui::msg::{Mouse, MouseKind};
    let mut state = state(Engine::Attached);
    (state.width, state.height) = (120, 40);
    let mouse = |kind, column| {
        let row = 5;
        Msg::Mouse(Mouse { kind, column, row })
    };
    // The first panel is a chart; its plot begins after the border and the labels.
    update(&mut state, mouse(MouseKind::Press, 20));
    let first = state.time.cursor.unwrap();
    assert!(first < NOW && first > NOW - state.time.range);
    update(&mut state, mouse(MouseKind::Drag, 30));
    let second = state.time.cursor.unwrap();
    assert!(second > first);
    assert_eq!(state.time.selection, Some(first));
    update(&mut state, mouse(MouseKind::Release, 30));
    assert_eq!(
        (state.time.end, state.time.range),
        (Some(second), second - first)
    );
    assert_eq!(state.time.selection, None);
    // A tab by its name; a section of it by its name.
    update(
        &mut state,
        Msg::Mouse(Mouse {
            kind: MouseKind::Press,
            column: 22,
            row: 0,
        }),
    );
    assert_eq!(TABS[state.tab].name, "Host");
    let top = view::body(&state).y;
    update(
        &mut state,
        Msg::Mouse(Mouse {
            kind: MouseKind::Press,
            column: 14,
            row: top,
        }),
    );
    assert_eq!(state.locals.host.section, 1);
}
