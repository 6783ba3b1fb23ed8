//! Who is told of what, as it is configured: the tree of routes, what inhibits what, and when.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingView {
    pub taken_at: i64,
    /// Each below the one it stands under, in the order of the file.
    pub routes: Vec<RouteRow>,
    pub inhibit: Vec<InhibitRow>,
    pub calendar: Vec<CalendarRow>,
    /// When the calendar begins, and the stretch of one of its cells.
    pub calendar_from: i64,
    pub calendar_step: i64,
}

/// One node of the tree. Times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// 0 is the root.
    pub depth: u16,
    pub matchers: Vec<String>,
    pub receiver: String,
    /// Labels; `...` is all of them.
    pub group_by: Vec<String>,
    pub wait: i64,
    pub interval: i64,
    pub repeat: i64,
    /// Alerts go on to the next route as well.
    pub continues: bool,
    /// Time intervals in which it is mute, and those in which alone it is not.
    pub mute: Vec<String>,
    pub active: Vec<String>,
    /// Those that make it mute now.
    pub muted_by: Vec<String>,
    /// Alerts that stand here now, and their groups.
    pub alerts: u64,
    pub groups: u64,
    /// How the receiver tells: `slack`, `email`.
    pub ways: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InhibitRow {
    pub source: Vec<String>,
    pub target: Vec<String>,
    pub equal: Vec<String>,
    /// Alerts that it keeps quiet now.
    pub quiet: u64,
}

/// A named time interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarRow {
    pub name: String,
    pub inside_now: bool,
    /// One letter for each stretch of the calendar: `1` inside, `0` outside.
    pub cells: String,
    /// Routes that name it.
    pub routes: u64,
}
