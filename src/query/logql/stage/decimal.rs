//! `addf`, `subf`, `mulf`, `divf`: decimal arithmetic, so that 0.1 and 0.2 are 0.3. Source: sprig,
//! which uses decimals of 16 places for divisions.

/// `mantissa / 10^places`
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    places: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

const DIVISION_PLACES: u32 = 16;

/// Exact where the numbers are small enough for it, else as floats.
pub(crate) fn apply(op: Op, a: f64, b: f64) -> f64 {
    let plain = match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
    };
    exact(op, a, b).unwrap_or(plain)
}

fn exact(op: Op, a: f64, b: f64) -> Option<f64> {
    let (a, b) = (read(a)?, read(b)?);
    let made = match op {
        Op::Add | Op::Sub => {
            let places = a.places.max(b.places);
            let (x, y) = (scaled(a, places)?, scaled(b, places)?);
            let mantissa = match op {
                Op::Add => x.checked_add(y)?,
                _ => x.checked_sub(y)?,
            };
            Decimal { mantissa, places }
        }
        Op::Mul => Decimal {
            mantissa: a.mantissa.checked_mul(b.mantissa)?,
            places: a.places + b.places,
        },
        Op::Div => divided(a, b)?,
    };
    let sign = if made.mantissa < 0 { "-" } else { "" };
    let text = format!("{sign}{}e-{}", made.mantissa.unsigned_abs(), made.places);
    text.parse().ok()
}

/// Rounded half away from zero.
fn divided(a: Decimal, b: Decimal) -> Option<Decimal> {
    let more = DIVISION_PLACES + b.places;
    let top = scaled(a, a.places.max(more))?;
    let places = a.places.max(more) - b.places;
    let (whole, rest) = (top.checked_div(b.mantissa)?, top.checked_rem(b.mantissa)?);
    let up = rest.checked_mul(2)?.abs() >= b.mantissa.abs();
    let sign = if (top < 0) == (b.mantissa < 0) { 1 } else { -1 };
    Some(Decimal {
        mantissa: whole + i128::from(up) * sign,
        places,
    })
}

fn scaled(d: Decimal, places: u32) -> Option<i128> {
    d.mantissa
        .checked_mul(10_i128.checked_pow(places - d.places)?)
}

/// The shortest digits of a float.
fn read(v: f64) -> Option<Decimal> {
    if !v.is_finite() || !(v == 0.0 || (1e-15..1e15).contains(&v.abs())) {
        return None;
    }
    let text = format!("{v}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    Some(Decimal {
        mantissa: format!("{whole}{part}").parse().ok()?,
        places: part.len() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stay_exact() {
        for (op, a, b, want) in [
            (Op::Add, 0.1, 0.2, 0.3),
            (Op::Sub, 5.0, 1.1, 3.9),
            (Op::Mul, 1.1, 1.1, 1.21),
            (Op::Div, 20.2, 5.25, 3.847_619_047_619_047_7),
            (Op::Div, -1.0, 3.0, -0.333_333_333_333_333_3),
            (Op::Div, 1.0, 0.0, f64::INFINITY),
            (Op::Mul, 1e300, 10.0, 1e301),
        ] {
            assert_eq!(apply(op, a, b), want, "{op:?} {a} {b}");
        }
    }
}
