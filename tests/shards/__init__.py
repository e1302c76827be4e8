"""Jobs in shards."""
