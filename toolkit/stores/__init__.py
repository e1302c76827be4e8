"""Objects in a store, such as S3, as paths: read in ranges, written complete or not at all.

`store_path` has the paths, `reader` what reads an object, `uploads` what writes one. The package
obstore is imported when a store is first asked for something.
"""
