"""Qlib: the columns of its workflow, or of Alpha158, from bins to a frame; `python -m ... JOB KERNELS BINS [REDIS_PORT]`.

JOB is `workflow`, `cached` (the same from its expression and dataset caches, which want a redis) or `alpha158`.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import qlib
from qlib.constant import REG_US
from qlib.contrib.data.loader import Alpha158DL
from qlib.data import D
from qlib.data.cache import H

from benchmarks.turns import serve

_MOVED = "Abs($close/Ref($close, 1)-1)*$volume"
_LOGS = "Log($volume/Ref($volume, 1)+1)"
# workflow_config_lightgbm_configurable_dataset.yaml: thirteen features, and the label.
WORKFLOW = [
    "Resi($close, 15)/$close",
    f"Std({_MOVED}, 5)/(Mean({_MOVED}, 5)+1e-12)",
    "Rsquare($close, 5)",
    "($high-$low)/$open",
    "Rsquare($close, 10)",
    "Corr($close, Log($volume+1), 5)",
    f"Corr($close/Ref($close, 1), {_LOGS}, 5)",
    "Corr($close, Log($volume+1), 10)",
    "Rsquare($close, 20)",
    f"Corr($close/Ref($close, 1), {_LOGS}, 60)",
    f"Corr($close/Ref($close, 1), {_LOGS}, 10)",
    "Corr($close, Log($volume+1), 20)",
    "(Less($open, $close)-$low)/$open",
    "Ref($close, -2)/Ref($close, -1) - 1",
]


def main() -> None:
    """Serve the job that the arguments name."""
    job, kernels, bins, *port = sys.argv[1:]
    caches: dict[str, Any] = {}
    if job == "cached":
        caches = {
            "expression_cache": "DiskExpressionCache",
            "dataset_cache": "DiskDatasetCache",
            "redis_port": int(port[0]),
        }
    qlib.init(provider_uri=bins, region=REG_US, kernels=int(kernels), logging_level=logging.ERROR, **caches)
    fields = Alpha158DL.get_feature_config()[0] if job == "alpha158" else WORKFLOW

    def call() -> Any:
        H.clear()
        return D.features(D.instruments("all"), fields, freq="day")

    serve(call, save)


def save(frame: Any, path: str) -> None:
    """Store a frame's numbers in the order of instruments and days, as float32."""
    np.save(path, frame.sort_index().to_numpy(dtype=np.float32))


if __name__ == "__main__":
    main()
