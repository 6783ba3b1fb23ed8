//! The functions of PromQL: one row each in [`FUNCTIONS`], which dispatch, help and completion
//! read. The bodies stand by family in `functions/`.

pub(crate) mod date;
pub(crate) mod math;
pub(crate) mod rate;
pub(crate) mod window;

use crate::query::promql::ast::ValueType;
use crate::query::promql::ast::ValueType::{Range, Scalar, Text, Vector};
use crate::query::promql::functions::window::{Prepare, Window};

/// A function's name, what it takes and gives, and how it is worked out.
pub struct Function {
    pub name: &'static str,
    pub args: &'static [ValueType],
    pub last: Last,
    pub returns: ValueType,
    /// Runs only where the configuration allows experimental forms.
    pub experimental: bool,
    /// One line for help and completion.
    pub help: &'static str,
    /// Its value may change with the step though its arguments do not.
    pub(crate) sees_step: bool,
    pub(crate) body: Body,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// How often the last argument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    Once,
    Optional,
    /// Any number of times, none included.
    Repeated,
}

/// How a function is worked out.
pub(crate) enum Body {
    /// Value by value; drops the name.
    Pure(fn(f64) -> f64),
    /// Value by value with the scalar arguments; `ABSENT` is no point. Drops the name.
    Scaled(fn(f64, &[f64]) -> f64),
    /// Of a time in seconds, or of the step's own time.
    Date(fn(&date::Civil) -> f64),
    /// Over the window of a range vector.
    Window(WindowBody),
    /// Needs more than one series or more than values: see `eval/call`.
    Own(Own),
}

pub(crate) struct WindowBody {
    pub(crate) run: fn(&Window<'_>) -> f64,
    pub(crate) keeps_name: bool,
    pub(crate) prepare: Prepare,
    /// Warn where the first scalar is no quantile.
    pub(crate) quantile: bool,
    /// Remark where the name is not that of a counter.
    pub(crate) counter: bool,
}

/// The functions that are evaluated by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Absent,
    AbsentOverTime,
    HistogramQuantile,
    HistogramQuantiles,
    HistogramFraction,
    /// Looks at native histograms only; floats give nothing.
    NativeOnly,
    LabelJoin,
    LabelReplace,
    ToScalar,
    ToVector,
    Time,
    Pi,
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    Timestamp,
    Step,
    QueryRange,
    QueryStart,
    QueryEnd,
    MinOf,
    MaxOf,
    /// Parsed, refused by name.
    Later,
}

impl Function {
    /// The fewest and the most arguments.
    pub fn arity(&self) -> (usize, Option<usize>) {
        let n = self.args.len();
        match self.last {
            Last::Once => (n, Some(n)),
            Last::Optional => (n - 1, Some(n)),
            Last::Repeated => (n - 1, None),
        }
    }

    /// The type of the i-th argument.
    pub fn arg(&self, i: usize) -> ValueType {
        let last = self.args.len().saturating_sub(1);
        self.args.get(i.min(last)).copied().unwrap_or(Scalar)
    }

    /// `rate(range vector) instant vector`, for help.
    pub fn signature(&self) -> String {
        let args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        let tail = match self.last {
            Last::Once => "",
            Last::Optional => "?",
            Last::Repeated => " ...",
        };
        format!("{}({}{tail}) {}", self.name, args.join(", "), self.returns)
    }
}

/// Finds a function by its exact name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

/// What to say where a name is no function's, with the nearest that is.
pub(crate) fn unknown(name: &str) -> String {
    let near = FUNCTIONS
        .iter()
        .map(|f| (distance(name, f.name), !f.name.starts_with(name), f.name))
        .min()
        .filter(|(d, _, _)| *d <= 2);
    match near {
        Some((_, _, near)) => format!("unknown function with name {name:?}; did you mean {near}?"),
        None => format!("unknown function with name {name:?}"),
    }
}

/// Edits between two words, bounded by their lengths.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

const fn pure(name: &'static str, run: fn(f64) -> f64, help: &'static str) -> Function {
    row(name, &[Vector], Vector, Body::Pure(run), help)
}

const fn over(name: &'static str, run: fn(&Window<'_>) -> f64, help: &'static str) -> Function {
    row(name, &[Range], Vector, window(run, Prepare::Nothing), help)
}

