//! NVMe controllers.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let desc = gauge(
        "node_nvme_info",
        "Model, serial number, firmware and state of the controller, as labels.",
    );
    for device in r.files.sys_list("class/nvme")? {
        let mut text = |file: &str| {
            let path = format!("class/nvme/{device}/{file}");
            r.files.sys_text(&path).unwrap_or_default()
        };
        let labels = [
            ("cntlid", text("cntlid")),
            ("device", device.clone()),
            ("firmware_revision", text("firmware_rev")),
            ("model", text("model")),
            ("serial", text("serial")),
            ("state", text("state")),
        ];
        let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        r.out.add(&desc, &labels, 1.0);
    }
    Ok(())
}
