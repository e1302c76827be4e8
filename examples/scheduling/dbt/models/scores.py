"""A model of dbt-duckdb: adds the scores of the reviews that it does not have, by their id."""

from typing import Any

from toolkit import Scorer


def model(dbt: Any, session: Any) -> Any:
    dbt.config(materialized="incremental")
    reviews = dbt.source("files", "reviews")
    if dbt.is_incremental:
        done = session.table(f'"{dbt.this.schema}"."{dbt.this.identifier}"')
        reviews = reviews.set_alias("new").join(done.set_alias("done"), "id", how="anti")
    return Scorer().score_batch(reviews.to_arrow_table(), text_column="text")
