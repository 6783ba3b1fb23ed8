//! A classic histogram whose bounds double.

use crate::collect::span_metrics::{Lines, named};

pub(super) struct Histogram {
    bounds: Vec<f64>,
    /// By bound, and one more for what is above all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    pub(super) fn new((first, count): (f64, usize)) -> Self {
        let bounds: Vec<f64> = (0..count)
            .map(|i| first * f64::powi(2.0, i as i32))
            .collect();
        Self {
            counts: vec![0; bounds.len() + 1],
            bounds,
            sum: 0.0,
        }
    }

    pub(super) fn add(&mut self, v: f64) {
        let at = self.bounds.partition_point(|b| *b < v);
        self.counts[at] += 1;
        self.sum += v;
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `NAME_bucket`, `NAME_sum` and `NAME_count`.
    pub(super) fn lines(&self, name: &str, base: &[(&str, &str)], out: &mut Lines) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (i, n) in self.counts.iter().enumerate() {
            below += n;
            let le = self
                .bounds
                .get(i)
                .map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            let labels = [base, &[("le", le.as_str())]].concat();
            out.push((named(&bucket, &labels), below as f64));
        }
        out.push((named(&format!("{name}_sum"), base), self.sum));
        out.push((named(&format!("{name}_count"), base), self.count() as f64));
    }
}
