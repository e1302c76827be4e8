"""From review text to token ids: `vocabulary` has the rule, `token_ids` the ids of many reviews."""
