//! Open files of the whole system.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    // allocated, free (always 0), maximum
    let text = r.files.proc("sys/fs/file-nr")?;
    let odd = || Failure::odd("/proc/sys/fs/file-nr", text, "three numbers");
    let allocated = text::nth(text, 0).ok_or_else(odd)?;
    let maximum = text::nth(text, 2).ok_or_else(odd)?;
    let now = gauge("node_filefd_allocated", "File handles in use.");
    let most = gauge("node_filefd_maximum", "The most file handles there can be.");
    r.out.one(&now, allocated);
    r.out.one(&most, maximum);
    Ok(())
}
