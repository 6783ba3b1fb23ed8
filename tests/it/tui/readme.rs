//! The README's table of keys is the keymap's.

use bongsu::tui::key_table;
use std::path::Path;

const BEGIN: &str = "<!-- keys: held equal to the keymap by a test -->\n";
const END: &str = "<!-- end of keys -->";

/// `UPDATE=1` writes the table.
#[test]
fn the_readme_has_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the place of the table") + BEGIN.len();
    let end = begin + text[begin..].find(END).expect("the end of the table");
    let table = key_table();
    if std::env::var_os("UPDATE").is_some() {
        let updated = format!("{}{table}{}", &text[..begin], &text[end..]);
        std::fs::write(&path, updated).unwrap();
        return;
    }
    assert!(
        text[begin..end] == table,
        "UPDATE=1 writes the table:\n{table}"
    );
}
