"""Files and objects in stores: what is there, and outputs that appear complete or not at all."""

from toolkit.files.atomic import (
    atomic_file,
    atomic_files,
    atomic_folder,
    remove_unfinished,
    temporary_folder,
)
from toolkit.files.checks import (
    check_is_no_input,
    check_output,
    check_output_file,
    reporting_failures,
)
from toolkit.files.looking import (
    for_arrow,
    is_a_file,
    is_a_folder,
    is_link_or_there,
    is_same,
    is_there,
    resolved,
)
from toolkit.files.moving import copy_to, move_file
from toolkit.files.placing import (
    create_file,
    flush_to_disk,
    place_file,
    prefix_of,
    remove_tree,
)
from toolkit.files.work_folder import work_folder
from toolkit.stores.store_path import is_in_store, path_of

__all__ = [
    "atomic_file",
    "atomic_files",
    "atomic_folder",
    "check_is_no_input",
    "check_output",
    "check_output_file",
    "copy_to",
    "create_file",
    "flush_to_disk",
    "for_arrow",
    "is_a_file",
    "is_a_folder",
    "is_in_store",
    "is_link_or_there",
    "is_same",
    "is_there",
    "move_file",
    "path_of",
    "place_file",
    "prefix_of",
    "remove_tree",
    "remove_unfinished",
    "reporting_failures",
    "resolved",
    "temporary_folder",
    "work_folder",
]
