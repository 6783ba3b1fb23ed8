//! Load averages.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::text;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let text = r.files.proc("loadavg")?;
    let spans = [
        ("node_load1", "Load average over one minute."),
        ("node_load5", "Load average over five minutes."),
        ("node_load15", "Load average over fifteen minutes."),
    ];
    for (i, (name, help)) in spans.into_iter().enumerate() {
        let load = text::nth(text, i)
            .ok_or_else(|| Failure::odd("/proc/loadavg", text, "three averages"))?;
        r.out.one(&gauge(name, help), load);
    }
    Ok(())
}
