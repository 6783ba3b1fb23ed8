//! Who built the machine, from the firmware's tables.

use crate::collect::host::Reading;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;

/// The files of /sys/class/dmi/id that are labels too; some are readable by root alone.
const FILES: &[&str] = &[
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    let there = r.files.sys_list("class/dmi/id")?;
    let mut labels = Vec::new();
    for file in FILES {
        if there.iter().any(|t| t == file) {
            let value = r.files.sys_text(&format!("class/dmi/id/{file}"));
            labels.push((*file, value.unwrap_or_default()));
        }
    }
    let vendor = r.files.sys_text("class/dmi/id/sys_vendor");
    labels.push(("system_vendor", vendor.unwrap_or_default()));
    let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let desc = gauge(
        "node_dmi_info",
        "Makers, models and serial numbers of the machine, as labels.",
    );
    r.out.add(&desc, &labels, 1.0);
    Ok(())
}