const fn window(run: fn(&Window<'_>) -> f64, prepare: Prepare) -> Body {
    Body::Window(WindowBody {
        run,
        keeps_name: false,
        prepare,
        quantile: false,
        counter: false,
    })
}

const fn own(
    name: &'static str,
    args: &'static [ValueType],
    body: Own,
    help: &'static str,
) -> Function {
    row(name, args, Vector, Body::Own(body), help)
}

const fn scalar(name: &'static str, body: Own, help: &'static str) -> Function {
    row(name, &[], Scalar, Body::Own(body), help)
}

const fn row(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
    body: Body,
    help: &'static str,
) -> Function {
    Function {
        name,
        args,
        last: Last::Once,
        returns,
        experimental: false,
        help,
        sees_step: false,
        body,
    }
}

const fn calendar(
    name: &'static str,
    run: fn(&date::Civil) -> f64,
    help: &'static str,
) -> Function {
    row(name, &[Vector], Vector, Body::Date(run), help)
        .optional()
        .by_step()
}

impl Function {
    const fn optional(mut self) -> Self {
        self.last = Last::Optional;
        self
    }

    const fn repeated(mut self) -> Self {
        self.last = Last::Repeated;
        self
    }

    const fn trial(mut self) -> Self {
        self.experimental = true;
        self
    }

    const fn by_step(mut self) -> Self {
        self.sees_step = true;
        self
    }

    const fn named(mut self) -> Self {
        if let Body::Window(body) = &mut self.body {
            body.keeps_name = true;
        }
        self
    }

    const fn of_counters(mut self) -> Self {
        if let Body::Window(body) = &mut self.body {
            body.counter = true;
        }
        self
    }

    const fn of_quantile(mut self) -> Self {
        if let Body::Window(body) = &mut self.body {
            body.quantile = true;
        }
        self
    }

    const fn taking(mut self, args: &'static [ValueType]) -> Self {
        self.args = args;
        self
    }

    const fn prepared(mut self, prepare: Prepare) -> Self {
        if let Body::Window(body) = &mut self.body {
            body.prepare = prepare;
        }
        self
    }
}

/// Every function, by name.
pub static FUNCTIONS: &[Function] = &[
    pure("abs", f64::abs, "the value without its sign"),
    own(
        "absent",
        &[Vector],
        Own::Absent,
        "1 where no series matches",
    ),
    own(
        "absent_over_time",
        &[Range],
        Own::AbsentOverTime,
        "1 where the range holds no sample",
    ),
    pure("acos", f64::acos, "the arc cosine, in radians"),
    pure("acosh", f64::acosh, "the inverse hyperbolic cosine"),
    pure("asin", f64::asin, "the arc sine, in radians"),
    pure("asinh", math::asinh, "the inverse hyperbolic sine"),
    pure("atan", f64::atan, "the arc tangent, in radians"),
    pure("atanh", f64::atanh, "the inverse hyperbolic tangent"),
    over(
        "avg_over_time",
        window::avg,
        "the mean of the samples in the range",
    )
    .prepared(Prepare::Sums),
    pure("ceil", f64::ceil, "rounded up"),
    over("changes", window::changes, "how often the value changed"),
    row(
        "clamp",
        &[Vector, Scalar, Scalar],
        Vector,
        Body::Scaled(math::clamp),
        "kept between two bounds",
    ),
    row(
        "clamp_max",
        &[Vector, Scalar],
        Vector,
        Body::Scaled(math::clamp_max),
        "kept at most so high",
    ),
    row(
        "clamp_min",
        &[Vector, Scalar],
        Vector,
        Body::Scaled(math::clamp_min),
        "kept at least so high",
    ),
    pure("cos", f64::cos, "the cosine of radians"),
    pure("cosh", f64::cosh, "the hyperbolic cosine"),
    over(
        "count_over_time",
        window::count,
        "how many samples the range holds",
    ),
    calendar("day_of_month", date::day_of_month, "1 to 31, in UTC"),
    calendar(
        "day_of_week",
        date::day_of_week,
        "0 to 6, 0 is Sunday, in UTC",
    ),
    calendar("day_of_year", date::day_of_year, "1 to 366, in UTC"),
    calendar("days_in_month", date::days_in_month, "28 to 31, in UTC"),
    pure("deg", math::degrees, "radians to degrees"),
    over(
        "delta",
        rate::delta,
        "the difference over the range, for gauges",
    ),
    over(
        "deriv",
        window::deriv,
        "the slope per second, by linear regression",
    ),
    over(
        "double_exponential_smoothing",
        window::smoothing,
        "a smoothed value that follows the trend",
    )
    .taking(&[Range, Scalar, Scalar])
    .trial(),
    scalar("end", Own::QueryEnd, "the end of the query's range")
        .trial()
        .by_step(),
    pure("exp", f64::exp, "e to that power"),
    over(
        "first_over_time",
        window::first,
        "the oldest sample of the range",
    )
    .named()
    .trial(),
    pure("floor", f64::floor, "rounded down"),
    own(
        "histogram_avg",
        &[Vector],
        Own::NativeOnly,
        "the mean of native histograms",
    ),
    own(
        "histogram_count",
        &[Vector],
        Own::NativeOnly,
        "the count of native histograms",
    ),
    own(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Own::HistogramFraction,
        "the share of observations between two values",
    ),
    own(
        "histogram_quantile",
        &[Scalar, Vector],
        Own::HistogramQuantile,
        "a quantile of buckets",
    ),
    own(
        "histogram_quantiles",
        &[Vector, Text, Scalar],
        Own::HistogramQuantiles,
        "several quantiles of buckets, told apart by a label",
    )
    .repeated()
    .trial(),
    own(
        "histogram_stddev",
        &[Vector],
        Own::NativeOnly,
        "the standard deviation of native histograms",
    ),
    own(
        "histogram_stdvar",
        &[Vector],
        Own::NativeOnly,
        "the variance of native histograms",
    ),
    own(
        "histogram_sum",
        &[Vector],
        Own::NativeOnly,
        "the sum of native histograms",
    ),
    calendar("hour", date::hour, "0 to 23, in UTC"),
    over(
        "idelta",
        rate::idelta,
        "the difference of the last two samples, for gauges",
    ),
    over(
        "increase",
        rate::increase,
        "the growth of a counter over the range",
    )
    .prepared(Prepare::Resets)
    .of_counters(),
    own(
        "info",
        &[Vector, Vector],
        Own::Later,
        "adds the labels of info series",
    )
    .optional()
    .trial(),
    over(
        "irate",
        rate::irate,
        "the growth per second between the last two samples of a counter",
    ),
    own(
        "label_join",
        &[Vector, Text, Text, Text],
        Own::LabelJoin,
        "joins labels into one",
    )
    .repeated(),
    own(
        "label_replace",
        &[Vector, Text, Text, Text, Text],
        Own::LabelReplace,
        "sets a label from a pattern over another",
    ),
    over(
        "last_over_time",
        window::last,
        "the newest sample of the range",
    )
    .named(),
    pure("ln", f64::ln, "the natural logarithm"),
    pure("log10", f64::log10, "the logarithm to base 10"),
    pure("log2", f64::log2, "the logarithm to base 2"),
    over(
        "mad_over_time",
        window::mad,
        "the median absolute deviation",
    )
    .trial(),
    row(
        "max_of",
        &[Scalar, Scalar],
        Scalar,
        Body::Own(Own::MaxOf),
        "the larger of two numbers",
    )
    .trial(),
    over(
        "max_over_time",
        window::max,
        "the largest sample of the range",
    ),
    row(
        "min_of",
        &[Scalar, Scalar],
        Scalar,
        Body::Own(Own::MinOf),
        "the smaller of two numbers",
    )
    .trial(),
    over(
        "min_over_time",
        window::min,
        "the smallest sample of the range",
    ),
    calendar("minute", date::minute, "0 to 59, in UTC"),
    calendar("month", date::month, "1 to 12, in UTC"),
    scalar("pi", Own::Pi, "the number 3.14159"),
    over(
        "predict_linear",
        window::predict_linear,
        "the value so many seconds from now, by linear regression",
    )
    .taking(&[Range, Scalar])
    .by_step(),
    over(
        "present_over_time",
        window::present,
        "1 where the range holds a sample",
    ),
    over(
        "quantile_over_time",
        window::quantile_over,
        "a quantile of the samples in the range",
    )
    .taking(&[Scalar, Range])
    .of_quantile(),
    pure("rad", math::radians, "degrees to radians"),
    scalar(
        "range",
        Own::QueryRange,
        "the length of the query's range in seconds",
    )
    .trial()
    .by_step(),
    over(
        "rate",
        rate::rate,
        "the growth per second of a counter over the range",
    )
    .prepared(Prepare::Resets)
    .of_counters(),
    over(
        "resets",
        window::resets,
        "how often a counter started again",
    ),
    row(
        "round",
        &[Vector, Scalar],
        Vector,
        Body::Scaled(math::round),
        "rounded to the nearest multiple",
    )
    .optional(),
    row(
        "scalar",
        &[Vector],
        Scalar,
        Body::Own(Own::ToScalar),
        "the value of a vector with one element",
    ),
    pure("sgn", math::sgn, "-1, 0 or 1"),
    pure("sin", f64::sin, "the sine of radians"),
    pure("sinh", f64::sinh, "the hyperbolic sine"),
    own(
        "sort",
        &[Vector],
        Own::Sort { descending: false },
        "by value, smallest first",
    ),
    own(
        "sort_by_label",
        &[Vector, Text],
        Own::SortByLabel { descending: false },
        "by the given labels, numbers by size",
    )
    .repeated()
    .trial(),
    own(
        "sort_by_label_desc",
        &[Vector, Text],
        Own::SortByLabel { descending: true },
        "by the given labels, last first",
    )
    .repeated()
    .trial(),
    own(
        "sort_desc",
        &[Vector],
        Own::Sort { descending: true },
        "by value, largest first",
    ),
    pure("sqrt", f64::sqrt, "the square root"),
    scalar("start", Own::QueryStart, "the start of the query's range")
        .trial()
        .by_step(),
    own(
        "start_timestamp",
        &[Vector],
        Own::Later,
        "when a counter was started",
    )
    .trial()
    .by_step(),
    over(
        "stddev_over_time",
        window::stddev,
        "the standard deviation of the samples in the range",
    ),
    over(
        "stdvar_over_time",
        window::stdvar,
        "the variance of the samples in the range",
    ),
    scalar("step", Own::Step, "the query's step in seconds")
        .trial()
        .by_step(),
    over(
        "sum_over_time",
        window::sum,
        "the sum of the samples in the range",
    )
    .prepared(Prepare::Sums),
    pure("tan", f64::tan, "the tangent of radians"),
    pure("tanh", f64::tanh, "the hyperbolic tangent"),
    scalar("time", Own::Time, "the step's time, in seconds").by_step(),
    own(
        "timestamp",
        &[Vector],
        Own::Timestamp,
        "the time of each sample, in seconds",
    )
    .by_step(),
    over(
        "ts_of_first_over_time",
        window::ts_of_first,
        "when the oldest sample of the range was taken",
    )
    .trial(),
    over(
        "ts_of_last_over_time",
        window::ts_of_last,
        "when the newest sample of the range was taken",
    )
    .trial(),
    over(
        "ts_of_max_over_time",
        window::ts_of_max,
        "when the largest sample of the range was taken",
    )
    .trial(),
    over(
        "ts_of_min_over_time",
        window::ts_of_min,
        "when the smallest sample of the range was taken",
    )
    .trial(),
    row(
        "vector",
        &[Scalar],
        Vector,
        Body::Own(Own::ToVector),
        "a number as a vector without labels",
    ),
    calendar("year", date::year, "the year, in UTC"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_told_apart() {
        assert!(FUNCTIONS.windows(2).all(|w| w[0].name < w[1].name));
        assert_eq!(FUNCTIONS.len(), 90);
        for f in FUNCTIONS {
            assert!(!f.help.is_empty() && !f.help.ends_with('.'), "{}", f.name);
            assert_eq!(find(f.name).map(|g| g.name), Some(f.name));
        }
        assert!(find("RATE").is_none());
        assert!(unknown("rat").ends_with("did you mean rate?"));
        assert_eq!(
            unknown("zzzzzzzz"),
            "unknown function with name \"zzzzzzzz\""
        );
    }

    #[test]
    fn signatures_are_for_people() {
        let text = |name| find(name).map(Function::signature).unwrap_or_default();
        assert_eq!(text("rate"), "rate(range vector) instant vector");
        assert_eq!(
            text("round"),
            "round(instant vector, scalar?) instant vector"
        );
        assert_eq!(text("time"), "time() scalar");
    }
}
