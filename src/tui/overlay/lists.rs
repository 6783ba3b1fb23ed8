//! The lists that the console itself opens.

use crate::model::action::Action;
use crate::model::answer::Answer;
use crate::model::view::{BlindSpot, Mark, MarkKind, View};
use crate::tui::cmd::Leave;
use crate::tui::keymap::{Act, BINDINGS, Scope};
use crate::tui::overlay::{Item, List, ListKind, Run};
use crate::tui::panel::PANELS;
use crate::tui::run::Engine;
use crate::tui::state::{BLIND, State};
use crate::tui::tabs::TABS;
use crate::tui::theme::THEMES;
use crate::tui::time_cursor::RANGES;

/// All bindings with their sentences.
pub(crate) fn help(state: &State) -> List {
    let tab = TABS[state.tab].name;
    let of_scope = |scope: Scope| {
        BINDINGS
            .iter()
            .filter(move |b| b.scope == scope && is_there(b.act))
            .map(|b| {
                let place = match b.scope {
                    Scope::Global => "",
                    Scope::Tab(name) => name,
                };
                Item::new(b.help, place, Run::Act(b.act)).keys(state.keymap.labels(b.act))
            })
    };
    let mut items: Vec<Item> = of_scope(Scope::Tab(tab))
        .chain(of_scope(Scope::Global))
        .collect();
    for other in TABS.iter().filter(|t| t.name != tab) {
        items.extend(of_scope(Scope::Tab(other.name)));
    }
    for panel in PANELS {
        let label = format!("panel {}: {}", panel.title, panel.help);
        items.push(Item::new(label, "Overview", Run::Tab(0)));
    }
    for panel in &state.options.panels {
        let label = format!("panel {}: {}", panel.title, panel.expr);
        let label = crate::base::text::display(&label).into_owned();
        items.push(Item::new(label, "Overview", Run::Tab(0)));
    }
    List::new(ListKind::Help, "Keys", items)
        .or_say("no key does that; try : for everything by name")
}

/// Digits of tabs that are not there stand in no list.
fn is_there(act: Act) -> bool {
    match act {
        Act::Tab(digit) => TABS.iter().any(|t| t.digit == Some(digit)),
        _ => true,
    }
}

/// Everything by name; what was used last comes first.
pub(crate) fn palette(state: &State) -> List {
    let mut items = Vec::new();
    for (at, tab) in TABS.iter().enumerate() {
        let keys = tab.digit.map(String::from).unwrap_or_default();
        items.push(Item::new(tab.name.to_lowercase(), tab.help, Run::Tab(at)).keys(keys));
    }
    for binding in BINDINGS {
        if matches!(binding.act, Act::Tab(_) | Act::Palette) {
            continue;
        }
        let here = match binding.scope {
            Scope::Global => true,
            Scope::Tab(name) => name == TABS[state.tab].name,
        };
        if here {
            let item = Item::new(binding.name, binding.help, Run::Act(binding.act));
            items.push(item.keys(state.keymap.labels(binding.act)));
        }
    }
    for range in RANGES {
        let text = crate::base::units::format_duration_ms(*range);
        items.push(Item::new(
            format!("range {text}"),
            "time range",
            Run::Range(*range),
        ));
    }
    for (name, text) in THEMES {
        let about = text.lines().find_map(|l| l.strip_prefix("about: "));
        let item = Item::new(
            format!("theme {name}"),
            about.unwrap_or(""),
            Run::Theme(name),
        );
        items.push(item);
    }
    for name in state.instances() {
        let run = Run::Instance(Some(name.clone()));
        items.push(Item::new(
            format!("instance {name}"),
            "look at this one",
            run,
        ));
    }
    let used = |item: &Item| state.history.iter().rposition(|h| *h == item.label);
    items.sort_by_key(|item| std::cmp::Reverse(used(item)));
    let mut list = List::new(ListKind::Palette, "Command", items);
    list.typing = true;
    list.or_say("nothing of that name")
}

pub(crate) fn themes(state: &State) -> List {
    let item = |(name, text): &(&'static str, &str)| {
        let about = text.lines().find_map(|l| l.strip_prefix("about: "));
        Item::new(*name, about.unwrap_or(""), Run::Theme(name))
    };
    let mut list = List::new(ListKind::Themes, "Theme", THEMES.iter().map(item).collect());
    list.chosen = THEMES
        .iter()
        .position(|(name, _)| *name == state.theme)
        .unwrap_or(0);
    list
}

