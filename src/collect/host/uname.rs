//! The kernel's own name and version.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let uname = rustix::system::uname();
    let machine = uname.machine().to_string_lossy().into_owned();
    // The kernel shows the same strings below /proc/sys/kernel.
    let mut part = |file: &str| -> Result<String, Failure> {
        let text = r.files.proc(&format!("sys/kernel/{file}"))?;
        Ok(text.trim().to_owned())
    };
    let labels = [
        ("domainname", part("domainname")?),
        ("machine", machine),
        ("nodename", part("hostname")?),
        ("release", part("osrelease")?),
        ("sysname", part("ostype")?),
        ("version", part("version")?),
    ];
    let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let desc = gauge(
        "node_uname_info",
        "Name, kernel and architecture of the machine, as labels.",
    );
    r.out.add(&desc, &labels, 1.0);
    Ok(())
}
