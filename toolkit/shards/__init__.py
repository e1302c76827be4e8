"""One job in parts that are scored anywhere, each once, and joined to what one run would write.

A plan (`plan.py`) cuts the inputs into pieces and gives each shard some of them. Who scores a shard
(`score.py`) writes a part for each piece, and then a claim (`claims.py`), of which there can be
only one: what is done of each piece, as a run notes it in its journal. When all claims are there,
the parts are joined (`finish.py`). `ray.py` lets a Ray cluster score the shards.
"""

from __future__ import annotations

from toolkit.shards.claims import Claim, ShardedJob
from toolkit.shards.finish import finish_job
from toolkit.shards.plan import Piece, Plan
from toolkit.shards.score import begin_job, score_shard

__all__ = ["Claim", "Piece", "Plan", "ShardedJob", "begin_job", "finish_job", "score_shard"]
