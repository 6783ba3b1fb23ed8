//! Widgets: pure painters of plain values, used by panels and tabs.
