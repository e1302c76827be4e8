"""Files of reviews, read and written record by record."""
