"""Objects in a store, such as S3, as paths: read in ranges, written complete or not at all.

`paths.py` has the paths, `location.py` their URIs, `read.py` reads and lists objects, `write.py`
uploads a `Content`, and `clients.py` has the connections and errors. The package obstore is
imported with the first request to a store.
"""
