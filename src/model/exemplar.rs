//! Exemplars: single observations behind a series, most often with the trace they belong to.

use crate::model::labels::Labels;
use crate::model::span::{SpanId, TraceId};
use serde::{Deserialize, Serialize};

/// Characters of the names and values of an exemplar's labels together. Source: OpenMetrics 1.0,
/// "Exemplars".
pub const MOST_CHARACTERS: usize = 128;

/// How senders call the label that names the trace: OpenTelemetry and Micrometer, Tempo and
/// prom-client, Envoy.
const TRACE_LABELS: [&str; 4] = ["trace_id", "traceID", "traceId", "trace:id"];
const SPAN_LABELS: [&str; 4] = ["span_id", "spanID", "spanId", "span:id"];

/// One observation of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// What it is told by; never the series' own labels.
    pub labels: Labels,
    /// What was observed, in the unit of the series: seconds in a bucket of seconds.
    #[serde(with = "crate::model::sample::exact_value")]
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub t: i64,
}

/// The exemplars of one series, in rising time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExemplarSeries {
    pub labels: Labels,
    pub exemplars: Vec<Exemplar>,
}

impl Exemplar {
    /// Of an observation inside a span.
    pub fn of_span(trace: TraceId, span: SpanId, value: f64, t: i64) -> Self {
        let labels = [("traceID", trace.to_string()), ("spanID", span.to_string())];
        Self {
            labels: Labels::from_pairs(labels),
            value,
            t,
        }
    }

    /// The trace it leads to; `None` where no label names one.
    pub fn trace(&self) -> Option<TraceId> {
        let mut names = TRACE_LABELS.iter();
        names.find_map(|n| TraceId::parse(self.labels.get(n)))
    }

    pub fn span(&self) -> Option<SpanId> {
        let mut names = SPAN_LABELS.iter();
        names.find_map(|n| SpanId::parse(self.labels.get(n)))
    }

    /// Whether its labels are longer than exemplars may have them.
    pub fn is_too_long(&self) -> bool {
        let each = self.labels.iter();
        let characters = each.map(|(n, v)| n.chars().count() + v.chars().count());
        characters.sum::<usize>() > MOST_CHARACTERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_senders_name_leads_to_the_trace() {
        for name in TRACE_LABELS {
            let exemplar = Exemplar {
                labels: Labels::from_pairs([(name, "4bf92f3577b34da6a3ce929d0e0e4736")]),
                value: 1.0,
                t: 0,
            };
            assert!(exemplar.trace().is_some(), "{name}");
            assert_eq!(exemplar.span(), None);
        }
        let own = Exemplar::of_span(TraceId([1; 16]), SpanId([2; 8]), 0.5, 7);
        assert_eq!(own.trace(), Some(TraceId([1; 16])));
        assert_eq!(own.span(), Some(SpanId([2; 8])));
        assert!(!own.is_too_long());
    }

    #[test]
    fn values_that_json_does_not_know_survive_it() {
        for value in [1.5, f64::INFINITY, f64::NEG_INFINITY] {
            let own = Exemplar::of_span(TraceId([1; 16]), SpanId([2; 8]), value, 7);
            let text = serde_json::to_string(&own).unwrap();
            assert_eq!(serde_json::from_str::<Exemplar>(&text).unwrap(), own);
        }
    }
}
