//! The console: painted screens as text, and the three threads in a real pty.

mod alerts;
mod containers;
mod fake_logs;
mod fake_source;
mod jvm;
mod live;
mod logs;
mod own_panels;
mod readme;
mod screens;
mod tabs;
mod traces;

use std::path::Path;

/// Holds `text` to the golden file of that name; `UPDATE=1` writes it.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/tui/{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        want == text,
        "{name}: the screen is not the golden one (UPDATE=1 takes it)\n--- golden\n{want}\n--- now\n{text}"
    );
}
