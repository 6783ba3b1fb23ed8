//! The table itself: one row for each thing a key can do.

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// Everywhere that no input has the keys.
    Global,
    /// In one tab, by its name; stands before the global ones.
    Tab(&'static str),
}

/// Everything a key, the palette or the mouse can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    Help,
    Palette,
    Back,
    Escape,
    ForceQuit,
    Detach,
    Suspend,
    Repaint,
    Refresh,
    /// The tab with this digit.
    Tab(char),
    NextPane,
    PrevPane,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Open,
    ZoomPane,
    Menu,
    Filter,
    NextHit,
    PrevHit,
    Sort,
    SortReverse,
    Tree,
    Pause,
    Mark,
    GoToTime,
    Range,
    ZoomIn,
    ZoomOut,
    PanBack,
    PanForward,
    CursorLeft,
    CursorRight,
    Now,
    Bookmark,
    NextBookmark,
    PrevBookmark,
    Bookmarks,
    Zone,
    Instances,
    Themes,
    Blind,
    Mouse,
    Copy,
    CopyView,
    Save,
    Edit,
    AddQuery,
    RemoveQuery,
    ChartOrTable,
    Browse,
    ThreadDump,
    Compare,
    Shell,
    CopyCommand,
}

pub(crate) struct Binding {
    pub(crate) act: Act,
    /// Its name in `ui.keys` and in the palette.
    pub(crate) name: &'static str,
    /// Keys separated by spaces; none where only the palette has it.
    pub(crate) keys: &'static str,
    pub(crate) scope: Scope,
    /// A sentence for the help and the README.
    pub(crate) help: &'static str,
    /// One word for the hint bar; empty where it is not hinted.
    pub(crate) hint: &'static str,
}

const fn global(
    act: Act,
    name: &'static str,
    keys: &'static str,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding {
        act,
        name,
        keys,
        scope: Scope::Global,
        help,
        hint,
    }
}

/// A row of one tab.
const fn in_tab(tab: &'static str, row: Binding) -> Binding {
    Binding {
        scope: Scope::Tab(tab),
        ..row
    }
}

