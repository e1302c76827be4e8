"""Objects in a store, such as S3, as paths: read in ranges, written complete or not at all.

`paths.py` has the paths, `location.py` the URIs that name them, `read.py` what reads an object and
lists others, `write.py` what uploads a `Content`, and `clients.py` the connections
and what a store says when something fails. The package obstore is imported when a store is first
asked for something.
"""
