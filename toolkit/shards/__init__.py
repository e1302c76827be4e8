"""Split a job across machines; the joined output is byte-identical to the output of one run.

A plan (`plan.py`) cuts the inputs into pieces and assigns them to shards. The process that scores a
shard (`score.py`) writes a part for each piece, and then the claim of the shard (`claims.py`).
There can be only one claim; it holds the counts of each piece, as in a journal. When all claims
exist, the parts are joined (`finish.py`). `ray.py` lets a Ray cluster score the shards.
"""

from __future__ import annotations

from toolkit.shards.claims import Claim, ShardedJob
from toolkit.shards.finish import finish_job
from toolkit.shards.plan import Piece, Plan
from toolkit.shards.score import begin_job, score_shard

__all__ = ["Claim", "Piece", "Plan", "ShardedJob", "begin_job", "finish_job", "score_shard"]
