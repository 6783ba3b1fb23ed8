//! The table holds together, and the configuration can change it.

use super::*;
use crate::config::ui::keys;
use std::collections::HashSet;

fn changes(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    list.iter().map(own).collect()
}

#[test]
fn the_table_has_no_conflict_and_every_key_reads_back() {
    let (_, problems) = Keymap::new(&[]);
    assert_eq!(problems, Vec::<String>::new());
    let mut names = HashSet::new();
    for binding in BINDINGS {
        assert!(names.insert(binding.name), "{} twice", binding.name);
        assert!(!binding.help.is_empty());
        for text in binding.keys.split_whitespace() {
            let key = Key::parse(text).unwrap();
            assert_eq!(Key::parse(&key.to_string()), Ok(key), "{text}");
        }
    }
}

#[test]
fn what_only_a_control_key_does_is_in_the_palette_by_name() {
    for binding in BINDINGS {
        assert!(
            binding
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || "-1234567890".contains(c))
        );
    }
}

#[test]
fn hangul_keys_are_the_latin_keys_under_the_same_finger() {
    let (keymap, _) = Keymap::new(&[]);
    let global = [Scope::Global];
    for (jamo, act) in [('ㅂ', Act::Back), ('ㅓ', Act::Down), ('ㅏ', Act::Up)] {
        assert_eq!(keymap.find(&global, Key::char(jamo)), Some(act));
    }
    assert_eq!(keymap.find(&global, Key::ctrl('ㅊ')), Some(Act::ForceQuit));
    assert!(Key::char('ㅂ').is_hangul() && !Key::char('q').is_hangul());
}

#[test]
fn the_configuration_changes_keys_and_hears_about_conflicts() {
    let (keymap, problems) = Keymap::new(&changes(&[("pause", "p"), ("pan-back", "q")]));
    let global = [Scope::Global];
    assert_eq!(keymap.find(&global, Key::char('p')), Some(Act::Pause));
    assert_eq!(keymap.find(&global, Key::char(' ')), None);
    assert_eq!(keymap.find(&global, Key::char('q')), Some(Act::PanBack));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("key of back"), "{problems:?}");

    let faults = check_keys(&changes(&[("puase", "p"), ("pause", "Hyper-x")]));
    assert!(faults[0].contains("did you mean pause?"), "{faults:?}");
    assert!(faults[1].contains("is no key"), "{faults:?}");
}

#[test]
fn the_readme_table_names_every_key() {
    let table = key_table();
    assert!(table.contains("| `?` `F1` | help"), "{table}");
    let rows = BINDINGS.iter().filter(|b| !b.keys.is_empty()).count();
    assert_eq!(table.lines().count(), rows + 2);
}

#[test]
fn the_configuration_knows_every_action_and_reads_keys_as_the_console_does() {
    let tab = |scope| match scope {
        Scope::Global => "",
        Scope::Tab(tab) => tab,
    };
    let own = BINDINGS.iter().map(|b| (b.name, tab(b.scope), b.keys));
    let own: Vec<(&str, &str, &str)> = own.collect();
    assert_eq!(own, keys::ACTIONS);
    let known = keys::NAMES.iter().chain(&["Foo-1", "F13", "c-", "Ctrl-"]);
    let more = [
        "ctrl-p",
        "C-x",
        "alt-Q",
        "ctrl-alt-f5",
        "f1",
        "shift-tab",
        "ㅂ",
        "q",
        "",
        "qq",
    ];
    for text in known.chain(&more) {
        let read = Key::parse(text).ok().map(|key| key.to_string());
        assert_eq!(keys::written(text), read, "{text}");
    }
}
