//! How well the clock is kept: the kernel's side of NTP.

use crate::collect::host::Reading;
use crate::collect::host::calls;
use crate::collect::host::families::{counter, gauge};
use crate::collect::host::files::Failure;

/// Frequencies come in millionths, with 16 bits after the point.
const PPM_16: f64 = 1e6 * 65536.0;
/// Set in `status` where offsets are in nanoseconds.
const NANO: i32 = 0x2000;
/// The state in which the clock is not synchronised.
const TIME_ERROR: i32 = 5;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let (t, state) = calls::clock_state()
        .map_err(|e| Failure::Said(format!("the kernel clock's state cannot be read: {e}")))?;
    let second = if t.status & NANO == 0 { 1e6 } else { 1e9 };
    let gauges = [
        (
            "sync_status",
            f64::from(u8::from(state != TIME_ERROR)),
            "1 where the clock is synchronised.",
        ),
        (
            "offset_seconds",
            t.offset as f64 / second,
            "Distance from the reference clock.",
        ),
        (
            "frequency_adjustment_ratio",
            1.0 + t.freq as f64 / PPM_16,
            "Factor by which the clock's rate is corrected.",
        ),
        (
            "maxerror_seconds",
            t.maxerror as f64 / 1e6,
            "The largest error the clock can have.",
        ),
        (
            "estimated_error_seconds",
            t.esterror as f64 / 1e6,
            "The error the clock likely has.",
        ),
        ("status", f64::from(t.status), "The clock's status bits."),
        (
            "loop_time_constant",
            t.constant as f64,
            "Time constant of the loop that steers the clock.",
        ),
        (
            "tick_seconds",
            t.tick as f64 / 1e6,
            "Time between two ticks.",
        ),
        (
            "pps_frequency_hertz",
            t.ppsfreq as f64 / PPM_16,
            "Frequency of the pulse per second.",
        ),
        (
            "pps_jitter_seconds",
            t.jitter as f64 / second,
            "Jitter of the pulse per second.",
        ),
        (
            "pps_shift_seconds",
            f64::from(t.shift),
            "Length of the pulse's averaging interval, as a power of two.",
        ),
        (
            "pps_stability_hertz",
            t.stabil as f64 / PPM_16,
            "Stability of the pulse per second.",
        ),
        (
            "tai_offset_seconds",
            f64::from(t.tai),
            "Distance of atomic time from UTC.",
        ),
    ];
    for (name, value, help) in gauges {
        r.out.one(&gauge(format!("node_timex_{name}"), help), value);
    }
    pulses(r, &t);
    Ok(())
}

/// The pulse per second is counted where a kernel has one.
fn pulses(r: &mut Reading<'_>, t: &libc::timex) {
    let counters = [
        (
            "jitter",
            t.jitcnt,
            "Pulses whose jitter was over the limit.",
        ),
        ("calibration", t.calcnt, "Intervals of calibration."),
        ("error", t.errcnt, "Calibrations that failed."),
        (
            "stability_exceeded",
            t.stbcnt,
            "Calibrations whose stability was over the limit.",
        ),
    ];
    for (name, value, help) in counters {
        let desc = counter(format!("node_timex_pps_{name}_total"), help);
        r.out.one(&desc, value as f64);
    }
}