/// All bindings; the hint bar shows them in this order.
#[rustfmt::skip]
pub(crate) const BINDINGS: &[Binding] = &[
    global(Act::Help, "help", "? F1", "help: all keys, searchable", "help"),
    global(Act::Palette, "palette", ": Ctrl-P", "command palette: everything by name", "command"),
    global(Act::Back, "back", "q", "one level back; at the root it leaves", "back"),
    global(Act::Menu, "actions", ".", "what can be done with what is chosen", "actions"),
    global(Act::Escape, "escape", "Esc", "one level back; never leaves", ""),
    global(Act::ForceQuit, "quit", "Ctrl-C", "leave at once; twice forces it", ""),
    global(Act::Detach, "detach", "D", "leave and let the engine go on as `serve`", ""),
    global(Act::Suspend, "suspend", "Ctrl-Z", "suspend to the shell", ""),
    global(Act::Repaint, "repaint", "Ctrl-L", "paint the screen anew", ""),
    global(Act::Refresh, "refresh", "r F5", "ask again now", ""),
    global(Act::Tab('1'), "tab-1", "1", "Overview", ""),
    global(Act::Tab('2'), "tab-2", "2", "Host", ""),
    global(Act::Tab('3'), "tab-3", "3", "Containers", ""),
    global(Act::Tab('4'), "tab-4", "4", "JVM", ""),
    global(Act::Tab('8'), "tab-8", "8", "Metrics", ""),
    global(Act::NextPane, "next-pane", "Tab", "next pane", "pane"),
    global(Act::PrevPane, "previous-pane", "Shift-Tab", "previous pane", ""),
    global(Act::Up, "up", "k Up", "up", ""),
    global(Act::Down, "down", "j Down", "down", ""),
    global(Act::PageUp, "page-up", "PgUp Ctrl-U", "a page up", ""),
    global(Act::PageDown, "page-down", "PgDn Ctrl-D", "a page down", ""),
    global(Act::Top, "top", "g Home", "to the first row", ""),
    global(Act::Bottom, "bottom", "G End", "to the last row", ""),
    global(Act::Open, "open", "Enter", "open what is chosen", "open"),
    global(Act::ZoomPane, "zoom-pane", "z", "the chosen pane on the whole screen, and back", "zoom"),
    global(Act::Filter, "filter", "/", "filter what is shown; !word leaves out", "filter"),
    global(Act::NextHit, "next-hit", "n", "next hit", ""),
    global(Act::PrevHit, "previous-hit", "N", "previous hit", ""),
    global(Act::Sort, "sort", "s", "sort by the next column", ""),
    global(Act::SortReverse, "sort-reverse", "S", "sort the other way round", ""),
    global(Act::Pause, "pause", "Space", "pause the screen, and go on; collecting never stops", "pause"),
    global(Act::Mark, "mark", "v", "mark: begin or end a selection", ""),
    global(Act::GoToTime, "go-to-time", "t", "go to a time: 14:32, -15m, yesterday 9:00", "time"),
    global(Act::Range, "range", "R", "set the time range: 30m, 6h, 7d", ""),
    global(Act::ZoomIn, "zoom-in", "+ =", "a shorter time range", ""),
    global(Act::ZoomOut, "zoom-out", "-", "a longer time range", ""),
    global(Act::PanBack, "pan-back", "[", "half a window back in time", "back in time"),
    global(Act::PanForward, "pan-forward", "]", "half a window forward", ""),
    global(Act::CursorLeft, "cursor-left", "h Left", "time cursor one column back", ""),
    global(Act::CursorRight, "cursor-right", "l Right", "time cursor one column forward", ""),
    global(Act::Now, "now", "0 `", "back to now", "now"),
    global(Act::Bookmark, "bookmark", "m", "bookmark this instant", ""),
    global(Act::NextBookmark, "next-bookmark", "u", "to the next bookmark", ""),
    global(Act::PrevBookmark, "previous-bookmark", "U", "to the bookmark before", ""),
    global(Act::Bookmarks, "bookmarks", "'", "all bookmarks, to go to one", ""),
    global(Act::Zone, "time-zone", "Z", "times in the server's zone or in UTC", ""),
    global(Act::Instances, "instances", "i", "choose the instance to look at", "instance"),
    global(Act::Themes, "theme", "", "choose a theme, with preview", ""),
    global(Act::Blind, "blind", "B", "what this engine cannot see, and what would allow it", ""),
    global(Act::Mouse, "mouse", "M F2", "mouse on and off", ""),
    global(Act::Copy, "copy", "y", "copy the chosen line", ""),
    global(Act::CopyView, "copy-view", "Y", "copy what this pane shows", ""),
    in_tab("Host", global(Act::Tree, "host-tree", "T", "processes as a tree, and as a list", "tree")),
    in_tab("Containers", global(Act::Shell, "container-shell", "e", "a shell in the chosen container; leaving it comes back", "shell")),
    in_tab("Containers", global(Act::CopyCommand, "copy-command", "c", "copy the command of docker or podman that shows the same", "")),
    global(Act::Save, "save", "Ctrl-S", "save what this pane shows to a file", ""),
    in_tab("JVM", global(Act::ThreadDump, "thread-dump", "d", "ask the chosen JVM for a thread dump; . asks for more", "dump")),
    in_tab("JVM", global(Act::Compare, "compare-answers", "c", "compare the open answer with an earlier one of its kind", "")),
    in_tab("Metrics", global(Act::Edit, "edit-query", "e", "write the query; Tab completes, Enter asks", "edit")),
    in_tab("Metrics", global(Act::Browse, "browse-metrics", "b", "browse all metrics with their help", "browse")),
    in_tab("Metrics", global(Act::ChartOrTable, "chart-or-table", "c", "chart or table", "table")),
    in_tab("Metrics", global(Act::AddQuery, "add-query", "a", "a further query on the same chart", "add")),
    in_tab("Metrics", global(Act::RemoveQuery, "remove-query", "X", "remove the query", "")),
];
