//! Places of boxes and lines: layers from callers to what they call, in each an order with few
//! crossings. What passes a layer without stopping has a place of its own there.

use crate::base::text;
use crate::model::trace_report::ServiceMap;
use ratatui::layout::Rect;

/// Cells of a box, border included.
const NARROWEST: u16 = 22;
const WIDEST: u16 = 30;
/// Cells between layers, as far as there is room: the numbers of lines stand there.
const WIDE: u16 = 28;
const BARE: u16 = 8;
const SWEEPS: usize = 6;

/// A box, or a line that passes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spot {
    /// The place of the node; `None` for a line that passes.
    pub(super) node: Option<usize>,
    pub(super) place: Rect,
    /// Spots of the next layer that lines lead to, with the edge and the row they arrive at.
    pub(super) to: Vec<(usize, usize, u16)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Laid {
    pub(super) layers: Vec<Vec<Spot>>,
    /// Calls back to a caller, or to itself: they are not drawn.
    pub(super) back: usize,
}

impl Laid {
    /// Nodes in the order in which keys go through them.
    pub(super) fn order(&self) -> Vec<usize> {
        self.layers
            .iter()
            .flatten()
            .filter_map(|s| s.node)
            .collect()
    }

    /// The box of the next or previous layer that stands nearest, as a place in [`Self::order`].
    pub(super) fn beside(&self, at: usize, right: bool) -> Option<usize> {
        let boxes: Vec<(usize, &Spot)> = self
            .layers
            .iter()
            .enumerate()
            .flat_map(|(l, layer)| layer.iter().map(move |s| (l, s)))
            .filter(|(_, s)| s.node.is_some())
            .collect();
        let (layer, from) = boxes.get(at)?;
        let found = boxes.iter().enumerate().filter(
            |(_, (l, _))| {
                if right { l > layer } else { l < layer }
            },
        );
        let far = |s: &Spot| s.place.y.abs_diff(from.place.y);
        found
            .min_by_key(|(_, (l, s))| (l.abs_diff(*layer), far(s)))
            .map(|(i, _)| i)
    }
}

