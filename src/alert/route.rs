//! The tree of routes, flat: which nodes take an alert, and which group of a node.
//!
//! Source: Alertmanager `dispatch/route.go`.

use crate::config::alertmanager::{Alertmanager, Route};
use crate::model::labels::Labels;
use crate::model::matcher::parse::{quoted, shown};

/// One node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    pub route: Route,
    /// Matchers from the root to here: `{}/{severity="critical"}`.
    pub key: String,
    /// Places in [`Tree::nodes`].
    children: Vec<usize>,
}

/// All nodes; the root is the first.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

impl Tree {
    pub fn new(config: &Alertmanager) -> Self {
        let mut tree = Self::default();
        tree.add(&config.route, "");
        tree
    }

    fn add(&mut self, route: &Route, above: &str) -> usize {
        let matchers: Vec<String> = route.matchers.iter().map(shown).collect();
        let own = format!("{{{}}}", matchers.join(","));
        let key = match above {
            "" => own,
            above => format!("{above}/{own}"),
        };
        let at = self.nodes.len();
        let mut flat = route.clone();
        flat.routes = Vec::new();
        self.nodes.push(Node {
            route: flat,
            key: key.clone(),
            children: Vec::new(),
        });
        for child in &route.routes {
            let child = self.add(child, &key);
            self.nodes[at].children.push(child);
        }
        at
    }

    /// The nodes right below one.
    pub fn children(&self, at: usize) -> &[usize] {
        self.nodes.get(at).map_or(&[], |node| &node.children)
    }

    /// The nodes that take an alert, in the order of the file: the first child that fits, further
    /// ones while `continue` says so, the node itself where no child fits.
    pub fn takers(&self, labels: &Labels) -> Vec<usize> {
        let mut out = Vec::new();
        if !self.nodes.is_empty() {
            self.walk(0, labels, &mut out);
        }
        out
    }

    fn walk(&self, at: usize, labels: &Labels, out: &mut Vec<usize>) -> bool {
        let node = &self.nodes[at];
        if !node.route.matchers.iter().all(|m| m.matches_labels(labels)) {
            return false;
        }
        let before = out.len();
        for child in &node.children {
            if self.walk(*child, labels, out) && !self.nodes[*child].route.continues {
                break;
            }
        }
        if out.len() == before {
            out.push(at);
        }
        true
    }
}

impl Node {
    /// The labels that make an alert's group at this node.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        if self.route.group_by_all {
            return labels.clone();
        }
        labels.retain(|name| self.route.group_by.iter().any(|g| g == name))
    }

    /// As Alertmanager names a group: `{}:{alertname="X"}`.
    pub fn group_key(&self, labels: &Labels) -> String {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(n, v)| format!("{n}={}", quoted(v)))
            .collect();
        format!("{}:{{{}}}", self.key, pairs.join(", "))
    }
}