pub(crate) fn instances(state: &State) -> List {
    let all = Item::new("all", "every instance, worst first", Run::Instance(None));
    let here = state.here().unwrap_or_default().to_owned();
    let one = |name: &String| {
        let detail = if *name == here { "this server" } else { "" };
        Item::new(name.clone(), detail, Run::Instance(Some(name.clone())))
    };
    let names = state.instances();
    let mut items: Vec<Item> = names.iter().map(one).collect();
    if names.len() > 1 {
        items.insert(0, all);
    }
    let mut list = List::new(ListKind::Instances, "Instance", items);
    list.chosen = list
        .items
        .iter()
        .position(|i| Some(i.label.as_str()) == state.instance())
        .unwrap_or(0);
    list.or_say("the engine has not said yet which instances it knows")
}

/// The bookmarks, the newest first.
pub(crate) fn bookmarks(state: &State) -> List {
    let mut marks = state.marks();
    marks.retain(|m| m.kind == MarkKind::Bookmark);
    marks.sort_by_key(|m| std::cmp::Reverse(m.t));
    marks.dedup_by_key(|m| m.t);
    let item = |m: &&Mark| {
        let when = state.time.date_clock(m.t);
        let order = Run::Order {
            action: Action::Bookmark {
                t: m.t,
                text: m.text.clone(),
                remove: true,
            },
            confirm: Some(format!("Remove the bookmark of {when}?\n{}", m.text)),
        };
        Item::new(when, m.text.clone(), Run::GoTo(m.t)).or_delete(order)
    };
    let items = marks.iter().map(item).collect();
    let key = state.keymap.label(Act::Bookmark);
    List::new(
        ListKind::Bookmarks,
        "Bookmarks (Enter goes there, x removes)",
        items,
    )
    .or_say(format!("no bookmark yet; {key} sets one"))
}

/// What cannot be read here, each with the way out.
/// What the engine cannot read, as it said last.
pub(crate) fn blind_spots(state: &State) -> &[BlindSpot] {
    match state.slots.get(BLIND).and_then(|s| s.answer()) {
        Some(Answer::View(View::Blind(spots))) => spots,
        _ => &[],
    }
}

pub(crate) fn blind(state: &State) -> List {
    let slot = state.slots.get(BLIND);
    let spots = blind_spots(state);
    let item = |spot: &BlindSpot| {
        let detail = format!("{}. {}", spot.why.trim_end_matches('.'), spot.way_out);
        Item::new(spot.what.clone(), detail, Run::Copy(spot.way_out.clone()))
    };
    let problems = state.problems();
    let problem = |said: &&str| Item::new("problem", *said, Run::Copy((*said).to_owned()));
    let items: Vec<Item> = problems
        .iter()
        .map(problem)
        .chain(spots.iter().map(item))
        .collect();
    let title = match problems.len() {
        0 => "What I cannot see (Enter copies the way out)",
        _ => "What is wrong, and what I cannot see (Enter copies the way out)",
    };
    let mut list = List::new(ListKind::Blind, title, items);
    list.empty = match slot.and_then(|s| s.error()) {
        Some(error) => error.to_string(),
        None if slot.is_none_or(|s| s.answer().is_none()) => "asking ...".to_owned(),
        None => "nothing is hidden from this engine".to_owned(),
    };
    list
}

/// The ways out where the engine runs inside this console.
pub(crate) fn leave(state: &State) -> List {
    let stop = Item::new(
        "stop collecting",
        "the engine runs inside this console and ends with it",
        Run::Leave(Leave::Quit),
    );
    let detach = Item::new(
        "detach: go on as `serve` and leave",
        "collecting goes on without a console; the next `bongsu` attaches to it",
        Run::Leave(Leave::Detach),
    );
    let stay = Item::new("stay", "", Run::Nothing);
    let items = vec![stop, detach.keys(state.keymap.label(Act::Detach)), stay];
    List::new(ListKind::Leave, "Leave?", items)
}

/// The action menu of the open tab.
pub(crate) fn menu(state: &State) -> List {
    let mut items = (TABS[state.tab].menu)(state);
    if state.options.engine != Engine::Remote {
        items.push(Item::new(
            "reload the configuration",
            "a bad file changes nothing and says why",
            Run::Order {
                action: crate::model::action::Action::Reload,
                confirm: None,
            },
        ));
    }
    if state.options.read_only {
        for item in &mut items {
            if matches!(item.run, Run::Order { .. } | Run::Prompt(_)) {
                item.why_not = Some("this console was started with --read-only".to_owned());
            }
        }
    }
    List::new(ListKind::Menu, "Actions", items)
}