/// Edges that close a circle, and the layer of each node.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> (Vec<bool>, Vec<usize>) {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut has_caller = vec![false; nodes];
    for (e, (from, to)) in edges.iter().enumerate() {
        out[*from].push(e);
        has_caller[*to] |= from != to;
    }
    let mut back = vec![false; edges.len()];
    // 0: not seen, 1: on the way here, 2: done.
    let mut seen = vec![0u8; nodes];
    let mut starts: Vec<usize> = (0..nodes).collect();
    starts.sort_by_key(|n| has_caller[*n]);
    for start in starts {
        if seen[start] != 0 {
            continue;
        }
        let mut stack = vec![(start, 0usize)];
        seen[start] = 1;
        while let Some((node, next)) = stack.last_mut() {
            let Some(e) = out[*node].get(*next).copied() else {
                seen[*node] = 2;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = edges[e].1;
            match seen[to] {
                0 => {
                    seen[to] = 1;
                    stack.push((to, 0));
                }
                1 => back[e] = true,
                _ => {}
            }
        }
    }
    let mut layer = vec![0usize; nodes];
    // The longest way from a start; no circle is left, so this ends.
    for _ in 0..nodes {
        let mut moved = false;
        for (e, (from, to)) in edges.iter().enumerate() {
            if !back[e] && layer[*to] < layer[*from] + 1 {
                layer[*to] = layer[*from] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    (back, layer)
}

/// An item of a layer before it has a place.
#[derive(Clone)]
struct Item {
    node: Option<usize>,
    /// Items of the next layer, with the edge.
    to: Vec<(usize, usize)>,
}

/// Layers of items; a line over several layers has an item in each.
fn items(map: &ServiceMap) -> (Vec<Vec<Item>>, usize) {
    let edges: Vec<(usize, usize)> = map
        .edges
        .iter()
        .map(|e| (e.from as usize, e.to as usize))
        .collect();
    let (back, layer) = layers(map.nodes.len(), &edges);
    let depth = layer.iter().max().map_or(0, |d| d + 1);
    let mut out: Vec<Vec<Item>> = vec![Vec::new(); depth];
    let mut place = vec![0usize; map.nodes.len()];
    for (n, l) in layer.iter().enumerate() {
        place[n] = out[*l].len();
        let node = Some(n);
        out[*l].push(Item {
            node,
            to: Vec::new(),
        });
    }
    for (e, (from, to)) in edges.iter().enumerate() {
        if back[e] {
            continue;
        }
        let mut at = place[*from];
        for l in layer[*from]..layer[*to] {
            let next = if l + 1 == layer[*to] {
                place[*to]
            } else {
                out[l + 1].push(Item {
                    node: None,
                    to: Vec::new(),
                });
                out[l + 1].len() - 1
            };
            out[l][at].to.push((next, e));
            at = next;
        }
    }
    (out, back.iter().filter(|b| **b).count())
}

/// Puts each layer in the order of the middle of what it is connected with, to and fro.
fn untangle(layers: &mut [Vec<Item>]) {
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let order: Vec<usize> = if forward {
            (1..layers.len()).collect()
        } else {
            (0..layers.len().saturating_sub(1)).rev().collect()
        };
        for l in order {
            let count = layers[l].len();
            let mut sums = vec![(0.0, 0u32); count];
            if forward {
                for (p, item) in layers[l - 1].iter().enumerate() {
                    for (to, _) in &item.to {
                        sums[*to].0 += p as f64;
                        sums[*to].1 += 1;
                    }
                }
            } else {
                for (p, item) in layers[l].iter().enumerate() {
                    for (to, _) in &item.to {
                        sums[p].0 += *to as f64;
                        sums[p].1 += 1;
                    }
                }
            }
            let middle = |i: usize| match sums[i] {
                (_, 0) => i as f64,
                (sum, n) => sum / f64::from(n),
            };
            let mut wanted: Vec<usize> = (0..count).collect();
            wanted.sort_by(|a, b| middle(*a).total_cmp(&middle(*b)));
            reorder(layers, l, &wanted);
        }
    }
}

/// `wanted[i]` is the old place of what comes to place `i`.
fn reorder(layers: &mut [Vec<Item>], l: usize, wanted: &[usize]) {
    let mut new_place = vec![0usize; wanted.len()];
    for (new, old) in wanted.iter().enumerate() {
        new_place[*old] = new;
    }
    layers[l] = wanted.iter().map(|old| layers[l][*old].clone()).collect();
    if l > 0 {
        for item in &mut layers[l - 1] {
            for (to, _) in &mut item.to {
                *to = new_place[*to];
            }
        }
    }
}

/// The drawing; `None` where it has no room, or nothing calls anything.
pub(super) fn lay(map: &ServiceMap, area: Rect) -> Option<Laid> {
    if map.nodes.is_empty() {
        return None;
    }
    let (mut layers, back) = items(map);
    untangle(&mut layers);
    let longest = map
        .nodes
        .iter()
        .map(|n| text::width(&n.name))
        .max()
        .unwrap_or(0);
    let width = (longest as u16 + 4).clamp(NARROWEST, WIDEST);
    let gaps = layers.len() as u16 - 1;
    let spare = area.width.checked_sub(layers.len() as u16 * width)?;
    let gap = spare.checked_div(gaps).unwrap_or(WIDE).min(WIDE);
    if gap < BARE {
        return None;
    }
    let mut arrivals: Vec<Vec<u16>> = layers.iter().map(|l| vec![0; l.len()]).collect();
    for (l, layer) in layers.iter().enumerate() {
        for (to, _) in layer.iter().flat_map(|i| &i.to) {
            arrivals[l + 1][*to] += 1;
        }
    }
    let height = |l: usize, p: usize| match layers[l][p].node {
        Some(_) => (arrivals[l][p] + 2).max(3),
        None => 1,
    };
    let mut out: Vec<Vec<Spot>> = Vec::new();
    for (l, layer) in layers.iter().enumerate() {
        let heights: Vec<u16> = (0..layer.len()).map(|p| height(l, p)).collect();
        let all = heights.iter().sum::<u16>() + layer.len() as u16 - 1;
        if all > area.height {
            return None;
        }
        let mut y = area.y + (area.height - all) / 2;
        let x = area.x + l as u16 * (width + gap);
        let mut spots = Vec::new();
        for (item, height) in layer.iter().zip(heights) {
            spots.push(Spot {
                node: item.node,
                place: Rect::new(x, y, width, height),
                to: item.to.iter().map(|(to, e)| (*to, *e, 0)).collect(),
            });
            y += height + 1;
        }
        out.push(spots);
    }
    arrive(&mut out);
    Some(Laid { layers: out, back })
}

/// Gives each line its row at the box where it arrives: the upper ones higher.
fn arrive(layers: &mut [Vec<Spot>]) {
    for l in 1..layers.len() {
        let (before, here) = layers.split_at_mut(l);
        let targets = &here[0];
        let mut next = vec![0u16; targets.len()];
        for spot in &mut before[l - 1] {
            spot.to.sort_by_key(|(to, ..)| *to);
            for (to, _, row) in &mut spot.to {
                let target = &targets[*to];
                let first = target.place.y + u16::from(target.node.is_some());
                *row = first + next[*to];
                next[*to] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace_report::{Load, MapEdge, MapNode, NodeKind};

    fn map(nodes: usize, edges: &[(u32, u32)]) -> ServiceMap {
        let node = |n| MapNode {
            name: format!("s{n}"),
            kind: NodeKind::Service,
            load: Load::default(),
        };
        let edge = |(from, to): &(u32, u32)| MapEdge {
            from: *from,
            to: *to,
            load: Load::default(),
        };
        ServiceMap {
            nodes: (0..nodes).map(node).collect(),
            edges: edges.iter().map(edge).collect(),
        }
    }

    #[test]
    fn callers_stand_left_and_circles_are_cut() {
        let area = Rect::new(0, 0, 200, 40);
        let laid = lay(&map(4, &[(0, 1), (1, 2), (2, 0), (0, 2), (3, 3)]), area).unwrap();
        assert_eq!(laid.back, 2);
        let layer_of = |n: usize| {
            laid.layers
                .iter()
                .position(|l| l.iter().any(|s| s.node == Some(n)))
        };
        assert_eq!(
            [0, 1, 2, 3].map(layer_of),
            [Some(0), Some(1), Some(2), Some(0)]
        );
        // The line from 0 to 2 passes the layer of 1.
        assert_eq!(
            laid.layers[1].iter().filter(|s| s.node.is_none()).count(),
            1
        );
    }

    #[test]
    fn lines_do_not_cross_without_need() {
        let area = Rect::new(0, 0, 200, 40);
        let laid = lay(&map(4, &[(0, 3), (1, 2)]), area).unwrap();
        let order = laid.order();
        let place = |n: usize| order.iter().position(|o| *o == n).unwrap();
        assert_eq!(place(0) < place(1), place(3) < place(2));
    }

    #[test]
    fn what_has_no_room_is_no_map() {
        let chain = map(5, &[(0, 1), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(lay(&chain, Rect::new(0, 0, 78, 20)), None);
        assert_eq!(lay(&chain, Rect::new(0, 0, 142, 20)).unwrap().back, 0);
        let many = map(30, &[]);
        assert_eq!(lay(&many, Rect::new(0, 0, 200, 40)), None);
    }
}
