//! Values as a person reads them: three digits that matter, and a unit.

/// What a value counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A bare number: `950`, `1.2k`, `3.4M`.
    #[default]
    Short,
    /// 0 to 100.
    Percent,
    /// 0 to 1, shown as percent.
    Ratio,
    /// Powers of 1024.
    Bytes,
    BytesPerSecond,
    /// Powers of 1000.
    BitsPerSecond,
    Seconds,
    /// Operations per second.
    PerSecond,
    Celsius,
}

const IEC: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const SI: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

impl Unit {
    /// `12.3 GiB`, `4.5 %`, `350 ms`; `-` for what is no number.
    pub(crate) fn show(self, value: f64) -> String {
        if value.is_nan() {
            return "-".to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
        }
        match self {
            Self::Seconds => seconds(value),
            Self::Percent => format!("{} %", fixed_one(value)),
            Self::Ratio => format!("{} %", fixed_one(value * 100.0)),
            Self::Celsius => format!("{} °C", fixed_one(value)),
            _ => {
                // A hundredth of a byte a second is nothing.
                let nothing = value.abs() < 0.05 && self != Self::Short;
                let value = if nothing { 0.0 } else { value };
                let scale = self.scale_for(value);
                let digits = digits(value / scale.divisor);
                join(&digits, &scale.suffix)
            }
        }
    }

    /// The same in the least room: `12.3G`, `4.5%`, `350ms`.
    pub(crate) fn tight(self, value: f64) -> String {
        let shown = self.show(value);
        let mut out: String = shown.chars().filter(|c| *c != ' ').collect();
        if matches!(self, Self::Bytes | Self::BytesPerSecond) {
            out = out.replace("iB", "");
        }
        if matches!(self, Self::BytesPerSecond | Self::BitsPerSecond) {
            out = out.replace("/s", "");
        }
        out
    }

    /// Whether round numbers are powers of two.
    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Self::Bytes | Self::BytesPerSecond)
    }

    /// How the numbers of one axis are written: one divisor and suffix for all of them, chosen by
    /// the largest.
    pub(crate) fn scale_for(self, largest: f64) -> Scale {
        let size = largest.abs();
        match self {
            Self::Bytes => Scale::of(size, 1024.0, &IEC, ""),
            Self::BytesPerSecond => Scale::of(size, 1024.0, &IEC, "/s"),
            Self::BitsPerSecond => Scale::of(size, 1000.0, &SI, "b/s"),
            Self::PerSecond => Scale::of(size, 1000.0, &SI, "/s"),
            Self::Short => Scale::of(size, 1000.0, &SI, ""),
            Self::Percent => Scale::plain(1.0, "%"),
            Self::Ratio => Scale::plain(0.01, "%"),
            Self::Celsius => Scale::plain(1.0, "°"),
            Self::Seconds => match size {
                s if s >= 2.0 * 86_400.0 => Scale::plain(86_400.0, "d"),
                s if s >= 2.0 * 3_600.0 => Scale::plain(3_600.0, "h"),
                s if s >= 120.0 => Scale::plain(60.0, "m"),
                s if s >= 1.0 || s == 0.0 => Scale::plain(1.0, "s"),
                s if s >= 1e-3 => Scale::plain(1e-3, "ms"),
                s if s >= 1e-6 => Scale::plain(1e-6, "us"),
                _ => Scale::plain(1e-9, "ns"),
            },
        }
    }
}

/// A divisor and what is written after the quotient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) divisor: f64,
    pub(crate) suffix: String,
}

impl Scale {
    fn plain(divisor: f64, suffix: &str) -> Self {
        Self {
            divisor,
            suffix: suffix.to_owned(),
        }
    }

    fn of(size: f64, base: f64, names: &[&str; 7], tail: &str) -> Self {
        let mut step = 0;
        let mut divisor = 1.0;
        // 999.5 would be written as 1000 in three digits: the next unit begins there.
        while step + 1 < names.len() && size / divisor >= base.min(1000.0) - 0.5 {
            divisor *= base;
            step += 1;
        }
        Self::plain(divisor, &format!("{}{tail}", names[step]))
    }
}

fn join(digits: &str, suffix: &str) -> String {
    // `12k` reads as one number; `12 kb/s` and `12 MiB` carry a unit of their own.
    if suffix.len() <= 1 && suffix != "B" {
        format!("{digits}{suffix}")
    } else {
        format!("{digits} {suffix}")
    }
}

/// Three digits that matter: `0.042`, `4.20`, `42.0`, `420`.
fn digits(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-3 {
        return format!("{value:.0e}");
    }
    if value.fract() == 0.0 && size < 1e4 {
        return format!("{value:.0}");
    }
    match size {
        s if s < 0.0995 => format!("{value:.3}"),
        s if s < 9.995 => format!("{value:.2}"),
        s if s < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// One digit after the point below 100, so that a column of percents keeps still.
fn fixed_one(value: f64) -> String {
    if value.abs() >= 99.95 {
        format!("{value:.0}")
    } else {
        // -0.0 reads as a fault.
        format!("{:.1}", if value.abs() < 0.05 { 0.0 } else { value })
    }
}

/// `350 ms`, `4.2 s`, `3m 20s`, `5h 12m`, `3d 4h`.
fn seconds(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match size {
        0.0 => "0 s".to_owned(),
        s if s < 1e-6 => format!("{sign}{} ns", digits(s * 1e9)),
        s if s < 1e-3 => format!("{sign}{} us", digits(s * 1e6)),
        s if s < 1.0 => format!("{sign}{} ms", digits(s * 1e3)),
        s if s < 60.0 => format!("{sign}{} s", digits(s)),
        s if s < 3_600.0 => format!("{sign}{}m {:02}s", s as u64 / 60, s as u64 % 60),
        s if s < 86_400.0 => format!("{sign}{}h {:02}m", s as u64 / 3_600, s as u64 / 60 % 60),
        s if s < 365.0 * 86_400.0 => {
            format!("{sign}{}d {}h", s as u64 / 86_400, s as u64 / 3_600 % 24)
        }
        s => format!("{sign}{} y", digits(s / (365.0 * 86_400.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_in_three_digits() {
        for (unit, value, want) in [
            (Unit::Bytes, 0.0, "0 B"),
            (Unit::Bytes, 1023.0, "1.00 KiB"),
            (Unit::Bytes, 512.0, "512 B"),
            (Unit::Bytes, 13.2 * 1024.0 * 1024.0 * 1024.0, "13.2 GiB"),
            (Unit::BitsPerSecond, 1_050_000.0, "1.05 Mb/s"),
            (Unit::BytesPerSecond, 2048.0, "2 KiB/s"),
            (Unit::Percent, 7.04, "7.0 %"),
            (Unit::Ratio, 1.0, "100 %"),
            (Unit::Percent, -0.001, "0.0 %"),
            (Unit::Seconds, 0.35, "350 ms"),
            (Unit::Seconds, 200.0, "3m 20s"),
            (Unit::Seconds, 270_000.0, "3d 3h"),
            (Unit::PerSecond, 1234.0, "1.23 k/s"),
            (Unit::Short, 999.7, "1.00k"),
            (Unit::Short, 0.42, "0.42"),
            (Unit::Short, f64::NAN, "-"),
        ] {
            assert_eq!(unit.show(value), want);
        }
        assert_eq!(Unit::Bytes.tight(13.2 * 1073741824.0), "13.2G");
        assert_eq!(Unit::Percent.tight(4.5), "4.5%");
        assert_eq!(Unit::BytesPerSecond.tight(2048.0), "2K");
    }
}
