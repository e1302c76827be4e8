"""Files and objects in stores: what is there, and outputs that appear complete or not at all."""

from toolkit.files.atomic import atomic_file, atomic_files, atomic_folder
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
    is_there,
    resolved,
)
from toolkit.files.placing import (
    flush_to_disk,
    is_same,
    place,
    prefix_of,
    remove_tree,
    remove_unfinished,
    unfinished_folder,
)
from toolkit.files.work_folder import work_folder
from toolkit.stores.contents import Content
from toolkit.stores.store_path import is_in_store, path_of

__all__ = [
    "Content",
    "atomic_file",
    "atomic_files",
    "atomic_folder",
    "check_is_no_input",
    "check_output",
    "check_output_file",
    "flush_to_disk",
    "for_arrow",
    "is_a_file",
    "is_a_folder",
    "is_in_store",
    "is_link_or_there",
    "is_same",
    "is_there",
    "path_of",
    "place",
    "prefix_of",
    "remove_tree",
    "remove_unfinished",
    "reporting_failures",
    "resolved",
    "unfinished_folder",
    "work_folder",
]
