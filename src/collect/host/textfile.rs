//! `*.prom` files that scripts leave in a directory.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let desc = gauge(
        "node_textfile_scrape_error",
        "1 where a text file could not be read or understood.",
    );
    r.out.one(&desc, 0.0);
    Ok(())
}
