//! `ip("10.0.0.0/8")`: an address, a network or a range, looked for in a text.

use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    One(IpAddr),
    /// The bits that count, and how many they are.
    Block(IpAddr, u32),
    /// Both ends included.
    Range(IpAddr, IpAddr),
}

impl Net {
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "ip: invalid pattern: {pattern:?}; write 10.0.0.1, 10.0.0.0/8 or 10.0.0.1-10.0.0.9"
            )
        };
        let address = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| bad());
        if let Some((head, bits)) = pattern.split_once('/') {
            let (head, bits) = (address(head)?, bits.trim().parse().map_err(|_| bad())?);
            let most = if head.is_ipv4() { 32 } else { 128 };
            return if bits <= most {
                Ok(Self::Block(head, bits))
            } else {
                Err(bad())
            };
        }
        if let Some((from, to)) = pattern.split_once('-') {
            let (from, to) = (address(from)?, address(to)?);
            return if from.is_ipv4() == to.is_ipv4() && from <= to {
                Ok(Self::Range(from, to))
            } else {
                Err(bad())
            };
        }
        Ok(Self::One(address(pattern)?))
    }

    fn holds(&self, address: IpAddr) -> bool {
        match self {
            Self::One(one) => *one == address,
            Self::Range(from, to) => {
                from.is_ipv4() == address.is_ipv4() && (*from..=*to).contains(&address)
            }
            Self::Block(head, bits) => match (head, address) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                    (a.to_bits() ^ b.to_bits()) & mask == 0
                }
                (IpAddr::V6(a), IpAddr::V6(b)) => {
                    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                    (a.to_bits() ^ b.to_bits()) & mask == 0
                }
                _ => false,
            },
        }
    }

    fn is_v4(&self) -> bool {
        match self {
            Self::One(a) | Self::Block(a, _) | Self::Range(a, _) => a.is_ipv4(),
        }
    }

    /// True where some address in the text belongs to it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let v4 = self.is_v4();
        let part = |b: u8| {
            if v4 {
                b.is_ascii_digit() || b == b'.'
            } else {
                b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
            }
        };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !part(bytes[at]) {
                at += 1;
                continue;
            }
            let end = bytes[at..]
                .iter()
                .position(|b| !part(*b))
                .map_or(bytes.len(), |len| at + len);
            // Runs hold ASCII alone, so both ends lie between characters.
            if self.holds_text(&text[at..end]) {
                return true;
            }
            at = end;
        }
        false
    }

    /// A run of characters that addresses consist of: a full stop or a colon may follow one.
    fn holds_text(&self, run: &str) -> bool {
        // The longest text of an address has 45 characters.
        if run.len() > 64 {
            return false;
        }
        let dots = run.trim_matches('.');
        let tries = [run, dots, dots.strip_suffix(':').unwrap_or(dots)];
        let read = tries.iter().find_map(|text| text.parse::<IpAddr>().ok());
        read.is_some_and(|address| self.holds(address))
    }
}
