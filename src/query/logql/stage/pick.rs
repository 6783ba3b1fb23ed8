//! `drop` and `keep`: labels by name, or by name and value.

use crate::query::logql::ast;
use crate::query::logql::stage::work::Work;

pub(crate) struct Pick {
    picks: Vec<ast::Pick>,
    keep: bool,
}

impl Pick {
    pub(crate) fn drop(picks: &[ast::Pick]) -> Self {
        Self {
            picks: picks.to_vec(),
            keep: false,
        }
    }

    pub(crate) fn keep(picks: &[ast::Pick]) -> Self {
        Self {
            picks: picks.to_vec(),
            keep: true,
        }
    }

    pub(crate) fn apply(&self, labels: &mut Work) {
        if self.keep {
            let wanted = |pick: &ast::Pick, name: &str, value: &str| match pick {
                ast::Pick::Name(n) => n == name,
                ast::Pick::Match(m) => m.name == name && m.matches(value),
            };
            labels.retain(|name, value| self.picks.iter().any(|p| wanted(p, name, value)));
            return;
        }
        for pick in &self.picks {
            match pick {
                ast::Pick::Name(name) => labels.remove(name),
                ast::Pick::Match(m) => {
                    if labels.get(&m.name).is_some_and(|v| m.matches(v)) {
                        labels.remove(&m.name);
                    }
                }
            }
        }
    }
}
