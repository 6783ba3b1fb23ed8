//! The kernel's pool of random bits.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let files = [
        ("entropy_avail", "available", "Random bits in the pool."),
        ("poolsize", "pool_size", "Random bits the pool can hold."),
    ];
    for (file, word, help) in files {
        let path = format!("sys/kernel/random/{file}");
        let text = r.files.proc(&path)?;
        let bits = text::number(text).ok_or_else(|| Failure::odd(&path, text, "a number"))?;
        r.out
            .one(&gauge(format!("node_entropy_{word}_bits"), help), bits);
    }
    Ok(())
}
