//! Calendar functions, in UTC.

/// A time of the proleptic Gregorian calendar.
pub(crate) struct Civil {
    year: i64,
    /// 1 to 12
    month: u32,
    /// 1 to 31
    day: u32,
    /// Days since the epoch.
    days: i64,
    /// Seconds of the day.
    seconds: i64,
}

impl Civil {
    /// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    pub(crate) fn at(unix_seconds: i64) -> Self {
        let days = unix_seconds.div_euclid(86_400);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
        let year = yoe + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            days,
            seconds: unix_seconds.rem_euclid(86_400),
        }
    }

    fn leap(&self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }
}

const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn month_days(c: &Civil, month: u32) -> u32 {
    DAYS[month as usize - 1] + u32::from(month == 2 && c.leap())
}

pub(crate) fn days_in_month(c: &Civil) -> f64 {
    f64::from(month_days(c, c.month))
}

pub(crate) fn day_of_month(c: &Civil) -> f64 {
    f64::from(c.day)
}

/// 1970-01-01 was a Thursday.
pub(crate) fn day_of_week(c: &Civil) -> f64 {
    (c.days + 4).rem_euclid(7) as f64
}

pub(crate) fn day_of_year(c: &Civil) -> f64 {
    let before: u32 = (1..c.month).map(|m| month_days(c, m)).sum();
    f64::from(before + c.day)
}

pub(crate) fn hour(c: &Civil) -> f64 {
    (c.seconds / 3600) as f64
}

pub(crate) fn minute(c: &Civil) -> f64 {
    (c.seconds / 60 % 60) as f64
}

pub(crate) fn month(c: &Civil) -> f64 {
    f64::from(c.month)
}

pub(crate) fn year(c: &Civil) -> f64 {
    c.year as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_fall_where_the_calendar_has_them() {
        // 2024-02-29 23:59:59, a Thursday.
        let c = Civil::at(1_709_251_199);
        let all = [
            year,
            month,
            day_of_month,
            day_of_week,
            day_of_year,
            hour,
            minute,
        ];
        assert_eq!(
            all.map(|f| f(&c)),
            [2024.0, 2.0, 29.0, 4.0, 60.0, 23.0, 59.0]
        );
        assert_eq!(days_in_month(&c), 29.0);
        // 1969-12-31 23:00
        let c = Civil::at(-3600);
        assert_eq!(
            all.map(|f| f(&c)),
            [1969.0, 12.0, 31.0, 3.0, 365.0, 23.0, 0.0]
        );
    }
}
