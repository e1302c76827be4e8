"""Reviews as make does them -> runs/shipped/*.parquet (in cwd)."""
from exported.make import all_reviews
all_reviews()
