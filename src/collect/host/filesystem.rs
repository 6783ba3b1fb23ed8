//! Space and files of the mounted file systems.

use crate::collect::host::Reading;
use crate::collect::host::facts;
use crate::collect::host::families::gauge;
use crate::collect::host::files::Failure;
use crate::collect::host::mounts::{self, Space};

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    // The mounts as the first process sees them, where that is allowed.
    let text = match r.files.proc("1/mounts") {
        Ok(text) => text,
        Err(_) => r.files.proc("mounts")?,
    };
    let mounts = mounts::parse(text, &r.options.picks);
    let answers = r
        .keep
        .mounts
        .ask(&mounts, &r.options.root, r.options.mount_deadline);
    r.keep.stuck = facts::stuck(&mounts, &answers);
    for (mount, space) in mounts.iter().zip(answers) {
        let labels = [
            ("device", mount.device.as_str()),
            ("fstype", &mount.kind),
            ("mountpoint", &mount.point),
        ];
        let error = gauge(
            "node_filesystem_device_error",
            "1 where the file system does not answer.",
        );
        r.out
            .add(&error, &labels, f64::from(u8::from(space.is_none())));
        let read_only = gauge(
            "node_filesystem_readonly",
            "1 where the file system is mounted read-only.",
        );
        r.out
            .add(&read_only, &labels, f64::from(u8::from(mount.read_only)));
        if let Some(space) = space {
            put(r, &labels, space);
        }
    }
    Ok(())
}

fn put(r: &mut Reading<'_>, labels: &[(&str, &str)], space: Space) {
    let values = [
        (
            "node_filesystem_size_bytes",
            space.size,
            "Size of the file system.",
        ),
        (
            "node_filesystem_free_bytes",
            space.free,
            "Bytes free, those kept for root included.",
        ),
        (
            "node_filesystem_avail_bytes",
            space.available,
            "Bytes free for everybody.",
        ),
        (
            "node_filesystem_files",
            space.files,
            "Files the file system can hold.",
        ),
        (
            "node_filesystem_files_free",
            space.files_free,
            "Files that can still be made.",
        ),
    ];
    for (name, value, help) in values {
        r.out.add(&gauge(name, help), labels, value);
    }
}
