//! Which of a tab's two parts has the whole body: `z` goes through them, Esc brings both back.

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zoom {
    #[default]
    Both,
    Upper,
    Lower,
}

impl Zoom {
    /// Behind both comes `first`, then the other one, then both again.
    pub(crate) fn next(self, first: Self) -> Self {
        let other = match first {
            Self::Upper => Self::Lower,
            _ => Self::Upper,
        };
        match self {
            Self::Both => first,
            now if now == first => other,
            _ => Self::Both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_reached_and_left() {
        for first in [Zoom::Upper, Zoom::Lower] {
            let one = Zoom::Both.next(first);
            let other = one.next(first);
            assert!(one == first && other != first && other != Zoom::Both);
            assert_eq!(other.next(first), Zoom::Both);
        }
    }
}
