//! XFS file systems: what each does inside.

use crate::collect::host::Reading;
use crate::collect::host::families::counter;
use crate::collect::host::files::Failure;

const ROOT: &str = "fs/xfs";

/// Word at the start of a line of `stats/stats`, and what its numbers count, in order: what stands
/// between `node_xfs_` and `_total`.
const LINES: &[(&str, &[&str])] = &[
    (
        "extent_alloc",
        &[
            "extent_allocation_extents_allocated",
            "extent_allocation_blocks_allocated",
            "extent_allocation_extents_freed",
            "extent_allocation_blocks_freed",
        ],
    ),
    (
        "abt",
        &[
            "allocation_btree_lookups",
            "allocation_btree_compares",
            "allocation_btree_records_inserted",
            "allocation_btree_records_deleted",
        ],
    ),
    (
        "blk_map",
        &[
            "block_mapping_reads",
            "block_mapping_writes",
            "block_mapping_unmaps",
            "block_mapping_extent_list_insertions",
            "block_mapping_extent_list_deletions",
            "block_mapping_extent_list_lookups",
            "block_mapping_extent_list_compares",
        ],
    ),
    (
        "bmbt",
        &[
            "block_map_btree_lookups",
            "block_map_btree_compares",
            "block_map_btree_records_inserted",
            "block_map_btree_records_deleted",
        ],
    ),
    (
        "dir",
        &[
            "directory_operation_lookup",
            "directory_operation_create",
            "directory_operation_remove",
            "directory_operation_getdents",
        ],
    ),
    (
        "ig",
        &[
            "inode_operation_attempts",
            "inode_operation_found",
            "inode_operation_recycled",
            "inode_operation_missed",
            "inode_operation_duplicates",
            "inode_operation_reclaims",
            "inode_operation_attribute_changes",
        ],
    ),
    ("rw", &["write_calls", "read_calls"]),
    (
        "vnodes",
        &[
            "vnode_active",
            "vnode_allocate",
            "vnode_get",
            "vnode_hold",
            "vnode_release",
            "vnode_reclaim",
            "vnode_remove",
        ],
    ),
];

pub(crate) fn read(r: &mut Reading<'_>) -> Result<(), Failure> {
    for device in r.files.sys_list(ROOT).unwrap_or_default() {
        let Some(text) = r.files.sys_text(&format!("{ROOT}/{device}/stats/stats")) else {
            continue;
        };
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let word = words.next().unwrap_or_default();
            let Some((_, names)) = LINES.iter().find(|(w, _)| *w == word) else {
                continue;
            };
            for (name, cell) in names.iter().zip(words) {
                if let Ok(value) = cell.parse() {
                    let desc = counter(
                        format!("node_xfs_{name}_total"),
                        "A counter inside the file system XFS.",
                    );
                    r.out.add(&desc, &[("device", &device)], value);
                }
            }
        }
    }
    Ok(())
}
